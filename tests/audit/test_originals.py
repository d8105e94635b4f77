"""Originals open with their key, for their exchange, as long as it is there; nothing else opens them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

import pytest

from audit.master import CannotOpen, KeyInHand, MasterUnavailable
from audit.originals import Sealed, Sealer, opened

VALUES = {
    "[PERSON_1_k7q2]": "山田太郎",
    "[LITERAL_1_q2aa]": '[x]\udc80\t"',
    "[JP_ADDRESS_1_m3xd]": "高槻市城東町",
}
MASTER = KeyInHand(b"m" * 32)
NOON = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # in Japan


class Counting(KeyInHand):
    """A master key that counts how often it was asked to wrap."""

    def __init__(self) -> None:
        super().__init__(b"m" * 32)
        self.asked = count()

    def wrap(self, key: bytes, bound: bytes) -> str:
        next(self.asked)
        return super().wrap(key, bound)

    @property
    def wrapped(self) -> int:
        return int(repr(self.asked)[6:-1])


def seal(sealer: Sealer | None = None, exchange: str = "E1", conversation: str | None = "C1", whose: str = "a",
         at: datetime = NOON, values: dict[str, str] = VALUES) -> Sealed:  # fmt: skip
    sealer = sealer or Sealer(MASTER, 30)
    return sealer.seal(values, exchange=exchange, conversation=conversation, whose=whose, at=at)


@pytest.mark.requirement("R45")
def test_the_right_key_opens_what_was_sealed() -> None:
    sealed = seal()

    assert opened(sealed, "E1", MASTER) == VALUES
    assert opened(sealed, "E1", MASTER, sealed.account) == VALUES


def test_what_was_never_there_or_is_nothing_opens_too() -> None:
    assert opened(seal(values={}), "E1", MASTER) == {}


@pytest.mark.requirement("R45")
def test_an_erased_key_opens_nothing() -> None:
    with pytest.raises(CannotOpen, match="消去されています"):
        opened(replace(seal(), wrapped=""), "E1", MASTER)


@pytest.mark.requirement("R45")
def test_nothing_opens_with_anything_changed_or_changed_over() -> None:
    sealer = Sealer(MASTER, 30)
    sealed, other = seal(sealer), seal(sealer, exchange="E2")
    elsewhere = seal(sealer, conversation="C2")
    assert sealed.key_id == other.key_id != elsewhere.key_id

    for wrong, exchange in (
        (sealed, "E2"),
        (other, "E1"),
        (replace(sealed, blob=other.blob), "E1"),
        (replace(sealed, blob=elsewhere.blob), "E1"),
        (replace(sealed, blob=changed(sealed.blob)), "E1"),
        (replace(sealed, blob=""), "E1"),
        (replace(sealed, blob="あ"), "E1"),
        (replace(sealed, until=sealed.until.replace("2026", "2036")), "E1"),
        (replace(sealed, conversation="C2"), "E1"),
        (replace(sealed, key_id=elsewhere.key_id), "E1"),
        (replace(sealed, wrapped=elsewhere.wrapped), "E1"),
        (replace(sealed, wrapped=changed(sealed.wrapped)), "E1"),
    ):
        with pytest.raises(CannotOpen):
            opened(wrong, exchange, MASTER)


def changed(box: str) -> str:
    return f"{box[:-8]}{'AAAA' if box[-8:-4] != 'AAAA' else 'BBBB'}{box[-4:]}"


def test_another_master_key_opens_nothing() -> None:
    with pytest.raises(CannotOpen, match="another master key"):
        opened(seal(), "E1", KeyInHand(b"n" * 32))


@pytest.mark.requirement("R45")
def test_a_key_whose_end_was_put_off_opens_nothing_even_where_the_master_binds_nothing() -> None:
    class Loose:
        """As a command: it wraps bytes and knows of nothing they belong to."""

        def wrap(self, key: bytes, bound: bytes) -> str:
            return key.hex()

        def unwrap(self, wrapped: str, bound: bytes) -> bytes:
            return bytes.fromhex(wrapped)

    sealed = seal(Sealer(Loose(), 30))
    assert opened(sealed, "E1", Loose()) == VALUES

    with pytest.raises(CannotOpen):
        opened(replace(sealed, until=sealed.until.replace("2026", "2036")), "E1", Loose())


def test_what_is_stored_must_be_what_the_record_speaks_of() -> None:
    sealer = Sealer(MASTER, 30)
    sealed, again = seal(sealer), seal(sealer)
    assert opened(again, "E1", MASTER) == VALUES

    for said in (again.account, {}, sealed.account | {"until": "9"}):
        with pytest.raises(CannotOpen, match="記録が示すもの"):
            opened(sealed, "E1", MASTER, said)


def test_the_record_is_told_the_digest_of_the_blob_as_it_is_stored_and_no_key() -> None:
    sealed = seal()

    assert sealed.account == {
        "conversation": "C1",
        "key": sealed.key_id,
        "sha256": sha256(sealed.blob.encode()).hexdigest(),
        "until": sealed.until,
    }


# how long


@pytest.mark.requirement("R45")
@pytest.mark.parametrize(
    ("at", "days", "until"),
    [
        (datetime(2026, 11, 22, 15, 0, tzinfo=UTC), 30, "2026-12-22T15:00:00.000000Z"),  # midnight in Japan
        (datetime(2026, 11, 23, 14, 59, 59, tzinfo=UTC), 30, "2026-12-22T15:00:00.000000Z"),
        (datetime(2026, 11, 23, 15, 0, tzinfo=UTC), 30, "2026-12-23T15:00:00.000000Z"),
        (NOON, 1, "2026-11-23T15:00:00.000000Z"),
        (NOON, 90, "2027-02-20T15:00:00.000000Z"),
    ],
)
def test_everything_of_a_day_in_japan_ends_at_one_midnight(at: datetime, days: int, until: str) -> None:
    sealed = seal(Sealer(MASTER, days), at=at)

    assert sealed.until == until
    assert datetime.fromisoformat(until) - at <= timedelta(days=days)
    assert opened(sealed, "E1", MASTER) == VALUES


@pytest.mark.parametrize("days", [-1, 0, 91])
def test_no_original_is_kept_longer_than_ninety_days(days: int) -> None:
    with pytest.raises(ValueError, match="90"):
        Sealer(MASTER, days)


# one key for a conversation of a caller and a day


def test_a_conversation_has_one_key_a_day() -> None:
    master = Counting()
    sealer = Sealer(master, 30)
    one, two = seal(sealer), seal(sealer, exchange="E2", at=NOON + timedelta(hours=1))
    tomorrow = seal(sealer, exchange="E3", at=NOON + timedelta(days=1))

    assert one.key_id == two.key_id and (one.wrapped, one.until) == (two.wrapped, two.until)
    assert one.blob != two.blob
    assert tomorrow.key_id != one.key_id and tomorrow.until > one.until
    assert master.wrapped == 2
    assert opened(two, "E2", MASTER) == VALUES


@pytest.mark.parametrize("other", [{"conversation": "C2"}, {"whose": "b"}, {"conversation": None}])
def test_nobody_shares_the_key_of_another_conversation(other: dict[str, str | None]) -> None:
    sealer = Sealer(MASTER, 30)

    assert seal(sealer).key_id != seal(sealer, **other).key_id  # type: ignore[arg-type]


def test_an_exchange_without_a_conversation_is_one_by_itself() -> None:
    sealer = Sealer(MASTER, 30)
    one, two = seal(sealer, conversation=None), seal(sealer, exchange="E2", conversation=None)

    assert (one.conversation, two.conversation) == ("E1", "E2")
    assert one.key_id != two.key_id


def test_keys_that_are_forgotten_are_made_anew() -> None:
    master = Counting()
    sealer = Sealer(master, 30, remember=2)
    names = ["C1", "C2", "C1", "C3", "C1", "C2"]  # C2 is the one that was not spoken of for longest
    sealed = [seal(sealer, conversation=name) for name in names]

    assert master.wrapped == 4
    assert sealed[0].key_id == sealed[2].key_id == sealed[4].key_id
    assert all(opened(one, "E1", MASTER) == VALUES for one in sealed)


def test_a_master_key_that_cannot_be_asked_seals_nothing() -> None:
    class Down:
        def wrap(self, key: bytes, bound: bytes) -> str:
            raise MasterUnavailable("down")

        def unwrap(self, wrapped: str, bound: bytes) -> bytes:
            raise MasterUnavailable("down")

    sealer = Sealer(Down(), 30)
    with pytest.raises(MasterUnavailable):
        seal(sealer)
    with pytest.raises(MasterUnavailable):
        sealer.try_out(NOON)
    with pytest.raises(MasterUnavailable):
        opened(seal(), "E1", Down())


# what shows


@pytest.mark.requirement("R45")
def test_nothing_stored_or_printed_shows_a_value_or_a_key() -> None:
    sealer = Sealer(MASTER, 30)
    sealed = seal(sealer)
    shown = f"{sealed!r} {sealer!r} {json.dumps(sealed.account)} {sealed.wrapped} {sealed.blob}"

    for value in ("山田", json.dumps("山田")[1:-1], "PERSON", "mmmm"):
        assert value not in shown
    assert sealed.blob not in repr(sealed) and sealed.wrapped not in repr(sealed)


def test_the_length_of_a_short_name_does_not_show() -> None:
    assert len(seal(values={"[PERSON_1_k7q2]": "森"}).blob) == len(
        seal(values={"[PERSON_1_k7q2]": "長宗我部元親"}).blob
    )
