"""``sekisho audit show | events | triage | person | campaigns | counts``: what readers look at day by day.

Each first writes a ``viewed`` record, and shows nothing when that fails. Everything heavy is imported inside
the commands, so that the command line starts quickly.
"""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from audit.commands.alerting import print_alerts
from audit.commands.asking import find_search, one_of
from audit.commands.desk import (
    DEFAULT_LEDGER,
    AsJson,
    Reason,
    Where,
    address,
    asked_well,
    because,
    cannot,
    demand_no_number,
    os_user,
    reading,
    record_view,
    time,
)
from audit.commands.shown import print_lines, print_page, print_records, print_timeline

COUNTED_BY = (
    "department", "section", "tool", "model", "category", "confidentiality", "verdict", "outcome", "reason", "egress",
    "severity", "disposition", "day", "rule", "entity", "alarm",
)  # fmt: skip
"""As audit/review.py has it, which is too heavy to be loaded for a command line (a test holds them equal)."""

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="一度に出す件数。 / Exchanges per page.")]
Cursor = Annotated[str | None, typer.Option(help="前の頁が示した続きの印。 / Where the last page ended.")]


def show(
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="やり取りの番号。 / Exchange id.")],
    ledger: Where = DEFAULT_LEDGER,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """一つのやり取りを、伏せ字の本文、見た人、扱いとともに示します。 / Show one exchange: masked texts, who looked, what was made of it."""
    place, why = address(ledger), because(reason)
    demand_no_number(exchange)
    with reading(place, os_user()) as review:
        shown = review.exchange(exchange)
    rows = 0 if shown is None else 1 if shown.ending is None else 2
    subject = shown.card["person"] if shown else None
    record_view(place, "show", {"exchange": exchange}, rows, why, subject)
    if shown is None:
        typer.echo(
            f"やり取り {exchange} は台帳にありません。 / The ledger has no exchange {exchange}.", err=True
        )
        raise typer.Exit(1)
    print_timeline(shown, as_json)


