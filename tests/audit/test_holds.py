"""What is held is not removed; who may place, extend and lift a hold; what the ledger's records make of it."""

import itertools
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit import holds
from audit.address import Address
from audit.commands import app
from audit.commands.desk import os_user
from audit.commands.holding import named
from audit.holds import Body, Hold, fold
from audit.ledger import Ledger
from audit.model import Draft
from audit.months import JST
from audit.names import moment
from audit.purge import sound
from audit.query import reading
from audit.stores import place_of
from tests.audit.aged import NOW, Keys, planned, purge, say
from tests.audit.ledgers import Clock, asked, rows
from tests.audit.ledgers import named as address_text

AT = NOW
TODAY = date(2026, 11, 27)


def placed(kind: str = "litigation", *, at: datetime = AT, **more: Any) -> Body:
    return holds.place(kind, "訴訟第1号", **({"persons": ["demo"], "by": "tanaka"} | more), at=at)


def folded(*said: Body, at: datetime = AT) -> Hold:
    """The one hold that these records make, said a second apart."""
    (hold,) = fold((moment(at + timedelta(seconds=n)), body) for n, body in enumerate(said))
    return hold


# ── what may be said ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"kind": "whim"}, "litigation, incident"),
        ({"persons": []}, "何を残すのか"),
        ({"persons": [""]}, "空です"),
        ({"persons": ["demo"], "sections": ["道路課", " "]}, "空です"),
        ({"since": date(2026, 2, 1), "until": date(2026, 1, 31)}, "始めの日より前"),
        ({"expires": date(2026, 11, 26)}, "期限が過ぎて"),
        ({"kind": "preservation_request", "expires": date(2026, 12, 28)}, "30日まで"),
    ],
)
def test_a_hold_that_cannot_be_is_refused_with_a_sentence(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        placed(**more)


@pytest.mark.parametrize("reason", ["", "  ", "あ" * 201, "一行目\n二行目", "\x1b[2J"])
def test_a_reason_is_one_line_of_two_hundred_characters(reason: str) -> None:
    with pytest.raises(ValueError, match="200字"):
        holds.place("other", reason, persons=["demo"], by="tanaka", at=AT)


@pytest.mark.requirement("R50")
def test_a_preservation_request_is_for_thirty_days_and_ends_by_itself() -> None:
    hold = folded(placed("preservation_request"))
    assert hold.expires == date(2026, 12, 27)
    assert hold.in_force(date(2026, 12, 27)) and not hold.in_force(date(2026, 12, 28))


def test_the_thirty_days_are_days_in_japan() -> None:
    evening = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)  # midnight of the 27th
    assert placed("preservation_request", at=evening)["expires"] == "2026-12-27"
    assert placed("preservation_request", at=evening - timedelta(seconds=1))["expires"] == "2026-12-26"


@pytest.mark.requirement("R50")
def test_a_preservation_request_is_extended_by_thirty_days_to_sixty_in_all() -> None:
    first = placed("preservation_request", expires=date(2026, 12, 17))
    hold = folded(first)
    for too_long in (date(2027, 1, 17), None):
        with pytest.raises(ValueError, match="通算60日"):
            holds.extend(hold, too_long, reason="延長", by="tanaka", at=AT)
    once = holds.extend(hold, date(2027, 1, 16), reason="延長", by="tanaka", at=AT)
    twice = folded(first, once)
    assert twice.expires == date(2027, 1, 16)
    with pytest.raises(ValueError, match="通算60日"):
        holds.extend(twice, date(2027, 1, 27), reason="延長", by="tanaka", at=AT)
    sixty = holds.extend(twice, date(2027, 1, 26), reason="延長", by="tanaka", at=AT)
    assert folded(first, once, sixty).expires == date(2027, 1, 26)


def test_a_hold_is_made_longer_and_never_shorter() -> None:
    first = placed(expires=date(2027, 1, 31))
    with pytest.raises(ValueError, match="より後の日"):
        holds.extend(folded(first), date(2027, 1, 31), reason="短く", by="tanaka", at=AT)
    forged = {"event": "hold.extended", "hold": first["hold"], "by": "x", "expires": "2026-12-01"}
    assert folded(first, forged).expires == date(2027, 1, 31)
    endless = holds.extend(folded(first), None, reason="当面", by="tanaka", at=AT)
    assert folded(first, endless).expires is None
    with pytest.raises(ValueError, match="期限がありません"):
        holds.extend(folded(first, endless), date(2030, 1, 1), reason="延長", by="tanaka", at=AT)


def test_a_hold_that_is_over_is_neither_extended_nor_released() -> None:
    hold = folded(placed(expires=date(2026, 12, 1)))
    later = AT + timedelta(days=10)
    with pytest.raises(ValueError, match="もう終わって"):
        holds.extend(hold, date(2027, 1, 1), reason="延長", by="tanaka", at=later)
    with pytest.raises(ValueError, match="もう終わって"):
        holds.propose_release(hold, reason="終結", by="tanaka", at=later)


