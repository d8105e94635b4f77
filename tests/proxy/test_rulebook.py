"""Which version of the rules counts in a process: a change is recorded before it counts, and a bad file changes nothing."""

import asyncio
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from audit.ledger import Ledger
from audit.model import CannotRecord
from policies import files
from policies.complaints import PolicyError
from proxy.errors import Unavailable
from proxy.evidence import ledger_of
from proxy.home import prepare
from proxy.house import build, inspect
from proxy.office.policy_versions import Shelf, Version
from proxy.rulebook import Rulebook, by_digest
from proxy.settings import BadSettings, Settings, read
from tests.fakes import Detector

NOON = datetime(2026, 11, 23, 3, tzinfo=UTC)
"""Noon in Japan."""


def policy(version: str, gate: str = "allow", more: str = "") -> str:
    says = "remedy: {ja: 相談してください。, en: Ask.}" if gate == "deny" else ""
    return (
        f"name: city\nversion: '{version}'\ntitle: {{ja: 市, en: City}}\n{more}\nrules:\n"
        f"  - id: A\n    title: {{ja: 規則, en: Rule}}\n    basis: 試験\n    when: {{always: true}}\n"
        f"    gate: {gate}\n    {says}\n"
    )


ONE, TWO = policy("1"), policy("2", "deny")
BROKEN = ONE.replace("gate: allow", "gate: 許可")


def digest(text: str) -> str:
    return files.parse(text).digest


@dataclass
class Desk:
    """A rulebook on a real ledger, whose looks come one by one; ``at`` is what its clock says."""

    home: Path
    source: Path | None
    at: datetime = NOON
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return read(home=self.home, policy=str(self.source or ""), **self.more)

    @contextmanager
    def open(self) -> Iterator[Rulebook]:
        home = prepare(self.home)
        ledger: Ledger = ledger_of(self.settings)
        book = Rulebook(self.settings, home, ledger, Detector(), lambda: self.at)
        ledger.start()
        try:
            yield book
        finally:
            book.close()
            ledger.stop()

    def write(self, text: str) -> None:
        assert self.source
        draft = self.source.with_suffix(".draft")
        draft.write_text(text, "utf-8")
        draft.replace(self.source)

    def noted(self, event: str = "") -> list[dict[str, Any]]:
        """The bodies of the policy's `noted` records so far, without who was at work."""
        with sqlite3.connect(self.home / "ledger.sqlite") as connection:
            rows = connection.execute(
                "SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx"
            ).fetchall()
        bodies = [json.loads(body) for (body,) in rows]
        assert all(body.pop("by") for body in bodies)
        return [body for body in bodies if body["event"].startswith(event or "policy.")]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "home", tmp_path / "city.yaml")
    made.write(ONE)
    return made


async def settle(book: Rulebook, looks: int = 2) -> str:
    """Look so often; the digest in force then."""
    for _ in range(looks):
        await book.look()
    return book.rules.policy.digest


