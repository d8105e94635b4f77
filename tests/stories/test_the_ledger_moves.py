"""A city outgrows its one machine: the ledger moves to PostgreSQL, and comes back from a backup, and nothing is lost."""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from tests.audit.cargo import notes
from tests.audit.ledgers import kinds, named, rows, soon
from tests.stories.conftest import Upstream, sekisho
from tests.stories.served import Clerks, serve


def audit(home: Path, *arguments: object, status: int = 0) -> str:
    """``sekisho audit …`` as the clerk of the house runs it; what it says."""
    done = sekisho("audit", *map(str, arguments), SEKISHO_HOME=str(home))
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def verdict(home: Path, ledger: Address, *options: object, status: int = 0) -> dict[str, Any]:
    said = audit(home, "verify", "--ledger", named(ledger), "--json", *options, status=status)
    return dict(json.loads(said))


@pytest.mark.requirement("R74")
def test_a_house_moves_to_postgresql_and_goes_on(
    stage: ExitStack, upstream: Upstream, tmp_path: Path, postgres_url: str
) -> None:
    old, new, home = (
        Address(tmp_path / "home" / "ledger.sqlite"),
        Address(url=postgres_url),
        tmp_path / "home",
    )
    first = serve(stage, tmp_path, upstream, old)
    assert first.say("山田太郎さんへ")[0] == 200

    # while somebody writes, nothing moves, and they write on
    said = audit(home, "move", "--ledger", named(old), "--to", postgres_url, status=2)
    assert str(first.process.pid) in said
    assert first.say("佐藤花子さんへ")[0] == 200

    first.stop()
    kept = tmp_path / "kept-by-the-csirt.txt"
    kept.write_text("\n".join(notes(old)), "utf-8")
    said = audit(home, "move", "--ledger", named(old), "--to", postgres_url)
    assert f"SEKISHO_LEDGER={postgres_url}" in said
    assert not old.path or not os.stat(old.path).st_mode & 0o222

    second = serve(stage, tmp_path, upstream, new)
    assert second.say("鈴木一郎さんへ")[0] == 200
    second.stop()
    assert (kinds(new)["asked"], kinds(new)["answered"]) == (3, 3)
    noted = [
        json.loads(body)["event"] for (body,) in rows(new, "SELECT body FROM records WHERE kind = 'noted'")
    ]
    besides_alerts = sorted(event for event in noted if event != "alert.raised")
    assert besides_alerts == ["ledger.moved", "policy.in_force", "policy.in_force"], (
        "the policy at each start"
    )
    report = verdict(home, new, "--anchor", kept)
    assert (report["ok"], report["signatures"], report["unanchored"]) == (True, True, 0)
    assert report["anchored"] == len(notes(old))

    assert "read-only" in audit(home, "sweep", "--ledger", named(old), status=2)


@pytest.mark.requirement("R74")
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_after_a_disaster_the_backup_of_last_night_comes_back_and_the_house_goes_on(
    stage: ExitStack, upstream: Upstream, tmp_path: Path, postgres_url: str, store: str
) -> None:
    home, backup = tmp_path / "home", tmp_path / "backup.gz"
    lost = Address(tmp_path / "home" / "ledger.sqlite")
    again = Address(tmp_path / "again.sqlite") if store == "sqlite" else Address(url=postgres_url)
    first = serve(stage, tmp_path, upstream, lost)
    clerks = Clerks(first, "day")
    assert clerks.wait_for(200)
    said = audit(home, "backup", backup, "--ledger", named(lost))  # while they ask
    assert "検証しました" in said
    signed = len(notes(lost))
    assert clerks.wait_for(200) and soon(lambda: len(notes(lost)) > signed)
    clerks.stop()
    first.process.kill()
    first.process.wait()
    newest = tmp_path / "newest.note"
    newest.write_text(notes(lost)[-1], "utf-8")

    said = audit(home, "restore", backup, "--to", named(again), "--public-key", first.public_key)
    assert "それが正しい姿です" in said
    second = serve(stage, tmp_path, upstream, again)
    assert second.say("翌日の山田太郎さんへ")[0] == 200
    second.stop()
    report = verdict(home, again, "--public-key", first.public_key)
    assert (report["ok"], report["unanchored"]) == (True, 0)

    # the notes that were sent outside show what the disaster took
    report = verdict(home, again, "--public-key", first.public_key, "--anchor", newest, status=1)
    assert report["first_bad"]["code"] in ("anchor_differs", "rolled_back")
