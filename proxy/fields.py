"""Every field of every dialect, and what becomes of it. A field that is not listed is refused.

A table is written in the shape of the JSON it speaks of::

    {"messages": [{"role": WORD, "content": TEXT}]}

    TEXT     a string, or a list of them: masked on the way out, restored on the way back
    WHOLE    a string, or a list of strings that have nothing to do with each other: as TEXT, one by one
    JSON     a string that holds JSON (tool-call arguments): every string inside it likewise, escaped anew
    DEEP     any JSON: every string and every key in it likewise
    WORD     a short ASCII word that names a thing (role, type): goes as it is, refused if anything is found in it
    FREE     numbers, true, false, null: go as they are, refused if anything is found in a number's digits
    VECTOR   an embedding in a reply, as numbers or base64: nothing to restore
    REFUSED  this round does not carry it; null and false pass as absent

Knows nothing of detection, vaults or HTTP: `walk` calls back for every string that matters.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from policies.model import Bilingual
from proxy.errors import Problem
from proxy.wire import dumps, loads


class Kind(str):
    """A leaf of a table."""

    __slots__ = ()


TEXT: Final = Kind("text")
WHOLE: Final = Kind("whole")
JSON: Final = Kind("json")
DEEP: Final = Kind("deep")
WORD: Final = Kind("word")
FREE: Final = Kind("free")
VECTOR: Final = Kind("vector")
REFUSED: Final = Kind("refused")

KEY: Final = Kind("key")
VALUE: Final = Kind("value")
NUMBER: Final = Kind("number")

Spec = Kind | Mapping[str, Any] | list[Any]
Visit = Callable[[Kind, str, str], str]
"""``visit(kind, text, path) -> text``: TEXT, WHOLE, KEY and VALUE may be masked, WORD and NUMBER only looked at.

KEY, VALUE and NUMBER are the keys, strings and numbers inside one DEEP or JSON field, in their order;
their path is that field's.
"""
Path = tuple[str | int, ...]
VisitReply = Callable[[Kind, str, Path], str]
"""``visit(kind, text, path) -> text``: kind is TEXT or JSON (a piece of JSON text), path as in the reply."""

_PLAIN_KEY = re.compile(r"[a-z][a-z_]{0,40}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")

_FUNCTION: Spec = {"name": TEXT, "description": TEXT, "parameters": DEEP, "strict": FREE}
_TOOL_CALL: Spec = {
    "id": TEXT,
    "index": FREE,
    "type": WORD,
    "function": {"name": TEXT, "arguments": JSON},
}

CHAT_REQUEST: Spec = {
    "model": WORD,
    "messages": [
        {
            "role": WORD,
            "content": TEXT,
            "name": TEXT,
            "refusal": TEXT,
            "reasoning_content": TEXT,
            "tool_call_id": TEXT,
            "tool_calls": [_TOOL_CALL],
            "function_call": {"name": TEXT, "arguments": JSON},
            "annotations": REFUSED,
            "audio": REFUSED,
        }
    ],
    "stream": FREE,
    "stream_options": {"include_usage": FREE, "include_obfuscation": FREE},
    "n": FREE,
    "max_tokens": FREE,
    "max_completion_tokens": FREE,
    "temperature": FREE,
    "top_p": FREE,
    "top_k": FREE,
    "min_p": FREE,
    "repetition_penalty": FREE,
    "presence_penalty": FREE,
    "frequency_penalty": FREE,
    "seed": FREE,
    "stop": TEXT,
    "user": TEXT,
    "safety_identifier": TEXT,
    "prompt_cache_key": TEXT,
    "prompt_cache_options": DEEP,
    "prompt_cache_retention": WORD,
    "metadata": DEEP,
    "tools": [{"type": WORD, "function": _FUNCTION}],
    "functions": [_FUNCTION],
    "tool_choice": DEEP,
    "function_call": DEEP,
    "parallel_tool_calls": FREE,
    "response_format": DEEP,
    "prediction": DEEP,
    "reasoning_effort": WORD,
    "verbosity": WORD,
    "service_tier": WORD,
    "store": REFUSED,
    "modalities": REFUSED,
    "audio": REFUSED,
    "logprobs": REFUSED,
    "top_logprobs": REFUSED,
    "logit_bias": REFUSED,
    "web_search_options": REFUSED,
    "moderation": REFUSED,
}

CONTENT_PARTS: Mapping[str, Spec] = {
    "text": {"type": WORD, "text": TEXT},
    "refusal": {"type": WORD, "refusal": TEXT},
}
"""The parts a message's content may be made of; images, sound and files are refused in this round."""

