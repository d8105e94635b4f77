"""A record as columns: every field of docs/records.md has its own, and the record can be made of them again."""

import json
import re
from pathlib import Path

from audit.exports.flat import COLUMNS, FIELDS, column_of, flat, record_from
from audit.exports.jsonl_form import line
from audit.exports.watermark import Watermark
from tests.audit.exports.samples import ASKED, EVERY, record

PAGE = Path(__file__).parents[3] / "docs" / "records.md"
MARK = Watermark("e-5c1f09ab77d2", "csirt", "2026-11-24T00:00:00.000000Z", "月次の点検")
_INSIDE = ("parameters.", "original.")
"""Maps that stay one column."""


def fields_of_the_page() -> set[str]:
    table = PAGE.read_text("utf-8").split("## 項目 / Fields")[1].split("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    names = {name for row in rows if row[2].strip() != "column" for name in re.findall("`([^`]+)`", row[1])}
    return {name for name in names if "[]." not in name and not name.startswith(_INSIDE)} - {
        "caller",
        "tokens",
    }


def test_every_field_of_a_record_has_a_column_of_its_name() -> None:
    assert fields_of_the_page() <= set(FIELDS)
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_every_record_has_every_column_and_nothing_is_lost() -> None:
    for one in EVERY:
        cells = flat(one, "本文")
        assert tuple(cells) == COLUMNS
        assert record_from(cells) == one
    cells = flat(EVERY[0])
    assert cells["caller_person"] == "100123" and cells["tokens_input"] is None and cells["stream"] is True
    assert cells["entities"] == '{"JP_ADDRESS":1,"PERSON":3}' and cells["decisive"] == '["P-05"]'
    assert cells["at_jst"] == "2026-11-23 14:21:00.123456", "people read Japan's time"


def test_a_line_of_jsonl_is_the_record_as_it_is_told_elsewhere_with_its_watermark() -> None:
    told = json.loads(line(EVERY[0], "[PERSON_1_k7q2]様\n\u2028", MARK))
    assert (
        told["record"] == f"{EVERY[0].writer}/1" and told["body"] == ASKED and told["export"]["by"] == "csirt"
    )
    assert told["text"] == "[PERSON_1_k7q2]様\n\u2028" and line(EVERY[0], "a\nb").count(b"\n") == 1
    assert "text" not in json.loads(line(EVERY[0])) and "export" not in json.loads(line(EVERY[0]))


def test_a_field_that_comes_later_is_in_the_body_and_disturbs_no_column() -> None:
    cells = flat(record("asked", ASKED | {"field_of_tomorrow": 1}))
    assert tuple(cells) == COLUMNS and '"field_of_tomorrow":1' in str(cells["body"])
    assert column_of("caller.person") == "caller_person"
