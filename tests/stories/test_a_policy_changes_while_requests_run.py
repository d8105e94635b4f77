"""The rules change again and again under load: every exchange is decided and recorded under one version, whole."""

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policies import files
from tests.audit.ledgers import soon

CHANGES = 4


def policy(version: str, gate: str) -> str:
    says = "remedy: {ja: 相談してください。, en: Ask.}" if gate == "deny" else ""
    return (
        f"name: city\nversion: '{version}'\ntitle: {{ja: 市, en: City}}\nrules:\n"
        f"  - id: {gate.upper()}\n    title: {{ja: 規則, en: Rule}}\n    basis: 試験\n"
        f"    when: {{always: true}}\n    gate: {gate}\n    {says}\n"
    )


PERMITS, REFUSES = policy("1", "allow"), policy("2", "deny")
DIGESTS = {files.parse(text).digest: text for text in (PERMITS, REFUSES)}


def write(file: Path, text: str) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text(text, "utf-8")
    draft.replace(file)


class Clerks:
    """Four people who ask without end; how they were answered."""

    def __init__(self, ask: Callable[[str], tuple[int, dict[str, str], Any]]) -> None:
        self.answers: Counter[int] = Counter()
        self._ask = ask
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, daemon=True) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _go_on(self) -> None:
        while not self._over.is_set():
            self.answers[self._ask("山田太郎さん、こんにちは")[0]] += 1

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)


@pytest.mark.requirement("R2")
@pytest.mark.timeout(1800)
def test_each_record_names_one_version_and_its_decision_is_that_versions(
    start_checkpoint: Any, upstream: Any, tmp_path: Path
) -> None:
    file = tmp_path / "city.yaml"
    write(file, PERMITS)
    checkpoint = start_checkpoint(upstream.url, policy=str(file))
    clerks = Clerks(checkpoint.say)
    for change in range(CHANGES):
        text, status = (REFUSES, 403) if change % 2 == 0 else (PERMITS, 200)
        write(file, text)
        before = clerks.answers[status]
        assert soon(lambda: clerks.answers[status] > before + 4, 30), "the new version counts"  # noqa: B023
    clerks.stop()

    assert set(clerks.answers) == {200, 403}, "nobody was turned away by a change"
    asked = [record["body"] for record in checkpoint.records("asked")]
    assert {body["policy_digest"] for body in asked} == DIGESTS.keys()
    for body in asked:
        permits = DIGESTS[body["policy_digest"]] is PERMITS
        assert body["verdict"] == ("permit" if permits else "refuse")
        assert [rule["id"] for rule in body["rules"]] == ["ALLOW" if permits else "DENY"]
        assert body["policy_version"] == ("1" if permits else "2")
    assert len(checkpoint.records("answered")) == clerks.answers[200]
    noted = [r["body"] for r in checkpoint.records("noted") if r["body"]["event"] == "policy.in_force"]
    assert len(noted) == 1 + CHANGES
    assert [body["from"] for body in noted[1:]] == [body["digest"] for body in noted[:-1]]
    assert ["document" in body for body in noted] == [True, True] + [False] * (CHANGES - 1)
    _counts_once_recorded(checkpoint)
    assert checkpoint.verify()["ok"]


def _counts_once_recorded(checkpoint: Any) -> None:
    """No exchange was decided by a version that the ledger did not know of at that moment."""
    known: set[str] = set()
    for record in sorted(checkpoint.records("asked", "noted"), key=lambda record: int(record["index"])):
        body = record["body"]
        if body.get("event") == "policy.in_force":
            known.add(body["digest"])
        elif record["kind"] == "asked":
            assert body["policy_digest"] in known


def test_a_broken_file_keeps_the_old_rules_for_everybody_and_alarms(
    start_checkpoint: Any, upstream: Any, tmp_path: Path
) -> None:
    file = tmp_path / "city.yaml"
    write(file, REFUSES)
    checkpoint = start_checkpoint(upstream.url, policy=str(file))
    write(file, PERMITS.replace("gate: allow", "gate: 許可"))
    assert soon(lambda: "policy.rejected" in checkpoint.log.read_text(), 30)
    time.sleep(1)
    assert checkpoint.say("こんにちは")[0] == 403
    with urllib.request.urlopen(checkpoint.root + "/readyz", timeout=30) as reply:
        assert json.loads(reply.read()) == {"status": "ready", "policy": "broken"}
    (rejected,) = [r["body"] for r in checkpoint.records("noted") if r["body"]["event"] == "policy.rejected"]
    assert (rejected["file"], rejected["line"]) == ("city.yaml", 9)
    assert rejected["digest"] == files.parse(REFUSES).digest
    write(file, PERMITS)
    assert soon(lambda: checkpoint.say("こんにちは")[0] == 200, 30)
    assert checkpoint.log.read_text().count("policy.rejected") == 1
