"""Every item of the city's roadmap has a place that is really there, and the page says so."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from policies import files
from policies.model import Ask, Permit, Refuse
from policies.vocabulary import ROLES
from tests.roadmap_report import PAGE, ROOT, Place, Roadmap, Row, page, read, themes, there, wrong

ROWS = 43
"""As many items as the city's roadmap has for us. A row may be added; none may go."""

BY_NAME = (
    "音声文字起こし",
    "AI-OCR",
    "RPA",
    "電子申請",
    "電子契約",
    "マイナ保険証 IVR",
    "母子健康手帳アプリ",
    "災害時要援護者 + GIS",
    "eL-QR",
    "標準準拠20業務",
    "窓口DX",
    "オンデマンド交通",
    "スマホ講座",
)
"""What a citizen would look for first: each has a place today, not only in a room to come."""

ASK = Ask(
    person="012345", department="都市創造部", section="道路課", actor="staff", identity="authenticated", tool="t",
    enrolled=True, trained=True, acknowledged=True, dialect="chat", model="m", destination="D2",
    category="mail_draft", declared_class="2", entities=(), characters=1, at=datetime(2026, 11, 2, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture(scope="module")
def roadmap() -> Roadmap:
    return read()


def test_every_row_has_a_place_that_is_there_and_a_test_that_is_there(roadmap: Roadmap) -> None:
    assert list(wrong(roadmap)) == []


def test_no_row_is_missing_or_told_twice(roadmap: Roadmap) -> None:
    assert (
        len({row.id for row in roadmap.rows}) == len({row.item for row in roadmap.rows}) == len(roadmap.rows)
    )
    assert len(roadmap.rows) >= ROWS


@pytest.mark.parametrize("name", BY_NAME)
def test_what_a_citizen_would_look_for_has_a_place_today(roadmap: Roadmap, name: str) -> None:
    rows = [row for row in roadmap.rows if name in row.item]
    assert rows
    assert all(any(place.kind != "later" for place in row.places) for row in rows)


def test_every_theme_of_the_texts_is_the_place_of_some_row(roadmap: Roadmap) -> None:
    placed = {place.name for row in roadmap.rows for place in row.places if place.kind == "case"}
    assert placed == set(themes())


def test_every_room_to_come_is_needed(roadmap: Roadmap) -> None:
    later = {place.name for row in roadmap.rows for place in row.places if place.kind == "later"}
    assert later == set(roadmap.rooms)


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ((), "r: has no place"),
        ((Place("rule", "P-99", "tests/test_roadmap.py::test_no_row_is_missing_or_told_twice"),), "no rule P-99"),
        ((Place("category", "karaoke", "tests/test_house.py::test_x"),), "no category karaoke"),
        ((Place("role", "mayor", "tests/test_house.py::test_x"),), "no role mayor"),
        ((Place("rule", "P-04", "tests/test_roadmap.py::test_nowhere"),), "no test tests/test_roadmap.py::test_nowhere"),
        ((Place("rule", "P-04", "tests/test_gone.py::test_x"),), "no test tests/test_gone.py"),
        ((Place("rule", "P-04", "policies/cities/takatsuki.tests.yaml::ない"),), "no test policies/cities"),
        ((Place("later", "garden", "a row"),), "no later garden"),
    ],
)  # fmt: skip
def test_a_row_without_a_place_or_with_one_that_is_not_there_is_named(
    places: tuple[Place, ...], said: str
) -> None:
    (first, *_) = wrong(Roadmap((Row("r", "item", "does", places),), {}))
    assert said in first


@pytest.mark.parametrize(
    "place",
    [
        "{rule: P-04, category: pr, test: x}",
        "{test: x}",
        "{rule: P-04}",
        "{later: report, test: x}",
        "{rules: P-04, test: x}",
    ],
)
def test_a_place_is_of_one_kind_and_has_its_test(tmp_path: Path, place: str) -> None:
    file = tmp_path / "roadmap.yaml"
    file.write_text(
        f"rooms: {{}}\nrows: [{{id: r, item: i, does: d, places: [{place}]}}]\n", encoding="utf-8"
    )
    with pytest.raises(ValueError, match="r: a place"):
        read(file)


def test_a_helper_of_a_test_file_is_no_test() -> None:
    assert there("tests/test_roadmap.py::test_a_helper_of_a_test_file_is_no_test")
    assert not there("tests/test_roadmap.py::roadmap")


def test_the_page_says_what_the_table_says(roadmap: Roadmap) -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(roadmap), ".venv/bin/python -m tests.roadmap_report writes docs/roadmap.md"


def test_the_page_has_one_line_for_each_row_with_its_test(roadmap: Roadmap) -> None:
    lines = [line for line in page(roadmap).splitlines() if line.startswith("| ")][1:]
    assert len(lines) == len(roadmap.rows)
    for row, line in zip(roadmap.rows, lines, strict=True):
        assert line.startswith(f"| {row.item} |") and line.count(" | ") == 2
        assert all(f"`{place.what}`" in line or f"— {place.what}" in line for place in row.places)


def test_the_page_names_no_file_that_is_not_there(roadmap: Roadmap) -> None:
    for row in roadmap.rows:
        for place in row.places:
            assert place.kind == "later" or (ROOT / place.what.partition("::")[0]).is_file()


@pytest.mark.parametrize("role", ROLES)
def test_a_rule_may_name_every_role_of_the_roadmap(role: str) -> None:
    pair = {"ja": "役割", "en": "role"}
    rules = [
        {"id": "A", "title": pair, "basis": "試験", "when": {"always": True}, "gate": "allow"},
        {"id": "B", "title": pair, "basis": "試験", "when": {"role": [role]}, "gate": "deny", "remedy": pair},
    ]
    policy = files.parse(json.dumps({"name": "roles", "version": "1", "title": pair, "rules": rules}))

    assert isinstance(policy.decide(replace(ASK, role=role)), Refuse)
    for other in set(ROLES) - {role}:
        assert isinstance(policy.decide(replace(ASK, role=other)), Permit)
