"""Rows that are given to whoever asked for them by law: their words are searched once more before they leave the house.

What the ledger keeps was masked as it was asked. Detectors learn, so that today's finds what an older one passed over: it
is masked as well. Placeholders stay as they are for the person whose they are (`personal`); for everybody else they say
their kind alone (`information`): 〔氏名〕. Ids of other people are taken out of whatever somebody wrote.

Pure: it is handed the detector's findings, and opens nothing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from audit.disclosed import Cell, Kind, Row, Words, with_words
from policies.model import CATEGORY_CODES
from policies.vocabulary import ENTITY_WORDS, VALUE_WORDS
from proxy.office.others import SOMEBODY, Others, replaced
from redaction.model import IRREVERSIBLE, Finding
from redaction.vault import LITERAL, narrow

_PLACEHOLDER = re.compile(r"\[(?P<label>[A-Z][A-Z0-9_]{0,40}?)(?P<number>_[0-9]{1,6}_[a-z2-7]{4})?\]")
_OURS = frozenset(
    {"what", "at", "day", "exchange", "person", "event", "record_until", "text_until", "original_until"}
)
"""Columns that only the house itself writes."""


def words_of(rows: Iterable[Row]) -> list[str]:
    """Every word of some rows that is to be searched, in order."""
    return [part.text for _, cell in _open(rows) for part in cell.parts]


def given(
    kind: Kind, rows: Sequence[Row], findings: Sequence[Sequence[Finding]], others: Others
) -> list[Row]:
    """The rows as they may be given; ``findings`` are those of `words_of`, in its order."""
    found = iter(findings)
    made = []
    for row in rows:
        words = {
            name: tuple(
                masked(kind, part.text, here, others)
                for part, here in zip(cell.parts, list(islice(found, len(cell.parts))), strict=True)
            )
            for name, cell in row.items()
            if isinstance(cell, Words)
        }
        told = with_words(row, words)
        made.append({name: _without(name, cell, others, words) for name, cell in told.items()})
    return made


def masked(kind: Kind, text: str, findings: Sequence[Finding], others: Others) -> str:
    """A text with what was newly found in it masked, without ids of others, its placeholders as this kind of request
    shows them."""
    spans = [(one.start, one.end, f"〔{_called(one.label)}〕") for one in findings]
    if kind == "information":
        for match in _PLACEHOLDER.finditer(narrow(text)):
            if (
                match["number"]
                or match["label"] in ENTITY_WORDS
                or match["label"] in (*IRREVERSIBLE, LITERAL)
            ):
                spans.append((*match.span(), f"〔{_called(match['label'])}〕"))
    return replaced(text, [*spans, *((start, end, SOMEBODY) for start, end in others.spans(text))])


def in_words(name: str, cell: Cell) -> str:
    """A cell as a person reads it: codes by their Japanese names."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return str(cell)
    if name == "entities":
        return "、".join(f"{_called(kind)} {count}" for kind, _, count in _counted(cell))
    if name == "category":
        return CATEGORY_CODES.get(cell, cell)
    if name in ("role", "by_role"):
        return VALUE_WORDS.get(cell, cell)
    return _WORDS.get(name, {}).get(cell, cell)


_WORDS: dict[str, dict[str, str]] = {
    "verdict": {"permit": "通した", "confirm": "人の確認を求めた", "refuse": "断った"},
    "outcome": {
        "answered": "回答した",
        "refused": "断った",
        "failed": "失敗した",
        "abandoned": "途中で切れた",
        "lost": "結末が分からない",
        "open": "まだ終わっていない",
    },
    "egress": {
        "none": "何も出ていない",
        "masked": "伏せて出た",
        "partly_unmasked": "規則が許した種類だけそのまま出た",
        "unmasked": "そのまま出た",
        "unknown": "分からない(伏せずに出たものと数えます)",
    },
    "identity": {"authenticated": "本人のキーか市の認証", "asserted": "ツールの申告"},
}


def _open(rows: Iterable[Row]) -> Iterator[tuple[str, Words]]:
    for row in rows:
        for name, cell in row.items():
            if isinstance(cell, Words):
                yield name, cell


def _without(name: str, cell: Cell, others: Others, words: Any) -> Cell:
    if isinstance(cell, str) and name not in _OURS and name not in words:
        return others.hidden(cell)
    return cell


def _called(label: str) -> str:
    return "記号" if label == LITERAL else ENTITY_WORDS.get(label, "個人情報")


def _counted(cell: str) -> Iterator[tuple[str, str, str]]:
    for one in cell.split():
        yield one.partition(":")
