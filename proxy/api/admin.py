"""/admin/v1: the office's operations over HTTP, the same as `sekisho people|keys|quota|confirmations|label`.

Whoever may do what stands in proxy/office/rights.py; a 所属長 and a 利用管理者 see and change their own section only.
Pydantic at the door; what is done, and noted in the ledger before it is done, is the office's (enrolment.py,
issuing.py, limits.py). Every look is recorded.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, Field

from policies.model import Actor, Bilingual
from proxy.api.asking import Asker, asker
from proxy.api.forms import Form, csv, file_of, told, wrong
from proxy.errors import Problem
from proxy.office import confirmation_desk, disclosing, enrolment, issuing, limits
from proxy.office.checks import CheckBook
from proxy.office.confirmations import ConfirmationBook
from proxy.office.emergencies import EmergencyBook
from proxy.office.keys import Key, networks
from proxy.office.people_csv import plan_of, trainings_of, written
from proxy.office.people_shown import outcome, plain_page, planned
from proxy.office.quotas import (
    Counted,
    Limit,
    Measure,
    Period,
    QuotaBook,
    Scope,
    new_id,
    subject_of,
    usual_actor,
)
from proxy.office.roster import Page, Person, Posting, Unit

router = APIRouter(prefix="/admin/v1")
Who = Annotated[Asker, Depends(asker)]


# ── people ───────────────────────────────────────────────────────────────────────────────────────


class PersonForm(Form):
    """Somebody to be enrolled. Days are ``2027-04-01`` (JST)."""

    id: str
    kind: Actor
    department: str
    section: str
    starts: date
    ends: date | None = None
    name: str = ""
    role: str = "staff_member"
    owner: str | None = None
    consented: bool = False


class DayForm(Form):
    on: date


class TransferForm(Form):
    department: str
    section: str
    since: date


class TrainingForm(Form):
    course: str
    on: date
    fiscal_year: int | None = None


class RoleForm(Form):
    role: str


@router.get("/people")
async def people(who: Who, section: str | None = None) -> dict[str, Any]:
    """The people of the book, of one section where that is asked or all one may see."""
    await who.demand("people:read")
    pages = await who.doing(lambda: _pages(who, section))
    await who.looked("people", {"section": section} | who.reach, len(pages))
    return {"people": [plain_page(one) for one in pages]}


@router.get("/people/{id}")
async def person(who: Who, id: str) -> dict[str, Any]:
    """Everything the book says of one person."""
    page = await _page(who, id, "people:read")
    await who.looked("people", {"person": id}, 1)
    return plain_page(page)


@router.post("/people", status_code=201)
async def enrol(who: Who, form: PersonForm) -> dict[str, Any]:
    """An application: it counts once the 所属長 has approved it."""
    await who.demand("people:write", Unit(form.department, form.section))
    made = Person(
        form.id,
        form.kind,
        form.starts,
        form.ends,
        form.name,
        form.role,
        owner=form.owner,
        consented=form.consented,
    )
    posting = Posting(form.starts, form.department, form.section)
    page = await who.doing(lambda: enrolment.enrol(who.desk, made, posting))
    return plain_page(page)


@router.post("/people/{id}/approve")
async def approve(who: Who, id: str) -> dict[str, Any]:
    """The 所属長 who asks approves it: for the own section only."""
    await _page(who, id, "people:approve")
    return await _then(who, id, lambda: enrolment.approve(who.desk, id, who.caller.person))


@router.post("/people/{id}/end")
async def end(who: Who, id: str, form: DayForm) -> dict[str, Any]:
    """The last day of somebody's use."""
    await _page(who, id, "people:write")
    return await _then(who, id, lambda: enrolment.end(who.desk, id, form.on))


@router.post("/people/{id}/transfer")
async def transfer(who: Who, id: str, form: TransferForm) -> dict[str, Any]:
    """From a day on somebody belongs elsewhere."""
    await _page(who, id, "people:write")
    posting = Posting(form.since, form.department, form.section)
    return await _then(who, id, lambda: enrolment.transfer(who.desk, id, posting))


