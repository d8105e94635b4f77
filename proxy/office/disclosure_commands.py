"""`sekisho label show|check|second|waiting`: what a document says that AI helped to write it, and who checked it."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.failing import stop
from proxy.office.desk import at_the_desk

if TYPE_CHECKING:
    from proxy.office.checks import Check

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]
Exchange = Annotated[
    str, typer.Argument(metavar="EXCHANGE", help="やり取りの番号(x-request-id) / Id of the exchange.")
]
By = Annotated[str, typer.Option("--by", help="確かめた人の職員番号 / Staff id of who checked it.")]


@app.command("show")
def show(exchange: Exchange, as_json: AsJson = False) -> None:
    """文書に書く一文(生成AI利用の表示文)を示します。 / The sentence that a document carries."""
    from audit.commands.desk import address, demand_no_number, record_view
    from policies.complaints import PolicyError
    from proxy.office import disclosing
    from proxy.office.checks import CheckBook
    from proxy.rulebook import policy_of

    demand_no_number(exchange)
    with at_the_desk() as desk:
        record_view(address(desk.settings.ledger_location), "label", {"exchange": exchange}, 1, None)
        try:
            sentence = policy_of(desk.settings).label
        except (PolicyError, ValueError) as error:
            stop(str(error))
        label = disclosing.label(desk, exchange, sentence)
        checks = CheckBook(desk.office).of(exchange)
    if as_json:
        plain = label.plain() | {"checks": [one.plain() for one in checks]}
        typer.echo(json.dumps(plain, ensure_ascii=False, indent=2))
        return
    typer.echo(f"{label.says.ja}\n{label.says.en}")
    for one in checks:
        typer.echo(_line(one))


@app.command("check")
def check(
    exchange: Exchange,
    by: By,
    document: Annotated[str, typer.Option(help="文書の名前か番号 / Title or number of the document.")],
    external: Annotated[
        bool,
        typer.Option(
            "--external", help="庁外に出す文書(2人で確認) / It leaves the hall: two persons check it."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """AIの文章を職員が確かめたことを残します。 / Note that somebody checked a text."""
    from proxy.office import disclosing

    with at_the_desk() as desk:
        made = disclosing.check(desk, exchange, document, external, by)
    _tell(made, as_json)


@app.command("second")
def second(
    id: Annotated[str, typer.Argument(metavar="CHECK", help="確認の番号 / Id of the check.")],
    by: By,
    as_json: AsJson = False,
) -> None:
    """庁外に出す文書を、別の職員がもう一度確かめます。 / Another person checks a text that leaves the hall."""
    from proxy.office import disclosing

    with at_the_desk() as desk:
        made = disclosing.second(desk, id, by)
    _tell(made, as_json)


@app.command("waiting")
def waiting(as_json: AsJson = False) -> None:
    """2人目の確認を待っている文書の一覧。 / Texts that wait for their second check."""
    from proxy.office.checks import CheckBook

    with at_the_desk() as desk:
        found = CheckBook(desk.office).waiting()
    if as_json:
        typer.echo(json.dumps([one.plain() for one in found], ensure_ascii=False))
        return
    if not found:
        typer.echo("2人目の確認を待っている文書はありません / nothing waits for a second check")
    for one in found:
        typer.echo(_line(one))


def _tell(made: "Check", as_json: bool) -> None:
    typer.echo(json.dumps(made.plain(), ensure_ascii=False) if as_json else _line(made))


def _line(one: "Check") -> str:
    if one.state == "waiting":
        then = f"2人目の確認待ち: sekisho label second {one.id} --by 職員番号 / waits for a second person"
    elif one.second_by:
        then = f"2人目 {one.second_by}({one.second_at}) / checked by two"
    else:
        then = "確認ずみ / checked"
    return f"{one.id} 「{one.document}」 1人目 {one.first_by}({one.first_at}) {then}"
