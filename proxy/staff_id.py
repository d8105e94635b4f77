"""The shape of a 職員番号, wherever somebody outside the books names one. Pure; does not know who exists.

012345   taro.y   robot-minutes        may be one
123456789018   1234-5678-9018          never: as long as somebody's number
"""

import re

from audit.numbers import may_be_somebodys

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_TOO_LONG = re.compile(r"[0-9]{11,}|[0-9]{4}-?[0-9]{4}-?[0-9]{4}")
"""No staff number is so long."""


def is_staff_id(text: str) -> bool:
    """Whether it may name a person of the city hall in the ledger: an id, and nobody's number."""
    return (
        _ID.fullmatch(text) is not None and _TOO_LONG.fullmatch(text) is None and not may_be_somebodys(text)
    )
