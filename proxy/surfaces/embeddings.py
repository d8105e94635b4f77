"""OpenAI embeddings: texts in, one vector for each. The vector is of the masked text.

A placeholder's number depends on the order of the texts and its tag on the caller: the same name in two
requests may lie in two places. Good for what a text is about, useless for finding a person, and meant so.
A vector is no text, but a text can be guessed from one: none is kept.
Knows the dialect and nothing of HTTP, providers or the ledger.
"""

from collections.abc import Mapping
from typing import Any

from policies.model import Bilingual
from proxy.errors import Problem
from proxy.fields import EMBEDDINGS_REPLY, EMBEDDINGS_REQUEST
from proxy.surfaces.reply import Chunk, Counts, Place, ReplyShape
from proxy.surfaces.request import Request, require
from proxy.surfaces.transcript import Transcript
from proxy.walk import Path

FORMATS = (None, "float", "base64")
"""How a vector may be written; official clients ask for base64 when the caller says nothing."""


class EmbeddingsReply(ReplyShape):
    """A list of vectors: no text in it, and nothing to put back."""

    table = events = EMBEDDINGS_REPLY

    def place(self, chunk: Chunk, path: Path) -> Place | None:
        return None

    def ends(self, chunk: Chunk, place: Place) -> bool:
        return False

    def counts(self, chunk: Chunk) -> Counts:
        given, _ = super().counts(chunk)
        return given, 0  # no text was made, and servers do not say so


class EmbeddingsRequest(Request):
    """One request for the vectors of one text or several."""

    __slots__ = ()
    dialect = "embeddings"
    table = EMBEDDINGS_REQUEST
    required = ("model", "input")

    @classmethod
    def check(cls, body: Mapping[str, Any]) -> None:
        require(body, "input", str | list)
        if body.get("encoding_format") not in FORMATS:
            raise Problem(
                400,
                "invalid_value",
                Bilingual(
                    "encoding_format は float か base64 にしてください。",
                    "encoding_format must be float or base64.",
                ),
                param="encoding_format",
            )

    def shape(self) -> EmbeddingsReply:
        return EmbeddingsReply(stream=False)

    def witness(self) -> "Vectors":
        return Vectors(self.shape())


class Vectors(Transcript):
    """Counts the vectors instead of keeping texts."""

    keeps = False

    def __init__(self, shape: ReplyShape) -> None:
        super().__init__(shape)
        self._vectors = 0

    def saw(self, chunk: Chunk) -> None:
        super().saw(chunk)
        self._vectors += len(chunk["data"])

    @property
    def facts(self) -> dict[str, Any]:
        return {**super().facts, "vectors": self._vectors}
