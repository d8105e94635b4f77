"""Verifies a ledger. Runs alone, on any machine: Python's standard library and a public key.

    python3 -I verify.py ledger.sqlite --public-key public.pem --json
    python3 -I verify.py export.txt.gz --public-key public.pem --anchor /media/csirt --save newest.note
    python3 -I verify.py newer.txt.gz --public-key public.pem --from newest.note

It imports no other part of Sekisho, so that whoever checks need not trust the program that wrote: the
formulas of chain.py and notes.py are repeated here on purpose, and a test holds them equal. Everything
is checked on the lines of an export (docs/ledger-format.md, which also lists the codes of what can be
wrong); a SQLite ledger is opened read-only and turned into those very lines on the way. Its memory does
not grow with the number of records, only with chains and with exchanges that are still open.

What it finds: a record that was changed, removed, moved or put in; a text that was changed, or is missing
though nobody recorded that it was erased; an ending without a question, a second ending; a note that is
changed, missing or not signed by this key; a chain that is not what a note says, grew after a note had
closed it, or was purged within a year; an export that was cut short; a ledger that does not hold a note
that was kept elsewhere.
What it cannot find alone: records and notes removed together from the end, back to an earlier state. Keep
notes elsewhere and name them with --anchor. ``unanchored`` counts the records that no note covers yet.

Signatures are checked with the ``cryptography`` package, else with the ``openssl`` program. Nothing that
lies beside this file, or beside the ledger, is run or believed (but ``public.pem`` beside a SQLite ledger).
"""

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # this folder: a module that was put beside us must not answer for Python's own

import argparse
import base64
import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

RECORD_TAG = b"sekisho.record.v1"
TEXT_TAG = b"sekisho.text.v1"
EXPORT_TAG = b"sekisho.export.v1"
ORIGIN = b"sekisho/ledger"
ZEROS = b"0" * 64
NOTHING = b"-"
SCHEMAS = (1, 2)
ENDINGS = frozenset((b"answered", b"refused", b"failed", b"abandoned", b"lost"))
APART = frozenset((b"viewed", b"noted"))

KEEP = timedelta(days=365)
"""So long after the note that closed a chain no note may call it purged."""
LATE = timedelta(hours=1)
"""A record that is dated so much earlier than a note, and came in after it, is backdated."""
LONGEST = 1 << 26
"""Bytes of a line. A note of a hundred thousand chains has some ten millions."""

Verdict = Callable[[bytes, bytes], bool]
"""(64 bytes of signature, signed text) → whether it is good."""


# ── what can be wrong ────────────────────────────────────────────────────────────────────────────

REASONS = {
    line.split()[0]: line.split(maxsplit=1)[1]
    for line in """
    record_missing          記録が抜けています / the record is missing
    record_put_in           記録が差し込まれています / the record was put in
    record_put_in_first     最初の記録の前に差し込まれています / the record was put in before the first
    record_changed          記録が書き換えられています / the record was changed
    record_rehashed         記録が書き換えられ、ハッシュも作り直されています / the record was changed and hashed again
    record_unlinked         記録が直前の記録につながっていません / the record does not stand on the one before it
    record_unfit            記録の項目が互いに合いません / the record's kind, turn, exchange and body do not fit together
    record_misplaced        記録の並び順が違います / the record stands in the wrong place
    record_not_signed       署名した時の記録と違います / the record is not the one that note {note} was signed over
    chain_grew              閉じた鎖に記録が足されています / the chain grew after note {note} had closed it
    chain_cut               鎖の末尾が切り取られています / the record is missing; note {note} counts {size} records here
    chain_missing           鎖が丸ごと無くなっています / the chain is missing; note {note} counts {size} records
    text_changed            本文が書き換えられています / the record's text was changed
    text_unreadable         本文を読めません / the record's text cannot be read
    text_put_in             本文が差し込まれています / a text was put in beside the record
    text_alone              本文だけあって記録がありません / the record is missing; its text is still here
    text_missing            本文が無く、消去の記録もありません / the record's text is missing, and no record says that it was erased
    question_repeated       同じやり取りの質問が二つあります / an exchange was asked twice
    ending_without_question 終わっていない質問が無いのに結果があります / the record ends an exchange that is not open
    header_damaged          先頭の行が壊れています / the export's first line is damaged
    line_unknown            この行は書き出しの行ではありません / the line is none that may stand here
    export_cut_short        書き出しが途中で切れています / the export is cut short
    counts_differ           末尾の件数が合いません / the counts in the last line are not those of the export
    note_missing            控えが抜けています / the note is missing
    note_unreadable         控えを読めません / the note cannot be read
    note_unsigned           控えの署名がこの鍵のものではありません / the note is not signed by this key
    note_misnumbered        控えの番号が違います / the note is not the one of this number
    note_unlinked           控えが直前の控えにつながっていません / the note before was changed
    note_forgets            控えに開いた鎖が載っていません / the note leaves out the open chain {chain}
    note_contradicts        控えどうしが食い違っています / the note contradicts note {note} about {chain}
    note_relists            閉じた鎖が控えに再び載っています / the note lists {chain}, which note {note} had ended
    note_purges_open        閉じていない鎖が消去済みとされています / the note calls {chain} purged, but no note had closed it
    purged_early            閉じてから365日たたないうちに消去済みとされています / the note calls {chain} purged, less than 365 days after note {note} had closed it
    anchor_differs          外に保管した控えと台帳の控えが違います / the note is not the one that was kept elsewhere
    rolled_back             台帳が過去の状態に戻されています / this note was kept elsewhere, and the ledger ends before it: it was rolled back
""".splitlines()[1:]
}
"""Code → what it means, in Japanese and in English. Codes are for ever; sentences may get better."""


def reason(code: str, **facts: object) -> str:
    """The English sentence of a code."""
    return REASONS[code].partition(" / ")[2].format(**facts)


@dataclass(frozen=True, slots=True)
class Bad:
    """The first thing that is wrong: ``code`` is a key of REASONS, ``reason`` its English sentence.

    ``writer`` is ``notes`` and ``index`` a note's number for a note; ``export`` and a line's number for an
    export that is no export.
    """

    writer: str
    index: int
    code: str
    reason: str


class Fault(Exception):
    """Something is wrong at this place. ``hash``: this record's; if the next one stands on it, it is true."""

    def __init__(self, writer: bytes, index: int, code: str, *, hash: bytes = b"", **facts: object) -> None:
        self.bad = Bad(writer.decode("utf-8", "replace"), index, code, reason(code, **facts))
        self.place = writer, index
        self.hash = hash


@dataclass(frozen=True, slots=True)
class Newest:
    """Which note is the newest one that is in order, and when it was signed."""

    number: int
    at: str


