"""Small ledgers, sound and tampered with, as the lines of their exports: what verifiers are tried on.

Each function is one deed of somebody who can write the file, and some hold the key. Nothing is written.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.audit.books import KEY, OTHER, WITNESS, ZEROS, A, B, Book, C, D, Row, counted


def book() -> Book:
    """Two closed chains and an open one, three notes; one record and one exchange are younger than the last."""
    book = Book()
    book.exchange(A, "x-1")
    book.note((A, "open"))
    book.exchange(A, "x-2")
    book.write(A, "viewed", what="search")
    book.exchange(B, "x-3", "refused")
    book.note((A, "closed"), (B, "open"), clock="clock synchronized -0.000012 0.001500")
    book.exchange(B, "x-4")
    book.write(C, "asked", "x-5", model_requested="demo")
    book.note((B, "closed"), (C, "open"), clock="clock unknown")
    book.write(C, "noted", event="clock.stepped", seconds=2)
    return book


def example() -> Book:
    """The tiny ledger of the page's worked example."""
    book = Book()
    exchange = "01KCQ2Z5XBQ6M1V0J9R8T7C4WD"
    book.write(A, "asked", exchange, "[PERSON_1]様、\nこんにちは", model_requested="demo")
    book.write(A, "answered", exchange, egress_state="masked")
    book.note((A, "open"), clock="clock synchronized -0.000012 0.001500")
    return book


def changed(old: str, new: str, start: str = "r\t") -> list[str]:
    """`book` with every ``old`` in the lines of one kind replaced."""
    lines = book().export()
    found = [line.replace(old, new) if line.startswith(start) else line for line in lines]
    assert found != lines, old
    return found


def edited(change: Callable[[Book], None]) -> list[str]:
    """`book` with its rows changed before it is exported."""
    edited = book()
    change(edited)
    return edited.export()


def row(book: Book, writer: str, index: int) -> int:
    return next(at for at, row in enumerate(book.rows) if (row.writer, row.idx) == (writer, index))


def shift(book: Book, writer: str, index: int, by: int) -> None:
    """Renumber a chain from this index on; hashes stay."""
    book.rows[:] = [
        replace(row, idx=row.idx + by) if row.writer == writer and row.idx >= index else row
        for row in book.rows
    ]


def removed(book: Book, writer: str, first: int, last: int = 99) -> None:
    book.rows[:] = [row for row in book.rows if row.writer != writer or not first <= row.idx <= last]


def rewritten(book: Book, writer: str, index: int, through: int) -> None:
    """Change a record and hash again from there to ``through``, as somebody who read the format could."""
    prev = book.rows[row(book, writer, index)].prev
    for number in range(index, through + 1):
        at = row(book, writer, number)
        body = book.rows[at].body.replace("{", '{"x":1,') if number == index else book.rows[at].body
        book.rows[at] = replace(book.rows[at], prev=prev, body=body).sealed()
        prev = book.rows[at].hash


def put_in(book: Book, writer: str, index: int, prev: str = ZEROS) -> None:
    shift(book, writer, index, 1)
    at = "2026-11-23T05:21:00.000000Z"
    book.rows.append(Row(prev, writer, index, at, "viewed", None, None, "{}").sealed())


def appended(writer: str, kind: str, exchange: str | None = None, **more: str) -> list[str]:
    return edited(lambda book: void(book.write(writer, kind, exchange, **more)))


def void(_: object) -> None:
    """Nothing comes back."""


def swap(book: Book, writer: str, one: int, two: int) -> None:
    first, second = row(book, writer, one), row(book, writer, two)
    book.rows[first], book.rows[second] = (
        replace(book.rows[second], idx=one),
        replace(book.rows[first], idx=two),
    )


def erased(
    count: object, *, say: bool = True, chain: str = A, gone: tuple[int, ...] = (1, 3), **more: object
) -> list[str]:
    """Two texts of A are gone; the ledger may say so, and what was kept."""
    result = book()
    for index in gone:
        at = row(result, A, index)
        result.rows[at] = replace(result.rows[at], salt=None, text=None)
    if say:
        result.write(C, "noted", event="texts.erased", by="retention", chains={chain: count}, **more)
    return result.export()


def erased_later() -> list[str]:
    """What a hold kept at first was erased when the hold was over: the newest word counts."""
    result = book()
    result.write(C, "noted", event="texts.erased", by="retention", chains={A: 1}, kept={A: [3]})
    result.write(C, "noted", event="texts.erased", by="retention", chains={A: 1}, kept={})
    for index in (1, 3):
        at = row(result, A, index)
        result.rows[at] = replace(result.rows[at], salt=None, text=None)
    return result.export()


