"""What readers do with the ledger: look for exchanges, follow one, a person or a campaign, and count. The rows that a
reader may learn of are chosen here, by `audit.readers.Reader`; whoever calls this shows what it gives and filters nothing.

    with Review(ledger, reader) as review:
        review.exchanges(Question(rule="P-03"))
        review.exchange("01KCQ2Z5XBQ6M1V0J9R8T7C4WD")

Nothing is recorded here: a look is recorded by whoever shows it, before it is shown (proxy/api/review.py, audit/commands).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from audit import originals, query
from audit.address import Address
from audit.alerts.model import ACKNOWLEDGED, RAISED
from audit.alerts.raised import Raised, alerts_of, urgent_first
from audit.catalogue.entering import DISPOSED
from audit.catalogue.finding import Look, looking
from audit.catalogue.pages import Found
from audit.catalogue.question import BadQuestion, Question, Reach
from audit.exports.chosen import Chosen, Wanted, asked_for, in_period
from audit.glass import EVENTS, Grant, demand_view, grants_of
from audit.incidents.drills import EVENTS as DRILLS
from audit.incidents.drills import Drill, Traces, drills_of
from audit.incidents.estimate import Estimate, estimated, material
from audit.incidents.history import EVENTS as INCIDENTS
from audit.incidents.history import incidents_of
from audit.incidents.model import Incident, Link
from audit.incidents.steps import Evidence
from audit.master import CannotOpen, Master
from audit.model import Record
from audit.months import month_of
from audit.readers import WHEN_ESCALATED, Reader
from audit.searches import EVENTS as SEARCHES
from audit.searches import Saved, searches_of

DAYS = 30
"""How far back the view of one person and of campaigns looks."""
_EVERY = 1_000_000
MOST_DISPOSED = 500
"""Exchanges that dispositions bring to one incident."""
FEWEST = 5
"""Persons of a cell of a count that somebody from outside sees."""
PERSONS = 3
"""The same masked text by so many persons is a campaign."""

COUNTED_BY = (
    "department", "section", "tool", "model", "category", "confidentiality", "verdict", "outcome", "reason", "egress",
    "severity", "disposition", "day", "rule", "entity", "alarm",
)  # fmt: skip
"""What exchanges are counted by. Never by person: nobody is ranked."""


OF_MANY = frozenset(
    {
        "since", "until", "department", "section", "tool", "model", "category", "confidentiality", "verdict", "outcome",
        "reason", "egress", "rule", "entity", "alarm", "severity", "disposition", "reviewed", "with_tests",
    }
)  # fmt: skip
"""What counts are asked with by whoever sees no exchanges: nothing that names a person, a case or a text."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One exchange from its question to the last look at it. Texts are masked; None once they were erased.

    ``events``: who looked at it, what was made of it, whether its original was opened; oldest first.
    """

    card: Mapping[str, Any]
    asked: Record
    ending: Record | None
    asked_text: str | None
    answer_text: str | None
    events: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One value and how often it is there. ``exchanges`` and ``persons`` are None where they are kept back."""

    name: str | None
    exchanges: int | None
    persons: int | None


@dataclass(frozen=True, slots=True)
class Campaign:
    """One masked text that several persons sent."""

    campaign: str
    persons: int
    exchanges: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Opened:
    """An original: what each placeholder stood for, and the masked question, None once it was erased."""

    values: Mapping[str, str] = field(repr=False)
    asked_text: str | None = field(repr=False)


