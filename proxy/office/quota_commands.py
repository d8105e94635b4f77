"""`sekisho quota set|list|end|usage` and `sekisho quota emergency propose|approve|end|list`: limits and 災害モード.

Every change is noted in the ledger with who made it, before it is made; one that cannot be noted is not made. At a
terminal somebody is the user that the machine knows: two persons are two users of it.
"""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from audit.commands.desk import os_user
from policies.days import JST
from proxy import printing
from proxy.failing import stop
from proxy.office import limits
from proxy.office.desk import at_the_desk
from proxy.office.emergencies import Emergency, EmergencyBook
from proxy.office.known_names import strangers, warn_of
from proxy.office.quotas import (
    COUNTED,
    MEASURES,
    PERIODS,
    Limit,
    QuotaBook,
    new_id,
    usual_actor,
)

app = typer.Typer(no_args_is_help=True)
emergency_app = typer.Typer(no_args_is_help=True)
app.add_typer(
    emergency_app,
    name="emergency",
    help="災害モード: 上限だけを外す。二人で始める / Lift the limits and nothing else; it takes two persons.",
)

AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]
Reason = Annotated[str | None, typer.Option("--reason", help="理由 / Why.")]

_WORDS = {
    "house": "市全体", "person": "利用者", "section": "課", "tool": "ツール", "model": "モデル",
    "requests": "回数", "tokens": "トークン", "yen": "円",
    "minute": "1分", "day": "1日", "month": "1か月", "year": "年度",
    "people": "職員と委託先", "staff": "職員", "contractor": "委託先", "robot": "ロボット", "everyone": "すべて",
}  # fmt: skip


