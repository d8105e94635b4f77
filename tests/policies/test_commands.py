"""The commands of the rules room keep their promise on exit status, stdout and stderr."""

import json
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from policies import files
from policies.commands import app
from policies.model import Ask, EntityFact
from policies.vocabulary import RISKS
from tests.policies.test_checks import GOOD, TESTS

runner = CliRunner()


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A small policy and its tests, to be broken."""
    (tmp_path / "city.tests.yaml").write_text(TESTS, encoding="utf-8")
    path = tmp_path / "city.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def change(path: Path, good: str, bad: str) -> int:
    """Break one place; the number of its line."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(good, bad, 1), encoding="utf-8")
    return text[: text.index(good)].count("\n") + 1


def run(*arguments: str | Path, stdin: str | None = None) -> Any:
    return runner.invoke(app, [str(one) for one in arguments], input=stdin)


def written(ask: Ask) -> str:
    return json.dumps({**asdict(ask), "at": ask.at.isoformat()})


def test_check_finds_no_error_in_any_policy_that_ships() -> None:
    result = run("check")

    assert result.exit_code == 0
    heads = [line.split(":")[0] for line in result.stdout.splitlines() if not line.startswith("/")]
    assert [head.split(" ")[0] for head in heads] == list(files.city_names())
    assert ": 誤り: " not in result.stdout


def test_check_shows_warnings_and_ends_with_1_only_when_they_are_to_count(city: Path) -> None:
    change(city, "effective: 2026-04-01\nreview: 2027-03-31", "effective: 2025-04-01\nreview: 2026-01-01")

    plain, strict = run("check", city), run("check", city, "--strict")
    told = json.loads(run("check", city, "--strict", "--json").stdout)

    assert (plain.exit_code, strict.exit_code) == (0, 1)
    assert plain.stdout == strict.stdout
    assert f"{city}:" in plain.stdout and ": 注意: 見直しの日(2026-01-01)になりました。 → " in plain.stdout
    assert told["ok"] is False
    review = next(one for one in told["complaints"] if one["code"] == "review-due")
    assert (review["severity"], review["file"]) == ("warning", str(city))
    assert set(review) == {"file", "line", "severity", "code", "ja", "en", "remedy"}
    assert told["policies"][0]["warnings"] >= 1


def test_check_of_rules_that_contradict_each_other_ends_with_1(city: Path) -> None:
    line = change(city, "{enrolled: false}", "{enrolled: false, not: {enrolled: false}}")

    result = run("check", city)

    assert result.exit_code == 1
    assert (
        f"{city}:{line}: 誤り: A の条件(利用登録 enrolled、次に当てはまらない not)は互いに矛盾"
        in result.stdout
    )


@pytest.mark.requirement("R10")
def test_check_reports_for_every_risk_the_rules_that_answer_it() -> None:
    told = json.loads(run("check", "takatsuki", "--json").stdout)["policies"][0]["risks"]

    assert set(told) == set(RISKS)
    assert "S.unknown-model" in told["LLM03"]
    open_risks = next(
        one for one in run("check", "takatsuki").stdout.splitlines() if "答える規則のないリスク" in one
    )
    assert all((risk in open_risks) == (not by) for risk, by in told.items())


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


def test_test_ends_with_the_count_and_shows_what_was_tried() -> None:
    result = run("test", "mask-only")

    assert result.exit_code == 0
    assert re.fullmatch(r"[1-9][0-9]* passed, 0 failed", result.stdout.splitlines()[-1])
    assert result.stdout.startswith("mask-only: 規則 3/3、")


def test_test_of_all_policies_counts_them_together() -> None:
    told = json.loads(run("test", "--json").stdout)

    assert told["ok"] is True
    assert [one["policy"] for one in told["policies"]] == list(files.city_names())
    assert told["passed"] == sum(one["passed"] for one in told["policies"])


def test_test_names_the_line_and_the_difference_of_what_failed(city: Path) -> None:
    tests = city.with_name("city.tests.yaml")
    line = change(tests, "decisive: [A]", "decisive: [B]")

    result = run("test", city)

    assert result.exit_code == 1
    told = next(one for one in result.stdout.splitlines() if one.startswith(f"{tests}:{line}: "))
    assert ": 決めた規則(decisive)は B のはずが、A でした。 / decisive: expected B, got A" in told
    assert result.stdout.splitlines()[-1].endswith(" passed, 1 failed")
    assert json.loads(run("test", city, "--json").stdout)["failed"] == 1


