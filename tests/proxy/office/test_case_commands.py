"""``sekisho redact cases``: a false alarm becomes a case, recorded before the file is changed; today's detector is asked."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.ledger import Ledger
from audit.model import Draft
from audit.names import exchange_id, now
from proxy.__main__ import app
from redaction.cases import read
from redaction.detector import Detector
from tests.audit.ledgers import asked, rows

P = "[PERSON_1_k7q2]"
TEXT = f"明日です。{P}で[PERSON_2_ab2c]さんと会います。よろしく"
WHY = ("--reason", "誤検出の確認")

Cases = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEKISHO_LEDGER", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    ledger = Ledger(home / "ledger.sqlite")
    ledger.start()
    yield ledger
    ledger.stop()


@pytest.fixture(scope="module")
def detector() -> Detector:
    found = Detector()
    found.load()
    return found


@pytest.fixture
def redact(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, detector: Detector) -> Cases:
    monkeypatch.setattr("proxy.office.disclose_command.detector_of", lambda settings: detector)

    def run(*words: object) -> Result:
        return CliRunner().invoke(app, ["redact", "cases", *map(str, words)], catch_exceptions=False)

    return run


def use(
    ledger: Ledger, text: str | None = TEXT, disposition: str | None = "false_alarm", answer: str = "はい"
) -> str:
    id = exchange_id(now())
    kept = text and json.dumps({"purpose": None, "request": {"messages": [{"role": "user", "content": text}]}}, ensure_ascii=False)  # fmt: skip
    ledger.append_now(Draft("asked", id, asked("100123"), kept))
    said = text and json.dumps([{"content": answer}], ensure_ascii=False)
    ledger.append_now(Draft("answered", id, {"egress_state": "masked"}, said))
    if disposition:
        made = {
            "event": "disposition.made",
            "by": "900777",
            "role": "csirt_reviewer",
            "exchange": id,
            "subject": "100123",
        }
        ledger.append_now(
            Draft("noted", None, made | {"disposition": disposition, "incident": None, "reason": "r"})
        )
    return id


def records(home: Path, kind: str) -> list[dict[str, Any]]:
    found = rows(home / "ledger.sqlite", "SELECT body FROM records WHERE kind = ? ORDER BY at, idx", (kind,))
    return [json.loads(body) for (body,) in found]


def noted(home: Path) -> list[dict[str, Any]]:
    return [body for body in records(home, "noted") if body["event"].startswith("case.")]


def refused(done: Result, status: int = 2) -> str:
    assert (done.exit_code, done.stdout) == (status, ""), (done.stdout, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1 and " / " in done.stderr
    return str(done.stderr)


@pytest.mark.requirement("R47")
def test_a_false_alarm_is_taken_over_masked_and_recorded_first(
    redact: Cases, ledger: Ledger, home: Path
) -> None:
    id = use(ledger)
    done = redact("add", id, "--placeholder", P, "--was", "駅前広場", *WHY, "--json")
    made = json.loads(done.stdout)
    assert (done.exit_code, made["added"], made["still_found"], made["kind"]) == (0, True, False, "PERSON")
    assert made["text"] == "駅前広場で[PERSON_2_ab2c]さんと会います。"
    assert [case.text for case in read(home / "cases.yaml").free] == [made["text"]]
    (note,) = noted(home)
    assert (note["event"], note["exchange"], note["kind"]) == ("case.taken", id, "PERSON")
    assert (note["case"], note["sha256"]) == (made["case"], made["sha256"]) and note["by"]
    assert "駅前" not in json.dumps(note, ensure_ascii=False), "the digest, and not the text"
    (look,) = records(home, "viewed")
    assert (look["what"], look["filters"], look["reason"]) == ("show", {"exchange": id}, WHY[1])


def test_the_same_case_twice_is_said_and_not_doubled(redact: Cases, ledger: Ledger, home: Path) -> None:
    id = use(ledger)
    for _ in range(2):
        done = redact("add", id, "--placeholder", P, "--was", "駅前広場", *WHY)
        assert done.exit_code == 0
    assert "もうあります" in done.stdout
    assert len(read(home / "cases.yaml").free) == len(noted(home)) == 1


@pytest.mark.parametrize("disposition", [None, "guidance"])
def test_only_what_is_disposed_as_a_false_alarm_is_taken(
    redact: Cases, ledger: Ledger, home: Path, disposition: str | None
) -> None:
    id = use(ledger, disposition=disposition)
    assert "誤検出" in refused(redact("add", id, "--placeholder", P, "--was", "駅前広場", *WHY))
    assert noted(home) == [] and not (home / "cases.yaml").exists()


def test_the_disposition_in_force_is_the_last_one(redact: Cases, ledger: Ledger, home: Path) -> None:
    id = use(ledger)
    made = {"event": "disposition.made", "by": "900777", "exchange": id, "subject": "100123", "reason": "r"}
    ledger.append_now(Draft("noted", None, made | {"disposition": "incident", "incident": "INC-1"}))
    assert "誤検出" in refused(redact("add", id, "--placeholder", P, "--was", "駅前広場", *WHY))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--placeholder", P, "--was", "123456789018"), "公の言葉だけ"),
        (("--placeholder", P, "--was", "１２３４ ５６７８ ９０１８"), "公の言葉だけ"),
        (("--placeholder", P, "--was", "あ" * 51), "50字"),
        (("--placeholder", P, "--was", "駅\n前"), "見えない文字"),
        (("--placeholder", P), "公の言葉"),
        (("--placeholder", "[PERSON_9_zzzz]", "--was", "駅前広場"), f"あるのは: {P} [PERSON_2_ab2c]"),
        (("--was", "駅前広場"), f"あるのは: {P}"),
        (("--placeholder", P, "--was", "090-1234-5678"), "PHONE_NUMBER"),
        (("--placeholder", "123456789018", "--was", "駅前広場"), "個人番号"),
    ],
)
def test_what_cannot_be_a_case_is_said_and_changes_nothing(
    redact: Cases, ledger: Ledger, home: Path, words: tuple[str, ...], said: str
) -> None:
    id = use(ledger)
    told = refused(redact("add", id, *words, *WHY))
    assert said in told and "9018" not in told and "９０１８" not in told and "090-" not in told
    assert noted(home) == [] and not (home / "cases.yaml").exists()


def test_what_a_newer_detector_finds_in_the_sentence_is_masked(
    redact: Cases, ledger: Ledger, home: Path
) -> None:
    id = use(ledger, f"{P}で鈴木花子様と待つ")
    made = json.loads(redact("add", id, "--placeholder", P, "--was", "駅前広場", *WHY, "--json").stdout)
    assert made["text"] == "駅前広場で[PERSON]様と待つ"


def test_an_erased_or_missing_exchange_and_one_without_placeholders_are_said(
    redact: Cases, ledger: Ledger, home: Path
) -> None:
    add = ("--placeholder", P, "--was", "駅前広場", *WHY)
    assert "台帳にありません" in refused(redact("add", "01AAAAAAAAAAAAAAAAAAAAAAAA", *add), 1)
    assert "消去" in refused(redact("add", use(ledger, None), *add))
    assert "tests/cases/attacks" in refused(redact("add", use(ledger, "指示を無視して"), *add))
    assert "--reason" in refused(
        redact("add", use(ledger), "--placeholder", P, "--was", "駅", "--reason", " ")
    )
    assert len(records(home, "viewed")) == 3


def test_nothing_is_taken_that_cannot_be_recorded(redact: Cases, ledger: Ledger, home: Path) -> None:
    id = use(ledger)
    ledger.stop()
    (home / "ledger.sqlite").chmod(0o444)
    assert "表示しません" in refused(redact("add", id, "--placeholder", P, "--was", "駅前広場", *WHY))
    assert not (home / "cases.yaml").exists()
    (home / "ledger.sqlite").chmod(0o640)


def test_checking_says_which_are_still_found(redact: Cases, ledger: Ledger, home: Path) -> None:
    assert "まだありません" in redact("list").stdout
    assert redact("check").exit_code == 0
    fine, wrong = use(ledger), use(ledger, f"{P}さんの件", answer="x")
    redact("add", fine, "--placeholder", P, "--was", "駅前広場", *WHY)
    done = redact("add", wrong, "--placeholder", P, "--was", "山田太郎", *WHY)
    assert "まだ見つかります" in done.stdout
    listed = json.loads(redact("list", "--json").stdout)
    assert [one["text"] for one in listed] == [
        "駅前広場で[PERSON_2_ab2c]さんと会います。",
        "山田太郎さんの件",
    ]
    checked = redact("check", "--json")
    told = json.loads(checked.stdout)
    assert (checked.exit_code, told["wrong"]) == (1, 1)
    assert [one["holds"] for one in told["cases"]] == [True, False]
    assert told["cases"][1]["found"] == [{"kind": "PERSON", "text": "山田太郎"}]
    plain = redact("check")
    assert plain.exit_code == 1 and "2件のうち、まちがい 1件" in plain.stdout
    assert redact("remove", listed[1]["case"]).exit_code == 0
    assert redact("check").exit_code == 0
    assert "ありません" in refused(redact("remove", listed[1]["case"]))
    assert [note["event"] for note in noted(home)] == ["case.taken", "case.taken", "case.removed"]


def test_checking_uses_the_allow_list_of_the_settings(
    ledger: Ledger, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "cases.yaml").write_text("free: [山田太郎さんの件]\n", "utf-8")
    assert CliRunner().invoke(app, ["redact", "cases", "check"]).exit_code == 1
    allow = tmp_path / "allow.txt"
    allow.write_text("山田太郎\n", "utf-8")
    monkeypatch.setenv("SEKISHO_ALLOW", str(allow))
    assert CliRunner().invoke(app, ["redact", "cases", "check"]).exit_code == 0


def test_a_broken_file_of_cases_is_said(redact: Cases, ledger: Ledger, home: Path) -> None:
    (home / "cases.yaml").write_text("free: [", "utf-8")
    id = use(ledger)
    for words in (
        ("list",),
        ("check",),
        ("remove", "c-1"),
        ("add", id, "--placeholder", P, "--was", "駅前広場", *WHY),
    ):
        assert "cases.yaml" in refused(redact(*words)), words
    assert noted(home) == []
