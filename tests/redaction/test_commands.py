"""`sekisho redact`: what staff and scripts see."""

import json

import pytest
from typer.testing import CliRunner

from redaction.commands import REASONS, app
from redaction.model import Evidence

runner = CliRunner()


def _answers(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_lines_are_answered_in_order_and_a_bad_one_harms_no_other():
    lines = ['{"id":"a","text":"山田太郎様"}', "no json", '{"id":7}', '{"text":"x"}', '["a"]',
             '{"id":2,"text":"電話は072-674-7111と072-674-7112"}']  # fmt: skip

    result = runner.invoke(app, ["find", "--jsonl"], input="\n".join(lines) + "\n")

    answers = _answers(result)
    assert result.exit_code == 1
    assert [answer["id"] for answer in answers] == ["a", None, 7, None, None, 2]
    assert answers[0]["spans"] == [{"start": 0, "end": 4, "type": "PERSON", "score": 0.95}]
    assert all(set(answer) == {"id", "error"} for answer in answers[1:5])
    assert [(s["start"], s["end"]) for s in answers[5]["spans"]] == [(16, 28)]


def test_good_lines_exit_with_nought_also_from_a_file(tmp_path):
    file = tmp_path / "in.jsonl"
    lines = ['{"id":"a","text":"\\ud83d\\ude00東係長"}', "", '{"id":"b","text":"予算"}']
    file.write_text("\n".join(lines), encoding="utf-8")

    result = runner.invoke(app, ["find", "--jsonl", str(file)])

    assert result.exit_code == 0
    spans = [answer["spans"] for answer in _answers(result)]
    assert [[(span["start"], span["end"]) for span in some] for some in spans] == [[(1, 2)], []]


def test_bytes_that_are_no_text_are_a_bad_line():
    result = runner.invoke(app, ["find", "--jsonl"], input=b'\xff\xfe\n{"id":1,"text":"x"}\n')

    assert result.exit_code == 1
    assert _answers(result)[1] == {"id": 1, "spans": []}


def test_a_text_is_shown_with_kind_and_reason():
    result = runner.invoke(app, ["try", "市民税課の東係長（090-1234-5678）"])

    assert result.exit_code == 0
    assert "市民税課の東係長" in result.stdout
    assert "氏名" in result.stdout and "電話番号" in result.stdout


@pytest.mark.parametrize("source", [[], ["-"]])
def test_machine_output_of_one_text_on_standard_input(source):
    result = runner.invoke(app, ["find", "--json", *source], input="東係長です")

    (span,) = json.loads(result.stdout)["spans"]
    assert span == {"start": 0, "end": 1, "type": "PERSON", "score": 0.75}


def test_nothing_found_is_said_in_words():
    result = runner.invoke(app, ["find", "予算案について"])

    assert result.exit_code == 0
    assert result.stdout == "個人情報は見つかりませんでした。 No personal data found.\n"


@pytest.mark.parametrize(
    "arguments", [["find", "--jsonl", "/no/such/file"], ["find", "x", "--allow", "/no/such"]]
)
def test_what_cannot_be_read_is_one_sentence_and_exit_two(arguments):
    result = runner.invoke(app, arguments)

    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1


def test_every_reason_has_words():
    assert set(REASONS) == set(Evidence.__args__)


def test_a_byte_order_mark_is_no_fault_and_bad_bytes_are_a_bad_line():
    lines = b'\xef\xbb\xbf{"id":1,"text":"x"}\n{"id":2,"text":"\xff"}\n{"id":3,"text":"y"}\n'
    result = runner.invoke(app, ["find", "--jsonl"], input=lines)

    first, second, third = map(json.loads, result.stdout.splitlines())
    assert result.exit_code == 1
    assert first == {"id": 1, "spans": []} and third == {"id": 3, "spans": []}
    assert second == {"id": None, "error": "not UTF-8"}
