"""What is done with an incident: each step is a record, made here and nowhere else. Pure; the ledger remembers.

    opened ── linked, remarked, escalated, answered, decided, reported, contained ──▶ closed ──▶ reopened …
    CSIRT ──▶ 幹事会 ──▶ IT推進本部

A CSIRT reviewer handles it. It is brought up, never down: one step at a time, or straight to the top where that cannot
wait; who was passed over is recorded with it. Whether a breach is reportable decides somebody else, who does not
handle incidents: so two persons are needed for a leak to be closed. Nobody judges, decides or closes what is about
their own use; to open it, and to say more of it, everybody who handles incidents may.

Each step of a drill says ``is_drill``, and a drill holds no exchange that was real, nor a real incident one of a drill.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from audit import wording
from audit.incidents.closing import Missing, missing
from audit.incidents.deadlines import REPORTS, Report
from audit.incidents.items import ITEMS, Item
from audit.incidents.judgement import OUTCOMES, QUESTIONS, VALUES, Outcome, Question, Value
from audit.incidents.model import (
    DISPOSITIONS,
    KINDS,
    LEVELS,
    MOST_LINKED,
    Disposition,
    Incident,
    Kind,
    Level,
    Link,
    incident_number,
)
from audit.model import Draft
from audit.names import moment
from audit.readers import Reader

_AHEAD = timedelta(minutes=1)
"""How far the clock of whoever writes may be before ours."""
_OLDEST = timedelta(days=3_660)


class NotDone(Exception):
    """``code`` is stable; `ja` and `en` say what is in the way. ``missing``: what closing waits for."""

    def __init__(self, code: str, lacking: Collection[Missing] = ()) -> None:
        self.code = code
        self.missing = tuple(lacking)
        ja, en = _SAID[code]
        self.ja = ja.format("、".join(one.ja for one in lacking))
        self.en = en.format("; ".join(one.en for one in lacking))
        super().__init__(f"{self.ja} / {self.en}")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an incident is opened from, or gets linked: an exchange, with whose it is, or an alert, with its rule.

    ``drill``: the drill that it belongs to; None: it is real.
    """

    exchange: str | None = None
    alert: str | None = None
    subject: str | None = None
    rule: str | None = None
    drill: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return Link(self.exchange, self.alert).key


def opened(
    reader: Reader,
    kind: Kind,
    title: str | None,
    now: datetime,
    *,
    known_at: datetime | None = None,
    evidence: Collection[Evidence] = (),
    drill: str | None = None,
    taken: Collection[str] = (),
) -> list[Draft]:
    """A new incident: its first record, and one for each exchange and alert that it is opened from. ``known_at``: now.

    What is opened from a drill's exchange is one of that drill. ``taken``: numbers that there are.
    Raises `NotForThem`, `BadWording`, `NotDone`.
    """
    reader.demand("handle_incidents")
    _demand_one_of(kind, KINDS)
    drills = {one.drill for one in evidence} | ({drill} if drill else set())
    if len(drills) > 1:
        raise NotDone("mixed")
    of_drill = next(iter(drills), None)
    known = _past(known_at or now, now)
    head = {
        "incident": incident_number(now, taken),
        "is_drill": of_drill is not None,
    }
    facts = {"kind": kind, "title": wording.name(title), "known_at": moment(known), "drill": of_drill}
    drafts = [Draft("noted", None, {**_by("opened", reader), **head, **facts})]
    unlike = {one.key: one for one in evidence}
    if len(unlike) > MOST_LINKED:
        raise NotDone("too_many")
    return drafts + [
        Draft("noted", None, {**_by("linked", reader), **head, **_linking(one)}) for one in unlike.values()
    ]


def amended(
    reader: Reader,
    incident: Incident,
    reason: str | None,
    now: datetime,
    *,
    kind: Kind | None = None,
    title: str | None = None,
    known_at: datetime | None = None,
) -> Draft:
    """What was opened as one thing turns out to be another, or was known earlier: the deadlines count anew.

    Raises `NotForThem`, `BadWording`, `NotDone`.
    """
    _demand_open(reader, incident)
    facts: dict[str, Any] = {"reason": wording.reason(reason)}
    if kind is not None:
        _demand_one_of(kind, KINDS)
        facts["kind"] = kind
    if title is not None:
        facts["title"] = wording.name(title)
    if known_at is not None:
        facts["known_at"] = moment(_past(known_at, now))
    if len(facts) == 1:
        raise NotDone("nothing")
    return _draft("amended", incident, reader, facts)


def linked(reader: Reader, incident: Incident, evidence: Evidence, reason: str | None) -> Draft:
    """An exchange or an alert belongs to it. Raises `NotForThem`, `BadWording`, `NotDone`."""
    _demand_open(reader, incident)
    said = wording.reason(reason)
    if (link := incident.links.get(evidence.key)) is not None and not link.disposed:
        raise NotDone("linked")
    if len(incident.links) >= MOST_LINKED:
        raise NotDone("too_many")
    if incident.drill != evidence.drill:
        raise NotDone("mixed")
    return _draft("linked", incident, reader, {**_linking(evidence), "reason": said})


