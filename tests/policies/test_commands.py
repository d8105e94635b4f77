"""The commands of the rules room keep their promise on exit status, stdout and stderr."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from policies import files
from policies.commands import app
from policies.model import Ask, EntityFact

runner = CliRunner()


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A copy of the shipped rules and their tests, to be broken."""
    for path in files.CITIES.glob("takatsuki*.yaml"):
        (tmp_path / path.name.replace("takatsuki", "city")).write_bytes(path.read_bytes())
    return tmp_path / "city.yaml"


def change(path: Path, good: str, bad: str) -> int:
    """Break one place; the number of its line."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(good, bad, 1), encoding="utf-8")
    return text[: text.index(good)].count("\n") + 1


def run(*arguments: str | Path, stdin: str | None = None) -> Any:
    return runner.invoke(app, [str(one) for one in arguments], input=stdin)


def written(ask: Ask) -> str:
    return json.dumps({**asdict(ask), "at": ask.at.isoformat()})


def test_check_says_that_all_policies_that_ship_are_good() -> None:
    result = run("check")

    assert result.exit_code == 0
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["mask-only 1", "takatsuki 0.1"]


def test_check_names_file_and_line_and_ends_with_1(city: Path) -> None:
    line = change(city, "gate: deny", "gate: block")

    result = run("check", city)

    assert result.exit_code == 1
    assert result.stdout.startswith(f"{city}:{line}: 「block」は知らない値です。")
    assert result.stderr == ""


def test_check_prints_its_complaints_as_json(city: Path) -> None:
    line = change(city, "gate: deny", "gate: block")

    good, bad = run("check", "takatsuki", "--json"), run("check", city, "--json")

    assert good.exit_code == 0
    assert json.loads(good.stdout)["policies"][0]["digest"] == files.load("takatsuki").digest
    assert bad.exit_code == 1
    told = json.loads(bad.stdout)
    assert told["ok"] is False
    assert [(one["file"], one["line"]) for one in told["complaints"]] == [(str(city), line)]


@pytest.mark.parametrize("command", ["check", "test"])
@pytest.mark.parametrize("name", ["nowhere", "no/such.yaml"])
def test_a_policy_that_is_not_there_ends_with_2_and_one_sentence(command: str, name: str) -> None:
    result = run(command, name)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert name in result.stderr


def test_test_ends_with_the_count_and_shows_how_often_each_rule_was_hit() -> None:
    result = run("test", "mask-only")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "6 passed, 0 failed"
    assert "mask-only M-03 1" in result.stdout.splitlines()


def test_test_of_all_policies_counts_them_together() -> None:
    told = json.loads(run("test", "--json").stdout)

    assert told["ok"] is True
    assert [one["policy"] for one in told["policies"]] == ["mask-only", "takatsuki"]
    assert told["passed"] == sum(one["passed"] for one in told["policies"])


def test_test_names_the_line_and_the_difference_of_what_failed(city: Path) -> None:
    tests = city.with_name("city.tests.yaml")
    line = change(tests, "decisive: [P-11]", "decisive: [P-10]") - 2

    result = run("test", city)

    assert result.exit_code == 1
    assert f"{tests}:{line}: 処分の判断には使えない: decisive: 期待は P-10、実際は P-11" in result.stdout
    assert result.stdout.splitlines()[-1].endswith(" passed, 1 failed")
    assert json.loads(run("test", city, "--json").stdout)["failed"] == 1


def test_test_names_the_rules_that_no_test_has_hit(city: Path) -> None:
    change(city, "category: [disposition]", "category: [disposition]\n      section: 幻の課")

    assert "一度も当てはまらなかった規則: P-11 / rules that no test has hit: P-11" in run("test", city).stdout


def test_test_complains_about_a_broken_policy_like_check(city: Path) -> None:
    line = change(city, "gate: deny", "gate: block")

    result, as_json = run("test", city), run("test", city, "--json")

    assert (result.exit_code, as_json.exit_code) == (1, 1)
    assert result.stdout.startswith(f"{city}:{line}: ")
    assert json.loads(as_json.stdout)["complaints"][0]["line"] == line


def test_explain_reads_a_file_or_stdin_and_says_why(ordinary: Ask, tmp_path: Path) -> None:
    ask = replace(ordinary, entities=(EntityFact("CREDIT_CARD", "checksum", 1),))
    path = tmp_path / "ask.json"
    path.write_text(written(ask))

    from_file, from_stdin = run("explain", path), run("explain", "-", stdin=written(ask))

    assert from_file.exit_code == 0
    assert from_file.stdout == from_stdin.stdout
    assert from_file.stdout.splitlines()[1] == "決めた規則: P-06a / Decided by: P-06a"


def test_explain_takes_another_policy_and_prints_json(ordinary: Ask) -> None:
    result = run("explain", "-", "--policy", "mask-only", "--json", stdin=written(ordinary))

    assert result.exit_code == 0
    assert json.loads(result.stdout)["decisive"] == ["M-01"]


def test_explain_ends_with_1_when_the_ask_could_not_be_decided(ordinary: Ask) -> None:
    result = run("explain", "-", "--json", stdin=written(replace(ordinary, category="unheard_of")))

    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "unknown_category"


@pytest.mark.parametrize("stdin", ["{", "{}", "[]", '"text"'])
def test_explain_of_what_is_no_ask_ends_with_2_and_one_sentence(stdin: str) -> None:
    result = run("explain", "-", stdin=stdin)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_explain_of_a_file_that_cannot_be_read_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "sjis.json").write_bytes("要求".encode("shift_jis"))

    for path in (tmp_path / "none.json", tmp_path, tmp_path / "sjis.json"):
        result = run("explain", path)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1


def test_the_command_line_starts_without_anything_heavy() -> None:
    heavy = "{'yaml', 'pydantic', 'rich.table', 'hypothesis'}"
    program = f"import sys, policies.commands; print(sorted({heavy} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