_ANSWER: Spec = {
    "role": WORD,
    "content": TEXT,
    "refusal": TEXT,
    "reasoning_content": TEXT,
    "reasoning": TEXT,
    "tool_calls": [_TOOL_CALL],
    "function_call": {"name": TEXT, "arguments": JSON},
}

CHAT_REPLY: Spec = {
    "id": WORD,
    "object": WORD,
    "created": FREE,
    "model": WORD,
    "system_fingerprint": WORD,
    "service_tier": WORD,
    "choices": [{"index": FREE, "finish_reason": WORD, "message": _ANSWER, "delta": _ANSWER}],
    "usage": DEEP,
}
"""A reply's fields. One that is not listed is dropped: it could hold a placeholder nobody restores."""


EMBEDDINGS_REQUEST: Spec = {
    "model": WORD,
    "input": WHOLE,
    "dimensions": FREE,
    "encoding_format": WORD,
    "user": TEXT,
}

EMBEDDINGS_REPLY: Spec = {
    "id": WORD,
    "object": WORD,
    "created": FREE,
    "model": WORD,
    "data": [{"object": WORD, "index": FREE, "embedding": VECTOR}],
    "usage": DEEP,
}


def walk(value: Any, spec: Spec, visit: Visit, path: str = "") -> Any:
    """A copy of a request in which every string that matters went through ``visit``.

    Strings are visited in the same order every time. Raises `Problem` 400 naming the first field
    that is unknown, refused, or of the wrong type.
    """
    if value is None:
        return None
    if spec is TEXT:
        return _text(value, visit, path)
    if spec is WHOLE:
        return _whole(value, visit, path)
    if spec is DEEP:
        return _deep(value, visit, path)
    if spec is JSON:
        return _json(_string(value, path), visit, path)
    if spec is WORD:
        return _word(value, visit, path)
    if spec is FREE:
        return _free(value, visit, path)
    if spec is REFUSED:
        return _refused(value, path)
    if isinstance(spec, list):
        return [walk(item, spec[0], visit, f"{path}[{i}]") for i, item in enumerate(_list(value, path))]
    assert isinstance(spec, Mapping)
    return {
        key: walk(item, _spec_of(key, spec, path), visit, _join(path, key))
        for key, item in _object(value, path).items()
    }


def walk_reply(value: Any, spec: Spec, visit: VisitReply, path: Path = ()) -> Any:
    """The same for a reply: fields that are not listed, or not of their type, are dropped, not refused.

    In lists, a part's own ``index`` is its place: streamed parts come alone and say which one they are.
    """
    if isinstance(spec, list):
        if not isinstance(value, list):
            return None
        return [walk_reply(v, spec[0], visit, (*path, place_of(v, i))) for i, v in enumerate(value)]
    if isinstance(spec, Mapping):
        if not isinstance(value, Mapping):
            return None
        return {k: walk_reply(v, spec[k], visit, (*path, k)) for k, v in value.items() if k in spec}
    if spec is VECTOR:
        return value
    if isinstance(value, str):
        return visit(spec, value, path) if spec in (TEXT, JSON) else value if spec is WORD else None
    return value if spec is DEEP or not isinstance(value, (list, dict)) else None


def word_or_none(value: Any) -> str | None:
    """A name the upstream gave, kept where it is one: what it calls itself must not carry text into the ledger."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def place_of(part: Any, position: int) -> int:
    """The place of a choice or tool call: its own ``index``, else its position in the list."""
    index = part.get("index") if isinstance(part, Mapping) else None
    return index if isinstance(index, int) else position


def _text(value: Any, visit: Visit, path: str) -> Any:
    if isinstance(value, str):
        return _written(value, TEXT, visit, path)
    if not isinstance(value, list):
        raise _wrong(path, "文字列", "a string")
    return [
        visit(TEXT, item, f"{path}[{i}]") if isinstance(item, str) else _part(item, visit, f"{path}[{i}]")
        for i, item in enumerate(value)
    ]


def _whole(value: Any, visit: Visit, path: str) -> Any:
    if isinstance(value, str):
        return _written(value, WHOLE, visit, path)
    items = _list(value, path)
    if any(isinstance(item, int | float | list) for item in items):
        raise Problem(
            400,
            "token_ids",
            Bilingual(
                f"{path} は文章(文字列)で送ってください。トークン番号の並びは中身を検査できないため送信しませんでした。"
                "LangChainでは check_embedding_ctx_length=False を指定してください。",
                f"{path} must be text: token ids cannot be checked, so nothing was sent. "
                "In LangChain set check_embedding_ctx_length=False.",
            ),
            param=path,
        )
    return [
        _written(_string(item, f"{path}[{i}]"), WHOLE, visit, f"{path}[{i}]") for i, item in enumerate(items)
    ]


def _written(value: str, kind: Kind, visit: Visit, path: str) -> str:
    """Python's json.dumps writes 山 as \\u5c71: JSON with escapes is masked inside, as JSON."""
    return _json(value, visit, path, kind) if "\\u" in value else visit(kind, value, path)


