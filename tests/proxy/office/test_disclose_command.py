"""``sekisho audit disclose``: the folder that answers 開示請求 and 情報公開請求, recorded before it has its name."""

import csv
import io
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.address import Address
from audit.ledger import Ledger
from audit.model import Draft
from audit.names import exchange_id, now
from proxy.__main__ import app
from proxy.office.disclosure_files import COVER, CSV, JSONL, LONGEST_CELL
from proxy.office.people import PeopleBook
from proxy.office.roster import Page, Person
from proxy.office.store import office_of
from proxy.settings import read
from redaction.detector import Detector
from tests.audit.ledgers import asked, named, rows

ME, OTHER, REVIEWER = "100123", "100456", "900777"
ASKED = ("--number", "令8-12", "--reason", "開示請求への回答", "--by", "情報公開課長")

pytestmark = pytest.mark.requirement("R58")
Disclose = Callable[..., Result]


@pytest.fixture(params=["sqlite"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    if request.param == "sqlite":
        return Address(tmp_path / "home" / "ledger.sqlite")
    return Address(url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def ledger(address: Address, tmp_path: Path) -> Iterator[Ledger]:
    (tmp_path / "home").mkdir()
    ledger = Ledger(address)
    ledger.start()
    yield ledger
    ledger.stop()


@pytest.fixture(scope="module")
def detector() -> Detector:
    found = Detector()
    found.load()
    return found


@pytest.fixture
def disclose(
    ledger: Ledger, address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detector: Detector
) -> Disclose:
    """The command, with a detector that was loaded once."""
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEKISHO_LEDGER", named(address))
    monkeypatch.setattr("proxy.office.disclose_command.detector_of", lambda settings: detector)

    def run(*words: object) -> Result:
        return CliRunner().invoke(app, ["audit", "disclose", *map(str, words)], catch_exceptions=False)

    return run


def use(ledger: Ledger, person: str, text: str, answer: str = "はい", **caller: Any) -> str:
    id = exchange_id(now())
    body = asked(person, class_effective="2", **{"is_test": False})
    body["caller"] |= {"address": "192.0.2.17", "role": "staff_member"} | caller
    kept = {"purpose": "回答案", "request": {"user": OTHER, "messages": [{"role": "user", "content": text}]}}
    ledger.append_now(Draft("asked", id, body, json.dumps(kept, ensure_ascii=False)))
    said = json.dumps([{"content": answer}], ensure_ascii=False)
    ledger.append_now(
        Draft("answered", id, {"egress_state": "masked", "tokens": {"input": 3, "output": 4}}, said)
    )
    return id


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / JSONL).read_text().splitlines()]


def viewed(address: Address) -> list[dict[str, Any]]:
    return [
        json.loads(body)
        for (body,) in rows(address, "SELECT body FROM records WHERE kind = 'viewed' ORDER BY idx")
    ]


def refused(done: Result, tmp_path: Path, status: int = 2) -> str:
    assert (done.exit_code, done.stdout) == (status, "") and len(done.stderr.strip().splitlines()) == 1, (
        done.stderr
    )
    assert " / " in done.stderr and [one.name for one in tmp_path.iterdir() if "out" in one.name] == []
    return str(done.stderr)


@pytest.mark.parametrize("address", ["sqlite", "postgresql"], indirect=True)
def test_a_person_is_given_everything_about_their_own_use_and_who_looked_by_role(
    disclose: Disclose, ledger: Ledger, address: Address, tmp_path: Path
) -> None:
    id = use(ledger, ME, "[PERSON_1_k7q2]様と鈴木花子様への回答", "[PERSON_1_k7q2]様へ。田中一郎さんに電話を")
    use(ledger, OTHER, "これはほかの人の質問です")
    seen = {
        "what": "show",
        "filters": {"exchange": id},
        "rows": 2,
        "person": REVIEWER,
        "role": "csirt_reviewer",
    }
    ledger.append_now(Draft("viewed", None, seen | {"reason": f"佐藤次郎さんの申立てを職員{OTHER}が聞いた"}))
    out = tmp_path / "out"
    done = disclose("--person", ME, "--out", out, *ASKED)
    assert (done.exit_code, done.stderr) == (0, "") and "渡す前に" in done.stdout
    mine, look = lines(out)
    assert (mine["what"], mine["exchange"], mine["person"], mine["class"]) == ("やり取り", id, ME, "2")
    assert mine["question"] == "【利用目的】回答案\n【利用者】[PERSON_1_k7q2]様と〔氏名〕様への回答"
    assert mine["answer"] == "【AI】[PERSON_1_k7q2]様へ。〔氏名〕さんに電話を"
    assert (look["what"], look["event"], look["by_role"]) == ("閲覧", "一件を見た", "csirt_reviewer")
    assert look["reason"] == "〔氏名〕さんの申立てを職員〔職員など〕が聞いた"
    everything = b"".join(files(out).values()).decode()
    for gone in (OTHER, REVIEWER, "192.0.2.17", "鈴木花子", "田中一郎", "佐藤次郎", "ほかの人の質問"):
        assert gone not in everything, gone
    year, (record_until, text_until) = now().year, (mine["record_until"], mine["text_until"])
    assert record_until.startswith(str(year + 5)) and text_until.startswith(str(year + 1))


def test_the_cover_says_what_was_asked_removed_and_kept_and_the_ledger_knew_of_it_first(
    disclose: Disclose, ledger: Ledger, address: Address, tmp_path: Path
) -> None:
    use(ledger, ME, "予算について")
    out = tmp_path / "out"
    said = json.loads(disclose("--person", ME, "--out", out, *ASKED, "--json").stdout)
    made = files(out)
    digests = {name: sha256(raw).hexdigest() for name, raw in made.items()}
    (look,) = viewed(address)
    assert (look["what"], look["rows"], look["reason"]) == ("disclosure", 1, "開示請求への回答")
    assert look["filters"]["files"] == digests == said["files"] and set(digests) == {CSV, JSONL, COVER}
    assert look["filters"]["person"] == ME and look["filters"]["number"] == "令8-12" and look["os_user"]
    cover = made[COVER].decode()
    for word in (
        "令8-12", "情報公開課長", said["disclosure"], "1行", "第78条", "第三者の個人情報", "見た人", "接続元", "5年", "1年",
        "伏せ字", digests[CSV], digests[JSONL], ME, "保有個人情報の開示請求",
    ):  # fmt: skip
        assert word in cover, word
    (row,) = lines(out)
    assert f"<td>5年</td><td>{row['record_until']}</td>" in cover
    assert f"<td>1年</td><td>{row['text_until']}</td>" in cover
    assert look["os_user"] not in cover or len(look["os_user"]) < 5
    assert all(said["disclosure"] in line for line in made[JSONL].decode().splitlines())
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in out.iterdir()} == {0o600}


