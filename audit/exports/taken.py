"""An export as a file: the lines of its form, what was counted while they were written, and the manifest beside it.

    records.csv                  the export, under its name whole or not at all, readable by its owner alone
    records.csv.manifest.json    {"form":"csv","export":{"id":"e-…","by":…},"records":1200,"sha256":"…","bytes":…,…}

The digest is that of the file as it lies there, packed where its name ends in ``.gz``.
"""

import gzip
import io
import json
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from audit.exports import cef, csv_form, jsonl_form, ocsf
from audit.exports.chosen import Chosen, Form, Wanted
from audit.exports.flat import flat
from audit.exports.watermark import Watermark
from audit.following import Entry

MADE = "export.made"
"""The event that the ledger keeps of an export that was written."""
_COMPRESSION = 3
_BUFFER = 1 << 18


@dataclass(slots=True)
class Taken:
    """What was written. ``kinds``: records by their kind."""

    records: int = 0
    texts: int = 0
    bytes: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    sha256: str = ""

    def plain(self) -> dict[str, Any]:
        """As the ledger and the manifest have it."""
        return {
            "records": self.records,
            "texts": self.texts,
            "kinds": dict(sorted(self.kinds.items())),
            "bytes": self.bytes,
            "sha256": self.sha256,
        }


def lines(form: Form, entries: Iterator[Entry], mark: Watermark) -> Iterator[bytes]:
    """The lines of an export, each with its end."""
    if form == "csv":
        yield csv_form.head()
    for entry in entries:
        yield _LINES[form](entry, mark)


_LINES: Mapping[Form, Callable[[Entry, Watermark], bytes]] = {
    "csv": lambda entry, mark: csv_form.line(flat(entry.record, entry.text), mark),
    "jsonl": lambda entry, mark: jsonl_form.line(entry.record, entry.text, mark),
    "ocsf": lambda entry, mark: ocsf.line(entry.record, entry.text, mark),
    "cef": lambda entry, mark: (cef.line(entry.record, mark) + "\n").encode("utf-8", "backslashreplace"),
}


def fill(file: IO[bytes], form: Form, chosen: Chosen, mark: Watermark, *, packed: bool = False) -> Taken:
    """Write an export into an open file."""
    taken = Taken()
    sink = _Digesting(file)
    content = lines(form, _counted(chosen.entries, taken), mark)
    if packed:
        with io.BufferedWriter(gzip.GzipFile("", "wb", _COMPRESSION, sink, mtime=0), _BUFFER) as buffer:
            for line in content:
                buffer.write(line)
    else:
        for line in content:
            sink.write(line)
    taken.bytes, taken.sha256 = sink.bytes, sink.digest.hexdigest()
    return taken


def _counted(entries: Iterator[Entry], taken: Taken) -> Iterator[Entry]:
    for entry in entries:
        taken.records += 1
        taken.texts += entry.text is not None
        taken.kinds[entry.record.kind] += 1
        yield entry


class _Digesting(io.RawIOBase):
    """Passes on what is written and adds up its digest."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self.bytes = 0
        self.digest = sha256()

    def writable(self) -> bool:
        return True

    def write(self, raw: Any) -> int:
        self.digest.update(raw)
        self.bytes += len(raw)
        self._file.write(raw)
        return len(raw)


def write(path: Path, wanted: Wanted, chosen: Chosen, mark: Watermark, *, overwrite: bool = False) -> Taken:
    """Write an export to a new file, and its manifest beside it. Raises FileExistsError and other OSErrors."""
    beside = manifest_of(path)
    for one in (path, beside):
        if one.exists() and not overwrite:
            raise FileExistsError(f"{one} is there already")
    with _whole(path) as file:  # neither has its name unless both could be written
        taken = fill(file, wanted.form, chosen, mark, packed=path.suffix == ".gz")
        with _whole(beside) as note:
            note.write(manifest(path.name, wanted, mark, taken))
    return taken


def manifest_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.manifest.json")


def manifest(name: str, wanted: Wanted, mark: Watermark, taken: Taken) -> bytes:
    """What lies beside the file: what is in it, who took it out, and its digest."""
    told: dict[str, Any] = {"format": "sekisho.manifest.v1", "file": name, "form": wanted.form}
    told |= {"export": mark.plain(), "filters": wanted.question.stated(), "with_texts": wanted.texts}
    told |= taken.plain()
    return (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode()


class _whole:
    """A file that only its owner can read, and that has its name once it is whole and lies on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")

    def __enter__(self) -> IO[bytes]:
        handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._file:
                if kind is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if kind is None:
                os.replace(self._draft, self._path)
                _sync_folder(self._path.absolute().parent)
        finally:
            with suppress(OSError):
                self._draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
