"""Names that are meant to fit somebody or something, and fit nothing that is known: most likely mistyped."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import typer

from policies.names import any_name

if TYPE_CHECKING:
    from proxy.office.desk import Desk

Kind = Literal["house", "model", "section", "tool", "person"]

_LISTED = 30


def strangers(desk: "Desk", kind: Kind, name: str) -> list[str]:
    """The names that are known, where none of them is meant; else nothing.

    Also nothing where nobody can tell: what was done with the name holds, and must not look like a failure.
    """
    from policies.complaints import PolicyError
    from proxy.office.tables import SQLAlchemyError

    try:
        known = sorted(_known(desk, kind))
    except (OSError, ValueError, PolicyError, SQLAlchemyError):
        return []
    meant = any_name([name])
    return [] if any(map(meant, known)) or any(any_name([one])(name) for one in known) else known


def warn_of(name: str, known: Sequence[str]) -> None:
    """Say at the terminal that this name fits nothing; nothing is said where nothing is known."""
    if known:
        listed = "、".join(known[:_LISTED]) + (" ほか" if len(known) > _LISTED else "")
        typer.echo(
            f"sekisho: 「{name}」に当てはまる名前が一覧にありません。打ちまちがいでないか確かめてください。知っている名前: "
            f"{listed} / nothing known is called so; check the name",
            err=True,
        )


def _known(desk: "Desk", kind: Kind) -> set[str]:
    from proxy.rulebook import policy_of

    match kind:
        case "model":
            return {model.name for model in policy_of(desk.settings).models.listed}
        case "section":
            sections = {posting.section for page in desk.people.pages() for posting in page.postings}
            return sections | {key.section for key in desk.keys.list()}
        case "tool":
            return {key.tool for key in desk.keys.list()}
        case "person":
            return {page.person.id for page in desk.people.pages()}
        case "house":
            return set()
