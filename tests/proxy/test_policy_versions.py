"""Versions of the policy: activated with all that answers for them, recorded before they count, found by their day."""

import json
import re
import sqlite3
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from policies import files
from policies.complaints import PolicyError
from policies.days import day_of
from proxy.__main__ import app
from proxy.office.policy_versions import Shelf, Version, in_force, states, withdrawn

TODAY = day_of(datetime.now(UTC))
HEAD = {
    "name": "city",
    "version": "1.0",
    "author": "作成者",
    "approver": "承認者",
    "effective": str(TODAY),
    "review": str(TODAY + timedelta(days=365)),
    "accountable": {"officer": "AI統括責任者", "deputy": "同補佐"},
}
RULES = """
title: {ja: 市の規則, en: City rules}
rules:
  - id: A
    title: {ja: 規則, en: Rule}
    basis: 試験
    when: {always: true}
    gate: allow
"""
TESTS = """
base:
  person: p
  department: d
  section: s
  actor: staff
  identity: authenticated
  tool: t
  enrolled: true
  trained: true
  acknowledged: true
  dialect: chat
  model: m
  destination: D2
  category: mail_draft
  class: "2"
  characters: 1
  at: "%sT10:00:00+09:00"
cases:
  - name: 送れる
    expect: {gate: allow}
"""


