"""How an answer is parted: into pages, in an order, and month by month. Pure.

    ["2026-11-23T05:21:00.123456Z","01KCQ2Z5XBQ6M1V0J9R8T7C4WD"]    a cursor, before it is spelled as base64

A cursor is the place of the last row of its page in the order. It names no number of rows, so that what comes in
meanwhile moves nothing; and it is as good after the catalogue was made anew.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.catalogue.question import BadQuestion, demand_sound
from audit.months import Month
from audit.names import moment

COUNTED = 1_000
"""So many are counted for each page; of more it is said that there are more. Numbers are what `Look.counts` is for."""

Order = tuple[str, ...]
"""The columns that rows are sorted by, the last row first."""
NEWEST: Order = ("at", "exchange")
URGENT: Order = ("severity", "at", "exchange")

Place = tuple[Any, ...]
"""Where a row stands in an order."""


_LONGEST = 500
"""Characters of a cursor."""


class BadCursor(BadQuestion):
    """A place to go on from that no search has given."""

    about = "cursor"

    def __init__(self) -> None:
        super().__init__(
            "続きの印(cursor)は、前の頁が示したものをそのまま渡してください。",
            "This is no cursor that a search has given: pass on the one of the page before.",
        )


@dataclass(frozen=True, slots=True)
class Found:
    """Cards as they stand in the catalogue, newest first; ``cursor`` None on the last page.

    ``total`` counts all pages, up to `COUNTED`; ``more``: there are more than that. ``at_most``: so many have every pair
    of characters of the words, and not each need hold them in a row; what is on a page was looked at.
    """

    cards: tuple[Mapping[str, Any], ...]
    cursor: str | None
    total: int
    more: bool
    at_most: bool = False


def cursor_at(place: Place) -> str:
    """The cursor of the page that begins after this place."""
    said = json.dumps(place, separators=(",", ":"))
    return base64.urlsafe_b64encode(said.encode()).decode("ascii").rstrip("=")


def read_cursor(cursor: str, order: Order) -> Place:
    """The place where the last page ended. Raises `BadCursor` for what is no cursor of this order."""
    try:
        if len(cursor) > _LONGEST:
            raise ValueError
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        for name, value in zip(order, place, strict=True):
            if not isinstance(value, int if name == "severity" else str):
                raise TypeError
        demand_sound(*place)
        return tuple(place)
    except (ValueError, TypeError, RecursionError) as fault:
        raise BadCursor from fault


Strays = Mapping[Month, Mapping[Month, frozenset[int]]]
"""Cards that were asked in one month and whose words are those of another, as the month turned: by the first, the second."""


@dataclass(frozen=True, slots=True)
class Span:
    """What was asked in a month of the calendar, and where the words of it are: in the month's own table, if there is one,
    and of a few strays in others'."""

    since: str
    until: str
    own: Month | None
    strays: Mapping[Month, frozenset[int]]


def spans_of(months: Iterable[Month], strays: Strays, since: str | None, until: str | None) -> list[Span]:
    """The months that something was asked in, newest first, as far as the period reaches into them."""
    there = set(months)
    spans = []
    for month in sorted(there | strays.keys(), reverse=True):
        span = Span(
            moment(month.first_moment()),
            moment(month.next().first_moment()),
            month if month in there else None,
            {said: ids for said, ids in strays.get(month, {}).items() if said in there},
        )
        if (since is None or span.until > since) and (until is None or span.since < until):
            spans.append(span)
    return spans
