"""What stands on a paper, before anybody knows how it will look. Values only; pure.

Everything in it is plain text: what looks like markup is shown as it was written.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pairs:
    """What each is: a name, and beside it what it is."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads. The heads come again on each page. ``widths``: how wide each column is, beside the others."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[float]


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of text. ``faint``: a remark, not what the paper is about."""

    text: str
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """``level`` 1 or 2."""

    text: str
    level: int = 1


Block = Pairs | Table | Passage | Heading


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper. ``mark`` stands on every page (訓練); ``foot`` too: what it is, who made it and when."""

    title: str
    subtitle: str
    foot: str
    blocks: Sequence[Block]
    mark: str | None = None
