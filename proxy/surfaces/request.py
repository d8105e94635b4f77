"""What a request of any dialect offers: its texts to search, its facts to decide on, a masked copy to send.

A dialect is a subclass: it names its table of fields, says what a request of it must hold, how a reply is
restored, and what the ledger keeps of one. Knows nothing of HTTP, providers or the ledger.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import UnionType
from typing import Any, ClassVar, Literal, Protocol, Self

from policies.model import Ask, Bilingual, DestinationTier, Verdict
from proxy.callers import Caller, Declared
from proxy.errors import Problem
from proxy.fields import NUMBER, TEXT, WORD, Spec, walk
from proxy.found import Findings, facts_of
from proxy.laid_open import LaidOpen
from proxy.wire import dumps, loads
from redaction.model import Finding
from redaction.vault import Vault

Dialect = Literal["chat", "embeddings"]
Chunk = dict[str, Any]
"""One piece of a reply in the dialect's own JSON; a plain reply is a stream of one chunk."""


class Witness(Protocol):
    """Sees a masked reply go by, and says what of it the ledger keeps."""

    def saw(self, chunk: Chunk) -> None: ...

    def text(self) -> str | None:
        """The masked reply as the ledger keeps it; None where a reply holds no text."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """What the ending says of the reply: no text."""
        ...


@dataclass(slots=True)
class Masked:
    """What may leave: the masked body, and the masked text that the ledger keeps.

    ``sent`` becomes True as the model is asked: from then on a byte may have left.
    """

    dialect: Dialect
    body: dict[str, Any] = field(repr=False)
    text: str = field(repr=False)
    model: str
    stream: bool
    sent: bool = False


@dataclass(slots=True)
class Request(ABC):
    """One request as the caller sent it. ``texts`` are its strings, laid open in a fixed order.

    ``notices`` are the ids of the rules whose notice the caller is shown, ``masked`` what may leave;
    both are filled on the way.
    """

    dialect: ClassVar[Dialect]
    table: ClassVar[Spec]

    id: str
    body: dict[str, Any] = field(repr=False)
    declared: Declared = field(repr=False)
    destination: DestinationTier
    strings: LaidOpen = field(repr=False)
    texts: list[str] = field(repr=False)
    notices: tuple[str, ...] = ()
    masked: Masked | None = None

    @classmethod
    def read(
        cls, id: str, raw: bytes, declared: Declared, destination_of: Callable[[str], DestinationTier]
    ) -> Self:
        """Read one request body. Raises `Problem` 400 that says what is wrong and where."""
        strings = LaidOpen()
        strings.note(TEXT, declared.purpose or "", "purpose")
        try:
            body = loads(raw)
            if not isinstance(body, dict):
                raise ValueError("not an object")
            walk(body, cls.table, strings.note)
        except (ValueError, RecursionError):
            raise Problem(
                400,
                "invalid_json",
                Bilingual("要求がJSONとして読めません。", "The request body is not readable JSON."),
            ) from None
        require(body, "model", str)
        cls.check(body)
        return cls(id, body, declared, destination_of(body["model"]), strings, strings.texts)

    @classmethod
    @abstractmethod
    def check(cls, body: Mapping[str, Any]) -> None:
        """Raises `Problem` 400 where a body of known fields is still no request of this dialect."""

    @abstractmethod
    def restored(self, answer: AsyncGenerator[Chunk], vault: Vault) -> AsyncGenerator[Chunk]:
        """The reply with the values put back. Whoever iterates this closes it."""

    @abstractmethod
    def witness(self) -> Witness:
        """A new witness of a reply in this dialect."""

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def stream(self) -> bool:
        return False

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))

    def shown(self, chunk: Chunk) -> Chunk | None:
        """The chunk as this caller wants it, or None for one that only we asked for."""
        return chunk

    def ask(self, caller: Caller, findings: Findings, at: datetime) -> Ask:
        """The facts that a policy may look at."""
        return Ask(
            person=caller.person,
            department=caller.department,
            section=caller.section,
            actor=caller.actor,
            identity=caller.identity,
            tool=caller.tool,
            enrolled=caller.enrolled,
            trained=caller.trained,
            acknowledged=caller.acknowledged,
            dialect=self.dialect,
            model=self.model,
            destination=self.destination,
            category=self.declared.category,
            declared_class=self.declared.confidentiality_class,
            entities=facts_of(self.texts, findings),
            characters=self.characters,
            at=at,
        )

    def mask(self, findings: Findings, verdict: Verdict, vault: Vault) -> Masked:
        """Every hidden finding replaced. Raises `Problem` where one stands in a field that cannot be masked."""
        (purpose, *strings), (found_in_purpose, *found) = self._leaves(findings)
        masked = [vault.mask(text, here, verdict.hides) for text, here in zip(strings, found, strict=True)]
        renewed = iter(masked)
        body = self.sent(walk(self.body, self.table, lambda kind, text, path: next(renewed)))
        kept = {"purpose": vault.mask(purpose, found_in_purpose, verdict.hides) or None, "request": body}
        self.masked = Masked(self.dialect, body, dumps(kept), self.model, self.stream)
        return self.masked

    def sent(self, body: dict[str, Any]) -> dict[str, Any]:
        """The masked body with what the checkpoint itself asks of the model's server."""
        return body

    def _leaves(self, findings: Findings) -> tuple[list[str], list[list[Finding]]]:
        """Every string with the findings in it. Raises `Problem` for one that cannot be masked."""
        found = self.strings.dealt(findings)
        for leaf, here in zip(self.strings.leaves, found, strict=True):
            if here and leaf.kind in (WORD, NUMBER):
                raise Problem(
                    400,
                    "personal_data_in_field",
                    Bilingual(
                        f"{leaf.path} に個人情報らしい値があります。ここは伏せ字にできないため送信しませんでした。",
                        f"{leaf.path} holds what looks like personal data and cannot be masked; nothing was sent.",
                    ),
                    param=leaf.path,
                )
        leaves = self.strings.leaves
        return [self.texts[leaf.sheet][leaf.start : leaf.end] for leaf in leaves], found


def require(body: Mapping[str, Any], name: str, kind: type | UnionType) -> None:
    """Raises `Problem` 400 where a field is missing, empty or of another type."""
    if not isinstance(body.get(name), kind) or not body[name]:
        raise Problem(
            400,
            "missing_field",
            Bilingual(f"{name} が必要です。", f"{name} is required."),
            param=name,
        )
