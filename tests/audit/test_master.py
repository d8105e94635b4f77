"""The master key: what it wraps comes out only with it, for what it was wrapped for, and it never shows itself."""

import base64
import sys
from pathlib import Path

import pytest

from audit.master import CannotOpen, Hook, KeyInHand, Master, MasterUnavailable

KEY, BOUND = b"k" * 32, b"bound"

HOOK = """\
import base64, os, sys
assert not [name for name in os.environ if name.startswith("SEKISHO_")]
raw = base64.b64decode(sys.stdin.readline())
if sys.argv[1:] not in (["wrap"], ["unwrap"]):
    sys.exit(9)
print(base64.b64encode(bytes(byte ^ 0x55 for byte in raw)).decode())
"""


def hook(folder: Path, script: str = HOOK, timeout: float = 60) -> Hook:
    file = folder / "hook with a space.py"
    file.write_text(script)
    return Hook(f"{sys.executable} '{file}'", timeout)


@pytest.fixture(params=["in hand", "hook"])
def master(request: pytest.FixtureRequest, tmp_path: Path) -> Master:
    return KeyInHand(b"m" * 32) if request.param == "in hand" else hook(tmp_path)


def test_what_is_wrapped_comes_out_and_does_not_show(master: Master) -> None:
    wrapped = master.wrap(KEY, BOUND)

    assert master.unwrap(wrapped, BOUND) == KEY
    assert KEY.decode() not in wrapped and base64.b64encode(KEY).decode() not in wrapped


def test_two_wrappings_of_one_key_are_not_alike() -> None:
    master = KeyInHand(b"m" * 32)

    assert master.wrap(KEY, BOUND) != master.wrap(KEY, BOUND)


def test_a_key_in_hand_opens_for_nothing_else() -> None:
    master = KeyInHand(b"m" * 32)
    wrapped = master.wrap(KEY, BOUND)
    word, print_, box = wrapped.split(":")
    raw = bytearray(base64.b64decode(box))
    raw[-1] ^= 1

    for changed, bound in (
        (wrapped, b"another"),
        (f"{word}:{print_}:{base64.b64encode(raw).decode()}", BOUND),
        (f"{word}:{print_}:", BOUND),
        (f"{word}:{print_}:ｘ", BOUND),
    ):
        with pytest.raises(CannotOpen, match="開きません"):
            master.unwrap(changed, bound)


def test_another_master_key_is_told_apart_from_a_change(tmp_path: Path) -> None:
    wrapped = KeyInHand(b"m" * 32).wrap(KEY, BOUND)

    for other in (KeyInHand(b"n" * 32), hook(tmp_path)):
        with pytest.raises(CannotOpen, match="another master key"):
            other.unwrap(wrapped, BOUND)
    with pytest.raises(CannotOpen, match="another master key"):
        KeyInHand(b"m" * 32).unwrap(hook(tmp_path).wrap(KEY, BOUND), BOUND)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_master_key_of_another_size_is_none(size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        KeyInHand(b"m" * size)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import sys; sys.exit('canary')", "status 1"),
        ("print('no base64')", "one line of base64"),
        ("pass", "one line of base64"),
        ("print('A' * 100_000)", "one line of base64"),
        ("import time; time.sleep(600)", "within 0.5 seconds"),
    ],
)
def test_a_hook_that_fails_says_how_and_repeats_nothing(tmp_path: Path, script: str, words: str) -> None:
    failing = hook(tmp_path, script, timeout=0.5 if "sleep" in script else 60)

    with pytest.raises(MasterUnavailable, match=words) as caught:
        failing.wrap(KEY, BOUND)
    assert "canary" not in str(caught.value) and caught.value.__cause__ is None


@pytest.mark.parametrize("command", ["", "  ", "'open", "no-such-command-here --flag"])
def test_a_hook_that_is_no_command_is_refused_at_once(command: str) -> None:
    with pytest.raises(ValueError):
        Hook(command)


def test_a_hook_that_is_gone_by_now_says_so(tmp_path: Path) -> None:
    program = tmp_path / "gone"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    gone = Hook(str(program))
    program.unlink()

    with pytest.raises(MasterUnavailable, match="cannot be started"):
        gone.wrap(KEY, BOUND)


def test_no_setting_of_the_house_reaches_the_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEKISHO_UPSTREAM_KEY", "canary")

    assert hook(tmp_path).wrap(KEY, BOUND).startswith("hook:")


def test_no_master_key_is_in_a_repr(tmp_path: Path) -> None:
    assert repr(hook(tmp_path)) == "Hook()"
    assert "mm" not in repr(KeyInHand(b"m" * 32))
