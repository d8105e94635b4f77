"""``sekisho audit``: what the people who answer for the records type, and what they get."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.address import Address, address_of
from audit.commands import app
from audit.commands.desk import os_user
from audit.ledger import Ledger
from audit.model import Draft
from audit.signing import create_keys
from tests.audit.ledgers import ROOT, Child, Where, asked, attack, kinds, named, rows

TOKENS = {"input": 12, "output": 7, "estimated": True}
IN_A_FILE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
"""What only makes sense where the ledger is a file."""


@pytest.fixture
def place(address: Address) -> Address:
    """The commands do the same in both stores."""
    return address


@pytest.fixture
def filled(place: Address, tmp_path: Path) -> Address:
    """A ledger at rest: one answered exchange, one open one that its writer closed as lost; signed."""
    private, _ = create_keys(tmp_path)
    ledger = Ledger(place, private)
    ledger.start()
    ledger.append_now(Draft("asked", "x-1", asked(), "[PERSON_1]様\nお元気ですか"))
    ledger.append_now(Draft("answered", "x-1", {"egress_state": "masked", "tokens": TOKENS}, "はい"))
    ledger.append_now(Draft("asked", "x-2", asked("sato")))
    ledger.stop()
    return place


@pytest.fixture
def file(filled: Address) -> Path:
    """The same, where it is a file."""
    assert filled.path
    return filled.path


def run(ledger: Where, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--ledger", named(ledger)])


def refused(result: Result, status: int) -> str:
    """The one sentence on stderr."""
    assert (result.exit_code, result.stdout) == (status, "")
    assert len(result.stderr.strip().splitlines()) == 1
    return result.stderr


def viewed(ledger: Where) -> list[dict[str, Any]]:
    return [json.loads(body) for (body,) in rows(ledger, "SELECT body FROM records WHERE kind = 'viewed'")]


def test_search_prints_one_exchange_a_line_newest_first(filled: Address) -> None:
    result = run(filled, "search", "--json")
    cards = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, result.stderr) == (0, "")
    assert [(card["exchange"], card["outcome"]) for card in cards] == [("x-2", "lost"), ("x-1", "answered")]
    assert cards[1]["person"] == "demo" and cards[1]["entities"] == ["JP_ADDRESS", "PERSON"]


def test_search_goes_on_where_the_cursor_points(filled: Address) -> None:
    first = run(filled, "search", "--json", "--limit", "1")
    total, (word, cursor) = first.stderr.splitlines()[0], first.stderr.splitlines()[1].split()
    second = run(filled, "search", "--json", "--limit", "1", "--cursor", cursor)
    assert word == "cursor" and "全部で2件" in total
    assert [json.loads(page.stdout)["exchange"] for page in (first, second)] == ["x-2", "x-1"]


def test_search_for_people_is_in_japanese_time(filled: Address) -> None:
    result = run(filled, "search", "--person", "demo")
    utc = rows(filled, "SELECT at FROM records WHERE exchange = 'x-1' AND turn = 1")[0][0]
    hour = (int(utc[11:13]) + 9) % 24
    assert f" {hour:02d}{utc[13:19]}" in result.stdout
    assert "x-2" not in result.stdout


@pytest.mark.requirement("R47")
def test_each_reading_is_recorded_with_its_filters_and_reason(filled: Address) -> None:
    run(filled, "search", "--person", "demo", "--limit", "7", "--reason", "点検")
    run(filled, "show", "x-1")
    run(filled, "show", "x-9")
    search, show, none = viewed(filled)
    assert search["filters"] == {"person": "demo", "limit": 7}
    assert (search["what"], search["rows"], search["reason"]) == ("search", 1, "点検")
    assert (show["what"], show["filters"], show["rows"], show["reason"]) == (
        "show",
        {"exchange": "x-1"},
        2,
        os.environ["SEKISHO_REASON"],
    )
    assert none["rows"] == 0
    assert search["os_user"]


@pytest.mark.requirement("R47")
@pytest.mark.parametrize(
    "arguments", [["search"], ["search", "--json"], ["show", "x-1"], ["show", "x-1", "--json"]]
)
@IN_A_FILE
def test_what_cannot_be_recorded_as_seen_is_not_shown(file: Path, arguments: list[str]) -> None:
    file.chmod(0o444)
    assert "表示しません" in refused(run(file, *arguments), 2)


def test_readings_are_listed_beside_the_exchanges(filled: Address) -> None:
    run(filled, "search")
    assert "viewed" not in run(filled, "search", "--json").stdout
    assert run(filled, "events", "--json").stdout.count('"kind": "viewed"') == 2


def test_show_gives_one_exchange_as_json(filled: Address) -> None:
    view = json.loads(run(filled, "show", "x-1", "--json").stdout)
    assert list(view) == [
        "exchange", "caller", "rules", "entities", "egress_state", "tokens", "card", "asked", "ending", "text", "events",
    ]  # fmt: skip
    assert view["caller"] == asked()["caller"]
    assert view["rules"] == [{"id": "mask-all", "effects": ["mask"]}]
    assert view["entities"] == {"PERSON": 3, "JP_ADDRESS": 1}
    assert (view["asked"]["kind"], view["ending"]["kind"]) == ("asked", "answered")
    assert (view["egress_state"], view["tokens"]) == ("masked", TOKENS)
    assert view["text"] == {"asked": "[PERSON_1]様\nお元気ですか", "answer": "はい"}


def test_show_of_an_open_exchange_has_no_ending(place: Address, ledger: Ledger) -> None:
    ledger.append_now(Draft("asked", "x-1", asked()))
    view = json.loads(run(place, "show", "x-1", "--json").stdout)
    assert (view["ending"], view["egress_state"], view["tokens"]) == (None, None, None)
    assert "まだ終わっていません" in run(place, "show", "x-1").stdout


def test_show_for_people_cannot_be_used_to_steer_their_terminal(place: Address, ledger: Ledger) -> None:
    ledger.append_now(Draft("asked", "x-1", asked("\x1b[2Jyamada"), "one\x1b]0;title\x07\ntwo"))
    for arguments in (["show", "x-1"], ["search"]):
        out = run(place, *arguments).stdout
        assert "\x1b" not in out and "\x07" not in out
    assert "two" in run(place, "show", "x-1").stdout.splitlines()


def test_show_of_an_unknown_exchange_is_1(filled: Address) -> None:
    assert "x-9" in refused(run(filled, "show", "x-9"), 1)


@pytest.mark.parametrize("command", [["search"], ["show", "x-1"], ["verify"], ["sweep"]])
def test_without_a_ledger_it_is_2_and_none_is_made(tmp_path: Path, command: list[str]) -> None:
    refused(run(tmp_path / "none.sqlite", *command), 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["search"], ["show", "x-1"], ["sweep"]])
def test_an_empty_database_is_2_and_stays_empty(postgres_url: str, command: list[str]) -> None:
    assert "not a Sekisho ledger" in refused(run(postgres_url, *command), 2)
    assert rows(
        postgres_url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    ) == [(0,)]


@pytest.mark.parametrize("command", [["search"], ["show", "x-1"], ["sweep"]])
def test_a_server_that_does_not_answer_is_2_and_no_password_is_said(
    tmp_path: Path, command: list[str]
) -> None:
    refusal = refused(run(f"postgresql://clerk:geheim@/ledger?host={tmp_path}", *command), 2)
    assert "geheim" not in refusal


@pytest.mark.parametrize(
    "wrong",
    [
        ["--outcome", "thought"],
        ["--severity", "worst"],
        ["--word", "あ"],
        ["--since", "yesterday"],
        ["--cursor", "nonsense"],
        ["--since", "2026-11-24", "--until", "2026-11-23"],
    ],
)
def test_a_search_that_cannot_be_understood_is_2(filled: Address, wrong: list[str]) -> None:
    assert refused(run(filled, "search", *wrong), 2).startswith("--")  # names the option, in Japanese first
    assert viewed(filled) == []


@pytest.mark.requirement("R45")
@pytest.mark.parametrize(
    "command",
    [
        ["search", "--person", "123456789018"],
        ["search", "--section", "1234-5678-9018"],
        ["search", "--tool", "t12345678.9018"],
        ["search", "--model", "12345678901"],
        ["search", "--exchange", "１２３４５６７８９０１８"],
        ["search", "--reason", "個人番号 1234 5678 9018 の照会"],
        ["show", "123456789018"],
        ["show", "x-1", "--reason", "123456789018"],
    ],
)
def test_a_number_of_somebody_is_neither_looked_for_nor_recorded(filled: Address, command: list[str]) -> None:
    said = refused(run(filled, *command), 2)
    assert "台帳に残せません" in said and not any(digit in said for digit in "0123456789")
    assert viewed(filled) == []


@IN_A_FILE
def test_what_cannot_be_recorded_as_taken_is_not_written(file: Path, tmp_path: Path) -> None:
    file.chmod(0o444)
    for command in ("export", "backup"):
        assert "何も書き出しません" in refused(run(file, command, str(tmp_path / "copy")), 2)
    assert not (tmp_path / "copy").exists()


def test_whose_record_it_is_and_what_it_tells_is_in_the_table(filled: Address) -> None:
    run(filled, "search", "--reason", "点検")
    run(filled, "hold", "place", "other", "--reason", "照会", "--person", "demo")
    table = [line.split("\t") for line in run(filled, "events").stdout.splitlines()]
    told = {line[1]: (line[3], line[5]) for line in table}
    assert told["viewed"] == (os_user(), "search 点検")
    assert told["noted"] == (os_user(), "hold.placed 照会")
    _, severity, outcome, exchange, person, *_ = run(filled, "search").stdout.splitlines()[-1].split("\t")
    assert (severity, outcome, exchange, person) == ("低", "answered", "x-1", "demo")


def test_that_nothing_was_found_is_said(filled: Address) -> None:
    result = run(filled, "search", "--person", "nobody")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("該当するやり取りはありません。")
    assert run(filled, "search", "--person", "nobody", "--json").output == ""


def test_a_text_that_was_erased_is_called_so(filled: Address) -> None:
    attack(filled, "DELETE FROM texts WHERE idx = 2")
    out = run(filled, "show", "x-1").stdout
    assert out.count("(保存期間が過ぎたため消去されました") == 1 and "お元気ですか" in out
    assert "消去されました" not in run(filled, "show", "x-2").stdout


@pytest.fixture
def nobody() -> Iterator[Callable[[], None]]:
    """Call it to become somebody who may do nothing, where the tests run as root; until the end of the test."""
    before = os.getresuid()
    yield lambda: os.setresuid(65534, 65534, before[2]) if before[1] == 0 else None
    os.setresuid(*before)


@IN_A_FILE
@pytest.mark.parametrize("command", [["search"], ["show", "x-1"]])
def test_a_ledger_that_may_not_be_read_says_as_whom_it_may(
    file: Path, command: list[str], nobody: Callable[[], None]
) -> None:
    run(file.with_name("none.sqlite"), *command)  # whatever is imported late is there before
    file.chmod(0)
    nobody()
    assert "を読む権限がありません。関所を動かしている利用者で" in refused(run(file, *command), 2)


@IN_A_FILE
@pytest.mark.parametrize("command", [["search"], ["show", "x-1"], ["export", "copy"]])
def test_the_log_of_a_ledger_that_is_gone_is_never_deleted(
    file: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = file.with_name(file.name + "-wal")
    file.write_bytes(b"")
    log.write_bytes(b"the newest records")
    monkeypatch.chdir(file.parent)
    assert "消さずに -wal・-shm もいっしょに" in refused(run(file, *command), 2)
    assert log.read_bytes() == b"the newest records"


@pytest.mark.parametrize("content", [b"", b"no database " * 500])
@pytest.mark.parametrize("command", [["search"], ["show", "x-1"], ["verify"], ["sweep"]])
def test_what_is_no_ledger_is_2(tmp_path: Path, content: bytes, command: list[str]) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    refused(run(path, *command), 2)
    assert path.read_bytes() == content


@IN_A_FILE
def test_verify_finds_the_key_beside_the_ledger(file: Path) -> None:
    result = run(file, "verify", "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["ok"], report["signatures"], report["unanchored"]) == (0, True, True, 0)


@IN_A_FILE
def test_verify_of_a_changed_ledger_is_1(file: Path) -> None:
    attack(file, "UPDATE records SET body = '{}' WHERE idx = 2")
    result = run(file, "verify", "--json", "--public-key", str(file.with_name("public.pem")))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["first_bad"]["index"] == 2


@IN_A_FILE
def test_verify_with_a_key_that_is_none_is_2(file: Path) -> None:
    refused(run(file, "verify", "--public-key", str(file.with_name("signing.pem"))), 2)


@IN_A_FILE
def test_verify_writes_nothing(file: Path) -> None:
    before = file.read_bytes()
    run(file, "verify")
    assert file.read_bytes() == before
    assert not Path(f"{file}-wal").exists()


KILLED = """
import os, sys
from audit.ledger import Ledger
from audit.model import Draft

