"""`sekisho audit incidents …`: incidents at the terminal, each step with one's own key; the same rules as over HTTP.

The key is SEKISHO_KEY, or is asked for (own_key.py). Exit status: 0 done, 2 it could not be done.
"""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from audit.commands import desk as audit_desk
from audit.commands.asking import one_of
from audit.incidents.deadlines import REPORTS
from audit.incidents.items import ITEMS
from audit.incidents.judgement import OUTCOMES, QUESTIONS, VALUES
from audit.incidents.model import DISPOSITIONS, KINDS, LEVELS
from proxy.failing import stop
from proxy.office.own_key import demand_nothing_personal, reading, record

if TYPE_CHECKING:
    from audit.incidents.clock import Hand
    from audit.incidents.model import Incident
    from audit.incidents.steps import Evidence
    from audit.model import Draft
    from audit.paper.model import Paper
    from audit.readers import Reader
    from audit.review import Review
    from proxy.office.desk import Desk

HELP = "事案(インシデント)の登録・期限・九項目・判断・書き出し / Incidents, their deadlines and papers."
STATES = ("open", "contained", "closed")

app = typer.Typer(no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]
Id = Annotated[str, typer.Argument(metavar="INCIDENT", help="事案番号 / Number of the incident.")]
Why = Annotated[str, typer.Option("--reason", help="理由(記録に残ります) / Why; it is kept.")]
Moment = Annotated[
    str | None,
    typer.Option(
        "--at", help="その時刻(日本時間)。省くと今 2026-11-28T10:00 / When it was, JST; now where left out."
    ),
]
KnownAt = Annotated[
    str | None,
    typer.Option(help="知った時(日本時間)。省くと今 2026-11-28T10:00 / When it was known, JST."),
]
OneExchange = Annotated[str | None, typer.Option("--exchange", help="やり取りの番号 / Exchange id.")]
OneAlert = Annotated[str | None, typer.Option("--alert", help="警報の番号 / Alert id.")]


# ── looks ────────────────────────────────────────────────────────────────────────────────────────


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Option(help=f"{', '.join(KINDS)} / Kind.")] = None,
    state: Annotated[str | None, typer.Option(help=f"{', '.join(STATES)} / State.")] = None,
    drills: Annotated[bool, typer.Option("--drills", help="訓練だけ / Drills, and they alone.")] = False,
    reason: audit_desk.Reason = None,
    as_json: AsJson = False,
) -> None:
    """見られる事案を、新しい順に。訓練は入りません / Incidents, the newest first; drills are left out."""
    from audit.incidents.export import looked
    from audit.incidents.told import summary_told

    asked = {
        "kind": one_of("--kind", kind, KINDS) if kind else None,
        "state": one_of("--state", state, STATES) if state else None,
        "drills": drills or None,
    }
    why = audit_desk.because(reason)
    with reading() as (reader, desk, review):
        found = [
            one
            for one in sorted(
                review.incidents().values(), key=lambda one: (one.opened_at, one.id), reverse=True
            )
            if one.is_drill is drills and kind in (None, one.kind) and state in (None, one.state)
        ]
        filters = {name: value for name, value in asked.items() if value}
        record(desk, looked(reader, "incidents", filters, len(found), why))
        told = [summary_told(one, _hands(desk, one)) for one in found]
    for one in told:
        typer.echo(json.dumps(one, ensure_ascii=False) if as_json else _line(one))
    if not told and not as_json:
        typer.echo("事案はありません / there are no incidents", err=True)


@app.command("show")
def show(id: Id, reason: audit_desk.Reason = None, as_json: AsJson = False) -> None:
    """一つの事案を示す: 期限、九項目、判断、見積もり、経過 / All of one incident."""
    from audit.incidents.export import looked
    from audit.incidents.paper import paper

    why = audit_desk.because(reason)
    with reading() as (reader, desk, review):
        told = _told(review, desk, reader, id, "incident", why)
        record(desk, looked(reader, "incident", {"incident": id}, 1, why))
        by = reader.person
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        print_paper(paper(told, by, datetime.now(UTC)))


