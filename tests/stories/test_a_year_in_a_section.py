"""A year in 道路課, day by day: who may use AI, why not, and what they must do. One house, whose clock is set.

Enrolment and approval, acceptance of the rules, training in May, a contractor whose term ends in the middle of a
conversation, a robot at night, a transfer on 1 April, the lapse of training at 年度末 and its renewal. Every change is
made with the commands that staff use; every decision is one that a caller was given and that the ledger keeps.
"""

import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.verify import verify
from policies.days import JST
from proxy.__main__ import app
from proxy.house import House, build
from proxy.settings import Settings, read
from tests.approving import approving
from tests.fakes import Detector
from tests.quiet import quiet


@dataclass
class Year:
    """The house in its year: `on` sets the clock, `asks` is somebody's request, `sekisho` a command of the staff."""

    settings: Settings
    url: str = ""
    house: House | None = None
    now: datetime = field(default_factory=lambda: datetime(2025, 4, 1, tzinfo=JST))
    keys: dict[str, str] = field(default_factory=dict)

    def on(self, moment: str) -> None:
        """``2025-04-14 10:00`` in Japan."""
        self.now = datetime.fromisoformat(moment).replace(tzinfo=JST)

    def sekisho(self, *words: str) -> Any:
        done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        assert self.house is not None
        self.house.register.forget()  # as if a second had passed
        return json.loads(done.stdout)

    def people(self, *words: str) -> Any:
        return self.sekisho("people", *words)

    def issue(self, person: str) -> None:
        made = self.sekisho(
            "keys", "create", "--person", person, "--tool", "文書作成", "--department", "総務部", "--section", "DX推進課",
            "--category", "mail_draft", "--purpose", "案内文の下書き", "--class", "2",
        )  # fmt: skip
        self.keys[person] = made["key"]

    def asks(self, person: str, **headers: str) -> list[str] | str:
        """``passed``, or the rules of P-01 that refused; whatever else happens is a failure."""
        body = {"model": "echo", "messages": [{"role": "user", "content": "工事のお知らせを書いて"}]}
        sent = {"authorization": f"Bearer {self.keys[person]}", **headers}
        request = urllib.request.Request(f"{self.url}/chat/completions", json.dumps(body).encode(), sent)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                assert reply.status == 200
                return "passed"
        except urllib.error.HTTPError as error:
            told = json.loads(error.read())["error"]
            assert (error.code, told["code"]) == (403, "policy_denied"), told
            assert told["message"], "and says what to do"
            return list(told["rules"])

    def records(self, person: str) -> list[dict[str, Any]]:
        """What the ledger keeps of somebody's questions, oldest first."""
        with closing(sqlite3.connect(self.settings.ledger_location)) as connection:
            rows = connection.execute(
                "SELECT body FROM records WHERE kind = 'asked' ORDER BY at, idx"
            ).fetchall()
        bodies = [json.loads(body) for (body,) in rows]
        return [body for body in bodies if body["caller"]["person"] == person]

    def noted(self) -> list[str]:
        with closing(sqlite3.connect(self.settings.ledger_location)) as connection:
            rows = connection.execute(
                "SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx"
            ).fetchall()
        return [json.loads(body)["event"] for (body,) in rows]


@contextmanager
def serving(settings: Settings, make: Callable[[Settings], House]) -> Iterator[str]:
    import socket

    import uvicorn

    from proxy.app import create_app

    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(settings, make), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join(30)


@pytest.fixture(params=["sqlite", "postgresql"])
def year(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upstream: Any
) -> Iterator[Year]:
    """The books lie in a file, and then in a PostgreSQL database."""
    monkeypatch.setenv("SEKISHO_HOME", str(tmp_path / "home"))
    if request.param == "postgresql":
        monkeypatch.setenv("SEKISHO_OFFICE", request.getfixturevalue("postgres_url"))
    policy = str(approving(tmp_path, "*"))
    settings = read(
        home=tmp_path / "home",
        upstream=upstream.url,
        host="127.0.0.1",
        port=0,
        policy=policy,
        alerts=quiet(tmp_path),
    )
    year = Year(settings)

    def make(given: Settings) -> House:
        detector: Any = Detector()
        year.house = replace(build(given), detector=detector, clock=lambda: year.now)
        return year.house

    with serving(settings, make) as year.url:
        yield year


