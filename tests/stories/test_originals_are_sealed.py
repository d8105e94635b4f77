"""Originals: nothing of them is anywhere unless the policy keeps them; then they lie sealed, and end with their key."""

import base64
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from audit.master import CannotOpen, KeyInHand
from audit.originals import Sealed, opened
from tests.approving import approving

NUMBER, CODE = "123456789018", "12345678901"
VALUES = ["山田太郎", "鈴木花子", "大阪府高槻市城東町9番8-703号", "090-1234-5678", "suzuki.hanako@example.jp"]
TEXT = (
    "道路課の山田太郎です。市民の鈴木花子様(大阪府高槻市城東町9番8-703号、電話090-1234-5678、"
    "メールsuzuki.hanako@example.jp)へのお返事の文案を作ってください。"
)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The city's rules, with the one line that keeps originals for 30 days."""
    return approving(tmp_path, "*", instead={"originals": {"keep_days": 30}})


def stored(ledger: str) -> dict[str, Sealed]:
    """Exchange to original, as it lies in the ledger."""
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT exchange, key_id, conversation, wrapped, until, sealed FROM originals"
            " JOIN records USING (writer, idx) JOIN original_keys ON id = key_id"
        )
        return {exchange: Sealed(*rest) for exchange, *rest in rows}


def shown_in(folder: Path, values: list[str]) -> list[str]:
    """Which of the values can be read in which file, as text, as JSON or in base64."""
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        for value in values:
            whole = [base64.b64encode(b"\0" * shift + value.encode())[4:-4] for shift in range(3)]
            if any(form in content for form in (value.encode(), json.dumps(value)[1:-1].encode(), *whole)):
                found.append(f"{path.name}: {value}")
    return found


@pytest.mark.requirement("R45")
def test_what_was_sent_lies_sealed_and_opens_with_the_master_key(
    start_checkpoint: Any, upstream: Any, policy: Path
) -> None:
    checkpoint = start_checkpoint(upstream.url, policy=str(policy))
    status, headers, _ = checkpoint.say(TEXT)
    assert status == 200
    exchange = headers["x-request-id"]
    checkpoint.stop()

    home = Path(checkpoint.dir)
    assert shown_in(home, VALUES) == []
    assert not any(value in checkpoint.log.read_text() for value in VALUES)
    (asked,) = checkpoint.records("asked")
    sealed = stored(checkpoint.ledger)[exchange]
    values = opened(
        sealed, exchange, KeyInHand((home / "master.key").read_bytes()), asked["body"]["original"]
    )
    assert sorted(values.values()) == sorted(VALUES)
    with sqlite3.connect(checkpoint.ledger) as connection:
        (masked,) = connection.execute("SELECT text FROM texts ORDER BY idx LIMIT 1").fetchone()
    for placeholder, value in values.items():
        masked = masked.replace(placeholder, value)
    assert TEXT in masked, "with the masked text it gives the original back"


@pytest.mark.requirement("R45")
def test_what_was_refused_is_not_kept_and_no_my_number_or_resident_code_ever_is(
    start_checkpoint: Any, upstream: Any, policy: Path
) -> None:
    checkpoint = start_checkpoint(upstream.url, policy=str(policy))
    for text in (
        f"鈴木花子様のマイナンバーは{NUMBER}です",
        f"鈴木花子様の番号 {NUMBER}",
        f"鈴木花子様の住民票コードは{CODE}です",
        "鈴木花子様の口座は普通 1234567 です(高槻銀行 本店)",
    ):
        assert checkpoint.say(text)[0] == 403
    assert checkpoint.say("こんにちは")[0] == 200
    checkpoint.stop()

    assert stored(checkpoint.ledger) == {}
    assert all("original" not in record["body"] for record in checkpoint.records("asked"))
    assert shown_in(Path(checkpoint.dir), ["鈴木花子", NUMBER, CODE]) == []


@pytest.mark.requirement("R45")
def test_erasing_the_key_leaves_the_chain_verifiable_and_the_original_shut(
    start_checkpoint: Any, upstream: Any, policy: Path
) -> None:
    checkpoint = start_checkpoint(upstream.url, policy=str(policy))
    exchange = checkpoint.say(TEXT)[1]["x-request-id"]
    checkpoint.stop()
    (sealed,) = stored(checkpoint.ledger).values()
    master = KeyInHand((Path(checkpoint.dir) / "master.key").read_bytes())
    assert opened(sealed, exchange, master)

    with sqlite3.connect(checkpoint.ledger) as connection:
        connection.execute("DELETE FROM original_keys")
        (key_id, blob) = connection.execute("SELECT key_id, sealed FROM originals").fetchone()

    assert checkpoint.verify()["ok"]
    with pytest.raises(CannotOpen, match="消去"):
        opened(Sealed(key_id, sealed.conversation, "", sealed.until, blob), exchange, master)


@pytest.mark.requirement("R45")
def test_without_a_word_in_the_policy_there_is_no_original_and_no_master_key(checkpoint: Any) -> None:
    assert checkpoint.say(TEXT)[0] == 200
    checkpoint.stop()

    assert stored(checkpoint.ledger) == {}
    assert not (Path(checkpoint.dir) / "master.key").exists()
    assert shown_in(Path(checkpoint.dir), VALUES) == []
