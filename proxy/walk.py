"""Walking a request or a reply along its table: every string that matters is shown to a visitor.

Knows nothing of detection, vaults or HTTP. Strings are visited in the same order every time, so that a
second walk can put back what was made of the strings of the first.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from policies.model import Bilingual
from proxy.errors import Problem
from proxy.kinds import (
    COUNTS,
    DEEP,
    DROPPED,
    FREE,
    ID,
    JSON,
    KEY,
    NUMBER,
    ORIGINAL,
    PIECE,
    REFUSED,
    SCRIPT,
    SEALED,
    TEXT,
    VALUE,
    WHOLE,
    WORD,
    Either,
    Kind,
    OneOf,
    Spec,
)
from proxy.wire import dumps, loads

Visit = Callable[[Kind, str, str], str]
"""``visit(kind, text, path) -> text``: TEXT, WHOLE, KEY and VALUE may be masked, WORD, NUMBER and SEALED only
looked at; an ORIGINAL's text is its JSON.

The path of KEY, VALUE and NUMBER is that of the DEEP or JSON field they are in.
"""
Path = tuple[str | int, ...]


class Opaque(str):
    """Bytes that came as bytes, one character for each: no text, whatever letters are among them."""


VisitReply = Callable[[Kind, str, Path], str]
"""``visit(kind, text, path) -> text``: kind is TEXT, JSON, PIECE or SCRIPT; a DEEP field is shown as JSON."""

_SHOWN = frozenset({TEXT, JSON, PIECE, SCRIPT, ID})
_PLAIN_KEY = re.compile(r"[a-z][a-z_]{0,40}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
_SEALED = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_ID = re.compile(
    r"[A-Za-z]{1,24}(?:[_-][A-Za-z]{1,16}){0,3}[_-](?=[A-Za-z0-9_-]*[0-9A-Z])[A-Za-z0-9_-]{1,80}"
    r"|[A-Za-z0-9]{9}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,64}"
)
"""call_Ab3…, toolu_01…, chatcmpl-tool-0f…, fc_…, nine letters and digits, a UUID, hexadecimal."""
_BASE64 = re.compile(
    r"(?:data:[\w.+-]{1,64}/[\w.+-]{1,64}(?:;[\w.=+-]{1,64}){0,4};base64,)?[A-Za-z0-9+/_-]{8,}={0,2}"
)
_MOST_NAMED = 50
_ADDRESS = re.compile(r"https?://[!-~]{1,4000}")
_PART_OF_JSON = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|-?[0-9][0-9.eE+-]*')
"""A string of JSON, with the colon that makes it a key; or a number."""


def walk(value: Any, spec: Spec, visit: Visit, dropped: list[str] | None = None) -> Any:
    """A copy of a request in which every string that matters went through ``visit``.

    Raises `Problem` 400 naming the first field that is unknown, refused, or of the wrong type. With
    ``dropped`` unknown fields are left out instead, and their paths are added to it.
    """
    return _Walk(visit, dropped).at(value, spec, "")


def walk_reply(value: Any, spec: Spec, visit: VisitReply, path: Path = ()) -> Any:
    """The same for a reply: fields that are not listed, or not of their type, are dropped, not refused.

    In lists, a part's own ``index`` is its place: streamed parts come alone and say which one they are.
    """
    if isinstance(spec, Kind):
        return _seen(value, spec, visit, path)
    if isinstance(spec, dict):
        return _fields(value, spec, visit, path) if isinstance(value, dict) else None
    if isinstance(spec, list):
        if not isinstance(value, list):
            return None
        parts = [walk_reply(v, spec[0], visit, (*path, place_of(v, i))) for i, v in enumerate(value)]
        return [part for part in parts if part is not None]
    if isinstance(spec, Either):
        return walk_reply(value, spec.of(value), visit, path)
    assert isinstance(spec, OneOf)
    shape = spec.of(value) if isinstance(value, dict) else None
    return None if shape is None else walk_reply(value, shape, visit, path)


def _fields(value: dict[str, Any], spec: dict[str, Spec], visit: VisitReply, path: Path) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, item in value.items():
        inner = spec.get(name)
        if inner is None or inner is DROPPED:
            continue
        made[name] = None if item is None else walk_reply(item, inner, visit, (*path, name))
    return made


def _seen(value: Any, kind: Kind, visit: VisitReply, path: Path) -> Any:
    """One leaf of a reply. The frequent kinds first: this runs for every field of every chunk."""
    if kind is WORD or kind is SEALED:
        return value if isinstance(value, str) else None
    if kind is FREE:
        return value if isinstance(value, bool | int | float) else None
    if kind in _SHOWN:
        return visit(kind, value, path) if isinstance(value, str) else None
    if value is None or kind is DROPPED:
        return None
    if kind is COUNTS:
        return _counts(value)
    return loads(visit(JSON, dumps(value), path)) if kind is DEEP else value


def _counts(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _counts(item) for name, item in value.items() if _WORD.fullmatch(name)}
    return value if isinstance(value, bool | int | float) else None


def word_or_none(value: Any) -> str | None:
    """A name the upstream gave, kept where it is one: what it calls itself must not carry text into the ledger."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def place_of(part: Any, position: int) -> int:
    """The place of a choice or tool call: its own ``index``, else its position in the list."""
    index = part.get("index") if isinstance(part, dict) else None
    return index if isinstance(index, int) else position


