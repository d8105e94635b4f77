"""Finds exchanges for whoever may see them: the filters are the question, the reader's rows are the limit of every answer.

    with looking(ledger) as look:
        found = look.search(Question(section="道路課", words=("給付金",)), Reach.everything(), limit=50)
    found.cards       newest first
    found.cursor      where the next page begins; exchanges that come in meanwhile never move what was paged over
    found.total       how many there are in all, up to `COUNTED`

Whoever asks passes a `Reach`; there is no way to ask without one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from audit import tables
from audit.address import Address
from audit.catalogue.card import DRILL, TAGS
from audit.catalogue.filling import catch_up, is_whole
from audit.catalogue.grams import folded, grams, holds, is_sure
from audit.catalogue.marks import marks
from audit.catalogue.pages import (
    COUNTED,
    NEWEST,
    URGENT,
    Found,
    Order,
    Place,
    Span,
    Strays,
    cursor_at,
    read_cursor,
    spans_of,
)
from audit.catalogue.question import BadQuestion, Question, Reach, TooShort, demand_sound
from audit.catalogue.severity import SEVERITIES
from audit.model import Record
from audit.months import Month, read_month
from audit.names import moment
from audit.query import reading, record_of
from audit.stores.shelf import Shelf, text

_FEW = 20_000
"""So many can be listed before the question is asked of each of them."""
_LOOKED_AT = 500
"""Candidates whose texts are looked at together."""
_RARE = 2_000
"""Texts of a month: a word that more have is asked of each card, for a page of it is full soon."""


class looking:
    """The catalogue at one moment, with everything that the ledger held as this was entered."""

    def __init__(self, ledger: Address) -> None:
        self._ledger = ledger

    def __enter__(self) -> "Look":
        while True:
            shelf = catch_up(self._ledger)
            self._engine = shelf.reader()
            self._connection = self._engine.connect()
            self._connection.begin()
            if is_whole(self._connection) and shelf.is_steady(self._connection):
                return Look(self._ledger, shelf, self._connection)
            self.__exit__()  # another process dropped words meanwhile: to find too little would be a lie

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._engine.dispose()


@dataclass
class _Asked:
    """A question as SQL: what must hold, and the values in it. ``words``: the names of what is asked of the words.

    ``sought``: what the words come to in a month, once it was found out.
    """

    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    sought: dict[str, "_Sought"] = field(default_factory=dict)

    def add(self, condition: str, **values: Any) -> None:
        self.conditions.append(condition)
        self.values |= values

    @property
    def where(self) -> str:
        return " AND ".join(self.conditions) or "1 = 1"


@dataclass(frozen=True, slots=True)
class _Sought:
    """The words in a month.

    ids     the cards that have all the rare ones; None where none is rare
    common  conditions: that a card has the others, too
    some    cards that have the last of the others, as far as they were listed to learn that it is not rare
    """

    ids: frozenset[int] | None
    common: tuple[str, ...]
    some: frozenset[int]


class Look:
    """Asks the catalogue. One transaction: what it is asked one after another fits together."""

    def __init__(self, ledger: Address, shelf: Shelf, connection: Any) -> None:
        self._ledger = ledger
        self._shelf = shelf
        self._connection = connection

    def search(
        self,
        question: Question,
        reach: Reach,
        limit: int = 50,
        cursor: str | None = None,
        *,
        urgent_first: bool = False,
    ) -> Found:
        """A page of exchanges. ``urgent_first``: by severity, and within it newest first. Raises `BadCursor`, `TooShort`."""
        asked = self._asked(question, reach)
        long = _unsure(question)
        order = URGENT if urgent_first else NEWEST
        spans = self._spans(asked, question, order)
        before = read_cursor(cursor, order) if cursor else None
        rows: list[Any] = []
        at_most = False
        if not long:
            rows = list(self._page(asked, spans, long, limit + 1, before, order))
            is_all = before is None and len(rows) <= limit
            total = len(rows) if is_all else self._counted(asked, spans)
        elif (total := self._counted(asked, spans)) <= _LOOKED_AT:
            every = list(self._page(asked, spans, long, total, None, order))
            total = len(every)
            rows = [row for row in every if not before or _place(row, order) < before][: limit + 1]
        else:
            at_most = True
            rows = list(self._page(asked, spans, long, limit + 1, before, order))
        end = cursor_at(_place(rows[limit - 1], order)) if len(rows) > limit else None
        cards = tuple(self._with_tags(rows[:limit]))
        return Found(cards, end, min(total, COUNTED), total > COUNTED, at_most)

    def size(self) -> int:
        """How many exchanges there are in all."""
        return int(self._connection.execute(text("SELECT count(*) FROM cards")).scalar_one())

    def counts(self, question: Question, reach: Reach, by: str) -> list[tuple[str | None, int, int]]:
        """Exchanges and persons of each value of a column, a kind of tag or ``day`` (Japan), most first. A section is named
        with its department. What is of a drill is never counted. Raises `BadQuestion` where the texts of too many would have to be read."""
        asked = self._asked(question, reach)
        asked.add(f"cards.id NOT IN (SELECT id FROM tags WHERE kind = '{DRILL}')")
        cards, name = "cards", by
        if by in TAGS:
            cards, name = "cards JOIN tags ON tags.id = cards.id AND tags.kind = :by", "tags.name"
            asked.values["by"] = by
        elif by == "day":
            name = self._shelf.day("cards.at")
        elif by == "section":
            name = "CASE WHEN section IS NOT NULL THEN COALESCE(department || ' ', '') || section END"
        conditions = [*asked.conditions, *self._having(asked), *self._held(asked, question)]
        own = " AND ".join(map(_of_cards, conditions)) or "1 = 1"
        sql = (
            f"SELECT {name} AS name, count(*) AS exchanges, count(DISTINCT person) AS persons FROM {cards}"
            f" WHERE {own} GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        rows = [(row.name, row.exchanges, row.persons) for row in self._rows(sql, asked.values)]
        if by == "severity":
            return [(SEVERITIES[name], exchanges, persons) for name, exchanges, persons in rows]
        return rows

    def _held(self, asked: _Asked, question: Question) -> list[str]:
        """Of words longer than a pair: which cards hold them, where so few are left that their texts can be read."""
        long = _unsure(question)
        if not long:
            return []
        spans = self._spans(asked, question, NEWEST)
        total = self._counted(asked, spans)
        if total > _LOOKED_AT:
            raise BadQuestion(
                f"当てはまりそうなやり取りが{_LOOKED_AT}件より多く、文章を読んで数えきれません。期間や課で絞ってください。",
                f"More than {_LOOKED_AT} texts would have to be read: narrow it by time or section.",
            )
        ids = [row.id for row in self._page(asked, spans, long, total, None, NEWEST)]
        return [f"cards.id IN ({', '.join(map(str, ids)) or 'NULL'})"]

    def campaigns(self, reach: Reach, since: datetime, persons: int) -> list[tuple[str, int, int, str, str]]:
        """Masked texts that so many persons sent since then: the mark, persons, exchanges, first and last moment."""
        asked = self._asked(Question(since=since, with_tests=False), reach)
        sql = (
            "SELECT campaign, count(DISTINCT person) AS persons, count(*) AS exchanges, min(at) AS first, max(at) AS last"
            f" FROM cards WHERE campaign IS NOT NULL AND {asked.where} GROUP BY campaign"
            " HAVING count(DISTINCT person) >= :persons ORDER BY 2 DESC, 3 DESC, 1 LIMIT 200"
        )
        rows = self._rows(sql, asked.values | {"persons": persons})
        return [(row.campaign, row.persons, row.exchanges, row.first, row.last) for row in rows]

    def events(
        self,
        *,
        what: str | None = None,
        who: str | None = None,
        exchange: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1_000,
    ) -> tuple[Record, ...]:
        """Records of looks and notes, newest first. ``what``: an event, or with ``.*`` at its end all of its kind.

        Raises `BadQuestion`.
        """
        demand_sound(what, who, exchange, subject, since, until)
        asked = _Asked()
        for name, value in (("who", who), ("exchange", exchange), ("subject", subject)):
            if value is not None:
                asked.add(f"{name} = :{name}", **{name: value})
        if what is not None and what.endswith(".*"):
            asked.add("what >= :what AND what < :after", what=what[:-1], after=f"{what[:-2]}/")
        elif what is not None:
            asked.add("what = :what", what=what)
        if since:
            asked.add("at >= :since", since=moment(since))
        if until:
            asked.add("at < :until", until=moment(until))
        sql = f"SELECT writer, idx FROM events WHERE {asked.where} ORDER BY at DESC, writer DESC, idx DESC LIMIT {int(limit)}"
        places = [(row.writer, row.idx) for row in self._rows(sql, asked.values)]
        return records_of(self._ledger, places)

    # ── the question ─────────────────────────────────────────────────────────────────────────────

    def _asked(self, question: Question, reach: Reach) -> _Asked:
        asked = _Asked()
        if reach.nothing:
            asked.add("1 = 0")
        for name, value in reach.stated().items():
            asked.add(f"{name} = :own_{name}", **{f"own_{name}": value})
        for name in _EQUAL:
            if (value := getattr(question, name)) is not None:
                asked.add(f"{name} = :{name}", **{name: value})
        if question.since:
            asked.add("at >= :since", since=moment(question.since))
        if question.until:
            asked.add("at < :until", until=moment(question.until))
        if question.severity:
            asked.add("severity >= :severity", severity=SEVERITIES.index(question.severity))
        for name in ("tokens", "yen"):
            least, most = getattr(question, name)
            if least is not None:
                asked.add(f"{name} >= :least_{name}", **{f"least_{name}": least})
            if most is not None:
                asked.add(f"{name} <= :most_{name}", **{f"most_{name}": most})
        if question.reviewed is not None:
            asked.add(f"disposition {'<>' if question.reviewed else '='} ''")
        if not question.with_tests:
            asked.add("is_test = 0")
        for kind in (*TAGS, DRILL):
            if (value := getattr(question, kind)) is not None:
                self._add_tag(asked, kind, value)
        known = {**{name: getattr(question, name) for name in _EQUAL}, **reach.stated()}
        beside = set(marks(known.get))
        for number, word in enumerate(question.words):
            self._add_word(asked, number, word, beside)
        return asked

    def _add_tag(self, asked: _Asked, kind: str, name: str) -> None:
        """Of a tag that few have, those few are listed; of another each card is asked."""
        values = {f"{kind}_kind": kind, f"{kind}_name": name}
        listed = f"SELECT id FROM tags WHERE kind = :{kind}_kind AND name = :{kind}_name"
        if self._few(listed, values):
            asked.add(f"id IN ({listed})", **values)
        else:
            asked.add(f"EXISTS ({listed} AND tags.id = cards.id)", **values)

    def _add_word(self, asked: _Asked, number: int, word: str, beside: set[str]) -> None:
        """A word in a text of an exchange that has the marks ``beside``."""
        pairs = grams(folded(word))
        if not pairs:
            raise TooShort
        mark = f"word{number}"
        asked.words.append(mark)
        asked.values[mark] = self._shelf.asked(pairs | beside)

    def _spans(self, asked: _Asked, question: Question, order: Order) -> list[Span | None]:
        """Month by month, newest first, so that a word that many hold is looked for no further back than need be. None:
        everything at once, where there are no words or the order is not that of time."""
        if not asked.words or order != NEWEST:
            return [None]
        since, until = (moment(one) if one else None for one in (question.since, question.until))
        return [*spans_of(self._months, self._strays, since, until)]

    def _having(self, asked: _Asked) -> list[str]:
        """That the words are in a text of any month."""
        return [_listed([self._shelf.having(month, mark) for month in self._months]) for mark in asked.words]

    @cached_property
    def _months(self) -> list[Month]:
        return self._shelf.months(self._connection)

    @cached_property
    def _strays(self) -> Strays:
        strays: dict[Month, dict[Month, set[int]]] = {}
        for row in self._rows("SELECT asked, said, id FROM strays", {}):
            said = strays.setdefault(read_month(row.asked), {})
            said.setdefault(read_month(row.said), set()).add(row.id)
        return {
            asked: {month: frozenset(ids) for month, ids in said.items()} for asked, said in strays.items()
        }

    def _sought(self, asked: _Asked, span: Span) -> _Sought:
        if span.since not in asked.sought:
            ids: frozenset[int] | None = None
            common: list[str] = []
            some: frozenset[int] = frozenset()
            for mark in asked.words:
                strays = self._strays_having(asked, mark, span)
                listed, is_all = self._first_having(asked, mark, span)
                if is_all:
                    ids = listed | strays if ids is None else ids & (listed | strays)
                elif span.own:
                    some = listed | strays
                    others = f" OR id IN ({', '.join(map(str, strays))})" if strays else ""
                    common.append(f"({self._shelf.has(span.own, mark, 'cards.id')}{others})")
                if ids is not None and not ids:
                    break
            asked.sought[span.since] = _Sought(ids, tuple(common), some)
        return asked.sought[span.since]

    def _first_having(self, asked: _Asked, mark: str, span: Span) -> tuple[frozenset[int], bool]:
        """Cards of a month's own that have a word, and whether those are all: more are listed of no word."""
        if not span.own:
            return frozenset(), True
        sql = f"{self._shelf.having(span.own, mark)} LIMIT {_RARE + 1}"
        rows = [row.row for row in self._rows(sql, {mark: asked.values[mark]})]
        return frozenset(row // 2 for row in rows), len(rows) <= _RARE

    def _strays_having(self, asked: _Asked, mark: str, span: Span) -> set[int]:
        found: set[int] = set()
        for month, ids in span.strays.items():
            near = f"{self._shelf.row} BETWEEN {2 * min(ids)} AND {2 * max(ids) + 1}"
            rows = self._rows(f"{self._shelf.having(month, mark)} AND {near}", {mark: asked.values[mark]})
            found |= ids & {row.row // 2 for row in rows}
        return found

    def _few(self, listed: str, values: Mapping[str, Any]) -> bool:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM ({listed}) AS one LIMIT {_FEW + 1}) AS few"
        return bool(self._connection.execute(text(sql), values).scalar_one() <= _FEW)

    # ── the answer ───────────────────────────────────────────────────────────────────────────────

    def _counted(self, asked: _Asked, spans: Sequence[Span | None]) -> int:
        """How many there are; counting stops at one more than `COUNTED`."""
        total = 0
        for span in spans:
            words = self._counted_words(asked, span, COUNTED + 1 - total) if span else None
            if words is not None:
                total += words
                if total > COUNTED:
                    break
                continue
            where, values = self._within(asked, span)
            sql = (
                f"SELECT count(*) FROM (SELECT 1 FROM cards WHERE {where} LIMIT {COUNTED + 1 - total}) AS few"
            )
            total += int(self._connection.execute(text(sql), values).scalar_one())
            if total > COUNTED:
                break
        return total

    def _counted_words(self, asked: _Asked, span: Span, most: int) -> int | None:
        """How many hold a word, from the words alone: where nothing else is asked, no card need be looked at. None where
        it must."""
        sought = self._sought(asked, span)
        if asked.conditions or (sought.common and len(asked.words) > 1):
            return None
        ids = set(sought.ids or ())
        others = (said for month, said in self._strays.items() if month != span.own)
        elsewhere = {id for said in others for month, ids in said.items() if month == span.own for id in ids}
        if sought.ids is None and len(sought.some - elsewhere) >= most:
            ids = set(sought.some)
        elif sought.ids is None and span.own:
            (mark,) = asked.words
            sql = f"{self._shelf.having(span.own, mark)} LIMIT {2 * (most + len(elsewhere))}"
            ids = {row.row // 2 for row in self._rows(sql, {mark: asked.values[mark]})}
            ids |= self._strays_having(asked, mark, span)
        return len(ids - elsewhere)

    def _page(
        self,
        asked: _Asked,
        spans: Sequence[Span | None],
        long: Sequence[str],
        limit: int,
        before: Place | None,
        order: Order,
    ) -> Iterator[Any]:
        """At most so many cards in this order. Of words longer than a pair the texts themselves are looked at."""
        given = 0
        for span in spans:
            if before and span and before[0] < span.since:
                continue  # paged over
            last = before
            while given < limit:
                some = _LOOKED_AT if long else limit - given
                rows = self._next(asked, span, some, last, order)
                for row in self._holding(rows, long):
                    yield row
                    given += 1
                    if given == limit:
                        return
                if len(rows) < some:
                    break
                last = _place(rows[-1], order)

    def _within(self, asked: _Asked, span: Span | None) -> tuple[str, dict[str, Any]]:
        """The question, kept to a month."""
        conditions, values = [*asked.conditions], dict(asked.values)
        if span is None:
            conditions += self._having(asked)
        else:
            sought = self._sought(asked, span)
            if sought.ids is not None:
                conditions.append(
                    f"id IN ({', '.join(map(str, sorted(sought.ids)))})" if sought.ids else "1 = 0"
                )
            conditions += sought.common
            conditions.append("at >= :span_since AND at < :span_until")
            values |= {"span_since": span.since, "span_until": span.until}
        return " AND ".join(conditions) or "1 = 1", values

    def _next(
        self, asked: _Asked, span: Span | None, limit: int, before: Place | None, order: Order
    ) -> list[Any]:
        where, values = self._within(asked, span)
        if before:
            where += f" AND ({', '.join(order)}) < ({', '.join(f':before_{name}' for name in order)})"
            values |= {f"before_{name}": value for name, value in zip(order, before, strict=True)}
        last_first = ", ".join(f"{name} DESC" for name in order)
        sql = f"SELECT * FROM cards WHERE {where} ORDER BY {last_first} LIMIT {int(limit)}"
        return list(self._rows(sql, values))

    def _holding(self, rows: Sequence[Any], long: Sequence[str]) -> Iterator[Any]:
        if not long:
            yield from rows
            return
        said = texts_of(self._ledger, [(row.writer, row.asked, row.ended) for row in rows])
        for row in rows:
            mine = [said.get((row.writer, index)) for index in (row.asked, row.ended) if index]
            if all(any(one and holds(one, word) for one in mine) for word in long):
                yield row

    def _with_tags(self, rows: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
        ids = [row.id for row in rows]
        tags: dict[int, list[tuple[str, str]]] = {id: [] for id in ids}
        if ids:
            listed = ", ".join(map(str, ids))
            for row in self._rows(
                f"SELECT id, kind, name FROM tags WHERE id IN ({listed}) ORDER BY kind, name", {}
            ):
                tags[row.id].append((row.kind, row.name))
        for row in rows:
            card = dict(row._mapping)
            own = tags[card.pop("id")]
            yield card | {
                "severity": SEVERITIES[card["severity"]],
                "is_test": bool(card["is_test"]),
                "disposition": card["disposition"] or None,
                "rules": [name for kind, name in own if kind == "rule"],
                "entities": [name for kind, name in own if kind == "entity"],
                "alarms": [name for kind, name in own if kind == "alarm"],
                "drill": next((name for kind, name in own if kind == DRILL), None),
            }

    def _rows(self, sql: str, values: Mapping[str, Any]) -> Iterable[Any]:
        found: Iterable[Any] = self._connection.execute(text(sql), values).all()
        return found


_EQUAL = (
    "exchange", "person", "department", "section", "tool", "model", "category", "confidentiality", "verdict", "outcome",
    "reason", "egress", "conversation", "use_case", "campaign", "incident", "disposition",
)  # fmt: skip


def texts_of(ledger: Address, places: Sequence[tuple[str, int, int | None]]) -> dict[tuple[str, int], str]:
    """The masked texts of these exchanges (writer, index of the question, of the ending), as far as they are there."""
    wanted = [(writer, index) for writer, *both in places for index in both if index]
    if not wanted:
        return {}
    texts, places_wanted = tables.texts, tables.places(wanted)
    beside = (texts.c.writer == places_wanted.c.writer) & (texts.c.idx == places_wanted.c.idx)
    found = tables.select(texts.c.writer, texts.c.idx, texts.c.text).join_from(places_wanted, texts, beside)
    with reading(ledger) as connection:
        rows = connection.execute(found)
        return {(row.writer, row.idx): row.text for row in rows}


def records_of(ledger: Address, places: Sequence[tuple[str, int]]) -> tuple[Record, ...]:
    """These records (writer, index) in this order, as far as they are there."""
    if not places:
        return ()
    records = tables.records
    rows: list[Any] = []
    with reading(ledger) as connection:
        for first in range(0, len(places), _LOOKED_AT):
            wanted = tables.places(places[first : first + _LOOKED_AT])
            beside = (records.c.writer == wanted.c.writer) & (records.c.idx == wanted.c.idx)
            rows += connection.execute(tables.select(records).join_from(wanted, records, beside)).all()
    by_place = {(row.writer, row.idx): record_of(row) for row in rows}
    return tuple(by_place[place] for place in places if place in by_place)


def _unsure(question: Question) -> list[str]:
    """The words whose texts have to be looked at: that a text has their pairs is not enough."""
    return [word for word in map(folded, question.words) if not is_sure(word)]


def _listed(each: Sequence[str]) -> str:
    """That a card is one of those whose rows these queries give."""
    rows = " UNION ALL ".join(f"SELECT row / 2 AS id FROM ({one}) AS w{n}" for n, one in enumerate(each))
    return f"id IN ({rows})" if rows else "1 = 0"


def _of_cards(condition: str) -> str:
    """A condition where tags stand beside the cards: both have an id."""
    return f"cards.{condition}" if condition.startswith("id IN") else condition


def _place(row: Any, order: Order) -> Place:
    return tuple(getattr(row, name) for name in order)
