"""``sekisho audit search | show``: find records, and show one exchange with its masked text.

Both first write a ``viewed`` record, and show nothing when that fails. Everything heavy is imported inside
the commands, so that the command line starts quickly.
"""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands.desk import (
    DEFAULT_LEDGER,
    AsJson,
    Reason,
    Where,
    address,
    cannot,
    cannot_read,
    demand_no_number,
    record_view,
    time,
)

if TYPE_CHECKING:
    from audit.model import Record


def search(
    ledger: Where = DEFAULT_LEDGER,
    kind: Annotated[str | None, typer.Option(help="記録の種類: asked, answered, refused, … / Kind.")] = None,
    exchange: Annotated[str | None, typer.Option(help="やり取りの番号。 / Exchange id.")] = None,
    person: Annotated[str | None, typer.Option(help="職員。 / Person who asked.")] = None,
    section: Annotated[str | None, typer.Option(help="課。 / Section.")] = None,
    tool: Annotated[str | None, typer.Option(help="ツール。 / Tool.")] = None,
    model: Annotated[str | None, typer.Option(help="求められたモデル。 / Model that was asked for.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="この日時以後（2026-11-23、時差の指定がなければ日本時間）。 / From, JST."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="この日時より前。 / Before, JST.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="一度に出す件数。 / Records per page.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(help="前の頁が示した続きの印。 / Where the last page ended.")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="閲覧の記録と、キー・保全・消去などのできごとも出します。"
            " / Also who looked, and what became of keys, holds and old records.",
        ),
    ] = False,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """記録を新しい順に探します。 / Find records, newest first.

    --json は一行に一件を標準出力へ、続きがあれば標準エラーに「cursor 印」の一行を出します。 /
    With --json: one record a line on stdout; if there is more, one line "cursor MARK" on stderr.
    """
    from audit import query

    place = address(ledger)
    demand_no_number(exchange, person, section, tool, model, reason)
    filters = query.Filters(
        kind=_kind(kind),
        exchange=exchange,
        person=person,
        section=section,
        tool=tool,
        model=model,
        since=time(since, "--since"),
        until=time(until, "--until"),
        everything=everything,
    )
    if filters.since and filters.until and filters.since > filters.until:
        cannot("--since が --until より後です / --since is later than --until")
    try:
        page = query.search(place, filters, limit, cursor)
    except query.CANNOT_READ as error:
        if cursor and isinstance(error, ValueError):
            cannot("--cursor は前の頁が示した印ではありません / --cursor is no mark that a search has given")
        cannot_read(place, error)
    stated = filters.stated() | {"limit": limit} | ({"cursor": cursor} if cursor else {})
    record_view(place, "search", stated, len(page.records), reason)
    if as_json:
        for record in page.records:
            typer.echo(json.dumps(_plain(record), ensure_ascii=False))
    else:
        _print_table(page.records)
        if not page.records:
            typer.echo("該当する記録はありません。 / No records.", err=True)
    if page.cursor:
        typer.echo(f"cursor {page.cursor}", err=True)


def show(
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="やり取りの番号。 / Exchange id.")],
    ledger: Where = DEFAULT_LEDGER,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """一つのやり取りを、伏せ字の本文とともに示します。 / Show one exchange with its masked text."""
    from audit import query

    place = address(ledger)
    demand_no_number(exchange, reason)
    try:
        shown = query.show(place, exchange)
    except query.CANNOT_READ as error:
        cannot_read(place, error)
    rows = 0 if shown is None else 1 if shown.ending is None else 2
    record_view(place, "show", {"exchange": exchange}, rows, reason)
    if shown is None:
        typer.echo(
            f"やり取り {exchange} は台帳にありません。 / The ledger has no exchange {exchange}.", err=True
        )
        raise typer.Exit(1)
    view = _view(shown)
    if as_json:
        typer.echo(json.dumps(view, ensure_ascii=False))
    else:
        _print_view(view)


