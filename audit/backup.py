"""A ledger's backup, written while writers go on, and the way back from it.

A backup is an export of everything (export.py), and its first line says so: whoever can verify an export can verify
a backup, years later, without this program. Nothing is called good that was not read again. It holds the sealed
originals and their keys as the ledger does, wrapped, and never the master key or the signing key: those are kept
elsewhere (docs/operations.md).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audit import export, intake, verify
from audit.address import Address


class Broken(Exception):
    """The file is not sound, and was not restored. ``report`` says what is wrong."""

    def __init__(self, report: verify.Report) -> None:
        super().__init__(report.first_bad.code if report.first_bad else "")
        self.report = report


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back.

    records, note   how many records, and the number of the newest note
    closed          exchanges that were open when the backup was made, now ``lost``
    skipped         lines that could not be read; only with ``even_if_broken``
    report          the verdict on what came back
    """

    records: int
    note: int
    closed: int
    skipped: int
    report: verify.Report


def make(
    ledger: Address,
    path: Path,
    public_key: Path | None,
    *,
    overwrite: bool = False,
    first: Callable[[int], None] = lambda records: None,
) -> tuple[export.Written, verify.Report]:
    """Write the backup, read the file again and verify it. Raises as export.write and verify.verify do."""
    written = export.write(ledger, path, texts=True, everything=True, overwrite=overwrite, first=first)
    return written, verify.verify(path, public_key)


def restore(
    path: Path, to: Address, public_key: Path | None, *, by: str, even_if_broken: bool = False
) -> Restored:
    """Make a ledger of the file in an empty place, all of it or nothing.

    Raises Broken, ValueError for a file that is no backup, NotEmpty, NotTaken, OSError, RuntimeError and
    sqlalchemy's errors; then the place is as it was.
    """
    _demand_backup(path)
    before = verify.verify(path, public_key)
    if not before.ok and not even_if_broken:
        raise Broken(before)
    with intake.beginning(to) as (place, connection):
        taken = intake.take_in(place, connection, verify.file_lines(path), broken=even_if_broken)
        report = intake.verified(connection, taken, public_key, exactly=before.ok)
        if before.ok and not report.ok:
            raise intake.NotTaken("the restored ledger is not sound, though the file is")
        event = {"event": "ledger.restored", "by": by, "records": taken.records, "note": taken.newest}
        closed = intake.close_all(place, connection, event)
    return Restored(taken.records, taken.newest, closed, taken.skipped, report)


def _demand_backup(path: Path) -> None:
    """Raise ValueError, with a sentence, for what cannot be made a ledger again."""
    try:
        tag, _, header = next(verify.file_lines(path), b"").partition(b"\t")
    except ValueError:
        tag = header = b""
    if tag != export.TAG.encode():
        raise ValueError(f"台帳のバックアップではありません / {path} is no backup of a ledger")
    try:
        said = json.loads(header)
        begins, texts, everything = said["from"], said["texts"], said.get("everything", False)
    except (ValueError, TypeError, KeyError, AttributeError):
        return  # verify says what is wrong with it
    if begins != 0:
        raise ValueError(
            f"控え {begins} 番より新しい分だけのファイルなので戻せません。バックアップには全部が入ります"
            f" / {path} holds only what is newer than note {begins}; a backup holds everything"
        )
    if not texts:
        raise ValueError(
            "本文のない export のファイルなので戻せません。バックアップには全部が入ります"
            f" / {path} was exported without texts; a backup holds everything"
        )
    if everything is not True:
        raise ValueError(
            "export --text のファイルです。原文の鍵などが入っていないので戻せません"
            f" / {path} is an export with texts, without the keys of the originals; a backup holds everything"
        )