def test_excel_opens_the_table_and_calculates_nothing(
    disclose: Disclose, ledger: Ledger, tmp_path: Path
) -> None:
    use(ledger, ME, "=HYPERLINK(1)", "\n＝1+1\x1b[2J", tool="=cmd|x", department="+1", section="@a")
    use(ledger, ME, "あ" * 40_000)
    out = tmp_path / "out"
    disclose("--person", ME, "--out", out, *ASKED)
    raw = (out / CSV).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and b"\r\n" in raw and b"\x1b" not in raw
    heads, long, short = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert heads[:2] == ["種別", "日時(日本時間)"] and heads[-1] == "資料番号"
    assert [len(row) for row in (long, short)] == [len(heads)] * 2
    cells = dict(zip(heads, short, strict=True))
    assert (cells["ツール"], cells["部"], cells["課"]) == ("'=cmd|x", "'+1", "'@a")
    assert cells["結末"] == "回答した" and cells["見つかったデータ(種類と数)"] == "住所 1、氏名 3"
    question = dict(zip(heads, long, strict=True))["質問(伏せ字)"]
    assert len(question) == LONGEST_CELL and question.endswith("同じ行にあります)")
    assert len(lines(out)[0]["question"]) > 40_000


def test_the_public_is_given_no_person_and_texts_only_where_they_were_asked_for(
    disclose: Disclose, ledger: Ledger, tmp_path: Path
) -> None:
    ids = [
        use(ledger, f"1001{n:02}", f"[PERSON_1_k7q{n + 2}]様と鈴木花子様の道路 100{n}", key=f"k-{n}0aa")
        for n in range(5)
    ]
    ids += [use(ledger, "100201", "福祉の質問 [JP_MY_NUMBER]", section="福祉課", tool="福祉の道具")]
    bare, full = tmp_path / "bare", tmp_path / "full"
    asked_for = ("--request", "information", *ASKED)
    assert disclose(*asked_for, "--out", bare).exit_code == 0
    assert disclose(*asked_for, "--out", full, "--texts").exit_code == 0
    assert [row["number"] for row in lines(full)] == [1, 2, 3, 4, 5, 6]
    assert all("question" not in row for row in lines(bare)) and "道路 100" not in str(files(bare))
    assert (
        "文章は入っていません" in (bare / COVER).read_text()
        and "求められていない" in (bare / COVER).read_text()
    )
    newest, *rest = lines(full)
    assert newest["question"].endswith("福祉の質問 〔マイナンバー〕")
    assert all(
        row["question"].startswith("【利用目的】回答案\n【利用者】〔氏名〕様と〔氏名〕様の道路")
        for row in rest
    )
    everything = (b"".join(files(full).values()) + b"".join(files(bare).values())).decode()
    for gone in (
        *ids,
        "1001",
        "100201",
        "福祉課",
        "福祉の道具",
        "k-0",
        "192.0.2",
        "鈴木",
        "k7q",
        "staff_member",
    ):
        assert gone not in everything, gone
    assert "情報公開条例" in everything and "道路課" not in everything, (
        "one small section takes the next with it"
    )


