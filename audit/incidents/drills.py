"""Drills (有事を想定した訓練): when one began and ended, and how quickly it was detected, triaged and contained. Pure.

    drill.started   {drill, title, kind, scenario (SHA-256), aims (seconds), keys, until}
    drill.ended     {drill}

    T0        the first exchange of a key that takes part
    detect    an alert on one of its exchanges, a disposition of one, or the incident: whichever came first
    triage    a disposition of one of its exchanges, or the incident
    contain   the moment that the incident says

Its exchanges are tests and its incidents drills, so that none of it stands in any figure; its times stand here alone.
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from audit import wording
from audit.incidents.deadlines import day_in_japan
from audit.incidents.items import ITEMS
from audit.incidents.model import KIND_WORDS, Incident, Kind
from audit.model import Draft, Record
from audit.names import moment
from audit.paper.model import Block, Heading, Pairs, Paper, Passage, Table
from audit.readers import Reader

EVENTS = "drill.*"

Phase = Literal["detect", "triage", "contain"]
PHASES: tuple[Phase, ...] = get_args(Phase)
PHASE_WORDS: Mapping[Phase, str] = {"detect": "気づくまで", "triage": "見分けるまで", "contain": "止めるまで"}

Result = Literal["met", "missed", "running", "not_done"]
RESULT_WORDS: Mapping[Result, str] = {
    "met": "目標どおり", "missed": "目標を超えた", "running": "まだ(目標の時間内)", "not_done": "行われていない",
}  # fmt: skip

LONGEST = timedelta(hours=8)
"""How long keys may take part: a drill that nobody ends hides nobody's real use for longer."""

_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"


class NotDrilled(Exception):
    """``code`` is stable; `ja` and `en` say what is in the way."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.ja, self.en = _SAID[code]
        super().__init__(f"{self.ja} / {self.en}")


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill as its records tell it. ``aims``: seconds for each phase. ``scenario``: the digest of its file."""

    id: str
    title: str
    kind: Kind
    scenario: str
    aims: Mapping[Phase, int]
    keys: tuple[str, ...]
    steps: int
    started_at: datetime
    started_by: str
    until: datetime
    ended_at: datetime | None = None

    def is_on(self, now: datetime) -> bool:
        """Whether its keys take part now."""
        return self.ended_at is None and now < self.until


@dataclass(frozen=True, slots=True)
class Timed:
    """One phase: when it was reached, after how many seconds, against its aim."""

    phase: Phase
    aim: int
    at: datetime | None
    seconds: int | None
    result: Result

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "phase": self.phase,
            "name": PHASE_WORDS[self.phase],
            "aim_seconds": self.aim,
            "at": moment(self.at) if self.at else None,
            "seconds": self.seconds,
            "result": self.result,
        }


@dataclass(frozen=True, slots=True)
class Traces:
    """What the ledger has of a drill: moments of its exchanges, of alerts on them and of what reviewers made of them, and
    its incidents, oldest first."""

    exchanges: Sequence[datetime] = ()
    alerts: Sequence[datetime] = ()
    dispositions: Sequence[datetime] = ()
    incidents: Sequence[Incident] = ()


def started(
    reader: Reader,
    title: str,
    kind: Kind,
    scenario: str,
    aims: Mapping[Phase, int],
    keys: Sequence[str],
    steps: int,
    hours: int,
    now: datetime,
) -> tuple[Drill, Draft]:
    """A drill begins; from then on what these keys ask is of it. Raises `NotForThem`, `BadWording`, `NotDrilled`."""
    reader.demand("handle_incidents")
    if not keys:
        raise NotDrilled("no_key")
    if not 1 <= hours <= LONGEST // timedelta(hours=1):
        raise NotDrilled("hours")
    chance = "".join(secrets.choice(_SIGNS) for _ in range(4))
    id = f"d-{day_in_japan(now):%Y%m%d}-{chance}"
    until = now + timedelta(hours=hours)
    body = {
        "event": "drill.started",
        "by": reader.person,
        "role": reader.role,
        "is_drill": True,
        "drill": id,
        "title": wording.name(title),
        "kind": kind,
        "scenario": scenario,
        "aims": dict(aims),
        "keys": list(keys),
        "steps": steps,
        "until": moment(until),
    }
    return _started(body, now), Draft("noted", None, body)


def ended(reader: Reader, drill: Drill) -> Draft:
    """It is over: its keys are used for real again. Raises `NotForThem`, `NotDrilled`."""
    reader.demand("handle_incidents")
    if drill.ended_at is not None:
        raise NotDrilled("over")
    body = {"event": "drill.ended", "by": reader.person, "role": reader.role, "is_drill": True}
    return Draft("noted", None, body | {"drill": drill.id, "keys": list(drill.keys)})


def drills_of(records: Iterable[Record]) -> dict[str, Drill]:
    """Every drill there was, from the records that speak of them, in any order."""
    known: dict[str, Drill] = {}
    for record in sorted(records, key=lambda one: (one.at, one.writer, one.index)):
        body, at = json.loads(record.body), datetime.fromisoformat(record.at)
        if body["event"] == "drill.started":
            known[body["drill"]] = _started(body, at)
        elif body["event"] == "drill.ended" and (drill := known.get(body["drill"])) is not None:
            known[drill.id] = replace(drill, ended_at=drill.ended_at or at)
    return known


