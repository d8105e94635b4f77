"""What is due goes whole, on its day and not before; what remains still verifies, in both stores."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit import export, verify
from audit.address import Address
from audit.chain import canonical
from audit.holds import place as hold_of
from audit.ledger import Ledger
from audit.model import Draft
from audit.months import JST
from audit.periods import Periods, read_period
from audit.purge import carry_out, sound
from audit.query import reading
from audit.remover import CannotPurge
from audit.retention import records_due, texts_due
from audit.survey import Chain
from tests.audit.aged import (
    LAST_DAY,
    NOW,
    RECENT,
    TEXT_TOO_OLD,
    TOO_OLD,
    Keys,
    planned,
    purge,
    say,
    told,
    write,
    writers,
)
from tests.audit.ledgers import Clock, asked, attack, kinds, rows

# ── the rules, without a ledger ──────────────────────────────────────────────────────────────────

DAY = date(2026, 11, 27)


def chain(writer: str = "w20210101T000000Z-a", last: str = "2021-01-31", **more: Any) -> Chain:
    at = f"{last}T03:00:00.000000Z"
    return Chain(writer, 2, at, at, "a" * 64, "b" * 64, **({"state": "closed", "texts": 2} | more))


def going(chains: Sequence[Chain], *, months: bool = False) -> list[str]:
    return [one.writer[-1] for one in records_due(chains, Periods(), DAY, months=months)[0]]


def stays(chains: Sequence[Chain], *, months: bool = False) -> dict[str, str]:
    why = records_due(chains, Periods(), DAY, months=months)[1]
    return {writer[-1]: reason.split(" ")[0] for writer, reason in why.items()}


@pytest.mark.requirement("R49")
def test_a_chain_goes_by_its_newest_record() -> None:
    assert going([chain(last="2021-11-26")]) == ["a"]
    assert going([chain(last="2021-11-27")]) == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"state": "open"}, "open"),
        ({"held": ("H1",)}, "held"),
        ({"proves": ("H1",)}, "proof"),
        ({"ties": (("w20210101T000000Z-z", "lost"),)}, "lost"),
    ],
)
def test_a_chain_that_is_needed_stays_whole_and_says_why(more: dict[str, Any], why: str) -> None:
    assert (going([chain(**more)]), stays([chain(**more)])) == ([], {"a": why})


def test_records_never_go_before_their_texts() -> None:
    periods = Periods(records=read_period("1y"), texts=read_period("5y"))
    one = chain(last="2025-01-31")
    assert records_due([one], periods, DAY, months=False) == ((), {one.writer: "texts"})


def test_what_a_chain_hangs_on_goes_first_and_if_it_stays_both_stay() -> None:
    a = chain("w20210101T000000Z-a", ties=(("w20210102T000000Z-b", "lost"),))
    b = chain("w20210102T000000Z-b", ties=(("w20210103T000000Z-c", "proof"),))
    c = chain("w20210103T000000Z-c")
    assert going([a, b, c]) == ["c", "b", "a"]
    held = chain("w20210103T000000Z-c", held=("H1",))
    assert (going([a, b, held]), stays([a, b, held])) == ([], {"a": "lost", "b": "proof", "c": "held"})


def test_a_month_goes_as_a_whole_or_stays() -> None:
    a, b = chain("w20210103T000000Z-a"), chain("w20210104T000000Z-b")
    other = chain("w20210204T000000Z-c")
    assert going([a, b, other], months=True) == ["a", "b", "c"]
    late = chain("w20210104T000000Z-b", last="2021-12-31")  # it began in January, and was closed much later
    assert going([a, late, other], months=True) == ["c"]
    assert stays([a, late, other], months=True) == {"a": "month"}
    assert going([a, late, other]) == ["a", "c"]


@pytest.mark.requirement("R50")
def test_texts_of_a_held_exchange_stay_and_the_others_of_its_chain_go() -> None:
    some, all = chain(texts=4, texts_held=2, held=("H1",)), chain(texts=4, texts_held=4, held=("H1",))
    due, why = texts_due([some], Periods(), DAY, months=False)
    assert (due, why) == ((some,), {some.writer: "held H1"})
    assert texts_due([all], Periods(), DAY, months=False) == ((), {all.writer: "held H1"})


# ── carried out ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R49")
def test_on_the_last_day_all_is_kept_and_on_the_next_it_goes(address: Address, keys: Keys) -> None:
    write(address, keys[0], LAST_DAY, ["x-1"])
    last = datetime(2026, 11, 27, 23, 59, 59, tzinfo=JST)

    with_texts = planned(address, last, Periods(texts=read_period("5y")))
    assert with_texts.is_empty and not with_texts.stays_records
    assert not planned(address, last).records
    assert len(planned(address, last + timedelta(seconds=1)).records) == 1
    assert purge(address, keys, last + timedelta(seconds=1)).trouble is None
    assert kinds(address) == {"noted": 2}


@pytest.mark.requirement("R49")
def test_what_remains_verifies_and_what_went_is_counted(address: Address, keys: Keys) -> None:
    gone = write(address, keys[0], TOO_OLD, ["x-1", "x-2"])
    textless = write(address, keys[0], TEXT_TOO_OLD, ["x-3"])
    kept = write(address, keys[0], RECENT, ["x-4"])

    outcome = purge(address, keys)

    assert outcome.trouble is None and outcome.log_emptied
    assert gone not in writers(address) and {textless, kept} <= set(writers(address))
    assert writers(address, "texts") == [kept]
    report = sound(address, keys[1])
    assert (report.ok, report.purged_chains, report.texts_erased, report.first_bad) == (True, 1, 2, None)
    assert report.unanchored == 0
    assert dict(rows(address, "SELECT what, count(*) FROM erasures GROUP BY what")) == {
        "records": 1,
        "texts": 2,
    }


@pytest.mark.requirement("R49")
def test_what_was_removed_is_recorded_with_its_span_and_the_note_that_says_so(
    address: Address, keys: Keys
) -> None:
    gone = write(address, keys[0], TOO_OLD, ["x-1", "x-2"])
    (first,), *_, (last,) = rows(address, "SELECT hash FROM records ORDER BY idx")

    outcome = purge(address, keys)

    (body,) = told(outcome, "records.purged")
    assert (body["by"], body["period"], body["until"]) == ("tanaka", "5y", "2021-11-26")
    span = body["chains"][gone]
    assert (span["records"], span["texts"], span["first_hash"], span["last_hash"]) == (4, 4, first, last)
    assert span["first_at"].startswith("2021-11-26T03:00:00")
    (note,) = rows(address, "SELECT note FROM notes WHERE number = ?", [body["note"]])[0]
    assert f"{gone} 4 {last} purged\n" in note
    stored = [json.loads(text) for (text,) in rows(address, "SELECT body FROM records WHERE kind = 'noted'")]
    assert [one["event"] for one in stored] == ["records.purged", "purge.verified"]
    assert stored[0] == json.loads(canonical(body))
    assert stored[1]["before"]["ok"] and stored[1]["after"]["ok"] and stored[1]["after"]["purged_chains"] == 1


def test_a_plan_removes_nothing_and_writes_nothing(address: Address, keys: Keys) -> None:
    write(address, keys[0], TOO_OLD, ["x-1"])
    before = [rows(address, f"SELECT * FROM {name}") for name in ("records", "texts", "notes", "leases")]
    made = planned(address)
    assert len(made.records) == 1 and not made.is_empty
    assert before == [
        rows(address, f"SELECT * FROM {name}") for name in ("records", "texts", "notes", "leases")
    ]


def test_there_is_nothing_to_do_twice(address: Address, keys: Keys) -> None:
    write(address, keys[0], TOO_OLD, ["x-1"])
    write(address, keys[0], TEXT_TOO_OLD, ["x-2"])
    purge(address, keys)
    again = planned(address)
    assert again.is_empty and not again.stays_records and not again.stays_texts


@pytest.mark.requirement("R49")
def test_a_note_that_was_kept_elsewhere_before_the_purge_still_fits(
    address: Address, keys: Keys, tmp_path: Path
) -> None:
    write(address, keys[0], TOO_OLD, ["x-1"])
    kept_elsewhere = tmp_path / "kept.note"
    kept_elsewhere.write_text(rows(address, "SELECT note FROM notes ORDER BY number DESC")[0][0], "utf-8")

    purge(address, keys)

    with reading(address) as connection:
        lines = list(export.lines(connection, texts=True))
    report = verify.verify_lines(lines, keys[1], anchors=[kept_elsewhere])
    assert (report.ok, report.purged_chains, report.anchored) == (True, 1, 1)
    assert verify.verify_lines(lines, keys[1], from_note=kept_elsewhere).ok


@pytest.mark.requirement("R49")
def test_what_is_changed_after_a_purge_is_found(address: Address, keys: Keys) -> None:
    write(address, keys[0], TOO_OLD, ["x-1"])
    kept = write(address, keys[0], RECENT, ["x-2"])
    purge(address, keys)
    attack(address, f"UPDATE records SET body = '{{}}' WHERE writer = '{kept}' AND idx = 2")
    bad = sound(address, keys[1]).first_bad
    assert bad and (bad.writer, bad.code) == (kept, "record_changed")


@pytest.mark.requirement("R49")
def test_a_chain_that_vanished_without_a_signed_word_is_found(address: Address, keys: Keys) -> None:
    write(address, keys[0], TOO_OLD, ["x-1"])
    kept = write(address, keys[0], RECENT, ["x-2"])
    purge(address, keys)
    attack(address, "DELETE FROM texts", f"DELETE FROM records WHERE writer = '{kept}'")
    bad = sound(address, keys[1]).first_bad
    assert bad and (bad.writer, bad.code) == (kept, "chain_missing")


@pytest.mark.requirement("R49")
def test_a_text_that_vanished_without_a_word_is_found(address: Address, keys: Keys) -> None:
    write(address, keys[0], TEXT_TOO_OLD, ["x-1"])
    kept = write(address, keys[0], RECENT, ["x-2"])
    purge(address, keys)
    attack(address, f"DELETE FROM texts WHERE writer = '{kept}' AND idx = 1")
    bad = sound(address, keys[1]).first_bad
    assert bad and (bad.writer, bad.code) == (kept, "text_missing")


def test_a_ledger_that_is_not_sound_is_not_purged(address: Address, keys: Keys) -> None:
    write(address, keys[0], TOO_OLD, ["x-1"])
    kept = write(address, keys[0], RECENT, ["x-2"])
    made = planned(address)
    attack(address, f"UPDATE records SET body = '{{}}' WHERE writer = '{kept}' AND idx = 1")
    before = rows(address, "SELECT * FROM records")
    with pytest.raises(CannotPurge, match="検証が通らない"):
        purge(address, keys, made=made)
    assert rows(address, "SELECT * FROM records") == before


def test_a_chain_that_is_not_what_its_note_says_stops_the_plan(address: Address, keys: Keys) -> None:
    writer = write(address, keys[0], TOO_OLD, ["x-1"])
    attack(address, "DELETE FROM texts", f"DELETE FROM records WHERE writer = '{writer}' AND idx = 2")
    with pytest.raises(ValueError, match="is not what note 1 says"):
        planned(address)


def test_a_chain_that_nobody_has_closed_stays(address: Address, keys: Keys) -> None:
    running = Ledger(address, keys[0], clock=Clock(TOO_OLD, timedelta(microseconds=1)), lease_seconds=3600)
    running.start()
    running.append_now(Draft("asked", "x-1", asked(), "[PERSON_1]"))
    made = planned(address)
    assert made.is_empty
    assert set(made.stays_records.values()) == set(made.stays_texts.values()) == {"open"}
    running.stop()
    assert len(planned(address).records) == 1


def test_without_a_key_texts_go_and_records_stay(address: Address, keys: Keys) -> None:
    write(address, keys[0], TOO_OLD, ["x-1"])
    write(address, keys[0], TEXT_TOO_OLD, ["x-2"])
    outcome = carry_out(
        planned(address),
        address,
        None,
        by="tanaka",
        check=lambda: sound(address, keys[1]),
        clock_now=Clock(NOW),
    )
    assert "署名の鍵がない" in str(outcome.trouble)
    assert len(told(outcome, "texts.erased")) == 1 and not told(outcome, "records.purged")
    assert kinds(address)["asked"] == 2
    assert sound(address, keys[1]).ok


def test_the_record_that_texts_were_erased_stays_as_long_as_their_chain(address: Address, keys: Keys) -> None:
    old = write(address, keys[0], "2021-06-01T03:00:00+00:00", ["x-1"])
    say(address, datetime(2021, 6, 1, 5, tzinfo=UTC), hold_of(
        "litigation", "訴訟", persons=["demo"], by="a", at=datetime(2021, 6, 1, tzinfo=UTC),
        expires=date(2021, 7, 1)))  # fmt: skip
    write(address, keys[0], "2021-06-02T03:00:00+00:00", [])  # its note closes the chain of the hold
    early = purge(address, keys, datetime(2022, 6, 3, tzinfo=UTC))
    assert told(early, "texts.erased")[0]["chains"] == {old: 2}

    erased = writers(address)[-1]
    say(address, NOW, hold_of("litigation", "訴訟", persons=["demo"], by="a", at=NOW))
    made = planned(address, datetime(2028, 1, 1, tzinfo=UTC))

    assert made.stays_records[old].startswith("held")
    assert made.stays_records[erased] == f"proof {old}"


# ── ledgers of version 0.1 ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("swept_at", [RECENT, "2021-11-26T05:00:00+00:00"])
def test_a_question_that_another_chain_ended_does_not_go_before_its_ending(
    place: Path, keys: Keys, swept_at: str
) -> None:
    """There, who swept wrote ``lost`` into its own chain. Without the question that ending would be a false one."""
    where = Address(place)
    dead = Ledger(where, clock=Clock(TOO_OLD, timedelta(microseconds=1)), lease_seconds=3600)
    dead.start()
    dead.append_now(Draft("asked", "x-1", asked(), None))
    question = dead.writer
    attack(where, "UPDATE leases SET ended = until")
    sweeper = Ledger(where, keys[0], clock=Clock(swept_at, timedelta(microseconds=1)))
    sweeper.start()
    sweeper.append_now(Draft("lost", "x-1", {"egress_state": "unknown"}))
    sweeper.stop()
    dead.stop()
    assert sound(where, keys[1]).ok

    made = planned(where)
    if swept_at == RECENT:
        assert made.stays_records == {question: "closed 2026-11-20"}
        a_year_later = planned(where, NOW + timedelta(days=365))
        assert a_year_later.stays_records == {question: f"lost {writers(where)[1]}"}
        return
    assert [one.writer for one in made.records] == writers(where)[::-1]
    assert purge(where, keys).trouble is None
    assert sound(where, keys[1]).purged_chains == 2 and sound(where, keys[1]).ok
