"""`sekisho drill …`: a drill is planned, begun, watched, ended and reported, by whoever handles incidents.

While it is on, what the named keys ask is recorded as a test of this drill: it is checked, masked, refused and alerted on
like everything else, and stands in no figure. Exit status: 0 done, 1 the file is no scenario, or a step did not go as
it says, 2 it could not be done.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands import desk as audit_desk
from proxy.failing import stop
from proxy.office.own_key import demand_nothing_personal, reading, record

if TYPE_CHECKING:
    from audit.incidents.drills import Drill
    from audit.review import Review
    from proxy.drills.scenario import Scenario
    from proxy.office.desk import Desk

HELP = "有事を想定した訓練: 筋書き・開始・経過・結果 / Drills: scenario, start, status, report."

app = typer.Typer(no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="筋書き(YAML) / Scenario, in YAML.")]
Number = Annotated[str, typer.Argument(metavar="DRILL", help="訓練の番号 d-… / Number of the drill.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]


@app.command("check")
def check(file: File, as_json: AsJson = False) -> None:
    """筋書きを確かめ、何を送るかを示す。何も始めません / Check a scenario and show it; nothing begins."""
    from audit.incidents.drills import PHASE_WORDS, span
    from proxy.drills.scenario import BadScenario, read_scenario

    try:
        read = read_scenario(file)
    except BadScenario as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if as_json:
        steps = [{"say": one.say, "expect": one.expect} for one in read.steps]
        told = {"title": read.title, "kind": read.kind, "aims": read.aims, "players": read.players}
        typer.echo(json.dumps(told | {"steps": steps, "scenario": read.digest}, ensure_ascii=False))
        return
    typer.echo(f"{read.title}  SHA-256 {read.digest}")
    for phase, seconds in read.aims.items():
        typer.echo(f"{PHASE_WORDS[phase]}  {span(seconds)}")
    _print_steps(read)


@app.command("start")
def start(
    file: File,
    key: Annotated[
        list[str], typer.Option(help="参加する職員のキーの番号(何度でも) k-… / Personal keys that take part.")
    ],
    hours: Annotated[int, typer.Option(help="長くて何時間か(1〜8) / How many hours at most.")] = 4,
    as_json: AsJson = False,
) -> None:
    """訓練を始める(CSIRT)。このときから、そのキーの要求は訓練です / Begin: what these keys ask is of the drill."""
    from audit.incidents.drills import NotDrilled, started
    from policies.days import day_of

    read = _scenario(file)
    with reading() as (reader, desk, _):
        reader.demand("handle_incidents")
        now = datetime.now(UTC)
        _demand_keys(desk, key, now)
        demand_nothing_personal(desk, [read.title])
        try:
            drill, draft = started(
                reader, read.title, read.kind, read.digest, read.aims, key, len(read.steps), hours, now
            )
        except NotDrilled as error:
            stop(str(error))
        record(desk, draft)
        desk.keys.take_part(key, drill.id, drill.until)
    told = {"drill": drill.id, "until": draft.body["until"], "keys": list(key)}
    if as_json:
        typer.echo(json.dumps(told | {"day": day_of(now).isoformat()}, ensure_ascii=False))
        return
    from audit.certificate import local

    typer.echo(f"{drill.id}  訓練を始めました。{local(draft.body['until'])} に自動で終わります / begun")
    _print_steps(read)
    typer.echo(f"見分けるとき / triage: sekisho audit triage --drill {drill.id}", err=True)


@app.command("send")
def send(
    file: File,
    model: Annotated[str, typer.Option(help="尋ねるモデル / Model that is asked for.")],
    url: Annotated[
        str | None, typer.Option(help="関所のURL(/v1まで)。省くとこの設定の関所 / URL with /v1.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """筋書きの文を順に送る(訓練に参加している本人のキーで) / Send the steps, with a key that takes part."""
    from proxy.drills.playing import CannotSend, played
    from proxy.office.own_key import taking_part

    read = _scenario(file)
    key, settings = taking_part()
    where = (url or f"http://{settings.host}:{settings.port}/v1").rstrip("/")
    unlike = 0
    try:
        for one in played(read, where, key, model):
            unlike += not one.as_expected
            if as_json:
                typer.echo(json.dumps(one.plain(), ensure_ascii=False))
            else:
                mark = "○" if one.as_expected else f"× {one.expect} のはず"
                typer.echo(f"{one.number}  {one.outcome}  {one.code or one.status}  {one.exchange}  {mark}")
    except CannotSend as error:
        stop(str(error))
    if unlike:
        typer.echo(f"筋書きと違う結果が{unlike}件あります / {unlike} were not as expected", err=True)
        raise typer.Exit(1)


@app.command("status")
def status(reason: audit_desk.Reason = None, as_json: AsJson = False) -> None:
    """訓練の一覧と、いまの経過 / Every drill, and how far it has come."""
    from audit.incidents.drills import report_told
    from audit.incidents.export import looked

    why = audit_desk.because(reason)
    with reading() as (reader, desk, review):
        every = sorted(review.drills().values(), key=lambda one: one.started_at, reverse=True)
        record(desk, looked(reader, "drills", {}, len(every), why))
        now = datetime.now(UTC)
        told = [report_told(one, review.traces(one), now) for one in every]
    for one in told:
        typer.echo(json.dumps(one, ensure_ascii=False) if as_json else _line(one))
    if not told and not as_json:
        typer.echo("訓練はありません / there are no drills", err=True)


@app.command("finish")
def finish(id: Number, as_json: AsJson = False) -> None:
    """訓練を終える。キーはふだんの利用に戻ります / End it: its keys are used for real again."""
    from audit.incidents.drills import NotDrilled, ended

    with reading() as (reader, desk, review):
        try:
            draft = ended(reader, _drill(review, id))
        except NotDrilled as error:
            stop(str(error))
        record(desk, draft)
        desk.keys.leave(id)
    typer.echo(json.dumps({"drill": id, "ended": True}) if as_json else f"{id}  訓練を終えました / ended")


@app.command("report")
def report(
    id: Number,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="書き出す .md か .pdf / File, .md or .pdf.")
    ] = None,
    reason: audit_desk.Reason = None,
    as_json: AsJson = False,
) -> None:
    """結果: 気づく・見分ける・止めるまでの時間を、目標と並べる / Times to detect, triage and contain beside their aims."""
    from hashlib import sha256

    from audit.incidents.drills import report_paper, report_told
    from audit.incidents.export import looked
    from audit.paper.markdown import markdown
    from audit.paper.press import pdf
    from proxy.office.incident_commands import print_paper

    why = audit_desk.because(reason)
    if out is not None and (out.exists() or out.suffix not in (".md", ".pdf")):
        stop("--out は、まだない .md か .pdf のファイルです / --out is a new .md or .pdf file")
    with reading() as (reader, desk, review):
        now = datetime.now(UTC)
        drill = _drill(review, id)
        told = report_told(drill, review.traces(drill), now)
        content = report_paper(told, reader.person, now)
        facts: dict[str, Any] = {"drill": id}
        raw = b""
        if out is not None:
            raw = pdf(content, now) if out.suffix == ".pdf" else markdown(content).encode()
            facts |= {"form": out.suffix[1:], "sha256": sha256(raw).hexdigest(), "bytes": len(raw)}
        record(desk, looked(reader, "drill_report", facts, 1, why))
    if out is not None:
        try:
            out.write_bytes(raw)
        except OSError as error:
            stop(f"{out} に書けません: {error.strerror} / the file cannot be written there")
        typer.echo(f"{out}\tsha256 {facts['sha256']}", err=as_json)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    elif out is None:
        print_paper(content)


def _scenario(file: Path) -> "Scenario":
    from proxy.drills.scenario import BadScenario, read_scenario

    try:
        return read_scenario(file)
    except BadScenario as error:
        stop(str(error))


def _demand_keys(desk: "Desk", ids: list[str], now: datetime) -> None:
    """Personal keys in force, each in no other drill: of a tool's key everybody's use would be a test."""
    from policies.days import day_of

    known = {one.id: one for one in desk.keys.list()}
    for id in ids:
        key = known.get(id)
        if key is None or not key.counts(day_of(now)):
            stop(f"{id}: 使えるキーではありません / is no key in force (sekisho keys list)")
        if key.person is None:
            stop(
                f"{id}: ツールのキーは参加できません。職員個人のキーにしてください"
                " / a tool's key takes no part in a drill: name a personal one"
            )
        if (other := key.drilling(now)) is not None:
            stop(f"{id}: ほかの訓練({other})に参加しています / takes part in another drill")


def _drill(review: "Review", id: str) -> "Drill":
    drill = review.drills().get(id)
    if drill is None:
        stop("その番号の訓練はありません / there is no drill of this number")
    return drill


def _print_steps(read: "Scenario") -> None:
    from audit.certificate import plain

    for number, one in enumerate(read.steps, 1):
        typer.echo(f"── {number} {plain(one.say)}  → {one.expect}")
        typer.echo("\n".join(plain(line) for line in one.text.rstrip().split("\n")))


def _line(told: "dict[str, Any]") -> str:
    from audit.certificate import local, plain
    from audit.incidents.drills import RESULT_WORDS, span

    times = "  ".join(
        f"{one['name']} {span(one['seconds']) if one['seconds'] is not None else '-'}({RESULT_WORDS[one['result']]})"
        for one in told["times"]
    )
    state = "訓練中" if told["on"] else "終了"
    return f"{told['drill']}  {state}  {plain(told['title'])}  {local(told['started_at'])}  {times}"
