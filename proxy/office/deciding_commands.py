"""`sekisho audit dispose` and `sekisho audit openings …`: what readers decide at the terminal, each with their own key.

Whoever may read the ledger's file reads as the user of the machine; to decide takes a person and a role, so that the two
of an opening are two. The key is SEKISHO_KEY, or is asked for. Exit status: 0 done, 2 it could not be done.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from audit.commands import desk as audit_desk
from audit.commands.asking import DISPOSITIONS, one_of
from proxy.failing import stop
from proxy.office.own_key import reading, record

if TYPE_CHECKING:
    from audit.glass import Grant
    from audit.model import Draft
    from audit.readers import Reader
    from audit.review import Review

Done = TypeVar("Done")

app = typer.Typer(no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]
Exchange = Annotated[str, typer.Argument(metavar="EXCHANGE", help="やり取りの番号 / Exchange id.")]
Opening = Annotated[str, typer.Argument(metavar="OPENING", help="申し込みの番号 / Id of the request.")]
Reason = Annotated[str, typer.Option(help="理由(記録に残ります) / Why; it is kept.")]
Incident = Annotated[str, typer.Option(help="事案番号 / Number of the incident.")]


def dispose(
    exchange: Exchange,
    disposition: Annotated[
        str,
        typer.Option(
            "--as",
            help="false_alarm 誤検出、guidance 指導、incident 事案化、exception 例外申請 / What it is.",
        ),
    ],
    reason: Reason,
    incident: Annotated[str | None, typer.Option(help="事案番号(事案化のとき) / With incident.")] = None,
    until: Annotated[
        str | None, typer.Option(help="終わりの日(例外申請のとき) 2026-12-31 / Last day, with exception.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """やり取りの扱いを決める(CSIRTの審査者) / Say what to make of an exchange."""
    from audit.dispositions import disposition as disposition_of
    from policies.days import day_of

    made = one_of("--as", disposition, DISPOSITIONS)
    day = _day(until)
    with reading() as (reader, desk, review):
        card = review.card(exchange)
        if card is None:
            stop("その番号のやり取りはありません / there is no such exchange")
        draft = disposition_of(
            reader, card, made, reason, incident=incident, until=day, today=day_of(datetime.now(UTC))
        )
        record(desk, draft)
    if as_json:
        typer.echo(json.dumps(dict(draft.body), ensure_ascii=False))
    else:
        typer.echo(f"{exchange} を {made} として記録しました / recorded")


@app.command("list")
def openings(reason: audit_desk.Reason = None, as_json: AsJson = False) -> None:
    """自分に関わる、原文を開く申し込み / The requests that you have to do with."""
    from audit import glass
    from audit.commands.desk import because

    with reading() as (reader, desk, review):
        of_others = reader.sights & {"seek_originals", "allow_originals", "events"}
        why = because(reason) if of_others else None
        found = review.openings()
        for draft in glass.looked(reader, found, why):
            record(desk, draft)
    _tell(found, as_json)


@app.command("ask")
def ask(
    exchange: Exchange,
    incident: Incident,
    reason: Reason,
    hours: Annotated[int, typer.Option(help="開いておく時間(1〜8) / Hours that it stays open.")] = 1,
    as_json: AsJson = False,
) -> None:
    """原文を開くことを申し込む(CSIRTの審査者) / Ask for an original to be opened."""
    from audit import glass

    with reading() as (reader, desk, review):
        card = review.card(exchange)
        if card is None:
            stop("その番号のやり取りはありません / there is no such exchange")
        grant, draft = glass.asked(reader, card, incident, reason, hours, datetime.now(UTC))
        record(desk, draft)
    _tell([grant], as_json)


@app.command("allow")
def allow(opening: Opening, as_json: AsJson = False) -> None:
    """二人目として認める(CIO補佐官) / Allow it, as the second person."""
    from audit import glass

    _decide(opening, as_json, lambda reader, grant, now: glass.allowed(reader, grant, now))


@app.command("refuse")
def refuse(opening: Opening, reason: Reason, as_json: AsJson = False) -> None:
    """二人目として断る(CIO補佐官) / Refuse it, as the second person."""
    from audit import glass

    _decide(opening, as_json, lambda reader, grant, now: glass.refused(reader, grant, reason, now))


@app.command("close")
def close(opening: Opening, as_json: AsJson = False) -> None:
    """時間の前に終える(どちらかの人) / End it before its time, as either of the two."""
    from audit import glass

    _decide(opening, as_json, lambda reader, grant, now: glass.closed(reader, grant, now))


@app.command("view")
def view(opening: Opening, incident: Incident) -> None:
    """認められた原文を見る。見るたびに、先に記録が残ります / See an original that was allowed; every view is recorded first."""
    from audit.glass import demand_view, viewed
    from proxy.originals import master_of

    with reading() as (reader, desk, review):
        grant, now = _found(review, opening), datetime.now(UTC)
        try:
            master = master_of(desk.settings, desk.home)
        except (OSError, ValueError) as error:
            stop(str(error))
        opened = review.original(grant, incident, master, now)
        record(desk, viewed(reader, grant))
    with reading() as (reader, _, review):  # who closed it meanwhile is heard
        demand_view(reader, _found(review, opening), grant.exchange, incident, datetime.now(UTC))
    told = {"values": dict(opened.values), "asked": opened.asked_text}
    typer.echo(json.dumps(told, ensure_ascii=False, indent=2))


def _decide(
    opening: str, as_json: bool, decide: "Callable[[Reader, Grant, datetime], tuple[Grant, Draft]]"
) -> None:
    with reading() as (reader, desk, review):
        given, draft = decide(reader, _found(review, opening), datetime.now(UTC))
        record(desk, draft)
    _tell([given], as_json)


def _found(review: "Review", opening: str) -> "Grant":
    grants = review.grants()
    if opening not in grants:
        stop(
            "その番号の申し込みは、あなたに関わるものにありません / no request of this id has to do with you"
        )
    return grants[opening]


def _tell(grants: "list[Grant]", as_json: bool) -> None:
    from audit.certificate import local, plain
    from audit.names import moment

    now = datetime.now(UTC)
    for one in grants:
        if as_json:
            typer.echo(json.dumps(one.plain(now), ensure_ascii=False))
            continue
        until = f"{local(moment(one.until))}まで" if one.until else "-"
        told = f"所属長に知らせ済み({one.told_to})" if one.told_to else "所属長はまだ見ていません"
        typer.echo(
            f"{one.id}  {STATES[one.state(now)]}  {plain(one.exchange)}  {plain(one.incident)}"
            f"  申込 {one.asked_by}  二人目 {one.allowed_by or '-'}  {until}  {one.views}回  {told}"
        )
    if not grants and not as_json:
        typer.echo("申し込みはありません / there are no requests", err=True)


STATES = {
    "asked": "二人目を待つ asked", "open": "開いている open", "refused": "断られた refused", "closed": "終えた closed",
    "over": "時間切れ over",
}  # fmt: skip


def _day(written: str | None) -> Any:
    from datetime import date

    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        stop("--until は 2026-12-31 の形です / --until is a day of this form")
