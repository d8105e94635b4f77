"""``sekisho audit hold place | list | extend | release | confirm``: keep something from being removed, and let it go.

Each is a ``noted`` record; nothing else is changed. Releasing takes two persons: one proposes, another confirms.
Who somebody is, is the login that the kernel remembers, so that ``sudo`` to a shared account makes nobody
another person; where it remembers none (containers), the account that runs this.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands.desk import (
    DEFAULT_LEDGER,
    AsJson,
    Where,
    address,
    cannot,
    cannot_read,
    demand_file,
    demand_no_number,
    os_user,
    record_view,
    writing,
)

if TYPE_CHECKING:
    from audit.address import Address
    from audit.holds import Body, Hold

app = typer.Typer(
    help="保全(消去の停止)を指定・一覧・延長・解除します。 / Legal holds: place, list, extend, release.",
    no_args_is_help=True,
)

Why = Annotated[
    str,
    typer.Option(
        "--reason",
        help="理由(200字まで)。台帳に残り、消せません。住民の個人情報は書かないでください。"
        " / Why, up to 200 characters; kept for good: never write residents' data.",
    ),
]
Id = Annotated[str, typer.Argument(metavar="HOLD", help="保全の番号。 / Id of the hold.")]
Day = Annotated[
    str | None, typer.Option(metavar="2026-11-23", help="この日まで(その日を含む)。 / To this day.")
]


_NOTHING_MATCHES = (
    "当てはまる記録がまだありません。職員番号・課名(要求したときの名前)を `sekisho audit search --section …` で"
    "確かめてください / Nothing matches yet: look up the person or the section, as it was called when it asked,"
    " with `sekisho audit search --section …`"
)


@app.command("place")
def place(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="litigation 訴訟 / incident 事故・事案 / disclosure 開示請求 / "
            "preservation_request 保全要請(刑訴法197条3項、30日まで) / other その他",
        ),
    ],
    reason: Why,
    ledger: Where = DEFAULT_LEDGER,
    person: Annotated[
        list[str] | None, typer.Option(help="この職員のやり取り(何回でも)。 / This person's; repeatable.")
    ] = None,
    section: Annotated[
        list[str] | None, typer.Option(help="この課のやり取り(何回でも)。 / This section's; repeatable.")
    ] = None,
    exchange: Annotated[
        list[str] | None, typer.Option(help="このやり取り(何回でも)。 / This exchange; repeatable.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="2026-11-23", help="この日から(日本時間)。 / From this day, JST.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="2026-11-23", help="この日まで(その日を含む)。 / To this day.")
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="2026-11-23",
            help="保全を続ける最後の日。省くと解除するまで。 / Last day of the hold; default: until released.",
        ),
    ] = None,
) -> None:
    """消去を止めます。 / Keep something from being removed.

    職員と課はどちらかに当たれば対象です。--since / --until だけなら、その期間の記録すべてが対象です。 /
    A person or a section: either is enough. Days alone hold every record of these days.
    """
    from audit import holds

    demand_no_number(*(person or ()), *(section or ()), *(exchange or ()))
    days = {
        "since": _day(since, "--since"),
        "until": _day(until, "--until"),
        "expires": _day(expires, "--expires"),
    }

    def made(_: "tuple[Hold, ...]", by: str, at: datetime) -> "Body":
        return holds.place(
            kind, reason, by=by, at=at,
            persons=person or (), sections=section or (), exchanges=exchange or (), **days,
        )  # fmt: skip

    where = address(ledger)
    body = _tell(where, made)
    end = (
        f"{body['expires']} まで / to that day" if body["expires"] else "解除するまで / until it is released"
    )
    typer.echo(f"保全 {body['hold']} を指定しました({end})。 / The hold is placed.")
    ((exchanges, records),) = _matching(where, [holds.find(_known(where), body["hold"])])
    typer.echo(f"いま当てはまるやり取り {exchanges} 件 / exchanges that match now")
    if not records:
        typer.echo(_NOTHING_MATCHES, err=True)


@app.command("extend")
def extend(hold: Id, reason: Why, ledger: Where = DEFAULT_LEDGER, expires: Day = None) -> None:
    """期限を延ばします。保全要請は30日まで、通算60日までです。 / A later last day; without --expires: until released."""
    from audit import holds

    day = _day(expires, "--expires")

    def made(known: "tuple[Hold, ...]", by: str, at: datetime) -> "Body":
        return holds.extend(_found(known, hold), day, reason=reason, by=by, at=at)

    body = _tell(address(ledger), made)
    end = (
        f"{body['expires']} まで / to that day" if body["expires"] else "解除するまで / until it is released"
    )
    typer.echo(f"保全 {hold} を延ばしました({end})。 / The hold is extended.")


@app.command("release")
def release(hold: Id, reason: Why, ledger: Where = DEFAULT_LEDGER) -> None:
    """解除を提案します。別の職員が confirm するまで続きます。 / Propose to release; a second person must confirm."""
    from audit import holds

    def made(known: "tuple[Hold, ...]", by: str, at: datetime) -> "Body":
        return holds.propose_release(_found(known, hold), reason=reason, by=by, at=at)

    _tell(address(ledger), made)
    typer.echo(
        f"保全 {hold} の解除を提案しました。別の職員が sekisho audit hold confirm {hold} を実行すると終わります。"
        " / Proposed; a second person must confirm it."
    )


@app.command("confirm")
def confirm(hold: Id, ledger: Where = DEFAULT_LEDGER) -> None:
    """提案された解除を、提案した人とは別の職員が承認します。 / Confirm a release that somebody else has proposed."""
    from audit import holds

    def made(known: "tuple[Hold, ...]", by: str, at: datetime) -> "Body":
        return holds.confirm_release(_found(known, hold), by=by, at=at)

    body = _tell(address(ledger), made)
    typer.echo(
        f"保全 {hold} を解除しました(提案 {body['proposed_by']}、承認 {body['by']})。 / The hold is released."
    )


@app.command("list")
def list_(
    ledger: Where = DEFAULT_LEDGER,
    everything: Annotated[
        bool, typer.Option("--all", help="終わったものも出します。 / Also those that are over.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """保全の一覧です。見たことは台帳に残ります。 / The holds; that you looked is recorded."""
    from audit.months import JST
    from audit.names import now

    place = address(ledger)
    today = now().astimezone(JST).date()
    shown = [hold for hold in _known(place) if everything or hold.in_force(today)]
    record_view(place, "holds", {"all": everything}, len(shown), None)
    for hold, (count, _) in zip(shown, _matching(place, shown), strict=True):
        plain = _plain(hold, today) | {"matching": count}
        typer.echo(json.dumps(plain, ensure_ascii=False) if as_json else _words(hold, today, count))
    if not shown and not as_json:
        typer.echo("保全はありません。 / There is no hold.")


# ── what they share ──────────────────────────────────────────────────────────────────────────────


def person() -> str:
    """Who sits at the keyboard."""
    try:
        return named(Path("/proc/self/loginuid").read_text("ascii"))
    except OSError:
        return os_user()


def named(loginuid: str) -> str:
    """Who logged in, as the kernel's audit remembers it; 4294967295 (-1) is nobody."""
    import pwd

    try:
        number = int(loginuid)
    except ValueError:
        return os_user()
    if number >= 2**32 - 1:
        return os_user()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def _tell(place: "Address", made: "Callable[[tuple[Hold, ...], str, datetime], Body]") -> "Body":
    from audit.model import Draft
    from audit.names import now

    try:
        body = made(_known(place), person(), now())
    except ValueError as error:
        cannot(str(error))
    with writing(place) as writer:
        writer.append_now(Draft("noted", None, body))
    return body


