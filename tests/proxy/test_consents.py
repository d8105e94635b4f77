"""Whether a request passes on what was confirmed: the same text, person, key and rules, in time, and once."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from audit.entry import Entry
from policies.files import parse
from policies.model import Confirm, RuleHit
from proxy.callers import Caller, Declared
from proxy.consents import Asking, Consents, Way, consenter, fresh_until, given
from proxy.errors import Stopped, Unavailable
from proxy.office.confirmations import Confirmation, ConfirmationBook
from proxy.office.store import Office
from proxy.surfaces.chat import ChatRequest
from proxy.surfaces.request import Masked
from redaction.model import Finding
from tests.fakes import Detector

CALLER = Caller("012345", "k-1", "チャット", "部", "道路課", "staff", "authenticated", True, True, True)
RULES = """
name: asking
version: "1"
title: {ja: 確かめる方針, en: A policy that asks}
confirming: {minutes: 10, remember_hours: 8, deadline_hours: 24}
words:
  - {id: W-1, title: {ja: 未公表, en: Secret}, owner: 契約課, terms: [予定価格]}
rules:
  - {id: A, title: {ja: 可, en: Fine}, basis: 試験, when: {always: true}, gate: allow}
  - id: ACCOUNT
    title: {ja: 口座, en: Account}
    basis: 試験
    when: {entities: {any_of: [JP_BANK_ACCOUNT]}}
    gate: confirm
    remedy: {ja: 口座を確かめる。, en: Check the account.}
  - id: CARD
    title: {ja: カード, en: Card}
    basis: 試験
    when: {entities: {any_of: [CREDIT_CARD]}}
    gate: confirm
    consent: section_head
    remedy: {ja: カードを確かめる。, en: Check the card.}
  - id: WORD
    title: {ja: 言葉, en: Word}
    basis: 試験
    when: {words: [W-1]}
    gate: confirm
    remedy: {ja: 言葉を確かめる。, en: Check the word.}
  - id: TOOL
    title: {ja: 道具, en: Tool}
    basis: 試験
    when: {tools: {any_of: ["send*"]}}
    gate: confirm
    remedy: {ja: 道具を確かめる。, en: Check the tool.}
  - id: HR
    title: {ja: 人事, en: Personnel}
    basis: 試験
    when: {category: [hr]}
    gate: confirm
    remedy: {ja: 人事を確かめる。, en: Check it.}
  - id: MANY
    title: {ja: 二人以上, en: Two or more}
    basis: 試験
    when: {entities: {any: true}, persons_at_least: 2}
    gate: confirm
    remedy: {ja: 人数を確かめる。, en: Check how many.}
  - id: PASSPORT
    title: {ja: 旅券, en: Passport}
    basis: 試験
    when: {entities: {any_of: [JP_PASSPORT]}}
    gate: deny
    remedy: {ja: 消す。, en: Remove it.}
