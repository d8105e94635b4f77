"""The press: a paper becomes a PDF. The only door to typst and to the Japanese font, both imported when first needed.

A4, page x/y, black on white, the heads of a table again on each page; offline, and with no font of the machine: the same
paper of the same moment is the same file wherever it is made. What people wrote goes in as values, never as markup.

The font is Noto Sans JP (SIL Open Font License 1.1, which lets it be embedded and passed on), as pylopdf-fonts-jp
brings it. A sign that it does not have is shown as 〓, as printers do.
"""

import json
import struct
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.paper.model import Block, Heading, Pairs, Paper, Passage, Table

if TYPE_CHECKING:
    import typst

TEMPLATE = Path(__file__).with_name("report.typ")
GETA = "〓"
"""What stands for a sign that there is no type for."""


class CannotPrint(Exception):
    """A PDF cannot be made here: why, in one sentence. Markdown can."""


def pdf(paper: Paper, at: datetime) -> bytes:
    """The paper as a PDF/A-2a file of this moment. Raises `CannotPrint`."""
    try:
        import typst

        values = json.dumps(_values(paper, type_signs()), ensure_ascii=False)
        made = typst.compile(
            TEMPLATE,
            root=TEMPLATE.parent,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"values": values},
            format="pdf",
            pdf_standards=["a-2a"],
            timestamp=int(at.timestamp()),
        )
    except (ImportError, OSError, RuntimeError, ValueError) as error:  # typst's own error is a RuntimeError
        raise CannotPrint(
            f"PDFを作れません({type(error).__name__})。make install をやり直すか、Markdown で出してください"
            f" / a PDF cannot be made ({type(error).__name__}): run make install again, or export as Markdown"
        ) from error
    assert isinstance(made, bytes)
    return made


def font_path() -> Path:
    """The file of the font. Raises ImportError where it is not installed."""
    from pylopdf_fonts_jp import sans_path

    return sans_path()


@cache
def _fonts() -> "typst.Fonts":
    import typst

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[font_path().parent]
    )


@cache
def type_signs() -> frozenset[int]:
    """The code points that the font has: its cmap (OpenType, formats 4 and 12)."""
    raw = font_path().read_bytes()
    tables = {
        raw[at : at + 4]: struct.unpack(">II", raw[at + 8 : at + 16])
        for at in range(12, 12 + 16 * int.from_bytes(raw[4:6], "big"), 16)
    }
    start, _ = tables[b"cmap"]
    signs: set[int] = set()
    for number in range(int.from_bytes(raw[start + 2 : start + 4], "big")):
        at = start + int.from_bytes(raw[start + 8 + 8 * number : start + 12 + 8 * number], "big")
        form = int.from_bytes(raw[at : at + 2], "big")
        if form == 12:
            groups = int.from_bytes(raw[at + 12 : at + 16], "big")
            for first, last, _ in struct.iter_unpack(">III", raw[at + 16 : at + 16 + 12 * groups]):
                signs.update(range(first, last + 1))
        elif form == 4:
            count = int.from_bytes(raw[at + 6 : at + 8], "big") // 2
            ends = struct.unpack(f">{count}H", raw[at + 14 : at + 14 + 2 * count])
            begins = struct.unpack(f">{count}H", raw[at + 16 + 2 * count : at + 16 + 4 * count])
            for first, last in zip(begins, ends, strict=True):
                signs.update(range(first, last + 1))
    return frozenset(signs - {0xFFFF})


def _values(paper: Paper, signs: frozenset[int]) -> dict[str, Any]:
    """The paper as the template takes it."""

    def typed(text: str) -> str:
        return "".join(one if ord(one) in signs or one == "\n" else GETA for one in text)

    def block(one: Block) -> Mapping[str, Any]:
        match one:
            case Heading():
                return {"is": "heading", "text": typed(one.text), "level": one.level}
            case Passage():
                return {"is": "passage", "text": typed(one.text), "faint": one.faint}
            case Pairs():
                return {"is": "pairs", "rows": [[typed(name), typed(value)] for name, value in one.rows]}
            case Table():
                return {
                    "is": "table",
                    "heads": [typed(head) for head in one.heads],
                    "rows": [[typed(cell) for cell in row] for row in one.rows],
                    "widths": list(one.widths),
                }

    return {
        "title": typed(paper.title),
        "subtitle": typed(paper.subtitle),
        "foot": typed(paper.foot),
        "mark": typed(paper.mark) if paper.mark else None,
        "blocks": [block(one) for one in paper.blocks],
    }
