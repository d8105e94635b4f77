"""What is done with the book of keys, at a terminal or over HTTP: issue and revoke. What cannot be done is a `Fault`.

Each change is noted in the ledger before it is made. The key itself is given back once and kept nowhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from audit.numbers import may_be_somebodys
from policies.model import CATEGORY_CODES
from policies.vocabulary import AUDIENCES, CLASSES
from proxy.office.desk import Desk, Fault
from proxy.office.keys import Key, new_id

_AMONG: dict[str, Sequence[str]] = {
    "category": tuple(CATEGORY_CODES),
    "audience": AUDIENCES,
    "unknown_fields": ("refuse", "drop"),
}
_WRITTEN = ("tool", "department", "section", "purpose")
"""What every key says, and none leaves empty."""


def issue(desk: Desk, key: Key) -> tuple[Key, str]:
    """Enter a key; the key as it is in the book, and its plain form (empty for an OIDC client). Raises `Fault`."""
    _demand_sound(key)
    if key.person is not None and desk.people.page(key.person) is None:
        raise Fault(
            f"{key.person} は利用者の帳簿にありません。先に sekisho people add で登録してください。",
            f"{key.person} is not in the book of people: enter them first with sekisho people add.",
            "missing",
        )
    if key.oidc_client is not None and desk.keys.find_client(key.oidc_client):
        raise Fault(
            f"{key.oidc_client} のツールはもう登録されています。",
            f"a tool of the client {key.oidc_client} is registered already.",
            "taken",
        )
    made = replace(key, id=new_id(), created_by=desk.by)
    desk.note("key.created", {"key": made.id} | _noted(made))
    return made, desk.keys.create(made)


def revoke(desk: Desk, id: str) -> Key:
    """End a key. Raises `Fault` where no key in force has this id."""
    found = next((key for key in desk.keys.list() if key.id == id and key.revoked_at is None), None)
    if found is None:
        raise Fault(f"{id} という有効なキーはありません。", f"no key in force has the id {id}.", "missing")
    desk.note("key.revoked", {"key": id})
    desk.keys.revoke(id)
    return found


def shown(key: Key) -> dict[str, Any]:
    """Everything about a key but itself, as JSON values."""
    values = {name: getattr(key, name) for name in Key.__slots__}
    days = {name: value.isoformat() for name, value in values.items() if isinstance(value, date)}
    return values | days | {"addresses": [str(network) for network in key.addresses]}


def _noted(key: Key) -> dict[str, Any]:
    """What the ledger keeps of a new key: everything but free text, and what the note itself says."""
    left_out = ("id", "purpose", "created_at", "created_by", "revoked_at")
    return {name: value for name, value in shown(key).items() if name not in left_out}


def _demand_sound(key: Key) -> None:
    written = {name: getattr(key, name) for name in (*_WRITTEN, "person", "oidc_client", "approved_by")}
    for name, value in written.items():
        if value is None and name not in _WRITTEN:
            continue
        if value is None or not value.strip():
            raise Fault(f"{name} が空です。", f"{name} is empty.")
        if may_be_somebodys(value):
            raise Fault(
                f"{name} に、個人番号などに見える番号があります。外してください。",
                f"{name} holds what looks like somebody's number: leave it out.",
            )
    if (key.person is not None) + key.may_assert_user + (key.oidc_client is not None) != 1:
        raise Fault(
            "職員(person)・利用者を名乗るツール(may_assert_user)・市の認証のツール(oidc_client)のどれか一つにしてください。",
            "a key is a person's, or a tool's that asserts its user, or that of an OIDC client.",
        )
    if key.may_assert_user and not key.addresses:
        raise Fault(
            "ツールのキーには、利用者を信用する接続元(addresses)が要ります。",
            "a tool's key needs addresses from which its user is believed.",
        )
    for name, known in _AMONG.items():
        if getattr(key, name) not in known:
            raise Fault(
                f"{name} は次のどれかにしてください: {', '.join(known)}",
                f"{name} must be one of: {', '.join(known)}",
            )
    if key.confidentiality_class not in (None, *CLASSES):
        raise Fault(
            f"class は次のどれかにしてください: {', '.join(CLASSES)}",
            f"class must be one of: {', '.join(CLASSES)}",
        )
    if key.starts and key.ends and key.ends < key.starts:
        raise Fault("終わりの日(ends)が始まり(starts)より前です。", "ends lies before starts.")