@router.post("/people/{id}/trainings")
async def train(who: Who, id: str, form: TrainingForm) -> dict[str, Any]:
    """Somebody completed a course."""
    await _page(who, id, "people:write")
    return await _then(who, id, lambda: enrolment.train(who.desk, id, form.course, form.on, form.fiscal_year))


@router.post("/people/{id}/role")
async def assign(who: Who, id: str, form: RoleForm) -> dict[str, Any]:
    """Another role. Nobody gives one to themselves."""
    await _page(who, id, "people:write")
    if id == who.caller.person:
        raise _own_entry()
    return await _then(who, id, lambda: enrolment.assign(who.desk, id, form.role))


@router.post("/people/import")
async def import_people(who: Who, request: Request, dry_run: bool = True) -> Response:
    """A CSV file of people, whole or not at all. A dry run, unless said otherwise: what it would do, and every fault."""
    await who.demand("people:write")
    raw = await file_of(request)
    book = await who.doing(lambda: {page.person.id: page for page in who.desk.people.pages()})
    plan = plan_of(raw, book, enrolment.today())
    if any(one.id == who.caller.person and one.what != ("unchanged",) for one in plan.changes):
        raise _own_entry()
    done = not plan.faults and not dry_run
    if done:
        await who.doing(lambda: enrolment.bring_in(who.desk, plan, sha256(raw).hexdigest()))
    return told(planned(done, plan))


@router.post("/trainings/import")
async def import_trainings(who: Who, request: Request, dry_run: bool = True) -> Response:
    """A CSV file of completions, whole or not at all. A dry run, unless said otherwise."""
    await who.demand("people:write")
    raw = await file_of(request)
    book = await who.doing(lambda: {page.person.id: page for page in who.desk.people.pages()})
    plan = trainings_of(raw, book, enrolment.today())
    if not plan.faults and not dry_run:
        await who.doing(lambda: enrolment.bring_in_trainings(who.desk, plan, sha256(raw).hexdigest()))
    counts = {"new": len(plan.new), "known": plan.known}
    return told(outcome(not dry_run and not plan.faults, counts, plan.faults))


@router.get("/people.csv")
async def export_people(who: Who) -> Response:
    """The people as the CSV file that can be brought in again."""
    await who.demand("people:read")
    pages = await who.doing(lambda: _pages(who))
    await who.looked("people_export", who.reach, len(pages))
    return csv(written(pages))


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


class KeyForm(Form):
    """A key to be issued; see proxy.office.keys.Key. ``class`` is 自治体機密性."""

    tool: str
    department: str
    section: str
    category: str
    purpose: str
    person: str | None = None
    may_assert_user: bool = False
    addresses: list[str] = Field(default_factory=list)
    oidc_client: str | None = None
    audience: Literal["staff", "public"] = "staff"
    confidentiality_class: Literal["1", "2", "3C", "3B", "3A"] | None = Field(None, alias="class")
    unknown_fields: Literal["refuse", "drop"] = "refuse"
    mask_reply_names: bool = False
    append_notices: bool = False
    starts: date | None = None
    ends: date | None = None
    approved_by: str | None = None


@router.get("/keys")
async def keys(who: Who) -> dict[str, Any]:
    """Every key ever issued that one may see, without the keys themselves."""
    await who.demand("keys:read")
    found = await who.doing(
        lambda: [key for key in who.desk.keys.list() if who.rights.sees(Unit(key.department, key.section))]
    )
    await who.looked("keys", who.reach, len(found))
    return {"keys": [issuing.shown(key) for key in found]}


@router.post("/keys", status_code=201)
async def issue(who: Who, form: KeyForm) -> dict[str, Any]:
    """A new key: this reply is the only place where it is shown."""
    await who.demand("keys:write", Unit(form.department, form.section))
    try:
        believed = networks(",".join(form.addresses))
    except ValueError:
        raise wrong(
            "addresses は 10.1.0.0/16 のような形です。", "addresses are networks such as 10.1.0.0/16."
        ) from None
    key = Key(id="", addresses=believed, **form.model_dump(exclude={"addresses"}))
    made, plain = await who.doing(lambda: issuing.issue(who.desk, key))
    return issuing.shown(made) | {"key": plain or None}