class Review:
    """One reader's look at the ledger as it is now. Raises `NotForThem` for what is not theirs to see or do, one of
    query.CANNOT_READ where the ledger or its catalogue cannot be read."""

    def __init__(self, ledger: Address, reader: Reader) -> None:
        self._ledger = ledger
        self.reader = reader
        self._looking = looking(ledger)

    def __enter__(self) -> "Review":
        self._look: Look = self._looking.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._looking.__exit__(kind, error, trace)

    # ── exchanges ────────────────────────────────────────────────────────────────────────────────

    def exchanges(
        self, question: Question, limit: int = 50, cursor: str | None = None, *, urgent_first: bool = False
    ) -> Found:
        """Exchanges that a question fits, newest first; ``urgent_first``: by severity, and within it newest first.

        Raises `BadCursor`, `TooShort`.
        """
        reach = self.reader.demand("exchanges")
        return self._look.search(question, reach, limit, cursor, urgent_first=urgent_first)

    def exchange(self, exchange: str) -> Timeline | None:
        """One exchange; None where there is none within reach, so that nobody learns of others."""
        return self._timeline(exchange, self.reader.demand("texts"))

    def triage(self, limit: int = 50, cursor: str | None = None, drill: str | None = None) -> Found:
        """What nobody has said anything of yet, from medium up, the most urgent first; tests are left out. ``drill``: of
        this drill, and nothing else."""
        reach = self.reader.demand("exchanges")
        question = Question(reviewed=False, severity="medium", with_tests=drill is not None, drill=drill)
        return self._look.search(question, reach, limit, cursor, urgent_first=True)

    def person(self, person: str, now: datetime, limit: int = 50, cursor: str | None = None) -> Found:
        """What one person asked in the last `DAYS` days."""
        question = Question(person=person, since=now - timedelta(days=DAYS))
        return self.exchanges(question, limit, cursor)

    def campaigns(self, now: datetime) -> list[Campaign]:
        """Masked texts that `PERSONS` persons or more sent in the last `DAYS` days, by how many did."""
        reach = self.reader.demand("exchanges")
        rows = self._look.campaigns(reach, now - timedelta(days=DAYS), PERSONS)
        return [Campaign(*row) for row in rows]

    def events(self, **asked: Any) -> tuple[Record, ...]:
        """Who looked, and what was noted, newest first; see `Look.events`."""
        self.reader.demand("events")
        return self._look.events(**asked)

    # ── alerts ───────────────────────────────────────────────────────────────────────────────────

    def alerts(self, since: datetime | None = None, until: datetime | None = None) -> list[Raised]:
        """Every alert that was raised in a period: what nobody has taken on first, and of it the most urgent."""
        self.reader.demand("events")
        found = self._look.events(what=RAISED, since=since, until=until, limit=_EVERY)
        taken = self._look.events(what=ACKNOWLEDGED, since=since, limit=_EVERY)
        return urgent_first(alerts_of([*found, *taken]).values())

    def open_alerts(self, drill: str | None = None) -> list[Raised]:
        """Those that nobody has taken on yet, the most urgent first. Drills are left out; ``drill``: of this one alone."""
        return [one for one in self.alerts() if one.state == "open" and one.body.get("drill") == drill]

    def alert(self, id: str) -> Raised | None:
        """One of them; None where there is none."""
        return next((one for one in self.alerts() if one.id == id), None)

    # ── searches that are kept ───────────────────────────────────────────────────────────────────

    def searches(self) -> dict[str, Saved]:
        """The reader's own, and those that others share."""
        self.reader.demand("exchanges")
        every = searches_of(self._look.events(what=SEARCHES, limit=_EVERY))
        return {id: one for id, one in every.items() if one.shared or one.is_of(self.reader)}

    # ── counts ───────────────────────────────────────────────────────────────────────────────────

    def counts(self, by: str, question: Question, now: datetime) -> list[Cell]:
        """How many exchanges and persons there are of each value, most first, within reach.

        ``by`` is one of `COUNTED_BY`, else `BadQuestion`. Whoever sees no exchanges asks with `OF_MANY` alone. Somebody from
        outside sees one month of the whole house at a time, the last that is over unless they name one, and asks with
        nothing else: two questions that differ by a minute, or by a section, tell of whoever is in the difference. Of a
        table they see no cell of fewer than `FEWEST` persons, nor the next smallest, which would be told by the sum.
        """
        if by not in COUNTED_BY:
            raise BadQuestion(
                f"数えられるのは {'、'.join(COUNTED_BY)} ごとです。",
                f"Counted by one of: {', '.join(COUNTED_BY)}.",
            )
        if "counts" not in self.reader.sights:
            reach = self.reader.demand("anonymous_counts")
            rows = self._look.counts(_one_month(question, now), reach, by)
            return not_small([Cell(*row) for row in rows])
        reach = self.reader.demand("counts")
        named = sorted(question.stated().keys() - OF_MANY)
        if named and "exchanges" not in self.reader.sights:
            raise BadQuestion(
                f"件数は、人・案件・文章が分かる条件({'、'.join(named)})では数えられません。外してください。",
                f"Counts are not asked of a person, a case or a text: leave out {', '.join(named)}.",
            )
        return [Cell(*row) for row in self._look.counts(question, reach, by)]

    # ── one's own ────────────────────────────────────────────────────────────────────────────────

    def own(self, question: Question, limit: int = 50, cursor: str | None = None) -> Found:
        """What is held of the reader's own use."""
        return self._look.search(replace(question, person=None), self.reader.own, limit, cursor)

    def own_exchange(self, exchange: str) -> Timeline | None:
        """One of the reader's own exchanges, and who looked at it."""
        return self._timeline(exchange, self.reader.own)

    # ── disclosures ──────────────────────────────────────────────────────────────────────────────

    def to_disclose(self, question: Question, limit: int = 50, cursor: str | None = None) -> Found:
        """Exchanges that are given out where the law lets somebody ask for them; see audit/disclosed.py."""
        return self._look.search(question, self.reader.demand("disclose"), limit, cursor)

    def disclosed(self, exchange: str) -> Timeline | None:
        """One of them."""
        return self._timeline(exchange, self.reader.demand("disclose"))

    def looks_at(self, person: str) -> tuple[Record, ...]:
        """Who looked at what is held of a person, newest first: of oneself everybody may ask it."""
        if person != self.reader.person:
            self.reader.demand("disclose")
        return self._look.events(subject=person, limit=_EVERY)

    # ── incidents ────────────────────────────────────────────────────────────────────────────────

    def incidents(self) -> dict[str, Incident]:
        """The incidents within reach, by their number: some roles see those alone that were brought up to them."""
        self.reader.demand("incidents")
        every = incidents_of(self._look.events(what=INCIDENTS, limit=_EVERY))
        up = self.reader.role in WHEN_ESCALATED
        return {id: one for id, one in every.items() if one.level != "csirt" or not up}

    def incident(self, id: str) -> Incident | None:
        """One of them, with the exchanges that a disposition brought to it; None where there is none within reach."""
        incident = self.incidents().get(id)
        if incident is None:
            return None
        question, reach, links = Question(incident=id), Reach.everything(), dict(incident.links)
        found = self._look.search(question, reach, MOST_DISPOSED)
        for card in reversed(found.cards):
            link = Link(card["exchange"], None, card["person"], disposed=True)
            if card["drill"] == incident.drill:
                links.setdefault(link.key, link)
        return replace(incident, links=links)

    def affected(self, incident: Incident) -> Estimate:
        """How many persons it may be about, estimated from its exchanges. No text is shown by it."""
        self.reader.demand("incidents")
        every, missing = [], 0
        for exchange in incident.exchanges:
            shown = query.show(self._ledger, exchange)
            if shown is None:
                missing += 1
                continue
            ending = shown.ending.body if shown.ending else None
            every.append(material(exchange, shown.asked.body, ending, shown.asked_text))
        return estimated(every, missing)

    def evidence(self, exchanges: Sequence[str], alerts: Sequence[str]) -> list[Evidence] | None:
        """What an incident is opened from: these exchanges and alerts, and the exchanges that each alert names. None
        where one of them is not within reach."""
        found: list[Evidence] = []
        raised = self._alerts(set(alerts)) if alerts else {}
        named = list(exchanges)
        for alert in alerts:
            if (body := raised.get(alert)) is None:
                return None
            its = body.get("exchanges") or ([body["exchange"]] if body.get("exchange") else [])
            named += its
            drills = {card["drill"] for card in filter(None, map(self.card, its))}
            drill = next(iter(drills)) if len(drills) == 1 else body.get("drill")
            found.append(Evidence(None, alert, body.get("subject"), body.get("rule"), drill))
        of_alerts = set(named[len(exchanges) :])
        for exchange in dict.fromkeys(named):
            card = self.card(exchange)
            if card is not None:
                found.append(Evidence(exchange, None, card["person"], None, card["drill"]))
            elif exchange not in of_alerts:
                return None
        return found

    # ── drills ───────────────────────────────────────────────────────────────────────────────────

    def drills(self) -> dict[str, Drill]:
        """Every drill there was, by its number."""
        self.reader.demand("incidents")
        return drills_of(self._look.events(what=DRILLS, limit=_EVERY))

    def traces(self, drill: Drill) -> Traces:
        """What the ledger has of a drill: moments, and its incidents. Of its exchanges no more is told than when."""
        self.reader.demand("incidents")
        found, cursor, at = set[str](), None, list[datetime]()
        while True:
            page = self._look.search(Question(drill=drill.id), Reach.everything(), 500, cursor)
            found |= {card["exchange"] for card in page.cards}
            at += [datetime.fromisoformat(card["at"]) for card in page.cards]
            if (cursor := page.cursor) is None:
                break

        def moments(what: str) -> list[datetime]:
            """When these events were about one of its exchanges."""
            every = self._look.events(what=what, since=drill.started_at, limit=_EVERY)
            told = ((json.loads(one.body), one.at) for one in every)
            return [
                datetime.fromisoformat(when)
                for body, when in told
                if body.get("drill") == drill.id
                or found & {body.get("exchange"), *(body.get("exchanges") or ())}
            ]

        incidents = incidents_of(self._look.events(what=INCIDENTS, limit=_EVERY)).values()
        its = sorted((one for one in incidents if one.drill == drill.id), key=lambda one: one.opened_at)
        return Traces(at, moments(RAISED), moments(DISPOSED), its)

    def _alerts(self, wanted: set[str]) -> dict[str, Mapping[str, Any]]:
        self.reader.demand("exchanges")
        bodies = (json.loads(one.body) for one in self._look.events(what=RAISED, limit=_EVERY))
        return {body["alert"]: body for body in bodies if body.get("alert") in wanted}

    # ── exports ──────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def exporting(self, wanted: Wanted) -> Iterator[Chosen]:
        """What an export holds at this moment. Raises `BadCursor`, `TooShort`.

        Whoever asks for nothing but a period takes out every record of it: exchanges, who looked, and what was noted.
        """
        reach = self.reader.demand("exchanges")
        if wanted.texts or wanted.question.words:
            self.reader.demand("texts")
        if wanted.by_period and reach == Reach.everything():
            self.reader.demand("events")
            with query.reading(self._ledger) as connection:
                yield in_period(connection, wanted)
        else:
            yield asked_for(self._look, self._ledger, wanted, reach)

    # ── openings ─────────────────────────────────────────────────────────────────────────────────

    def openings(self) -> list[Grant]:
        """The same as a list, newest first."""
        return sorted(self.grants().values(), key=lambda one: one.asked_at, reverse=True)

    def grants(self) -> dict[str, Grant]:
        """Every request to open an original that the reader has to do with: reviewers and second persons all of them, a
        所属長 those about the own section, everybody those about themselves once they were opened."""
        every = grants_of(
            one for what in (EVENTS, "original") for one in self._look.events(what=what, limit=_EVERY)
        )
        return {id: one for id, one in every.items() if self._concerns(one)}

    def card(self, exchange: str) -> Mapping[str, Any] | None:
        """The card of an exchange that the reader may say something of; None where there is none within reach."""
        reach = self.reader.demand("exchanges")
        cards = self._look.search(Question(exchange=exchange), reach, 1).cards
        return cards[0] if cards else None

    def original(self, grant: Grant, incident: str | None, master: Master, now: datetime) -> Opened:
        """What the placeholders of an exchange stood for, for whoever may look now.

        Raises `NotOpened`, CannotOpen where none can be opened (any more), MasterUnavailable.
        """
        demand_view(self.reader, grant, grant.exchange, incident, now)
        kept, shown = query.sealed(self._ledger, grant.exchange), query.show(self._ledger, grant.exchange)
        if kept is None or shown is None:
            raise CannotOpen("この記録の原文はしまわれていません。 / no original of this exchange is kept.")
        values = originals.opened(kept[0], grant.exchange, master, kept[1])
        return Opened(values, shown.asked_text)

    def _concerns(self, grant: Grant) -> bool:
        reader = self.reader
        if {"seek_originals", "allow_originals", "events"} & reader.sights:
            return True
        if grant.until is None:
            return False
        unit = (reader.reach.department, reader.reach.section)
        is_head = reader.role == "section_head" and (grant.department, grant.section) == unit
        return is_head or grant.subject == reader.person

    def _timeline(self, exchange: str, reach: Reach) -> Timeline | None:
        cards = self._look.search(Question(exchange=exchange), reach, 1).cards
        shown = query.show(self._ledger, exchange) if cards else None
        if shown is None:
            return None
        events = self._look.events(exchange=exchange, limit=_EVERY)[::-1]
        return Timeline(cards[0], shown.asked, shown.ending, shown.asked_text, shown.answer_text, events)


