"""What somebody who owns the store can do to a ledger afterwards, one function each, and who must find it.

Each gets a `Criminal`, draws a victim at random, changes the copy it has, and says who finds that: the walk along
the ``chain``, a ``note``, the commitment to a ``text``, a note that lies outside (``anchor``), or nobody, because it
lies in the window (test_any_tampering_is_found says how wide that is). Nothing here verifies.
"""

import json
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from audit import chain, notes
from audit.signing import KeyFile
from tests.stories.untouched import COLUMNS, Hand, Row, Untouched, add, replace


@dataclass(frozen=True)
class Done:
    """A tampering that was done: what, and who must find it; nobody: it lies in the window."""

    what: str
    finders: tuple[str, ...]


@dataclass
class Criminal:
    """One tampering: chance, a copy to tamper with, the ledger as it was, and keys: the house's and another."""

    dice: random.Random
    hand: Hand
    ledger: Untouched
    true_key: KeyFile
    other_key: KeyFile

    def record(self, **wanted: Any) -> Row:
        """Any record; ``text``: with or without one."""
        found = self.ledger.now["records"]
        if "text" in wanted:
            found = [row for row in found if (row[7] is not None) == wanted["text"]]
        return self.dice.choice(found)

    def chain(self) -> tuple[str, list[Row]]:
        writer = self.dice.choice(sorted(self.ledger.sizes))
        return writer, self.ledger.chain(writer)

    def from_the_end(self, writer: str, index: int) -> tuple[str, ...]:
        """Who finds that a chain was cut, or is another one, from this record on."""
        return ("note",) if index <= self.ledger.sizes[writer][0] else ()

    def turned_back(self, number: int) -> tuple[str, ...]:
        """Who finds that nothing is left that is newer than note ``number``."""
        return ("anchor",) if number < self.ledger.anchored else ()


Tampering = Callable[[Criminal], Done]
TAMPERINGS: list[Tampering] = []


def tampering(done: Tampering) -> Tampering:
    TAMPERINGS.append(done)
    return done


# ── editing ───────────────────────────────────────────────────────────────────────────────────────


@tampering
def edit_a_record(who: Criminal) -> Done:
    row = who.record()
    column = who.dice.choice(COLUMNS["records"].split(", "))
    value = _other(who, column, row[COLUMNS["records"].split(", ").index(column)])
    who.hand.run(f"UPDATE records SET {column} = ? WHERE writer = ? AND idx = ?", value, *row[:2])
    finders = ("chain", "note") if column == "writer" else ("chain",)
    return Done(f"{column} of {row[:2]}", finders)


@tampering
def edit_a_text(who: Criminal) -> Done:
    row = who.dice.choice(who.ledger.now["texts"])
    column = who.dice.choice(COLUMNS["texts"].split(", "))
    value = _other(who, column, row[COLUMNS["texts"].split(", ").index(column)])
    who.hand.run(f"UPDATE texts SET {column} = ? WHERE writer = ? AND idx = ?", value, *row[:2])
    return Done(f"{column} of the text of {row[:2]}", ("text",))


@tampering
def edit_a_note(who: Criminal) -> Done:
    number, at, signed = who.dice.choice(who.ledger.now["notes"])
    column = who.dice.choice(("number", "at", "note", "note", "note"))
    value = _other(who, column, {"number": number, "at": at, "note": signed}[column])
    who.hand.run(f"UPDATE notes SET {column} = ? WHERE number = ?", value, number)
    return Done(f"{column} of note {number}: {value!r}", ("note", "anchor"))


@tampering
def change_a_last_bit_of_the_newest_signature(who: Criminal) -> Done:
    """Base64 leaves bits over at its end: another letter, the same signature."""
    number, _, signed = who.ledger.now["notes"][-1]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = len(signed.rstrip("=\n")) - 1
    other = letters[letters.index(signed[last]) ^ 1]
    value = signed[:last] + other + signed[last + 1 :]
    who.hand.run("UPDATE notes SET note = ? WHERE number = ?", value, number)
    return Done(f"the last letter of note {number}", ("note",))


def _other(who: Criminal, column: str, value: Any) -> Any:
    """Another value for a column, as near to the true one as a forger would come."""
    if column == "turn":
        return who.dice.choice((3, None))
    if column in ("idx", "number"):
        return int(value) + 1000
    if column == "kind":
        return "failed" if value == "answered" else "answered"
    if value is None:
        return secrets.token_hex(32)
    if column == "writer":
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    place = who.dice.randrange(len(value))
    if who.dice.random() < 0.3:
        return value[:place] + value[place + 1 :]  # a character less
    other = who.dice.choice([letter for letter in "0123456789abcdefあ。 -" if letter != value[place]])
    return value[:place] + other + value[place + 1 :]


# ── deleting and cutting ──────────────────────────────────────────────────────────────────────────


