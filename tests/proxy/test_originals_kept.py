"""What placeholders stood for is kept sealed where the policy says so, never a My Number, and nothing is sent unsealed."""

import asyncio
import base64
import json
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from audit.master import Hook, KeyInHand
from audit.originals import MOST_DAYS, Sealed, opened
from policies import files, schema
from proxy.home import prepare
from proxy.house import build
from proxy.originals import Originals, keepable, master_of, originals_of
from proxy.settings import BadSettings, Settings, read
from redaction.detector import Detector
from redaction.model import CannotDetect
from tests.fakes import Detector as NothingFound
from tests.proxy.conftest import post

MINE = "１２３４－５６７８－９０１８"  # 1234-5678-9018: the check digit is right


@pytest.fixture(scope="module")
def detector() -> Detector:
    loaded = Detector()
    loaded.load()
    return loaded


def kept(detector: Any, *values: str) -> list[str]:
    vault = {f"[X_{number}_aaaa]": value for number, value in enumerate(values)}
    return list(asyncio.run(keepable(vault, detector)).values())


# what is never kept


@pytest.mark.requirement("R45")
@pytest.mark.parametrize(
    "value",
    [
        "123456789018",
        "１２３４５６７８９０１８",
        "1234 5678 9018",
        MINE,
        "1234－5678－9018",
        "1234 - 5678 - 9018",
        "1234-\n5678-\n9018",
        "1234.5678.9018",
        "1234_5678_9018",
        "12/3456/789018",
        "一二三四五六七八九〇一八",
        "①②③④⑤⑥⑦⑧⑨⓪①⑧",
        "いちにさんよんごーろくななはちきゅうぜろいちはち",
        f"高槻市城東町9番8号 {MINE}",
        "高槻市城東町9-8 123456789018",
        "A123456789018Z",
        "%31%32%33%34%35%36%37%38%39%30%31%38",
        base64.b64encode("番号は123456789018です、よろしく".encode()).decode(),
        *(f"1234{mark}5678{mark}9018" for mark in ",、:=~;"),
        "1234(5678)9018",
        "1234 ・ 5678 ・ 9018",
        "壱弐参四五六七八九零壱八",
        "壹貳參肆伍陸漆捌玖〇壹捌",
        "MTIzNDU2Nzg5MDE4",
        "id=MTIzNC01Njc4LTkwMTg=",
        "313233343536373839303138",
        "個人番号:123456789019",  # mistyped: its name says what it is
        "マイナンバー 1234 5678 901",
        "12345678901",
        "１２３４－５６７８－９０１",
        "住民票コード 01234567890",
    ],
)
def test_what_may_be_a_my_number_or_a_resident_code_is_left_out_whole(detector: Detector, value: str) -> None:
    assert kept(detector, value, "山田太郎") == ["山田太郎"]


@pytest.mark.parametrize(
    "value",
    [
        "山田太郎",
        "大阪府高槻市城東町9番8-703号",
        "072-674-7111",
        "090-1234-5678",
        "+81 90-1234-5678",
        "suzuki.hanako@example.jp",
        "昭和58年4月1日",
        "1983-04-01 12:30",
        "34.846123,135.617123",
        "4242-4242-4242-4242",
        "123456789012",  # of twelve digits, but the check digit is another one's
        "[JP_MY_NUMBER]",
        "",
        "\ud800",
    ],
)
def test_what_is_neither_is_kept(detector: Detector, value: str) -> None:
    assert kept(detector, value) == [value]


def test_what_cannot_be_searched_is_not_kept_and_stops_the_exchange() -> None:
    class Broken(NothingFound):
        async def find_each(self, texts: Any) -> Any:
            raise CannotDetect("detector_busy")

    with pytest.raises(CannotDetect):
        kept(Broken(), "高槻市の番地 99999999999999")


def test_values_too_short_to_hold_a_number_are_not_searched_again() -> None:
    class Never(NothingFound):
        async def find_each(self, texts: Any) -> Any:
            raise AssertionError

    assert kept(Never(), "山田太郎", "072-674-7111") == ["山田太郎", "072-674-7111"]


# the master key


def settings_of(home: Path, **given: Any) -> Settings:
    return read(home=home, **given)


