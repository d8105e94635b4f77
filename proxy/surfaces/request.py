"""What a request of any dialect offers: its texts to search, its facts to decide on, a masked copy to send.

A dialect is a subclass: it names its table of fields, says what a request of it must hold, what its replies
look like, and how a reply and an error are written for its clients. Knows nothing of HTTP, providers or the ledger.
"""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import UnionType
from typing import Any, ClassVar, Literal, Self

from audit.model import EgressState
from policies.days import day_of
from policies.decide import Policy
from policies.model import (
    ATTACHMENT,
    Ask,
    Attachment,
    Bilingual,
    DestinationTier,
    EntityFact,
    QuotaState,
    Verdict,
)
from proxy.callers import Caller, Declared
from proxy.errors import Problem
from proxy.found import Findings, counted, facts_of, pairs, persons
from proxy.kinds import ID, NUMBER, ORIGINAL, SEALED, TEXT, WORD, Kind, Spec
from proxy.laid_open import LaidOpen, Leaf
from proxy.surfaces.appended import appended
from proxy.surfaces.attachments import attached
from proxy.surfaces.notices import without_lines
from proxy.surfaces.reply import Chunk, ReplyShape, restoring, through
from proxy.surfaces.tools import NO_TOOLS, Offered, named, offered
from proxy.surfaces.transcript import Transcript
from proxy.surfaces.tried import Try
from proxy.walk import walk
from proxy.wire import dumps, loads
from redaction.encoded import opened
from redaction.model import Finding
from redaction.vault import PLACEHOLDER, Vault

_AS_IT_CAME = (ID, SEALED, ORIGINAL)
"""Kinds that go as they came or not at all."""

_AT_ONCE = 500
"""Characters whose words are looked for in less than a millisecond (takatsuki, 2026-11); more, in a thread."""

