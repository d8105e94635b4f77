"""What is done with limits and with 災害モード, at a terminal or over HTTP. What cannot be done is a `Fault`.

Each change is noted in the ledger, with who made it, before it is made.
"""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any

from audit.numbers import REFUSAL, may_be_somebodys
from proxy.office.desk import Desk, Fault
from proxy.office.emergencies import BadEnd, Emergency, EmergencyBook, NotOpen, SamePerson, proposal
from proxy.office.quotas import LARGEST, MILLIONTHS, Limit, QuotaBook, SameLimit, period_of


def set_limit(desk: Desk, limit: Limit) -> tuple[Limit, Limit | None]:
    """Set a limit, or change the one there is for the same; what is used so far counts on. The limit and the one before.

    Raises `Fault`.
    """
    _demand_sound(limit)
    book = QuotaBook(desk.office)
    before = book.same(limit)
    made = replace(limit, id=before.id) if before else limit
    if before is None:
        desk.note("quota.set", _noted(made))
    else:
        desk.note("quota.changed", _noted(made) | {"amount_before": before.amount})
    try:
        book.set(made)
    except SameLimit:
        raise Fault(
            "同じ対象の上限を、ほかの人がちょうど決めたところです。sekisho quota list で確かめて、やり直してください。",
            "somebody else has just set a limit for the same: see sekisho quota list, and set it again.",
            "taken",
        ) from None
    return made, before


def _demand_sound(limit: Limit) -> None:
    """Raises `Fault` for what no book should hold; nothing is noted of it."""
    if may_be_somebodys(limit.name):
        ja, _, en = REFUSAL.partition(" / ")
        raise Fault(ja, en)
    if limit.amount is not None and limit.amount > LARGEST:
        raise Fault(f"上限は {LARGEST:,} までです。", f"a limit is {LARGEST:,} at most.")
    if limit.starts and limit.ends and limit.ends < limit.starts:
        raise Fault("終わる日が、始まる日より前です。", "its last day lies before its first.")


def end_limit(desk: Desk, id: str, reason: str) -> None:
    """End a limit; within a second it stops nobody. Raises `Fault`."""
    why = sound_reason(reason)
    book = QuotaBook(desk.office)
    if not any(one.id == id for one in book.standing()):
        raise Fault(
            f"{id} という上限はありません。一覧: sekisho quota list",
            f"there is no limit {id}: see quota list.",
            "missing",
        )
    desk.note("quota.ended", {"quota": id, "reason": why})
    book.end(id, desk.by)


def usage(desk: Desk, limits: dict[str, Limit], now: datetime, every: bool = False) -> list[dict[str, Any]]:
    """What is used of each of the limits, the most first; also of periods that are over, where ``every``."""
    from proxy.office.counters import usage_of

    rows = [
        _used(limits[place.quota], place.subject, place.period, standing.used, standing.reserved)
        for place, standing in usage_of(desk.office).items()
        if place.quota in limits and (every or place.period == period_of(limits[place.quota].period, now))
    ]
    return sorted(
        rows, key=lambda row: (-(row["percent"] if row["percent"] is not None else -1), row["quota"])
    )


def propose(desk: Desk, reason: str, until: datetime) -> Emergency:
    """Propose 災害モード; it lifts nothing until another person approves it. Raises `Fault`."""
    why = sound_reason(reason)
    try:
        proposed = proposal(why, until, desk.by, datetime.now(UTC))
    except BadEnd:
        raise Fault(
            "終わりは、これから7日以内の時刻にしてください。", "its end is a time within the next 7 days."
        ) from None
    desk.note("emergency.proposed", {"emergency": proposed.id, "reason": why, "until": proposed.until})
    EmergencyBook(desk.office).propose(proposed)
    return proposed


def approve(desk: Desk, id: str) -> Emergency:
    """The second person approves it: within a second the limits are lifted. Raises `Fault`."""
    book, now = EmergencyBook(desk.office), datetime.now(UTC)
    try:
        found = book.demand_second(id, desk.by, now)
        facts = {
            "emergency": id,
            "reason": found.reason,
            "until": found.until,
            "proposed_by": found.proposed_by,
        }
        desk.note("emergency.approved", facts)
        return book.approve(id, desk.by, now)
    except SamePerson:
        raise Fault(
            "申し出た本人は承認できません。別の人が、自分の利用者名で承認してください。",
            "whoever proposed it cannot approve it: another person has to.",
            "forbidden",
        ) from None
    except NotOpen:
        raise _not_open(id) from None


def end_emergency(desk: Desk, id: str) -> Emergency:
    """End it early, or withdraw a proposal: one person may. As it was before. Raises `Fault`."""
    book, now = EmergencyBook(desk.office), datetime.now(UTC)
    found = book.find(id)
    if found is None or not found.is_open(now):
        raise _not_open(id)
    desk.note("emergency.ended", {"emergency": id})
    book.end(id, desk.by, now)
    return found


def plain(limit: Limit) -> dict[str, Any]:
    """A limit as JSON values."""
    values = asdict(limit)
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def sound_reason(reason: str | None) -> str:
    """A reason that the ledger can keep. Raises `Fault`."""
    why = (reason or "").strip()
    if not 0 < len(why) <= 200:
        raise Fault("理由を1〜200字で書いてください。", "say why, in 1 to 200 characters.")
    if may_be_somebodys(why):
        raise Fault(
            "理由に、個人番号などに見える番号があります。外してください。",
            "the reason holds what looks like somebody's number: leave it out.",
        )
    return why


def _noted(limit: Limit) -> dict[str, Any]:
    """What the ledger keeps of a limit that is set."""
    left_out = ("id", "set_by", "set_at", "ended_at", "ended_by")
    return {"quota": limit.id} | {name: value for name, value in plain(limit).items() if name not in left_out}


def _used(limit: Limit, subject: str, period: str, used: int, reserved: int) -> dict[str, Any]:
    scale = MILLIONTHS if limit.measure == "yen" else 1
    most = limit.most
    return {
        "quota": limit.id,
        "target": limit.target,
        "subject": subject,
        "period": period,
        "measure": limit.measure,
        "used": used if scale == 1 else used / scale,
        "reserved": reserved if scale == 1 else reserved / scale,
        "amount": limit.amount,
        "percent": None if most is None else 100.0 if most == 0 else round(100 * used / most, 1),
    }


def _not_open(id: str) -> Fault:
    return Fault(
        f"{id} は、申し出がないか、もう承認されたか、終わっています。一覧: sekisho quota emergency list",
        f"there is no such open proposal {id}: see quota emergency list.",
        "missing",
    )