@router.delete("/keys/{id}")
async def revoke(who: Who, id: str) -> dict[str, Any]:
    """End a key; it stops working within a second."""
    await who.demand("keys:write")
    await who.doing(lambda: issuing.revoke(who.desk, id))
    who.house.register.forget()
    return {"id": id, "revoked": True}


# ── limits and 災害モード ─────────────────────────────────────────────────────────────────────────


class LimitForm(Form):
    """A limit; see proxy.office.quotas.Limit. ``amount`` None: only counted."""

    scope: Scope
    name: str = ""
    measure: Measure
    period: Period
    amount: Annotated[int, Field(ge=0)] | None = None
    actor: Counted | None = None
    reason: str
    starts: date | None = None
    ends: date | None = None


class EmergencyForm(Form):
    """``until`` has a zone, as in ``2027-07-01T18:00:00+09:00``."""

    reason: str
    until: AwareDatetime


class ReasonForm(Form):
    reason: str


@router.get("/quotas")
async def quotas(who: Who) -> dict[str, Any]:
    """The limits that stand."""
    await who.demand("quota:read")
    found = await who.doing(lambda: QuotaBook(who.house.office).standing())
    return {"quotas": [limits.plain(one) for one in found]}


@router.get("/quotas/usage")
async def usage(who: Who, every: bool = False) -> dict[str, Any]:
    """What is used. A 利用管理者 and a 所属長 see their own section's counters, and nobody's else."""
    await who.demand("quota:read")
    book, own = QuotaBook(who.house.office), who.rights.unit
    known = await who.doing(
        lambda: {one.id: one for one in book.every() if own is None or one.scope == "section"}
    )
    rows = await who.doing(lambda: limits.usage(who.desk, known, who.house.clock(), every))
    shown = [row for row in rows if own is None or row["subject"] == subject_of(own)]
    await who.looked("usage", who.reach, len(shown))
    return {"usage": shown}


@router.post("/quotas", status_code=201)
async def set_limit(who: Who, form: LimitForm) -> dict[str, Any]:
    """Set a limit, or change the one for the same."""
    await who.demand("quota:write")
    if (form.scope == "house") != (not form.name.strip()):
        raise wrong(
            "name は、scope が house でないときに書きます。", "name says whose, unless the scope is house."
        )
    why = await who.doing(lambda: limits.sound_reason(form.reason))
    limit = Limit(
        new_id(), form.scope, form.name.strip(), form.measure, form.period, form.amount, why, who.caller.person,
        form.actor or usual_actor(form.scope), form.starts, form.ends,
    )  # fmt: skip
    made, before = await who.doing(lambda: limits.set_limit(who.desk, limit))
    return limits.plain(made) | {"changed": before is not None}


@router.post("/quotas/{id}/end")
async def end_limit(who: Who, id: str, form: ReasonForm) -> dict[str, Any]:
    """End a limit."""
    await who.demand("quota:write")
    await who.doing(lambda: limits.end_limit(who.desk, id, form.reason))
    return {"ended": id}


@router.get("/emergencies")
async def emergencies(who: Who) -> dict[str, Any]:
    """Every 災害モード that was proposed."""
    await who.demand("quota:read")
    found = await who.doing(lambda: EmergencyBook(who.house.office).every())
    return {"emergencies": [asdict(one) | {"holds": one.holds(who.house.clock())} for one in found]}


@router.post("/emergencies", status_code=201)
async def propose(who: Who, form: EmergencyForm) -> dict[str, Any]:
    """Propose it: nothing changes until another person approves."""
    await who.demand("emergency:propose")
    return asdict(await who.doing(lambda: limits.propose(who.desk, form.reason, form.until)))


@router.post("/emergencies/{id}/approve")
async def approve_emergency(who: Who, id: str) -> dict[str, Any]:
    """The second person: within a second the limits are lifted, and nothing else is."""
    await who.demand("emergency:approve")
    return asdict(await who.doing(lambda: limits.approve(who.desk, id)))


@router.post("/emergencies/{id}/end")
async def end_emergency(who: Who, id: str) -> dict[str, Any]:
    """End it early, or withdraw a proposal: one of those who may propose or approve."""
    if "emergency:propose" not in who.rights.scopes:
        await who.demand("emergency:approve")
    await who.doing(lambda: limits.end_emergency(who.desk, id))
    return {"ended": id}