def _part(value: Any, visit: Visit, path: str) -> Any:
    kind = _object(value, path).get("type")
    if not isinstance(kind, str) or kind not in CONTENT_PARTS:
        raise Problem(
            400,
            "unsupported_content",
            Bilingual(
                f"{path}: 画像・音声・ファイルはまだ検査できないため送れません。文章だけにしてください。",
                f"{path}: images, sound and files cannot be checked yet and are not sent. Send text only.",
            ),
            param=path,
        )
    return walk(value, CONTENT_PARTS[kind], visit, path)


def _deep(value: Any, visit: Visit, path: str) -> Any:
    if isinstance(value, str):
        return visit(VALUE, value, path)
    if isinstance(value, list):
        return [_deep(item, visit, path) for item in value]
    if isinstance(value, dict):
        return {visit(KEY, key, path): _deep(item, visit, path) for key, item in value.items()}
    return _number(value, visit, path)


def _json(value: str, visit: Visit, path: str, other: Kind = TEXT) -> str:
    """JSON text is masked inside, where keys say what their values are. Other text is masked as it stands."""
    try:
        inside = loads(value)
    except ValueError:
        return visit(other, value, path)
    if not isinstance(inside, dict | list | str):
        return visit(other, value, path)
    return dumps(_deep(inside, visit, path))


def _word(value: Any, visit: Visit, path: str) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise _wrong(path, "半角英数字の短い語(128字まで)", "a short ASCII word of at most 128 characters")
    return visit(WORD, value, path)


def _free(value: Any, visit: Visit, path: str) -> Any:
    if not isinstance(value, (bool, int, float)):
        raise _wrong(path, "数値か true/false", "a number, true or false")
    return _number(value, visit, path)


def _number(value: Any, visit: Visit, path: str) -> Any:
    """A number cannot carry a placeholder. Its digits are looked at, in whatever form it is written."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        visit(NUMBER, _digits(value), path)
    return value


def _digits(value: int | float) -> str:
    """1.23456789018e11 as 123456789018, 0.123456789018 as 0 123456789018."""
    whole, _, fraction = format(Decimal(repr(value)), "f").partition(".")
    return f"{whole} {fraction}" if fraction.strip("0") else whole


def _refused(value: Any, path: str) -> Any:
    if value is False:
        return value
    raise Problem(
        400,
        "unsupported_field",
        Bilingual(
            f"{path} はこの関所では使えません。外してからもう一度送信してください。",
            f"{path} is not carried by this checkpoint. Remove it and send again.",
        ),
        param=path,
    )


def _spec_of(key: str, spec: Mapping[str, Any], path: str) -> Spec:
    known: Spec | None = spec.get(key)
    if known is None:
        named = key if _PLAIN_KEY.fullmatch(key) else "?"  # a key may be somebody's name
        where = _join(path, named)
        raise Problem(
            400,
            "unknown_field",
            Bilingual(
                f"{where}: 検査の決まりがない項目のため送信しませんでした。外してからもう一度送信してください。",
                f"{where}: no rule covers this field, so nothing was sent. Remove it and send again.",
            ),
            param=where,
        )
    return known


def _string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "文字列", "a string")
    return value


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(path, "配列", "a list")
    return value


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, "オブジェクト", "an object")
    return value


def _wrong(path: str, ja: str, en: str) -> Problem:
    return Problem(
        400,
        "invalid_type",
        Bilingual(f"{path or '要求'} は{ja}にしてください。", f"{path or 'The request'} must be {en}."),
        param=path or None,
    )


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
