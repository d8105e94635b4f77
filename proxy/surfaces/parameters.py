"""The parameters of a request as the ledger keeps them: numbers and closed words, under one name in every dialect. Pure.

A number of more than 32 bits is not kept: it is no parameter anybody needs, and might be somebody's.
"""

from collections.abc import Mapping
from typing import Any

_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "top_k": ("top_k",),
    "max_tokens": ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    "n": ("n",),
    "seed": ("seed",),
    "dimensions": ("dimensions",),
}
"""Our name, and what the dialects call it."""

_FORMATS = frozenset(
    {
        "text", "json", "json_object", "json_schema", "grammar", "float", "base64",
        "verbose_json", "diarized_json", "srt", "vtt",
    }
)  # fmt: skip
_MOST = 2**32


def parameters(body: Mapping[str, Any]) -> dict[str, int | float | str]:
    """Those that the caller gave, with a value that can be kept."""
    kept: dict[str, int | float | str] = {}
    for name, spellings in _NUMBERS.items():
        for spelling in spellings:
            number = _number(body.get(spelling))
            if number is not None:
                kept[name] = number
    wanted = _format(body)
    if wanted is not None:
        kept["response_format"] = wanted if wanted in _FORMATS else "other"
    return kept


def _number(value: Any) -> int | float | None:
    """Rounded: what stands behind the fourth decimal changes no answer. NaN and infinity are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        return None
    return value if isinstance(value, int) else round(value, 4)


def _format(body: Mapping[str, Any]) -> str | None:
    """The kind of format that the answer is wanted in, wherever the dialect says it."""
    wanted = (
        body.get("response_format")
        or _inside(body.get("text"), "format")
        or _inside(body.get("output_config"), "format")
        or body.get("encoding_format")
    )
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    return None if kind is None else str(kind)


def _inside(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else None
