"""/audit/v1/incidents: what happened, what was done about it, by when it is reported; see audit/incidents/steps.py.

Every step is a record before it counts, every look is one before anything is shown, and what is written is searched for
personal data before it is kept. What an answer tells of an incident is the same for everybody who sees it, but for ids.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from audit.incidents import steps
from audit.incidents.clock import Hand, clock
from audit.incidents.closed import read_calendar
from audit.incidents.closing import missing
from audit.incidents.deadlines import Report
from audit.incidents.estimate import Estimate
from audit.incidents.export import MEDIA, Exported, exported
from audit.incidents.export import Form as FileForm
from audit.incidents.history import stepped
from audit.incidents.items import Item
from audit.incidents.judgement import Outcome, Question, Value
from audit.incidents.model import DISPOSITIONS, Disposition, Incident, Kind, Level, State
from audit.incidents.steps import Evidence, NotDone
from audit.incidents.told import incident_told, summary_told
from audit.model import Draft
from audit.numbers import may_be_somebodys
from audit.paper.press import CannotPrint
from audit.readers import Sight
from audit.review import Review
from audit.wording import BadWording
from policies.model import Bilingual
from proxy.api.forms import Form
from proxy.api.reading import At, Desk, misworded
from proxy.errors import Problem

router = APIRouter(prefix="/audit/v1/incidents")
Done = TypeVar("Done")

_LINKED_AT_ONCE = 100


class OpenForm(Form):
    """A new incident. ``known_at``: 知った時, now where it is left out. An alert brings the exchanges that it names."""

    kind: Kind
    title: str
    known_at: AwareDatetime | None = None
    exchanges: list[str] = Field(default_factory=list, max_length=_LINKED_AT_ONCE)
    alerts: list[str] = Field(default_factory=list, max_length=_LINKED_AT_ONCE)
    drill: str | None = Field(None, pattern=r"^d-[0-9a-z-]{1,40}$")


class AmendForm(Form):
    """What it turns out to be, is called, or when it was known. What is left out stays."""

    reason: str
    kind: Kind | None = None
    title: str | None = None
    known_at: AwareDatetime | None = None


class LinkForm(Form):
    """An exchange or an alert that belongs to it: one of the two."""

    reason: str
    exchange: str | None = None
    alert: str | None = None


class RemarkForm(Form):
    """Something that somebody has to know later."""

    text: str
    happened_at: AwareDatetime | None = None


class EscalateForm(Form):
    """Up to the board, or to the headquarters."""

    to: Level
    reason: str


class ItemForm(Form):
    """What stands under an item from now on."""

    text: str


class AnswerForm(Form):
    """An answer, and why."""

    value: Value
    reason: str


class DecisionForm(Form):
    """Whether it is reportable, and why. Who decides is whoever asks."""

    outcome: Outcome
    reason: str


class ReportForm(Form):
    """A report that was made. ``reference``: the number under which it was taken."""

    report: Report
    reported_at: AwareDatetime | None = None
    reference: str | None = None
    reason: str | None = None


class ContainForm(Form):
    """When it was contained, and how."""

    reason: str
    contained_at: AwareDatetime | None = None


class CloseForm(Form):
    """What became of it, and why it is over."""

    disposition: Disposition
    reason: str


class ReasonForm(Form):
    """Why."""

    reason: str


# ── looks ────────────────────────────────────────────────────────────────────────────────────────


@router.get("")
async def incidents(
    at: At,
    kind: Kind | None = None,
    state: State | None = None,
    drills: bool = False,
    reason: str | None = None,
) -> dict[str, Any]:
    """The incidents within reach, the newest first. Drills are left out; ``drills``: they alone."""
    await at.demand("incidents")
    why = await at.because(reason)
    every = await at.reading(Review.incidents)
    fitting = [
        one
        for one in sorted(every.values(), key=lambda one: (one.opened_at, one.id), reverse=True)
        if one.is_drill is drills and kind in (None, one.kind) and state in (None, one.state)
    ]
    asked = {"kind": kind, "state": state, "drills": drills or None}
    await at.looked("incidents", {name: value for name, value in asked.items() if value}, len(fitting), why)
    return {"incidents": [summary_told(one, _hands(at, one)) for one in fitting]}


@router.get("/{id}")
async def incident(at: At, id: str, reason: str | None = None) -> dict[str, Any]:
    """All of one: the clock, the nine items, the aid, the estimate, the timeline."""
    await at.demand("incidents")
    why = await at.because(reason)
    one, estimate = await _whole(at, id, why, "incident")
    await at.looked("incident", {"incident": id}, 1, why)
    return _told(at, one, estimate)


@router.get("/{id}/export")
async def export(at: At, id: str, form: FileForm = "pdf", reason: str | None = None) -> Response:
    """One as a file. Its digest is recorded before a byte of it is given."""
    await at.demand("incidents")
    why = await at.because(reason)
    one, estimate = await _whole(at, id, why, "incident_export")
    told, now = _told(at, one, estimate), at.now()

    def make() -> Exported:
        return exported(told, form, at.reader.person, now)

    try:
        made = await at.asker.doing(make)
    except CannotPrint as error:
        ja, _, en = str(error).partition(" / ")
        raise Problem(503, "cannot_print", Bilingual(ja, en)) from None
    facts = {"incident": id, "form": form, "sha256": made.sha256, "bytes": len(made.raw)}
    await at.looked("incident_export", facts, 1, why)
    headers = {
        "content-disposition": f'attachment; filename="{made.name}"',
        "x-sekisho-sha256": made.sha256,
        "cache-control": "no-store",
    }
    return Response(made.raw, media_type=MEDIA[form], headers=headers)


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


@router.post("", status_code=201)
async def open_(at: At, form: OpenForm) -> dict[str, Any]:
    """Open one. From this moment its clock is shown."""
    await at.demand("handle_incidents")
    await at.demand_nothing_personal(form.title)
    evidence = await _evidence(at, form.exchanges, form.alerts)
    taken, now = await at.reading(Review.incidents), at.now()
    drafts = await _deciding(
        at,
        lambda: steps.opened(
            at.reader,
            form.kind,
            form.title,
            now,
            known_at=form.known_at,
            evidence=evidence,
            drill=form.drill,
            taken=taken,
        ),
    )
    opened: Incident | None = None
    for draft in drafts:
        await at.note(draft)
        opened = stepped(opened, draft.body, now)
    assert opened is not None
    return summary_told(opened, _hands(at, opened))


@router.post("/{id}/amend")
async def amend(at: At, id: str, form: AmendForm) -> dict[str, Any]:
    """It turns out to be something else, or was known at another time."""
    written = [form.reason, *([form.title] if form.title else [])]
    now = at.now()
    return await _step(
        at, id, written,
        lambda one: steps.amended(
            at.reader, one, form.reason, now, kind=form.kind, title=form.title, known_at=form.known_at
        ),
    )  # fmt: skip


@router.post("/{id}/link")
async def link(at: At, id: str, form: LinkForm) -> dict[str, Any]:
    """Something belongs to it; an alert comes with the exchanges that it names."""
    await at.demand("handle_incidents")
    _demand_one(form)
    await at.demand_nothing_personal(form.reason)
    one = await _incident(at, id)
    found = await _evidence(at, [form.exchange] if form.exchange else [], [form.alert] if form.alert else [])
    named = [two for two in found if two.key in _keys(form) or two.key not in one.links]
    drafts = await _deciding(at, lambda: [steps.linked(at.reader, one, two, form.reason) for two in named])
    return await _noted(at, one, drafts)


@router.post("/{id}/unlink")
async def unlink(at: At, id: str, form: LinkForm) -> dict[str, Any]:
    """It does not belong to it after all."""
    _demand_one(form)
    return await _step(
        at, id, [form.reason],
        lambda one: steps.unlinked(at.reader, one, form.reason, exchange=form.exchange, alert=form.alert),
    )  # fmt: skip


@router.post("/{id}/remarks")
async def remark(at: At, id: str, form: RemarkForm) -> dict[str, Any]:
    """Something that somebody has to know later."""
    now = at.now()
    return await _step(
        at, id, [form.text], lambda one: steps.remarked(at.reader, one, form.text, now, form.happened_at)
    )  # fmt: skip


@router.post("/{id}/escalate")
async def escalate(at: At, id: str, form: EscalateForm) -> dict[str, Any]:
    """Bring it up."""
    return await _step(
        at, id, [form.reason], lambda one: steps.escalated(at.reader, one, form.to, form.reason)
    )


@router.put("/{id}/items/{item}")
async def item(at: At, id: str, item: Item, form: ItemForm) -> dict[str, Any]:
    """Write one of the nine items. What stood there is kept as an earlier version."""
    return await _step(at, id, [form.text], lambda one: steps.item(at.reader, one, item, form.text))


@router.put("/{id}/answers/{question}")
async def answer(at: At, id: str, question: Question, form: AnswerForm) -> dict[str, Any]:
    """Answer one of the six questions. It decides nothing."""
    return await _step(
        at, id, [form.reason],
        lambda one: steps.answered(at.reader, one, question, form.value, form.reason),
    )  # fmt: skip


@router.post("/{id}/decision")
async def decide(at: At, id: str, form: DecisionForm) -> dict[str, Any]:
    """Decide whether it is reportable: a person who does not handle incidents."""
    return await _step(
        at, id, [form.reason], lambda one: steps.decided(at.reader, one, form.outcome, form.reason),
        "decide_incidents",
    )  # fmt: skip


@router.post("/{id}/reports")
async def report(at: At, id: str, form: ReportForm) -> dict[str, Any]:
    """Record that a report was made."""
    now, written = at.now(), [one for one in (form.reference, form.reason) if one is not None]
    return await _step(
        at, id, written,
        lambda one: steps.reported(
            at.reader, one, form.report, form.reported_at, now, reference=form.reference, reason=form.reason
        ),
    )  # fmt: skip


@router.post("/{id}/contained")
async def contain(at: At, id: str, form: ContainForm) -> dict[str, Any]:
    """Record that it does not get worse from a moment on."""
    now = at.now()
    return await _step(
        at, id, [form.reason],
        lambda one: steps.contained(at.reader, one, form.contained_at, form.reason, now),
    )  # fmt: skip


@router.post("/{id}/close")
async def close(at: At, id: str, form: CloseForm) -> dict[str, Any]:
    """Close it, once everything is there; else what is missing is told."""
    return await _step(
        at, id, [form.reason], lambda one: steps.closed(at.reader, one, form.disposition, form.reason)
    )


@router.post("/{id}/reopen")
async def reopen(at: At, id: str, form: ReasonForm) -> dict[str, Any]:
    """It was not over."""
    return await _step(at, id, [form.reason], lambda one: steps.reopened(at.reader, one, form.reason))


# ── what they share ──────────────────────────────────────────────────────────────────────────────


async def _step(
    at: Desk,
    id: str,
    written: Sequence[str],
    does: Callable[[Incident], Draft],
    sight: Sight = "handle_incidents",
) -> dict[str, Any]:
    """One step: whose right it is, what is written, and then the record of it."""
    await at.demand(sight)
    await at.demand_nothing_personal(*written)
    one = await _incident(at, id)
    draft = await _deciding(at, lambda: does(one))
    return await _noted(at, one, [draft])


async def _noted(at: Desk, one: Incident, drafts: Sequence[Draft]) -> dict[str, Any]:
    """Recorded, and then told: how it stands, and what closing still waits for."""
    after: Incident | None = one
    for draft in drafts:
        await at.note(draft)
        after = stepped(after, draft.body, at.now())
    assert after is not None
    return summary_told(after, _hands(at, after)) | {
        "points_to": after.pointed.plain(),
        "missing": {made: [lacking.code for lacking in missing(after, made)] for made in DISPOSITIONS},
    }


async def _deciding(at: Desk, decide: Callable[[], Done]) -> Done:
    """Raises `Problem`: 403 for one's own, 409 for what the incident is not ready for, 400 for what was sent."""
    try:
        return await at.deciding(decide)
    except NotDone as error:
        status = 403 if error.code in ("own", "nobody") else 409 if error.code in _NOT_NOW else 400
        raise Problem(status, f"incident_{error.code}", Bilingual(error.ja, error.en)) from None