@dataclass(frozen=True, slots=True)
class Purge:
    """A chain whose records went when their time was over, and the notes that closed it (None: unknown) and purged it."""

    writer: str
    closed: str | None
    purged: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and what of it is wrong; with ``from_note``, only of what is newer than that note.

    records, writers, checkpoints   how many records, chains with records, and notes
    unanchored                      records that no note covers: cut off or invented, nobody would see it
    signatures                      whether a key was given, and at least one note was checked with it
    texts, texts_erased             texts that are here; records that commit to a text that is not
    purged_chains, newest_purge     chains that were removed when their retention was over; the last of them
    purged_still_here               those of them that are here all the same: the purge was stopped half way
    backdated                       records that came in after a note, and are dated an hour or more before it
    newest_note                     the note that covers all others
    anchored, after_anchor          number of the newest note kept elsewhere, and the records it does not cover
    anchors_skipped                 notes kept elsewhere that are none of this key
    key                             the keys that were given: first 16 digits of their SHA-256
    """

    ok: bool
    records: int
    writers: int
    checkpoints: int
    unanchored: int
    signatures: bool
    first_bad: Bad | None
    texts: int = 0
    texts_erased: int = 0
    purged_chains: int = 0
    purged_still_here: int = 0
    newest_purge: Purge | None = None
    backdated: int = 0
    newest_note: Newest | None = None
    anchored: int | None = None
    after_anchor: int | None = None
    anchors_skipped: int = 0
    from_note: int | None = None
    key: tuple[str, ...] = ()


# ── the whole ────────────────────────────────────────────────────────────────────────────────────


def verify(
    ledger: Path, public_key: Path | None = None, *, save: Path | None = None, **believed: Any
) -> Report:
    """Check a SQLite ledger or an export file, everything in one snapshot.

    save       where to keep the newest note when all is sound
    believed   anchors, from_note: see `trusted`

    Raises OSError or sqlite3.Error when it cannot be read, ValueError when it is neither, the key is not
    an Ed25519 public key, or an anchor is no note of this key; RuntimeError when signatures cannot be
    checked on this machine.
    """
    trust = trusted(public_key, **believed)
    if not ledger.is_file():
        raise FileNotFoundError(f"there is no ledger at {ledger}")
    if is_sqlite(ledger):
        if trust.start:
            raise ValueError("--from needs an export: sekisho audit export FILE --since-note NOTE")
        return _concluded(_verify_sqlite(ledger, trust), save)
    return _concluded(Walk(trust).read(file_lines(ledger)), save)


def verify_lines(
    lines: Iterable[bytes], public_key: Path | None = None, *, save: Path | None = None, **believed: Any
) -> Report:
    """Check the lines of an export, each with or without its newline. Takes and raises what `verify` does."""
    bare = (_single(line.removesuffix(b"\n")) for line in lines)
    return _concluded(Walk(trusted(public_key, **believed)).read(bare), save)


def _single(line: bytes) -> bytes:
    """A newline inside a field would make two lines of one: such a line gets a field too many instead."""
    return line.replace(b"\n", b"\t") + b"\t" if b"\n" in line else line


def _concluded(walk: "Walk", save: Path | None) -> Report:
    report = walk.report()
    if save and report.ok and walk.notes.newest:
        draft = save.with_name(save.name + ".new")
        with open(draft, "wb") as file:
            file.write(walk.notes.newest.signed)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, save)
    return report


@dataclass(frozen=True, slots=True)
class Trust:
    """What the verifier believes before it reads: keys, notes that were kept elsewhere, where to begin.

    anchors   number → digests of the notes that were kept elsewhere
    skipped   how many of these are none of the keys
    """

    keys: "Keys | None"
    anchors: dict[int, set[bytes]]
    skipped: int
    start: "Note | None"


def trusted(public_key: Path | None, anchors: Sequence[Path] = (), from_note: Path | None = None) -> Trust:
    """Read what is believed.

    anchors     files or folders of notes; each must hold a good one, and what is none of the key is skipped
    from_note   a file of good notes that were verified before: begin at the newest

    Raises as `verify` does.
    """
    keys = signature_check(public_key) if public_key else None
    digests: dict[int, set[bytes]] = {}
    skipped, start = 0, None
    for path in anchors:
        good = 0
        for note in kept_notes(path, keys):
            if note:
                good += 1
                digests.setdefault(note.number, set()).add(note.digest)
            else:
                skipped += 1
        if not good:
            raise ValueError(f"{path} holds no note that is whole and signed by the key")
    if from_note:
        for note in kept_notes(from_note, keys):
            if note is None:
                raise ValueError(f"{from_note} holds a note that is not whole or not signed by the key")
            start = note if start is None or note.number > start.number else start
        if start is None:
            raise ValueError(f"{from_note} holds no note")
        digests.setdefault(start.number, set()).add(start.digest)
    return Trust(keys, digests, skipped, start)


_KEPT = re.compile(
    rb"^sekisho/ledger\n(?:(?!sekisho/ledger\n)[^\n]+\n)*\n"
    rb"\xe2\x80\x94 sekisho/ledger [A-Za-z0-9+/]{91}=\n(?:\xe2\x80\x94 [^\n]*\n)*",
    re.MULTILINE,
)


def find_notes(content: bytes) -> list[bytes]:
    """The signed notes inside a longer text, as notes.find has it; line ends of Windows are allowed."""
    return _KEPT.findall(content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n") + b"\n")


def kept_notes(path: Path, keys: "Keys | None") -> Iterator["Note | None"]:
    """The notes in a file, or in all files of a folder; None in the place of one that is not good."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    for file in files:
        for signed in find_notes(file.read_bytes()):
            try:
                yield open_note(signed, keys)
            except Fault:
                yield None


# ── line by line ─────────────────────────────────────────────────────────────────────────────────


