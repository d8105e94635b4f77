"""Makes the test vectors of the ledger's format (docs/ledger-format.md) in vectors/: small exports, good and bad.

    python tests/audit/make_vectors.py

Everything is fixed, so that anybody gets the same bytes; a test holds that the ones in the repository are
these. What a verifier has to say of each is written here by hand, and was never taken from one's answer.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[2])

from tests.audit.books import KEY, OTHER, ZEROS, A, B, C, counted
from tests.audit.tampered import (
    appended,
    backdated,
    book,
    changed,
    edited,
    erased,
    erased_later,
    example,
    foreign,
    forked,
    incremental,
    misplaced,
    note_gone,
    noted,
    old_lost,
    other_letter,
    other_second,
    purged,
    put_in,
    relinked,
    removed,
    retired,
    rewritten,
    rolled_back,
    swap,
    void,
    witnessed,
)

FOLDER = Path(__file__).with_name("vectors")
Bad = tuple[str, int, str]
Files = dict[str, str]


@dataclass(frozen=True, slots=True)
class Vector:
    """An export, what is given with it, and what a verifier has to say.

    counts   records, writers, checkpoints, unanchored; None where it cannot be checked (status 2)
    """

    lines: list[str]
    counts: tuple[int, int, int, int] | None
    bad: Bad | None = None
    key: str = "key.pem"
    anchors: tuple[str, ...] = ()
    start: str | None = None
    cut: int = 0  # characters off the end
    backdated: int = 0
    still: int = 0  # chains called purged that are here


COUNTS = (11, 3, 3, 1)
"""What is in `book`."""


def vectors() -> dict[str, Vector]:
    """Name → vector."""
    sound, whole = book().export(), COUNTS
    more = (12, 3, 3, 2)  # one record more, at the end of an open chain
    return {
        # ── sound ──
        "example": Vector(example().export(), (2, 1, 1, 0), anchors=("example-note.txt",)),
        "sound": Vector(sound, whole),
        "sound-without-key": Vector(sound, whole, key=""),
        "sound-without-texts": Vector(book().export(texts=False), whole),
        "empty": Vector(counted(['sekisho.export.v1\t{"texts":true,"from":0}']), (0, 0, 0, 0)),
        "lost-in-another-chain": Vector(old_lost(), (4, 3, 1, 0)),
        "witnessed-and-other-rows": Vector(witnessed(), whole),
        "two-keys": Vector(sound, whole, key="keys.pem"),
        "purged": Vector(purged(), (6, 2, 4, 0)),
        "purged-but-here": Vector(purged(keep=True), (11, 3, 4, 0), still=1),
        "backdated": Vector(backdated(sign=True), (13, 4, 4, 0), backdated=1),
        "backdated-unsigned": Vector(backdated(sign=False), (13, 4, 3, 3), backdated=1),
        "dated-just-before": Vector(backdated(sign=True, seconds=3602), (13, 4, 4, 0)),
        "texts-erased": Vector(erased(2), more),
        "texts-erased-but-for-held": Vector(erased(1, gone=(1,), kept={A: [3]}), more),
        "text-kept-and-erased-later": Vector(erased_later(), (13, 3, 3, 3)),
        "texts-kept-said-strangely": Vector(erased(2, kept={A: ["1", 3.0, None, -3, True]}), more),
        "anchored-in-a-torn-file": Vector(sound, whole, anchors=("torn.txt",)),
        "anchored-among-others": Vector(sound, whole, anchors=("others.txt",)),
        "anchored": Vector(sound, whole, anchors=("note-1.txt", "mail.txt")),
        "incremental": Vector(incremental(), (4, 2, 1, 1), start="note-2.txt"),
        "whole-with-from": Vector(sound, whole, start="note-2.txt"),
        # ── records ──
        "record-changed": Vector(changed("search", "Search"), whole, (A, 5, "record_changed")),
        "record-removed": Vector(
            edited(lambda b: removed(b, A, 2, 2)), (10, 3, 3, 1), (A, 2, "record_missing")
        ),
        "records-swapped": Vector(edited(lambda b: swap(b, A, 2, 4)), whole, (A, 2, "record_changed")),
        "record-put-in": Vector(edited(lambda b: put_in(b, A, 3)), (12, 3, 3, 2), (A, 3, "record_unlinked")),
        "record-put-in-first": Vector(
            edited(lambda b: put_in(b, A, 1)), (12, 3, 3, 2), (A, 1, "record_put_in_first")
        ),
        "record-twice": Vector(
            counted([line for line in sound[:-1] for _ in range(1 + line.startswith(f"r\t{ZEROS}\t{B}"))]),
            (12, 3, 3, 2),
            (B, 2, "record_put_in"),
        ),
        "record-rehashed": Vector(edited(lambda b: rewritten(b, A, 3, 3)), whole, (A, 3, "record_rehashed")),
        "record-rehashed-before-last": Vector(
            edited(lambda b: rewritten(b, A, 4, 4)), whole, (A, 4, "record_rehashed")
        ),
        "chain-rewritten": Vector(
            edited(lambda b: rewritten(b, A, 3, 5)), whole, (A, 5, "record_not_signed")
        ),
        "chain-rewritten-from-the-first": Vector(
            edited(lambda b: rewritten(b, B, 1, 4)), whole, (B, 2, "record_not_signed")
        ),
        "chain-cut": Vector(edited(lambda b: removed(b, B, 4)), (10, 3, 3, 1), (B, 4, "chain_cut")),
        "chain-missing": Vector(edited(lambda b: removed(b, B, 1)), (7, 2, 3, 1), (B, 1, "chain_missing")),
        "chain-grew": Vector(appended(B, "viewed"), (12, 3, 3, 2), (B, 5, "chain_grew")),
        "chains-out-of-order": Vector(misplaced(), (2, 2, 0, 2), (A, 1, "record_misplaced")),
        "record-unfit": Vector(appended(C, "noted", "x-9"), more, (C, 3, "record_unfit")),
        # ── exchanges ──
        "ended-twice": Vector(appended(C, "failed", "x-1"), more, (C, 3, "ending_without_question")),
        "ended-by-another-chain": Vector(
            appended(A, "failed", "x-5"), (12, 3, 3, 2), (A, 6, "ending_without_question")
        ),
        "lost-without-question": Vector(appended(C, "lost", "x-1"), more, (C, 3, "ending_without_question")),
        "asked-twice": Vector(appended(C, "asked", "x-5"), more, (C, 3, "question_repeated")),
        # ── texts ──
        "text-changed": Vector(changed("はい", "いいえ", "t\t"), whole, (A, 2, "text_changed")),
        "text-put-in": Vector(
            counted([*sound[:-1], f't\t{C}\t2\t{ZEROS}\t"never said"']), whole, (C, 2, "text_put_in")
        ),
        "text-alone": Vector(
            counted([line for line in sound[:-1] if not line.startswith("r\t") or f"\t{B}\t4\t" not in line]),
            (10, 3, 3, 1),
            (B, 4, "text_alone"),
        ),
        "text-missing": Vector(erased(2, say=False), whole, (A, 1, "text_missing")),
        "texts-missing-beyond-the-erased": Vector(erased(1), more, (A, 1, "text_missing")),
        "text-missing-that-was-held": Vector(
            erased(1, gone=(3,), kept={A: [3]}), more, (A, 3, "text_missing")
        ),
        "texts-erased-said-as-a-fraction": Vector(erased(2.0), more, (A, 1, "text_missing")),
        "text-erased-elsewhere": Vector(erased(2, chain=B), more, (A, 1, "text_missing")),
        # ── notes ──
        "note-changed": Vector(
            changed(f"{A} 5", f"{A} 4", "n\t"), (11, 3, 3, 9), ("notes", 2, "note_unsigned")
        ),
        "note-signed-by-another": Vector(foreign(), (11, 3, 3, 9), ("notes", 2, "note_unsigned")),
        "note-signed-with-another-letter": Vector(
            other_letter(), (11, 3, 3, 4), ("notes", 3, "note_unsigned")
        ),
        "note-of-another-key": Vector(sound, (11, 3, 3, 11), ("notes", 1, "note_unsigned"), key="other.pem"),
        "note-missing": Vector(note_gone(2), (11, 3, 2, 9), ("notes", 2, "note_missing")),
        "note-damaged": Vector(
            changed(" closed", " close", "n\t"), (11, 3, 3, 9), ("notes", 2, "note_unreadable")
        ),
        "note-exchanged": Vector(relinked(), (11, 3, 3, 4), ("notes", 3, "note_unlinked")),
        "note-forgets": Vector(
            noted(lambda lines: [line for line in lines if B not in line]),
            (11, 3, 3, 4),
            ("notes", 3, "note_forgets"),
        ),
        "note-contradicts": Vector(
            noted(lambda lines: [line.replace(f"{B} 4", f"{B} 1") for line in lines]),
            (11, 3, 3, 4),
            ("notes", 3, "note_contradicts"),
        ),
        "closed-chain-listed-again": Vector(
            purged(keep=True, state="closed"), (11, 3, 4, 1), ("notes", 4, "note_relists")
        ),
        "purged-twice": Vector(purged(again=True), (6, 2, 5, 0), ("notes", 5, "note_relists")),
        "purged-but-open": Vector(
            purged(keep=True, closed=False), (11, 3, 4, 1), ("notes", 4, "note_purges_open")
        ),
        "purged-early": Vector(purged(early=1), (6, 2, 4, 0), ("notes", 4, "purged_early")),
        "purged-early-but-here": Vector(
            purged(early=1, keep=True), (11, 3, 4, 0), ("notes", 4, "purged_early"), still=1
        ),
        "purged-but-grown": Vector(
            purged(keep=True, change=lambda b: void(b.write(A, "viewed"))),
            (12, 3, 4, 1),
            (A, 6, "chain_grew"),
            still=1,
        ),
        "purged-but-half-here": Vector(
            purged(keep=True, change=lambda b: removed(b, A, 5)), (10, 3, 4, 0), (A, 5, "chain_cut"), still=1
        ),
        "purged-but-another": Vector(
            purged(keep=True, change=lambda b: rewritten(b, A, 1, 5)),
            (11, 3, 4, 0),
            (A, 2, "record_not_signed"),
            still=1,
        ),
        "signed-by-the-retired-key": Vector(
            retired(), (11, 3, 5, 0), ("notes", 5, "note_unsigned"), key="rotated.pem"
        ),
        "note-of-no-day": Vector(
            noted(lambda lines: [*lines[:2], "2026-02-30T05:21:12.000000Z", *lines[3:]]),
            (11, 3, 3, 4),
            ("notes", 3, "note_unreadable"),
        ),
        "note-with-a-long-number": Vector(
            noted(lambda lines: [line.replace(f"{B} 4", f"{B} 1{'0' * 18}") for line in lines]),
            (11, 3, 3, 4),
            ("notes", 3, "note_unreadable"),
        ),
        "note-of-a-strange-clock": Vector(
            noted(
                lambda lines: [line.replace("unknown", "synchronized -0.000000 0.100000") for line in lines]
            ),
            (11, 3, 3, 4),
            ("notes", 3, "note_unreadable"),
        ),
        # ── kept elsewhere ──
        "rolled-back": Vector(
            rolled_back(), (7, 2, 2, 0), ("notes", 3, "rolled_back"), anchors=("note-1.txt", "note-3.txt")
        ),
        "another-history": Vector(
            forked(), (2, 1, 2, 2), ("notes", 1, "anchor_differs"), anchors=("note-1.txt",)
        ),
        "anchor-of-another-key": Vector(sound, None, key="other.pem", anchors=("note-1.txt",)),
        # ── incremental ──
        "incremental-from-a-file-with-others": Vector(incremental(), None, start="others.txt"),
        "incremental-not-given": Vector(incremental(), None),
        "incremental-from-another": Vector(incremental(), None, start="note-1.txt"),
        "incremental-after-another-note": Vector(
            incremental(), (4, 2, 1, 4), ("notes", 3, "note_unlinked"), start="other-2.txt"
        ),
        "incremental-sees-no-older-record": Vector(
            incremental(lambda b: rewritten(b, B, 2, 2)), (4, 2, 1, 1), None, start="note-2.txt"
        ),
        "incremental-not-following": Vector(
            incremental(lambda b: rewritten(b, B, 1, 4)),
            (4, 2, 1, 1),
            (B, 2, "record_rehashed"),
            start="note-2.txt",
        ),
        "incremental-cut": Vector(
            incremental(lambda b: removed(b, B, 4)), (3, 2, 1, 1), (B, 4, "chain_cut"), start="note-2.txt"
        ),
        # ── the export itself ──
        "cut-in-the-records": Vector(
            sound, (10, 3, 3, 0), ("export", 23, "export_cut_short"), cut=len(sound[-1]) + 99
        ),
        "cut-before-the-last-line": Vector(sound[:-1], whole, ("export", 24, "export_cut_short")),
        "cut-in-the-last-line": Vector(sound, whole, ("export", 24, "export_cut_short"), cut=1),
        "header-damaged": Vector(
            [sound[0].replace('"from":0', '"from":'), *sound[1:]],
            (11, 3, 3, 11),
            ("export", 1, "header_damaged"),
        ),
        "header-with-a-fraction": Vector(
            [sound[0].replace('"from":0', '"from":0.0'), *sound[1:]],
            (11, 3, 3, 11),
            ("export", 1, "header_damaged"),
        ),
        "header-with-a-word": Vector(
            [sound[0].replace('"from":0', '"from":0,"x":NaN'), *sound[1:]],
            (11, 3, 3, 11),
            ("export", 1, "header_damaged"),
        ),
        "header-with-more": Vector(
            [sound[0].replace('"from":0', '"from":0,"x":[1e9,"2.0",' + "1" * 5000 + "]"), *sound[1:]], whole
        ),
        "counts-differ": Vector([*sound[:-1], "e\t3\t11\t9"], whole, ("export", 24, "counts_differ")),
        "line-unknown": Vector(
            [*sound[:3], "z\t1", *sound[3:]], (11, 3, 3, 4), ("export", 4, "line_unknown")
        ),
        "not-an-export": Vector(["ledger", *sound[1:]], None),
    }


def files() -> Files:
    """Every file of the folder: name → content."""
    notes = book().notes
    letter = f"CSIRT 御中\r\n\r\n控えをお送りします。\r\n\r\n{notes[1]}\r\n以上\r\n".replace(
        "\r\n", "\n"
    ).replace("\n", "\r\n")
    result = {
        "key.pem": KEY.pem,
        "other.pem": OTHER.pem,
        "keys.pem": OTHER.pem + KEY.pem,
        "rotated.pem": KEY.pem + OTHER.pem,
        "torn.txt": f"{notes[0]}\n{notes[1][:-20]}\n{notes[2]}",
        "others.txt": notes[1] + OTHER.sign(notes[2].partition("\n\n")[0] + "\n"),
        "example-note.txt": example().notes[0],
        "mail.txt": letter,
        "other-2.txt": other_second(),
        **{f"note-{number}.txt": note for number, note in enumerate(notes, 1)},
    }
    index = []
    for name, vector in vectors().items():
        text = "\n".join(vector.lines) + "\n"
        result[f"{name}.export"] = text[: len(text) - vector.cut]
        index.append(entry(name, vector))
    result["vectors.json"] = json.dumps(index, ensure_ascii=False, indent=1) + "\n"
    return result


def entry(name: str, vector: Vector) -> dict[str, object]:
    """One object of the index."""
    expected: dict[str, object] = {"status": 2}
    if vector.counts is not None:
        counts = dict(zip(("records", "writers", "checkpoints", "unanchored"), vector.counts, strict=True))
        counts |= {"backdated": vector.backdated, "purged_still_here": vector.still}
        bad = list(vector.bad) if vector.bad else None
        expected = {"status": 1 if bad else 0, "ok": not bad, **counts, "first_bad": bad}
    return {
        "name": name,
        "file": f"{name}.export",
        "public_key": vector.key or None,
        "anchors": list(vector.anchors),
        "from": vector.start,
        "expected": expected,
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, content in files().items():
        (FOLDER / name).write_bytes(content.encode())


if __name__ == "__main__":
    main()