def _found(known: "tuple[Hold, ...]", id: str) -> "Hold":
    """The hold of this id; where there is none, exit status 1."""
    from audit import holds

    try:
        return holds.find(known, id)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _known(place: "Address") -> "tuple[Hold, ...]":
    from audit.holds import holds_of
    from audit.query import CANNOT_READ, reading

    demand_file(place)
    try:
        with reading(place) as connection:
            return holds_of(connection)
    except CANNOT_READ as error:
        cannot_read(place, error)


def _matching(place: "Address", holds: "Sequence[Hold]") -> list[tuple[int, int]]:
    from audit.holds import matching
    from audit.query import CANNOT_READ, reading

    try:
        with reading(place) as connection:
            return [matching(connection, hold) for hold in holds]
    except CANNOT_READ as error:
        cannot_read(place, error)


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        cannot(f"{option} は 2026-11-23 の形です / {option} is a day of this form")


def _plain(hold: "Hold", today: date) -> dict[str, Any]:
    days = ("since", "until", "expires")
    plain: dict[str, Any] = {name: getattr(hold, name) for name in hold.__slots__}
    plain |= {name: plain[name].isoformat() if plain[name] else None for name in days}
    return plain | {"in_force": hold.in_force(today)}


def _words(hold: "Hold", today: date, matching: int) -> str:
    from audit.certificate import plain
    from audit.holds import KINDS

    what = [*(f"職員 {one}" for one in hold.persons), *(f"課 {one}" for one in hold.sections)]
    what += [f"やり取り {one}" for one in hold.exchanges]
    if hold.since or hold.until:
        what.append(f"{hold.since or ''} 〜 {hold.until or ''}")
    if hold.released_by:
        state = f"解除済み released (提案 {'、'.join(hold.proposals)}、承認 {hold.released_by})"
    elif not hold.in_force(today):
        state = f"期限切れ over ({hold.expires})"
    else:
        state = f"{hold.expires} まで / to that day" if hold.expires else "解除するまで / until released"
        state += f" (解除の提案あり proposed: {'、'.join(hold.proposals)})" if hold.proposals else ""
    lines = [
        f"{hold.id}  {KINDS.get(hold.kind, hold.kind)}  {state}",
        f"  対象 what    {'、'.join(what)}",
        f"  件数 matches {matching}(いま当てはまるやり取り / exchanges that match now)",
        f"  理由 reason  {hold.reason}",
        f"  指定 placed  {hold.placed_on} {hold.by}",
    ]
    return "\n".join(plain(line) for line in lines)