@app.command("set")
def set_limit(
    measure: Annotated[
        str, typer.Option("--measure", help="何を数えるか requests, tokens, yen / What is counted.")
    ],
    per: Annotated[
        str, typer.Option("--per", help="期間 minute, day, month, year(年度) / For each of which period.")
    ],
    amount: Annotated[
        int | None, typer.Option("--amount", min=0, help="上限(回・トークン・円) / The limit.")
    ] = None,
    count_only: Annotated[
        bool, typer.Option("--count-only", help="止めずに数えるだけ / Only count, never stop.")
    ] = False,
    house: Annotated[bool, typer.Option("--house", help="市全体 / The whole city hall.")] = False,
    person: Annotated[
        str | None,
        typer.Option(
            "--person", help="職員番号。'*' は一人ひとり / Staff id; '*': each person for themselves."
        ),
    ] = None,
    section: Annotated[
        str | None, typer.Option("--section", help="課。'*' は課ごと / Section; '*': each for itself.")
    ] = None,
    tool: Annotated[
        str | None, typer.Option("--tool", help="ツール。'*' はツールごと / Tool; '*': each for itself.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="モデル。'*' はモデルごと / Model; '*': each for itself.")
    ] = None,
    actor: Annotated[
        str | None,
        typer.Option(
            "--actor",
            help="だれを数えるか people(職員と委託先), staff, contractor, robot, everyone。書かなければ、利用者と課の上限は people、"
            "ほかは everyone / Whom it counts; persons' and sections' limits count people, others everyone.",
        ),
    ] = None,
    starts: Annotated[
        str | None, typer.Option("--starts", metavar="2027-04-01", help="始まる日 / First day.")
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--ends", metavar="2028-03-31", help="終わる日(その日まで) / Last day.")
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """上限を決める。同じ対象・種類・期間なら、今の上限を変える(使った分は残る) / Set a limit, or change the one there is."""
    limit = _limit(measure, per, amount, count_only, actor, reason, starts, ends, house=house, person=person,
                   section=section, tool=tool, model=model)  # fmt: skip
    with at_the_desk() as desk:
        limit, before = limits.set_limit(desk, limit)
        unknown = strangers(desk, limit.scope, limit.name)
    warn_of(limit.name, unknown)
    if as_json:
        printing.json_line(limits.plain(limit))
    else:
        done = "変えました / changed" if before else "決めました / set"
        typer.echo(f"{limit.id} {_said(limit)} を{done}(1秒以内に、すべてのプロセスで)")


@app.command("list")
def list_limits(
    every: Annotated[bool, typer.Option("--all", help="終わったものも / Also those that ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """上限の一覧 / The limits."""
    with at_the_desk() as desk:
        book = QuotaBook(desk.office)
        known = book.every() if every else book.standing()
    if as_json:
        printing.json_line([limits.plain(one) for one in known])
        return
    if not known:
        typer.echo("上限は決められていません / no limits are set")
        return
    rows = [
        (
            one.id, _target(one), _words(one.measure), _words(one.period), _amount(one), _words(one.actor),
            f"{one.starts or ''} – {one.ends or ''}" if one.starts or one.ends else "", one.reason,
            one.ended_at or "",
        )
        for one in known
    ]  # fmt: skip
    heads = ("ID", "対象 / Whose", "種類 / What", "期間 / Per", "上限 / Limit", "数える人 / Whom",
             "日付 / Dates", "理由 / Why", "終了 / Ended")  # fmt: skip
    shown = [row if every else row[:-1] for row in rows]
    printing.table(heads if every else heads[:-1], shown, whole=_WHOLE)


@app.command("end")
def end(
    id: Annotated[str, typer.Argument(help="上限のID / Its id, from 'quota list'.")],
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """上限をやめる。1秒以内に止めなくなる / End a limit; within a second it stops nobody."""
    with at_the_desk() as desk:
        limits.end_limit(desk, id, reason or "")
    typer.echo(json.dumps({"ended": id}) if as_json else f"{id} をやめました / ended")


@app.command("usage")
def usage(
    id: Annotated[str | None, typer.Argument(help="上限のID / Its id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="過ぎた期間も / Also periods that are over.")] = False,
    as_json: AsJson = False,
) -> None:
    """いまの期間に使った量。多い順 / What is used of each limit in this period, the most first."""
    with at_the_desk() as desk:
        known = {one.id: one for one in QuotaBook(desk.office).every() if id in (None, one.id)}
        if id is not None and not known:
            typer.echo(f"sekisho: {id} という上限はありません / no such limit", err=True)
            raise typer.Exit(1)
        rows = limits.usage(desk, known, datetime.now(UTC), every)
    if as_json:
        printing.json_line(rows)
        return
    if not rows:
        typer.echo("まだ何も使われていません / nothing is used yet")
        return
    printing.table(
        ("ID", "だれの / Whose", "期間 / Period", "種類 / What", "使った量 / Used", "処理中 / Under way",
         "上限 / Limit", "%"),
        [
            (
                row["quota"], row["subject"] or _words(known[row["quota"]].scope), row["period"],
                _words(row["measure"]), _figure(row["used"]), _figure(row["reserved"]),
                "" if row["amount"] is None else f"{row['amount']:,}",
                "" if row["percent"] is None else f"{row['percent']:.0f}",
            )
            for row in rows
        ],
        whole=_WHOLE,
    )  # fmt: skip


# ── 災害モード ────────────────────────────────────────────────────────────────────────────────────────


@emergency_app.command("propose")
def propose(
    until: Annotated[
        str,
        typer.Option(
            "--until",
            metavar="2027-07-01T18:00",
            help="終わる時刻(日本時間、7日以内) / Its end, within 7 days.",
        ),
    ],
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """災害モードを申し出る。別の人が承認するまで、何も変わらない / Propose it; another person has to approve it."""
    try:
        end = datetime.fromisoformat(until)
        moment = (end if end.tzinfo else end.replace(tzinfo=JST)).astimezone(UTC)
    except (ValueError, OverflowError):
        stop("--until は 2027-07-01T18:00 の形です / --until is a time such as 2027-07-01T18:00")
    with at_the_desk() as desk:
        proposed = limits.propose(desk, reason or "", moment)
    if as_json:
        printing.json_line(asdict(proposed))
        return
    typer.echo(
        f"{proposed.id} を申し出ました。まだ始まっていません。別の人が、自分の利用者名で次を実行すると始まります:"
        f" sekisho quota emergency approve {proposed.id} / proposed; another person approves it with this command"
    )


@emergency_app.command("approve")
def approve(id: Annotated[str, typer.Argument(help="申し出のID / Its id.")], as_json: AsJson = False) -> None:
    """災害モードを承認する。1秒以内に上限が外れる / Approve it: within a second the limits are lifted."""
    with at_the_desk() as desk:
        approved = limits.approve(desk, id)
    if as_json:
        printing.json_line(asdict(approved))
    else:
        typer.echo(
            f"災害モードを始めました。{_local(approved.until)} に終わります / the limits are lifted until then"
        )


@emergency_app.command("end")
def end_emergency(
    id: Annotated[str, typer.Argument(help="災害モードのID / Its id.")], as_json: AsJson = False
) -> None:
    """災害モードを早く終える(一人でよい)。申し出の取り下げも / End it early, or withdraw a proposal; one person may."""
    with at_the_desk() as desk:
        found = limits.end_emergency(desk, id)
    done = "終えました。上限が戻りました / ended" if found.approved_by else "取り下げました / withdrawn"
    typer.echo(json.dumps({"ended": id}) if as_json else f"{id} を{done}")


@emergency_app.command("list")
def list_emergencies(as_json: AsJson = False) -> None:
    """災害モードの一覧 / Every emergency there was."""
    now = datetime.now(UTC)
    with at_the_desk() as desk:
        every = EmergencyBook(desk.office).every()
    if as_json:
        printing.json_line([asdict(one) | {"holds": one.holds(now)} for one in every])
        return
    if not every:
        typer.echo("災害モードが使われたことはありません / there was none")
        return
    printing.table(
        ("ID", "状態 / State", "終わり / Until", "申し出 / Proposed by", "承認 / Approved by", "理由 / Why"),
        [
            (one.id, _state(one, now), _local(one.until), one.proposed_by, one.approved_by or "", one.reason)
            for one in every
        ],
    )


def _state(one: Emergency, now: datetime) -> str:
    if one.holds(now):
        return "実施中 / in force"
    if one.is_open(now):
        return "承認待ち / proposed"
    return "終了 / over"


# ── reading and showing ───────────────────────────────────────────────────────────────────────────────


def _limit(
    measure: str,
    per: str,
    amount: int | None,
    count_only: bool,
    actor: str | None,
    reason: str | None,
    starts: str | None,
    ends: str | None,
    *,
    house: bool,
    **named: str | None,
) -> Limit:
    given = [(scope, name.strip()) for scope, name in named.items() if name is not None]
    if house:
        given.append(("house", ""))
    if len(given) != 1:
        stop(
            "--house・--person・--section・--tool・--model のどれか一つを指定してください"
            " / give one of --house, --person, --section, --tool, --model"
        )
    (scope, name), *_ = given
    if scope != "house" and not name:
        stop(f"--{scope} が空です / is empty")
    if (amount is None) != count_only:
        stop(
            "--amount で上限を書くか、数えるだけなら --count-only を付けてください"
            " / give --amount, or --count-only to count without a limit"
        )
    return Limit(
        id=new_id(),
        scope=scope,  # type: ignore[arg-type]
        name=name,
        measure=_one_of("--measure", measure, MEASURES),
        period=_one_of("--per", per, PERIODS),
        amount=amount,
        reason=_reason(reason),
        set_by=os_user(),
        actor=_one_of("--actor", actor or usual_actor(scope), COUNTED),  # type: ignore[arg-type]
        starts=_day("--starts", starts),
        ends=_day("--ends", ends),
    )


def _one_of(option: str, value: str, known: tuple[str, ...]) -> Any:
    if value not in known:
        stop(f"{option} は次のどれかにしてください / must be one of: {', '.join(known)}")
    return value


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        stop(f"{option} は 2027-04-01 の形です / {option} is a date such as 2027-04-01")


def _reason(reason: str | None) -> str:
    from audit.numbers import REFUSAL, may_be_somebodys

    if not reason or not reason.strip():
        stop("--reason で理由を書いてください / say why with --reason")
    if may_be_somebodys(reason):
        stop(REFUSAL)
    return reason.strip()


def _target(limit: Limit) -> str:
    return f"{_WORDS[limit.scope]} {limit.name}".rstrip()


def _said(limit: Limit) -> str:
    return f"{_target(limit)} {_WORDS[limit.period]} {_amount(limit)}"


def _amount(limit: Limit) -> str:
    if limit.amount is None:
        return "数えるだけ / counted"
    unit = "回" if limit.measure == "requests" else _WORDS[limit.measure]
    return f"{limit.amount:,}{unit}"


def _words(code: str) -> str:
    return _WORDS[code]


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(JST).strftime("%Y-%m-%d %H:%M")


_WHOLE = ("ID", "上限 / Limit", "使った量 / Used")
"""Columns that are never broken: an id is typed, a figure is read wrong."""
