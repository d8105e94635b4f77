"""GET /audit/v1/exports: who may take records out over HTTP, what they get, and what the ledger keeps of it."""

import base64
import csv
import hashlib
import io
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from audit.exports.csv_form import HEAD
from policies.vocabulary import ROLES
from proxy.settings import Settings
from tests.audit.exports.test_ocsf import complaints
from tests.proxy.conftest import post
from tests.proxy.halls import Hall, furnished


@pytest.fixture
def hall(serve: Callable[..., str], settings: Settings) -> Hall:
    hall = furnished(serve().removesuffix("/v1"), settings)
    hall.ready()
    text = {"model": "echo", "messages": [{"role": "user", "content": "道路の陥没について、山田太郎さんへ"}]}
    for who in ("staff_member", "elsewhere"):
        assert post(f"{hall.root}/v1", text, key=hall.keys[who])[0] == 200
    return hall


def get(hall: Hall, who: str, **asked: str) -> tuple[int, dict[str, str], bytes]:
    query = urllib.parse.urlencode({"reason": "点検"} | asked)
    url, headers = f"{hall.root}/audit/v1/exports?{query}", {"authorization": f"Bearer {hall.keys[who]}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as reply:
            return reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, {}, error.read()


@pytest.mark.requirement("R51", "R47")
@pytest.mark.parametrize("form", ["csv", "jsonl", "ocsf", "cef"])
def test_a_reviewer_gets_a_file_whose_digest_and_counts_the_ledger_keeps(hall: Hall, form: str) -> None:
    status, headers, raw = get(hall, "csirt_reviewer", form=form)
    assert status == 200 and int(headers["content-length"]) == len(raw)
    digest = hashlib.sha256(raw)
    assert headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    look, made = hall.records("viewed")[-1], hall.records("noted")[-1]
    export = headers["x-sekisho-export"]
    assert look["what"] == "export" and look["filters"] == {"as": form, "texts": False, "export": export}
    assert (look["role"], look["person"], look["reason"]) == (
        "csirt_reviewer",
        hall.id("csirt_reviewer"),
        "点検",
    )
    assert (made["event"], made["export"], made["sha256"]) == ("export.made", export, digest.hexdigest())
    assert made["records"] == look["rows"] == int(headers["x-sekisho-records"])
    lines = raw.decode("utf-8-sig").splitlines()
    assert len(lines) == look["rows"] + (form == "csv") and all(
        export in line for line in lines[form == "csv" :]
    )
    assert "山田" not in raw.decode() and "陥没" not in raw.decode(), "no texts unless asked for"
    if form == "ocsf":
        assert [wrong for line in lines for wrong in complaints(json.loads(line))] == []


def test_filters_and_texts_are_given_as_asked(hall: Hall) -> None:
    status, _, raw = get(hall, "auditor", form="csv", person=hall.id("staff_member"), texts="true")
    rows = [
        dict(zip(HEAD, row, strict=True))
        for row in csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    ][1:]
    assert status == 200 and [row["kind"] for row in rows] == ["asked", "answered"]
    assert (
        "陥没" in rows[0]["text"]
        and "山田" not in rows[0]["text"]
        and rows[0]["exported_by"] == hall.id("auditor")
    )


@pytest.mark.parametrize(
    "asked",
    [{"form": "xlsx"}, {}, {"form": "cef", "texts": "true"}, {"form": "csv", "person": "123456789018"},
     {"form": "csv", "reason": ""}, {"form": "csv", "nobody_knows": "1"}, {"form": "csv", "since": "昨日"}],
)  # fmt: skip
def test_what_is_asked_wrong_is_told_and_nothing_is_taken_out(hall: Hall, asked: dict[str, str]) -> None:
    before = len(hall.records("viewed"))
    status, _, raw = get(hall, "csirt_reviewer", **asked)
    assert status == 400 and json.loads(raw)["error"]["message"] and b"9018" not in raw
    assert len(hall.records("viewed")) == before


def test_nobody_else_takes_anything_out(hall: Hall) -> None:
    for role in {*ROLES} - {"csirt_reviewer", "auditor"}:
        status, _, raw = get(hall, role, form="csv")
        assert (status, json.loads(raw)["error"]["code"]) == (403, "not_your_right"), role
    said: Any = hall.events()
    assert "export.made" not in said


def test_nothing_is_left_on_the_disk(hall: Hall, settings: Settings) -> None:
    before = {path.name for path in settings.home.iterdir()}
    assert get(hall, "auditor", form="jsonl")[0] == 200
    assert {path.name for path in settings.home.iterdir()} <= before | {"ledger.sqlite-catalogue"}
