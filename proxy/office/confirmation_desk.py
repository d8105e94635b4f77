"""What is done with confirmations beside the pages: shown, and taken back. For commands and the admin API alike.

Nobody consents here: a consent is given on the page, by a person who signed in.
"""

from datetime import UTC, datetime
from typing import Any

from audit.numbers import REFUSAL, may_be_somebodys
from proxy.office.confirmations import Confirmation, ConfirmationBook
from proxy.office.desk import Desk, Fault

_ERASED = ("secret", "units")


def plain(one: Confirmation, at: datetime | None = None) -> dict[str, Any]:
    """A confirmation as JSON values, without key and HMACs. One whose time is over is ``expired``, swept or not."""
    at = at or datetime.now(UTC)
    over = one.state in ("pending", "granted") and not one.live(at)
    told = {name: getattr(one, name) for name in Confirmation.__slots__ if name not in _ERASED}
    given = [{name: getattr(each, name) for name in each.__slots__} for each in one.given]
    return told | {
        "state": "expired" if over else one.state,
        "rules": list(one.rules),
        "found": dict(one.found),
        "given": given,
    }


def revoke(desk: Desk, id: str, reason: str) -> Confirmation:
    """Take back a confirmation that still makes a difference; noted first. Raises `Fault`."""
    reason = reason.strip()
    if not 0 < len(reason) <= 200:
        raise Fault(
            "取り消す理由を200字までで書いてください。", "say why it is revoked, in 200 characters at most."
        )
    if may_be_somebodys(reason):
        ja, _, en = REFUSAL.partition(" / ")
        raise Fault(ja, en)
    book, now = ConfirmationBook(desk.office), datetime.now(UTC)
    one = book.find(id)
    if one is None or not one.live(now):
        raise Fault(
            f"{id} という、いま効いている確認はありません(一覧: sekisho confirmations list)。",
            "no confirmation of this id is live (see: sekisho confirmations list).",
            "missing",
        )
    desk.note(
        "confirmation.revoked",
        {"confirmation": one.id, "person": one.person, "was": one.state, "reason": reason},
    )
    book.revoke(one.id, desk.by, now)
    return one
