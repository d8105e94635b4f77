"""Every record is an event that OCSF's own schema takes, at the places that docs/records.md names, and nothing is lost."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from audit.exports.ocsf import PROFILES, VERSION, event, line
from audit.model import Record
from tests.audit.exports.samples import AT, EVERY, EXCHANGE, body_of, leaves
from tests.audit.exports.test_flat import MARK, PAGE

SCHEMAS = Path(__file__).parents[1] / "schemas" / "ocsf"
CLASSES = {6003: "api_activity", 6005: "datastore_activity"}


@cache
def judge(class_uid: int) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{CLASSES[class_uid]}.json").read_text("utf-8"))
    assert f"/{VERSION}/" in schema["$id"]
    return jsonschema.Draft202012Validator(schema)


def complaints(told: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in judge(told["class_uid"]).iter_errors(told)]


@pytest.mark.requirement("R51")
@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.index}-{one.kind}")
def test_ocsf_s_own_schema_takes_every_record(one: Record) -> None:
    for told in (event(one), event(one, "[PERSON_1_k7q2]様", MARK)):
        assert complaints(told) == []
        assert told["type_uid"] == told["class_uid"] * 100 + told["activity_id"]
    assert json.loads(line(one)) == event(one) and line(one).count(b"\n") == 1


def test_the_schema_is_strict() -> None:
    told = event(EVERY[0])
    assert complaints(told | {"nobody_knows_this": 1}) and complaints({**told, "severity_id": 77})
    assert complaints({name: value for name, value in told.items() if name != "actor"})


@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.index}-{one.kind}")
def test_every_word_and_number_of_a_record_is_in_its_event(one: Record) -> None:
    told = json.dumps(event(one), ensure_ascii=False)
    said = [leaf for leaf in leaves(body_of(one)) if leaf is not False]  # no trial: no label
    missing = [leaf for leaf in said if json.dumps(leaf, ensure_ascii=False).strip('"') not in told]
    assert missing == []


def places_of_the_page() -> list[tuple[str, str, list[str]]]:
    """(field, where, places) of every row that names a place of OCSF's."""
    table = PAGE.read_text("utf-8").split("## 項目 / Fields")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.split("|")] for line in table.splitlines() if line.startswith("| `")
    ]
    return [
        (name, row[2], [place.strip() for place in row[7].split(",")])
        for row in rows
        for name in re.findall("`([^`]+)`", row[1])
        if row[7] != "—"
    ]


KIND = {
    "column": 1,
    "asked": 1,
    "decided": 1,
    "ending": 2,
    "told": 2,
    "tried": 2,
    "heard": 2,
    "reason": 8,
    "viewed": 12,
    "noted": 14,
}


@pytest.mark.parametrize(("field", "where", "places"), places_of_the_page())
def test_a_field_stands_where_the_page_says(field: str, where: str, places: list[str]) -> None:
    index = {"error": 8, "confirmations": 7}.get(field, KIND[where])
    told = event(EVERY[index - 1])
    for place in places:
        if place == "unmapped":
            assert field in told["unmapped"] or field.partition(".")[0] in told["unmapped"], field
            continue
        value: Any = told
        for name in place.split("."):
            value = value[name]
        assert value not in (None, "", {}, []), place


def test_what_comes_twice_has_one_uid_and_both_halves_of_an_exchange_have_one_correlation() -> None:
    asked, answered = event(EVERY[0]), event(EVERY[1])
    assert asked["metadata"]["uid"] != answered["metadata"]["uid"] == f"{EVERY[1].writer}/2"
    assert asked["metadata"]["correlation_uid"] == answered["metadata"]["correlation_uid"] == EXCHANGE
    assert event(EVERY[0]) == asked and asked["metadata"]["original_time"] == AT
    assert asked["time"] % 1000 == 123 and asked["metadata"]["profiles"] == list(PROFILES)


def test_what_was_decided_and_how_urgent_it_is() -> None:
    by_index = {one.index: event(one) for one in EVERY}
    assert [(by_index[n]["action"], by_index[n]["disposition"]) for n in (1, 5, 7)] == [
        ("Modified", "Corrected"), ("Denied", "Blocked"), ("Allowed", "Approved"),
    ]  # fmt: skip
    assert [by_index[n]["severity"] for n in (1, 5, 10, 12, 15)] == [
        "High",
        "Medium",
        "Critical",
        "Informational",
        "High",
    ]
    assert (by_index[12]["class_uid"], by_index[12]["activity_name"], by_index[13]["activity_name"]) == (
        6005,
        "Query",
        "Read",
    )
    assert (by_index[14]["activity_id"], by_index[14]["activity_name"]) == (99, "people.entered")


def test_a_text_is_there_only_where_it_is_given() -> None:
    assert "raw_data" not in event(EVERY[0]) and event(EVERY[0], "本文")["raw_data"] == "本文"