# ── two persons ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R50")
def test_a_release_takes_two_different_persons() -> None:
    first = placed()
    with pytest.raises(ValueError, match="提案がまだ"):
        holds.confirm_release(folded(first), by="suzuki", at=AT)
    proposal = holds.propose_release(folded(first), reason="終結", by="tanaka", at=AT)
    proposed = folded(first, proposal)
    assert proposed.in_force(TODAY)
    with pytest.raises(ValueError, match="本人"):
        holds.confirm_release(proposed, by="tanaka", at=AT)
    confirmed = holds.confirm_release(proposed, by="suzuki", at=AT)
    assert confirmed["proposed_by"] == "tanaka"
    assert not folded(first, proposal, confirmed).in_force(TODAY)


@pytest.mark.requirement("R50")
@pytest.mark.parametrize("proposer", [None, "tanaka"])
def test_a_release_that_one_person_wrote_alone_releases_nothing(proposer: str | None) -> None:
    """Even when a record says so: it was written past the command."""
    first = placed()
    said = [first]
    if proposer:
        said.append(holds.propose_release(folded(first), reason="終結", by=proposer, at=AT))
    said.append({"event": "hold.released", "hold": first["hold"], "by": "tanaka", "proposed_by": "suzuki"})
    assert folded(*said).in_force(TODAY)


def test_two_who_both_proposed_may_both_confirm() -> None:
    first = placed()
    one = holds.propose_release(folded(first), reason="終結", by="tanaka", at=AT)
    two = holds.propose_release(folded(first, one), reason="終結", by="suzuki", at=AT)
    assert holds.confirm_release(folded(first, one, two), by="tanaka", at=AT)["proposed_by"] == "suzuki"


@pytest.mark.requirement("R50")
def test_the_order_in_which_records_are_read_changes_nothing() -> None:
    first = placed(expires=date(2027, 1, 1))
    more = [
        holds.extend(folded(first), date(2027, 2, 1), reason="延長", by="tanaka", at=AT),
        holds.propose_release(folded(first), reason="終結", by="tanaka", at=AT),
        {"event": "hold.released", "hold": first["hold"], "by": "suzuki", "proposed_by": "tanaka"},
    ]
    said = [(moment(AT + timedelta(seconds=n)), body) for n, body in enumerate([first, *more])]
    made = {fold(order) for order in itertools.permutations(said)}
    assert len(made) == 1 and not made.pop()[0].in_force(TODAY)


def test_words_about_a_hold_that_was_never_placed_make_none() -> None:
    assert fold([(moment(AT), {"event": "hold.released", "hold": "H1", "by": "x", "proposed_by": "y"})]) == ()


def test_a_record_about_a_hold_that_cannot_be_read_lets_nothing_be_removed(address: Address) -> None:
    ledger = Ledger(address)
    ledger.start()
    ledger.append_now(Draft("noted", None, {"event": "hold.placed", "hold": "H1"}))
    ledger.stop()
    with pytest.raises(ValueError, match="cannot be read"):
        planned(address)


# ── what is held ─────────────────────────────────────────────────────────────────────────────────

EXCHANGES: Mapping[str, tuple[str, str, str]] = {
    "x-1": ("2021-06-01T03:00:00+00:00", "sato", "道路課"),
    "x-2": ("2021-06-30T14:59:59+00:00", "suzuki", "道路課"),  # the last second of June in Japan
    "x-3": ("2021-07-01T03:00:00+00:00", "sato", "市民課"),
    "x-4": ("2021-08-01T03:00:00+00:00", "kato", "市民課"),
}


def filled(where: Address, key: Path) -> None:
    """Each exchange in a chain of its own, all of them past five years."""
    for name, (at, person, section) in EXCHANGES.items():
        ledger = Ledger(where, key, clock=Clock(at))
        ledger.start()
        ledger.append_now(Draft("asked", name, asked(person, section), f"質問 {name}"))
        ledger.append_now(Draft("answered", name, {"egress_state": "masked"}, f"回答 {name}"))
        ledger.stop()


def purged(where: Address, keys: Keys) -> None:
    assert purge(where, keys).trouble is None


def left(where: Address) -> set[str]:
    return {name for (name,) in rows(where, "SELECT exchange FROM records WHERE turn = 1")}


