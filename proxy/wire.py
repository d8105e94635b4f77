"""JSON as it enters and leaves: strict on the way in, always encodable as UTF-8 on the way out."""

import json
from typing import Any


def loads(raw: bytes | str) -> Any:
    """Parse JSON. Raises ValueError for anything that is not JSON, NaN and too deep a nest included."""
    try:
        return json.loads(raw, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(value: Any) -> str:
    """JSON text. Half a surrogate pair, which UTF-8 cannot carry, is written as its escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def _refuse(name: str) -> Any:
    raise ValueError(name)
