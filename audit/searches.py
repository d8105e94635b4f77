"""Searches that a reader keeps under a name, and may share with the other readers. Pure; the ledger remembers.

What is kept is the question, never its answer: whoever asks it sees what is theirs to see, on the day they ask. A search
is kept by a record (``search.saved``) and dropped by another (``search.dropped``), so that what a reviewer looks for
again and again can be reviewed, too.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from audit import wording
from audit.catalogue.grams import folded, grams
from audit.catalogue.question import BadQuestion, Question, TooShort
from audit.model import Draft, Record
from audit.readers import Reader

EVENTS = "search.*"
MOST = 100
"""Searches that one reader keeps."""


class NotSaved(ValueError):
    """``code``: ``taken``, ``too_many`` or ``not_yours``; `ja` and `en` say what to do."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.ja, self.en = _SAID[code]
        super().__init__(f"{self.ja} / {self.en}")


@dataclass(frozen=True, slots=True)
class Saved:
    """A question under a name. ``days``: asked in so many last days, counted at every look anew; None: as it says.

    ``owner`` and ``role`` are who keeps it; at the terminal the system's name for them, and ``terminal``.
    """

    id: str
    name: str
    owner: str
    role: str
    question: Question
    days: int | None
    shared: bool
    saved_at: str

    def asked(self, now: datetime) -> Question:
        """The question as it is put at a moment."""
        return replace(self.question, since=now - timedelta(days=self.days)) if self.days else self.question

    def is_of(self, reader: Reader) -> bool:
        """Whether this reader keeps it. A user of the machine and a person of the same name are two."""
        at_the_terminal = "terminal" in (self.role, reader.role)
        return self.owner == reader.person and (not at_the_terminal or self.role == reader.role)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        told = {
            "id": self.id,
            "name": self.name,
            "owner": self.owner,
            "role": self.role,
            "shared": self.shared,
        }
        return told | {"filters": self.question.stated(), "days": self.days, "saved_at": self.saved_at}


def saved(
    reader: Reader,
    name: str | None,
    question: Question,
    kept: Mapping[str, Saved],
    *,
    days: int | None = None,
    shared: bool = False,
) -> Draft:
    """The record that keeps a search; ``kept`` are those within reach. Raises `NotForThem`, `BadWording`, `NotSaved`,
    `TooShort`."""
    reader.demand("exchanges")
    named = wording.name(name)
    if not all(grams(folded(word)) for word in question.words):
        raise TooShort
    own = [one for one in kept.values() if one.is_of(reader)]
    if any(one.name == named for one in own):
        raise NotSaved("taken")
    if len(own) >= MOST:
        raise NotSaved("too_many")
    body = {
        "event": "search.saved",
        "by": reader.person,
        "role": reader.role,
        "search": f"s-{secrets.token_hex(6)}",
    }
    return Draft(
        "noted", None, body | {"name": named, "filters": question.stated(), "days": days, "shared": shared}
    )


def dropped(reader: Reader, one: Saved) -> Draft:
    """The record that drops a search of one's own. Raises `NotForThem`, `NotSaved`."""
    reader.demand("exchanges")
    if not one.is_of(reader):
        raise NotSaved("not_yours")
    body = {"event": "search.dropped", "by": reader.person, "role": reader.role, "search": one.id}
    return Draft("noted", None, body | {"name": one.name})


def searches_of(records: Iterable[Record]) -> dict[str, Saved]:
    """Every search that is kept now, by its id, from the records that speak of them, in any order."""
    kept: dict[str, Saved] = {}
    gone: set[str] = set()
    for record in sorted(records, key=lambda one: (one.at, one.writer, one.index)):
        body = json.loads(record.body)
        if body["event"] == "search.saved":
            with suppress(
                BadQuestion
            ):  # of a filter that is no more: it cannot be asked, and nobody else's is lost
                kept[body["search"]] = _saved(body, record.at)
        else:
            gone.add(body["search"])
    return {id: one for id, one in kept.items() if id not in gone}


def question_of(stated: Mapping[str, Any]) -> Question:
    """The question that states this (`Question.stated`). Raises `BadQuestion` for a filter that is no more."""
    given: dict[str, Any] = {}
    for name, value in stated.items():
        if name not in Question.__slots__:
            raise BadQuestion(
                f"この検索には、いまはない条件({name})があります。",
                f"This search has a filter that is no more: {name}.",
            )
        if name in ("since", "until"):
            value = datetime.fromisoformat(value)
        given[name] = tuple(value) if isinstance(value, list) else value
    return Question(**given)


def _saved(body: Mapping[str, Any], at: str) -> Saved:
    return Saved(
        id=body["search"],
        name=body["name"],
        owner=body["by"],
        role=body["role"],
        question=question_of(body["filters"]),
        days=body["days"],
        shared=body["shared"],
        saved_at=at,
    )


_SAID = {
    "taken": (
        "同じ名前の検索を、もう残しています。別の名前にするか、先に消してください。",
        "You keep a search of this name already: choose another, or drop that one first.",
    ),
    "too_many": (
        f"残せる検索は一人{MOST}件までです。使わないものを消してください。",
        f"A reader keeps {MOST} searches at most: drop some that you do not use.",
    ),
    "not_yours": (
        "消せるのは、自分が残した検索だけです。",
        "Only whoever keeps a search drops it.",
    ),
}
