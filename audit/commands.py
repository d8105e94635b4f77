"""``sekisho audit search | show | verify | sweep``: what the people who answer for the records use.

Reading is recorded: search and show first write a ``viewed`` record, and show nothing when that fails.
Exit status: 0 fine, 1 something is wrong or not there, 2 it could not be done (one sentence on stderr).
Everything heavy is imported inside the commands, so that the command line starts quickly.
"""

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from audit.model import Record

app = typer.Typer(
    name="audit",
    help="台帳を調べ、示し、確かめます。 / Search, show and verify the ledger.",
    no_args_is_help=True,
)

Where = Annotated[
    str,
    typer.Option(
        "--ledger",
        envvar="SEKISHO_LEDGER",
        metavar="PATH|URL",
        help="台帳のファイル、または sqlite:///PATH。 / The ledger's file or its sqlite:/// URL.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="機械向けの JSON で出します。 / Print JSON.")]
Reason = Annotated[
    str | None,
    typer.Option(help="閲覧の理由（閲覧記録に残ります）。 / Why you look; kept in the viewed record."),
]
DEFAULT_LEDGER = "var/ledger.sqlite"
JST = timezone(timedelta(hours=9), "JST")
"""Without the zone database: slim machines have none, and Japan has no summer time."""


@app.command("search")
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
        bool, typer.Option("--all", help="閲覧・台帳外の記録も出します。 / Also viewed and noted records.")
    ] = False,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """記録を新しい順に探します。 / Find records, newest first.

    --json は一行に一件を標準出力へ、続きがあれば標準エラーに「cursor 印」の一行を出します。 /
    With --json: one record a line on stdout; if there is more, one line "cursor MARK" on stderr.
    """
    from audit import query

    path = _path(ledger)
    filters = query.Filters(
        kind=_kind(kind),
        exchange=exchange,
        person=person,
        section=section,
        tool=tool,
        model=model,
        since=_time(since, "--since"),
        until=_time(until, "--until"),
        everything=everything,
    )
    try:
        page = query.search(path, filters, limit, cursor)
    except query.CANNOT_READ as error:
        _cannot_read(path, error)
    stated = filters.stated() | {"limit": limit} | ({"cursor": cursor} if cursor else {})
    _record_view(path, "search", stated, len(page.records), reason)
    if as_json:
        for record in page.records:
            typer.echo(json.dumps(_plain(record), ensure_ascii=False))
    else:
        _print_table(page.records)
    if page.cursor:
        typer.echo(f"cursor {page.cursor}", err=True)


@app.command("show")
def show(
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="やり取りの番号。 / Exchange id.")],
    ledger: Where = DEFAULT_LEDGER,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """一つのやり取りを、伏せ字の本文とともに示します。 / Show one exchange with its masked text."""
    from audit import query

    path = _path(ledger)
    try:
        shown = query.show(path, exchange)
    except query.CANNOT_READ as error:
        _cannot_read(path, error)
    rows = 0 if shown is None else 1 if shown.ending is None else 2
    _record_view(path, "show", {"exchange": exchange}, rows, reason)
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