def test_test_writes_junit_with_the_failures_of_every_policy(city: Path, tmp_path: Path) -> None:
    line = change(city.with_name("city.tests.yaml"), "decisive: [A]", "decisive: [B]")
    out = tmp_path / "junit.xml"

    result = run("test", city, "--junit", out)
    suites = ElementTree.parse(out).getroot()

    assert result.exit_code == 1
    assert f"{suites.get('tests')} {suites.get('failures')}" == f"{_passed(result) + 1} 1"
    failing = [case for case in suites.iter("testcase") if case.find("failure") is not None]
    assert [case.get("line") for case in failing] == [str(line)]
    assert not {"time", "timestamp"} & {key for element in suites.iter() for key in element.attrib}


def _passed(result: Any) -> int:
    return int(result.stdout.splitlines()[-1].split(" ")[0])


def test_junit_that_cannot_be_written_ends_with_2(tmp_path: Path) -> None:
    result = run("test", "mask-only", "--junit", tmp_path / "no" / "such.xml")

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_test_of_one_rule_runs_only_what_speaks_of_it_and_shows_its_counts() -> None:
    whole, one = run("test", "takatsuki"), run("test", "takatsuki", "--rule", "P-01a")
    cell = run("test", "takatsuki", "--rule", "E.CREDIT_CARD")

    assert one.exit_code == cell.exit_code == 0
    assert 0 < _passed(one) < _passed(whole)
    assert one.stdout.startswith("P-01a: 当てはまった ")
    assert 0 < _passed(cell) < _passed(whole)


def test_test_of_a_rule_that_is_not_there_ends_with_2() -> None:
    result = run("test", "mask-only", "--rule", "Q-99")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Q-99: そのような規則や表はありません。")


def test_test_shows_conditions_that_no_test_has_seen_both_ways(city: Path) -> None:
    change(city, "{enrolled: false}", "{enrolled: false, quota: [over, within, near, unlimited]}")

    told = run("test", city).stdout
    as_json = json.loads(run("test", city, "--json").stdout)["policies"][0]["coverage"]

    assert "  A: quota が当てはまらない試験がない / quota never false" in told.splitlines()
    rule = next(one for one in as_json["rules"] if one["id"] == "A")
    assert [one["name"] for one in rule["conditions"] if not one["false"]] == ["quota"]


def test_test_names_the_rules_that_no_test_has_hit(city: Path) -> None:
    change(city, "{enrolled: false}", "{enrolled: false, section: 幻の課}")

    assert "一度も当てはまらなかった規則: A / rules that no test has hit: A" in run("test", city).stdout


def test_test_complains_about_a_broken_policy_like_check(city: Path) -> None:
    line = change(city, "gate: deny", "gate: block")

    result, as_json = run("test", city), run("test", city, "--json")

    assert (result.exit_code, as_json.exit_code) == (1, 1)
    assert result.stdout.startswith(f"{city}:{line}: ")
    assert json.loads(as_json.stdout)["complaints"][0]["line"] == line


def test_whoever_mounts_the_commands_may_hand_in_the_kinds_of_data_that_a_city_added(
    city: Path, ordinary: Ask, tmp_path: Path
) -> None:
    change(city, "{persons_at_least: 20}", "{entities: {any_of: [CITY_CARD]}}")
    tests = city.with_name("city.tests.yaml")
    change(tests, "ask: {persons: 20}", "ask: {entities: [{type: CITY_CARD}]}")
    ask = tmp_path / "ask.json"
    ask.write_text(written(replace(ordinary, entities=(EntityFact("CITY_CARD", "pattern", 1),))), "utf-8")
    commands = (("check", city), ("test", city), ("explain", ask, "--policy", city),
                ("explain", "--case", "多人数", "--policy", city))  # fmt: skip

    def handed_in() -> tuple[str, ...]:
        return (*files.ENTITY_TYPES, "CITY_CARD")

    for command in commands:
        assert run(*command).exit_code in (1, 2), command
        done = runner.invoke(app, [str(one) for one in command], obj=handed_in)
        assert done.exit_code == 0, done.output


def test_explain_reads_a_file_or_stdin_and_says_why(ordinary: Ask, tmp_path: Path) -> None:
    ask = replace(ordinary, enrolled=False)
    path = tmp_path / "ask.json"
    path.write_text(written(ask), encoding="utf-8")

    from_file, from_stdin = run("explain", path), run("explain", "-", stdin=written(ask))

    assert from_file.exit_code == 0
    assert from_file.stdout == from_stdin.stdout
    assert "P-01a" in from_file.stdout.splitlines()[1].split(" / ")[0]


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
