"""What other people are called in the books, so that it can be taken out of free words. Pure but for `others_of`.

A reason may say 100456の申立て, and a question 担当の100456に聞いた: nobody's id is given to somebody else by way of it.
Full-width ones count, too. An id that is long enough is found inside a longer word as well.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from redaction.vault import narrow

if TYPE_CHECKING:
    from audit.address import Address
    from proxy.office.store import Office

SOMEBODY = "〔職員など〕"

_RUN = re.compile(r"[0-9A-Za-z_]+")
_LONG = 5
"""Characters from which on an id is looked for inside of words."""
_NOBODYS = frozenset({"root"})
"""Accounts of machines that everybody has."""
_UPPER = {ord(letter): ord(letter) + 32 for letter in map(chr, range(ord("A"), ord("Z") + 1))}


class Others:
    """The ids, keys, accounts and addresses of everybody but one person."""

    def __init__(self, called: Iterable[str]) -> None:
        names = {_plain(name) for name in called} - _NOBODYS - {""}
        self._runs = frozenset(name for name in names if _RUN.fullmatch(name))
        self._inner = sorted({len(name) for name in self._runs if len(name) >= _LONG}, reverse=True)
        self._rest = sorted((name for name in names if not _RUN.fullmatch(name)), key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """The text without any of them."""
        return replaced(text, [(start, end, SOMEBODY) for start, end in self.spans(text)])

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where they stand in it."""
        plain = _plain(text)
        spans = [
            span for match in _RUN.finditer(plain) for span in self._within(match.group(), match.start())
        ]
        for name in self._rest:
            at = plain.find(name)
            while at >= 0:
                spans.append((at, at + len(name)))
                at = plain.find(name, at + 1)
        return spans

    def _within(self, run: str, start: int) -> list[tuple[int, int]]:
        if run in self._runs:
            return [(start, start + len(run))]
        return [
            (start + at, start + at + length)
            for length in self._inner
            for at in range(len(run) - length + 1)
            if run[at : at + length] in self._runs
        ]


def others_of(ledger: "Address", office: "Office | None", person: str | None) -> frozenset[str]:
    """What everybody is called but ``person``: in the ledger, and in the office's books where there are any.

    Raises one of query.CANNOT_READ, or SQLAlchemyError where the books cannot be read.
    """
    from audit.catalogue.people import everybody
    from proxy.office.tables import keys, people, select

    called = set(everybody(ledger))
    if office is not None:
        with office.reading() as connection:
            called |= set(connection.execute(select(people.c.id)).scalars())
            owned = connection.execute(select(keys.c.id, keys.c.person)).all()
        called |= {id for id, owner in owned if owner is None or owner != person}
    return frozenset(called - {person})


def _plain(text: str) -> str:
    """One for one, so that a place in it is a place in the text."""
    return narrow(text).translate(_UPPER)


def replaced(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """The text with a word in the place of each span. Spans that share a character become one, named after the longest
    of them; of two that are as long, after whoever is somebody here."""
    united: list[tuple[int, int, list[tuple[int, int, str]]]] = []
    for span in sorted(spans):
        if united and span[0] < united[-1][1]:
            first, last, members = united[-1]
            united[-1] = (first, max(last, span[1]), [*members, span])
        else:
            united.append((span[0], span[1], [span]))
    parts, done = [], 0
    for start, end, members in united:
        word = max(members, key=lambda one: (one[1] - one[0], one[2] == SOMEBODY))[2]
        parts += [text[done:start], word]
        done = end
    return "".join([*parts, text[done:]])