class Walk:
    """Follows the lines of one export to its end. After the first fault the lines are only counted."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self.start: Note | None = None
        self.scratch = scratch()
        self.notes = Notes(trust, self.scratch)
        self.bad: Bad | None = None
        self.late: list[Fault] = []  # what only the whole ledger shows
        self.records = self.texts = self.texts_erased = self.backdated = 0
        self.counts: dict[bytes, int] = {}  # chain → how many lines
        self.erased: dict[bytes, Erased] = {}  # chain → its texts that were erased, as the ledger recorded it
        self.left: set[bytes] = set()  # exchanges that no ending in their own chain closed
        self.lost: dict[bytes, tuple[bytes, int]] = {}  # where exchanges of another chain were closed
        self.ahead: list[bytes] | None = None  # chains of the notes that are still to come, backwards
        # The chain that is being followed, and its last record:
        self.chain: Chain | None = None
        self.at, self.commitment = b"", NOTHING
        self.with_texts = self.text_may_follow = self.text_is_due = False

    def read(self, lines: Iterable[bytes]) -> "Walk":
        """Read to the end. Raises ValueError for an export that does not continue the note it is to."""
        line, numbers = b"", 0
        rest = iter(lines)
        try:
            self._header(next(rest, b""))
            ended = False
            for numbers, line in enumerate(rest, start=2):
                if ended:
                    raise self._stray(line, numbers)
                mark = line[:2]
                if mark == b"r\t":
                    self._record(line, numbers)
                elif mark == b"t\t":
                    self._text(line, numbers)
                elif mark == b"n\t" and not self.records:
                    self.notes.take(line)
                elif mark == b"e\t":
                    ended = self._end(line, numbers)
                elif mark != b"x\t":
                    raise self._stray(line, numbers)
            if not ended:
                raise Fault(b"export", max(numbers, 1) + 1, "export_cut_short")
        except Fault as fault:
            self.bad = self._count_rest(rest, fault)
        finally:
            self.scratch.close()
        return self

    def report(self) -> Report:
        """The verdict: first what is wrong with a chain, then between chains, then with a note."""
        late = min(self.late, key=lambda fault: fault.place).bad if self.late else None
        bad = self.bad or late or self.notes.ended()
        notes, keys, newest, anchored = self.notes, self.trust.keys, self.notes.newest, self.notes.anchored
        purged = [name for name, head in notes.chains.items() if head.state == b"purged"]
        return Report(
            ok=bad is None,
            records=self.records,
            writers=len(self.counts),
            checkpoints=notes.count,
            unanchored=self._beyond({name: head.size for name, head in notes.chains.items()}),
            signatures=keys is not None and newest is not None,
            first_bad=bad,
            texts=self.texts,
            texts_erased=self.texts_erased,
            purged_chains=len(purged),
            purged_still_here=sum(name in self.counts for name in purged),
            newest_purge=notes.purge,
            backdated=self.backdated,
            newest_note=Newest(newest.number, newest.at.decode()) if newest else None,
            anchored=anchored,
            after_anchor=self._beyond(notes.anchored_sizes) if anchored else None,
            anchors_skipped=self.trust.skipped,
            from_note=self.start.number if self.start else None,
            key=keys.prints if keys else (),
        )

    def _beyond(self, sizes: dict[bytes, int]) -> int:
        """How many of the records that were read lie behind these ends of the chains."""
        rest = self.records
        for name, count in self.counts.items():
            rest -= min(max(0, sizes.get(name, 0) - self._base(name)[0]), count)
        return rest

    def _header(self, line: bytes) -> None:
        tag, _, rest = line.partition(b"\t")
        if tag != EXPORT_TAG:
            raise ValueError("this is no export of a ledger")
        header = _json(rest)
        said = header if isinstance(header, dict) else {}
        texts, number = said.get("texts"), said.get("from")
        if type(texts) is not bool or type(number) is not int:
            raise Fault(b"export", 1, "header_damaged")
        self.with_texts = texts
        if number:
            if self.trust.start is None or self.trust.start.number != number:
                raise ValueError(f"this export continues note {number}: name that note with --from")
            self.start = self.trust.start
            self.notes.begin(self.start)

    def _end(self, line: bytes, number: int) -> bool:
        self._end_chain()
        self._pass_chains(None)
        if line != b"e\t%d\t%d\t%d" % (self.notes.count, self.records, self.texts):
            raise Fault(b"export", number, "counts_differ")
        self._settle()
        return True

    def _stray(self, line: bytes, number: int) -> Fault:
        """A line where none of its kind may stand; it is counted all the same."""
        if line is TORN:
            return Fault(b"export", number, "export_cut_short")
        self._count_line(line)
        return Fault(b"export", number, "line_unknown")

    def _count_line(self, line: bytes) -> None:
        mark = line[:2]
        self.texts += mark == b"t\t"
        self.notes.count += mark == b"n\t"
        if mark == b"r\t":
            self._count(_four(line)[2])

    def _count_rest(self, lines: Iterator[bytes], fault: Fault) -> Bad:
        """Count what is left.

        Of a record that does not stand on the one before, the next one (or the note over the chain's end)
        tells whether it is true; then the one before is not what it once was.
        """
        (writer, index), follower = fault.place, None
        for line in lines:
            self._count_line(line)
            if line[:2] == b"r\t":
                follower = follower or _four(line)
        head = self.notes.chains.get(writer, UNKNOWN)
        if follower and follower[2] == writer:
            is_true = follower[1] == fault.hash
        else:
            is_true = (head.size, head.hash) == (index, fault.hash)
        return Fault(writer, index - 1, "record_rehashed").bad if fault.hash and is_true else fault.bad

    def _count(self, writer: bytes) -> None:
        self.records += 1
        self.counts[writer] = self.counts.get(writer, 0) + 1

    # ── records ──

    def _record(self, line: bytes, number: int) -> None:
        fields = line.split(b"\t", 8)  # the last one: body, tab, hash
        if len(fields) < 4:
            self._count(_four(line)[2])
            raise Fault(b"export", number, "line_unknown")
        writer = fields[2]
        self._count(writer)
        if self.text_is_due:
            self._miss_text()
        chain = self.chain
        if chain is None or chain.writer != writer:
            chain = self._begin_chain(writer)
        index = chain.index = chain.index + 1
        if fields[3] != b"%d" % index:
            later = _number(fields[3]) > index
            raise Fault(writer, index, "record_missing" if later else "record_put_in")
        cut = fields[-1].find(b"\t")
        if len(fields) != 9 or cut < 0 or b"\t" in fields[-1][cut + 1 :]:
            raise Fault(writer, index, "record_unfit")
        _, prev, _, _, at, kind, exchange, commitment, rest = fields
        digest = rest[cut + 1 :]
        if sealed(line) != digest:
            first = index == 2 and prev == ZEROS and sealed(_numbered(fields, b"1")) == digest
            raise Fault(writer, 1, "record_put_in_first") if first else Fault(writer, index, "record_changed")
        if prev != chain.last:
            raise Fault(writer, index, "record_unlinked", hash=digest if index > 1 else b"")
        if rest[:1] != b"{" or rest[cut - 1] != 125 or (commitment != NOTHING and len(commitment) != 64):
            raise Fault(writer, index, "record_unfit")  # 125: the body's closing brace
        if kind in APART:
            if exchange != NOTHING:
                raise Fault(writer, index, "record_unfit")
            if kind == b"noted" and b'"texts.erased"' in rest:
                self._learn_erasure(at, rest[:cut])
        else:
            self._exchange(chain, kind, exchange)
        floor = chain.floor
        if index == chain.mark:
            chain.meet_mark(digest)
        elif index > chain.limit:
            raise Fault(writer, index, "chain_grew", note=chain.head.note)
        self.backdated += at < floor
        chain.last = digest
        self.at, self.commitment, self.text_may_follow = at, commitment, True
        self.text_is_due = self.with_texts and commitment != NOTHING

    def _base(self, writer: bytes) -> tuple[int, bytes]:
        """Where a chain is taken up: behind what the note says that we began at."""
        head = self.start.heads.get(writer) if self.start else None
        return (head.size, head.hash) if head and head.state != b"purged" else (0, ZEROS)

    def _begin_chain(self, writer: bytes) -> "Chain":
        before = self.chain.writer if self.chain else None
        self._end_chain()
        if before is not None and writer < before:
            raise Fault(writer, self.counts[writer], "record_misplaced")
        self._pass_chains(writer)
        base, last = self._base(writer)
        head = self.notes.chains.get(writer, UNKNOWN)
        self.chain = Chain(writer, base, last, head, self.notes.marks(writer, base), self.notes.floor)
        return self.chain

    def _end_chain(self) -> None:
        if self.text_is_due:
            self._miss_text()
        self.text_may_follow = False
        chain, self.chain = self.chain, None
        if chain is None:
            return
        if chain.index < chain.head.size:
            raise Fault(
                chain.writer, chain.index + 1, "chain_cut", note=chain.head.note, size=chain.head.size
            )
        for exchange, index in chain.open.items():
            if exchange in self.lost:
                del self.lost[exchange]
            elif exchange in self.left:
                self.late.append(Fault(chain.writer, index, "question_repeated"))
            else:
                self.left.add(exchange)

    def _pass_chains(self, writer: bytes | None) -> None:
        """Every chain of the notes before ``writer`` should have come by now."""
        if self.ahead is None:
            self.ahead = sorted(self.notes.chains, reverse=True)
        while self.ahead and (writer is None or self.ahead[-1] <= writer):
            name = self.ahead.pop()
            head, (base, _) = self.notes.chains[name], self._base(name)
            if name not in self.counts and head.state != b"purged" and head.size > base:
                code = "chain_cut" if base else "chain_missing"
                raise Fault(name, base + 1, code, note=head.note, size=head.size)

    # ── exchanges ──

    def _exchange(self, chain: "Chain", kind: bytes, exchange: bytes) -> None:
        """A question opens an exchange, an ending closes it: in its own chain, but for an old ``lost``."""
        if exchange == NOTHING or not exchange or (kind != b"asked" and kind not in ENDINGS):
            raise Fault(chain.writer, chain.index, "record_unfit")
        if kind == b"asked":
            if exchange in chain.open:
                raise Fault(chain.writer, chain.index, "question_repeated")
            chain.open[exchange] = chain.index
        elif chain.open.pop(exchange, None) is None:
            if chain.base and exchange not in chain.earlier:
                chain.earlier.add(exchange)  # asked before the note that we began at
            elif kind == b"lost" and not chain.base and exchange in self.left:
                self.left.remove(exchange)
            elif kind == b"lost" and not chain.base and exchange not in self.lost:
                self.lost[exchange] = chain.writer, chain.index
            else:
                raise Fault(chain.writer, chain.index, "ending_without_question")

    def _settle(self) -> None:
        """What only the end shows: an exchange closed as lost that nobody had left open; a text that is gone."""
        if self.start is None:
            self.late += [Fault(*place, "ending_without_question") for place in self.lost.values()]
        gone = "SELECT writer, count(*), max(at), min(idx) FROM gone GROUP BY writer"
        for writer, count, at, first in self.scratch.execute(gone).fetchall():
            erased = self.erased.get(writer, Erased())
            if count <= erased.count and at <= erased.at:
                first = min((index for index in erased.kept if self._is_gone(writer, index)), default=None)
            if first is not None:
                self.late.append(Fault(writer, first, "text_missing"))

    def _is_gone(self, writer: bytes, index: int) -> bool:
        found = "SELECT 1 FROM gone WHERE writer = ? AND idx = ?"
        return self.scratch.execute(found, (writer, index)).fetchone() is not None

    # ── texts ──

    def _text(self, line: bytes, number: int) -> None:
        self.texts += 1
        fields = line.split(b"\t", 4)
        if len(fields) != 5 or _number(fields[2]) < 1:
            raise Fault(b"export", number, "line_unknown")
        _, writer, idx, salt, quoted = fields
        here = self.text_may_follow and self.chain is not None and self.chain.writer == writer
        if not here or self.chain is None or idx != b"%d" % self.chain.index:
            raise Fault(writer, int(idx), "text_alone")
        self.text_may_follow = self.text_is_due = False
        text = _json(quoted)
        encoded = _encoded(text) if isinstance(text, str) else None
        code = "text_unreadable" if encoded is None else text_fault(self.commitment, salt, encoded)
        if code:
            raise Fault(writer, self.chain.index, code)

    def _miss_text(self) -> None:
        assert self.chain is not None
        self.text_is_due = False
        self.texts_erased += 1
        gone = self.chain.writer, self.chain.index, self.at
        self.scratch.execute("INSERT INTO gone VALUES (?, ?, ?)", gone)

    def _learn_erasure(self, at: bytes, body: bytes) -> None:
        """A record that says of which chains texts were erased, how many, and which were kept."""
        said = _json(body)
        if not isinstance(said, dict) or said.get("event") != "texts.erased":
            return
        chains, kept = (part if isinstance(part := said.get(key), dict) else {} for key in ("chains", "kept"))
        for name, count in chains.items():
            encoded = _encoded(name)
            if type(count) is int and count > 0 and encoded is not None:
                self.erased.setdefault(encoded, Erased()).learn(count, at, kept.get(name))


@dataclass(slots=True)
class Erased:
    """Texts of one chain that were erased: how many, the moment of the newest record of it, which that one kept."""

    count: int = 0
    at: bytes = b""
    kept: tuple[int, ...] = ()

    def learn(self, count: int, at: bytes, kept: object) -> None:
        self.count += count
        if at >= self.at:
            self.at = at
            self.kept = tuple(i for i in kept if type(i) is int) if isinstance(kept, list) else ()


class Chain:
    """The chain that is being followed.

    mark    the next index whose hash some note was signed over
    floor   before it, a record is backdated: see Notes.floor
    """

    def __init__(
        self, writer: bytes, base: int, last: bytes, head: "Head", marks: Iterator["Mark"], floor: bytes
    ) -> None:
        self.writer = writer
        self.base = self.index = base
        self.last = last
        self.head = head
        self.limit = sys.maxsize if head.state == b"open" else head.size
        self.open: dict[bytes, int] = {}
        self.earlier: set[bytes] = set()
        self._marks = marks
        self._behind: Mark = (0, b"", 0, floor)
        self.mark, self._marked, self._note, self.floor = next(marks, self._behind)

    def meet_mark(self, digest: bytes) -> None:
        """This record must be the one that a note was signed over."""
        if digest != self._marked:
            raise Fault(self.writer, self.index, "record_not_signed", note=self._note)
        self.mark, self._marked, self._note, self.floor = next(self._marks, self._behind)


Mark = tuple[int, bytes, int, bytes]
"""A head that was signed: size, hash, number of the note, and the floor of the note before."""


def scratch() -> sqlite3.Connection:
    """What is too much to remember: all that was ever signed over, and the texts that are missing.

    It is on disk once it is much, without a name, and gone when it is closed.
    """
    scratch = sqlite3.connect("", isolation_level=None)
    scratch.executescript("""
        PRAGMA journal_mode = OFF;
        CREATE TABLE heads (writer, size, hash, note, floor, PRIMARY KEY (writer, size)) WITHOUT ROWID;
        CREATE TABLE gone (writer, idx, at, PRIMARY KEY (writer, idx)) WITHOUT ROWID;
        BEGIN;
    """)
    return scratch


def sealed(line: bytes) -> bytes:
    """The hash that a record's line should end in: over the line's own bytes, with newlines for tabs."""
    return sha256(RECORD_TAG + line[1:-65].replace(b"\t", b"\n")).hexdigest().encode()


def _numbered(fields: list[bytes], index: bytes) -> bytes:
    return b"\t".join((*fields[:3], index, *fields[4:]))


def _four(line: bytes) -> list[bytes]:
    """The first four fields of any line, empty ones where it has fewer."""
    return [*line.split(b"\t", 4), b"", b"", b""][:4]


def _number(field: bytes) -> int:
    return int(field) if field.isdigit() and len(field) < 19 else 0


def text_fault(commitment: bytes, salt: bytes, text: bytes) -> str | None:
    """Why a text is not the one its record commits to; None when it is."""
    if commitment == NOTHING:
        return "text_put_in"
    expected = sha256(b"\n".join((TEXT_TAG, salt, text))).hexdigest().encode()
    return None if expected == commitment else "text_changed"


def _integer(digits: str) -> int | None:
    """Of the numbers of JSON only these are integers to everybody: plain digits, no more than fifteen."""
    return int(digits) if digits.isdigit() and len(digits) < 16 else None


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


_decode = json.JSONDecoder(parse_int=_integer, parse_constant=_no_json).decode


def _json(content: bytes) -> Any:
    """What a piece of JSON says; None when it is none."""
    try:
        return _decode(content.decode())
    except (ValueError, RecursionError):
        return None


def _encoded(text: str) -> bytes | None:
    """In UTF-8; None for half characters."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Head:
    """One chain in a note: how many records, the hash of the last, b"open" / b"closed" / b"purged"; number, moment."""

    size: int
    hash: bytes
    state: bytes
    note: int
    at: bytes


UNKNOWN = Head(0, ZEROS, b"open", 0, b"")


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was read. ``previous`` and ``digest``: of the whole note before, and of this one.

    ``rank``: which key signed it, counted from 1; of several the latest.
    """

    number: int
    at: bytes
    previous: bytes
    heads: dict[bytes, Head]
    signed: bytes
    digest: bytes
    rank: int


_SECONDS = rb"(?:0|[1-9][0-9]{0,8})\.[0-9]{6}"
_FORM = re.compile(
    rb"sekisho/ledger\n([1-9][0-9]{0,17})\n"
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)\n"
    rb"([0-9a-f]{64})\n"
    rb"(?:clock (?:synchronized (?!-0\.0{6} )-?%b %b|unsynchronized|unknown)\n)?"
    rb"((?:(?!clock )[!-~]+ [1-9][0-9]{0,17} [0-9a-f]{64} (?:open|closed|purged)\n)*)" % (_SECONDS, _SECONDS)
)
_SIGNATURE = re.compile(rb"\xe2\x80\x94 [^ \t-\r+]+ [A-Za-z0-9+/]+={0,2}")


def open_note(signed: bytes, keys: "Keys | None", place: int = 0) -> Note:
    """Read a note. Raises Fault, at this ``place``, unless it has the one form and is signed by one of the keys."""
    text, _, signatures = signed.partition(b"\n\n")
    found = _FORM.fullmatch(text + b"\n")
    lines = signatures.split(b"\n")
    if not found or lines.pop() or not lines or not all(map(_SIGNATURE.fullmatch, lines)):
        raise Fault(b"notes", place, "note_unreadable")
    number, at = int(found[1]), found[2]
    try:
        _moment(at)
    except ValueError:  # the calendar does not have it
        raise Fault(b"notes", place, "note_unreadable") from None
    chains = [line.split(b" ") for line in found[4].split(b"\n")[:-1]]
    heads = {name: Head(int(size), digest, state, number, at) for name, size, digest, state in chains}
    if sorted(heads) != [chain[0] for chain in chains]:
        raise Fault(b"notes", place, "note_unreadable")
    rank = keys.rank(lines, text + b"\n") if keys else 0
    if keys and not rank:
        raise Fault(b"notes", place, "note_unsigned")
    return Note(number, at, found[3], heads, signed, sha256(signed).hexdigest().encode(), rank)


def _moment(at: bytes) -> datetime:
    return datetime.fromisoformat(at[:-1].decode() + "+00:00")


def _floor(at: bytes) -> bytes:
    """LATE before a moment; nothing is before it where there is no such moment."""
    try:
        return (_moment(at) - LATE).isoformat(timespec="microseconds")[:26].encode() + b"Z"
    except OverflowError:
        return b""


class Notes:
    """What all notes say together. They are read in order, up to the first that is wrong."""

    def __init__(self, trust: Trust, scratch: sqlite3.Connection) -> None:
        self.count = 0
        self.bad: Bad | None = None
        self.newest: Note | None = None
        self.floor = b""  # what the newest note does not cover, and is dated before this, is backdated
        self.chains: dict[bytes, Head] = {}  # the newest that is known of each
        self.purge: Purge | None = None
        self.anchored: int | None = None
        self.anchored_sizes: dict[bytes, int] = {}
        self._trust = trust
        self._scratch = scratch
        self._open: set[bytes] = set()
        self._whole = True  # every note since the first is read, so that every chain is known

    def begin(self, start: Note) -> None:
        """Take up the notes behind this one."""
        self._whole = False
        self._accept(start)

    def take(self, line: bytes) -> None:
        """Read the next note's line."""
        self.count += 1
        if self.bad:
            return
        number = self.newest.number + 1 if self.newest else 1
        _, stored, quoted = [*line.split(b"\t", 2), b""][:3]
        try:
            if stored != b"%d" % number:
                raise Fault(b"notes", number, "note_missing")
            signed = _json(quoted)
            encoded = _encoded(signed) if isinstance(signed, str) else None
            note = open_note(encoded or b"", self._trust.keys, number)
            self._demand_next(note, number)
            for name, head in note.heads.items():
                if name in self.chains or self._whole:
                    demand_growth(name, self.chains.get(name, UNKNOWN), head)
        except Fault as fault:
            self.bad = fault.bad
        else:
            self._accept(note)

    def ended(self) -> Bad | None:
        """What is wrong with the notes; also when some that were kept elsewhere never came."""
        newest = self.newest.number if self.newest else 0
        beyond = [number for number in self._trust.anchors if number > newest]
        return self.bad or (Fault(b"notes", min(beyond), "rolled_back").bad if beyond else None)

    def marks(self, writer: bytes, base: int) -> Iterator[Mark]:
        """Every head that was signed for a chain behind ``base``, the smallest first."""
        found = "SELECT size, hash, note, floor FROM heads WHERE writer = ? AND size > ? ORDER BY size"
        return self._scratch.execute(found, (writer, base))

    def _demand_next(self, note: Note, number: int) -> None:
        before = self.newest
        if before and note.rank < before.rank:  # an earlier key is over once a later one has signed
            raise Fault(b"notes", number, "note_unsigned")
        if note.number != number:
            raise Fault(b"notes", number, "note_misnumbered")
        if note.previous != (before.digest if before else ZEROS):
            raise Fault(b"notes", number, "note_unlinked")
        if self._trust.anchors.get(number, {note.digest}) != {note.digest}:
            raise Fault(b"notes", number, "anchor_differs")
        if forgotten := self._open - note.heads.keys():
            raise Fault(b"notes", number, "note_forgets", chain=min(forgotten).decode())

    def _accept(self, note: Note) -> None:
        for name, head in note.heads.items():
            known = self.chains.get(name, UNKNOWN)
            if head.size > known.size:
                mark = name, head.size, head.hash, note.number, self.floor
                self._scratch.execute("INSERT INTO heads VALUES (?, ?, ?, ?, ?)", mark)
            if head.state == b"purged":
                self.purge = Purge(name.decode(), known.at.decode() or None, head.at.decode())
                if known.at and _moment(head.at) - _moment(known.at) < KEEP:
                    early = Fault(b"notes", note.number, "purged_early", chain=name.decode(), note=known.note)
                    self.bad = self.bad or early.bad
            self.chains[name] = head
        self._open = {name for name, head in note.heads.items() if head.state == b"open"}
        self.newest = note
        self.floor = _floor(note.at)
        if note.number in self._trust.anchors:
            self.anchored = note.number
            self.anchored_sizes = {name: head.size for name, head in self.chains.items()}


def demand_growth(name: bytes, known: Head, head: Head) -> None:
    """A chain in a note must be the earlier one, grown or not; closed ones come back once, as purged."""
    facts: dict[str, Any] = {"chain": name.decode(), "note": known.note}
    if head.state == b"purged" and known.state == b"open":
        raise Fault(b"notes", head.note, "note_purges_open", **facts)
    if known.state == b"purged" or (known.state == b"closed" and head.state != b"purged"):
        raise Fault(b"notes", head.note, "note_relists", **facts)
    same = (head.size, head.hash) == (known.size, known.hash)
    if not same and (head.size <= known.size or head.state == b"purged"):
        raise Fault(b"notes", head.note, "note_contradicts", **facts)


# ── signatures ───────────────────────────────────────────────────────────────────────────────────

_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""How the DER form of an Ed25519 public key begins (RFC 8410); 32 bytes follow."""

_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")


@dataclass(frozen=True, slots=True)
class Keys:
    """The public keys of a file, in its order, which is that of time: (key hash, verdict) of each.

    prints   what to know them by
    """

    keys: tuple[tuple[bytes, Verdict], ...]
    prints: tuple[str, ...]

    def rank(self, lines: Iterable[bytes], text: bytes) -> int:
        """Which key signed this text, counted from 1; of several the latest; 0: none of them."""
        signatures = [signature for line in lines if (signature := _signature(line))]
        for rank, (mark, verdict) in reversed(list(enumerate(self.keys, start=1))):
            if any(each[:4] == mark and verdict(each[4:], text) for each in signatures):
                return rank
        return 0


def signature_check(public_key: Path) -> Keys:
    """Raises ValueError for a file that holds no key, or one of another kind."""
    keys, prints = [], []
    for found in _PEM.finditer(public_key.read_bytes()):
        der = base64.b64decode(found[1])
        raw = der[len(_ED25519) :]
        if not der.startswith(_ED25519) or len(raw) != 32:
            raise ValueError(f"{public_key} holds a key that is not an Ed25519 public key")
        mark = sha256(ORIGIN + b"\n\x01" + raw).digest()[:4]
        keys.append((mark, _with_cryptography(raw) or _with_openssl(found[0])))
        prints.append(sha256(raw).hexdigest()[:16])
    if not keys:
        raise ValueError(f"{public_key} is not an Ed25519 public key in PEM")
    return Keys(tuple(keys), tuple(prints))


def _signature(line: bytes) -> bytes | None:
    """Key hash and signature of a line that is ours."""
    _, name, encoded = line.split(b" ")
    try:
        signature = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    one_form = len(signature) == 68 and base64.b64encode(signature) == encoded  # no bits left over at its end
    return signature if name == ORIGIN and one_form else None


def _with_cryptography(raw: bytes) -> Verdict | None:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return None
    key = Ed25519PublicKey.from_public_bytes(raw)

    def verdict(signature: bytes, text: bytes) -> bool:
        try:
            key.verify(signature, text)
        except InvalidSignature:
            return False
        return True

    return verdict


def _with_openssl(pem: bytes) -> Verdict:
    program = shutil.which("openssl")
    if program is None or not os.path.isabs(program):  # one that lies where we stand is none
        raise RuntimeError("signatures need the Python package cryptography or the program openssl")

    def verdict(signature: bytes, text: bytes) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            key, sig, message = (Path(folder, name) for name in ("key", "signature", "message"))
            key.write_bytes(pem + b"\n")
            sig.write_bytes(signature)
            message.write_bytes(text)
            command = [program, "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-rawin"]
            command += ["-in", str(message), "-sigfile", str(sig)]
            done = subprocess.run(command, capture_output=True, check=False)
            if b"Verified Successfully" in done.stdout:
                return done.returncode == 0
            if b"Verification Failure" in done.stdout + done.stderr:
                return False
            raise RuntimeError(f"{program} cannot check an Ed25519 signature: OpenSSL 3 or cryptography can")

    return verdict


# ── sources: an export file ──────────────────────────────────────────────────────────────────────

TORN = b"\n"
"""In the place of a line that broke off: no line holds its own end."""


def file_lines(path: Path) -> Iterator[bytes]:
    """The lines of an export, plain or gzip; TORN at the end of one that does not end in a whole line."""
    with open(path, "rb") as file:
        begin = file.read(len(EXPORT_TAG))
    if not begin.startswith((EXPORT_TAG, b"\x1f\x8b")):
        raise ValueError(f"{path} is neither a ledger nor an export of one")
    with open(path, "rb", buffering=1 << 20) if begin.startswith(EXPORT_TAG) else gzip.open(path) as lines:
        try:
            while line := lines.readline(LONGEST + 1):
                if line[-1:] != b"\n" and len(line) > LONGEST:
                    raise ValueError(f"{path} holds a line of more than {LONGEST} bytes")
                yield line[:-1] if line[-1:] == b"\n" else TORN
        except EOFError:  # a gzip file that was cut short
            yield TORN
        except zlib.error as trouble:
            raise ValueError(f"{path} is damaged: {trouble}") from None


# ── sources: a SQLite ledger ─────────────────────────────────────────────────────────────────────


def is_sqlite(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _verify_sqlite(ledger: Path, trust: Trust) -> Walk:
    """A ledger at rest is read as a file that never changes; when it did, all is read again."""
    before = state(ledger)
    if before is not None:
        try:
            walk = verify_opened(open_ledger(ledger, "mode=ro&immutable=1"), trust)
        except sqlite3.DatabaseError:
            if state(ledger) == before:
                raise
        else:
            if state(ledger) == before:
                return walk
    return verify_opened(open_ledger(ledger, "mode=ro"), trust)


def verify_opened(connection: sqlite3.Connection, trust: Trust) -> Walk:
    try:
        connection.execute("BEGIN")
        walk = Walk(trust).read(sqlite_lines(connection))
        if walk.bad is None and (twice := _asked_twice(connection)):
            walk.late.append(twice)
        return walk
    finally:
        connection.close()


def state(path: Path) -> tuple[int, int, int] | None:
    """What changes when a resting ledger is written; None while a log or a journal says that somebody writes.

    A resting one is read as a file that never changes: SQLite would else leave a log beside it, in a
    folder that may be read-only, and under an owner the ledger's own program may not be able to touch.
    """
    for log in (path.with_name(path.name + tail) for tail in ("-wal", "-journal")):
        if log.exists() and log.stat().st_size:
            return None
    facts = path.stat()
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def open_ledger(path: Path, mode: str) -> sqlite3.Connection:
    """Read-only; every text comes as bytes."""
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{mode}", uri=True, isolation_level=None)
    connection.text_factory = bytes
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute(_TRUE_TABLES).fetchone()
        if version not in SCHEMAS:
            raise ValueError(f"{path} is not a ledger that this program knows (schema {version})")
        if tables != 3:
            raise ValueError(f"{path} is not a ledger: its records, texts and notes are not three tables")
    except BaseException:
        connection.close()
        raise
    return connection


_TRUE_TABLES = """
    SELECT count(*) FROM sqlite_schema
    WHERE name IN ('records', 'texts', 'notes') AND type = 'table' AND sql NOT LIKE '%virtual%'
"""
"""A view in the place of a table could count for ever."""


def _line(mark: str, *columns: str) -> str:
    """SQL for one line of an export; it works whatever is in the columns, also where no honest hand put it."""
    return " || char(9) || ".join((f"'{mark}'", *(f"coalesce({column}, '')" for column in columns)))


_FITS = """
    r.turn IS CASE WHEN r.kind = 'asked' THEN 1 WHEN r.kind IN ('viewed', 'noted') THEN NULL ELSE 2 END
    AND r.exchange IS NOT '-' AND r.text_commitment IS NOT '-'
"""
"""What a line cannot say: the column ``turn``, and that NULL is written as a dash. Else: one field too many."""

_RECORD = _line(
    "r",
    *("r.prev", "r.writer", "r.idx", "r.at", "r.kind"),
    *("coalesce(r.exchange, '-')", "coalesce(r.text_commitment, '-')", "r.body", "r.hash"),
)
_TEXT = _line("t", "t.writer", "t.idx", "t.salt", "json_quote(CAST(t.text AS TEXT))")

_NOTES = f"""
    SELECT {_line("n", "number", "json_quote(CAST(note AS TEXT))")}
           || CASE WHEN length(at) = 27 AND instr(note, char(10) || at || char(10)) THEN '' ELSE '-' END, NULL
    FROM notes ORDER BY number
"""
"""A column ``at`` that is not the note's own third line makes the line none."""
_RECORDS = f"""
    SELECT {_RECORD} || CASE WHEN {_FITS} THEN '' ELSE char(9) END, CASE WHEN t.idx IS NOT NULL THEN {_TEXT} END
    FROM records AS r LEFT JOIN texts AS t ON t.writer = r.writer AND t.idx = r.idx ORDER BY r.writer, r.idx
"""
_TEXTS_ALONE = f"""
    SELECT {_TEXT}, NULL FROM texts AS t
    WHERE NOT EXISTS (SELECT 1 FROM records AS r WHERE r.writer = t.writer AND r.idx = t.idx)
    ORDER BY t.writer, t.idx
"""


def sqlite_lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    """The lines of the export of this ledger, with texts."""
    counts = {b"n": 0, b"r": 0, b"t": 0}
    yield EXPORT_TAG + b'\t{"texts":true,"from":0}'
    for line in _sqlite_content(connection):
        counts[line[:1]] += 1
        yield line
    yield b"\t".join((b"e", *(b"%d" % count for count in counts.values())))


def _sqlite_content(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Notes, records with their texts, and at the end the texts whose record is gone."""
    for found in (_NOTES, _RECORDS, _TEXTS_ALONE):
        for line, text in connection.execute(found):
            yield _single(line)
            if text is not None:
                yield _single(text)


def _asked_twice(connection: sqlite3.Connection) -> Fault | None:
    """A question whose exchange was asked before and has ended: only the table still knows that one."""
    found = connection.execute(
        "SELECT CAST(coalesce(r.writer, '') AS TEXT), CAST(r.idx AS INTEGER) FROM records AS r JOIN (SELECT exchange FROM records WHERE exchange IS NOT NULL"
        " GROUP BY exchange HAVING sum(turn = 1) > 1 LIMIT 1) AS twice ON r.exchange = twice.exchange"
        " WHERE r.turn = 1 ORDER BY r.at DESC, r.idx DESC LIMIT 1"
    ).fetchone()
    return Fault(found[0], found[1], "question_repeated") if found else None


# ── the command ──────────────────────────────────────────────────────────────────────────────────

JST = timezone(timedelta(hours=9), "JST")


def as_json(report: Report) -> str:
    """The report as one line of JSON, in plain ASCII."""
    return json.dumps(asdict(report))


def as_words(report: Report) -> str:
    """The report for people: Japanese first, English second."""
    return "\n".join([*_verdict(report), *_remarks(report), *_window(report)])


def _verdict(report: Report) -> Iterator[str]:
    bad, since = report.first_bad, report.from_note
    if since is not None:
        yield f"控え {since} 番より新しいものだけを調べました。"
        yield f"Only what is newer than note {since} was read."
    if bad is None:
        yield f"台帳は正しくつながっています（記録 {report.records} 件）。"
        yield f"The ledger is sound ({report.records} records)."
    else:
        japanese, name = REASONS[bad.code].partition(" / ")[0], shown(bad.writer)
        yield f"台帳に異常があります: {name} の {bad.index} 番: {japanese}。CSIRT に知らせてください。"
        yield f"The ledger is NOT sound: {name}, index {bad.index}: {bad.reason} ({bad.code})."
    yield (
        f"書き手 writers {report.writers} / 署名付き控え notes {report.checkpoints}"
        f" / 控えにまだ入っていない記録 unanchored {report.unanchored}"
        f" / 消去された本文 texts erased {report.texts_erased} / 消去された鎖 chains purged {report.purged_chains}"
    )
    if report.signatures:
        yield f"署名を確かめた公開鍵 signatures checked with the key {', '.join(report.key)}"
    elif report.key:
        yield f"公開鍵 {', '.join(report.key)} で署名を確かめられた控えはありません。"
        yield f"No note was found to be signed by the key {', '.join(report.key)}."
    else:
        yield "署名は確かめていません（--public-key で公開鍵を指定してください）。"
        yield "Signatures were not checked: name the public key with --public-key."


def _remarks(report: Report) -> Iterator[str]:
    """What is no fault, and yet somebody should look at."""
    if purge := report.newest_purge:
        closed = when(purge.closed) if purge.closed else None
        yield f"最後に消去された鎖は {purge.writer} です（閉じた控え {closed or '不明'}、消去の控え {when(purge.purged)}）。"
        yield f"The chain purged last is {purge.writer}, closed {closed or 'at an unknown time'}, purged {when(purge.purged)}."
    if report.purged_still_here:
        yield f"消去済みとされた鎖が {report.purged_still_here} 本残っています。sekisho audit purge をもう一度実行してください。"
        yield f"{report.purged_still_here} chains that were called purged are still here: run sekisho audit purge again."
    if report.backdated:
        yield f"控えの時刻より前の日付で後から入った記録が {report.backdated} 件あります。時計か、書き足しを疑ってください。"
        yield f"{report.backdated} records came in after a note and are dated an hour or more before it: look at the clock, and at them."
    if report.anchors_skipped:
        yield f"外に保管した控えのうち {report.anchors_skipped} 件は、この鍵の控えではないので使っていません。"
        yield f"{report.anchors_skipped} of the notes kept elsewhere are none of this key and were not used."


def _window(report: Report) -> Iterator[str]:
    """What could be missing, or invented, without a trace."""
    newest, count = report.newest_note, report.unanchored
    if newest is None:
        yield "署名付きの控えがありません。ここにあるものは何一つ署名されておらず、切り取られても、作られたものでも分かりません。"
        yield "There is no signed note: nothing here is signed, and what was cut off or invented would leave no trace."
    else:
        yield f"最新の控えは {newest.number} 番（{when(newest.at)}）です。まだどの控えにも入っていない記録 {count} 件は、切り取られても、作られたものでも分かりません。"
        yield f"The newest note is number {newest.number} of {when(newest.at)}; the {count} records that no note covers could be cut off or invented unseen."
    if report.anchored is None:
        yield "台帳が丸ごと過去に戻されたことは、外に保管した控えがなければ分かりません（--anchor で指定してください）。"
        yield "That the whole file was put back in time, only notes kept elsewhere can show: name them with --anchor."
    else:
        yield f"外に保管した控え {report.anchored} 番までは、台帳にあります。その控えに入っていない記録 {report.after_anchor} 件は、控えごと切り取られても分かりません。"
        yield f"The note {report.anchored} that was kept elsewhere is in the ledger; the {report.after_anchor} records it does not cover could be cut off unseen, together with their notes."


def when(at: str) -> str:
    """A moment in Japan; as it stands, where there it is in no calendar."""
    try:
        return f"{_moment(at.encode()).astimezone(JST):%Y-%m-%d %H:%M:%S} JST"
    except OverflowError:
        return at


def shown(text: str) -> str:
    """What others wrote must not steer the screen."""
    return text if text.isprintable() else ascii(text)


def conclude(check: Callable[[], Report], *, as_lines_of_json: bool) -> int:
    """Verify and print. 0: sound, 1: something is wrong, 2: it could not be checked."""
    try:
        report = check()
        print(as_json(report) if as_lines_of_json else as_words(report), flush=True)
    except (OSError, sqlite3.Error, ValueError, RuntimeError, MemoryError) as trouble:
        why = shown(str(trouble) or type(trouble).__name__)
        print(f"台帳を検証できません / The ledger could not be verified: {why}", file=sys.stderr)
        return 2
    return 0 if report.ok else 1


def key_beside(ledger: Path) -> Path | None:
    """``public.pem`` in the folder of a SQLite ledger. One that came with an export proves nothing."""
    key = ledger.absolute().with_name("public.pem")
    return key if key.is_file() and ledger.is_file() and is_sqlite(ledger) else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify a Sekisho ledger, read-only.")
    add = parser.add_argument
    add("ledger", type=Path, help="a SQLite ledger, or an export (plain or .gz)")
    add("--public-key", type=Path, help="PEM file; default for a SQLite ledger: public.pem beside it")
    add(
        "--anchor",
        type=Path,
        action="append",
        default=[],
        help="notes kept elsewhere: file or folder; repeatable",
    )
    add("--from", type=Path, dest="start", metavar="NOTE", help="an export newer than this verified note")
    add(
        "--save",
        type=Path,
        metavar="FILE",
        help="keep the newest note, when all is sound: for --from next time",
    )
    add("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)

    def check() -> Report:
        key = asked.public_key or key_beside(asked.ledger)
        return verify(asked.ledger, key, save=asked.save, anchors=asked.anchor, from_note=asked.start)

    return conclude(check, as_lines_of_json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
