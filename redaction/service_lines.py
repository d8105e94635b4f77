"""Service lines: toll-free numbers and others that are a company's, never a person's own. Pure functions."""

import re

from redaction.digits import digits_of
from redaction.folding import fold

_NOBODYS = re.compile(r"0(?:120|570|800|180|990)")
"""Toll-free and service lines (総務省 電気通信番号計画): a company's, never a person's own."""


def nobodys(number: str) -> bool:
    """Whether a number is a toll-free or service line, however it is written."""
    return _NOBODYS.match(digits_of(fold(number).text)) is not None
