"""A reply of any dialect with its texts passed through sieves: running texts piece by piece, the rest whole.

A running text is one that comes in pieces: the content of one choice, the arguments of one tool call. Each has
a sieve of its own, so that pieces of several may come in any order. A sieve may hold back what is not decided
yet; what it holds when the text ends comes as one more piece, before the event that ends it.

Knows no dialect by name: a dialect says in a `ReplyShape` where texts are and what ends them.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from proxy.kinds import JSON, PIECE, SCRIPT, TEXT, Kind, Spec
from proxy.walk import Path, walk_reply
from redaction.restore import Restorer
from redaction.vault import Vault

Chunk = dict[str, Any]
"""One piece of a reply in the dialect's own JSON; a plain reply is a stream of one chunk."""

Place = tuple[int, str]
"""Where a text of the answer is, however its pieces arrive: ``(0, "content")``, ``(1, "tool_calls.0.arguments")``."""


Counts = tuple[int | None, int | None]
"""Tokens of the question and of the answer; None where nothing was said of them."""


class Sieve(Protocol):
    """One text on its way: ``feed`` each piece, then ``flush`` once. Cutting it otherwise changes nothing."""

    async def feed(self, piece: str) -> str: ...

    async def flush(self) -> str: ...


MOST_RUNNING = 256
"""Texts of one reply that may run at the same time: 128 choices is what OpenAI allows."""

Make = Callable[[Kind], Sieve]
"""A sieve for one text: in a JSON or SCRIPT text, values are written escaped."""


class ReplyShape(ABC):
    """What a dialect says of its replies. ``as_json``: the answer's content itself is asked to be JSON."""

    table: ClassVar[Spec]
    events: ClassVar[Spec]

    def __init__(self, stream: bool, as_json: bool = False) -> None:
        self.stream = stream
        self.spec = self.events if stream else self.table
        self._as_json = as_json

    @abstractmethod
    def place(self, chunk: Chunk, path: Path) -> Place | None:
        """The place of the text at ``path``; None where it is no text of the answer, or one that came before."""

    @abstractmethod
    def ends(self, chunk: Chunk, place: Place) -> bool:
        """Whether the running text at ``place`` is over with this chunk."""

    def closes(self, chunk: Chunk, place: Place) -> bool | None:
        """Whether the answer is over with the text at ``place``: False where more of it follows or a tool is called,
        None where this chunk does not say."""
        return None

    def answer_of(self, place: Place) -> int:
        """The answer that the text at ``place`` is of, where a reply holds several: chat's choices."""
        return 0

    def is_last(self, chunk: Chunk) -> bool:
        """Whether the caller has the whole answer with this chunk. Chat has a mark of its own for that."""
        return False

    def more(self, chunk: Chunk, path: Path, text: str) -> Chunk:
        """One more piece of the running text whose last piece was at ``path`` of ``chunk``."""
        more: Chunk = walk_reply(chunk, self.spec, lambda _, old, here: text if here == path else old)
        return more

    def reasons(self, chunk: Chunk) -> Iterable[Any]:
        """Why the model stopped, as far as this chunk says."""
        return ()

    def counts(self, chunk: Chunk) -> "Counts":
        """The tokens of question and answer, as far as this chunk says."""
        return counts_of(chunk.get("usage"), "prompt_tokens", "completion_tokens")

    def maker(self, chunk: Chunk) -> Chunk:
        """The object that holds ``id`` and ``model`` of the reply."""
        return chunk

    def calls(self, chunk: Chunk) -> Iterable[tuple[Place, Any]]:
        """The calls of tools, as far as this chunk says: the place of each, and the tool's name."""
        return ()

    def kind(self, kind: Kind, chunk: Chunk, path: Path) -> Kind:
        """The kind of the text at ``path``, as the request asked for it."""
        if self._as_json and self.is_content(chunk, path):
            return {PIECE: SCRIPT, TEXT: JSON}.get(kind, kind)
        return kind

    def is_content(self, chunk: Chunk, path: Path) -> bool:
        """Whether the text at ``path`` is the answer's content, which is JSON where JSON was asked for."""
        return False

    def spoken(self, chunk: Chunk) -> Iterator[tuple[Place, str, bool]]:
        """The texts of the answer in this chunk: place, text, and whether it is only a piece."""
        said: list[tuple[Place, str, bool]] = []

        def note(kind: Kind, text: str, path: Path) -> str:
            place = self.place(chunk, path)
            if place is not None and text:
                said.append((place, text, kind in (PIECE, SCRIPT)))
            return text

        walk_reply(chunk, self.spec, note)
        return iter(said)


