"""The answer of one exchange as the ledger keeps it: its texts by place, why it stopped, what it cost.

Sees the masked reply go by, chunk by chunk, and changes nothing. Knows no dialect by name.
"""

from collections.abc import Mapping
from typing import Any

from proxy.surfaces.reply import Chunk, Place, ReplyShape
from proxy.surfaces.tools import NO_TOOLS, Offered, called
from proxy.walk import word_or_none


class Transcript:
    """Put together from whatever came, also when a reply breaks off in the middle.

    ``keeps``: whether the ledger keeps the texts; where it does not they are only looked through.
    """

    keeps = True

    def __init__(self, shape: ReplyShape, tools: Offered = NO_TOOLS) -> None:
        self._shape = shape
        self._tools = tools
        self._calls: dict[Place, str] = {}
        self._texts: dict[Place, list[str]] = {}
        self._reasons: set[str] = set()
        self._maker: dict[str, str | None] = {}
        self.input: int | None = None
        self.output: int | None = None

    def is_last(self, chunk: Chunk) -> bool:
        """Whether the caller has the whole answer with this chunk."""
        return self._shape.is_last(chunk)

    def saw(self, chunk: Chunk) -> None:
        for place, text, piece in self._shape.spoken(chunk):
            if piece:
                self._texts.setdefault(place, []).append(text)
            else:
                self._texts[place] = [text]
        self._calls |= {place: name for place, name in self._shape.calls(chunk) if isinstance(name, str)}
        self._reasons |= {word_or_none(reason) or "?" for reason in self._shape.reasons(chunk) if reason}
        given, made = self._shape.counts(chunk)
        self.input = self.input if given is None else given
        self.output = self.output if made is None else made
        maker = self._shape.maker(chunk)
        for name, key in (("model_served", "model"), ("response_id", "id")):
            self._maker[name] = self._maker.get(name) or word_or_none(maker.get(key))

    @property
    def texts(self) -> Mapping[Place, str]:
        """Every text of the answer by its place, in order."""
        return {place: "".join(self._texts[place]) for place in sorted(self._texts)}

    @property
    def facts(self) -> dict[str, Any]:
        """What the ending says of the reply: no text."""
        calls = called(self._calls.values(), self._tools)
        return {**self._maker, "finish_reasons": sorted(self._reasons), **calls}