Dialect = Literal["chat", "responses", "messages", "count_tokens", "embeddings", "transcriptions"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What an answer came to, as its record tells it; ``yen`` None where no price was agreed."""

    tokens: int
    yen: str | None


@dataclass(slots=True)
class Masked:
    """What may leave: the masked body, and the masked text that the ledger keeps.

    ``others`` are models that may be asked in its place, in order, when the first one fails; ``tried`` are
    those that were asked, each time anew. ``egress`` is what the ledger says of it once it left. ``sent``
    becomes True as the model is asked: from then on a byte may have left. ``persons`` are the different
    persons that are masked in it, ``characters`` those of its texts, masked. ``told`` is the HTTP status that
    the caller has been given, None until then. ``spent`` is known once an answer is over.
    """

    dialect: Dialect
    body: dict[str, Any] = field(repr=False)
    text: str = field(repr=False)
    model: str
    stream: bool
    egress: EgressState
    others: tuple[str, ...] = ()
    sent: bool = False
    persons: int = 0
    characters: int = 0
    tools: Offered = NO_TOOLS
    tried: list[Try] = field(default_factory=list)
    told: int | None = None
    spent: Spent | None = None

    @property
    def trying(self) -> Try | None:
        """The try that runs, or the last one."""
        return self.tried[-1] if self.tried else None

    @property
    def asked(self) -> str | None:
        """The model that was asked last."""
        return self.tried[-1].model if self.tried else None

    @property
    def tries(self) -> int:
        """How often a model was asked in all."""
        return len(self.tried)


@dataclass(slots=True)
class Request(ABC):
    """One request as the caller sent it. ``texts`` are its strings, laid open in a fixed order.

    ``left_out`` are the fields that nobody listed, left out because the caller's key wants it so; None where
    such a field is refused. ``notices`` are the ids of the rules whose notice the caller is shown, ``masked``
    what may leave; both are filled on the way. ``accounted``: its `asked` record has been handed to the ledger.
    ``called`` is what its tools are called; ``worded`` remembers which words were found in it.
    """

    dialect: ClassVar[Dialect]
    table: ClassVar[Spec]
    required: ClassVar[tuple[str, ...]]
    turns: ClassVar[str] = ""
    """The field that holds the conversation so far, where there is one."""

    id: str
    body: dict[str, Any] = field(repr=False)
    declared: Declared = field(repr=False)
    destination: DestinationTier
    strings: LaidOpen = field(repr=False)
    texts: list[str] = field(repr=False)
    left_out: tuple[str, ...] | None = None
    called: tuple[str, ...] = field(default=(), repr=False)
    worded: dict[tuple[str, date], tuple[str, ...]] = field(default_factory=dict, repr=False)
    notices: tuple[str, ...] = ()
    masked: Masked | None = None
    accounted: bool = False

    @classmethod
    def read(
        cls,
        id: str,
        raw: bytes,
        declared: Declared,
        destination_of: Callable[[str], DestinationTier],
        drop_unknown: bool = False,
        content_type: str = "application/json",
    ) -> Self:
        """Read one request body. Raises `Problem` 400 that says what is wrong and where."""
        strings = LaidOpen()
        strings.note(TEXT, declared.purpose or "", "purpose")
        dropped: list[str] | None = [] if drop_unknown else None
        try:
            body = cls.parsed(raw, content_type)
            if not isinstance(body, dict):
                raise ValueError("not an object")
            body = without_lines(body)
            listed = walk(body, cls.table, strings.note, dropped)
        except (ValueError, RecursionError):
            raise cls.unreadable() from None
        require(body, "model", str)
        cls.check(body)
        left_out = None if dropped is None else tuple(dropped)
        tier = destination_of(body["model"])
        return cls(id, body, declared, tier, strings, strings.texts, left_out, named(listed))

    @classmethod
    def parsed(cls, raw: bytes, content_type: str) -> Any:
        """The request's body as JSON values. Raises ValueError."""
        return loads(raw)

    @classmethod
    def unreadable(cls) -> Problem:
        """What is said of a body that cannot be parsed."""
        return Problem(
            400,
            "invalid_json",
            Bilingual("要求がJSONとして読めません。", "The request body is not readable JSON."),
        )

    @classmethod
    @abstractmethod
    def check(cls, body: Mapping[str, Any]) -> None:
        """Raises `Problem` 400 where a body of known fields is still no request of this dialect."""

    @abstractmethod
    def shape(self) -> ReplyShape:
        """What the replies to this request look like."""

    def restored(self, answer: AsyncGenerator[Chunk], vault: Vault, line: str = "") -> AsyncGenerator[Chunk]:
        """The reply with the values put back, and ``line`` behind it where it may stand. Whoever iterates this closes it."""
        reply = through(self.shape(), answer, restoring(vault))
        return appended(self.shape(), reply, line) if line and self.takes_line else reply

    @property
    def takes_line(self) -> bool:
        """Whether a line in Japanese may stand behind the answer: see `is_for_a_person`."""
        return False

    def witness(self) -> Transcript:
        """A new witness of a reply: what of it the ledger keeps."""
        return Transcript(self.shape(), self.masked.tools if self.masked else NO_TOOLS)

    @property
    def spoken(self) -> str:
        """The dialect as a rule names it."""
        return self.dialect

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def stream(self) -> bool:
        return False

    def tier(self, verdict: Verdict) -> DestinationTier:
        """The destination that counts: the stricter of the route's and the registry's."""
        return verdict.derived.destination if verdict.derived else self.destination

    def may_go_to(self, tier: DestinationTier) -> bool:
        """Whether a request of this dialect may go to such a destination at all, whatever the policy says."""
        return True

    @property
    def masks_reply(self) -> bool:
        """Whether personal data that the model itself utters is masked. False: it is only counted."""
        return True

    @property
    def characters(self) -> int:
        return self.strings.characters

    def shown(self, chunk: Chunk) -> Chunk | None:
        """The chunk as this caller wants it, or None for one that only we asked for."""
        return chunk

    def written(self, chunk: Chunk) -> tuple[str, bytes]:
        """A plain reply for this caller: its content type and its bytes."""
        return "application/json", dumps(chunk).encode()

    def event(self, chunk: Chunk) -> bytes:
        """One chunk of a streamed reply for this caller."""
        return f"data: {dumps(chunk)}\n\n".encode()

    def end(self) -> bytes:
        """What comes after the last chunk."""
        return b"data: [DONE]\n\n"

    @classmethod
    def told(cls, problem: Problem, id: str) -> dict[str, Any]:
        """A problem as the dialect's clients expect it: OpenAI's error object."""
        return problem.body(id)

    @classmethod
    def told_in_stream(cls, problem: Problem, id: str) -> bytes:
        """A problem after the first byte: an event that makes the official clients raise."""
        return f"data: {dumps(cls.told(problem, id))}\n\n".encode()

    def facts(self, findings: Findings) -> tuple[EntityFact, ...]:
        """What was found by type and evidence, and what cannot be searched."""
        originals = len(self.strings.originals)
        attached = (EntityFact(ATTACHMENT, "pattern", originals),) if originals else ()
        return (*facts_of(self.texts, findings), *attached)

    def counted(self, findings: Findings) -> Counter[str]:
        """How many different data of each type, and how many originals."""
        return counted(self.texts, findings) + Counter({ATTACHMENT: len(self.strings.originals)})  # no zeros

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """What cannot be searched, by kind."""
        return attached(self.body, self.strings.originals)

    def tools(self, findings: Findings) -> Offered:
        """The tools that the model may call; those without a name that may be kept are counted."""
        if not self.called:
            return NO_TOOLS
        leaves = zip(self.strings.leaves, self.strings.dealt(findings), strict=True)
        found_in = {self._written(leaf) for leaf, here in leaves if here}
        return offered(self.called, found_in)

    async def read_words(self, policy: Policy, at: datetime) -> None:
        """Look for the policy's words ahead of `ask`, in a thread where the text is long."""
        if self.characters > _AT_ONCE:
            await asyncio.to_thread(self.words, policy, at)

    def words(self, policy: Policy, at: datetime) -> tuple[str, ...]:
        """The word lists that occur in it, also in what stands in base64; looked for once for each policy and day."""
        if not policy.word_lists:
            return ()
        on = day_of(at)
        if (policy.digest, on) not in self.worded:
            texts = [*self.texts, *(inner for text in self.texts for inner in opened(text))]
            self.worded[policy.digest, on] = policy.words(texts, on)
        return self.worded[policy.digest, on]

    def ask(
        self,
        caller: Caller,
        findings: Findings,
        at: datetime,
        policy: Policy,
        quota: QuotaState = "unlimited",
    ) -> Ask:
        """The facts that a policy may look at. ``at`` is timezone-aware."""
        tools = self.tools(findings)
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
            dialect=self.spoken,
            model=self.model,
            destination=self.destination,
            category=self.declared.category,
            declared_class=self.declared.confidentiality_class,
            entities=self.facts(findings),
            characters=self.characters,
            at=at,
            role=caller.role,
            address=caller.address,
            consented=caller.consented,
            audience=caller.audience,
            purpose=bool((self.declared.purpose or "").strip()),
            use_case=self.declared.use_case,
            persons=persons(self.texts, findings),
            pairs=pairs(self.texts, findings),
            words=self.words(policy, at),
            attachments=self.attachments,
            tools=tools.names,
            tools_unnamed=tools.unnamed,
            quota=quota,
        )

    def rest(self, gone: Collection[str]) -> Self:
        """The same request without these units (units.py), laid open anew. It is decided on and never sent."""
        turns = self.body.get(self.turns)
        body = {name: value for name, value in self.body.items() if name not in gone}
        if isinstance(turns, list) and self.turns in body:
            body[self.turns] = [turn for n, turn in enumerate(turns) if f"{self.turns}[{n}]" not in gone]
        declared = replace(self.declared, purpose=None) if "purpose" in gone else self.declared
        strings = LaidOpen()
        strings.note(TEXT, declared.purpose or "", "purpose")
        listed = walk(body, self.table, strings.note, None if self.left_out is None else [])
        kind = type(self)
        return kind(
            self.id, body, declared, self.destination, strings, strings.texts, self.left_out, named(listed)
        )

    def mask(self, findings: Findings, verdict: Verdict, vault: Vault) -> Masked:
        """Every hidden finding replaced. Raises `Problem` where one stands in a field that cannot be masked."""
        self.allow_originals(verdict)
        (purpose, *strings), (found_in_purpose, *found) = self._leaves(findings)
        masked = [vault.mask(text, here, verdict.hides) for text, here in zip(strings, found, strict=True)]
        renewed = iter(masked)

        def renew(kind: Kind, text: str, path: str) -> str:
            new = next(renewed)
            return text if kind in _AS_IT_CAME else new

        body = self.sent(walk(self.body, self.table, renew, None if self.left_out is None else []))
        purpose = vault.mask(purpose, found_in_purpose, verdict.hides)
        self.masked = Masked(
            self.dialect,
            body,
            dumps({"purpose": purpose or None, "request": self.kept(body)}),
            self.model,
            self.stream,
            _egress(self.counted(findings), verdict.revealed),
            persons=_persons(vault),
            characters=len(purpose) + sum(map(len, masked)),
            tools=self.tools(findings),
        )
        return self.masked

    def sent(self, body: dict[str, Any]) -> dict[str, Any]:
        """The masked body with what the checkpoint itself asks of the model's server."""
        return body

    def allow_originals(self, verdict: Verdict) -> None:
        """Raises `Problem` where something that cannot be searched may not leave as it is."""
        if self.strings.originals and verdict.hides(ATTACHMENT):
            raise _cannot_be_searched(self.strings.originals[0])

    def kept(self, body: dict[str, Any]) -> Any:
        """The masked body as the ledger keeps it: of an original only its digest."""
        if not self.strings.originals:
            return body
        return walk(body, self.table, lambda kind, text, _: _digest(text) if kind is ORIGINAL else text)

    def _leaves(self, findings: Findings) -> tuple[list[str], list[list[Finding]]]:
        """Every string with the findings in it. Raises `Problem` for one that cannot be masked."""
        found = self.strings.dealt(findings)
        for leaf, here in zip(self.strings.leaves, found, strict=True):
            if here and leaf.kind in (WORD, NUMBER, *_AS_IT_CAME):
                raise Problem(
                    400,
                    "personal_data_in_field",
                    Bilingual(
                        f"{leaf.path} に個人情報らしい値があります。ここは伏せ字にできないため送信しませんでした。",
                        f"{leaf.path} holds what looks like personal data and cannot be masked; nothing was sent.",
                    ),
                    param=leaf.path,
                )
        return [self._written(leaf) for leaf in self.strings.leaves], found

    def _written(self, leaf: Leaf) -> str:
        return self.texts[leaf.sheet][leaf.start : leaf.end]


