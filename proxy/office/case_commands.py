"""`sekisho redact cases add|list|check|remove`: false alarms of this installation as cases of the detector.

Exit status: 0 done, 1 something is still found wrongly, 2 it could not be done.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from audit.commands.desk import Reason
from proxy import printing
from proxy.failing import stop
from proxy.office.desk import at_the_desk

if TYPE_CHECKING:
    from audit.address import Address
    from audit.review import Timeline
    from proxy.settings import Settings
    from redaction.cases import Cases, Find

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]
HELP = "誤検出を検出器の例にする / False alarms as cases of the detector."


@app.command("add")
def add(
    exchange: Annotated[
        str,
        typer.Argument(
            metavar="EXCHANGE", help="扱いが誤検出のやり取り / Exchange disposed as a false alarm."
        ),
    ],
    reason: Reason = None,
    placeholder: Annotated[
        str, typer.Option(help="まちがって伏せられた所。例 [PERSON_1_k7q2] / What was masked wrongly.")
    ] = "",
    was: Annotated[
        str, typer.Option(help="そこに書かれていた公の言葉(50字まで) / The public words that stood there.")
    ] = "",
    kind: Annotated[
        str | None,
        typer.Option(help="いまの検出器が別の種類に見るとき、その種類 / What it is taken for today."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """伏せ字の文から一文を、例に加えます(ほかの伏せ字はそのまま)。 / Add a sentence, all else masked, to the cases."""
    from audit.commands.desk import address, because, demand_no_number, record_view
    from audit.names import now
    from proxy.office import cases
    from redaction.model import CannotDetect

    demand_no_number(exchange, placeholder, kind)
    why = because(reason)
    with at_the_desk() as desk:
        asked = cases.Asked(placeholder, was, why, kind)
        if placeholder:
            cases.demand_words(asked)
        place = address(desk.settings.ledger_location)
        shown = _shown(place, exchange)
        record_view(
            place, "show", {"exchange": exchange}, 0 if shown is None else 2 if shown.ending else 1, why
        )
        if shown is None:
            typer.echo(
                f"やり取り {exchange} は台帳にありません。 / The ledger has no exchange {exchange}.", err=True
            )
            raise typer.Exit(1)
        try:
            made = cases.take(shown, asked, _find(desk.settings), cases.file_of(desk.home), now(), desk.note)
        except CannotDetect as error:
            stop(f"文章を調べられません({error.reason}) / the text cannot be searched ({error.reason})")
    if as_json:
        printing.json_line(made.plain())
        return
    typer.echo(_line(made.case.id, made.case.kind, made.case.on, made.case.text))
    if not made.new:
        typer.echo("同じ例がもうあります。何も変えていません。 / The very same case is there already.")
    elif made.finds:
        typer.echo(
            "例に加えました。いまの検出器では、まだ見つかります(sekisho redact cases check)。"
            " / Added; today's detector still finds it."
        )
    else:
        typer.echo(
            "例に加えました。いまの検出器では、もう見つかりません。 / Added; today it is not found any more."
        )


@app.command("list")
def list_cases(as_json: AsJson = False) -> None:
    """例の一覧。 / Every case."""
    found = _read()
    if as_json:
        printing.json_line(
            [
                {"case": case.id, "kind": case.kind, "on": case.on, "text": case.text, "sha256": case.digest}
                for case in found.free
            ]
        )
        return
    if not found.free:
        typer.echo("例はまだありません。 / There is no case yet.")
    for case in found.free:
        typer.echo(_line(case.id, case.kind, case.on, case.text))


@app.command("check")
def check(as_json: AsJson = False) -> None:
    """いまの検出器(許可リストと市の規則つき)が、例をどう見るか。 / What today's detector makes of every case.

    まだまちがって見つかるものがあれば終了状態は1です。 / Exit status 1 where something is still found wrongly.
    """
    from redaction.cases import check as checked_of

    found = _read()
    checked = checked_of(found, _find(_settings())) if found.free or found.found else []
    wrong = sum(not one.holds for one in checked)
    if as_json:
        told = [
            {
                "case": one.case.id,
                "holds": one.holds,
                "found": [{"kind": kind, "text": text} for kind, text in one.wrong],
                "missed": [{"kind": kind, "text": text} for kind, text in one.missed],
            }
            for one in checked
        ]
        printing.json_line({"cases": told, "wrong": wrong})
        raise typer.Exit(1 if wrong else 0)
    for one in checked:
        state = "読めるまま / stays readable" if one.holds else "まちがい / WRONG"
        typer.echo(f"{one.case.id} {state}")
        for word, pairs in (("まだ見つかる / still found", one.wrong), ("見つからない / missed", one.missed)):
            for kind, text in pairs:
                typer.echo(f"  {word}: {kind} {_plain(text)}")
    typer.echo(f"{len(checked)}件のうち、まちがい {wrong}件 / {len(checked)} cases, {wrong} wrong")
    raise typer.Exit(1 if wrong else 0)


@app.command("remove")
def remove(
    id: Annotated[str, typer.Argument(metavar="CASE", help="例の番号 / Id of the case.")],
    as_json: AsJson = False,
) -> None:
    """例を取り除きます(台帳に残ります)。 / Take a case out; noted in the ledger."""
    from audit.commands.desk import demand_no_number
    from proxy.office import cases

    demand_no_number(id)
    with at_the_desk() as desk:
        gone = cases.drop(desk, id)
    if as_json:
        printing.json_line({"case": gone.id, "removed": True})
        return
    typer.echo(f"{gone.id} を取り除きました / removed")


def _shown(place: "Address", exchange: str) -> "Timeline | None":
    from audit.commands.desk import demand_file, os_user, reading

    demand_file(place)
    with reading(place, os_user()) as review:
        return review.exchange(exchange)


def _find(settings: "Settings") -> "Find":
    """Today's detector, as `sekisho serve` has it, one text after another."""
    from proxy.office.disclose_command import detector_of

    detector = detector_of(settings)
    return lambda text: detector.find_now([text])[0]


def _settings() -> "Settings":
    from proxy.settings import BadSettings, read

    try:
        return read()
    except BadSettings as error:
        stop(str(error))


def _read() -> "Cases":
    from proxy.home import Home
    from proxy.office.cases import file_of
    from redaction.cases import BadFile, read

    try:
        return read(file_of(Home(_settings().home)))
    except BadFile as error:
        stop(str(error))


def _line(id: str, kind: str, on: str, text: str) -> str:
    return f"{id} {kind or '-'} {on or '-'} {_plain(text)}"


def _plain(text: str) -> str:
    from audit.certificate import plain

    return plain(text)