# ── confirmations ────────────────────────────────────────────────────────────────────────────────


@router.get("/confirmations")
async def confirmations(who: Who) -> dict[str, Any]:
    """What waits for consent and what was consented to, of the section one sees. Consent is given on the page alone."""
    await who.demand("confirmations:read")
    found = await who.doing(lambda: ConfirmationBook(who.house.office).every())
    shown = [one for one in found if who.rights.sees(one.unit)]
    await who.looked("confirmations", who.reach, len(shown))
    return {"confirmations": [confirmation_desk.plain(one, who.house.clock()) for one in shown]}


@router.post("/confirmations/{id}/revoke")
async def take_back(who: Who, id: str, form: ReasonForm) -> dict[str, Any]:
    """Take a consent back: the same text has to be confirmed anew."""
    one = await who.doing(lambda: ConfirmationBook(who.house.office).find(id))
    await who.demand("confirmations:revoke", one.unit if one else who.rights.unit)
    return confirmation_desk.plain(
        await who.doing(lambda: confirmation_desk.revoke(who.desk, id, form.reason))
    )


# ── checks ───────────────────────────────────────────────────────────────────────────────────────


class CheckForm(Form):
    """A text that somebody has checked. ``external``: it leaves the hall, so that a second person checks it."""

    exchange: str
    document: str
    external: bool = False


@router.post("/checks", status_code=201)
async def check(who: Who, form: CheckForm) -> dict[str, Any]:
    """Whoever asks has checked this text."""
    await who.demand("checks:write")
    made = await who.doing(
        lambda: disclosing.check(who.desk, form.exchange, form.document, form.external, who.caller.person)
    )
    return made.plain()


@router.post("/checks/{id}/second")
async def second(who: Who, id: str) -> dict[str, Any]:
    """Whoever asks is the second person."""
    await who.demand("checks:write")
    return (await who.doing(lambda: disclosing.second(who.desk, id, who.caller.person))).plain()


@router.get("/checks")
async def waiting(who: Who) -> dict[str, Any]:
    """Texts that wait for their second check."""
    await who.demand("checks:write")
    found = await who.doing(lambda: CheckBook(who.house.office).waiting())
    return {"waiting": [one.plain() for one in found]}


# ── what they share ──────────────────────────────────────────────────────────────────────────────


async def _page(who: Asker, id: str, scope: Any) -> Page:
    """The page of somebody for whom one holds a scope. Of others nobody learns whether they exist. Raises `Problem`."""
    if scope not in who.rights.scopes:
        await who.demand(scope)
    page = await who.doing(lambda: who.desk.people.page(id))
    posting = page.posting(enrolment.today()) if page else None
    if page is None or not who.rights.may(scope, posting.unit if posting else Unit("", "")):
        raise Problem(
            404,
            "nobody_here",
            Bilingual(
                "その職員番号は、あなたが見られる範囲の帳簿にありません。番号を確かめてください。",
                "Nobody in the part of the book that you may see has this id. Check it.",
            ),
        )
    return page


async def _then(who: Asker, id: str, work: Callable[[], object]) -> dict[str, Any]:
    """Do it, and show the page as it is now."""

    def done() -> Page:
        work()
        return enrolment.page_of(who.desk, id)

    page = await who.doing(done)
    who.house.register.forget()
    return plain_page(page)


def _pages(who: Asker, section: str | None = None) -> list[Page]:
    """The pages within reach of whoever asks, of one section where that is asked."""
    today, found = enrolment.today(), []
    for page in who.desk.people.pages():
        posting = page.posting(today)
        unit = posting.unit if posting else None
        if who.rights.sees(unit) and (section is None or (unit is not None and unit.section == section)):
            found.append(page)
    return found


def _own_entry() -> Problem:
    return Problem(
        403,
        "own_entry",
        Bilingual(
            "自分の登録や役割は変えられません。別の担当者に頼んでください。",
            "Nobody changes their own entry or role: have somebody else do it.",
        ),
    )