@tampering
def delete_a_record(who: Criminal) -> Done:
    writer, index = who.record()[:2]
    _cut(who, writer, index, index)
    last = index == len(who.ledger.chain(writer))
    return Done(f"{writer} {index}", who.from_the_end(writer, index) if last else ("chain",))


@tampering
def delete_a_text(who: Criminal) -> Done:
    writer, index = who.record(text=True)[:2]
    who.hand.run("DELETE FROM texts WHERE writer = ? AND idx = ?", writer, index)
    return Done(f"the text of {writer} {index}", ("text",))


@tampering
def delete_a_record_and_leave_its_text(who: Criminal) -> Done:
    writer, index = who.record(text=True)[:2]
    who.hand.run("DELETE FROM records WHERE writer = ? AND idx = ?", writer, index)
    last = index == len(who.ledger.chain(writer))
    finders = (*who.from_the_end(writer, index), "text") if last else ("chain",)
    return Done(f"{writer} {index} without its text", finders)


@tampering
def delete_a_note_in_the_middle(who: Criminal) -> Done:
    number = who.dice.randrange(1, who.ledger.newest)
    who.hand.run("DELETE FROM notes WHERE number = ?", number)
    return Done(f"note {number}", ("note",))


@tampering
def cut_off_the_newest_notes(who: Criminal) -> Done:
    number = who.dice.randrange(who.ledger.newest)
    who.hand.run("DELETE FROM notes WHERE number > ?", number)
    return Done(f"the notes behind {number}", who.turned_back(number))


@tampering
def cut_off_the_end_of_a_chain(who: Criminal) -> Done:
    writer, rows = who.chain()
    index = who.dice.randrange(1, len(rows) + 1)
    _cut(who, writer, index)
    return Done(f"{writer} from {index} on", who.from_the_end(writer, index))


@tampering
def cut_off_the_end_of_every_chain_with_its_notes(who: Criminal) -> Done:
    """What is left is sound in itself: the ledger as it was when note ``number`` was signed."""
    number = who.dice.randrange(who.ledger.newest + 1)
    sizes = who.ledger.heads_at(number)
    for writer in who.ledger.sizes:
        _cut(who, writer, sizes.get(writer, 0) + 1)
    who.hand.run("DELETE FROM notes WHERE number > ?", number)
    return Done(f"everything behind note {number}", who.turned_back(number))


@tampering
def turn_the_whole_store_back(who: Criminal) -> Done:
    number, copy = who.dice.choice(who.ledger.earlier)
    replace(who.hand, copy)
    return Done(f"back to a copy that ends with note {number}", who.turned_back(number))


@tampering
def turn_the_whole_store_back_and_go_on(who: Criminal) -> Done:
    """With the house's own program and key: sound in itself, with newer notes of the same numbers."""
    replace(who.hand, who.ledger.otherwise)
    return Done("back, and on from there", ("anchor",))


def _cut(who: Criminal, writer: str, first: int, last: int = 1_000_000) -> None:
    for table in ("texts", "records"):
        who.hand.run(f"DELETE FROM {table} WHERE writer = ? AND idx BETWEEN ? AND ?", writer, first, last)


# ── swapping and putting in ───────────────────────────────────────────────────────────────────────


@tampering
def swap_two_records(who: Criminal) -> Done:
    writer, rows = who.chain()
    one, other = who.dice.sample(range(1, len(rows) + 1), 2)
    for table in ("records", "texts"):
        for old, new in ((one, -1), (other, one), (-1, other)):
            who.hand.run(f"UPDATE {table} SET idx = ? WHERE writer = ? AND idx = ?", new, writer, old)
    return Done(f"{writer} {one} and {other}", ("chain",))


@tampering
def swap_two_texts(who: Criminal) -> Done:
    one, other = who.dice.sample(who.ledger.now["texts"], 2)
    for row, content in ((one, other), (other, one)):
        who.hand.run(
            "UPDATE texts SET salt = ?, text = ? WHERE writer = ? AND idx = ?", *content[2:], *row[:2]
        )
    return Done(f"the texts of {one[:2]} and {other[:2]}", ("text",))


@tampering
def swap_two_notes(who: Criminal) -> Done:
    one, other = who.dice.sample(range(1, who.ledger.newest + 1), 2)
    for old, new in ((one, -1), (other, one), (-1, other)):
        who.hand.run("UPDATE notes SET number = ? WHERE number = ?", new, old)
    return Done(f"notes {one} and {other}", ("note", "anchor"))


@tampering
def put_a_record_in(who: Criminal) -> Done:
    """Before any record, in itself a sound one; all later ones move up by one."""
    writer, rows = who.chain()
    place = who.dice.randrange(1, len(rows) + 1)
    for row in reversed(rows[place - 1 :]):
        for table in ("records", "texts"):
            move = f"UPDATE {table} SET idx = idx + 1 WHERE writer = ? AND idx = ?"
            who.hand.run(move, writer, row[1])
    before = rows[place - 2][9] if place > 1 else chain.GENESIS
    add(who.hand, "records", [_forged(writer, place, before)])
    return Done(f"before {writer} {place}", ("chain", "note"))


