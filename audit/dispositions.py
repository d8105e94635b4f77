"""What a reviewer makes of an exchange: a record of its own, and the last one counts. Pure.

    false_alarm  誤検出    nothing was wrong; the masker or a rule saw too much
    guidance     指導      the person was told how to do better
    incident     事案化    an incident was opened; its number stands with it
    exception    例外申請  it is allowed for this case until a day

The record of the exchange is never touched. A disposition that was wrong is followed by another.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal, get_args

from audit import wording
from audit.catalogue.entering import DISPOSED
from audit.model import Draft
from audit.readers import Reader

Disposition = Literal["false_alarm", "guidance", "incident", "exception"]
DISPOSITIONS: tuple[Disposition, ...] = get_args(Disposition)
WORDS: Mapping[Disposition, str] = {
    "false_alarm": "誤検出", "guidance": "指導", "incident": "事案化", "exception": "例外申請",
}  # fmt: skip


class BadDisposition(ValueError):
    """Something does not fit together; `ja` and `en` say what."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja} / {en}")
        self.ja, self.en = ja, en


def disposition(
    reader: Reader,
    exchange: Mapping[str, object],
    made: Disposition,
    reason: str | None,
    *,
    incident: str | None = None,
    until: date | None = None,
    today: date,
) -> Draft:
    """The record of it; ``exchange`` is the card that the reader has found. ``until``: the last day of an exception.

    Raises `NotForThem`, `BadWording`, `BadDisposition`.
    """
    reader.demand("dispose")
    if exchange["person"] == reader.person:
        raise BadDisposition(
            "自分の利用の扱いは決められません。別の審査者に頼んでください。",
            "Nobody says what to make of their own use: have another reviewer do it.",
        )
    if (made == "incident") != (incident is not None):
        raise BadDisposition(
            "事案化には事案番号が要り、ほかの扱いには付けません。",
            "An incident needs its number, and nothing else has one.",
        )
    if (made == "exception") != (until is not None):
        raise BadDisposition(
            "例外申請には終わりの日が要り、ほかの扱いには付けません。",
            "An exception needs its last day, and nothing else has one.",
        )
    if until is not None and until < today:
        raise BadDisposition("終わりの日が、もう過ぎています。", "Its last day is over already.")
    return Draft(
        "noted",
        None,
        {
            "event": DISPOSED,
            "by": reader.person,
            "role": reader.role,
            "exchange": exchange["exchange"],
            "subject": exchange["person"],
            "disposition": made,
            "incident": wording.incident(incident) if incident is not None else None,
            "until": until.isoformat() if until else None,
            "reason": wording.reason(reason),
        },
    )