_NOT_NOW = ("closed", "not_closed", "missing", "not_up", "linked", "not_linked", "too_many", "mixed", "same")


async def _whole(at: Desk, id: str, why: str | None, what: str) -> tuple[Incident, Estimate]:
    """One, with its estimate. A look for one that is not there is a record, too."""

    def read(review: Review) -> tuple[Incident, Estimate] | None:
        one = review.incident(id)
        return None if one is None else (one, review.affected(one))

    if may_be_somebodys(id):
        raise _not_there()  # and nothing of it is kept
    found = await at.reading(read)
    if found is None:
        await at.looked(what, {"incident": id[:_LONGEST]}, 0, why)
        raise _not_there()
    return found


async def _incident(at: Desk, id: str) -> Incident:
    one = await at.reading(lambda review: review.incident(id))
    if one is None:
        raise _not_there()
    return one


async def _evidence(at: Desk, exchanges: Sequence[str], alerts: Sequence[str]) -> list[Evidence]:
    """Raises `Problem` where one of them is not within reach."""
    if any(map(may_be_somebodys, (*exchanges, *alerts))):
        raise misworded(BadWording("number"))
    if not exchanges and not alerts:
        return []
    found = await at.reading(lambda review: review.evidence(exchanges, alerts))
    if found is None:
        raise Problem(
            404,
            "no_such_evidence",
            Bilingual(
                "その番号のやり取りか警報が、あなたが見られる範囲にありません。番号を確かめてください。",
                "An exchange or an alert of this id is not within what you may see. Check it.",
            ),
        )
    return found


def _told(at: Desk, one: Incident, estimate: Estimate) -> dict[str, Any]:
    return incident_told(one, _hands(at, one), estimate, whole="exchanges" in at.reader.sights)


def _hands(at: Desk, one: Incident) -> tuple[Hand, ...]:
    return clock(one, read_calendar(at.asker.desk.settings.closed_days), at.now())


def _demand_one(form: LinkForm) -> None:
    if (form.exchange is None) == (form.alert is None):
        raise Problem(
            400,
            "office_wrong",
            Bilingual(
                "exchange か alert の、どちらか一つを指定してください。", "Name an exchange or an alert."
            ),
        )


def _keys(form: LinkForm) -> set[tuple[str, str]]:
    return {("exchange", form.exchange or ""), ("alert", form.alert or "")}


_LONGEST = 64
"""Characters of a number that is kept of a look for an incident that is not there."""


def _not_there() -> Problem:
    """There is none within reach, or none at all: nobody learns which."""
    return Problem(
        404,
        "no_such_incident",
        Bilingual(
            "その番号の事案は、あなたが見られる範囲にありません。番号を確かめてください。",
            "No incident of this number is within what you may see. Check it.",
        ),
    )