def events(
    ledger: Where = DEFAULT_LEDGER,
    what: Annotated[
        str | None, typer.Option(help="できごとか閲覧の種類。末尾の .* はその仲間すべて。 / Event, or key.*")
    ] = None,
    who: Annotated[str | None, typer.Option(help="した人。 / Who did it.")] = None,
    exchange: Annotated[
        str | None, typer.Option(help="このやり取りについて。 / About this exchange.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="この職員について。 / About this person.")] = None,
    since: Annotated[str | None, typer.Option(help="この日時以後。 / From, JST.")] = None,
    until: Annotated[
        str | None, typer.Option(help="この日時より前(続きを見るとき)。 / Before, JST; to go on.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="件数。 / How many.")] = 50,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """閲覧の記録と、キー・保全・消去などのできごとを新しい順に示します。 / Who looked, and what was noted, newest first."""
    place, why = address(ledger), because(reason)
    asked = {"what": what, "who": who, "exchange": exchange, "subject": subject}
    demand_no_number(*asked.values())
    from audit.names import moment

    period = {"since": time(since, "--since"), "until": time(until, "--until")}
    with reading(place, os_user()) as review:
        found = review.events(**asked, **period, limit=limit)
    stated: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    stated |= {name: moment(at) for name, at in period.items() if at}
    record_view(place, "events", stated | {"limit": limit}, len(found), why)
    print_records(found, as_json)


def triage(
    ledger: Where = DEFAULT_LEDGER,
    limit: Limit = 50,
    cursor: Cursor = None,
    drill: Annotated[
        str | None, typer.Option(help="この訓練のものだけ d-…。 / Of this drill, and nothing else.")
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """扱いの決まっていない「中」以上を、重い順に示します。 / What nobody has spoken of yet, the most urgent first."""
    place, why = address(ledger), because(reason)
    demand_no_number(drill)
    with reading(place, os_user()) as review:
        page, alerts = review.triage(limit, cursor, drill), review.open_alerts(drill)
    asked = {"drill": drill} if drill else {}
    record_view(place, "triage", asked | _paged(limit, cursor), len(page.cards), why)
    if alerts:
        typer.echo(f"引き受けられていない警報 {len(alerts)}件 / alerts that nobody has taken on", err=True)
        print_alerts(alerts, as_json)
    print_page(page, as_json)
    if drill is None:
        typer.echo(
            "試験(デモのキーなど)と訓練の利用は入りません / trials, as with the demo key, and drills are left out",
            err=True,
        )


def person(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="職員番号。 / Id of the person.")],
    ledger: Where = DEFAULT_LEDGER,
    limit: Limit = 50,
    cursor: Cursor = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """ある職員の、この30日のやり取りを示します。 / What one person asked in the last 30 days."""
    place, why = address(ledger), because(reason)
    demand_no_number(person)
    with reading(place, os_user()) as review:
        page = review.person(person, datetime.now(UTC), limit, cursor)
    record_view(place, "person", {"person": person} | _paged(limit, cursor), len(page.cards), why)
    print_page(page, as_json)


def campaigns(ledger: Where = DEFAULT_LEDGER, reason: Reason = None, as_json: AsJson = False) -> None:
    """この30日に3人以上が送った、同じ伏せ字の文を示します。 / The same masked text by several persons in the last 30 days."""
    from audit.certificate import local

    place, why = address(ledger), because(reason)
    with reading(place, os_user()) as review:
        found = review.campaigns(datetime.now(UTC))
    record_view(place, "campaigns", {}, len(found), why)
    if as_json:
        for one in found:
            typer.echo(json.dumps(asdict(one), ensure_ascii=False))
        return
    heads = ("しるし campaign", "人 persons", "件 exchanges", "初め first", "終わり last")
    print_lines(
        heads,
        [
            (one.campaign, str(one.persons), str(one.exchanges), local(one.first), local(one.last))
            for one in found
        ],
    )
    if not found:
        typer.echo("該当する文はありません。 / There are none.", err=True)
    else:
        typer.echo("やり取りは / the exchanges: sekisho audit search --campaign しるし", err=True)


def counts(
    by: Annotated[str, typer.Argument(metavar="BY", help=f"{', '.join(COUNTED_BY)}。 / What is counted by.")],
    ledger: Where = DEFAULT_LEDGER,
    since: Annotated[str | None, typer.Option(help="この日時以後。 / From, JST.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3_660, help="この日数のうち。 / In so many last days.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="この日時より前。 / Before, JST.")] = None,
    department: Annotated[str | None, typer.Option(help="部。 / Department.")] = None,
    section: Annotated[str | None, typer.Option(help="課。 / Section.")] = None,
    rule: Annotated[str | None, typer.Option(help="当たった規則。 / Rule that was hit.")] = None,
    saved: Annotated[
        str | None,
        typer.Option(metavar="ID", help="残した検索の条件で数える。 / With the filters of a kept search."),
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """やり取りと人の数を、課・規則・日などごとに示します。人ごとには数えません。 / How many exchanges and persons of each value."""
    from audit.catalogue.question import Question
    from audit.certificate import plain

    place, why, now = address(ledger), because(reason), datetime.now(UTC)
    one_of("BY", by, COUNTED_BY)
    with asked_well():
        question = Question(
            since=time(since, "--since"),
            until=time(until, "--until"),
            department=department,
            section=section,
            rule=rule,
        )
    demand_no_number(department, section, rule)
    if days and since:
        cannot("--days と --since はどちらか一つです / give either --days or --since")
    with reading(place, os_user()) as review:
        if saved:
            question = find_search(review.searches(), saved).asked(now)
        elif days:
            question = replace(question, since=now - timedelta(days=days))
        cells = review.counts(by, question, now)
    record_view(place, "counts", question.stated() | {"by": by}, len(cells), why)
    if as_json:
        for cell in cells:
            typer.echo(json.dumps(asdict(cell), ensure_ascii=False))
        return
    heads = (by, "件 exchanges", "人 persons")
    print_lines(heads, [(plain(one.name or "-"), f"{one.exchanges:,}", f"{one.persons:,}") for one in cells])


def _paged(limit: int, cursor: str | None) -> dict[str, Any]:
    """Which page it is, as the record of a look has it."""
    return {"limit": limit} | ({"cursor": cursor} if cursor else {})
