"""``sekisho audit reconcile``: the provider's count of a month beside the ledger's."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.commands.desk import (
    DEFAULT_LEDGER,
    AsJson,
    Reason,
    Where,
    address,
    cannot,
    cannot_read,
    demand_file,
    demand_no_number,
    record_view,
)

if TYPE_CHECKING:
    from audit.reconcile import Line, Unplaced


def reconcile(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="月(日本時間)。例 2026-10 / Month in Japan.")],
    usage: Annotated[
        Path,
        typer.Argument(
            metavar="CSV",
            help="提供者の利用明細: model,requests,input_tokens,output_tokens / The provider's usage.",
        ),
    ],
    ledger: Where = DEFAULT_LEDGER,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """提供者の利用明細と台帳を月ごとに突き合わせます。 / Compare the provider's count of a month with the ledger's.

    食い違いがあれば終了状態は1です。 / Exit status 1 where they differ.
    """
    from audit import query, reconcile
    from audit.months import read_month

    place = address(ledger)
    demand_no_number(reason)
    try:
        wanted = read_month(month)
    except ValueError:
        cannot("月は 2026-10 の形です / a month is written like 2026-10")
    try:
        theirs = reconcile.read_usage(usage.read_text("utf-8-sig"))
    except OSError as error:
        cannot(f"{usage}: 読めません / cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        cannot(f"{usage}: UTF-8のファイルではありません / is not a UTF-8 file")
    except ValueError as error:
        cannot(f"{usage}: {error}")
    demand_file(place)
    try:
        with query.reading(place) as connection:
            ours, unplaced = reconcile.recorded(connection, wanted)
    except query.CANNOT_READ as error:
        cannot_read(place, error)
    lines = reconcile.compare(ours, theirs)
    record_view(place, "reconcile", {"month": str(wanted)}, len(lines), reason)
    if as_json:
        rows = [asdict(line) | {"agrees": line.agrees} for line in lines]
        said = {"month": str(wanted), "models": rows, "unplaced": asdict(unplaced)}
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        _print(str(wanted), lines, unplaced)
    raise typer.Exit(0 if all(line.agrees for line in lines) else 1)


def _print(month: str, lines: list["Line"], unplaced: "Unplaced") -> None:
    from audit.certificate import plain

    typer.echo(f"{month} 台帳 ours / 提供者 theirs")
    for line in lines:
        ours, theirs = line.ours, line.theirs
        cells = [plain(line.model), "一致 agrees" if line.agrees else "食い違い DIFFERS"]
        for name, label in (("requests", "回数"), ("input_tokens", "入力"), ("output_tokens", "出力")):
            pair = (str(getattr(use, name)) if use else "-" for use in (ours, theirs))
            cells.append(f"{label} {name} {' / '.join(pair)}")
        if ours and ours.tries > ours.requests:
            cells.append(f"送り直しを含む tries {ours.tries}")
        if ours and ours.uncounted:
            cells.append(f"トークン不明 uncounted {ours.uncounted}")
        typer.echo("\t".join(cells))
    if not lines:
        typer.echo("どちらにも利用がありません。 / No use in either.")
    if unplaced.lost or unplaced.unnamed:
        typer.echo(
            f"ほかに、途中で失われたやり取り {unplaced.lost} 件、モデルの分からないもの {unplaced.unnamed} 件は、どの行にも数えて"
            f"いません。 / Besides, in no line: {unplaced.lost} exchanges lost on the way, {unplaced.unnamed} without a model."
        )
    if any(line.went_past for line in lines):
        typer.echo(
            "提供者の回数が台帳より多い行があります。関所を通らない利用か、月の区切りの違い(時差)です。CSIRT に知らせてください。"
            " / They counted more than we sent: use that went past the checkpoint, or months that end at another hour"
            " (time zone). Tell the CSIRT."
        )
