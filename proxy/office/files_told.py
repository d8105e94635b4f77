"""Files of rows at the terminal: read, written so that only their owner reads them, and told what is wrong in them.

For the book of people and for its quarterly review alike.
"""

import os
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy import printing
from proxy.failing import stop

if TYPE_CHECKING:
    from proxy.office.people_csv import RowFault

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSVファイル / A CSV file.")]
To = Annotated[Path | None, typer.Option("--to", help="書き出すファイル / File to write.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="何が変わるかを見るだけ / Only show what would change.")
]


def read(file: Path) -> tuple[bytes, str]:
    """What stands in a file, and its SHA-256, hex. Ends the command where it cannot be read."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        stop(f"{file}: 読めません。ファイル名を確かめてください / cannot be read: {error.strerror}")
    return raw, sha256(raw).hexdigest()


def write(to: Path | None, raw: bytes, rows: int) -> None:
    """To a file that only its owner reads, for it holds names; else to where the command's output goes."""
    if to is None:
        sys.stdout.buffer.write(raw)
        sys.stdout.flush()
        return
    try:
        with open(to, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(raw)
    except OSError as error:
        stop(f"{to}: 書けません / cannot be written: {error.strerror}")
    typer.echo(f"{to} に {rows}件を書き出しました / {rows} rows written")


def tell_done(done: bool) -> None:
    """Whether it was done, or only looked at."""
    typer.echo(
        "読み込みました / done"
        if done
        else "確かめただけで、まだ何も変えていません。--dry-run を外すと読み込みます / nothing is changed yet; run it without --dry-run"
    )


def tell_faults(faults: "Sequence[RowFault]") -> None:
    """Row, column, fault and remedy of each; nothing where there is none."""
    if not faults:
        return
    rows = [
        (
            "" if one.row is None else str(one.row),
            one.column or "",
            f"{one.says.ja} / {one.says.en}",
            f"{one.remedy.ja} / {one.remedy.en}",
        )
        for one in faults
    ]
    printing.table(("行 / Row", "列 / Column", "まちがい / Fault", "直し方 / Remedy"), rows)
    typer.echo(
        f"sekisho: {len(faults)}か所を直してください。何も変えていません"
        f" / {len(faults)} to mend; nothing was changed",
        err=True,
    )
