"""Whoever follows the ledger sees every record, once and in its chain's order, however the looks fall."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.address import Address
from audit.following import news, present, questions
from audit.ledger import Ledger
from audit.model import Draft
from tests.audit.ledgers import asked, rows


def write(address: Address, texts: list[str | None]) -> None:
    ledger = Ledger(address, sweeping=False)
    ledger.start()
    for number, text in enumerate(texts):
        name = f"x-{ledger.writer}-{number}"
        ledger.append_now(Draft("asked", name, asked(), text))
        ledger.append_now(Draft("answered", name, {"egress_state": "masked"}))
    ledger.stop()


def everything(address: Address) -> list[tuple[str, int]]:
    return [tuple(row) for row in rows(address, "SELECT writer, idx FROM records ORDER BY writer, idx")]  # type: ignore[misc]


def test_every_record_is_seen_once_and_with_its_text(address: Address) -> None:
    write(address, ["一つ", None])
    write(address, ["二つ"])
    found = news(address, {})
    assert found.whole and sorted((e.record.writer, e.record.index) for e in found.entries) == everything(
        address
    )
    assert [e.text for e in found.entries if e.record.kind == "asked"] == ["一つ", None, "二つ"]
    assert news(address, found.position) == type(found)((), found.position, True)
    assert present(address) == dict(found.position)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(looks=st.lists(st.integers(1, 7), min_size=1, max_size=6))
def test_however_the_looks_fall_nothing_is_missed_and_nothing_comes_twice(
    address: Address, looks: list[int]
) -> None:
    write(address, ["前から"])
    position, seen = present(address), []
    before = set(everything(address))
    write(address, ["あ", "い"])
    for most in [*looks, 1_000]:
        found = news(address, position, most)
        assert len(found.entries) <= most
        seen += [(e.record.writer, e.record.index) for e in found.entries]
        position = dict(found.position)
    assert news(address, position).entries == ()
    assert len(seen) == len(set(seen)) and set(seen) == set(everything(address)) - before
    for writer in {writer for writer, _ in seen}:
        of_chain = [index for name, index in seen if name == writer]
        assert of_chain == sorted(of_chain)


def test_a_chain_that_is_gone_is_forgotten(address: Address) -> None:
    write(address, ["あ"])
    found = news(address, {**present(address), "w20200101T000000Z-000000": 12})
    assert found.entries == () and "w20200101T000000Z-000000" not in found.position


def test_the_question_of_an_ending_is_found_whichever_chain_it_lies_in(address: Address) -> None:
    write(address, ["一つ", "二つ"])
    write(address, ["三つ"])
    every = [entry.record for entry in news(address, {}).entries if entry.record.kind == "asked"]
    wanted = [str(record.exchange) for record in every]
    assert questions(address, [*wanted, "x-none"]) == {str(record.exchange): record for record in every}
    assert questions(address, []) == {}