@app.command("export")
def export(
    id: Id,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="書き出すファイル / Where it goes.")],
    form: Annotated[
        str | None, typer.Option("--form", help="md か pdf。省くとファイル名のとおり / As the name says.")
    ] = None,
    reason: audit_desk.Reason = None,
) -> None:
    """一つの事案を Markdown か PDF に書き出す。先に記録が残ります / One incident as a file; recorded first."""
    from audit.incidents.export import FORMS, exported, looked

    made_as = one_of("--form", form or out.suffix.removeprefix("."), FORMS)
    why = audit_desk.because(reason)
    if out.exists():
        stop(f"{out} はもうあります。別の名前にしてください / {out} is there already: choose another name")
    if not out.absolute().parent.is_dir():
        stop(f"フォルダー {out.absolute().parent} がありません / there is no such folder")
    with reading() as (reader, desk, review):
        told = _told(review, desk, reader, id, "incident_export", why)
        made = exported(told, made_as, reader.person, datetime.now(UTC))
        facts = {"incident": id, "form": made_as, "sha256": made.sha256, "bytes": len(made.raw)}
        record(desk, looked(reader, "incident_export", facts, 1, why))
    try:
        with out.open("xb") as file:
            file.write(made.raw)
    except OSError as error:
        stop(
            f"{out} に書けません: {error.strerror or type(error).__name__} / the file cannot be written there"
        )
    typer.echo(f"{out}\tsha256 {made.sha256}")


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


@app.command("open")
def open_(
    kind: Annotated[
        str,
        typer.Option(
            help="leak 漏えい等、outage 停止・障害、policy_violation ルール違反、misinformation_use 誤った情報の利用 / Kind."
        ),
    ],
    title: Annotated[str, typer.Option(help="件名。氏名や番号は書けません / Title, without names.")],
    known_at: KnownAt = None,
    exchange: Annotated[
        list[str] | None, typer.Option(help="関係するやり取り(何度でも) / Exchanges that belong to it.")
    ] = None,
    alert: Annotated[
        list[str] | None, typer.Option(help="もとになった警報(何度でも) / Alerts that it comes from.")
    ] = None,
    drill: Annotated[str | None, typer.Option(help="訓練の番号 d-… / The drill that it is of.")] = None,
    as_json: AsJson = False,
) -> None:
    """事案を開く(CSIRT) / Open an incident."""
    from audit.incidents import steps
    from audit.incidents.history import stepped

    made, known = one_of("--kind", kind, KINDS), audit_desk.time(known_at, "--known-at")
    with reading() as (reader, desk, review):
        reader.demand("handle_incidents")
        demand_nothing_personal(desk, [title])
        evidence = _evidence(review, exchange or [], alert or [])
        now = datetime.now(UTC)
        drafts = steps.opened(
            reader,
            made,
            title,
            now,
            known_at=known,
            evidence=evidence,
            drill=drill,
            taken=review.incidents(),
        )
        record(desk, *drafts)
        opened: Incident | None = None
        for draft in drafts:
            opened = stepped(opened, draft.body, now)
        assert opened is not None
        _tell(desk, opened, as_json)