@pytest.mark.requirement("R3", "R12", "R13", "R16", "R17")
def test_a_year_in_a_section(year: Year) -> None:
    here = ("--department", "都市創造部", "--section", "道路課")

    # 4月: 山田さんが来る。申し込み、承認、同意。
    year.on("2025-04-14 10:00")
    year.people("add", "012345", "--kind", "staff", *here, "--starts", "2025-04-14", "--name", "山田太郎")
    year.issue("012345")
    assert "P-01a" in year.asks("012345"), "applied for, not approved yet"
    year.on("2025-04-15 10:00")
    year.people("approve", "012345", "--by", "000100")
    assert year.asks("012345") == ["P-01b", "P-01c"]
    year.people("acknowledge", "012345", "--rules", "2026-04")
    assert year.asks("012345") == ["P-01b"], "until the training in May"

    # 5月: 研修は二つある。
    year.on("2025-05-12 17:00")
    year.people("train", "012345", "--course", "dx", "--on", "2025-05-12")
    assert year.asks("012345") == ["P-01b"], "one course of two"
    year.on("2025-05-13 16:59")
    year.people("train", "012345", "--course", "security", "--on", "2025-05-13")
    assert year.asks("012345") == "passed"

    # 7月: 委託先の鈴木さんは9月30日まで。会話の途中で日付が変わる。
    year.on("2025-07-01 09:00")
    year.people(
        "add", "c-0001", "--kind", "contractor", *here, "--starts", "2025-07-01", "--ends", "2025-09-30", "--owner",
        "012345", "--consented", "--approved-by", "000100",
    )  # fmt: skip
    for course in ("dx", "security"):
        year.people("train", "c-0001", "--course", course, "--on", "2025-06-20")
    year.people("acknowledge", "c-0001", "--rules", "2026-04")
    year.issue("c-0001")
    talk = {"x-sekisho-conversation": "c-7f3a"}
    year.on("2025-09-30 23:59")
    assert year.asks("c-0001", **talk) == "passed"
    year.on("2025-10-01 00:01")
    assert year.asks("c-0001", **talk) == ["P-01a"], "the same conversation, a minute after the last day"
    year.on("2025-10-02 09:00")
    year.people("end", "c-0001", "--on", "2026-03-31")  # the contract is prolonged
    assert year.asks("c-0001", **talk) == "passed"

    # 11月: 夜中の2時に、機械が集計する。研修も同意も要らない。人数には入らない。
    year.on("2025-11-04 02:00")
    year.people(
        "add", "rpa-01", "--kind", "robot", *here, "--starts", "2025-11-01", "--ends", "2026-10-31", "--owner", "012345",
        "--approved-by", "000100",
    )  # fmt: skip
    year.issue("rpa-01")
    assert year.asks("rpa-01") == "passed"
    assert year.people("list", "--on", "2025-11-04")["totals"] == {"users": 2, "robots": 1, "waiting": 0}

    # 3月: 異動の内示。4月1日から公園課。研修は年度末で切れる。
    year.on("2026-03-25 15:00")
    year.people(
        "transfer", "012345", "--department", "都市創造部", "--section", "公園課", "--since", "2026-04-01"
    )
    assert year.asks("012345") == "passed"
    year.on("2026-03-31 23:59")
    assert year.asks("012345") == "passed"
    assert year.asks("c-0001") == "passed"
    year.on("2026-04-01 00:00")
    assert year.asks("012345") == ["P-01b"], "last year's training is over"
    assert year.asks("c-0001") == ["P-01a", "P-01b"]
    assert year.asks("rpa-01") == "passed"

    # 5月: 今年度の研修を終えて、また使える。
    year.on("2026-05-11 16:00")
    for course in ("dx", "security"):
        year.people("train", "012345", "--course", course, "--on", "2026-05-11")
    assert year.asks("012345") == "passed"

    # 台帳: 記録は、その日の所属と立場のまま。
    mine = year.records("012345")
    assert [body["caller"]["section"] for body in mine] == ["道路課"] * 7 + ["公園課"] * 2
    assert {body["caller"]["department"] for body in mine} == {"都市創造部"}, "the person's, not the tool's"
    assert [body["caller"]["trained"] for body in mine] == [False] * 4 + [True] * 3 + [False, True]
    assert [body["verdict"] for body in mine][-3:] == ["permit", "refuse", "permit"]
    robot = year.records("rpa-01")
    assert {body["caller"]["actor"] for body in robot} == {"robot"}
    assert [body["conversation"] for body in year.records("c-0001")][:3] == ["c-7f3a"] * 3
    changes = [event for event in year.noted() if event.startswith(("person.", "rules."))]
    assert changes == [
        "person.enrolled", "person.approved", "rules.acknowledged", "person.trained", "person.trained",
        "person.enrolled", "person.trained", "person.trained", "rules.acknowledged", "person.ended",
        "person.enrolled", "person.transferred", "person.trained", "person.trained",
    ]  # fmt: skip
    settings = year.settings
    assert verify(Path(settings.ledger_location), settings.home / "public.pem").ok


