"""A paper as Markdown (CommonMark with tables). Pure. What people wrote is text there, too, whatever it looks like."""

import re
from collections.abc import Iterator, Sequence

from audit.paper.model import Block, Heading, Pairs, Paper, Passage, Table

_SIGNS = re.compile(r"([\\`*_\[\]<>#|~&!])")
_BEGINS = re.compile(r"^(\s*)([-+=:]|[0-9]+[.)])", re.MULTILINE)


def markdown(paper: Paper) -> str:
    """The whole paper, with a line break at its end."""
    parts = [f"# {_cell(paper.title)}", _text(paper.subtitle)]
    if paper.mark:
        parts.append(f"**【{_cell(paper.mark)}】**")
    parts += ["\n".join(_block(block)) for block in paper.blocks]
    parts += ["---", _text(paper.foot)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * (block.level + 1)} {_cell(block.text)}"
        case Passage():
            yield _text(block.text)
        case Pairs():
            yield from _table(("項目", "内容"), block.rows)
        case Table():
            yield from _table(block.heads, block.rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_cell, heads))} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    return "<br>".join(_SIGNS.sub(r"\\\1", line) for line in text.split("\n")) or " "


def _text(text: str) -> str:
    """Each line a line of its own, and none of them a list or a heading; an empty one parts two paragraphs."""
    said = _BEGINS.sub(lambda found: f"{found[1]}{_kept(found[2])}", _SIGNS.sub(r"\\\1", text))
    paragraphs = re.split(r"\n\s*\n", said.strip("\n"))
    return "\n\n".join("  \n".join(one.split("\n")) for one in paragraphs)


def _kept(sign: str) -> str:
    return f"{sign[:-1]}\\{sign[-1]}"