def began(drill: Drill, traces: Traces) -> datetime:
    """T0: nothing can be detected before something was sent."""
    return min(traces.exchanges, default=drill.started_at)


def timed(drill: Drill, traces: Traces, now: datetime) -> tuple[Timed, ...]:
    """Each phase against its aim."""
    start = began(drill, traces)
    opened = [one.opened_at for one in traces.incidents]
    reached: Mapping[Phase, datetime | None] = {
        "detect": min((*traces.alerts, *traces.dispositions, *opened), default=None),
        "triage": min((*traces.dispositions, *opened), default=None),
        "contain": min((one.contained_at for one in traces.incidents if one.contained_at), default=None),
    }
    return tuple(_timed(drill, phase, start, reached[phase], now) for phase in PHASES)


def report_told(drill: Drill, traces: Traces, now: datetime) -> dict[str, Any]:
    """The report of a drill, as JSON values."""
    return {
        "drill": drill.id,
        "is_drill": True,
        "title": drill.title,
        "kind": drill.kind,
        "scenario": drill.scenario,
        "keys": list(drill.keys),
        "steps": drill.steps,
        "exchanges": len(traces.exchanges),
        "alerts": len(traces.alerts),
        "started_at": moment(drill.started_at),
        "began_at": moment(began(drill, traces)),
        "until": moment(drill.until),
        "ended_at": moment(drill.ended_at) if drill.ended_at else None,
        "on": drill.is_on(now),
        "times": [one.plain() for one in timed(drill, traces, now)],
        "incidents": [
            {
                "incident": one.id,
                "state": one.state,
                "level": one.level,
                "items": len([name for name in ITEMS if one.item(name)]),
                "answers": len(one.answers),
                "decision": one.decision.outcome if one.decision else None,
                "reports": [made.report for made in one.reports],
            }
            for one in traces.incidents
        ],
    }


def report_paper(told: Mapping[str, Any], by: str, now: datetime) -> Paper:
    """The report of a drill on paper."""
    from audit.certificate import local

    times = [
        (
            one["name"],
            span(one["aim_seconds"]),
            span(one["seconds"]) if one["seconds"] is not None else "-",
            local(one["at"]) if one["at"] else "-",
            RESULT_WORDS[one["result"]],
        )
        for one in told["times"]
    ]
    blocks: list[Block] = [
        Pairs(
            (
                ("訓練", told["drill"]),
                ("想定", f"{told['title']}({KIND_WORDS[told['kind']]})"),
                ("始めた時", local(told["started_at"])),
                ("最初の要求", local(told["began_at"]) if told["exchanges"] else "まだ"),
                ("終えた時", local(told["ended_at"]) if told["ended_at"] else "まだ"),
                ("要求・警報", f"{told['exchanges']}件(筋書き {told['steps']}件)・{told['alerts']}件"),
                ("筋書き", f"SHA-256 {told['scenario']}"),
            )
        ),
        Heading("かかった時間"),
        Table(("段階", "目標", "かかった時間", "その時刻", "結果"), times, (2.6, 2.2, 2.6, 3.6, 3.4)),
        Passage("時間は、訓練の最初の要求から数えます。訓練の記録は、どの件数にも入りません。", faint=True),
        Heading("事案"),
    ]
    rows = [
        (
            one["incident"],
            f"{one['items']}/9",
            f"{one['answers']}/6",
            one["decision"] or "-",
            " ".join(one["reports"]) or "-",
            one["state"],
        )
        for one in told["incidents"]
    ]
    heads = ("事案番号", "九項目", "問い", "決定", "報告", "状態")
    blocks.append(Table(heads, rows, (4, 1.6, 1.4, 3, 3, 2)) if rows else Passage("事案は開かれていません。"))
    return Paper(
        title=f"訓練の結果 {told['drill']}",
        subtitle=told["title"],
        foot=f"{told['drill']}  {local(moment(now))} 作成  作成者 {by}",
        blocks=blocks,
        mark="訓練",
    )


def span(seconds: int) -> str:
    """``1時間05分`` ``12分30秒``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}時間{minutes:02}分"
    return f"{minutes}分{rest:02}秒" if rest else f"{minutes}分"


def _timed(drill: Drill, phase: Phase, start: datetime, at: datetime | None, now: datetime) -> Timed:
    aim = drill.aims[phase]
    if at is None:
        over = drill.ended_at or min(now, drill.until)
        waits = drill.is_on(now) and (over - start).total_seconds() <= aim
        return Timed(phase, aim, None, None, "running" if waits else "not_done")
    seconds = max(0, round((at - start).total_seconds()))
    return Timed(phase, aim, at, seconds, "met" if seconds <= aim else "missed")


def _started(body: Mapping[str, Any], at: datetime) -> Drill:
    return Drill(
        id=body["drill"],
        title=body["title"],
        kind=body["kind"],
        scenario=body["scenario"],
        aims=body["aims"],
        keys=tuple(body["keys"]),
        steps=body["steps"],
        started_at=at,
        started_by=body["by"],
        until=datetime.fromisoformat(body["until"]),
    )


_SAID = {
    "no_key": ("訓練に参加するキーを、一つは指定してください。", "Name a key that takes part."),
    "hours": ("訓練は1時間から8時間です。", "A drill lasts 1 to 8 hours."),
    "over": ("この訓練は終わっています。", "This drill is over."),
}
