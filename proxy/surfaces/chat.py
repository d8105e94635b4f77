"""OpenAI chat completions: one request read, its texts laid open, masked, and the reply restored.

Knows the dialect and nothing of HTTP, providers or the ledger.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from policies.model import Ask, Bilingual, DestinationTier, EntityFact, Verdict
from proxy.callers import Caller, Declared
from proxy.errors import Problem
from proxy.fields import (
    CHAT_REPLY,
    CHAT_REQUEST,
    JSON,
    NUMBER,
    TEXT,
    WORD,
    Kind,
    Path,
    place_of,
    walk,
    walk_reply,
)
from proxy.laid_open import LaidOpen
from proxy.wire import dumps, loads
from redaction.model import IRREVERSIBLE, Finding
from redaction.restore import Restorer, as_is, json_escaped
from redaction.vault import Vault

Chunk = dict[str, Any]
"""One piece of a reply in the dialect's own JSON; a plain reply is a stream of one chunk."""
Findings = Sequence[Sequence[Finding]]


@dataclass(slots=True)
class Masked:
    """What may leave: the masked body, and the masked text that the ledger keeps.

    ``sent`` becomes True as the model is asked: from then on a byte may have left.
    """

    body: dict[str, Any] = field(repr=False)
    text: str = field(repr=False)
    model: str
    stream: bool
    sent: bool = False


@dataclass(slots=True)
class ChatRequest:
    """One request as the caller sent it. ``texts`` are its strings, laid open in a fixed order.

    ``notices`` are the ids of the rules whose notice the caller is shown, ``masked`` what may leave;
    both are filled on the way.
    """

    id: str
    body: dict[str, Any] = field(repr=False)
    declared: Declared = field(repr=False)
    destination: DestinationTier
    strings: LaidOpen = field(repr=False)
    texts: list[str] = field(repr=False)
    notices: tuple[str, ...] = ()
    masked: Masked | None = None
    dialect = "chat"
    operation = "chat"

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def wants_json(self) -> bool:
        """Whether the reply's content is to be JSON, in which a value must be written escaped."""
        wanted = self.body.get("response_format")
        return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts))

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
        body = walk(self.body, CHAT_REQUEST, lambda kind, text, path: next(renewed))
        if self.stream:
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        kept = {"purpose": vault.mask(purpose, found_in_purpose, verdict.hides) or None, "request": body}
        self.masked = Masked(body, dumps(kept), self.model, self.stream)
        return self.masked

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


def read(
    id: str, raw: bytes, declared: Declared, destination_of: Callable[[str], DestinationTier]
) -> ChatRequest:
    """Read one request body. Raises `Problem` 400 that says what is wrong and where."""
    strings = LaidOpen()
    strings.note(TEXT, declared.purpose or "", "purpose")
    try:
        body = loads(raw)
        if not isinstance(body, dict):
            raise ValueError("not an object")
        walk(body, CHAT_REQUEST, strings.note)
    except (ValueError, RecursionError):
        raise Problem(
            400,
            "invalid_json",
            Bilingual("要求がJSONとして読めません。", "The request body is not readable JSON."),
        ) from None
    _require(body, "model", str)
    _require(body, "messages", list)
    if not isinstance(body.get("stream", False), bool | None):
        raise Problem(
            400,
            "invalid_type",
            Bilingual("stream は true か false にしてください。", "stream must be true or false."),
            param="stream",
        )
    return ChatRequest(id, body, declared, destination_of(body["model"]), strings, strings.texts)


def _require(body: dict[str, Any], name: str, kind: type) -> None:
    if not isinstance(body.get(name), kind) or not body[name]:
        raise Problem(
            400,
            "missing_field",
            Bilingual(f"{name} が必要です。", f"{name} is required."),
            param=name,
        )


def counted(texts: Sequence[str], findings: Findings) -> Counter[str]:
    """How many different data of each type: ``{"PERSON": 3}``. Irreversible ones are counted, not compared."""
    return Counter(label for label, _ in _distinct(texts, findings))


