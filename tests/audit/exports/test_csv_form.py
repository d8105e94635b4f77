"""CSV that Excel opens, that no spreadsheet runs, and that can be turned back; read back by DuckDB and by Python's csv."""

import csv
import io
from pathlib import Path

import duckdb
import pytest
from hypothesis import strategies as st

from audit.exports.csv_form import BOM, HEAD, RUN, head, line, neutral, turned_back
from audit.exports.flat import COLUMNS, flat, record_from
from tests.audit.exports.samples import ASKED, CALLER, EVERY, record
from tests.audit.exports.test_flat import MARK
from tests.laws.drawing import law

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.sampled_from(
    [
        "=1+1",
        "+81",
        "-",
        "@SUM(A1)",
        "\t=1",
        "\r",
        "＝1",
        "'=1",
        "''",
        "'",
        " =1",
        "　＝1",
        "",
        '"',
        "a,b",
        "a\r\nb",
    ]
)


@law(300, 20_000, cell=CELLS)
def test_no_cell_can_be_run_and_each_can_be_turned_back(cell: str) -> None:
    made = neutral(cell)
    assert made.lstrip(" \u3000\u00a0\ufeff")[:1] not in RUN
    assert turned_back(made) == cell
    assert (made == cell) is (turned_back(cell) == cell and neutral(cell) == cell)


@law(200, 5_000, cells=st.lists(CELLS, min_size=len(COLUMNS), max_size=len(COLUMNS)))
def test_what_is_written_is_what_an_rfc_4180_reader_reads(cells: list[str]) -> None:
    raw = line(dict(zip(COLUMNS, cells, strict=True)), MARK)
    assert raw.endswith(b"\r\n")
    (row,) = csv.reader(io.StringIO(raw.decode(), newline=""), strict=True)
    assert [turned_back(cell) for cell in row[: len(COLUMNS)]] == cells
    assert row[len(COLUMNS) :] == [MARK.id, MARK.by, MARK.at, MARK.reason]


@pytest.mark.requirement("R51")
def test_duckdb_reads_every_record_and_a_formula_arrives_as_text(tmp_path: Path) -> None:
    formula = "=cmd|' /C calc'!A0"
    evil = record(
        "asked", ASKED | {"caller": CALLER | {"tool": formula, "section": "＝1+1", "person": "'=x"}}, 17
    )
    texts = ['改行\r\nと,カンマと"引用符"', None, *[None] * (len(EVERY) - 2), "-1"]
    records = [*EVERY, evil]
    file = tmp_path / "records.csv"
    file.write_bytes(head() + b"".join(line(flat(*pair), MARK) for pair in zip(records, texts, strict=True)))
    assert file.read_bytes().startswith(BOM)
    read = duckdb.read_csv(
        str(file), header=True, all_varchar=True, quotechar='"', escapechar='"', delimiter=","
    )
    assert tuple(read.columns) == HEAD
    found = [dict(zip(HEAD, row, strict=True)) for row in read.fetchall()]
    assert len(found) == len(records)
    for cells, one, text in zip(found, records, texts, strict=True):
        back = {name: turned_back(cell or "") for name, cell in cells.items()}
        assert record_from(back) == one and back["text"] == (text or "") and back["export_id"] == MARK.id
    assert found[-1]["caller_tool"] == f"'{formula}" and found[-1]["caller_section"] == "'＝1+1"
    assert duckdb.sql(f"SELECT count(*) FROM read_csv('{file}') WHERE verdict = 'refuse'").fetchall() == [
        (1,)
    ]
