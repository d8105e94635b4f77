"""Every field of the official clients' own types has an entry in the tables of fields.py.

Walks a type of `openai` or `anthropic` and one of our tables side by side. A new release of a client that
knows a new field, a new kind of message part or a new event fails here, with the full path of it.
"""

import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from typing import Annotated, Any, Literal, get_args, get_origin

import anthropic.types as messages
import openai.types as embeddings
import openai.types.audio as audio
import openai.types.chat as chat
import openai.types.responses as responses
import pytest
import typing_extensions
from anthropic.types.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParams
from openai.types.audio.transcription_create_params import TranscriptionCreateParams
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses.response_create_params import ResponseCreateParams
from pydantic import BaseModel

from proxy import fields
from proxy.kinds import (
    COUNTS,
    DEEP,
    DROPPED,
    FREE,
    ORIGINAL,
    REFUSED,
    TEXT,
    VECTOR,
    WHOLE,
    Either,
    Kind,
    OneOf,
    Spec,
)

REQUESTS = {
    "chat request": (CompletionCreateParams, fields.CHAT_REQUEST),
    "responses request": (ResponseCreateParams, fields.RESPONSES_REQUEST),
    "messages request": (MessageCreateParams, fields.MESSAGES_REQUEST),
    "count request": (MessageCountTokensParams, fields.COUNT_REQUEST),
    "embeddings request": (embeddings.EmbeddingCreateParams, fields.EMBEDDINGS_REQUEST),
    "transcriptions request": (TranscriptionCreateParams, fields.TRANSCRIPTIONS_REQUEST),
}
REPLIES = {
    "chat reply": (chat.ChatCompletion, fields.CHAT_REPLY),
    "chat events": (chat.ChatCompletionChunk, fields.CHAT_EVENTS),
    "responses reply": (responses.Response, fields.RESPONSES_REPLY),
    "responses events": (responses.ResponseStreamEvent, fields.RESPONSES_EVENTS),
    "messages reply": (messages.Message, fields.MESSAGES_REPLY),
    "messages events": (messages.RawMessageStreamEvent, fields.MESSAGES_EVENTS),
    "count reply": (messages.MessageTokensCount, fields.COUNT_REPLY),
    "embeddings reply": (embeddings.CreateEmbeddingResponse, fields.EMBEDDINGS_REPLY),
    "transcriptions reply": (audio.TranscriptionCreateResponse, fields.TRANSCRIPTIONS_REPLY),
    "transcriptions events": (audio.TranscriptionStreamEvent, fields.TRANSCRIPTIONS_EVENTS),
}

EXTRAS = {
    "chat request": {
        "messages[].annotations",  # a reply's message comes back as it was given
        "messages[].parsed",
        "messages[].reasoning",
        "messages[].reasoning_content",
        "messages[].tool_calls[].function.parsed_arguments",
        "messages[].tool_calls[].index",
        "min_p",
        "repetition_penalty",
        "top_k",
    },
    "responses request": {
        "input[].apply_patch_call.created_by",  # a reply's items come back as they were given
        "input[].compaction.created_by",
        "input[].custom_tool_call.status",
        "input[].function_call.parsed_arguments",
        "input[].message.content[].output_text.parsed",
        "input[].shell_call.created_by",
        "min_p",
        "repetition_penalty",
        "top_k",
    },
    "messages request": {"context_management", "mcp_servers", "temperature", "top_k", "top_p"},
    "count request": {"context_management", "mcp_servers"},
}
"""What a request may hold although the official types do not know it: other vendors' fields, older and beta ones."""


# ── the official types ────────────────────────────────────────────────────────────────────────────

REQUIRED = (typing.Required, typing_extensions.Required)
NOT_REQUIRED = (typing.NotRequired, typing_extensions.NotRequired)


