"""OpenAI embeddings: texts in, one vector for each. The vector is of the masked text.

A placeholder's number depends on the order of the texts and its tag on the caller: the same name in two
requests may lie in two places. Good for what a text is about, useless for finding a person, and meant so.
Knows the dialect and nothing of HTTP, providers or the ledger.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from policies.model import Bilingual
from proxy.errors import Problem
from proxy.fields import EMBEDDINGS_REPLY, EMBEDDINGS_REQUEST, walk_reply
from proxy.surfaces.request import Chunk, Request, require
from redaction.vault import Vault

FORMATS = (None, "float", "base64")
"""How a vector may be written; official clients ask for base64 when the caller says nothing."""


class EmbeddingsRequest(Request):
    """One request for the vectors of one text or several."""

    __slots__ = ()
    dialect = "embeddings"
    table = EMBEDDINGS_REQUEST

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

    async def restored(self, answer: AsyncGenerator[Chunk], vault: Vault) -> AsyncGenerator[Chunk]:
        """The reply as it is, without fields that are not listed: in a vector there is nothing to put back."""
        async with aclosing(answer):
            async for chunk in answer:
                yield walk_reply(chunk, EMBEDDINGS_REPLY, lambda kind, text, path: text)

    def witness(self) -> "Count":
        return Count()


class Count:
    """How many vectors came. A vector is no text, but a text can be guessed from one: none is kept."""

    def __init__(self) -> None:
        self._vectors = 0

    def saw(self, chunk: Chunk) -> None:
        self._vectors += len(chunk["data"])

    def text(self) -> None:
        return None

    def facts(self) -> dict[str, Any]:
        return {"vectors": self._vectors}
