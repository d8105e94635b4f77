"""``sekisho audit export --as``: what is taken out for other programs is recorded, marked, counted, and read back by others."""

import gzip
import hashlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner, Result

from audit.address import Address
from audit.commands import app
from audit.commands.desk import os_user
from audit.exports.csv_form import turned_back
from audit.exports.flat import record_from
from audit.ledger import Ledger
from audit.model import Draft
from audit.months import Month
from audit.query import reading, record_of
from tests.audit.exports.samples import ANSWERED, ASKED, CALLER, NOTED
from tests.audit.exports.test_ocsf import complaints
from tests.audit.ledgers import ROOT, named, rows
from tests.benchmarks.city import fill

FORMS = ("jsonl", "csv", "ocsf", "cef")
FORMULA = "=cmd|' /C calc'!A0"
TEXT = "[PERSON_1_k7q2]様\r\n「お元気,ですか」"


@pytest.fixture
def filled(address: Address) -> Address:
    """Three exchanges of two sections, the last one open and then lost; a note. In both stores."""
    ledger = Ledger(address)
    ledger.start()
    for name, section in (("x-1", "道路課"), ("x-2", "福祉課"), ("x-3", "道路課")):
        caller = CALLER | {"section": section, "tool": FORMULA}
        ledger.append_now(Draft("asked", name, ASKED | {"caller": caller}, TEXT))
        if name != "x-3":
            ledger.append_now(Draft("answered", name, ANSWERED, "はい"))
    ledger.append_now(Draft("noted", None, NOTED))
    ledger.stop()
    return address


def run(ledger: Address, *arguments: str, reason: str = "月次の点検") -> Result:
    return CliRunner().invoke(app, ["export", *arguments, "--ledger", named(ledger), "--reason", reason])


def bodies(ledger: Address, kind: str) -> list[dict[str, Any]]:
    found = rows(ledger, f"SELECT body FROM records WHERE kind = '{kind}' ORDER BY at, idx")
    return [json.loads(body) for (body,) in found]


def records(ledger: Address) -> set[Any]:
    from audit import tables

    with reading(ledger) as connection:
        return {record_of(row) for row in connection.execute(tables.records.select())}


@pytest.mark.requirement("R51")
@pytest.mark.parametrize("form", FORMS)
def test_an_export_is_recorded_marked_and_counted(filled: Address, tmp_path: Path, form: str) -> None:
    file, before = tmp_path / "out", records(filled)
    result = run(filled, str(file), "--as", form)
    assert result.exit_code == 0, result.output
    raw = file.read_bytes()
    manifest = json.loads((tmp_path / "out.manifest.json").read_text("utf-8"))
    (look,), made = bodies(filled, "viewed"), bodies(filled, "noted")[-1]
    assert (look["what"], look["rows"], look["reason"], look["os_user"]) == (
        "export",
        len(before),
        "月次の点検",
        os_user(),
    )
    assert look["filters"] == {"as": form, "texts": False, "export": manifest["export"]["id"]}
    assert made["event"] == "export.made" and made["export"] == manifest["export"]["id"]
    for told in (made, manifest):
        assert told["sha256"] == hashlib.sha256(raw).hexdigest() and told["bytes"] == len(raw)
        assert (told["records"], told["texts"]) == (len(before), 0)
        assert told["kinds"] == {"answered": 2, "asked": 3, "lost": 1, "noted": 1}
    lines = raw.decode("utf-8-sig").splitlines()[form == "csv" :]
    assert (
        len(lines)
        == len(before)
        == sum(manifest["export"]["id"] in line and "月次の点検" in line for line in lines)
    )
    assert "k7q2" not in raw.decode() and file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out", "out.manifest.json"]


@pytest.mark.requirement("R51")
def test_duckdb_counts_what_the_ledger_has_and_a_formula_is_text(filled: Address, tmp_path: Path) -> None:
    kept = {f"{writer}/{idx}" for writer, idx in rows(filled, "SELECT writer, idx FROM records")}
    before = records(filled)
    for form, ending in (("csv", ".csv"), ("jsonl", ".jsonl"), ("jsonl", ".jsonl.gz")):
        file = tmp_path / f"{form}{ending}"
        assert run(filled, str(file), "--as", form, "--text", "--until", "2100-01-01").exit_code == 0
        looks = ", ".join(f"'{one}'" for one in kept)
        read = f"read_csv('{file}')" if form == "csv" else f"read_json('{file}', format='newline_delimited')"
        assert duckdb.sql(
            f"SELECT count(DISTINCT record) FROM {read} WHERE record IN ({looks})"
        ).fetchall() == [(7,)]
        text = duckdb.sql(f"SELECT DISTINCT text FROM {read} WHERE kind = 'asked'").fetchall()
        assert text == [(TEXT,)]
    file = tmp_path / "csv.csv"
    found = duckdb.read_csv(str(file), all_varchar=True).fetchall()
    names = duckdb.read_csv(str(file), all_varchar=True).columns
    cells = [dict(zip(names, row, strict=True)) for row in found]
    back = {record_from({name: turned_back(cell or "") for name, cell in one.items()}) for one in cells}
    assert before <= back, "the very records"
    assert {one["caller_tool"] for one in cells if one["kind"] == "asked"} == {f"'{FORMULA}"}