@app.command("amend")
def amend(
    id: Id,
    reason: Why,
    kind: Annotated[str | None, typer.Option(help=f"{', '.join(KINDS)} / Kind.")] = None,
    title: Annotated[str | None, typer.Option(help="件名 / Title.")] = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """種類・件名・知った時を改める。期限は数え直します / Amend it; the deadlines count anew."""
    from audit.incidents import steps

    made, known = one_of("--kind", kind, KINDS) if kind else None, audit_desk.time(known_at, "--known-at")
    _step(
        id,
        [reason, title],
        lambda reader, one, now: steps.amended(
            reader, one, reason, now, kind=made, title=title, known_at=known
        ),
        as_json,
    )


@app.command("link")
def link(
    id: Id, reason: Why, exchange: OneExchange = None, alert: OneAlert = None, as_json: AsJson = False
) -> None:
    """やり取りか警報を関連づける / Link an exchange or an alert."""
    from audit.incidents import steps
    from audit.incidents.history import stepped

    _demand_one(exchange, alert)
    with reading() as (reader, desk, review):
        reader.demand("handle_incidents")
        demand_nothing_personal(desk, [reason])
        one: Incident | None = _found(review, id)
        assert one is not None
        named = {("exchange", exchange or ""), ("alert", alert or "")}
        found = _evidence(review, [exchange] if exchange else [], [alert] if alert else [])
        drafts = [
            steps.linked(reader, one, two, reason)
            for two in found
            if two.key in named or two.key not in one.links
        ]
        record(desk, *drafts)
        for draft in drafts:
            one = stepped(one, draft.body, datetime.now(UTC))
        assert one is not None
        _tell(desk, one, as_json)


@app.command("unlink")
def unlink(
    id: Id, reason: Why, exchange: OneExchange = None, alert: OneAlert = None, as_json: AsJson = False
) -> None:
    """関連づけを外す。外したことも残ります / Take a link back; that it was there stays."""
    from audit.incidents import steps

    _demand_one(exchange, alert)
    _step(
        id,
        [reason],
        lambda reader, one, now: steps.unlinked(reader, one, reason, exchange=exchange, alert=alert),
        as_json,
    )


@app.command("note")
def note(
    id: Id,
    text: Annotated[str, typer.Argument(help="書くこと。氏名や番号は書けません / What to keep.")],
    at: Moment = None,
    as_json: AsJson = False,
) -> None:
    """経過に書き加える / Add to the timeline."""
    from audit.incidents import steps

    happened = audit_desk.time(at, "--at")
    _step(id, [text], lambda reader, one, now: steps.remarked(reader, one, text, now, happened), as_json)


@app.command("escalate")
def escalate(
    id: Id,
    to: Annotated[str, typer.Option("--to", help="board 幹事会、headquarters IT推進本部 / Up to whom.")],
    reason: Why,
    as_json: AsJson = False,
) -> None:
    """幹事会、IT推進本部へ上げる / Bring it up."""
    from audit.incidents import steps

    level = one_of("--to", to, LEVELS)
    _step(id, [reason], lambda reader, one, now: steps.escalated(reader, one, level, reason), as_json)


@app.command("item")
def item(
    id: Id,
    name: Annotated[str, typer.Argument(metavar="ITEM", help=f"{', '.join(ITEMS)} / One of the nine.")],
    text: Annotated[str | None, typer.Argument(help="書くこと / What stands there from now on.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="文をこのファイルから(- は標準入力) / The text from a file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """漏えい等報告の九項目の一つを書く。前の版も残ります / Write one of the nine items; older versions stay."""
    from audit.incidents import steps

    which = one_of("ITEM", name, ITEMS)
    if (text is None) == (file is None):
        stop("文か --file の、どちらか一つを指定してください / give the text, or --file")
    said = text if text is not None else _read(file)
    _step(id, [said], lambda reader, one, now: steps.item(reader, one, which, said), as_json)


@app.command("answer")
def answer(
    id: Id,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help=f"{', '.join(QUESTIONS)}")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="yes, no, unknown")],
    reason: Why,
    as_json: AsJson = False,
) -> None:
    """「報告対象か」の問いに答える。決定にはなりません / Answer a question of the aid; it decides nothing."""
    from audit.incidents import steps

    which, given = one_of("QUESTION", question, QUESTIONS), one_of("VALUE", value, VALUES)
    _step(id, [reason], lambda reader, one, now: steps.answered(reader, one, which, given, reason), as_json)


@app.command("decide")
def decide(
    id: Id,
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME", help="reportable, not_reportable")],
    reason: Why,
    as_json: AsJson = False,
) -> None:
    """報告対象かどうかを決める(CIO補佐官、幹事会・IT推進本部) / Decide whether it is reportable."""
    from audit.incidents import steps

    made = one_of("OUTCOME", outcome, OUTCOMES)
    _step(id, [reason], lambda reader, one, now: steps.decided(reader, one, made, reason), as_json,
          "decide_incidents")  # fmt: skip


@app.command("reported")
def reported(
    id: Id,
    report: Annotated[str, typer.Argument(metavar="REPORT", help="prompt 速報、final 確報")],
    at: Moment = None,
    reference: Annotated[str | None, typer.Option(help="受付番号 / Number under which it was taken.")] = None,
    reason: Annotated[str | None, typer.Option(help="添え書き / What to say of it.")] = None,
    as_json: AsJson = False,
) -> None:
    """報告したことを残す。期限に間に合ったかが示されます / Record that a report was made."""
    from audit.incidents import steps

    which, when = one_of("REPORT", report, tuple(REPORTS)), audit_desk.time(at, "--at")
    _step(
        id,
        [reference, reason],
        lambda reader, one, now: steps.reported(
            reader, one, which, when, now, reference=reference, reason=reason
        ),
        as_json,
    )


@app.command("contained")
def contained(id: Id, reason: Why, at: Moment = None, as_json: AsJson = False) -> None:
    """被害の広がりを止めた時刻を残す / Record when it was contained, and how."""
    from audit.incidents import steps

    when = audit_desk.time(at, "--at")
    _step(id, [reason], lambda reader, one, now: steps.contained(reader, one, when, reason, now), as_json)


@app.command("close")
def close(
    id: Id,
    disposition: Annotated[
        str,
        typer.Option(
            "--as",
            help="no_breach 漏えい等なし、resolved 解決、handed_over 引き継ぎ、mistaken 事案でなかった / What became of it.",
        ),
    ],
    reason: Why,
    as_json: AsJson = False,
) -> None:
    """終結する。足りないものがあれば示します / Close it; what is missing is told."""
    from audit.incidents import steps

    made = one_of("--as", disposition, DISPOSITIONS)
    _step(id, [reason], lambda reader, one, now: steps.closed(reader, one, made, reason), as_json)


@app.command("reopen")
def reopen(id: Id, reason: Why, as_json: AsJson = False) -> None:
    """再開する / It was not over."""
    from audit.incidents import steps

    _step(id, [reason], lambda reader, one, now: steps.reopened(reader, one, reason), as_json)


# ── what they share ──────────────────────────────────────────────────────────────────────────────


def _step(
    id: str,
    written: Sequence[str | None],
    does: "Callable[[Reader, Incident, datetime], Draft]",
    as_json: bool,
    sight: Any = "handle_incidents",
) -> None:
    """One step: whose right it is, what is written, and then the record of it."""
    from audit.incidents.history import stepped

    with reading() as (reader, desk, review):
        reader.demand(sight)
        one, now = _found(review, id), datetime.now(UTC)
        draft = does(reader, one, now)
        demand_nothing_personal(desk, written)
        record(desk, draft)
        after = stepped(one, draft.body, now)
        assert after is not None
        _tell(desk, after, as_json)


def _told(review: "Review", desk: "Desk", reader: "Reader", id: str, what: str, why: str) -> dict[str, Any]:
    """One incident as it is told; a look for one that is not there is a record, too."""
    from audit.incidents.export import looked
    from audit.incidents.told import incident_told

    audit_desk.demand_no_number(id)
    one = review.incident(id)
    if one is None:
        record(desk, looked(reader, what, {"incident": id[:64]}, 0, why))
        _not_there()
    whole = "exchanges" in reader.sights
    return incident_told(one, _hands(desk, one), review.affected(one), whole=whole)


def _found(review: "Review", id: str) -> "Incident":
    one = review.incident(id)
    if one is None:
        _not_there()
    return one


def _not_there() -> NoReturn:
    stop("その番号の事案は、あなたが見られる範囲にありません / no incident of this number is yours to see")


def _evidence(review: "Review", exchanges: Sequence[str], alerts: Sequence[str]) -> "list[Evidence]":
    audit_desk.demand_no_number(*exchanges, *alerts)
    found = review.evidence(exchanges, alerts) if exchanges or alerts else []
    if found is None:
        stop("その番号のやり取りか警報はありません / there is no such exchange or alert")
    return found


def _demand_one(exchange: str | None, alert: str | None) -> None:
    if (exchange is None) == (alert is None):
        stop("--exchange か --alert の、どちらか一つを指定してください / name --exchange or --alert")


def _read(file: Path | None) -> str:
    assert file is not None
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        stop(f"{file} を読めません({type(error).__name__}) / the file cannot be read as UTF-8")


def _hands(desk: "Desk", one: "Incident") -> "tuple[Hand, ...]":
    from audit.incidents.clock import clock
    from audit.incidents.closed import read_calendar

    try:
        calendar = read_calendar(desk.settings.closed_days)
    except ValueError as error:
        stop(str(error))
    return clock(one, calendar, datetime.now(UTC))


def _tell(desk: "Desk", one: "Incident", as_json: bool) -> None:
    """How it stands after a step, and what closing it as resolved still waits for."""
    from audit.incidents.closing import missing
    from audit.incidents.told import summary_told

    told = summary_told(one, _hands(desk, one)) | {
        "points_to": one.pointed.plain(),
        "missing": {made: [lacking.code for lacking in missing(one, made)] for made in DISPOSITIONS},
    }
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    typer.echo(_line(told))
    if one.kind == "leak":
        typer.echo(
            f"  報告対象か: 答えの示すもの {one.pointed.japanese}。決めるのは人です / a person decides"
        )
    if one.state != "closed" and (lacking := missing(one, "resolved")):
        typer.echo(f"  終結までに: {'、'.join(one.ja for one in lacking)}")


def _line(told: "dict[str, Any]") -> str:
    from audit.certificate import plain

    drill = "【訓練】" if told["is_drill"] else ""
    coming = told["next"]
    due = f"{coming['name']} {coming['last']} {coming['said']}" if coming else "-"
    cells = (told["incident"], f"{drill}{told['title']}", told["kind_name"], told["state_name"], told["level_name"], due)  # fmt: skip
    return "  ".join(plain(cell) for cell in cells)


def print_paper(content: "Paper") -> None:
    """The same as on paper, as lines."""
    from audit.certificate import plain
    from audit.paper.model import Heading, Pairs, Passage

    typer.echo(plain(f"{f'【{content.mark}】' if content.mark else ''}{content.title}  {content.subtitle}"))
    for block in content.blocks:
        match block:
            case Heading():
                typer.echo(f"{'──' if block.level == 1 else '─'} {plain(block.text)}")
            case Passage():
                typer.echo("\n".join(plain(line) for line in block.text.split("\n")))
            case Pairs():
                for name, value in block.rows:
                    typer.echo(f"{name}  {plain(value)}")
            case _:
                for row in block.rows:
                    typer.echo("\t".join(plain(cell) for cell in row))
