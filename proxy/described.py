"""Our OpenAPI description, written from the tables that every request and reply really passes through.

What /openapi.json says of a field is what becomes of it (``x-sekisho``: text, word, refused …), so that it cannot
say one thing and the checkpoint do another. Pure; nothing is read or opened.
"""

from collections.abc import Mapping
from typing import Any

from proxy.kinds import (
    DEEP,
    FREE,
    ID,
    JSON,
    ORIGINAL,
    PIECE,
    REFUSED,
    SCRIPT,
    SEALED,
    TEXT,
    VECTOR,
    WHOLE,
    WORD,
    Either,
    Kind,
    OneOf,
    Spec,
)
from proxy.surfaces.request import Request

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
_ANY: Schema = {}
_LEAVES: Mapping[Kind, Schema] = {
    TEXT: _STRING,
    JSON: _STRING,
    PIECE: _STRING,
    SCRIPT: _STRING,
    WHOLE: {"anyOf": [_STRING, {"type": "array", "items": _STRING}]},
    WORD: {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$"},
    FREE: {"type": ["number", "boolean"]},
    ID: _STRING,
    SEALED: {"type": "string", "pattern": "^[A-Za-z0-9+/_-]*={0,2}$"},
    DEEP: _ANY,
    ORIGINAL: {"type": "string", "pattern": "^([A-Za-z0-9+/_-]{8,}={0,2}|https?://[!-~]{1,200})$"},
    VECTOR: _ANY,
    REFUSED: {"enum": [None, False]},
}

_ERROR: Schema = {
    "type": "object",
    "properties": {
        "message": {
            "type": "string",
            "description": "やさしい日本語、次に英語 / Japanese first, English second.",
        },
        "type": _STRING,
        "param": {"type": ["string", "null"]},
        "code": _STRING,
        "rules": {"type": "array", "items": _STRING},
        "request_id": _STRING,
    },
    "required": ["message", "type", "code", "request_id"],
}
PROBLEM: Schema = {"type": "object", "properties": {"error": _ERROR}, "required": ["error"]}
"""Anthropic's doors say ``type: error`` beside it."""

STATUSES = (400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504)
"""Every status that a refusal, an accident or the model's server can have."""


def door(kind: type[Request]) -> dict[str, Any]:
    """The OpenAPI operation of one dialect, as `FastAPI.add_api_route` takes it."""
    body = {"schema": {**schema(kind.table), "required": list(kind.required)}}
    media = "multipart/form-data" if kind.dialect == "transcriptions" else "application/json"
    return {
        "openapi_extra": {
            "requestBody": {"required": True, "content": {media: body}},
            "security": [{"bearer": []}, {"x-api-key": []}],
        },
        "responses": {200: _reply(kind), **{status: _problem() for status in STATUSES}},
    }


def looking() -> dict[str, Any]:
    """The OpenAPI operation of a door that takes no body."""
    plain = {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "openapi_extra": {"security": [{"bearer": []}, {"x-api-key": []}]},
        "responses": {200: plain, **{status: _problem() for status in STATUSES}},
    }


def secured(document: dict[str, Any]) -> dict[str, Any]:
    """The whole description with the two ways of showing a key."""
    bearer = {"type": "http", "scheme": "bearer"}
    header = {"type": "apiKey", "in": "header", "name": "x-api-key"}
    document.setdefault("components", {})["securitySchemes"] = {"bearer": bearer, "x-api-key": header}
    return document


def schema(spec: Spec) -> Schema:
    """The JSON schema of one table. Every field may be null, which counts as absent."""
    if isinstance(spec, Kind):
        return {**_LEAVES[spec], "x-sekisho": str(spec)} if spec in _LEAVES else {"x-sekisho": str(spec)}
    if isinstance(spec, Either):
        return {"anyOf": [schema(inner) for inner in spec.specs]}
    if isinstance(spec, OneOf):
        return {
            "anyOf": [
                _shape(spec, name, shape) for name, shape in spec.shapes.items() if shape is not REFUSED
            ]
        }
    if isinstance(spec, list):
        return {"type": "array", "items": schema(spec[0])}
    return {
        "type": "object",
        "properties": {name: _or_null(schema(inner)) for name, inner in spec.items()},
        "additionalProperties": False,
    }


def _shape(spec: OneOf, name: str, shape: "dict[str, Spec] | Kind") -> Schema:
    described = schema(shape)
    if isinstance(shape, Kind) or name == spec.default:
        return described
    described["properties"] = {**described["properties"], spec.by: {"const": name}}
    described["required"] = [spec.by]
    return described


def _or_null(described: Schema) -> Schema:
    return described if not described or "enum" in described else {"anyOf": [described, {"type": "null"}]}


def _reply(kind: type[Request]) -> Schema:
    return {
        "description": "返事。氏名などは元に戻してある / The reply, restored.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/event-stream": {"schema": _STRING},
            **({"text/plain": {"schema": _STRING}} if kind.dialect == "transcriptions" else {}),
        },
    }


def _problem() -> Schema:
    return {
        "description": "通らなかった。理由と次にすること / It did not pass: why, and what to do.",
        "content": {"application/json": {"schema": PROBLEM}},
    }