# ── the first version ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R2")
def test_nothing_passes_before_the_ledger_knows_which_policy_is_in_force(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        with pytest.raises(Unavailable, match="policy_not_recorded"):
            _ = book.rules
        assert await settle(book, 1) == digest(ONE)

    with desk.open() as book:
        asyncio.run(story(book))
    (noted,) = desk.noted()
    assert (noted["event"], noted["name"], noted["version"]) == ("policy.in_force", "city", "1")
    assert (noted["digest"], noted["from"]) == (digest(ONE), None)
    assert files.remade(noted["document"]).digest == digest(ONE)


def test_what_a_policy_says_is_in_the_ledger_once_however_often_the_house_starts(desk: Desk) -> None:
    for _ in range(3):
        with desk.open() as book:
            asyncio.run(settle(book, 1))
    assert ["document" in noted for noted in desk.noted()] == [True, False, False]


def test_a_broken_policy_stops_the_start(desk: Desk) -> None:
    desk.write(BROKEN)
    with pytest.raises(PolicyError), desk.open():
        pass
    with pytest.raises(BadSettings, match=r"city\.yaml:10"):
        inspect(desk.settings)


# ── a change ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R2")
def test_a_changed_file_counts_once_it_is_recorded_and_the_record_says_what_was_before(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write(TWO)
        assert await settle(book) == digest(TWO)
        desk.write(ONE)
        assert await settle(book) == digest(ONE)

    with desk.open() as book:
        asyncio.run(story(book))
    told = [(noted["digest"], noted["from"], "document" in noted) for noted in desk.noted()]
    assert told[1:] == [(digest(TWO), digest(ONE), True), (digest(ONE), digest(TWO), False)]


def test_a_file_that_is_just_being_written_is_not_read(desk: Desk) -> None:
    """The first half of a list of rules is a good list of rules, without the refusals at its end."""
    whole = TWO + "  - {id: B, title: {ja: 後, en: Late}, basis: 試験, when: {category: hr}, gate: allow}\n"

    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write(TWO)
        assert await settle(book, 1) == digest(ONE)
        desk.write(whole)
        assert await settle(book, 1) == digest(ONE)
        assert await settle(book, 1) == digest(whole)

    with desk.open() as book:
        asyncio.run(story(book))
    assert [noted["digest"] for noted in desk.noted()] == [digest(ONE), digest(whole)]


def test_a_change_is_seen_though_size_and_time_of_the_file_stay(desk: Desk) -> None:
    assert desk.source
    before = desk.source.stat()
    other = ONE.replace("version: '1'", "version: '7'")

    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        assert desk.source
        desk.source.write_text(other, "utf-8")
        os.utime(desk.source, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert await settle(book) == digest(other)

    with desk.open() as book:
        asyncio.run(story(book))


def test_a_comment_changes_nothing_and_is_not_recorded(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write("# ひとこと\n" + ONE)
        assert await settle(book, 3) == digest(ONE)

    with desk.open() as book:
        asyncio.run(story(book))
    assert len(desk.noted()) == 1


def test_a_version_that_cannot_be_recorded_does_not_count_until_it_can(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write(TWO)
        await book.look()
        file = desk.home / "ledger.sqlite"
        file.chmod(0o444)
        for _ in range(2):
            with pytest.raises(CannotRecord):
                await book.look()
        assert book.rules.policy.digest == digest(ONE)
        file.chmod(0o600)
        assert await settle(book, 1) == digest(TWO)

    with desk.open() as book:
        asyncio.run(story(book))
    assert [noted["digest"] for noted in desk.noted()] == [digest(ONE), digest(TWO)]


@pytest.mark.requirement("R2")
def test_a_change_that_was_taken_back_before_it_was_recorded_never_counts(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write(TWO)
        await book.look()
        file = desk.home / "ledger.sqlite"
        file.chmod(0o444)
        with pytest.raises(CannotRecord):
            await book.look()
        desk.write(ONE)
        assert await settle(book, 2) == digest(ONE)
        file.chmod(0o600)
        assert await settle(book, 4) == digest(ONE)
        desk.write(TWO)
        assert await settle(book, 2) == digest(TWO), "written again, it is a change like any other"

    with desk.open() as book:
        asyncio.run(story(book))
    assert [noted["digest"] for noted in desk.noted()] == [digest(ONE), digest(TWO)]


def test_a_file_whose_day_came_while_nothing_could_be_recorded_counts_once_it_can(desk: Desk) -> None:
    tomorrow = policy("3", "deny", "effective: '2026-11-24'")

    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write(tomorrow)
        await settle(book, 2)
        desk.at = NOON.replace(hour=15)  # midnight in Japan
        await book.look()
        file = desk.home / "ledger.sqlite"
        file.chmod(0o444)
        for _ in range(3):
            with pytest.raises(CannotRecord):
                await book.look()
        file.chmod(0o600)
        assert await settle(book, 1) == digest(tomorrow)

    with desk.open() as book:
        asyncio.run(story(book))


# ── what is not a policy ──────────────────────────────────────────────────────────────────────────


def test_a_broken_file_keeps_the_old_policy_and_alarms_once_for_each_content(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write(BROKEN)
        assert await settle(book, 4) == digest(ONE)
        assert book.rejected is not None
        desk.write("\n" + BROKEN)
        assert await settle(book, 4) == digest(ONE)
        desk.write(TWO)
        assert await settle(book) == digest(TWO) and book.rejected is None

    with structlog.testing.capture_logs() as logs, desk.open() as book:
        asyncio.run(story(book))
    rejected = desk.noted("policy.rejected")
    assert [(one["file"], one["line"], one["digest"], one["reason"]) for one in rejected] == [
        ("city.yaml", 10, digest(ONE), "broken"),
        ("city.yaml", 11, digest(ONE), "broken"),
    ]
    alarms = [log for log in logs if log["event"] == "alarm"]
    assert [(log["log_level"], log["where"]) for log in alarms] == [
        ("warning", "city.yaml:10"),
        ("warning", "city.yaml:11"),
    ]
    assert "許可" not in json.dumps(rejected, ensure_ascii=False), "nothing of the file is quoted"


def test_a_file_that_is_gone_keeps_the_old_policy_and_alarms(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        assert desk.source
        desk.source.unlink()
        assert await settle(book, 4) == digest(ONE)
        desk.write(ONE)
        assert await settle(book) == digest(ONE) and book.rejected is None

    with desk.open() as book:
        asyncio.run(story(book))
    assert [(one["file"], one["line"], one["reason"]) for one in desk.noted("policy.rejected")] == [
        ("city.yaml", None, "unreadable")
    ]


def test_a_rejection_that_cannot_be_recorded_is_recorded_later(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write(BROKEN)
        await book.look()
        file = desk.home / "ledger.sqlite"
        file.chmod(0o444)
        with pytest.raises(CannotRecord):
            await book.look()
        assert book.rejected is not None and desk.noted("policy.rejected") == []
        file.chmod(0o600)
        await settle(book, 2)

    with desk.open() as book:
        asyncio.run(story(book))
    assert len(desk.noted("policy.rejected")) == 1


def test_a_city_whose_own_kinds_of_data_cannot_be_read_keeps_the_old_policy_and_is_told_why(
    desk: Desk, tmp_path: Path
) -> None:
    kinds = tmp_path / "kinds.yaml"
    kinds.write_text('- {kind: CITY_CARD, ja: カード, pattern: "L[0-9]{7}"}\n', "utf-8")
    desk.more = {"rules": kinds}

    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        kinds.write_text("- kind: [\n", "utf-8")
        desk.write(TWO)
        assert await settle(book, 3) == digest(ONE)
        assert book.rejected is not None and book.rejected.reason == "rules_file"

    with structlog.testing.capture_logs() as logs, desk.open() as book:
        asyncio.run(story(book))
    (noted,) = desk.noted("policy.rejected")
    assert (noted["file"], noted["line"], noted["reason"]) == ("kinds.yaml", None, "rules_file")
    assert [(log["where"], log["reason"]) for log in logs if log["event"] == "alarm"] == [
        ("kinds.yaml", "rules_file")
    ]


def test_a_file_of_the_future_waits_for_its_day(desk: Desk) -> None:
    tomorrow = policy("3", "deny", "effective: '2026-11-24'")

    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write(tomorrow)
        assert await settle(book, 4) == digest(ONE)
        desk.at = NOON.replace(hour=14, minute=59)
        assert await settle(book, 2) == digest(ONE)
        desk.at = NOON.replace(hour=15)  # midnight in Japan
        assert await settle(book, 2) == digest(tomorrow)

    with desk.open() as book:
        asyncio.run(story(book))
    assert [one["reason"] for one in desk.noted("policy.rejected")] == ["not_effective_yet"]


# ── activated versions ────────────────────────────────────────────────────────────────────────────


def activated(desk: Desk, text: str, effective: date) -> str:
    """Put a version on the list as `policy activate` does once it is noted; its digest."""
    made = files.parse(text)
    version = Version(
        made.digest, made.name, made.version, "作成者", "承認者", "責任者", "代理", effective,
        date(2027, 11, 30), "2026-11-01T00:00:00Z", "01",
    )  # fmt: skip
    Shelf(desk.home).enter(version, made, text.encode())
    return made.digest


@pytest.fixture
def shelved(tmp_path: Path) -> Desk:
    """No setting says which policy: the activated version counts, else the shipped one."""
    return Desk(tmp_path / "home", None)


def test_without_an_activated_version_the_shipped_policy_counts_and_the_first_one_takes_over(
    shelved: Desk,
) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        assert book.rules.policy.name == "takatsuki"
        one = activated(shelved, ONE, date(2026, 11, 1))
        assert await settle(book) == one

    with shelved.open() as book:
        asyncio.run(story(book))


@pytest.mark.requirement("R1")
def test_a_version_takes_over_at_midnight_in_japan_of_its_effective_date(shelved: Desk) -> None:
    one = activated(shelved, ONE, date(2026, 11, 1))
    two = activated(shelved, TWO, date(2026, 11, 24))

    async def story(book: Rulebook) -> None:
        assert await settle(book, 3) == one
        shelved.at = NOON.replace(hour=14, minute=59)
        assert await settle(book, 2) == one
        shelved.at = NOON.replace(hour=15)
        assert await settle(book, 2) == two

    with shelved.open() as book:
        asyncio.run(story(book))
    assert [(noted["digest"], noted["from"]) for noted in shelved.noted()] == [(one, None), (two, one)]


@pytest.mark.parametrize("harm", ["list broken", "list gone", "policy changed", "policy gone"])
def test_a_shelf_that_was_tampered_with_keeps_the_old_policy_and_stops_the_next_start(
    shelved: Desk, harm: str
) -> None:
    one = activated(shelved, ONE, date(2026, 11, 1))
    shelf = Shelf(shelved.home)
    stored = shelf.folder / f"{one}.json"

    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        match harm:
            case "list broken":
                shelf.list_file.write_text("[]")
            case "list gone":
                shelf.list_file.unlink()
            case "policy changed":
                stored.write_text(
                    stored.read_text("utf-8").replace('"version":"1"', '"version":"7"'), "utf-8"
                )
            case "policy gone":
                stored.unlink()
        assert await settle(book, 4) == one
        assert book.rejected is not None

    with shelved.open() as book:
        asyncio.run(story(book))
    assert len(shelved.noted("policy.rejected")) == 1
    with pytest.raises(BadSettings, match=r"\.json"):
        inspect(shelved.settings)


# ── originals ─────────────────────────────────────────────────────────────────────────────────────


def test_what_is_kept_of_originals_follows_the_policy(desk: Desk) -> None:
    kept = policy("2", more="originals: {keep_days: 30}")

    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        assert book.rules.originals is None and not (desk.home / "master.key").exists()
        desk.write(kept)
        await settle(book)
        under_it = book.rules
        assert under_it.originals is not None and (desk.home / "master.key").exists()
        desk.write(ONE)
        await settle(book)
        assert book.rules.originals is None
        await under_it.originals.ready(NOON)  # an exchange that began under it still seals

    with desk.open() as book:
        asyncio.run(story(book))


def test_a_policy_whose_originals_cannot_be_sealed_does_not_count(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        (desk.home / "master.key").write_bytes(b"short")
        desk.write(policy("2", more="originals: {keep_days: 30}"))
        assert await settle(book, 3) == digest(ONE)

    with desk.open() as book:
        asyncio.run(story(book))
    assert [one["reason"] for one in desk.noted("policy.rejected")] == ["master_key"]


# ── a policy by its digest ────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R2")
def test_every_policy_that_was_ever_in_force_is_found_by_its_digest(desk: Desk) -> None:
    async def story(book: Rulebook) -> None:
        await settle(book, 1)
        desk.write(TWO)
        await settle(book)

    with desk.open() as book:
        asyncio.run(story(book))
    desk.write(policy("9"))
    for text in (ONE, TWO, policy("9")):
        found = by_digest(desk.settings, digest(text))
        assert found is not None and found.digest == digest(text)
    shipped = files.load("takatsuki")
    found = by_digest(desk.settings, shipped.digest)
    assert found is not None and found.data == shipped.data
    assert by_digest(desk.settings, "0" * 64) is None


def test_a_policy_that_only_the_ledger_still_has_is_found_there(desk: Desk) -> None:
    with desk.open() as book:
        asyncio.run(settle(book, 1))
    desk.write(TWO)
    (Shelf(desk.home).folder / f"{digest(ONE)}.json").unlink()
    found = by_digest(desk.settings, digest(ONE))
    assert found is not None and found.version == "1"


# ── the served house ──────────────────────────────────────────────────────────────────────────────


def test_the_watching_ends_with_the_house(desk: Desk, upstream_url: str) -> None:
    async def story() -> set[str]:
        from proxy.app import create_app

        settings = desk.settings.model_copy(update={"upstream": upstream_url})
        app = create_app(settings, lambda given: replace(build(given), detector=Detector()))  # type: ignore[arg-type]
        async with app.router.lifespan_context(app):
            assert app.state.house.now().policy.digest == digest(ONE)
            running = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
            assert {"Rulebook.keep", "KillSwitch.keep", "KillSwitch.note"} <= running
        return {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]

    assert not {name for name in asyncio.run(story()) if name.startswith(("Rulebook", "KillSwitch"))}
    assert "stops" not in {thread.name for thread in threading.enumerate()}
