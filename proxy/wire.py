"""JSON as it enters and leaves: strict on the way in, always encodable as UTF-8 on the way out."""

import json
import math
from typing import Any


def loads(raw: bytes | str) -> Any:
    """Parse JSON. Raises ValueError for what is not JSON: NaN, 1e999, too deep a nest, too long a number."""
    try:
        return json.loads(raw, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(value: Any) -> str:
    """JSON text. Half a surrogate pair, which UTF-8 cannot carry, is written as its escape."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError("out of range")
    return number


def _refuse(name: str) -> Any:
    raise ValueError(name)
