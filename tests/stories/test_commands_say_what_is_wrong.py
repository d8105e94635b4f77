"""Every command that cannot do its work says why in one sentence and ends with status 2; no traceback."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        "audit search --limit 0",
        "audit search --since 0001-01-01",
        "audit search --until 9999-12-31T23:59:59-12:00",
        "audit show",
        "audit verify --ledger /nowhere/x.sqlite",
        "audit disclose --person 1 --number 1 --reason r --out x --ledger /nowhere/x.sqlite",
        "audit disclose --number 1 --reason r --out x",
        "redact find --threshold 2 x",
        "redact cases remove c-1",
        "redact cases add 01AAAAAAAAAAAAAAAAAAAAAAAA",
        "redact measure /nowhere",
        "keys create",
        "people add 012345",
        "people approve nobody --by 000100",
        "people import /nowhere.csv",
        "policy check nowhere",
        "policy explain /nowhere.json",
        "demo --port x --upstream u --key k",
        "demo --port 0 --upstream nowhere --key k",
        "demo --port 0 --upstream http://u:p@127.0.0.1/v1 --key k",
        "demo --port 0 --upstream http://127.0.0.1/v1 --key k --policy nowhere",
        "nonsense",
    ],
)
def test_a_command_line_that_makes_no_sense_is_one_sentence(
    sekisho: Any, tmp_path: Path, arguments: str
) -> None:
    done = sekisho(*arguments.split(), SEKISHO_HOME=str(tmp_path / "home"))
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and done.stdout == ""
    assert "Traceback" not in done.stderr and "u:p" not in done.stderr


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("signing.pem", b"junk"),
        ("secret", b""),
        ("office.sqlite", b"junk" * 1000),
        ("settings.env", b"SEKISHO_PORT=\xff\n"),
    ],
)
@pytest.mark.parametrize(
    "command", ["serve --port 0", "demo --port 0 --upstream http://127.0.0.1:9/v1 --key k"]
)
def test_a_broken_file_of_the_house_is_named_before_anything_starts(
    sekisho: Any, tmp_path: Path, file: str, content: bytes, command: str
) -> None:
    (tmp_path / file).write_bytes(content)
    if file == "signing.pem":
        (tmp_path / "public.pem").write_bytes(b"junk")
    where = ["--dir", str(tmp_path)] if command.startswith("demo") else []
    done = sekisho(*command.split(), *where, SEKISHO_HOME=str(tmp_path))
    assert done.returncode == 2, done.stderr
    assert done.stdout == "" and len(done.stderr.strip().splitlines()) == 1
    assert file in done.stderr or "settings.env" in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"SEKISHO_ALLOW": "/nowhere"},
        {"SEKISHO_LEDGER": "mysql://x/y"},
        {"SEKISHO_ANCHORS": "ftp://x/y"},
        {"SEKISHO_SIGNING_HOOK": "sudo -u csirt sign"},
        {"SEKISHO_MODELS": __file__},
        {"SEKISHO_NOISE": "1"},
    ],
)
def test_a_setting_that_cannot_be_used_is_named_before_anything_starts(
    sekisho: Any, tmp_path: Path, environment: dict[str, str]
) -> None:
    done = sekisho("serve", "--port", "0", SEKISHO_HOME=str(tmp_path), **environment)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_password_in_a_setting_is_starred(sekisho: Any) -> None:
    done = sekisho("settings", "--json", SEKISHO_UPSTREAM="http://user:canary@127.0.0.1/v1")
    assert "canary" not in done.stdout
    assert any(one["value"] == "http://***@127.0.0.1/v1" for one in json.loads(done.stdout))


def test_keys_without_a_name_are_not_issued(sekisho: Any, tmp_path: Path) -> None:
    words = [
        "keys",
        "create",
        "--tool",
        "t",
        "--department",
        "d",
        "--section",
        "s",
        "--category",
        "research",
        "--purpose",
        "p",
        "--person",
    ]
    assert sekisho(*words, "", SEKISHO_HOME=str(tmp_path)).returncode == 2
    ledger = {"SEKISHO_HOME": str(tmp_path), "SEKISHO_LEDGER": "mysql://x/y"}
    assert sekisho(*words, "1", **ledger).returncode == 2