def unlinked(
    reader: Reader,
    incident: Incident,
    reason: str | None,
    *,
    exchange: str | None = None,
    alert: str | None = None,
) -> Draft:
    """It does not belong to it after all. That it was linked stands in the timeline.

    Raises `NotForThem`, `BadWording`, `NotDone`.
    """
    _demand_open(reader, incident)
    said = wording.reason(reason)
    link = incident.links.get(Link(exchange, alert).key)
    if link is None or link.disposed:
        raise NotDone("not_linked")
    facts = {"exchange": link.exchange, "alert": link.alert, "subject": link.subject, "reason": said}
    return _draft("unlinked", incident, reader, facts)


def remarked(
    reader: Reader, incident: Incident, text: str | None, now: datetime, happened_at: datetime | None = None
) -> Draft:
    """Something that somebody has to know later; ``happened_at``: when it was, where that is not now.

    Raises `NotForThem`, `BadWording`, `NotDone`.
    """
    _demand_open(reader, incident)
    happened = _past(happened_at or now, now)
    return _draft(
        "remarked", incident, reader, {"text": wording.passage(text), "happened_at": moment(happened)}
    )


def escalated(reader: Reader, incident: Incident, to: Level, reason: str | None) -> Draft:
    """It is brought up: a step, or to the top. Raises `NotForThem`, `BadWording`, `NotDone`."""
    _demand_open(reader, incident)
    _demand_one_of(to, LEVELS)
    before, after = LEVELS.index(incident.level), LEVELS.index(to)
    if after <= before:
        raise NotDone("not_up")
    facts = {"from": incident.level, "to": to, "passed_over": list(LEVELS[before + 1 : after])}
    return _draft("escalated", incident, reader, facts | {"reason": wording.reason(reason)})


def item(reader: Reader, incident: Incident, name: Item, text: str | None) -> Draft:
    """What stands under one of the nine items from now on. Raises `NotForThem`, `BadWording`, `NotDone`."""
    _demand_open(reader, incident)
    _demand_one_of(name, ITEMS)
    said = wording.passage(text)
    if (stands := incident.item(name)) is not None and stands.text == said:
        raise NotDone("same")
    version = len(incident.items.get(name, ())) + 1
    return _draft("item", incident, reader, {"item": name, "version": version, "text": said})


def answered(
    reader: Reader, incident: Incident, question: Question, value: Value, reason: str | None
) -> Draft:
    """An answer to one of the six questions. It decides nothing. Raises `NotForThem`, `BadWording`, `NotDone`."""
    _demand_open(reader, incident)
    _demand_one_of(question, QUESTIONS)
    _demand_one_of(value, VALUES)
    _demand_not_own(reader, incident)
    facts = {"question": question, "value": value, "reason": wording.reason(reason)}
    return _draft("answered", incident, reader, facts)


def decided(reader: Reader, incident: Incident, outcome: Outcome, reason: str | None) -> Draft:
    """A person decides whether it is reportable. What the answers point to is recorded beside it, and need not be it.

    Raises `NotForThem`, `BadWording`, `NotDone`.
    """
    reader.demand("decide_incidents")
    _demand_not_closed(incident)
    _demand_one_of(outcome, OUTCOMES)
    if not reader.person:
        raise NotDone("nobody")
    _demand_not_own(reader, incident)
    facts = {"outcome": outcome, "decided_by": reader.person, "pointing": incident.pointed.pointing}
    return _draft("decided", incident, reader, facts | {"reason": wording.reason(reason)})


def reported(
    reader: Reader,
    incident: Incident,
    report: Report,
    reported_at: datetime | None,
    now: datetime,
    *,
    reference: str | None = None,
    reason: str | None = None,
) -> Draft:
    """A report was made; ``reference``: the number under which it was taken. Whether it was late, the clock says.

    Raises `NotForThem`, `BadWording`, `NotDone`.
    """
    _demand_open(reader, incident)
    _demand_one_of(report, REPORTS)
    made_at = _past(reported_at or now, now)
    if made_at < incident.known_at:
        raise NotDone("before_known")
    facts: dict[str, Any] = {"report": report, "reported_at": moment(made_at)}
    facts["reference"] = wording.name(reference) if reference is not None else None
    facts["reason"] = wording.reason(reason) if reason is not None else None
    return _draft("reported", incident, reader, facts)


def contained(
    reader: Reader, incident: Incident, contained_at: datetime | None, reason: str | None, now: datetime
) -> Draft:
    """From this moment on it did not get worse, and how. Said again, the last counts.

    Raises `NotForThem`, `BadWording`, `NotDone`.
    """
    _demand_open(reader, incident)
    facts = {"contained_at": moment(_past(contained_at or now, now)), "reason": wording.reason(reason)}
    return _draft("contained", incident, reader, facts)


