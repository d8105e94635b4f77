"""What commands print: tables for people, JSON for programs. A cell is text, never markup; rich is loaded when needed."""

import json
from collections.abc import Collection, Sequence
from typing import Any

import typer


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], whole: Collection[str] = ("ID",)) -> None:
    """A table. Columns named in ``whole`` are never broken: somebody types what stands in them, or reads it wrong."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table()
    for head in heads:
        drawn.add_column(head, overflow="fold", no_wrap=head in whole)
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)


def json_line(value: Any) -> None:
    """One line of JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False))