def may_stream(body: Mapping[str, Any]) -> None:
    """Raises `Problem` 400 where ``stream`` is neither true nor false."""
    if not isinstance(body.get("stream", False), bool | None):
        raise Problem(
            400,
            "invalid_type",
            Bilingual("stream は true か false にしてください。", "stream must be true or false."),
            param="stream",
        )


def require(body: Mapping[str, Any], name: str, kind: type | UnionType) -> None:
    """Raises `Problem` 400 where a field is missing, empty or of another type."""
    if not isinstance(body.get(name), kind) or not body[name]:
        raise Problem(
            400,
            "missing_field",
            Bilingual(f"{name} が必要です。", f"{name} is required."),
            param=name,
        )


def _egress(found: Counter[str], revealed: frozenset[str]) -> EgressState:
    """masked, partly_unmasked or unmasked: by which of the types found a rule revealed."""
    if not revealed & set(found):
        return "masked"
    return "unmasked" if set(found) <= revealed else "partly_unmasked"


def _persons(vault: Vault) -> int:
    """How many placeholders stand for a person. An estimate: 山田 and 山田太郎 are two."""
    marks = filter(None, map(PLACEHOLDER.fullmatch, vault.values))
    return sum(mark["label"] == "PERSON" for mark in marks)


def _cannot_be_searched(path: str) -> Problem:
    return Problem(
        400,
        "unsupported_content",
        Bilingual(
            f"{path}: 画像・音声・ファイル・URLは中身を検査できないため送れません。文章だけにしてください。",
            f"{path}: images, sound, files and web addresses cannot be checked and are not sent. Send text only.",
        ),
        param=path,
    )


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
