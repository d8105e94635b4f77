"""Legal holds: what may not be removed, whatever its age. A hold is what the ledger's own records say of it.

    hold.placed            what is held, why, from whom to whom, until when
    hold.extended          a later last day
    hold.release_proposed  one person wants it lifted
    hold.released          another person agrees; only then it is over

A preservation request (刑訴法197条3項・4項) is for 30 days at most, extended by 30 at most, 60 in all, and ends by itself.
Where a hold can be read in two ways, more is held.

Folding and judging are pure. This writes nothing (commands/holding.py) and removes nothing (purge.py).
"""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from audit import numbers, tables
from audit.months import JST
from audit.names import moment

KINDS = {
    "litigation": "訴訟 / litigation",
    "incident": "事故・事案の調査 / investigation of an incident",
    "disclosure": "開示請求・情報公開請求 / request for disclosure",
    "preservation_request": "保全要請(刑訴法197条3項) / preservation request under the Code of Criminal Procedure",
    "other": "その他 / other",
}
LONGEST_REASON = 200
REQUEST_DAYS = 30
REQUEST_DAYS_IN_ALL = 60

Body = dict[str, Any]
"""The body of a ``noted`` record."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold as it stands. Days are days in Japan, inclusive; None: without limit.

    persons, sections   exchanges of any of them, asked in the period
    exchanges           these, whenever they were asked
    since, until        the days on which it was asked; without persons and sections: every record of these days
    expires             the last day on which it holds
    proposals           who proposed to lift it, in order
    released_by         who agreed, and was not the one who had proposed it
    """

    id: str
    kind: str
    reason: str
    by: str
    placed_at: str
    persons: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    expires: date | None = None
    proposals: tuple[str, ...] = ()
    released_by: str | None = None

    @property
    def placed_on(self) -> date:
        return datetime.fromisoformat(self.placed_at).astimezone(JST).date()

    def in_force(self, today: date) -> bool:
        return self.released_by is None and (self.expires is None or today <= self.expires)


# ── what the ledger says ─────────────────────────────────────────────────────────────────────────


