"""Schema 2: people, with their postings, trainings and acknowledgements; keys say only which tool; stops.

What a personal key said of its holder becomes the holder's page in the book of people. An acknowledgement is not
carried over: which version of the rules was accepted, no key said.
"""

from collections.abc import Mapping
from typing import Any

from alembic import op

from proxy.office.migrations import run

revision = "0002"
down_revision = "0001"

_KEPT = (
    "id", "hash", "person", "tool", "department", "section", "may_assert_user", "addresses", "purpose", "category",
    "confidentiality_class", "created_at", "created_by", "revoked_at",
)  # fmt: skip
_LATER = {
    "unknown_fields": "refuse",
    "mask_reply_names": False,
    "audience": "staff",
    "append_notices": False,
}
"""Columns that some books of revision 1 have, and what counts in the others."""


def upgrade() -> None:
    connection = op.get_bind()
    before = [dict(row) for row in connection.exec_driver_sql("SELECT * FROM keys").mappings()]
    connection.exec_driver_sql("DROP TABLE keys")
    run(revision)
    for row in before:
        _insert("keys", {name: row[name] for name in _KEPT} | {n: row.get(n, _LATER[n]) for n in _LATER})
    holders = {row["person"]: row for row in before if row["person"] and row["revoked_at"] is None}
    for row in holders.values():
        _enter(row)


def _enter(row: Mapping[str, Any]) -> None:
    day = row["created_at"][:10]
    _insert(
        "people",
        {
            "id": row["person"],
            "name": "",
            "kind": row["actor"],
            "role": row.get("role", "staff_member"),
            "starts": day,
            "approved_by": row["created_by"] if row["enrolled"] else None,
            "approved_at": row["created_at"] if row["enrolled"] else None,
            "consented": row.get("consented", False),
            "entered_at": row["created_at"],
            "entered_by": row["created_by"],
        },
    )
    posting = {"person": row["person"], "since": day}
    _insert("postings", posting | {"department": row["department"], "section": row["section"]})
    year = int(day[:4]) - (day[5:] < "04-01")
    for course in ("dx", "security") if row["trained"] else ():
        _insert(
            "trainings",
            {"person": row["person"], "course": course, "fiscal_year": year, "completed_on": day},
        )


def _insert(table: str, row: Mapping[str, Any]) -> None:
    mark = "?" if op.get_bind().dialect.name == "sqlite" else "%s"
    marks = ", ".join([mark] * len(row))
    op.get_bind().exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
    )