def digits(written: str) -> str:
    """1.23456789018e11 as 123456789018, 0.123456789018 as 0 123456789018."""
    whole, _, fraction = format(Decimal(written), "f").partition(".")
    return f"{whole} {fraction}" if fraction.strip("0") else whole


class _Walk:
    """One walk through one request."""

    def __init__(self, visit: Visit, dropped: list[str] | None) -> None:
        self._visit = visit
        self._dropped = dropped

    def at(self, value: Any, spec: Spec, path: str) -> Any:
        if value is None:
            return None
        if isinstance(spec, Kind):
            return _LEAVES[spec](self, value, path)
        if isinstance(spec, Either):
            return self.at(value, spec.of(value), path)
        if isinstance(spec, OneOf):
            return self.at(value, _shape_of(_object(value, path), spec, path), path)
        if isinstance(spec, list):
            return [self.at(item, spec[0], f"{path}[{i}]") for i, item in enumerate(_list(value, path))]
        return {
            key: self.at(item, inner, _join(path, key))
            for key, item in _object(value, path).items()
            if (inner := self._spec_of(key, spec, path)) is not None
        }

    def text(self, value: Any, path: str) -> str:
        return self._written(_string(value, path), TEXT, path)

    def whole(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            return self._written(value, WHOLE, path)
        items = _list(value, path)
        if any(isinstance(item, int | float | list) for item in items):
            raise _token_ids(path)
        return [
            self._written(_string(item, f"{path}[{i}]"), WHOLE, f"{path}[{i}]")
            for i, item in enumerate(items)
        ]

    def json(self, value: Any, path: str, other: Kind = TEXT) -> str:
        """JSON text is masked inside, where keys say what their values are. Other text is masked as it stands."""
        written = _string(value, path)
        if not _is_json(written, dict | list | str):
            return self._visit(other, written, path)
        return self._inside(written, path)

    def deep(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            return self._inside(value, path) if _is_json(value) else self._visit(VALUE, value, path)
        if isinstance(value, list):
            return [self.deep(item, path) for item in value]
        if isinstance(value, dict):
            made: dict[str, Any] = {}
            for key, item in value.items():
                made[_unlike(self._visit(KEY, key, path), made)] = self.deep(item, path)
            return made
        return self._number(value, path)

    def word(self, value: Any, path: str) -> str:
        if not isinstance(value, str) or not _WORD.fullmatch(value):
            raise _wrong(
                path, "半角英数字の短い語(128字まで)", "a short ASCII word of at most 128 characters"
            )
        return self._visit(WORD, value, path)

    def free(self, value: Any, path: str) -> Any:
        if not isinstance(value, bool | int | float):
            raise _wrong(path, "数値か true/false", "a number, true or false")
        return self._number(value, path)

    def sealed(self, value: Any, path: str) -> str:
        """What a model gave out for its own later use. A person's text is not written so."""
        if not _SEALED.fullmatch(_string(value, path)):
            raise _wrong(path, "AIが返した値のまま", "the value as the model gave it")
        return self._visit(SEALED, value, path)

    def id(self, value: Any, path: str) -> str:
        """The name of a call, where it is one: a person's name is not written so."""
        return self._visit(ID, value, path) if _ID.fullmatch(_string(value, path)) else self.text(value, path)

    def original(self, value: Any, path: str) -> Any:
        """Base64, or the address where it is: any other text is not what it says it is."""
        written = _string(value, path)
        if not (isinstance(written, Opaque) or _BASE64.fullmatch(written) or _ADDRESS.fullmatch(written)):
            raise _wrong(path, "Base64かURL", "base64 or a web address")
        return self._visit(ORIGINAL, written, path)

    def refused(self, value: Any, path: str) -> Any:
        if value is False or value in ([], {}):
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

    def _written(self, value: str, kind: Kind, path: str) -> str:
        """Python's json.dumps writes 山 as \\u5c71: JSON with escapes is masked inside, as JSON."""
        return self.json(value, path, kind) if "\\u" in value else self._visit(kind, value, path)

    def _inside(self, written: str, path: str) -> str:
        """JSON text with its strings masked where they stand: whatever needs no masking stays byte for byte."""

        def part(match: re.Match[str]) -> str:
            value = loads(match[1] or match[0])
            if not match[1]:
                self._visit(NUMBER, digits(match[0]), path)  # as it is written: a float would lose some
                return match[0]
            new = self._visit(KEY, value, path) if match[2] else self.deep(value, path)
            return match[0] if new == value else dumps(new) + (match[2] or "")

        return _PART_OF_JSON.sub(part, written)

    def _number(self, value: Any, path: str) -> Any:
        """A number cannot carry a placeholder. Its digits are looked at, in whatever form it is written."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self._visit(NUMBER, digits(repr(value)), path)
        return value

    def _spec_of(self, key: str, spec: Mapping[str, Any], path: str) -> Spec | None:
        known: Spec | None = spec.get(key)
        if known is not None:
            return known
        named = key if _PLAIN_KEY.fullmatch(key) else "?"  # a key may be somebody's name
        where = _join(path, named)
        if self._dropped is not None:
            if len(self._dropped) < _MOST_NAMED:
                self._dropped.append(where)
            return None
        raise Problem(
            400,
            "unknown_field",
            Bilingual(
                f"{where}: 検査の決まりがない項目のため送信しませんでした。外してからもう一度送信してください。",
                f"{where}: no rule covers this field, so nothing was sent. Remove it and send again.",
            ),
            param=where,
        )


_LEAVES: Mapping[Kind, Callable[[_Walk, Any, str], Any]] = {
    TEXT: _Walk.text,
    WHOLE: _Walk.whole,
    JSON: _Walk.json,
    DEEP: _Walk.deep,
    WORD: _Walk.word,
    ID: _Walk.id,
    FREE: _Walk.free,
    SEALED: _Walk.sealed,
    ORIGINAL: _Walk.original,
    REFUSED: _Walk.refused,
}


def _shape_of(value: Mapping[str, Any], spec: OneOf, path: str) -> Spec:
    shape = spec.of(value)
    if shape is not None:
        return shape
    where = _join(path, spec.by)
    known = "・".join(sorted(name for name, shape in spec.shapes.items() if shape is not REFUSED))
    raise Problem(
        400,
        "unsupported_content",
        Bilingual(
            f"{where}: この種類はまだ検査できないため送れません。使えるのは: {known}",
            f"{where}: this kind cannot be checked yet and is not sent. Known: {known}",
        ),
        param=path or None,
    )


def _token_ids(path: str) -> Problem:
    return Problem(
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


def _string(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(path, "文字列", "a string")
    return value


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(path, "配列", "a list")
    return value


def _is_json(text: str, kinds: Any = dict | list) -> bool:
    """Whether a text is JSON of these kinds. Most text is not, and is known by its first sign."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return False
    try:
        return isinstance(loads(text), kinds)
    except ValueError:
        return False


def _unlike(key: str, others: Mapping[str, Any]) -> str:
    """The key, told apart from the others: two My Numbers become one and the same placeholder."""
    number = len(others)
    unlike = key
    while unlike in others:
        number += 1
        unlike = f"{key} {number}"
    return unlike


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