@pytest.mark.requirement("R50")
@pytest.mark.parametrize(
    ("what", "held"),
    [
        ({"persons": ["sato"]}, {"x-1", "x-3"}),
        ({"sections": ["道路課"]}, {"x-1", "x-2"}),
        ({"persons": ["kato"], "sections": ["道路課"]}, {"x-1", "x-2", "x-4"}),
        ({"persons": ["sato"], "since": date(2021, 7, 1)}, {"x-3"}),
        ({"persons": ["sato"], "until": date(2021, 6, 30)}, {"x-1"}),
        ({"since": date(2021, 6, 1), "until": date(2021, 6, 30)}, {"x-1", "x-2"}),
        ({"since": date(2021, 7, 2)}, {"x-4"}),
        ({"exchanges": ["x-4"]}, {"x-4"}),
        ({"exchanges": ["x-4"], "persons": ["suzuki"]}, {"x-2", "x-4"}),
        ({"persons": ["sa'to\" %"]}, set()),
    ],
)
def test_a_purge_removes_nothing_of_what_is_held(
    address: Address, keys: Keys, what: dict[str, Any], held: set[str]
) -> None:
    filled(address, keys[0])
    say(address, AT, placed("incident", **({"persons": []} | what)))

    purged(address, keys)

    whole_month = {"x-1", "x-2"} if place_of(address).serial is False and held & {"x-1", "x-2"} else set()
    assert left(address) == held | whole_month
    assert {text for (text,) in rows(address, "SELECT text FROM texts")} == {
        f"{word} {name}" for name in held for word in ("質問", "回答")
    }
    assert sound(address, keys[1]).ok


@pytest.mark.requirement("R50")
def test_what_was_held_goes_once_two_persons_have_released_it(address: Address, keys: Keys) -> None:
    filled(address, keys[0])
    first = placed("incident", persons=["sato"])
    say(address, AT, first)
    purged(address, keys)
    assert "x-1" in left(address)
    proposal = holds.propose_release(folded(first), reason="終結", by="tanaka", at=AT)
    say(address, AT, proposal)
    purge_again = planned(address)
    assert purge_again.is_empty and purge_again.stays_records
    say(address, AT, holds.confirm_release(folded(first, proposal), by="suzuki", at=AT))
    purged(address, keys)
    assert left(address) == set()
    assert sound(address, keys[1]).ok


@pytest.mark.requirement("R50")
def test_the_records_that_make_a_hold_stay_while_it_is_in_force(address: Address, keys: Keys) -> None:
    """A hold that was placed so long ago that its own record is due."""
    ledger = Ledger(address, keys[0], clock=Clock("2021-05-01T03:00:00+00:00"))
    ledger.start()
    ledger.append_now(Draft("noted", None, placed(at=datetime(2021, 5, 1, tzinfo=UTC), persons=["sato"])))
    ledger.stop()
    filled(address, keys[0])

    purged(address, keys)

    assert left(address) >= {"x-1", "x-3"} and "x-4" not in left(address)
    with reading(address) as connection:
        (hold,) = holds.holds_of(connection)
    assert hold.in_force(TODAY)


def test_a_hold_that_is_over_does_not_come_back_when_its_release_is_old(address: Address, keys: Keys) -> None:
    """Its placing lies in a chain that another hold keeps: the release must stay as long."""
    at = datetime(2021, 5, 1, 3, 0, tzinfo=UTC)
    first = placed(at=at, persons=["sato"])
    proposal = holds.propose_release(folded(first, at=at), reason="終結", by="tanaka", at=at)
    released = holds.confirm_release(folded(first, proposal, at=at), by="suzuki", at=at)
    for day, body in ((1, first), (2, proposal), (3, released)):
        ledger = Ledger(address, keys[0], clock=Clock(datetime(2021, day + 4, day, 3, 0, tzinfo=UTC)))
        ledger.start()
        if body is first:
            ledger.append_now(Draft("asked", "x-9", asked("kato"), None))
        ledger.append_now(Draft("noted", None, body))
        ledger.stop()
    say(address, AT, placed("incident", persons=["kato"]))

    made = planned(address)
    assert sorted(reason.split(" ")[0] for reason in made.stays_records.values()) == [
        "held",
        "proof",
        "proof",
    ]
    purged(address, keys)
    with reading(address) as connection:
        assert [hold.in_force(TODAY) for hold in holds.holds_of(connection)] == [False, True]


# ── at the command line ──────────────────────────────────────────────────────────────────────────


def run(where: Address, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["hold", *arguments, "--ledger", address_text(where)])


@pytest.fixture
def some(address: Address) -> Address:
    """A ledger with one exchange."""
    ledger = Ledger(address)
    ledger.start()
    ledger.append_now(Draft("asked", "x-1", asked(), None))
    ledger.stop()
    return address