def test_an_exported_event_is_one_that_ocsf_takes(filled: Address, tmp_path: Path) -> None:
    assert run(filled, str(tmp_path / "o.jsonl"), "--as", "ocsf", "--text").exit_code == 0
    events = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text("utf-8").splitlines()]
    assert len(events) == 7 and [wrong for event in events for wrong in complaints(event)] == []
    tags = {tag["name"]: tag["value"] for tag in events[0]["metadata"]["tags"]}
    assert tags["export.by"] == os_user() and tags["export.reason"] == "月次の点検"


def test_filters_take_the_exchanges_that_fit_with_their_endings(filled: Address, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    assert run(filled, str(file), "--as", "jsonl", "--section", "道路課", "--text").exit_code == 0
    told = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [(one["exchange"], one["kind"]) for one in told] == [
        ("x-3", "asked"), ("x-3", "lost"), ("x-1", "asked"), ("x-1", "answered"),
    ]  # fmt: skip
    assert [one.get("text") for one in told] == [TEXT, None, TEXT, "はい"]
    look = bodies(filled, "viewed")[-1]
    assert look["rows"] == 4 and look["filters"]["section"] == "道路課" and look["filters"]["texts"] is True
    assert run(filled, str(file), "--as", "jsonl", "--since", "2100-01-01", "--overwrite").exit_code == 0
    assert file.read_bytes() == b"" and bodies(filled, "viewed")[-1]["rows"] == 0


def test_a_packed_file_has_the_digest_of_what_lies_there(filled: Address, tmp_path: Path) -> None:
    file = tmp_path / "out.csv.gz"
    assert run(filled, str(file), "--as", "csv").exit_code == 0
    told = json.loads((tmp_path / "out.csv.gz.manifest.json").read_text("utf-8"))
    assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert gzip.decompress(file.read_bytes()).startswith(b"\xef\xbb\xbfrecord,writer,")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--as", "xlsx"), "--as は次のどれかです"),
        (("--as", "cef", "--text"), "本文は入りません"),
        (("--section", "道路課"), "--as jsonl などを"),
        (("--as", "csv", "--person", "123456789018"), "個人番号"),
        (("--as", "csv", "--since", "2026-11-02", "--until", "2026-11-01"), "後です"),
        (("--as", "csv", "--since-note", "n.txt"), "--since-note"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written_or_recorded(
    filled: Address, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run(filled, str(tmp_path / "out"), *arguments)
    assert result.exit_code == 2 and said in result.stderr and "9018" not in result.output
    assert list(tmp_path.glob("out*")) == [] and bodies(filled, "viewed") == []


def test_a_file_of_this_name_is_kept_and_a_folder_that_is_not_there_is_told(
    filled: Address, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    file.write_text("mine")
    result = run(filled, str(file), "--as", "csv")
    assert result.exit_code == 2 and "--overwrite" in result.stderr and file.read_text() == "mine"
    result = run(filled, str(tmp_path / "nowhere" / "out"), "--as", "csv")
    assert result.exit_code == 2 and "フォルダ" in result.stderr


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
def test_what_cannot_be_recorded_is_not_taken_out(filled: Address, tmp_path: Path) -> None:
    with closing(sqlite3.connect(str(filled.path))) as holder:
        holder.execute("BEGIN IMMEDIATE")  # another program does not let go of the ledger
        result = run(filled, str(tmp_path / "out"), "--as", "csv")
        holder.rollback()
    assert result.exit_code == 2 and "持ち出しを記録できない" in result.stderr
    assert list(tmp_path.glob("out*")) == []


def test_a_long_export_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """Twenty times as many records, and not ten megabytes more."""
    program = (
        "import resource, sys; from pathlib import Path; from audit.address import Address; "
        "from audit.exports.chosen import Wanted; from audit.exports.taken import write; "
        "from audit.exports.watermark import Watermark; from audit.readers import at_the_terminal; "
        "from audit.review import Review\n"
        "with Review(Address(Path(sys.argv[1])), at_the_terminal('a')) as review:\n"
        "  with review.exporting(wanted := Wanted('csv', texts=True)) as chosen:\n"
        "    write(Path(sys.argv[2]), wanted, chosen, Watermark('e-1', 'a', 'b', 'c'))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for count in (150, 3_000):
        place = tmp_path / f"ledger-{count}.sqlite"
        fill(Address(place), 5, Month(2026, 4), 1, count)
        command = [sys.executable, "-c", program, str(place), str(tmp_path / f"out-{count}")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 10_000, peaks