def test_a_policy_that_keeps_none_makes_no_master_key(tmp_path: Path) -> None:
    home = prepare(tmp_path / "home")

    assert originals_of(settings_of(home.path), files.load("takatsuki"), home, NothingFound()) is None
    assert not (home.path / "master.key").exists()


def test_the_master_key_is_the_environments_else_the_hooks_else_a_private_file(tmp_path: Path) -> None:
    home = prepare(tmp_path / "home")
    key = base64.b64encode(b"m" * 32).decode()
    hook = f"{sys.executable} hook.py"

    first = master_of(settings_of(home.path, master_key=key, master_hook=hook), home)
    second = master_of(settings_of(home.path, master_hook=hook), home)
    assert isinstance(first, KeyInHand) and isinstance(second, Hook)
    assert not (home.path / "master.key").exists()

    third, again = (master_of(settings_of(home.path), home) for _ in range(2))
    assert again.unwrap(third.wrap(b"k", b""), b"") == b"k"
    file = home.path / "master.key"
    assert (file.stat().st_mode & 0o777, file.stat().st_size) == (0o600, 32)


@pytest.mark.parametrize("wrong", ["canary", "Y2FuYXJ5", base64.b64encode(b"c" * 33).decode()])
def test_a_master_key_that_is_none_stops_the_start_and_is_not_quoted(tmp_path: Path, wrong: str) -> None:
    from proxy.house import inspect

    with pytest.raises(BadSettings, match=r"SEKISHO_MASTER_KEY.*32") as caught:
        inspect(settings_of(tmp_path / "home", master_key=wrong, policy=str(thirty_days(tmp_path))))
    assert wrong not in str(caught.value)


def test_a_file_or_a_hook_that_is_none_stops_the_start(tmp_path: Path) -> None:
    from proxy.house import inspect

    policy = str(thirty_days(tmp_path))
    with pytest.raises(BadSettings, match="SEKISHO_MASTER_HOOK"):
        inspect(settings_of(tmp_path / "home", master_hook="no-such-command-here", policy=policy))
    (tmp_path / "home" / "master.key").write_bytes(b"short")
    with pytest.raises(BadSettings, match=r"master\.key"):
        inspect(settings_of(tmp_path / "home", policy=policy))


def test_the_master_key_is_starred_among_the_settings(tmp_path: Path) -> None:
    from proxy.settings import shown

    settings = settings_of(tmp_path, master_key="canary")
    assert "canary" not in f"{settings!r} {shown(settings)}"


def test_both_rooms_mean_the_same_ninety_days() -> None:
    assert schema.MOST_DAYS == MOST_DAYS


# at the desk


def thirty_days(folder: Path, city: str = "mask-only", days: int = 30) -> Path:
    """A policy that ships, and the one line that keeps originals."""
    path = folder / f"{city}-{days}.yaml"
    text = (files.CITIES / f"{city}.yaml").read_text("utf-8")
    path.write_text(text.replace("\nrules:\n", f"\noriginals: {{keep_days: {days}}}\n\nrules:\n"), "utf-8")
    return path


@pytest.fixture
def settings(tmp_path: Path, upstream_url: str) -> Settings:
    hook = f"{sys.executable} {tmp_path / 'hook.py'}"
    (tmp_path / "hook.py").write_text("import sys; sys.exit(3)")
    return read(
        home=tmp_path / "home",
        upstream=upstream_url,
        host="127.0.0.1",
        port=0,
        policy=str(thirty_days(tmp_path)),
        master_hook=hook,
        master_timeout=60,
    )


