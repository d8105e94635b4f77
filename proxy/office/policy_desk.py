"""``sekisho policy explain | schema | diff``: why a recorded request was decided so, and what another policy would change.

The rules room's own commands are here too, so that all stand under one name. What reads the ledger first writes a
``viewed`` record, and shows nothing when that fails. Everything heavy is imported inside the commands.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from policies.commands import OfCase, explain_ask
from policies.commands import app as rules_app
from proxy.failing import stop

if TYPE_CHECKING:
    from audit.address import Address
    from audit.months import Month
    from policies.decide import Policy
    from policies.explain import Explanation
    from policies.model import Ask
    from proxy.comparison import Asked, Comparison
    from proxy.office.comparison_report import Table
    from proxy.replay import Difference
    from proxy.settings import Settings

app = typer.Typer(
    name="policy",
    help="規則を確かめ、試し、説明し、比べます。 / Check, test, explain and compare the rules.",
    no_args_is_help=True,
)
app.registered_commands += rules_app.registered_commands


@app.callback()
def hand_in(context: typer.Context) -> None:
    """The rules room's commands are told what this house finds, the city's own kinds of data too."""
    context.obj = _known_types


AsJson = Annotated[bool, typer.Option("--json", help="機械向けの JSON で出します。 / Print JSON.")]
Reason = Annotated[
    str | None,
    typer.Option(help="閲覧の理由（閲覧記録に残ります）。 / Why you look; kept in the viewed record."),
]
Where = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="PATH|URL",
        help="台帳のファイルかURL。省くと設定のもの。 / The ledger; by default that of the settings.",
    ),
]
_DIGEST = re.compile(r"[0-9a-f]{64}")
"""Records that are held in memory at once."""
_LONGEST = 30
"""Rows of one table on a terminal; the files hold all."""


# ── explain ──────────────────────────────────────────────────────────────────────────────────────


@app.command("explain")
def explain(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECORD|FILE]",
            help="やり取りの番号か、要求の事実(JSON)のファイル。- は標準入力。 / An exchange id, or an ask as JSON.",
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="NAME|FILE|DIGEST",
            help="方針。省くと、番号なら記録されたときの版、ファイルなら takatsuki。"
            " / By default of a record the version that decided it.",
        ),
    ] = None,
    case: OfCase = None,
    ledger: Where = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """なぜそう判定されたかを、規則と条件ごとに示します。 / Explain a decision, rule by rule.

    番号を渡すと、台帳に残る事実を同じ版の方針でもう一度判定し、記録と比べます。違いがあれば終わりの値は 1 です。 /
    A recorded request is decided again by the same version and compared with the record: exit status 1 if they differ.
    """
    if what is None or case is not None or _is_file(what):
        explain_ask(_known_types(), what, policy or "takatsuki", case, as_json)
    else:
        _explain_record(what, policy, ledger, reason, as_json)


def _is_file(what: str) -> bool:
    """No exchange has a slash in its id, or ends in .json."""
    named = what == "-" or "/" in what or "\\" in what or what.endswith(".json")
    return named or os.path.isfile(what)  # Path.is_file() raises for a name that is too long for any file


def _explain_record(
    exchange: str, policy: str | None, ledger: str | None, reason: str | None, as_json: bool
) -> None:
    from audit import query
    from audit.commands.desk import cannot_read, demand_no_number, record_view
    from policies import explain as reasons
    from proxy import replay

    settings, place = _house(ledger)
    demand_no_number(exchange, reason)
    try:
        shown = query.show(place, exchange)
    except query.CANNOT_READ as error:
        cannot_read(place, error)
    record_view(place, "explain", {"exchange": exchange}, 0 if shown is None else 1, reason)
    if shown is None:
        typer.echo(
            f"やり取り {exchange} は台帳にありません。 / The ledger has no exchange {exchange}.", err=True
        )
        raise typer.Exit(1)
    body = json.loads(shown.asked.body)
    try:
        ask = replay.ask_of(body, shown.asked.at)
    except replay.NotReplayable as error:
        ending = json.loads(shown.ending.body).get("reason") if shown.ending else None
        stop(f"{exchange}: {error}{f' (reason: {ending})' if ending else ''}")
    by = _policy(policy or body["policy_digest"], settings, _found_then(ask, body))
    if by.digest != body["policy_digest"]:
        by = replace(by, effective=None)  # what it would say is asked, not whether it was in force then
    explanation = reasons.explain(by, ask)
    differing = replay.differences(body, explanation.verdict)
    _tell_explanation(shown.asked, body, explanation, differing, as_json)
    raise typer.Exit(1 if differing else 0)


def _found_then(ask: "Ask", body: dict[str, Any]) -> frozenset[str]:
    """The types that were found then, and so were known: the city may have given one up since.

    Empty where the record says that the policy did not know one of them.
    """
    if f"error.{_UNKNOWN_TYPE}" in body.get("alarms", ()):
        return frozenset()
    return frozenset(fact.type for fact in ask.entities)


_UNKNOWN_TYPE = "unknown_entity_type"
"""What `policies.decide` refuses an ask for that holds a type its policy does not know."""


def _tell_explanation(
    asked: Any,
    body: dict[str, Any],
    explanation: "Explanation",
    differing: "tuple[Difference, ...]",
    as_json: bool,
) -> None:
    from policies import explain as reasons

    same_version = explanation.policy.digest == body["policy_digest"]
    if as_json:
        told = reasons.as_json(explanation) | {
            "exchange": asked.exchange,
            "at": asked.at,
            "recorded": {"verdict": body["verdict"], "digest": body["policy_digest"]},
            "differences": [{"name": d.name, "recorded": d.recorded, "now": d.now} for d in differing],
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for line in (*_head(asked, body, explanation, same_version), *reasons.as_lines(explanation)):
        typer.echo(_plain(line))
    typer.echo("")
    for line in _compared(differing, same_version):
        typer.echo(_plain(line))


def _head(asked: Any, body: dict[str, Any], explanation: "Explanation", same_version: bool) -> Iterator[str]:
    from audit.certificate import local

    policy = explanation.policy
    yield f"やり取り: {asked.exchange}　受付: {local(asked.at)} / exchange"
    yield f"方針: {policy.name} {policy.version} (SHA-256 {policy.digest[:12]}) / policy"
    if not same_version:
        then = body["policy_digest"][:12]
        yield f"記録されたときの版({then})ではありません。施行日は見ずに判定します。 / Not the version of the record ({then}); its effective date is left aside."
    yield ""


def _compared(differing: "tuple[Difference, ...]", same_version: bool) -> Iterator[str]:
    if not differing:
        yield "記録と同じ判定です。 / Decided as it was recorded."
        return
    if same_version:
        yield "■■ 記録と違う判定です。同じ版の方針が、同じ事実を違うように判定しました。情報システム担当へ知らせてください。 ■■"
        yield "■■ THIS DIFFERS FROM THE RECORD, under the very same version. Tell the system team. ■■"
    else:
        yield "この方針では、記録と違う判定になります。 / Under this policy the decision differs from the record."
    for one in differing:
        then, now = (json.dumps(value, ensure_ascii=False) for value in (one.recorded, one.now))
        yield f"  {one.name}: 記録 {then} → いま {now} / recorded → now"


# ── schema ───────────────────────────────────────────────────────────────────────────────────────


@app.command("schema")
def schema(
    of: Annotated[
        str, typer.Argument(metavar="[ask|policy|tests]", help="何の形か。 / The shape of what.")
    ] = "ask",
) -> None:
    """要求・方針・試験のファイルの形を、JSON Schema で出します。 / Print the JSON Schema of a file.

    エディターに読ませると、書きながら誤りが分かります。 / An editor that reads it shows mistakes as you type.
    """
    from policies.asks import ask_schema
    from policies.cases import TestsForm
    from policies.schema import policy_schema

    made: dict[str, Callable[[], dict[str, Any]]] = {
        "ask": ask_schema,
        "policy": policy_schema,
        "tests": TestsForm.model_json_schema,
    }
    if of not in made:
        stop(f"{', '.join(made)} のどれかにしてください / must be one of: {', '.join(made)}")
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    typer.echo(json.dumps(dialect | made[of](), ensure_ascii=False, indent=2))


# ── diff ─────────────────────────────────────────────────────────────────────────────────────────


@app.command("diff")
def diff(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="いまの方針: 名前・ファイル・SHA-256。 / Policy.")
    ],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="新しい方針: 名前・ファイル・SHA-256。 / Policy.")
    ],
    month: Annotated[
        str | None,
        typer.Option(
            "--replay",
            metavar="2026-10",
            help="この月(日本時間)の記録を、両方の方針で判定し直します。 / Decide this month's records again.",
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="CSVの新しいファイル。 / New file for CSV.")] = None,
    html: Annotated[Path | None, typer.Option(help="HTMLの新しいファイル。 / New file for HTML.")] = None,
    examples: Annotated[
        int, typer.Option(min=0, max=100, help="変化ごとに挙げる例の数。 / Examples for each change.")
    ] = 5,
    ledger: Where = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """二つの方針の違いと、先月の判定がどう変わるかを示します。 / What differs, and which decisions would change.

    終わりの値は、変わるものがあれば 1、なければ 0、できなければ 2 です。--replay なしではファイルの違い、
    --replay があれば判定・お知らせ・警報などの変化で決まります。 / Exit status: 1 if something changes, 0 if nothing
    does, 2 if it could not be done; without --replay of the files, with it of decisions, notices, alarms and the like.
    """
    from policies.differences import differences

    settings, place = _house(ledger)
    over = _month(month)
    if over is None and (csv or html):
        stop("--csv と --html には --replay 2026-10 が要ります / --csv and --html need --replay 2026-10")
    _demand_new(csv, html)
    before, after = (_policy(source, settings) for source in (old, new))
    if over is None:
        differing = differences(before, after)
        _tell_differences(before, after, differing, as_json)
        raise typer.Exit(1 if differing else 0)
    found = _replayed(before, after, place, over, examples, reason)
    for file, write in ((csv, "as_csv"), (html, "as_html")):
        if file is not None:
            _write(file, write, found, over)
    _tell_comparison(found, over, as_json)
    raise typer.Exit(1 if found.changed else 0)


def _month(text: str | None) -> "Month | None":
    from audit.months import read_month

    if text is None:
        return None
    try:
        month = read_month(text)
        for bound in (month, month.next()):  # the first and the last month of the calendar have none
            bound.first_moment()
        return month
    except (ValueError, OverflowError):
        stop("--replay は 2026-10 の形です / --replay is a month of this form")


def _replayed(
    old: "Policy", new: "Policy", place: "Address", month: "Month", examples: int, reason: str | None
) -> "Comparison":
    """The month decided again, and the view recorded. Nothing of it has been shown yet."""
    from audit.commands.desk import demand_no_number, record_view
    from proxy.comparison import compare

    demand_no_number(reason)
    found = compare(old, new, _asked_in(place, month), examples)
    stated = {"month": str(month), "old": old.digest, "new": new.digest}
    record_view(place, "diff", stated, found.read, reason)
    return found


def _asked_in(place: "Address", month: "Month") -> "Iterator[Asked]":
    """Every `asked` record of a month, newest first, a page at a time."""
    from audit import query
    from audit.commands.desk import cannot_read
    from proxy.comparison import Asked

    try:
        for one in query.of_kind(place, "asked", month.first_moment(), month.next().first_moment()):
            yield Asked(one.exchange or "", one.at, json.loads(one.body))
    except query.CANNOT_READ as error:
        cannot_read(place, error)


def _demand_new(*files: Path | None) -> None:
    """No file is written over, so that a policy named by mistake is not lost. Said before the ledger is read."""
    given = [file for file in files if file is not None]
    for file in given:
        if os.path.exists(file):  # Path.exists() raises for a name that is too long
            stop(
                f"{file} はもうあります。別の名前にしてください / {file} is there already; choose another name"
            )
        if not os.path.isdir(file.parent):
            stop(f"{file.parent} というフォルダーがありません / there is no such folder: {file.parent}")
    if len(given) != len(set(map(Path.absolute, given))):
        stop("--csv と --html に同じファイルは書けません / --csv and --html must be two files")


def _write(file: Path, form: str, found: "Comparison", month: "Month") -> None:
    from proxy.office import comparison_report

    try:
        with file.open("xb") as out:
            out.write(getattr(comparison_report, form)(found, month))
    except OSError as error:
        stop(f"{file} に書けません({error.strerror}) / cannot be written")


def _tell_differences(old: "Policy", new: "Policy", differing: Any, as_json: bool) -> None:
    from proxy.office import comparison_report as report

    if as_json:
        told = {"old": report.named(old), "new": report.named(new)}
        typer.echo(
            json.dumps(
                told | {"differences": report.differences_json(differing)}, ensure_ascii=False, indent=2
            )
        )
        return
    _tell_policies(old, new)
    if differing:
        _print_table(report.file_table(differing), whole=True)
    else:
        typer.echo("二つの方針の中身は同じです。 / Both policies say the same.")


def _tell_comparison(found: "Comparison", month: "Month", as_json: bool) -> None:
    from proxy.office import comparison_report as report

    differing = found.differences()
    if as_json:
        told = {
            "old": report.named(found.old),
            "new": report.named(found.new),
            "differences": report.differences_json(differing),
            "replay": report.as_json(found, month),
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    _tell_policies(found.old, found.new)
    for table in report.tables(found):
        _print_table(table)
    typer.echo(
        f"方針のファイルの違い: {len(differing)} か所 / differences between the files: {len(differing)}"
    )
    for one in report.sentences(found, month):
        typer.echo(f"※ {_plain(one.ja)} / {_plain(one.en)}")
    outcome = (
        (f"{found.changed} 件で何かが変わります", f"something changes for {found.changed} records")
        if found.changed
        else ("何も変わりません", "nothing changes")
    )
    typer.echo(
        f"{month.japanese}の {found.decided} 件のうち、{outcome[0]}。 / Of {found.decided}: {outcome[1]}."
    )


def _tell_policies(old: "Policy", new: "Policy") -> None:
    for word, policy in (("旧 OLD", old), ("新 NEW", new)):
        typer.echo(f"{word}  {policy.name} {policy.version} (SHA-256 {policy.digest[:12]})")


def _print_table(table: "Table", whole: bool = False) -> None:
    """A table on a terminal, tab-separated lines below its title elsewhere."""
    rows = table.rows if whole or not sys.stdout.isatty() else table.rows[:_LONGEST]
    title = f"{table.title.ja} / {table.title.en}"
    if not sys.stdout.isatty():
        for line in (("#", title), table.heads, *rows):
            typer.echo("\t".join(map(_plain, line)))
        return
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(title=title, title_justify="left")
    words = len(table.heads) - table.numbers
    for at, head in enumerate(table.heads):
        drawn.add_column(head, justify="left" if at < words else "right")
    for row in rows:
        drawn.add_row(*(Text(_plain(cell)) for cell in row))  # Text: what a record says is no markup
    Console().print(drawn)
    if len(rows) < len(table.rows):
        more = len(table.rows) - len(rows)
        typer.echo(
            f"ほか {more} 行(--csv・--html に全部あります) / {more} more rows, all in --csv and --html"
        )


def _plain(cell: str) -> str:
    from audit.certificate import plain

    return plain(cell)


# ── the house ────────────────────────────────────────────────────────────────────────────────────


def _house(ledger: str | None) -> "tuple[Settings, Address]":
    """The settings, and where the ledger lies."""
    from audit.commands.desk import address

    settings = _settings()
    if ledger is not None:
        settings = settings.model_copy(update={"ledger": ledger})
    return settings, address(settings.ledger_location)


def _settings() -> "Settings":
    from proxy.settings import BadSettings, read

    try:
        return read()
    except BadSettings as error:
        stop(str(error))


def _known_types() -> Sequence[str]:
    """Every type that this house finds. Ends with status 2 where that cannot be known."""
    return _types(_settings())


def _types(settings: "Settings") -> Sequence[str]:
    from proxy.rulebook import entity_types
    from redaction.rules import RulesError

    try:
        return entity_types(settings)
    except RulesError as error:
        why = error.complaints[0]  # mending one shows the next
        stop(f"市の検出規則(SEKISHO_RULES)を読めません / the detection rules cannot be read: {why}")


def _policy(source: str, settings: "Settings", more_types: Iterable[str] = ()) -> "Policy":
    """A policy by name, file or digest, checked against every type that this house finds. Ends with status 2.

    ``more_types``: types that it knew besides.
    """
    from policies import files
    from policies.complaints import PolicyError
    from proxy.rulebook import by_digest

    types = (*_types(settings), *more_types)
    try:
        policy = (
            by_digest(settings, source, types) if _DIGEST.fullmatch(source) else files.load(source, types)
        )
    except PolicyError as error:
        stop(str(error.complaints[0]))
    if policy is None:
        stop(
            f"{source[:12]}… という版の方針は、この関所にも台帳にもありません。その版のファイルを --policy か引数で指定してください"
            f" / neither this house nor the ledger has the policy {source[:12]}…: name its file"
        )
    return policy