def members(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation, without None and without what only decorates it."""
    origin = get_origin(annotation)
    if origin in (Annotated, *REQUIRED, *NOT_REQUIRED):
        yield from members(get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for one in get_args(annotation):
            yield from members(one)
    elif annotation is not type(None):
        yield annotation


def is_object(member: Any) -> bool:
    """Whether it has named fields: a TypedDict or a pydantic model."""
    return typing_extensions.is_typeddict(member) or (
        isinstance(member, type) and issubclass(member, BaseModel)
    )


def fields_of(member: Any) -> Mapping[str, Any]:
    """The fields of an object as they are named in JSON, and their annotations."""
    if typing_extensions.is_typeddict(member):
        return typing_extensions.get_type_hints(member, include_extras=True)
    return {known.alias or name: known.annotation for name, known in member.model_fields.items()}


def json_type(member: Any) -> str:
    """What a member is in JSON: object, list, string, number, or anything."""
    origin = get_origin(member) or member
    if is_object(member) or origin in (dict, Mapping):
        return "object"
    if origin is Literal:
        return "string" if isinstance(get_args(member)[0], str) else "number"
    if origin in (list, Iterable, Sequence) or getattr(origin, "__name__", "") == "SequenceNotStr":
        return "list"
    if origin in (str, bytes, datetime, PathLike):
        return "string"
    return "number" if origin in (int, float, bool) else "anything"


def names_of(member: Any, by: str) -> Iterator[str | None]:
    """The values of the field that says which shape an object has; None where it may be missing."""
    annotation = fields_of(member).get(by)
    if annotation is None:
        yield None
        return
    for one in members(annotation):
        yield from get_args(one) if get_origin(one) is Literal else [None]
    if not is_required(member, by):
        yield None


def is_required(member: Any, name: str) -> bool:
    """Not from ``__required_keys__``: that is wrong where annotations are strings."""
    if not typing_extensions.is_typeddict(member):
        return member.model_fields[name].is_required()
    origin = get_origin(fields_of(member)[name])
    return origin in REQUIRED or (member.__total__ and origin not in NOT_REQUIRED)


# ── side by side with a table ─────────────────────────────────────────────────────────────────────

ENDS = (COUNTS, DEEP, DROPPED, ORIGINAL, REFUSED, VECTOR)
"""These hold anything: there is nothing to compare below them."""


def fits(spec: Spec, kind: str) -> bool:
    """Whether a value of this JSON type may stand where the table has ``spec``."""
    if isinstance(spec, Either):
        return any(fits(one, kind) for one in spec.specs)
    if isinstance(spec, list):
        return kind == "list"
    if isinstance(spec, Mapping | OneOf):
        return kind == "object"
    if spec in ENDS:
        return True
    if spec is FREE:
        return kind == "number"
    return kind == "string" or (spec is WHOLE and kind == "list")


@dataclass
class Comparison:
    """One walk. What the types have and the table has not is a finding; what both have is remembered."""

    findings: list[str] = field(default_factory=list)
    known: dict[int, set[str]] = field(default_factory=dict)
    """By the id of an object of the table: the names that the types have for what is in it."""
    where: dict[int, tuple[str, Iterable[str]]] = field(default_factory=dict)
    """Its path, and the names that the table has."""
    walked: set[tuple[int, int]] = field(default_factory=set)
    """Each type is walked once with each object of the table, so that types that hold themselves end."""

    def at(self, annotation: Any, spec: Spec, path: str = "") -> None:
        for member in members(annotation):
            self._member(member, spec, path)

    def extras(self) -> set[str]:
        """The paths that only the table has."""
        return {
            _join(path, name)
            for key, (path, listed) in self.where.items()
            for name in listed
            if name not in self.known[key]
        }

    def _member(self, member: Any, spec: Spec, path: str) -> None:
        kind = json_type(member)
        if not fits(spec, kind):
            self.findings.append(f"{path or 'it'} may be {kind}, which the table does not take")
        elif isinstance(spec, Either):
            self._member(member, next(one for one in spec.specs if fits(one, kind)), path)
        elif isinstance(spec, list):
            self.at(get_args(member)[0], spec[0], f"{path}[]")
        elif isinstance(spec, Mapping | OneOf):
            if not is_object(member):
                self.findings.append(f"{path} may have any key, which the table does not take")
            elif (id(member), id(spec)) not in self.walked:
                self.walked.add((id(member), id(spec)))
                walk = self._one_of if isinstance(spec, OneOf) else self._object
                walk(member, spec, path)

    def _object(self, member: Any, spec: Mapping[str, Any], path: str) -> None:
        known = self._remember(spec, path, spec)
        for name, annotation in fields_of(member).items():
            known.add(name)
            if name in spec:
                self.at(annotation, spec[name], _join(path, name))
            else:
                self.findings.append(f"{_join(path, name)} has no entry")

    def _one_of(self, member: Any, spec: OneOf, path: str) -> None:
        known = self._remember(spec, path, spec.shapes)
        for said in names_of(member, spec.by):
            name = said or spec.default
            if name is None:
                self.findings.append(f"{path} may come without {spec.by}, and the table has no default")
                continue
            known.add(name)
            if name in spec.shapes:
                self._member(member, spec.shapes[name], _join(path, name))
            else:
                self.findings.append(f"{_join(path, name)} has no shape")

    def _remember(self, spec: Any, path: str, listed: Iterable[str]) -> set[str]:
        self.where.setdefault(id(spec), (path, listed))
        return self.known.setdefault(id(spec), set())


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def findings(dialect: str, official: Any, table: Spec) -> list[str]:
    """What a table lacks. With and without stream are two types: each finding once."""
    comparison = Comparison()
    comparison.at(official, table)
    return [f"{dialect}: {one}" for one in dict.fromkeys(comparison.findings)]


# ── the tests ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", [*REQUESTS, *REPLIES])
def test_every_official_field_has_an_entry(dialect: str) -> None:
    official, table = {**REQUESTS, **REPLIES}[dialect]
    assert findings(dialect, official, table) == []


@pytest.mark.parametrize("dialect", REQUESTS)
def test_a_request_lists_nothing_else(dialect: str) -> None:
    """An entry for a field that is gone would let through what nobody looks at any more."""
    comparison = Comparison()
    comparison.at(*REQUESTS[dialect])
    assert comparison.extras() == EXTRAS.get(dialect, set())


def without(spec: Any, *path: Any) -> Any:
    """A copy of a table that lacks one entry."""
    first, *rest = path
    if isinstance(spec, OneOf):
        return OneOf(without(spec.shapes, *path), spec.by, spec.default)
    if isinstance(spec, Either):
        return Either(*(one if isinstance(one, Kind) else without(one, *path) for one in spec.specs))
    if isinstance(spec, list):
        return [without(spec[0], *path)]
    if not rest:
        return {name: inner for name, inner in spec.items() if name != first}
    return {**spec, first: without(spec[first], *rest)}


@pytest.mark.parametrize(
    ("dialect", "path", "finding"),
    [
        ("chat request", ["stop"], "stop has no entry"),
        ("responses request", ["input", "reasoning"], "input[].reasoning has no shape"),
        (
            "responses request",
            ["input", "message", "content", "input_file", "detail"],
            "input[].message.content[].input_file.detail has no entry",
        ),
        ("messages request", ["tools", "bash_20250124"], "tools[].bash_20250124 has no shape"),
        (
            "messages events",
            ["content_block_delta", "delta", "text_delta", "text"],
            "content_block_delta.delta.text_delta.text has no entry",
        ),
        (
            "responses events",
            ["response.completed", "response", "output", "message", "role"],
            "response.completed.response.output[].message.role has no entry",
        ),
    ],
)
def test_the_walk_finds_a_missing_entry(dialect: str, path: list[str], finding: str) -> None:
    official, table = {**REQUESTS, **REPLIES}[dialect]
    assert findings(dialect, official, without(table, *path)) == [f"{dialect}: {finding}"]


@pytest.mark.parametrize(
    ("spec", "finding"),
    [
        (TEXT, "stop may be list, which the table does not take"),
        ([TEXT], "stop may be string, which the table does not take"),
        (Either(TEXT, [FREE]), "stop[] may be string, which the table does not take"),
    ],
)
def test_the_walk_finds_a_wrong_entry(spec: Spec, finding: str) -> None:
    table = {**fields.CHAT_REQUEST, "stop": spec}
    assert findings("chat request", CompletionCreateParams, table) == [f"chat request: {finding}"]


def test_the_walk_finds_a_missing_default() -> None:
    items = fields.RESPONSES_REQUEST["input"].specs[1][0]
    table = {**fields.RESPONSES_REQUEST, "input": Either(TEXT, [OneOf(items.shapes)])}
    assert set(findings("it", ResponseCreateParams, table)) == {
        "it: input[] may come without type, and the table has no default"
    }


def test_the_walk_finds_an_entry_too_many() -> None:
    comparison = Comparison()
    comparison.at(CompletionCreateParams, {**fields.CHAT_REQUEST, "wish": TEXT})
    assert comparison.extras() - EXTRAS["chat request"] == {"wish"}
