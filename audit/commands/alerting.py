"""``sekisho audit alerts list | show``: what was raised, and who has taken it on.

Each first writes a ``viewed`` record, and shows nothing when that fails. Taking one on needs a person's own key:
proxy/office/alert_commands.py. Everything heavy is imported inside the commands.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands.asking import SEVERITIES, one_of
from audit.commands.desk import (
    DEFAULT_LEDGER,
    AsJson,
    Reason,
    Where,
    address,
    because,
    cannot,
    demand_no_number,
    os_user,
    reading,
    record_view,
    time,
)
from audit.commands.shown import print_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.alerts.raised import Raised

STATES = ("open", "acknowledged", "all")

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_alerts(
    ledger: Where = DEFAULT_LEDGER,
    state: Annotated[
        str, typer.Option(help="open まだ、acknowledged 引受済み、all すべて。 / Which ones.")
    ] = "open",
    severity: Annotated[
        str | None, typer.Option(help="これ以上の重さ low, medium, high, critical。 / This or more urgent.")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="規則 A-01 …。 / Rule.")] = None,
    drills: Annotated[bool, typer.Option("--drills", help="訓練のものだけ。 / Those of drills.")] = False,
    since: Annotated[str | None, typer.Option(help="この日時以後。 / From, JST.")] = None,
    until: Annotated[str | None, typer.Option(help="この日時より前。 / Before, JST.")] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """警報を、まだ引き受けられていないものから重い順に示します。 / Alerts: what nobody has taken on first, by urgency."""
    from audit.names import moment

    place, why = address(ledger), because(reason)
    one_of("--state", state, STATES)
    urgent = one_of("--severity", severity, SEVERITIES)
    demand_no_number(rule)
    period: dict[str, datetime | None] = {"since": time(since, "--since"), "until": time(until, "--until")}
    with reading(place, os_user()) as review:
        found = [one for one in review.alerts(**period) if one.fits(state, urgent, rule, drills)]
    asked: dict[str, Any] = {"state": state, "severity": severity, "rule": rule, "drills": drills or None}
    stated = {name: value for name, value in asked.items() if value is not None}
    stated |= {name: moment(at) for name, at in period.items() if at}
    record_view(place, "alerts", stated, len(found), why)
    print_alerts(found, as_json)
    if not found:
        typer.echo("該当する警報はありません。 / No alerts.", err=True)


@app.command("show")
def show(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="警報の番号 a-…。 / Id of the alert.")],
    ledger: Where = DEFAULT_LEDGER,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """一つの警報を、関わるやり取りの番号とともに示します。 / One alert, with the exchanges that it is about."""
    place, why = address(ledger), because(reason)
    demand_no_number(alert)
    with reading(place, os_user()) as review:
        found = review.alert(alert)
    record_view(place, "alert", {"alert": alert}, 0 if found is None else 1, why)
    if found is None:
        typer.echo(f"警報 {alert} は台帳にありません。 / The ledger has no alert {alert}.", err=True)
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(found.plain(), ensure_ascii=False))
        return
    for label, value in _told(found):
        typer.echo(f"{label:<24}{value}")


def print_alerts(alerts: "Sequence[Raised]", as_json: bool) -> None:
    """A table on a terminal, tab-separated lines elsewhere; as JSON, one a line."""
    from audit.alerts.model import SEVERITY_WORDS
    from audit.certificate import local, plain

    if as_json:
        for one in alerts:
            typer.echo(json.dumps(one.plain(), ensure_ascii=False))
        return
    heads = (
        "日時 JST",
        "重さ severity",
        "規則 rule",
        "警報 alert",
        "対象 subject",
        "回数 count",
        "引受 taken on by",
        "番号 id",
    )
    print_lines(
        heads,
        [
            (
                local(one.body["at"]),
                SEVERITY_WORDS[one.body["severity"]],
                one.body["rule"],
                plain(_mark(one) + one.body["title"]),
                plain(one.body["subject"] or "-"),
                f"{one.body['count']:,}",
                plain(one.acknowledged_by or "-"),
                one.id,
            )
            for one in alerts
        ],
    )


def _mark(alert: "Raised") -> str:
    return "【訓練】" if alert.is_drill else ""


def _told(alert: "Raised") -> "list[tuple[str, str]]":
    from audit.alerts.model import SEVERITY_WORDS
    from audit.certificate import local, plain
    from audit.names import moment

    body, at = alert.body, alert.acknowledged_at
    told = [
        ("番号 id", alert.id),
        ("警報 alert", f"{_mark(alert)}{body['rule']} {body['title']} / {body['title_en']}"),
        ("重さ severity", f"{SEVERITY_WORDS[body['severity']]} {body['severity']}"),
        ("日時 at", local(body["at"])),
        ("対象 subject", plain(body["subject"] or "-")),
        ("回数 count", f"{body['count']:,}(しきい値 threshold {body['threshold']:,})"),
        ("期間 period", body["period"] or "-"),
        ("理由の語 detail", body.get("detail") or "-"),
        ("やり取り exchanges", " ".join(body["exchanges"]) or "-"),
        ("引受 taken on by", f"{alert.acknowledged_by} {local(moment(at))}" if at else "まだ nobody yet"),
    ]
    if at:
        told.append(("事案・理由 why", " ".join(filter(None, (alert.incident, alert.reason)))))
    return [(label, plain(value)) for label, value in told]


def demand_alert(id: str, found: "Raised | None") -> "Raised":
    """The alert, else status 2."""
    if found is None:
        cannot(f"警報 {id} は台帳にありません / the ledger has no alert {id}")
    return found