ledger = Ledger(sys.argv[1])
ledger.start()
for number in range(3):
    ledger.append_now(Draft("asked", f"x-{number}", {}))
os.kill(os.getpid(), 9)
"""


def test_sweep_says_how_many_it_closed(place: Address, child: Child) -> None:
    child(KILLED, named(place)).communicate()
    assert run(place, "sweep").stdout.startswith("3 件")
    assert run(place, "sweep").stdout.startswith("0 件")
    assert kinds(place) == {"asked": 3, "lost": 3}


@IN_A_FILE
def test_sweep_that_cannot_write_is_2(file: Path) -> None:
    file.chmod(0o444)
    refused(run(file, "sweep"), 2)


def test_a_reading_closes_nothing(place: Address, child: Child) -> None:
    """Who looks must not change what there is to see."""
    child(KILLED, named(place)).communicate()
    run(place, "search")
    assert kinds(place) == {"asked": 3, "viewed": 1}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("var/ledger.sqlite", "var/ledger.sqlite"),
        ("sqlite:///var/ledger.sqlite", "var/ledger.sqlite"),
        ("sqlite:////var/my%20ledger.sqlite", "/var/my ledger.sqlite"),
    ],
)
def test_a_ledger_is_named_by_path_or_url(text: str, path: str) -> None:
    assert address_of(text) == Address(Path(path))


@pytest.mark.parametrize("text", ["mysql://x/y", "sqlite://", "sqlite:///", "postgresql://"])
def test_another_address_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        address_of(text)


@IN_A_FILE
def test_the_environment_names_the_ledger(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_LEDGER", f"sqlite:///{file}")
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0


def test_the_commands_start_without_the_heavy_libraries() -> None:
    program = (
        "import sys, audit.commands; print({'sqlalchemy', 'cryptography', 'rich.table'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_the_newest_note_is_printed_as_a_letter_that_verify_takes_as_it_is(
    filled: Address, tmp_path: Path
) -> None:
    result = run(filled, "note")
    assert (result.exit_code, result.stderr) == (0, "")
    letter = tmp_path / "letter.txt"
    letter.write_text(result.stdout, "utf-8")
    key = str(tmp_path / "public.pem")
    checked = run(filled, "verify", "--anchor", str(letter), "--public-key", key, "--json")
    assert json.loads(checked.stdout)["after_anchor"] == 0
    assert viewed(filled) == []  # it tells nothing about anybody


def test_where_there_is_no_note_yet_none_is_printed(place: Address) -> None:
    ledger = Ledger(place)
    ledger.start()
    ledger.append_now(Draft("viewed", None, {}))
    ledger.stop()
    assert "控えはまだありません" in refused(run(place, "note"), 1)


def test_the_words_that_options_take_are_those_of_their_rooms() -> None:
    from audit.catalogue.severity import SEVERITIES
    from audit.commands import asking, looking
    from audit.dispositions import DISPOSITIONS
    from audit.model import ENDINGS
    from audit.review import COUNTED_BY

    assert (asking.SEVERITIES, asking.DISPOSITIONS) == (SEVERITIES, DISPOSITIONS)
    assert set(asking.ENDINGS) == ENDINGS
    assert looking.COUNTED_BY == COUNTED_BY


def test_the_catalogue_can_be_brought_up_before_somebody_searches(filled: Address) -> None:
    done = run(filled, "catalogue")
    assert done.exit_code == 0 and "2 件のやり取り" in done.stdout
    assert viewed(filled) == [], "nothing of anybody was shown"