@app.command("verify")
def verify(
    ledger: Where = DEFAULT_LEDGER,
    public_key: Annotated[
        Path | None,
        typer.Option(help="公開鍵。省くと台帳の隣の public.pem。 / Default: public.pem beside the ledger."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """記録のつながりと署名を確かめます。何も書きません。 / Check chains and signatures; writes nothing."""
    from audit import verify as verifier

    path = _path(ledger)
    key = public_key or verifier.key_beside(path)
    raise typer.Exit(verifier.run(path, key, as_lines_of_json=as_json))


@app.command("sweep")
def sweep(ledger: Where = DEFAULT_LEDGER) -> None:
    """止まった書き手が残したやり取りを lost として閉じます。 / Close what writers that are gone left open."""
    from audit.ledger import Ledger
    from audit.model import CannotRecord

    path = _path(ledger)
    _demand_file(path)
    writer = Ledger(path, create=False, sweeping=False)
    writer.start()
    try:
        closed = writer.sweep_now()
    except CannotRecord as error:
        _cannot(f"台帳に書けません / The ledger cannot be written ({_cause(error)})")
    finally:
        writer.stop()
    typer.echo(f"{closed} 件を lost として閉じました。 / Closed {closed} exchanges as lost.")


# ── before anything is shown ─────────────────────────────────────────────────────────────────────


def _path(address: str) -> Path:
    from audit.address import ledger_path

    try:
        return ledger_path(address)
    except ValueError as error:
        _cannot(f"この台帳は使えません / This ledger cannot be used: {error}")


def _demand_file(path: Path) -> None:
    if not path.is_file():
        _cannot(
            f"台帳 {path} がありません。--ledger で場所を指定してください"
            f" / There is no ledger at {path}: say where with --ledger"
        )


def _record_view(path: Path, what: str, filters: dict[str, Any], rows: int, reason: str | None) -> None:
    """Who looked, at what, and how much of it. Nothing is shown unless this is durable."""
    from audit.ledger import Ledger
    from audit.model import CannotRecord, Draft

    body = {"what": what, "filters": filters, "rows": rows, "os_user": _os_user(), "reason": reason}
    writer = Ledger(path, create=False, sweeping=False)
    writer.start()
    try:
        writer.append_now(Draft("viewed", None, body))
    except CannotRecord as error:
        _cannot(
            "閲覧を記録できないため、何も表示しません"
            f" / Nothing is shown, because the view cannot be recorded ({_cause(error)})"
        )
    finally:
        writer.stop()


def _os_user() -> str:
    """Who runs this, as the system knows it; the environment can say anything."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _cause(error: BaseException) -> str:
    """The first line of why; sqlalchemy adds more lines, about itself."""
    return str(error.__cause__ or error).splitlines()[0]


def _cannot_read(path: Path, error: Exception) -> NoReturn:
    _demand_file(path)
    _cannot(f"台帳を読めません / The ledger cannot be read: {str(error).splitlines()[0]}")


def _cannot(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)


def _kind(kind: str | None) -> Any:
    from typing import get_args

    from audit.model import Kind

    if kind is not None and kind not in get_args(Kind):
        _cannot(f"--kind は次のどれかです / --kind is one of: {', '.join(get_args(Kind))}")
    return kind


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=JST)).astimezone(UTC)
    except (ValueError, OverflowError):
        _cannot(f"{option} は 2026-11-23 か 2026-11-23T09:00 の形です / {option} is a time of this form")


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


def _local(at: str) -> str:
    """A moment as people here read it."""
    return f"{datetime.fromisoformat(at).astimezone(JST):%Y-%m-%d %H:%M:%S}"


def _print_table(records: tuple["Record", ...]) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    lines = [_columns(record) for record in records]
    heads = ("日時 JST", "種類 kind", "やり取り exchange", "職員 person", "モデル model", "理由 reason")
    if not sys.stdout.isatty():
        for line in lines:
            typer.echo("\t".join(line))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))  # Text: what a record says is no markup
    Console().print(table)


def _columns(record: "Record") -> tuple[str, ...]:
    body = json.loads(record.body)
    caller = body.get("caller") or {}
    cells = (record.exchange, caller.get("person"), body.get("model_requested"), body.get("reason"))
    return (_local(record.at), record.kind, *("-" if cell is None else _one_line(cell) for cell in cells))


def _one_line(cell: Any) -> str:
    """A cell cannot break the table, nor steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in str(cell))


def _print_view(view: dict[str, Any]) -> None:
    asked, ending, text = view["asked"], view["ending"], view["text"]
    typer.echo(f"やり取り exchange  {view['exchange']}")
    typer.echo(f"受付 asked        {_local(asked['at'])}  {_compact(view['caller'])}")
    outcome = f"{_local(ending['at'])}  {ending['kind']}" if ending else "まだ終わっていません / still open"
    typer.echo(f"結果 ending       {outcome}")
    for label, value in (
        ("規則 rules", view["rules"]),
        ("検出 entities", view["entities"]),
        ("外に出たもの egress", view["egress_state"]),
        ("トークン tokens", view["tokens"]),
    ):
        typer.echo(f"{label}  {_compact(value)}")
    for label, part in (
        ("質問（伏せ字） asked, masked", "asked"),
        ("回答（伏せ字） answer, masked", "answer"),
    ):
        typer.echo(f"── {label}")
        typer.echo("\n".join(_one_line(line) for line in (text[part] or "-").split("\n")))


def _compact(value: Any) -> str:
    return _one_line(json.dumps(value, ensure_ascii=False))