CLOSED = 9
"""Seconds, in `book`, of note 2, which closes A."""


def purged(
    *,
    keep: bool = False,
    state: str = "purged",
    again: bool = False,
    closed: bool = True,
    early: int = 0,
    change: Callable[[Book], None] | None = None,
) -> list[str]:
    """A is closed, a year later to the second (less ``early``) its records go, and a note says so."""
    result = book()
    result.wait(365, CLOSED - 1 - result.seconds - early)
    head = f"{A} 5 {result.chain(A)[-1].hash} {state}"
    if not closed:  # B was open in note 2; here C is
        head = f"{C} 1 {result.chain(C)[0].hash} purged"
    result.note(*([(C, "open")] if closed else []), heads=[head])
    if again:
        result.note((C, "open"), heads=[head])
    if not keep:
        removed(result, A, 1)
    if change:
        change(result)
    return result.export()


def backdated(*, sign: bool, seconds: int = 3603) -> list[str]:
    """Two records come in after the newest note; the first is dated more than an hour before it, the second just so."""
    result = book()
    result.wait(0, -seconds)
    result.exchange(D, "x-6")
    result.wait(0, seconds)
    if sign:
        result.note((C, "open"), (D, "open"))
    return result.export()


def other_letter() -> list[str]:
    """Base64 leaves bits over at its end: another last letter, the same signature."""
    result = book()
    last = len(result.notes[2]) - 3
    result.notes[2] = result.notes[2][:last] + chr(ord(result.notes[2][last]) + 1) + "=\n"
    return result.export()


def retired() -> list[str]:
    """After the new key has signed, the old one signs again."""
    result = book()
    result.key = OTHER
    result.note((C, "open"))
    result.key = KEY
    result.note((C, "open"))
    return result.export()


def noted(change: Callable[[list[str]], list[str]]) -> list[str]:
    """`book` with its third note replaced by one that the true key signed: ``change`` gets its lines."""
    result = book()
    lines = result.notes[2].partition("\n\n")[0].split("\n")
    result.notes[2] = KEY.sign("\n".join(change(lines)) + "\n")
    return result.export()


def note_gone(number: int) -> list[str]:
    lines = [line for line in book().export()[:-1] if not line.startswith(f"n\t{number}\t")]
    return counted(lines)


def old_lost() -> list[str]:
    """As version 0.1 wrote them: the sweeper's chain holds ``lost``, whichever of the two sorts first."""
    result = Book()
    result.write(A, "asked", "x-1")
    result.write(C, "asked", "x-2")
    result.write(B, "lost", "x-1", reason="writer_gone")
    result.write(B, "lost", "x-2", reason="writer_gone")
    result.note((A, "closed"), (B, "open"), (C, "closed"))
    return result.export()


def misplaced() -> list[str]:
    result = Book()
    result.write(A, "viewed")
    result.write(B, "viewed")
    header, first, second, last = result.export()
    return [header, second, first, last]


def witnessed() -> list[str]:
    result = book()
    result.notes[2] += WITNESS
    lines = result.export()
    return counted([*lines[:-1], 'x\tleases\t{"writer":"w-x"}'])


def incremental(change: Callable[[Book], None] | None = None) -> list[str]:
    """What is newer than note 2: it covers five records of A, which is closed, and two of B."""
    result = book()
    if change:
        change(result)
    return result.export(after=2, sizes={A: 5, B: 2})


def forked() -> list[str]:
    """A ledger that went back to note 2 and went on another way."""
    result = Book()
    result.seconds = 100
    result.exchange(B, "y-1")
    result.note((B, "open"))
    result.note((B, "open"))
    return result.export()


def rolled_back() -> list[str]:
    result = book()
    removed(result, B, 3)
    removed(result, C, 1)
    result.notes.pop()
    return result.export()


def other_second() -> str:
    """A second note of the true key that says the same of the chains."""
    text = book().notes[1].partition("\n\n")[0]
    return KEY.sign(text.replace("clock synchronized -0.000012 0.001500", "clock unknown") + "\n")


def relinked() -> list[str]:
    """Note 2 was exchanged for another one; note 3 names the one that was."""
    result = book()
    result.notes[1] = other_second()
    return result.export()


def foreign() -> list[str]:
    """Note 2 was signed by another key."""
    result = book()
    result.notes[1] = OTHER.sign(result.notes[1].partition("\n\n")[0] + "\n")
    return result.export()