def test_a_section_that_many_share_is_told_and_few_persons_are_refused(
    disclose: Disclose, ledger: Ledger, address: Address, tmp_path: Path
) -> None:
    for n in range(5):
        use(ledger, f"1001{n:02}", "道路")
    use(ledger, "100201", "福祉", section="福祉課")
    out = tmp_path / "out"
    narrow = ("--request", "information", "--section", "福祉課", "--out", out, *ASKED)
    assert "5人に満たず" in refused(disclose(*narrow), tmp_path) and viewed(address) == []
    assert disclose("--request", "information", "--section", "道路課", "--out", out, *ASKED).exit_code == 0
    assert {row["section"] for row in lines(out)} == {"道路課"}
    few = tmp_path / "few"
    assert disclose(*narrow[:4], "--few", "--out", few, *ASKED).exit_code == 0
    assert {row["section"] for row in lines(few)} == {"(5人に満たないため伏せます)"}
    assert viewed(address)[-1]["filters"]["few"] is True


def test_what_was_erased_is_said_and_a_hold_is_never_told(
    disclose: Disclose, ledger: Ledger, address: Address, tmp_path: Path
) -> None:
    id = exchange_id(now())
    ledger.append_now(Draft("asked", id, asked(ME), None))
    ledger.append_now(
        Draft("noted", None, {"event": "hold.placed", "by": REVIEWER, "exchange": id, "reason": "捜査"})
    )
    ledger.append_now(Draft("viewed", None, {"what": "person", "filters": {"person": ME}, "rows": 1, "os_user": "op-x", "reason": "点検"}))  # fmt: skip
    out = tmp_path / "out"
    assert disclose("--person", ME, "--out", out, *ASKED).exit_code == 0
    mine, look = lines(out)
    assert mine["question"] is None and mine["outcome"] == "open" and mine["text_until"] is None
    assert (look["event"], look["by_role"], look["reason"]) == (
        "職員ごとの一覧で見た",
        "terminal(端末)",
        "点検",
    )
    assert "捜査" not in (out / JSONL).read_text() and "op-x" not in str(files(out))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--person", ME, "--number", "x"), "理由を書いて"),
        (("--number", "x", "--reason", "r"), "--person"),
        (("--person", ME, "--number", " ", "--reason", "r"), "--number"),
        (("--person", ME, "--number", "x", "--reason", "123456789018の件"), "個人番号"),
        (("--person", ME, "--number", "123456789018", "--reason", "r"), "個人番号"),
        (("--person", "123456789018", "--number", "x", "--reason", "r"), "個人番号"),
        (("--person", ME, "--section", "道路課", *ASKED), "期間のほかの条件"),
        (("--person", ME, "--request", "information", *ASKED), "人が分かる条件"),
        (("--person", ME, "--texts", *ASKED), "--texts"),
        (("--request", "personal", *ASKED), "職員番号"),
        (("--request", "public", *ASKED), "--request"),
        (("--request", "information", "--word", OTHER, *ASKED), "人を指す言葉"),
        (("--request", "information", "--verdict", "maybe", *ASKED), "--verdict"),
        (("--request", "information", "--word", "陥", *ASKED), "続いた2文字"),
        (("--request", "information", "--since", "昨日", *ASKED), "--since"),
        (("--request", "information", "--since", "2026-02-01", "--until", "2026-01-01", *ASKED), "後です"),
        (("--person", ME, "--number", "x", "--reason", "r", "--by", f"{OTHER}課長"), "職名"),
    ],
)
def test_what_cannot_be_answered_so_is_said_and_leaves_nothing(
    disclose: Disclose, ledger: Ledger, address: Address, tmp_path: Path, words: tuple[str, ...], said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delenv("SEKISHO_REASON", raising=False)
    use(ledger, ME, "予算")
    use(ledger, OTHER, "予算")
    told = refused(disclose(*words, "--out", tmp_path / "out"), tmp_path)
    assert said in told and "9018" not in told
    assert viewed(address) == []


def test_nothing_held_is_looked_for_and_recorded_and_no_folder_is_made(
    disclose: Disclose, ledger: Ledger, address: Address, tmp_path: Path
) -> None:
    use(ledger, OTHER, "予算")
    done = disclose("--person", ME, "--out", tmp_path / "out", *ASKED)
    assert "該当する記録はありません" in refused(done, tmp_path, 1)
    (look,) = viewed(address)
    assert (look["rows"], look["filters"]["files"]) == (0, {})


def test_nothing_is_written_where_something_is_already(
    disclose: Disclose, ledger: Ledger, address: Address, tmp_path: Path
) -> None:
    use(ledger, ME, "予算")
    out = tmp_path / "there"
    out.mkdir()
    assert "もうあります" in disclose("--person", ME, "--out", out, *ASKED).stderr
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert "もうあります" in disclose("--person", ME, "--out", tmp_path / "link", *ASKED).stderr
    assert "フォルダーがありません" in disclose("--person", ME, "--out", tmp_path / "a" / "b", *ASKED).stderr
    assert list(out.iterdir()) == [] and viewed(address) == []


def test_what_cannot_be_recorded_or_searched_leaves_no_file(
    disclose: Disclose, ledger: Ledger, address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(ledger, ME, "予算")
    ledger.stop()
    assert address.path
    address.path.chmod(0o444)
    assert "何も書き出しません" in refused(
        disclose("--person", ME, "--out", tmp_path / "out", *ASKED), tmp_path
    )
    address.path.chmod(0o640)
    monkeypatch.setattr("proxy.office.disclose_command.detector_of", lambda settings: Detector())
    assert "調べられない" in refused(disclose("--person", ME, "--out", tmp_path / "out", *ASKED), tmp_path)
    assert viewed(address) == [] and not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_ids_in_the_books_of_the_office_are_taken_out_although_the_ledger_never_met_them(
    disclose: Disclose, ledger: Ledger, tmp_path: Path
) -> None:
    use(ledger, ME, "担当の３００３００に聞いた")
    with closing(office_of(read())) as office:
        PeopleBook(office).enter(Page(Person("300300", "staff", date(2020, 4, 1), role="staff_member")))
    out = tmp_path / "out"
    assert disclose("--person", ME, "--out", out, *ASKED).exit_code == 0
    assert lines(out)[0]["question"].endswith("担当の〔職員など〕に聞いた")
