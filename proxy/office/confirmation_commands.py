"""`sekisho confirmations list|show|revoke`: what waits for a person's consent, and what was consented to.

Shows types, numbers and rules, never a text: the book has none. A consent is given on the page alone.
"""

import json
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from proxy import printing
from proxy.office.desk import at_the_desk

if TYPE_CHECKING:
    from proxy.office.confirmations import Confirmation

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="確認の番号 / Id, from 'confirmations list'.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]

_STATES = {
    "pending": "確認待ち",
    "granted": "許可済み",
    "refused": "送信しない",
    "used": "使用済み",
    "revoked": "取消し",
    "expired": "期限切れ",
}


@app.command("list")
def list_confirmations(
    person: Annotated[str | None, typer.Option("--person", help="この人のものだけ / Of this person.")] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            help="pending, granted, refused, used, revoked, expired のどれか / In this state.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """確認の一覧。古い順 / List confirmations, oldest first."""
    from proxy.failing import stop
    from proxy.office.confirmation_desk import plain
    from proxy.office.confirmations import ConfirmationBook

    if state is not None and state not in _STATES:
        stop(f"--state は次のどれかにしてください / must be one of: {', '.join(_STATES)}")
    with at_the_desk() as desk:
        rows = [plain(one) for one in ConfirmationBook(desk.office).every()]
    shown = [
        row
        for row in rows
        if (person is None or row["person"] == person) and (state is None or row["state"] == state)
    ]
    if as_json:
        printing.json_line(shown)
        return
    heads = (
        "ID", "状態 / State", "利用者 / Person", "ツール / Tool", "規則 / Rules", "受付 / Asked", "期限 / Until"
    )  # fmt: skip
    printing.table(
        heads,
        [
            (
                row["id"],
                _STATES[row["state"]],
                row["person"],
                row["tool"],
                " ".join(row["rules"]),
                row["asked_at"],
                _until(row),
            )
            for row in shown
        ],
    )


@app.command("show")
def show(id: Id, as_json: AsJson = False) -> None:
    """一つの確認: 何が見つかり、だれがなぜ同意したか / One confirmation: what was found, who consented and why."""
    from proxy.office.confirmation_desk import plain
    from proxy.office.confirmations import ConfirmationBook

    with at_the_desk() as desk:
        one = ConfirmationBook(desk.office).find(id)
    if one is None:
        _none(id)
    row = plain(one)
    if as_json:
        printing.json_line(row)
        return
    for name, value in row.items():
        typer.echo(
            f"{name}: {json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value or ''}"
        )


@app.command("revoke")
def revoke(
    id: Id, reason: Annotated[str, typer.Option("--reason", help="取り消す理由 / Why it is revoked.")] = ""
) -> None:
    """確認を取り消す。同じ文は、もう一度確認しないと通らない / Revoke: the same text has to be confirmed anew."""
    from proxy.office.confirmation_desk import revoke as take_back

    with at_the_desk() as desk:
        one: Confirmation = take_back(desk, id, reason)
    typer.echo(f"{one.id} を取り消しました / revoked")


def _until(row: dict[str, Any]) -> str:
    by_state = {"pending": "deadline", "granted": "fresh_until", "used": "known_until"}
    return str(row.get(by_state.get(row["state"], "ended_at")) or "")


def _none(id: str) -> NoReturn:
    typer.echo(
        f"sekisho: {id} という確認はありません(一覧: sekisho confirmations list) / no confirmation of this id",
        err=True,
    )
    raise typer.Exit(1)