class Hall:
    """A house in a folder, and a policy file with its tests beside it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.file = folder / "home", folder / "city.yaml"
        monkeypatch.setenv("SEKISHO_HOME", str(self.home))
        self.write()

    def write(self, tests: str | None = None, **head: Any) -> str:
        """Write the policy with another head (None: without that key); its digest."""
        said = {name: value for name, value in (HEAD | head).items() if value is not None}
        lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in said.items()]
        self.file.write_text("# 市の規則\n" + "\n".join(lines) + RULES, "utf-8")
        later = re.fullmatch(r"\d{4}-\d{2}-\d{2}", said.get("effective", "")) and said["effective"]
        day = max(str(TODAY), later or "")
        self.file.with_suffix(".tests.yaml").write_text(tests or TESTS % day, "utf-8")
        return files.digest_of(files.read_yaml(self.file.read_bytes(), "city.yaml").data)

    def policy(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["policy", *words])

    def activate(self, *more: str) -> Result:
        return self.policy("activate", str(self.file), "--by", "情報政策課長", *more)

    def versions(self) -> list[tuple[str, str]]:
        done = self.policy("versions", "--json")
        assert done.exit_code == 0, done.output
        return [(one["version"], one["state"]) for one in json.loads(done.stdout)["versions"]]

    def noted(self) -> list[dict[str, Any]]:
        if not (self.home / "ledger.sqlite").exists():
            return []
        with sqlite3.connect(self.home / "ledger.sqlite") as connection:
            rows = connection.execute(
                "SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx"
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def untouched(self) -> bool:
        return self.versions() == [] and self.noted() == [] and not list(self.home.glob("policies/*.json"))


@pytest.fixture
def hall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hall:
    return Hall(tmp_path, monkeypatch)


# ── activating ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R1")
def test_an_activated_version_is_on_record_with_all_who_answer_for_it(hall: Hall) -> None:
    digest = hall.write()
    done = hall.activate("--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["ok"], told["digest"], told["state"], told["tests"]) == (True, digest, "in_force", 1)
    (noted,) = hall.noted()
    assert noted["event"] == "policy.activated" and noted["by"] and noted["ordered_by"] == "情報政策課長"
    assert {
        name: noted[name] for name in ("author", "approver", "officer", "deputy", "effective", "review")
    } == {
        "author": "作成者",
        "approver": "承認者",
        "officer": "AI統括責任者",
        "deputy": "同補佐",
        "effective": HEAD["effective"],
        "review": HEAD["review"],
    }
    assert (noted["name"], noted["version"], noted["digest"]) == ("city", "1.0", digest)
    assert files.remade(noted["document"]).digest == digest
    assert hall.versions() == [("1.0", "in_force")]


def test_a_stored_policy_is_named_after_its_bytes_reads_as_the_same_policy_and_stands_beside_its_file(
    hall: Hall,
) -> None:
    digest = hall.write()
    assert hall.activate().exit_code == 0
    stored = hall.home / "policies" / f"{digest}.json"
    assert sha256(stored.read_bytes()).hexdigest() == digest
    assert files.parse(stored.read_bytes()).digest == digest
    assert Shelf(hall.home).policy(digest).digest == digest
    assert stored.with_suffix(".yaml").read_bytes() == hall.file.read_bytes()
    assert oct(stored.stat().st_mode & 0o777) == "0o600"


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("missing", ["author", "approver", "effective", "review", "accountable"])
def test_a_version_that_nobody_answers_for_is_not_activated(hall: Hall, missing: str) -> None:
    hall.write(**{missing: None})
    done = hall.activate()
    assert done.exit_code == 1 and missing in done.stdout and re.search("[ぁ-ん]", done.stdout), done.output
    assert hall.untouched()


@pytest.mark.requirement("R1")
@pytest.mark.parametrize(
    ("head", "word"),
    [
        ({"approver": "作成者"}, "approver"),
        ({"accountable": {"officer": "A", "deputy": "A"}}, "deputy"),
        (
            {"effective": str(TODAY + timedelta(days=401)), "review": str(TODAY + timedelta(days=800))},
            "effective",
        ),
        ({"effective": str(TODAY - timedelta(days=401))}, "effective"),
        ({"effective": str(TODAY - timedelta(days=9)), "review": str(TODAY)}, "review"),
        ({"effective": "2026-2-3"}, "city.yaml:6"),
        ({"author": "1234-5678-9018"}, "個人番号"),
    ],
)
def test_a_version_that_cannot_be_meant_is_not_activated(hall: Hall, head: dict[str, Any], word: str) -> None:
    hall.write(**head)
    done = hall.activate()
    assert done.exit_code == 1 and word in done.stdout, done.output
    assert "1234" not in done.stdout
    assert hall.untouched()


@pytest.mark.parametrize("harm", ["a test fails", "no tests", "a broken test", "a broken policy"])
def test_a_version_without_tests_that_pass_is_not_activated(hall: Hall, harm: str) -> None:
    tests = hall.file.with_suffix(".tests.yaml")
    match harm:
        case "a test fails":
            hall.write(tests=(TESTS % TODAY).replace("gate: allow", "gate: deny"))
        case "no tests":
            tests.unlink()
        case "a broken test":
            tests.write_text("cases: [", "utf-8")
        case "a broken policy":
            hall.file.write_text(hall.file.read_text("utf-8").replace("gate: allow", "gate: 許可"), "utf-8")
    done = hall.activate()
    assert done.exit_code == (2 if harm == "no tests" else 1), done.output
    assert hall.untouched()


def test_a_version_that_cannot_be_recorded_does_not_count(hall: Hall) -> None:
    assert hall.policy("versions").exit_code == 0  # the house is there
    (hall.home / "ledger.sqlite").mkdir()
    done = hall.activate()
    assert done.exit_code == 2 and "台帳" in done.output
    assert hall.versions() == []


def test_an_activation_that_would_change_nothing_is_refused(hall: Hall) -> None:
    assert hall.activate().exit_code == 0
    assert hall.activate().exit_code == 1
    hall.write(version="0.9", effective=str(TODAY - timedelta(days=30)))
    done = hall.activate()
    assert done.exit_code == 1 and str(TODAY) in done.stdout
    assert hall.versions() == [("1.0", "in_force")] and len(hall.noted()) == 1


def test_another_document_needs_another_version(hall: Hall) -> None:
    assert hall.activate().exit_code == 0
    hall.write(review=str(TODAY + timedelta(days=300)))
    done = hall.activate()
    assert done.exit_code == 1 and "version を上げてください" in done.stdout
    hall.write(version="1.1", review=str(TODAY + timedelta(days=300)))
    assert hall.activate().exit_code == 0


def test_the_very_same_document_may_come_back(hall: Hall) -> None:
    first = hall.write()
    assert hall.activate().exit_code == 0
    hall.write(version="1.1")
    assert hall.activate().exit_code == 0
    assert hall.write() == first
    done = hall.activate("--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["digest"] == first, done.output
    assert hall.versions() == [("1.0", "past"), ("1.1", "past"), ("1.0", "in_force")]


def test_a_lost_list_is_begun_anew_by_activating_again_and_a_broken_one_is_not_written_over(
    hall: Hall,
) -> None:
    assert hall.activate().exit_code == 0
    listed = hall.home / "policies" / "activated.json"
    listed.unlink()
    assert hall.policy("versions").exit_code == 2
    assert hall.activate().exit_code == 0 and hall.versions() == [("1.0", "in_force")]
    listed.write_text("{", "utf-8")
    hall.write(version="2")
    assert hall.activate().exit_code == 2 and listed.read_text("utf-8") == "{"


# ── withdrawing ───────────────────────────────────────────────────────────────────────────────────


def test_a_coming_version_can_be_withdrawn_and_one_in_force_cannot(hall: Hall) -> None:
    now = hall.write()
    assert hall.activate().exit_code == 0
    coming = hall.write(version="2", effective=str(TODAY + timedelta(days=30)))
    assert json.loads(hall.activate("--json").stdout)["state"] == "coming"
    assert hall.versions() == [("1.0", "in_force"), ("2", "coming")]

    given = ("--by", "課長", "--reason", "誤り")
    assert hall.policy("withdraw", now[:12], *given).exit_code == 1
    assert hall.policy("withdraw", coming[:7], *given).exit_code == 1
    assert hall.policy("withdraw", coming[:8], *given).exit_code == 0
    assert hall.versions() == [("1.0", "in_force"), ("2", "withdrawn")]
    noted = hall.noted()[-1]
    assert (noted["event"], noted["digest"], noted["reason"]) == ("policy.withdrawn", coming, "誤り")
    assert hall.policy("withdraw", coming[:8], *given).exit_code == 1


def test_a_withdrawn_version_can_be_activated_again(hall: Hall) -> None:
    coming = hall.write(effective=str(TODAY + timedelta(days=30)))
    assert hall.activate().exit_code == 0
    assert hall.policy("withdraw", coming[:8], "--by", "課長", "--reason", "誤り").exit_code == 0
    assert hall.activate().exit_code == 0
    assert hall.versions() == [("1.0", "withdrawn"), ("1.0", "coming")]


# ── which one counts ──────────────────────────────────────────────────────────────────────────────


def version(digest: str, effective: date, gone: bool = False) -> Version:
    return Version(
        digest, "city", "1", "a", "b", "c", "d", effective, date(2030, 1, 1), "2026-01-01T00:00:00Z", "x",
        withdrawn_at="2026-01-02T00:00:00Z" if gone else None,
    )  # fmt: skip


DAYS = st.integers(0, 6).map(lambda n: date(2026, 11, 20) + timedelta(days=n))
LISTS = st.lists(st.tuples(DAYS, st.booleans()), max_size=6).map(
    lambda pairs: [version(f"{n}", day, gone) for n, (day, gone) in enumerate(pairs)]
)


@given(LISTS, DAYS)
def test_the_latest_version_that_has_begun_counts_and_of_equals_the_one_activated_last(
    listed: list[Version], on: date
) -> None:
    found = in_force(listed, on)
    begun = [one for one in listed if one.withdrawn_at is None and one.effective <= on]
    if found is None:
        assert begun == []
        return
    assert found in begun
    assert all((one.effective, listed.index(one)) <= (found.effective, listed.index(found)) for one in begun)


@given(LISTS, DAYS)
def test_each_version_is_one_thing_on_a_day_and_one_at_most_is_in_force(
    listed: list[Version], on: date
) -> None:
    found = states(listed, on)
    assert found.count("in_force") == (in_force(listed, on) is not None)
    for state, one in zip(found, listed, strict=True):
        assert (state == "withdrawn") == (one.withdrawn_at is not None)
        assert (state == "coming") == (one.withdrawn_at is None and one.effective > on)


@given(LISTS, DAYS)
def test_a_withdrawal_of_a_coming_version_changes_nothing_today(listed: list[Version], on: date) -> None:
    for state, one in zip(states(listed, on), listed, strict=True):
        if state == "coming":
            assert in_force(withdrawn(listed, one.digest, "now", "x", "y"), on) == in_force(listed, on)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"versions":[{}]}', '{"versions":[1]}', '{"versions":{"a":1}}', "\xff"]
)
def test_a_list_that_is_none_is_said_to_be_broken(tmp_path: Path, content: str) -> None:
    shelf = Shelf(tmp_path)
    shelf.folder.mkdir()
    shelf.list_file.write_bytes(content.encode("latin-1"))
    with pytest.raises(PolicyError, match=r"activated\.json"):
        shelf.versions()


def test_what_a_later_release_writes_into_the_list_is_left_out(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.folder.mkdir()
    listed = {"schema": 1, "versions": [version("a", TODAY).plain() | {"seal": "x"}], "more": 1}
    shelf.list_file.write_text(json.dumps(listed), "utf-8")
    assert shelf.versions() == (version("a", TODAY),)


def test_a_setting_wins_over_the_activated_version_and_says_so(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    from proxy.rulebook import policy_of
    from proxy.settings import read

    digest = hall.write()
    assert hall.activate().exit_code == 0
    assert policy_of(read()).digest == digest
    monkeypatch.setenv("SEKISHO_POLICY", "mask-only")
    assert policy_of(read()).name == "mask-only"
    assert "mask-only" in hall.policy("versions").stdout