def facts_of(texts: Sequence[str], findings: Findings) -> tuple[EntityFact, ...]:
    """The same by type and evidence, as a policy wants it."""
    counts = Counter(_distinct(texts, findings))
    return tuple(EntityFact(label, evidence, n) for (label, evidence), n in sorted(counts.items()))


_STRENGTH = {name: rank for rank, name in enumerate(
    ("repeat", "checksum", "context", "dictionary", "pattern", "cue", "both"))}  # fmt: skip


def _distinct(texts: Sequence[str], findings: Findings) -> Iterator[tuple[str, str]]:
    """Type and evidence of every value, the strongest evidence it has anywhere: what is a password in one
    message is one in all. Irreversible ones are not compared."""
    best: dict[tuple[str, str], str] = {}
    for text, found in zip(texts, findings, strict=True):
        for f in found:
            if f.label in IRREVERSIBLE:
                yield f.label, f.evidence
                continue
            value = (f.label, text[f.start : f.end])
            known = best.get(value, f.evidence)
            best[value] = max(known, f.evidence, key=lambda evidence: _STRENGTH.get(evidence, 0))
    for (label, _), evidence in best.items():
        yield label, evidence


def shown(chunk: Chunk, request: ChatRequest) -> Chunk | None:
    """The chunk as this caller wants it: usage, which we always ask for, only where they asked for it too."""
    if request.wants_usage or not request.stream:
        return chunk
    if not chunk.get("choices"):
        return None
    return {name: value for name, value in chunk.items() if name != "usage"}


async def restored(
    answer: AsyncGenerator[Chunk], vault: Vault, as_json: bool = False
) -> AsyncGenerator[Chunk]:
    """The reply with the values put back, chunk by chunk; only a possible placeholder's start waits.

    ``as_json``: the content itself is JSON, so that a value is written escaped in it.
    """
    restorers: dict[Path, Restorer] = {}

    def put_back(kind: Kind, text: str, path: Path) -> str:
        restorer = restorers.get(path)
        if restorer is None:
            escaped = kind is JSON or (as_json and path[-1] == "content")
            restorer = restorers[path] = Restorer(vault, json_escaped if escaped else as_is)
        return restorer.feed(text)

    last: Chunk = {}
    async with aclosing(answer):
        async for chunk in answer:
            last = walk_reply(chunk, CHAT_REPLY, put_back)
            for position, choice in enumerate(last.get("choices") or []):
                if choice.get("finish_reason") or "message" in choice:
                    _finish(choice, place_of(choice, position), restorers)
            yield last
    cut_short = [_held_back(place, restorers) for place in sorted({int(path[1]) for path in restorers})]
    if any("delta" in choice for choice in cut_short):
        yield {**last, "choices": [choice for choice in cut_short if "delta" in choice]}


def _held_back(place: int, restorers: dict[Path, Restorer]) -> dict[str, Any]:
    """What is left of a choice that the model never finished, as one more piece of it."""
    choice: dict[str, Any] = {"index": place, "finish_reason": None}
    _finish(choice, place, restorers)
    return choice


def _finish(choice: dict[str, Any], place: int, restorers: dict[Path, Restorer]) -> None:
    """Append what was held back for this choice: it can become nothing any more."""
    for path in [path for path in restorers if path[1] == place]:
        text = restorers.pop(path).flush()
        if text:
            part, *inside = path[2:]
            choice[str(part)] = _append(choice.get(str(part)), inside, text)


def _append(value: Any, path: Sequence[str | int], text: str) -> Any:
    """``value`` with ``text`` added at ``path``; parts of lists are found by their ``index``."""
    if not path:
        return (value or "") + text
    head, *rest = path
    if isinstance(head, str):
        return {**(value or {}), head: _append((value or {}).get(head), rest, text)}
    parts = list(value or [])
    for i, part in enumerate(parts):
        if part.get("index", i) == head:
            parts[i] = _append(part, rest, text)
            return parts
    return [*parts, _append({"index": head}, rest, text)]