def counts_of(usage: Any, given: str, made: str) -> Counts:
    """The two numbers under these names, where they are numbers."""
    if not isinstance(usage, Mapping):
        return None, None
    numbers = [usage.get(name) for name in (given, made)]
    return tuple(n if isinstance(n, int) else None for n in numbers)  # type: ignore[return-value]


async def through(shape: ReplyShape, answer: AsyncGenerator[Chunk], make: Make) -> AsyncGenerator[Chunk]:
    """The reply with every text passed through a sieve of its own. Whoever iterates this closes it."""
    passing = _Passing(shape, make)
    async with aclosing(answer):
        async for chunk in answer:
            for ready in await passing.feed(chunk):
                yield ready
    for ready in await passing.rest():
        yield ready


def restoring(vault: Vault) -> Make:
    """Sieves that put the values back."""
    return lambda kind: _Restoring(Restorer(vault, in_json=kind in (JSON, SCRIPT)))


class _Restoring:
    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer

    async def feed(self, piece: str) -> str:
        return self._restorer.feed(piece)

    async def flush(self) -> str:
        return self._restorer.flush()


@dataclass(slots=True)
class _Running:
    """One running text: its kind and sieve, its last piece's chunk and path, what came and what was made of it."""

    kind: Kind
    sieve: Sieve
    chunk: Chunk = field(repr=False)
    path: Path
    came: list[str] = field(default_factory=list, repr=False)
    made: list[str] = field(default_factory=list, repr=False)

    async def feed(self, piece: str) -> str:
        self.came.append(piece)
        self.made.append(await self.sieve.feed(piece))
        return self.made[-1]

    async def flush(self) -> str:
        self.made.append(await self.sieve.flush())
        return self.made[-1]


class _Passing:
    """One reply on its way."""

    def __init__(self, shape: ReplyShape, make: Make) -> None:
        self._shape = shape
        self._make = make
        self._running: dict[Place, _Running] = {}
        self._known: dict[tuple[bool, str], str] = {}
        """Texts that ran, whole, as JSON or not: some dialects repeat them at the end, and must repeat what was
        given out."""

    async def feed(self, chunk: Chunk) -> list[Chunk]:
        """The chunk with its texts sieved, after what was held back of texts that it ends."""
        made: list[Any] = []
        texts = self._texts(chunk)
        pieces = {self._shape.place(chunk, path) for kind, _, path in texts if kind in (PIECE, SCRIPT)}
        ended = [place for place in self._running if self._shape.ends(chunk, place)]
        before = [more for place in ended if place not in pieces for more in await self._end(place)]
        for kind, text, path in texts:
            if kind in (PIECE, SCRIPT):
                made.append(await self._piece(kind, text, chunk, path))
            else:
                made.append(await self._whole(self._shape.kind(kind, chunk, path), text))
        again = iter(made)
        sieved = walk_reply(chunk, self._shape.spec, lambda *_: next(again))
        return [*before, sieved] if sieved is not None else before

    async def rest(self) -> list[Chunk]:
        """What is held back of texts that nothing ended."""
        return [more for place in list(self._running) for more in await self._end(place)]

    def _texts(self, chunk: Chunk) -> list[tuple[Kind, str, Path]]:
        texts: list[tuple[Kind, str, Path]] = []

        def note(kind: Kind, text: str, path: Path) -> str:
            texts.append((kind, text, path))
            return text

        walk_reply(chunk, self._shape.spec, note)
        return texts

    async def _piece(self, kind: Kind, text: str, chunk: Chunk, path: Path) -> str:
        place = self._shape.place(chunk, path)
        assert place is not None, "a running text has a place"
        running = self._running.get(place)
        if running is None:
            if len(self._running) >= MOST_RUNNING:
                raise OverflowError("texts running at once")
            kind = self._shape.kind(kind, chunk, path)
            running = self._running[place] = _Running(kind, self._make(kind), chunk, path)
        running.chunk, running.path = chunk, path
        made = await running.feed(text)
        if self._shape.ends(chunk, place):
            made += await self._close(place)
        return made

    async def _whole(self, kind: Kind, text: str) -> str:
        known = self._known.get((kind is JSON, text))
        if known is not None:
            return known
        sieve = self._make(kind)
        return await sieve.feed(text) + await sieve.flush()

    async def _end(self, place: Place) -> list[Chunk]:
        running = self._running[place]
        held = await self._close(place)
        return [self._shape.more(running.chunk, running.path, held)] if held else []

    async def _close(self, place: Place) -> str:
        running = self._running.pop(place)
        held = await running.flush()
        self._known[running.kind is SCRIPT, "".join(running.came)] = "".join(running.made)
        return held
