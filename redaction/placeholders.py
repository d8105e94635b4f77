"""Placeholders in a text that comes in masked already: [PERSON_1_k7q2], [PHONE_NUMBER]. Pure functions.

What looks like one is nobody's datum: no finding has a character of it. That hides nothing: the vault puts away
whatever has a number and a tag as a literal, and a kind alone says nothing.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from redaction.model import Finding
from redaction.overlap import outside
from redaction.recognizers import kinds
from redaction.vault import LITERAL, narrow

_DIGIT = re.compile("[0-9]")
_FEW = 2
"""Digits in a kind at most: a number could be spelled in more."""


_BRACKETS = re.compile(r"[\[［][0-9A-Za-z_０-９Ａ-Ｚａ-ｚ＿]{2,56}[\]］]")


@cache
def _placeholder() -> "re.Pattern[str]":
    numbered = r"(?P<kind>[A-Z][A-Z0-9_]{0,40})_[0-9]{1,6}_[a-z2-7]{4}"
    return re.compile(rf"\[(?:{numbered}|{'|'.join(sorted({*kinds(), LITERAL}))})\]")


def _spans(text: str) -> list[tuple[int, int]]:
    return [brackets.span() for brackets in _BRACKETS.finditer(text) if _is_one(narrow(brackets.group()))]


def _is_one(brackets: str) -> bool:
    match = _placeholder().fullmatch(brackets)
    return match is not None and len(_DIGIT.findall(match["kind"] or "")) <= _FEW


def beside_placeholders(text: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings, sorted and apart, without the placeholders."""
    return outside(text, findings, _spans(text))
