"""One line of the checkpoint's own behind the answer, as if it were the last piece of its text.

Comes after the restoring: the ledger and the counting of tokens never see it. Behind every choice of an answer,
for whichever of them somebody is shown must carry it. Not behind an answer that calls a tool, says nothing, or is
JSON though nobody asked for it; such an answer goes as it came.

The line comes before the event that ends the text, and the events that repeat the whole text repeat it too. Where
a text ends before it is known to be the last one, its ending is held until the next event says so.
Knows no dialect by name: a dialect says in its `ReplyShape` what closes an answer.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from proxy.kinds import PIECE, SCRIPT, Kind
from proxy.surfaces.reply import Chunk, Place, ReplyShape
from proxy.walk import Path, walk_reply
from proxy.wire import loads


async def appended(shape: ReplyShape, answer: AsyncGenerator[Chunk], line: str) -> AsyncGenerator[Chunk]:
    """The restored reply with ``line`` behind the text of each answer in it. Whoever iterates this closes it."""
    appending = _Appending(shape, line)
    async with aclosing(answer):
        async for chunk in answer:
            for ready in appending.feed(chunk):
                yield ready
    for ready in appending.rest():
        yield ready


@dataclass(slots=True)
class _Answer:
    """The last text of one answer so far: its place, where its last piece came, and all of it."""

    place: Place | None = None
    chunk: Chunk = field(default_factory=dict, repr=False)
    path: Path = ()
    parts: list[str] = field(default_factory=list, repr=False)
    calls: bool = False
    closed: bool = False

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def takes_line(self) -> bool:
        return not self.calls and bool(self.text.strip()) and not _is_json(self.text)


class _Appending:
    """One reply on its way."""

    def __init__(self, shape: ReplyShape, line: str) -> None:
        self._shape = shape
        self._line = line
        self._answers: dict[int, _Answer] = {}
        self._held: list[Chunk] = []

    def feed(self, chunk: Chunk) -> list[Chunk]:
        """What may go out now: the chunk, after what was held back; nothing while it is not known what comes next."""
        goes_on = self._note(chunk)
        closing: list[_Answer] = []
        for answer in self._open():
            assert answer.place is not None
            closes = self._shape.closes(chunk, answer.place)
            if closes is None and not goes_on and (self._held or self._shape.ends(chunk, answer.place)):
                self._held.append(chunk)
                return []
            if closes and answer.takes_line:
                closing.append(answer)
            if closes is False:
                answer.place, answer.parts = None, []
            answer.closed = closes is True
        ready, self._held = [*self._held, chunk], []
        for answer in closing:
            ready = self._closed(answer, ready, here=answer.chunk is chunk)
        return ready

    def rest(self) -> list[Chunk]:
        """Of a stream that ends without a word about its answers: the line, where their texts are still open."""
        if self._held or not self._shape.stream:
            return self._held
        left = [answer for answer in self._open() if answer.takes_line]
        return [self._shape.more(answer.chunk, answer.path, self._line) for answer in left]

    def _open(self) -> Iterator[_Answer]:
        return (one for one in self._answers.values() if one.place is not None and not one.closed)

    def _note(self, chunk: Chunk) -> bool:
        """Keep what the chunk says: texts, calls. True where another text begins while one is ending."""
        moved = False

        def note(kind: Kind, text: str, path: Path) -> str:
            nonlocal moved
            running = kind in (PIECE, SCRIPT)
            if not text or running != self._shape.stream or not self._shape.is_content(chunk, path):
                return text
            if (place := self._shape.place(chunk, path)) is None:
                return text
            answer = self._answer(place)
            if answer.place != place:
                moved = moved or answer.place is not None
                answer.place, answer.parts = place, []
            answer.chunk, answer.path = chunk, path
            answer.parts.append(text)
            return text

        walk_reply(chunk, self._shape.spec, note)
        for place, name in self._shape.calls(chunk):
            if name:
                self._answer(place).calls = True
        return moved

    def _answer(self, place: Place) -> _Answer:
        return self._answers.setdefault(self._shape.answer_of(place), _Answer())

    def _closed(self, answer: _Answer, ending: list[Chunk], here: bool) -> list[Chunk]:
        """The chunks that end the answer's text: the line before them, and in them wherever they repeat the text.

        ``here``: its last piece, or all of it, comes with the ending itself, and the line goes there.
        """
        before = [] if here else [self._shape.more(answer.chunk, answer.path, self._line)]
        return [*before, *(self._repeated(answer, chunk) for chunk in ending)]

    def _repeated(self, answer: _Answer, chunk: Chunk) -> Chunk:
        whole = answer.text

        def again(kind: Kind, text: str, path: Path) -> str:
            if not text or not self._shape.is_content(chunk, path):
                return text
            at = self._shape.place(chunk, path)
            mine = at == answer.place or (
                at is None and text == whole
            )  # None: an event that only says it once more
            return text + self._line if mine else text

        made: Chunk = walk_reply(chunk, self._shape.spec, again)
        return made


def _is_json(text: str) -> bool:
    """Whether an answer is JSON as a whole, fenced or not: asked for in words, and read by a program."""
    bare = text.strip()
    if bare.startswith("```json") and bare.endswith("```"):
        return True
    if bare[0] not in "{[":
        return False
    try:
        loads(bare)
    except ValueError:
        return False
    return True
