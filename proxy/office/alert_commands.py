"""`sekisho audit alerts acknowledge | channels | test`: take an alert on, and see that alerts arrive.

To take one on is to decide, and takes a person with their own key (own_key.py). A trial goes the way that
alerts go and says that nothing has happened.
"""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands.alerting import demand_alert
from audit.commands.desk import AsJson
from proxy.failing import stop

if TYPE_CHECKING:
    from proxy.alerting.terms import Terms
    from proxy.settings import Settings


def acknowledge(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="警報の番号 a-… / Id of the alert.")],
    incident: Annotated[str | None, typer.Option(help="事案番号 / Number of the incident.")] = None,
    reason: Annotated[
        str | None, typer.Option(help="事案にしない理由(記録に残ります) / Why there is none; it is kept.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """警報を引き受ける(CSIRTの審査者、本人のキーで) / Take an alert on, with your own key."""
    from audit.alerts.raised import NotAcknowledged, acknowledged
    from proxy.office.own_key import reading, record

    with reading() as (reader, desk, review):
        reader.demand("dispose")
        found = demand_alert(alert, review.alert(alert))
        try:
            draft = acknowledged(reader, found, incident, reason)
        except NotAcknowledged as error:
            stop(str(error))
        record(desk, draft)
    if as_json:
        typer.echo(json.dumps(dict(draft.body), ensure_ascii=False))
    else:
        typer.echo(f"{alert} を引き受けました / taken on")


def channels(as_json: AsJson = False) -> None:
    """知らせる先と、そのようす / The channels, and how they do. Status 1 where one is in trouble."""
    from proxy.alerting import counter, watch

    settings, terms = _terms()
    standing = _standing(settings)
    lines: list[dict[str, Any]] = [
        _line(name, kind, "-", standing.get(name))
        for name, kind in ((counter.NAME, "counting"), (watch.NAME, "clock"))
    ]
    lines += [
        _line(one.name, one.form.kind, one.form.severity, standing.get(one.follower))
        for one in terms.channels
    ]
    for line in lines:
        if as_json:
            typer.echo(json.dumps(line, ensure_ascii=False))
            continue
        state = line["trouble"] or ("順調 fine" if line["begun"] else "まだ始まっていません not begun")
        silent = "-" if line["silent_seconds"] is None else f"{line['silent_seconds']}秒前 s ago"
        typer.echo(f"{line['name']}\t{line['kind']}\t{line['severity']}\t{state}\t{silent}")
    if not terms.channels:
        typer.echo("知らせる先がありません(docs/alerts.md) / there are no channels", err=True)
    if any(line["trouble"] for line in lines):
        raise typer.Exit(1)


def test(
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="知らせる先の名前 / Its name.")],
) -> None:
    """知らせる先へ試験の便りを送る / Send a trial by a channel."""
    import asyncio
    from datetime import UTC, datetime

    from proxy.alerting.duties import opened
    from proxy.alerting.letters import trial
    from proxy.followers import NotTaken
    from proxy.office.noting import note
    from proxy.settings import BadSettings

    settings, terms = _terms()
    wanted = next((one for one in terms.channels if one.name == channel), None)
    if wanted is None:
        known = "、".join(one.name for one in terms.channels) or "なし none"
        stop(
            f"「{channel}」という知らせる先はありません。あるのは: {known} / there is no channel '{channel}'"
        )
    letter = trial(datetime.now(UTC), settings.public_url)
    trouble: str | None = None
    try:
        asyncio.run(opened(wanted, settings).bring([letter], lambda one: None))
    except BadSettings as error:
        stop(str(error))
    except NotTaken as error:
        trouble = error.trouble
    facts = {"channel": channel, "letter": letter.id, "trouble": trouble}
    try:
        note(settings, "alert.tried", facts)
    except Exception:
        typer.echo("台帳に書けませんでした / it could not be recorded", err=True)
    if trouble:
        typer.echo(
            f"届きませんでした / not delivered: {trouble} ({_MEANS.get(trouble, _ANSWERED)})", err=True
        )
        raise typer.Exit(1)
    typer.echo(f"送りました。届いたか確かめてください / sent; see that it arrived: {letter.id}")


_MEANS = {
    "receiver_unreachable": "つながらない。宛先とネットワークを確かめてください / check the address and the network",
    "receiver_refused": "宛先が断られた。アドレスを確かめてください / check the mailbox",
}
_ANSWERED = "受け手がこの番号で断った / the receiver answered so"


def _terms() -> "tuple[Settings, Terms]":
    from policies.complaints import PolicyError
    from proxy.alerting.terms import terms_of
    from proxy.settings import BadSettings, read

    try:
        settings = read()
        return settings, terms_of(settings)
    except (BadSettings, PolicyError) as error:
        stop(str(error))


def _standing(settings: "Settings") -> dict[str, Any]:
    from proxy.office.cursors import CursorBook
    from proxy.office.store import office_of
    from proxy.office.tables import SQLAlchemyError

    try:
        office = office_of(settings)
    except (OSError, ValueError, RuntimeError, SQLAlchemyError):
        stop("帳簿を読めません。SEKISHO_HOME を確かめてください / the office's books cannot be read")
    try:
        return {one.name: one for one in CursorBook(office).every()}
    except (OSError, SQLAlchemyError):
        stop("帳簿を読めません / the office's books cannot be read")
    finally:
        office.close()


def _line(name: str, kind: str, severity: str, standing: Any) -> dict[str, Any]:
    silent = standing.silent if standing else None
    return {
        "name": name,
        "kind": kind,
        "severity": severity,
        "begun": bool(standing and standing.position is not None),
        "trouble": standing.trouble if standing else None,
        "silent_seconds": None if silent is None else round(silent),
    }