@pytest.mark.requirement("R17", "R18")
def test_the_april_of_a_whole_section_comes_as_one_file_and_the_quarter_ends_with_a_review(
    year: Year, tmp_path: Path
) -> None:
    """The personnel section's file moves everybody at once; the review in July takes one access away."""
    heads = "職員番号,氏名,区分,役割,部,課,開始日,終了日,承認者,責任者,事前承諾"
    before = [f"01234{n},職員{n},職員,,都市創造部,道路課,令和7年4月1日,,000100,," for n in range(3)]
    file = tmp_path / "april.csv"
    file.write_text("\r\n".join([heads, *before]), "cp932")
    assert year.people("import", str(file))["counts"]["new"] == 3
    rows = [
        f"01234{n},{course},2025/4/2,"
        for n in range(3)
        for course in ("DX人材育成研修", "情報セキュリティ研修")
    ]
    courses = tmp_path / "trainings.csv"
    courses.write_text("\r\n".join(["職員番号,研修,修了日,年度", *rows]), "cp932")
    assert year.people("import-trainings", str(courses))["counts"]["new"] == 6
    for n in range(3):
        year.people("acknowledge", f"01234{n}", "--rules", "2026-04")
        year.issue(f"01234{n}")
    year.on("2025-04-02 09:00")
    assert [year.asks(f"01234{n}") for n in range(3)] == ["passed"] * 3

    moved = [row.replace("道路課,令和7年4月1日", "公園課,R7.7.1") for row in before[:2]]
    file.write_text("\r\n".join([heads, *moved, before[2].replace(",,000100", ",R7.6.30,000100")]), "cp932")
    assert year.people("import", str(file))["counts"] | {"unchanged": 0} == {
        "new": 0, "returned": 0, "renewed": 0, "transferred": 2, "changed": 0, "ended": 1, "unchanged": 0,
    }  # fmt: skip
    year.on("2025-06-30 17:00")
    assert [year.asks(f"01234{n}") for n in range(3)] == ["passed"] * 3
    year.on("2025-07-01 09:00")
    assert [year.asks(f"01234{n}") for n in range(3)] == ["passed", "passed", ["P-01a"]]
    sections = [body["caller"]["section"] for body in year.records("012340")]
    assert sections == ["道路課", "道路課", "公園課"]

    begun = year.people("review", "begin", "--section", "公園課")
    listed = tmp_path / "review.csv"
    done = CliRunner().invoke(app, ["people", "review", "export", begun["review"], "--to", str(listed)])
    assert done.exit_code == 0, done.stderr
    lines = listed.read_text("utf-8-sig").splitlines()
    lines[1:] = [
        line.removesuffix(",,") + f",{said},000100"
        for line, said in zip(lines[1:], ("継続", "取消"), strict=True)
    ]
    listed.write_text("\r\n".join(lines), "cp932")
    assert year.people("review", "apply", str(listed), "--by", "000100")["counts"] == {"keep": 1, "revoke": 1}
    assert year.asks("012340") == "passed"
    with pytest.raises(AssertionError, match="invalid_api_key"):
        year.asks("012341")