@pytest.mark.requirement("R50")
def test_a_hold_is_placed_listed_and_extended(some: Address) -> None:
    today = datetime.now(JST).date()
    result = run(some, "place", "preservation_request", "--reason", "照会第5号", "--person", "demo")
    assert (result.exit_code, result.stderr) == (0, "")
    (hold,) = [json.loads(line) for line in run(some, "list", "--json").stdout.splitlines()]
    assert (hold["persons"], hold["by"], hold["in_force"]) == (["demo"], os_user(), True)
    assert hold["expires"] == (today + timedelta(days=30)).isoformat()
    to = (today + timedelta(days=60)).isoformat()
    assert run(some, "extend", hold["id"], "--expires", to, "--reason", "延長の要請").exit_code == 0
    assert f"{to} まで" in run(some, "list").stdout
    viewed = rows(some, "SELECT body FROM records WHERE kind = 'viewed'")
    assert len(viewed) == 2 and json.loads(viewed[0][0])["what"] == "holds"


@pytest.mark.requirement("R50")
@pytest.mark.parametrize(
    ("what", "count"),
    [
        (("--section", "道路課"), 1),
        (("--section", " 道路課 "), 1),
        (("--section", "道路"), 0),
        (("--person", "9999"), 0),
        (("--exchange", "x-1"), 1),
    ],
)
def test_whoever_places_a_hold_learns_what_it_holds(some: Address, what: tuple[str, ...], count: int) -> None:
    result = run(some, "place", "litigation", "--reason", "訴訟第1号", *what)
    assert result.exit_code == 0 and f"いま当てはまるやり取り {count} 件" in result.stdout
    assert ("当てはまる記録がまだありません" in result.stderr) == (not count)
    (hold,) = [json.loads(line) for line in run(some, "list", "--json").stdout.splitlines()]
    assert hold["in_force"] and hold["matching"] == count
    assert f"件数 matches {count}" in run(some, "list").stdout


@pytest.mark.requirement("R50")
def test_a_hold_of_nobody_is_not_placed(some: Address) -> None:
    assert "空です" in refused(run(some, "place", "other", "--reason", "理由", "--person", ""))
    assert run(some, "list", "--json").stdout == ""


@pytest.mark.requirement("R50")
def test_the_one_who_proposed_cannot_confirm(some: Address) -> None:
    run(some, "place", "incident", "--reason", "調査", "--section", "道路課")
    (hold,) = [json.loads(line)["id"] for line in run(some, "list", "--json").stdout.splitlines()]
    assert "提案がまだ" in refused(run(some, "confirm", hold))
    assert run(some, "release", hold, "--reason", "終結").exit_code == 0
    assert "本人" in refused(run(some, "confirm", hold))
    assert json.loads(run(some, "list", "--json").stdout)["in_force"]


def refused(result: Result, status: int = 2) -> str:
    """The one sentence on stderr."""
    assert (result.exit_code, result.stdout) == (status, "")
    assert len(result.stderr.strip().splitlines()) == 1
    return result.stderr


def test_what_cannot_be_done_is_one_sentence_and_records_nothing(some: Address) -> None:
    before = len(rows(some, "SELECT * FROM records"))
    assert "何を残すのか" in refused(run(some, "place", "other", "--reason", "理由"))
    assert "2026-11-23 の形" in refused(run(some, "place", "other", "--reason", "理由", "--since", "昨日"))
    assert "H1 はありません" in refused(run(some, "release", "H1", "--reason", "理由"), 1)
    assert "H1 はありません" in refused(run(some, "confirm", "H1"), 1)
    assert len(rows(some, "SELECT * FROM records")) == before
    assert "台帳" in refused(run(Address(Path("nowhere.sqlite")), "list"))


@pytest.mark.requirement("R45")
@pytest.mark.parametrize(
    "words",
    [
        ("--reason", "個人番号 123456789018 の照会", "--person", "demo"),
        ("--reason", "１２３４－５６７８－９０１８", "--person", "demo"),
        ("--reason", "照会", "--person", "1234.5678.9018"),
        ("--reason", "照会", "--section", "12345678901"),
        ("--reason", "照会", "--exchange", "x123456789018"),
    ],
)
def test_a_hold_never_keeps_a_number_of_somebody(some: Address, words: tuple[str, ...]) -> None:
    before = len(rows(some, "SELECT * FROM records"))
    said = refused(run(some, "place", "other", *words))
    assert "台帳に残せません" in said and not any(digit in said for digit in "0123456789")
    assert len(rows(some, "SELECT * FROM records")) == before


def test_the_help_says_that_no_residents_data_belongs_into_a_reason() -> None:
    words = "".join(CliRunner().invoke(app, ["hold", "release", "--help"]).stdout.split())
    assert "住民" in words


def test_who_somebody_is_is_what_the_kernel_remembers_of_the_login() -> None:
    assert named("0") == "root"
    assert named("4123456") == "uid 4123456"
    for nobody in ("4294967295", "", "x"):
        assert named(nobody) == os_user()