def _kind(kind: str | None) -> Any:
    from typing import get_args

    from audit.model import Kind

    if kind is not None and kind not in get_args(Kind):
        cannot(f"--kind は次のどれかです / --kind is one of: {', '.join(get_args(Kind))}")
    return kind


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


def _plain(record: "Record") -> dict[str, Any]:
    """A record as a JSON object; the body as the object it is."""
    return {
        "writer": record.writer,
        "index": record.index,
        "at": record.at,
        "kind": record.kind,
        "exchange": record.exchange,
        "body": json.loads(record.body),
        "text_commitment": record.text_commitment,
        "hash": record.hash,
    }


def _view(shown: Any) -> dict[str, Any]:
    asked = _plain(shown.asked)
    ending = _plain(shown.ending) if shown.ending else None
    outcome = ending["body"] if ending else {}
    return {
        "exchange": asked["exchange"],
        "caller": asked["body"].get("caller"),
        "asked": asked,
        "ending": ending,
        "rules": asked["body"].get("rules", []),
        "entities": asked["body"].get("entities", {}),
        "egress_state": outcome.get("egress_state"),
        "tokens": outcome.get("tokens"),
        "text": {"asked": shown.asked_text, "answer": shown.answer_text},
    }


def _print_table(records: tuple["Record", ...]) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    lines = [_columns(record) for record in records]
    heads = (
        "日時 JST",
        "種類 kind",
        "やり取り exchange",
        "職員 person",
        "モデル model",
        "理由・できごと reason, event",
    )
    if not sys.stdout.isatty():
        for line in lines:
            typer.echo("\t".join(line))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not lines:
        return
    table = Table(*heads)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))  # Text: what a record says is no markup
    Console().print(table)


def _columns(record: "Record") -> tuple[str, ...]:
    """Of a record that belongs to no exchange: who did it, and what."""
    from audit.certificate import local, plain

    body = json.loads(record.body)
    person = (body.get("caller") or {}).get("person") or body.get("by") or body.get("os_user")
    said = " ".join(filter(None, (body.get("event") or body.get("what"), body.get("reason"))))
    cells = (record.exchange, person, body.get("model_requested"), said or None)
    return (local(record.at), record.kind, *("-" if cell is None else plain(cell) for cell in cells))


COUNTED = "  (漏えいの判断では、伏せずに出たものと数えます / counts as unmasked)"


ERASED = "(保存期間が過ぎたため消去されました / erased, because its retention was over)"
"""A record goes on committing to a text that is gone."""


def _print_view(view: dict[str, Any]) -> None:
    from audit.certificate import local, plain
    from audit.model import counts_as_unmasked

    asked, ending, text = view["asked"], view["ending"], view["text"]
    typer.echo(f"やり取り exchange  {view['exchange']}")
    typer.echo(f"受付 asked        {local(asked['at'])}  {_compact(view['caller'])}")
    outcome = f"{local(ending['at'])}  {ending['kind']}" if ending else "まだ終わっていません / still open"
    typer.echo(f"結果 ending       {outcome}")
    for label, value in (
        ("規則 rules", view["rules"]),
        ("検出 entities", view["entities"]),
        ("外に出たもの egress", view["egress_state"]),
        ("トークン tokens", view["tokens"]),
    ):
        counted = label.endswith("egress") and ending and counts_as_unmasked(value)
        typer.echo(f"{label}  {_compact(value)}{COUNTED if counted else ''}")
    for label, part in (
        ("質問（伏せ字） asked, masked", "asked"),
        ("回答（伏せ字） answer, masked", "answer"),
    ):
        record = asked if part == "asked" else ending
        erased = text[part] is None and record and record["text_commitment"]
        typer.echo(f"── {label}")
        typer.echo("\n".join(plain(line) for line in (ERASED if erased else text[part] or "-").split("\n")))


def _compact(value: Any) -> str:
    from audit.certificate import plain

    return plain(json.dumps(value, ensure_ascii=False))
