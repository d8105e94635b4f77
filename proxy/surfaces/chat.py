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
from proxy.fields import CHAT_REPLY, CHAT_REQUEST, JSON, WORD, Kind, Path, walk, walk_reply
from proxy.wire import dumps, loads
from redaction.model import IRREVERSIBLE, Finding
from redaction.restore import Restorer, as_is, json_escaped
from redaction.vault import Vault

Chunk = dict[str, Any]
"""One piece of a reply in the dialect's own JSON; a plain reply is a stream of one chunk."""
Findings = Sequence[Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Masked:
    """What may leave: the masked body, and the masked text that the ledger keeps."""

    body: dict[str, Any]
    text: str
    model: str
    stream: bool


@dataclass(slots=True)
class ChatRequest:
    """One request as the caller sent it. ``texts`` are all its strings, in a fixed order.

    ``notices`` are the ids of the rules whose notice the caller is shown; filled once decided.
    """

    id: str
    body: dict[str, Any] = field(repr=False)
    declared: Declared = field(repr=False)
    destination: DestinationTier
    texts: list[str] = field(repr=False)
    kinds: list[Kind]
    paths: list[str]
    notices: tuple[str, ...] = ()
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
        self._refuse_found_words(findings)
        masked = [
            vault.mask(text, found, verdict.hides) for text, found in zip(self.texts, findings, strict=True)
        ]
        purpose, strings = masked[0], iter(masked[1:])
        body = walk(self.body, CHAT_REQUEST, lambda kind, text, path: next(strings))
        if self.stream:
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        kept = {"purpose": purpose or None, "request": body}
        return Masked(body, dumps(kept), self.model, self.stream)

    def _refuse_found_words(self, findings: Findings) -> None:
        for kind, path, found in zip(self.kinds, self.paths, findings[1:], strict=True):
            if kind is WORD and found:
                raise Problem(
                    400,
                    "personal_data_in_field",
                    Bilingual(
                        f"{path} に個人情報らしい値があります。ここは伏せ字にできないため送信しませんでした。",
                        f"{path} holds what looks like personal data and cannot be masked; nothing was sent.",
                    ),
                    param=path,
                )


def read(
    id: str, raw: bytes, declared: Declared, destination_of: Callable[[str], DestinationTier]
) -> ChatRequest:
    """Read one request body. Raises `Problem` 400 that says what is wrong and where."""
    try:
        body = loads(raw)
        texts, kinds, paths = _strings_of(body)
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
    return ChatRequest(
        id, body, declared, destination_of(body["model"]), [declared.purpose or "", *texts], kinds, paths
    )


def _strings_of(body: Any) -> tuple[list[str], list[Kind], list[str]]:
    texts: list[str] = []
    kinds: list[Kind] = []
    paths: list[str] = []

    def note(kind: Kind, text: str, path: str) -> str:
        texts.append(text)
        kinds.append(kind)
        paths.append(path)
        return text

    if not isinstance(body, dict):
        raise ValueError("not an object")
    walk(body, CHAT_REQUEST, note)
    return texts, kinds, paths


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


def _distinct(texts: Sequence[str], findings: Findings) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    for text, found in zip(texts, findings, strict=True):
        for f in found:
            if f.label not in IRREVERSIBLE:
                value = (f.label, text[f.start : f.end])
                if value in seen:
                    continue
                seen.add(value)
            yield f.label, f.evidence


def shown(chunk: Chunk, request: ChatRequest) -> Chunk | None:
    """The chunk as this caller wants it: usage, which we always ask for, only where they asked for it too."""
    if request.wants_usage or not request.stream:
        return chunk
    if not chunk.get("choices"):
        return None
    return {name: value for name, value in chunk.items() if name != "usage"}


async def restored(answer: AsyncGenerator[Chunk], vault: Vault) -> AsyncGenerator[Chunk]:
    """The reply with the values put back, chunk by chunk; only a possible placeholder's start waits."""
    restorers: dict[Path, Restorer] = {}

    def put_back(kind: Kind, text: str, path: Path) -> str:
        restorer = restorers.get(path)
        if restorer is None:
            restorer = restorers[path] = Restorer(vault, json_escaped if kind is JSON else as_is)
        return restorer.feed(text)

    last: Chunk = {}
    async with aclosing(answer):
        async for chunk in answer:
            last = walk_reply(chunk, CHAT_REPLY, put_back)
            for position, choice in enumerate(last.get("choices") or []):
                if choice.get("finish_reason"):
                    _finish(choice, choice.get("index", position), restorers)
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