@tampering
def put_a_record_at_the_end(who: Criminal) -> Done:
    """A sound one, on top of the last: a closed chain may not grow, an open one cannot know."""
    writer, rows = who.chain()
    add(who.hand, "records", [_forged(writer, len(rows) + 1, rows[-1][9])])
    heads = who.ledger.note(who.ledger.newest).heads
    known = any(head.writer == writer and head.state == "open" for head in heads)
    bare = who.ledger.sizes[writer][0] == 0
    return Done(f"behind {writer} {len(rows)}", () if known or bare else ("note",))


@tampering
def put_a_text_in(who: Criminal) -> Done:
    """Beside a record that has none, or beside nothing."""
    writer, index = who.record(text=False)[:2]
    index = who.dice.choice((index, index + 1000))
    add(who.hand, "texts", [(writer, index, secrets.token_hex(32), "昨日の続きです。")])
    return Done(f"beside {writer} {index}", ("text",))


@tampering
def put_a_note_at_the_end(who: Criminal) -> Done:
    newest = who.ledger.note(who.ledger.newest)
    before = notes.digest(who.ledger.now["notes"][-1][2])
    note = notes.Note(newest.number + 1, newest.at, before, newest.heads, newest.clock)
    add(who.hand, "notes", [(note.number, note.at, who.other_key.sign(note))])
    return Done("a note by another key", ("note",))


def _forged(writer: str, index: int, before: str) -> Row:
    at, body = "2026-11-23T05:21:00.123456Z", '{"event":"nothing happened"}'
    digest = chain.seal(before, writer, index, at, "noted", None, None, body)
    return (writer, index, at, "noted", None, None, body, None, before, digest)


# ── hashing and signing anew ──────────────────────────────────────────────────────────────────────


@tampering
def hash_one_record_anew(who: Criminal) -> Done:
    """The next one stands on what it was; behind the last one there is only a note."""
    writer, rows = who.chain()
    index = who.dice.randrange(1, len(rows) + 1)
    _hashed_anew(who, writer, index, index)
    last = index == len(rows)
    return Done(f"{writer} {index}", who.from_the_end(writer, index) if last else ("chain", "note"))


@tampering
def hash_a_chain_anew(who: Criminal) -> Done:
    writer, rows = who.chain()
    index = who.dice.randrange(1, len(rows) + 1)
    _hashed_anew(who, writer, index, len(rows))
    return Done(f"{writer} from {index} on", who.from_the_end(writer, index))


@tampering
def hash_a_chain_anew_and_sign_the_notes_with_another_key(who: Criminal) -> Done:
    writer, index, number = _signed_anew(who, who.other_key)
    return Done(f"{writer} from {index} on, notes from {number} on", ("note",) if number else ())


@tampering
def hash_a_chain_anew_and_sign_the_notes_with_the_true_key(who: Criminal) -> Done:
    """Whoever holds the key can sign any past, but not the notes that lie outside."""
    writer, index, number = _signed_anew(who, who.true_key)
    known = number and number <= who.ledger.anchored
    return Done(f"{writer} from {index} on, notes from {number} on", ("anchor",) if known else ())


def _hashed_anew(who: Criminal, writer: str, first: int, last: int) -> dict[int, str]:
    """One record gets another body, it and those behind it new hashes; index → the new hash."""
    hashes: dict[int, str] = {}
    for row in who.ledger.chain(writer)[first - 1 : last]:
        index, body, before = row[1], row[6], hashes.get(row[1] - 1, row[8])
        if index == first:
            body = chain.canonical(json.loads(body) | {"reason": "as agreed"})
        digest = chain.seal(before, writer, index, *row[2:5], row[7], body)
        change = "UPDATE records SET body = ?, prev = ?, hash = ? WHERE writer = ? AND idx = ?"
        who.hand.run(change, body, before, digest, writer, index)
        hashes[index] = digest
    return hashes


def _signed_anew(who: Criminal, key: KeyFile) -> tuple[str, int, int]:
    """The chain, the first record and the first note that are others now; note 0: none had to be."""
    writer, rows = who.chain()
    first = who.dice.randrange(1, len(rows) + 1)
    hashes = _hashed_anew(who, writer, first, len(rows))
    began, before = 0, ""
    for number in range(1, who.ledger.newest + 1):
        note = who.ledger.note(number)
        heads = tuple(
            notes.ChainHead(
                h.writer, h.size, hashes.get(h.size, h.hash) if h.writer == writer else h.hash, h.state
            )
            for h in note.heads
        )
        if not began and heads == note.heads:
            continue
        began = began or number
        signed = key.sign(notes.Note(number, note.at, before or note.previous, heads, note.clock))
        who.hand.run("UPDATE notes SET note = ? WHERE number = ?", signed, number)
        before = notes.digest(signed)
    return writer, first, began