def _one_month(question: Question, now: datetime) -> Question:
    """The whole house in one month that is over. Raises `BadQuestion`."""
    last = month_of(now).before()
    month = month_of(question.since) if question.since else last
    asked = Question(since=month.first_moment(), until=month.next().first_moment())
    if month > last or question not in (Question(), asked):
        raise BadQuestion(
            "外部の方が数えられるのは、終わったひと月ずつ、市全体だけです。since と until に月の初めと次の月の初めを"
            "(2026-10-01T00:00:00+09:00 と 2026-11-01T00:00:00+09:00 のように)、ほかの条件なしで指定してください。",
            "Somebody from outside counts the whole house in one month that is over: since and until are the first"
            " moments of a month and of the next, and there are no other filters.",
        )
    return asked


def not_small(cells: Sequence[Cell]) -> list[Cell]:
    """The cells that tell of nobody; the others are not there at all, by name neither."""
    return [cell for cell in kept_back(cells) if cell.persons is not None]


def kept_back(cells: Sequence[Cell]) -> list[Cell]:
    """The cells without those in which somebody could be made out; of one alone the next smallest goes, too."""
    small = {cell.name for cell in cells if (cell.persons or 0) < FEWEST}
    rest = sorted((cell for cell in cells if cell.name not in small), key=lambda cell: cell.persons or 0)
    if len(small) == 1 and rest:
        small.add(rest[0].name)
    return [Cell(cell.name, None, None) if cell.name in small else cell for cell in cells]