def ready_status(base_url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(base_url.removesuffix("/v1") + "/readyz", timeout=30) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.fixture
def base_url(serve: Callable[..., str]) -> str:
    url = serve()
    while ready_status(url)[1].get("reason") == "detector_loading":
        time.sleep(0.05)
    return url


@pytest.mark.requirement("R45")
def test_what_cannot_be_sealed_is_not_sent_and_the_refusal_is_recorded(
    base_url: str, upstream_folder: Path, records: Callable[[], list[tuple[str, Mapping[str, Any]]]]
) -> None:
    status, _, body = post(base_url)

    assert (status, body["error"]["code"]) == (503, "originals_unavailable")
    assert "AIを使えません" in body["error"]["message"]
    assert [(kind, body.get("reason")) for kind, body in records()] == [
        ("asked", None),
        ("refused", "originals_unavailable"),
    ]
    assert b"POST" not in (upstream_folder / "received.bin").read_bytes()
    assert ready_status(base_url) == (503, {"status": "not ready", "reason": "originals_unavailable"})


def test_a_master_key_that_is_slow_holds_up_nobody_else(
    base_url: str, settings: Settings, tmp_path: Path
) -> None:
    go, asked = tmp_path / "go", tmp_path / "asked"
    (tmp_path / "hook.py").write_text(
        "import pathlib, sys, time\n"
        "line = sys.stdin.readline()\n"
        f"pathlib.Path({str(asked)!r}).touch()\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)\n"
        "print(line)\n"
    )
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(post(base_url)[0]))
    waiting.start()
    while not asked.exists():
        assert waiting.is_alive()
    plain = {"model": "echo", "messages": [{"role": "user", "content": "こんにちは"}]}

    assert post(base_url, plain)[0] == 200  # nothing in it to seal
    assert answers == []
    go.touch()
    waiting.join(30)
    assert answers == [200]


def say(base_url: str, text: str, **headers: str) -> int:
    return post(base_url, {"model": "echo", "messages": [{"role": "user", "content": text}]}, **headers)[0]


@pytest.mark.requirement("R45")
def test_what_was_sent_is_kept_sealed_and_what_was_refused_is_not(
    base_url: str,
    settings: Settings,
    tmp_path: Path,
    records: Callable[[], list[tuple[str, Mapping[str, Any]]]],
) -> None:
    (tmp_path / "hook.py").write_text(ECHO)
    assert say(base_url, "山田太郎さんの電話は072-661-0123です") == 200
    assert say(base_url, "山田太郎さんの個人番号は123456789018です") == 403
    assert say(base_url, "こんにちは") == 200

    sent, *others = [body for kind, body in records() if kind == "asked"]
    assert all("original" not in body for body in others) and len(others) == 2
    keys, rows = stored(settings)
    (exchange,) = rows
    assert list(keys) == [rows[exchange][0]]
    sealed = Sealed(*keys[rows[exchange][0]], rows[exchange][1])
    values = opened(sealed, exchange, master_of(settings, prepare(settings.home)), sent["original"])
    assert sorted(values.values()) == ["072-661-0123", "山田太郎"]


def test_a_conversation_that_the_caller_names_has_one_key(
    base_url: str, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "hook.py").write_text(ECHO)
    for headers in ({"X_Sekisho_Conversation": "c-1"}, {"X_Sekisho_Conversation": "c-1"}, {}):
        assert say(base_url, "山田太郎さんへ", **headers) == 200

    keys, rows = stored(settings)
    assert len(rows) == 3
    conversations = {key[1] for key in keys.values()}
    assert "c-1" in conversations and len(conversations) == 2
    assert len(conversations & set(rows)) == 1, "an exchange without one is a conversation by itself"


ECHO = "import sys; print(sys.stdin.readline())"
"""A hook that wraps nothing: what is tested here is who calls it and when."""


def stored(settings: Settings) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, str]]]:
    """The rows of keys by id, and key and sealed blob by exchange."""
    with sqlite3.connect(settings.ledger_location) as connection:
        keys = connection.execute("SELECT id, conversation, wrapped, until FROM original_keys").fetchall()
        rows = connection.execute(
            "SELECT exchange, key_id, sealed FROM originals JOIN records USING (writer, idx)"
        ).fetchall()
    return {key[0]: key for key in keys}, {exchange: (key, blob) for exchange, key, blob in rows}


def test_a_policy_that_keeps_none_asks_no_master_key(tmp_path: Path, upstream_url: str) -> None:
    settings = read(home=tmp_path / "other", upstream=upstream_url, master_hook="no-such-command-here")

    async def kept() -> Any:
        house = build(settings)
        await house.close()
        return house.originals

    assert asyncio.run(kept()) is None


def test_a_house_that_keeps_them_shows_no_key(tmp_path: Path) -> None:
    originals = Originals(KeyInHand(b"m" * 32), 30, NothingFound(), 10)
    try:
        assert "mmm" not in repr(originals)
    finally:
        originals.close()
