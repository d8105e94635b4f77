"""Whatever somebody with every right on the machine does to the ledger afterwards is found, and by what finds it.

Thousands of small crimes are drawn at random: a column edited, a byte of a note changed, records, texts and notes
deleted, swapped, put in, cut off from the end, the whole store turned back, a chain hashed anew, notes signed
anew. The criminal owns the store, has dropped its laws, and in two cases holds the signing key too. What he does
not own are the notes that lie outside (the anchors).

What may go unseen, and nothing else, is checked to the row:

- The newest note that lies outside covers every record that was there when it was signed. Of these, of their
  texts, and of all notes up to that one, not a character can be changed, added or lost unseen.
- What is younger may be lost unseen from its end (records that no note covers, or records together with the notes
  over them). What no note covers may also be written anew, and whoever holds the signing key may write anew whatever
  is younger: nobody outside has ever heard of it.

So the window is as wide as the time since the last note that left the house; ``after_anchor`` counts what is in it.
"""

import os
import random
import secrets
from pathlib import Path

import pytest

from audit.address import Address
from audit.signing import KeyFile, create_keys
from tests.stories.crimes import TAMPERINGS, Criminal
from tests.stories.untouched import Untouched, build, seen_by

FOUND_BY = {
    "chain": "record_missing record_put_in record_put_in_first record_changed record_rehashed record_unlinked"
    " record_unfit record_misplaced question_repeated ending_without_question",
    "note": "record_not_signed chain_grew chain_cut chain_missing note_missing note_unreadable note_unsigned"
    " note_misnumbered note_unlinked note_forgets note_contradicts note_relists",
    "anchor": "anchor_differs rolled_back",
    "text": "text_changed text_unreadable text_put_in text_alone text_missing",
}
FINDER = {code: finder for finder, codes in FOUND_BY.items() for code in codes.split()}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Untouched:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        return build(Address(folder / "ledger.sqlite"), Address(folder / "other.sqlite"), folder)
    server = request.getfixturevalue("postgres")
    place, elsewhere = (Address(url=server.url(server.database())) for _ in range(2))
    return build(place, elsewhere, folder)


def test_untouched_it_is_sound_and_says_how_wide_the_window_is(ledger: Untouched, tmp_path: Path) -> None:
    with ledger.copy(tmp_path) as hand:
        report = hand.verify()
    assert report.ok and report.signatures and report.writers == len(ledger.sizes) == 4
    assert (report.checkpoints, report.anchored) == (ledger.newest, ledger.anchored)
    records = len(ledger.now["records"])
    assert report.unanchored == records - sum(noted for noted, _ in ledger.sizes.values()) == 16
    assert report.after_anchor == records - sum(outside for _, outside in ledger.sizes.values()) > 16


@pytest.mark.timeout(1800)
@pytest.mark.requirement("R43")
@pytest.mark.parametrize("count", [len(TAMPERINGS) + 4, pytest.param(1000, marks=pytest.mark.long)])
def test_any_tampering_is_found(ledger: Untouched, tmp_path: Path, count: int) -> None:
    seed = int(os.environ.get("TAMPERING_SEED") or secrets.randbelow(2**32))
    dice = random.Random(seed)
    true_key = KeyFile.load(ledger.keys[0])
    other_key = KeyFile.load(create_keys(tmp_path / "other")[0])
    found: dict[str, int] = {}
    for number in range(count):
        tamper = TAMPERINGS[number] if number < len(TAMPERINGS) else dice.choice(TAMPERINGS)
        with ledger.copy(tmp_path) as hand:
            done = tamper(Criminal(dice, hand, ledger, true_key, other_key))
            said = f"TAMPERING_SEED={seed}, number {number}: {tamper.__name__}: {done.what}"
            after = seen_by(hand)
            report = hand.verify()
        assert after != ledger.now, f"nothing was changed: {said}"
        if done.finders:
            assert report.first_bad, f"not found: {said}"
            assert FINDER[report.first_bad.code] in done.finders, f"{said}: {report.first_bad}"
            found[FINDER[report.first_bad.code]] = 1
        else:
            assert report.ok, f"{said}: {report.first_bad}"
            assert ledger.covered(after) == ledger.covered(ledger.now), f"not in the window: {said}"
    assert found.keys() == FOUND_BY.keys()