def closed(reader: Reader, incident: Incident, disposition: Disposition, reason: str | None) -> Draft:
    """It is over. Raises `NotForThem`, `BadWording`, `NotDone`: with everything that is missing."""
    _demand_open(reader, incident)
    _demand_one_of(disposition, DISPOSITIONS)
    _demand_not_own(reader, incident)
    said = wording.reason(reason)
    if lacking := missing(incident, disposition):
        raise NotDone("missing", lacking)
    return _draft("closed", incident, reader, {"disposition": disposition, "reason": said})


def reopened(reader: Reader, incident: Incident, reason: str | None) -> Draft:
    """It was not over. Raises `NotForThem`, `BadWording`, `NotDone`."""
    reader.demand("handle_incidents")
    if incident.state != "closed":
        raise NotDone("not_closed")
    return _draft("reopened", incident, reader, {"reason": wording.reason(reason)})


# ── what every step holds to ─────────────────────────────────────────────────────────────────────


def _demand_open(reader: Reader, incident: Incident) -> None:
    reader.demand("handle_incidents")
    _demand_not_closed(incident)


def _demand_not_closed(incident: Incident) -> None:
    if incident.state == "closed":
        raise NotDone("closed")


def _demand_not_own(reader: Reader, incident: Incident) -> None:
    if reader.person in incident.subjects:
        raise NotDone("own")


def _demand_one_of(value: str, known: Collection[str]) -> None:
    if value not in known:
        raise NotDone("unknown")


def _past(at: datetime, now: datetime) -> datetime:
    """A moment that has come, and is no slip of the pen. Raises `NotDone`."""
    if at.tzinfo is None:
        raise NotDone("zone")
    if at > now + _AHEAD:
        raise NotDone("future")
    if at < now - _OLDEST:
        raise NotDone("too_old")
    return min(at, now)


def _linking(one: Evidence) -> dict[str, Any]:
    return {"exchange": one.exchange, "alert": one.alert, "subject": one.subject, "rule": one.rule}


def _by(what: str, reader: Reader) -> dict[str, Any]:
    return {"event": f"incident.{what}", "by": reader.person, "role": reader.role}


def _draft(what: str, incident: Incident, reader: Reader, facts: Mapping[str, Any]) -> Draft:
    head = {"incident": incident.id, "is_drill": incident.is_drill}
    return Draft("noted", None, {**_by(what, reader), **head, **facts})


_SAID = {
    "closed": (
        "この事案は終結しています。続けるときは、先に再開(reopen)してください。",
        "This incident is closed: reopen it first.",
    ),
    "not_closed": ("この事案は終結していません。", "This incident is not closed."),
    "missing": (
        "まだ終結できません。足りないもの: {}。",
        "It cannot be closed yet. What is missing: {}.",
    ),
    "own": (
        "自分の利用が関わる事案では、判断・決定・終結はできません。別の担当者に頼んでください。",
        "Nobody judges, decides or closes what is about their own use: have somebody else do it.",
    ),
    "nobody": ("決定には、決めた人が要ります。", "A decision is made by somebody."),
    "unknown": ("その語は選べません。選べる語を確かめてください。", "There is no such word to choose."),
    "zone": (
        "日時には時差が要ります(2026-11-28T10:00+09:00)。",
        "A moment needs its zone, as in 2026-11-28T10:00+09:00.",
    ),
    "future": ("日時が、まだ来ていません。", "This moment has not come yet."),
    "too_old": ("日時が古すぎます。年を確かめてください。", "This moment is too long ago: check the year."),
    "before_known": (
        "報告の日時が、知った時より前です。どちらかを確かめてください。",
        "The report is before the moment of knowing: check both.",
    ),
    "not_up": (
        "上げられるのは、いまより上だけです(CSIRT → 幹事会 → IT推進本部)。",
        "It is brought up only: CSIRT, board, headquarters.",
    ),
    "linked": ("もう関連づけてあります。", "It is linked already."),
    "not_linked": (
        "関連づけられていません。扱い(事案化)で付いたものは、扱いを決め直すと外れます。",
        "It is not linked. What a disposition brought goes with another disposition.",
    ),
    "too_many": (
        f"一つの事案に関連づけられるのは{MOST_LINKED}件までです。",
        f"An incident has {MOST_LINKED} exchanges and alerts at most.",
    ),
    "mixed": (
        "訓練のものと本物、または別の訓練のものは、一つの事案にできません。",
        "What is of a drill and what is real, or of another drill, is not one incident.",
    ),
    "nothing": ("改めるものを、一つは指定してください。", "Say what is to be amended."),
    "same": ("いまの文と同じです。", "That is what stands there."),
}