"""
LABELS = {"A": "JP_BANK_ACCOUNT", "C": "CREDIT_CARD", "N": "PERSON", "P": "JP_PASSPORT"}


class Finds(Detector):
    """``A123`` is an account, ``C123`` a card, ``N123`` a name, ``P123`` a passport."""

    async def find(self, texts: Sequence[str], strict: bool = False) -> list[tuple[Finding, ...]]:
        await super().find(texts, strict)
        return [tuple(_found(text)) for text in texts]


def _found(text: str) -> Iterator[Finding]:
    for match in re.finditer(r"([ACNP])[0-9]+", text):
        yield Finding(LABELS[match[1]], *match.span(), 0.9, "test", "cue")


class World:
    """One office, a clock that stands still until it is told, and a clerk who asks."""

    def __init__(self, office: Office) -> None:
        self.now = datetime(2026, 11, 27, 5, 0, tzinfo=UTC)
        self.book = ConfirmationBook(office)
        self.consents = Consents(self.book, lambda: self.now)
        self.policy = parse(RULES)
        self.detector = Finds()
        self.count = 0

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    def way(self, *said: Any, caller: Caller = CALLER, category: str = "mail_draft", **body: Any) -> Way:
        """What there is of consent: user, assistant, user … as texts, or turns as they are."""
        return asyncio.run(self._way(said, caller, category, body))

    async def _way(self, said: Sequence[Any], caller: Caller, category: str, body: Mapping[str, Any]) -> Way:
        self.count += 1
        turns = [
            {"role": "user" if n % 2 == 0 else "assistant", "content": one} if isinstance(one, str) else one
            for n, one in enumerate(said)
        ]
        raw = json.dumps({"model": "m", "messages": turns, **body}).encode()
        declared = Declared(None, category, "1")
        request = ChatRequest.read(f"x{self.count}", raw, declared, lambda model: "D1")
        findings = await self.detector.find(request.texts)
        ask = request.ask(caller, findings, self.now, self.policy)
        verdict = self.policy.decide(ask)
        asking = Asking(caller, request, ask, findings, verdict, self.policy, False)
        return await self.consents.sought(self.detector, asking)

    def send(self, *said: Any, sent: bool = True, **how: Any) -> bool:
        """Whether it passed. ``sent``: a byte left."""
        return self.carry(self.way(*said, **how), sent)

    def carry(self, way: Way, sent: bool = True) -> bool:
        async def carried() -> bool:
            masked = Masked("chat", {}, "", "m", False, "masked")
            async with way.opened(Entry("x"), masked) as opened:
                masked.sent = sent and opened
                return opened

        return asyncio.run(carried())

    def grant(self, *said: Any, role: str = "self", by: str = "012345", **how: Any) -> Confirmation:
        """Send it, and confirm what then waits."""
        way = self.way(*said, **how)
        assert not self.carry(way)
        filed = way.consent.filed
        assert filed is not None
        made = self.book.grant(
            filed.id, given(role, by, self.now, "理由"), self.now, fresh_until(filed, self.policy, self.now)
        )
        assert made is not None
        return made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with closing(Office(Address(tmp_path / "office.sqlite"))) as office:
        yield World(office)


# ── once, in time, for what was confirmed ─────────────────────────────────────────────────────────


def test_what_needs_no_confirmation_is_not_looked_up(world: World) -> None:
    assert world.way("N1").consent.facts == world.way("P1").consent.facts == {}
    assert world.book.every() == []


def test_a_refusal_is_never_opened(world: World) -> None:
    world.grant("A1")
    assert not world.send("A1 P1") and not world.send("A1", "x", "P1")


def test_it_passes_once(world: World) -> None:
    made = world.grant("A1")
    way = world.way("A1")
    assert way.consent.facts == {"confirmations": [made.id]} and way.consent.link is None
    assert world.carry(way)
    again = world.way("A1")
    assert "confirmation" in again.consent.facts and not world.carry(again)


def test_another_text_does_not_pass(world: World) -> None:
    world.grant("A1 をお願いします")
    assert not world.send("A1 をお願いします。")
    assert not world.send("A2 をお願いします")
    assert not world.send({"role": "user", "content": "A1 をお願いします", "name": "other"})
    assert world.send("A1 をお願いします")


@pytest.mark.parametrize(
    "other", [{"person": "012346"}, {"key": "k-2"}, {"actor": "robot"}, {"person": "012346", "key": "k-2"}]
)
def test_another_person_key_or_a_robot_does_not_pass(world: World, other: dict[str, Any]) -> None:
    world.grant("A1")
    assert not world.send("A1", caller=replace(CALLER, **other))


def test_a_robots_request_waits_for_nobody_and_says_so(world: World) -> None:
    way = world.way("A1", caller=replace(CALLER, actor="robot"))
    assert way.consent.by_robot and not world.carry(way) and world.book.every() == []
    verdict = Confirm((), (), frozenset(), (), "p", "d")
    told = Stopped(verdict, [], (), way.consent).body("x")["error"]
    assert "ロボットの要求は、だれも確認できません" in told["message"] and "confirmation" not in told


def test_after_its_minutes_it_does_not_pass(world: World) -> None:
    world.grant("A1")
    world.later(minutes=9, seconds=59)
    assert world.way("A1").consent.opens
    world.later(seconds=1)
    assert not world.send("A1")


def test_after_the_rule_changed_it_does_not_pass(world: World) -> None:
    world.grant("A1")
    before, world.policy = world.policy, parse(RULES.replace("口座を確かめる。", "口座をよく確かめる。"))
    assert not world.send("A1")
    world.policy = parse(RULES.replace("カードを確かめる。", "カードをよく確かめる。"))
    assert world.send("A1"), "another rule has nothing to do with it"
    world.policy = before


def test_another_model_or_purpose_than_was_shown_does_not_pass(world: World) -> None:
    world.grant("A1")
    assert not world.send("A1", model="n") and not world.send("A1", category="pr")


def test_the_same_waits_once_and_anything_else_waits_apart(world: World) -> None:
    first, again, other = world.way("A1"), None, None
    world.carry(first)
    again, other = world.way("A1"), world.way("A2")
    assert first.consent.filed == again.consent.filed and again.consent.is_known
    assert other.consent.filed != first.consent.filed
    world.carry(again)
    assert len(world.book.every()) == 1


def test_nothing_is_filed_before_the_request_is_recorded(world: World) -> None:
    way = world.way("A1")
    assert way.consent.facts and world.book.every() == []
    world.carry(way)
    assert [one.id for one in world.book.every()] == [way.consent.facts["confirmation"]]


def test_where_nothing_left_it_can_be_used_again_within_its_minutes(world: World) -> None:
    world.grant("A1")
    assert world.send("A1", sent=False) and world.send("A1", sent=False)
    world.later(minutes=10)
    assert not world.send("A1")


def test_of_two_who_use_one_at_once_the_second_is_asked_anew(world: World) -> None:
    made = world.grant("A1")
    first, second = world.way("A1"), world.way("A1")
    assert first.consent.opens and second.consent.opens
    assert world.carry(first)
    assert not world.carry(second)
    assert second.consent.filed is not None and second.consent.filed.id != made.id
    assert second.consent.link is not None


def test_a_book_that_cannot_be_changed_lets_nothing_pass(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grant("A1")
    way = world.way("A1")

    def broken(*_: Any) -> bool:
        raise OSError

    monkeypatch.setattr(world.book, "use", broken)
    with pytest.raises(Unavailable):
        world.carry(way)
    monkeypatch.setattr(world.book, "of", broken)
    with pytest.raises(Unavailable):
        world.way("A1")


def test_who_hangs_up_while_it_is_used_has_it_back(world: World) -> None:
    made = world.grant("A1")
    way = world.way("A1")

    async def hang_up() -> None:
        task = asyncio.ensure_future(
            way.opened(Entry("x"), Masked("chat", {}, "", "m", False, "masked")).__aenter__()
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hang_up())
    one = world.book.find(made.id)
    assert one is not None and one.state == "granted"
    assert world.send("A1")


# ── as an earlier turn ────────────────────────────────────────────────────────────────────────────


def test_an_unchanged_earlier_turn_is_not_asked_about_for_hours(world: World) -> None:
    world.grant("A1")
    assert world.send("A1")
    assert world.send("A1", "はい", "続けて")
    assert world.send("A1", "A1 は正しいです", "N1 さんにも"), "what the model repeated is nothing new"
    world.later(hours=7, minutes=59)
    assert world.send("A1", "はい", "続けて")
    world.later(minutes=1)
    assert not world.send("A1", "はい", "続けて")


def test_new_personal_data_in_a_later_turn_is_asked_about(world: World) -> None:
    world.grant("A1")
    assert world.send("A1")
    for said in (
        ("A1", "はい", "A2"),
        ("A1", "はい", "A1"),  # the same again is a second use
        ("A1", "A2", "続けて"),  # the model uttered another
        ("A1 ", "はい", "続けて"),
        ("A2", "はい", "続けて"),
        ("A1", "はい", "予定価格"),
        ("A1", "はい", "C1"),
    ):
        assert not world.send(*said), said


def test_a_new_turn_is_confirmed_with_the_earlier_ones_around_it(world: World) -> None:
    world.grant("A1")
    assert world.send("A1")
    world.grant("A1", "A1 です", "A2")
    assert world.send("A1", "A1 です", "A2")
    assert world.send("A1", "A1 です", "A2", "A2 と A1", "続けて")
    assert not world.send("A2", "はい", "A1"), "turned round"


def test_a_confirmed_turn_does_not_bring_another_history_along(world: World) -> None:
    world.grant("A1")
    assert not world.send("A9", "はい", "A1")
    assert not world.send("やあ", "A2", "A1"), "nor what a model is said to have answered"
    assert world.send("N9", "はい", "A1"), "what passes by itself may stand before it"


def test_a_turn_that_was_confirmed_and_never_sent_opens_as_an_earlier_one_and_is_used(world: World) -> None:
    world.grant("A1")
    assert world.send("A1", "はい", "続けて")
    assert not world.send("A1")


def test_an_answer_begun_for_the_model_does_not_make_the_newest_turn_an_earlier_one(world: World) -> None:
    world.grant("A1")
    assert world.send("A1")
    assert not world.send("A1", "はい")
    assert world.send("A1", "はい", "続けて") and not world.send("A1", "はい", "続けて", "A1 は")


def test_a_rule_that_only_all_turns_together_meet_is_asked_about(world: World) -> None:
    world.grant("A1 N1")
    assert world.send("A1 N1") and world.send("A1 N1", "N1", "続けて")
    assert not world.send("A1 N1", "はい", "N2")


def test_a_rule_that_was_not_confirmed_is_asked_about(world: World) -> None:
    world.grant("A1")
    assert not world.send("A1", "はい", "予定価格")
    world.grant("予定価格")
    assert world.send("予定価格") and world.send("予定価格", "予定価格は未公表です", "続けて")
    assert not world.send("予定価格", "はい", "予定価格")


def test_a_rule_on_the_purpose_is_asked_with_every_new_turn(world: World) -> None:
    world.grant("こんにちは", category="hr")
    assert world.send("こんにちは", category="hr")
    assert not world.send("こんにちは", "はい", "続けて", category="hr")
    world.grant("こんにちは", "N1", "続けて", category="hr")
    assert world.send("こんにちは", "N1", "続けて", category="hr")


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def test_a_tool_that_was_confirmed_is_no_other_tool_and_is_asked_with_every_new_turn(world: World) -> None:
    world.grant("やあ", tools=[tool("send_mail")])
    assert not world.send("やあ", tools=[tool("send_all")])
    assert world.send("やあ", tools=[tool("send_mail")])
    assert not world.send("やあ", "はい", "続けて", tools=[tool("send_mail")])


def test_with_nothing_to_remember_an_earlier_turn_is_asked_about(world: World) -> None:
    world.policy = parse(RULES.replace("remember_hours: 8", "remember_hours: 0"))
    world.grant("A1")
    assert world.send("A1") and not world.send("A1", "はい", "続けて")


def test_what_is_revoked_is_not_remembered(world: World) -> None:
    made = world.grant("A1")
    assert world.send("A1") and world.book.revoke(made.id, "012345", world.now)
    assert not world.send("A1", "はい", "続けて")


# ── the consent of others ─────────────────────────────────────────────────────────────────────────


def hit(id: str, consent: Any) -> RuleHit:
    return RuleHit(id, ("confirm",), None, consent=consent)  # type: ignore[arg-type]


def test_the_strongest_of_what_the_rules_ask_for_consents() -> None:
    assert consenter([hit("a", "self")]) == "self"
    assert consenter([hit("a", "self"), hit("b", "section_head")]) == "section_head"
    assert consenter([hit("a", "csirt"), hit("b", "self")]) == "csirt"
    assert consenter([hit("a", "csirt"), hit("b", "section_head")]) == "section_head+csirt"


def test_others_consent_until_the_deadline_and_it_opens_until_then(world: World) -> None:
    made = world.grant("C1", role="section_head", by="000001")
    world.later(hours=23, minutes=59)
    assert world.send("C1")
    made = world.grant("C2", role="section_head", by="000001")
    world.later(hours=24)
    assert not world.send("C2") and made.state == "granted"


def test_the_refusal_says_who_has_to_open_the_page(world: World) -> None:
    way = world.way("C1")
    verdict = Confirm((), (), frozenset(), (), "p", "d")
    stopped = Stopped(verdict, [], (), way.consent)
    stopped.origin = "https://sekisho.example.lg.jp"
    told = stopped.body("x")["error"]
    assert way.consent.filed is not None
    assert told["confirmation"]["url"] == f"https://sekisho.example.lg.jp/confirm/{way.consent.filed.id}"
    assert told["confirmation"]["expires_at"].startswith("2026-11-28T05:00:00")
    assert "所属長の同意が要ります" in told["message"] and "11月28日 14:00まで" in told["message"]


def test_no_unit_and_no_key_is_in_what_the_ledger_is_told(world: World) -> None:
    way = world.way("A1")
    filed = way.consent.filed
    assert filed is not None and filed.secret is not None and filed.units
    written = json.dumps(way.consent.facts)
    assert filed.secret.hex() not in written and not any(unit in written for unit in filed.units)