def fold(said: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[Hold, ...]:
    """The holds that these events (moment, body) make, in whatever order they come.

    A release that nobody else had proposed releases nothing; an extension never shortens.
    """
    events = sorted(said, key=lambda event: event[0])
    holds: dict[str, Hold] = {}
    for at, body in events:
        if body["event"] == "hold.placed":
            holds.setdefault(body["hold"], _placed(at, body))
    for event, change in (
        ("hold.extended", _extended),
        ("hold.release_proposed", _proposed),
        ("hold.released", _released),
    ):
        for _, body in events:
            if body["event"] == event and body["hold"] in holds:
                holds[body["hold"]] = change(holds[body["hold"]], body)
    return tuple(holds.values())


def _placed(at: str, body: Mapping[str, Any]) -> Hold:
    return Hold(
        body["hold"], body["kind"], body["reason"], body["by"], at,
        tuple(body["persons"]), tuple(body["sections"]), tuple(body["exchanges"]),
        _day(body["since"]), _day(body["until"]), _day(body["expires"]),
    )  # fmt: skip


def _extended(hold: Hold, body: Mapping[str, Any]) -> Hold:
    expires = _day(body["expires"])
    longer = hold.expires is not None and (expires is None or expires > hold.expires)
    return replace(hold, expires=expires) if longer else hold


def _proposed(hold: Hold, body: Mapping[str, Any]) -> Hold:
    return replace(hold, proposals=(*hold.proposals, body["by"]))


def _released(hold: Hold, body: Mapping[str, Any]) -> Hold:
    others = [person for person in hold.proposals if person != body["by"]]
    return replace(hold, released_by=body["by"]) if others and not hold.released_by else hold


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def events_of(connection: tables.Connection, *events: str) -> list[tuple[str, str, Body]]:
    """(writer, moment, body) of every ``noted`` record whose event begins so, by time.

    Records without an exchange are few, and found by the index under one_question_one_ending.
    """
    records = tables.records
    found = tables.select(records.c.writer, records.c.at, records.c.body)
    found = found.where(records.c.exchange.is_(None), records.c.kind == "noted")
    told: list[tuple[str, str, Body]] = []
    for row in connection.execute(found):
        if any(f'"event":"{event}' in row.body for event in events):
            told.append((row.writer, row.at, json.loads(row.body)))
    told = [one for one in told if str(one[2].get("event", "")).startswith(events)]
    return sorted(told, key=lambda one: one[1])


def holds_of(connection: tables.Connection) -> tuple[Hold, ...]:
    """Every hold that was ever placed and whose records are still there, oldest first.

    Raises ValueError for a record that cannot be read: what may be held must not be guessed.
    """
    try:
        return fold((at, body) for _, at, body in events_of(connection, "hold."))
    except (KeyError, TypeError, ValueError):
        raise ValueError("a record about a hold cannot be read") from None


# ── what may be said next ────────────────────────────────────────────────────────────────────────


def place(
    kind: str,
    reason: str,
    *,
    by: str,
    at: datetime,
    persons: Sequence[str] = (),
    sections: Sequence[str] = (),
    exchanges: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    expires: date | None = None,
) -> Body:
    """A new hold. Raises ValueError, with a sentence, for one that cannot be."""
    today = at.astimezone(JST).date()
    persons, sections, exchanges = ([one.strip() for one in ones] for ones in (persons, sections, exchanges))
    if kind not in KINDS:
        raise ValueError(f"種類は次のどれかです / the kind is one of: {', '.join(KINDS)}")
    if not (persons or sections or exchanges or since or until):
        raise ValueError(
            "何を残すのかを指定してください / say what is held: persons, sections, exchanges or days"
        )
    if not all((*persons, *sections, *exchanges)):
        raise ValueError(
            "職員番号・課名・やり取りの番号が空です / the name of a person, a section or an exchange is empty"
        )
    if since and until and until < since:
        raise ValueError("終わりの日が始めの日より前です / the last day lies before the first")
    if kind == "preservation_request":
        expires = expires or today + timedelta(days=REQUEST_DAYS)
        if expires > today + timedelta(days=REQUEST_DAYS):
            raise ValueError("保全要請は30日までです / a preservation request is for 30 days at most")
    if expires and expires < today:
        raise ValueError("期限が過ぎています / the last day is over already")
    return {
        "event": "hold.placed",
        "hold": f"H{today:%Y%m%d}-{secrets.token_hex(3)}",
        "by": by,
        "kind": kind,
        "reason": _stated(reason),
        "persons": sorted(set(persons)),
        "sections": sorted(set(sections)),
        "exchanges": sorted(set(exchanges)),
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
        "expires": expires.isoformat() if expires else None,
    }


def extend(hold: Hold, expires: date | None, *, reason: str, by: str, at: datetime) -> Body:
    """A later last day; None: until it is released. Raises ValueError, with a sentence."""
    _demand_in_force(hold, at)
    if hold.expires is None:
        raise ValueError("この保全には期限がありません / this hold has no last day")
    if expires is not None and expires <= hold.expires:
        raise ValueError(
            f"今の期限({hold.expires})より後の日を指定してください。短くするには解除します"
            f" / name a day after {hold.expires}; to end a hold sooner, release it"
        )
    if hold.kind == "preservation_request":
        by_once, in_all = timedelta(days=REQUEST_DAYS), timedelta(days=REQUEST_DAYS_IN_ALL)
        if expires is None or expires > hold.expires + by_once or expires > hold.placed_on + in_all:
            raise ValueError(
                "保全要請の延長は30日まで、通算60日までです"
                " / a preservation request is extended by 30 days at most, to 60 days in all"
            )
    day = expires.isoformat() if expires else None
    return {"event": "hold.extended", "hold": hold.id, "by": by, "reason": _stated(reason), "expires": day}


def propose_release(hold: Hold, *, reason: str, by: str, at: datetime) -> Body:
    """The first of two persons. Raises ValueError, with a sentence."""
    _demand_in_force(hold, at)
    return {"event": "hold.release_proposed", "hold": hold.id, "by": by, "reason": _stated(reason)}


def confirm_release(hold: Hold, *, by: str, at: datetime) -> Body:
    """The second person. Raises ValueError, with a sentence: also for the one who proposed it."""
    _demand_in_force(hold, at)
    if not hold.proposals:
        raise ValueError("解除の提案がまだありません / nobody has proposed to release this hold")
    others = [person for person in hold.proposals if person != by]
    if not others:
        raise ValueError(
            f"提案した本人({by})は承認できません。別の職員が承認してください"
            f" / {by} proposed it and cannot confirm it: a second person must"
        )
    return {"event": "hold.released", "hold": hold.id, "by": by, "proposed_by": others[-1]}


def find(holds: Iterable[Hold], id: str) -> Hold:
    """Raises ValueError, with a sentence, where there is none of this id."""
    for hold in holds:
        if hold.id == id:
            return hold
    raise ValueError(f"保全 {id} はありません / there is no hold {id}")


def _demand_in_force(hold: Hold, at: datetime) -> None:
    if not hold.in_force(at.astimezone(JST).date()):
        raise ValueError(f"保全 {hold.id} はもう終わっています / the hold {hold.id} is over")


def _stated(reason: str) -> str:
    reason = reason.strip()
    if not reason or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise ValueError(
            f"理由は1行、{LONGEST_REASON}字までです / the reason is one line of {LONGEST_REASON} characters at most"
        )
    if numbers.may_be_somebodys(reason):
        raise ValueError(numbers.REFUSAL)
    return reason


# ── what it holds, in SQL ────────────────────────────────────────────────────────────────────────


def matching(connection: tables.Connection, hold: Hold) -> tuple[int, int]:
    """How many exchanges this hold keeps at present, and how many records of its own account."""
    records = tables.records
    asked = tables.func.count(records.c.turn).filter(records.c.turn == 1)
    found = tables.select(asked, tables.func.count()).where(_matches(hold, records))
    exchanges, count = connection.execute(found).one()
    return exchanges, count


def matches_any(holds: Sequence[Hold], records: Any) -> Any:
    """The condition under which one of these holds keeps a row of ``records`` (or of an alias of it).

    Of an exchange it is the question that is kept; who keeps the question keeps its ending and texts, too.
    """
    return _any([_matches(hold, records) for hold in holds])


def _matches(hold: Hold, asked: Any) -> Any:
    """Beside exchanges by name, days alone still hold everything of these days."""
    days = []
    if hold.since:
        days.append(asked.c.at >= _midnight(hold.since))
    if hold.until:
        days.append(asked.c.at < _midnight(hold.until + timedelta(days=1)))
    ways = []
    who = [
        tables.field_of(asked.c.body, "caller", name).in_(values)
        for name, values in (("person", hold.persons), ("section", hold.sections))
        if values
    ]
    if who:
        ways.append(_all([*days, asked.c.turn == 1, _any(who)]))
    elif days:
        ways.append(_all(days))
    if hold.exchanges:
        ways.append(asked.c.exchange.in_(hold.exchanges))
    return _any(ways)


def _midnight(day: date) -> str:
    return moment(datetime(day.year, day.month, day.day, tzinfo=JST))


def _all(conditions: Sequence[Any]) -> Any:
    return _joined(conditions, lambda one, other: one & other)


def _any(conditions: Sequence[Any]) -> Any:
    return _joined(conditions, lambda one, other: one | other)


def _joined(conditions: Sequence[Any], join: Callable[[Any, Any], Any]) -> Any:
    first, *rest = conditions
    for one in rest:
        first = join(first, one)
    return first
