"""What is done with the book of people, at a terminal or over HTTP: enrol, approve, transfer, train, end, bring in.

Each change is noted in the ledger before it is made. What cannot be done is a `Fault`. What is noted says who by
their id; a name never enters the ledger.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any

from audit.numbers import may_be_somebodys
from policies.days import day_of
from policies.vocabulary import COURSES, ROLES
from proxy.office.desk import Desk, Fault
from proxy.office.objections import Objection, against_approver, objections
from proxy.office.people import PersonExists, moment
from proxy.office.people_csv import PEOPLE, Change, Plan, TrainingPlan
from proxy.office.roster import Page, Person, Posting, Training, fiscal_year

_VERSION = re.compile(r"[\w.+-]{1,20}")


def today() -> date:
    """The day it is in Japan."""
    return day_of(datetime.now(UTC))


def is_version(text: str) -> bool:
    """Whether it may be a version of the rules."""
    return _VERSION.fullmatch(text) is not None and not may_be_somebodys(text)


def page_of(desk: Desk, id: str) -> Page:
    """Raises `Fault` where nobody is called so."""
    page = desk.people.page(id)
    if page is None:
        raise Fault(
            "その職員番号は利用者の帳簿にありません。番号を確かめるか、sekisho people add で登録してください。",
            "nobody in the book has this id: check it, or enter them with sekisho people add.",
            "missing",
        )
    return page


def enrol(desk: Desk, person: Person, posting: Posting) -> Page:
    """Enter somebody: applied for, or with an approval. Raises `Fault`."""
    _demand(objections(person, posting, _known(desk, person.owner, person.approved_by)))
    if desk.people.page(person.id) is not None:
        raise _taken()
    approved_at = moment() if person.approved_by else None
    page = Page(replace(person, approved_at=approved_at, entered_by=desk.by), (posting,))
    desk.note("person.enrolled", {"person": person.id} | _told(page.person) | _place(posting))
    try:
        desk.people.enter(page)
    except PersonExists:
        raise _taken() from None
    return page


def approve(desk: Desk, id: str, approver: str) -> None:
    """The 所属長 approves somebody's use. Raises `Fault`, also where it was approved before."""
    page = page_of(desk, id)
    _demand(against_approver(id, approver, _known(desk, approver)))
    if page.person.approved_by is not None:
        raise Fault("もう承認されています。", "it is approved already.", "taken")
    desk.note("person.approved", {"person": id, "approved_by": approver})
    desk.people.approve(id, approver)


def end(desk: Desk, id: str, on: date) -> None:
    """The last day of somebody's use. Before the first day: it never begins."""
    page_of(desk, id)
    desk.note("person.ended", {"person": id, "ends": on.isoformat()})
    desk.people.change(id, ends=on)


def transfer(desk: Desk, id: str, posting: Posting) -> None:
    """From a day on somebody belongs elsewhere; where they belonged before is kept. Raises `Fault`."""
    page = page_of(desk, id)
    if posting.since < page.person.starts:
        raise Fault(
            f"異動の日が利用登録の開始日({page.person.starts})より前です。異動した日を確かめてください。",
            f"a transfer before the enrolment of {page.person.starts}: check the day.",
        )
    _demand(_of_posting(page.person, posting))
    desk.note("person.transferred", {"person": id} | _place(posting))
    desk.people.transfer(id, posting)


def train(desk: Desk, id: str, course: str, on: date, year: int | None = None) -> Training:
    """Somebody completed a course: it counts for its 年度, or for the next one. Raises `Fault`."""
    page_of(desk, id)
    if course not in COURSES:
        raise Fault(
            f"研修は次のどれかです: {', '.join(COURSES)}", f"a course is one of: {', '.join(COURSES)}"
        )
    if on > today():
        raise Fault(
            "修了日が今日より後です。日付を確かめてください。", "completed in the future: check the day."
        )
    training = Training(course, fiscal_year(on) if year is None else year, on)
    if training.fiscal_year not in (fiscal_year(on), fiscal_year(on) + 1):
        raise Fault(
            f"年度は、修了した年度({fiscal_year(on)})か次の年度だけを書けます。",
            f"it counts for the fiscal year of completion ({fiscal_year(on)}) or the next one.",
        )
    desk.note("person.trained", {"person": id} | _told(training))
    desk.people.train([(id, training)])
    return training


def acknowledge(desk: Desk, id: str, rules: str) -> None:
    """Somebody accepts a version of the rules. Raises `Fault`."""
    page = page_of(desk, id)
    if page.person.kind == "robot":
        raise Fault(
            "機械は利用ルールに同意できません。責任者が答えます。",
            "a robot accepts no rules: its owner answers for it.",
        )
    if not is_version(rules):
        raise Fault(
            "利用ルールの版は、20字までの 2026-04 のような番号です。",
            "a version of the rules is a short mark such as 2026-04.",
        )
    desk.note("rules.acknowledged", {"person": id, "rules": rules})
    desk.people.accept(id, rules)


def assign(desk: Desk, id: str, role: str) -> None:
    """Give somebody a role (policies.vocabulary.ROLES). Raises `Fault`."""
    page = page_of(desk, id)
    if role not in ROLES:
        raise Fault(f"役割は次のどれかです: {', '.join(ROLES)}", f"a role is one of: {', '.join(ROLES)}")
    after = replace(page.person, role=role)
    _demand([one for one in objections(after, None, {}) if one.field == "role"])
    desk.note("person.role", {"person": id, "role": role, "before": page.person.role})
    desk.people.change(id, role=role)


def bring_in(desk: Desk, plan: Plan, digest: str) -> None:
    """Do what a file says; ``digest`` is its SHA-256, hex. Raises `Fault` where the book changed meanwhile."""
    assert not plan.faults, "a file counts whole or not at all"
    changes = [change for change in plan.changes if change.what != ("unchanged",)]
    if not changes:
        return
    facts = {"sha256": digest, "counts": plan.counts, "changes": {one.id: _noted(one) for one in changes}}
    desk.note("people.imported", facts)
    at = moment()
    new = [
        Page(replace(one.after, approved_at=at, entered_by=desk.by), (one.posting,) if one.posting else ())
        for one in changes
        if one.before is None
    ]
    others = [(one.id, _values(one, at), one.posting) for one in changes if one.before is not None]
    try:
        desk.people.bring_in(new, others)
    except PersonExists:
        raise Fault(
            "読み込むあいだに帳簿が変わったため、何も変更しませんでした。もう一度実行してください。",
            "the book changed meanwhile, so nothing was changed: run it again.",
            "taken",
        ) from None


def bring_in_trainings(desk: Desk, plan: TrainingPlan, digest: str) -> None:
    """Enter the completions of a file."""
    assert not plan.faults, "a file counts whole or not at all"
    if not plan.new:
        return
    told: dict[str, list[str]] = {}
    for id, one in plan.new:
        told.setdefault(id, []).append(f"{one.course} {one.fiscal_year} {one.completed_on}")
    counts = {"new": len(plan.new), "known": plan.known}
    desk.note("trainings.imported", {"sha256": digest, "counts": counts, "completed": told})
    desk.people.train(plan.new)


# ── what is noted ────────────────────────────────────────────────────────────────────────────────


def _told(told: Person | Training) -> dict[str, Any]:
    """The facts of an entry, as JSON values: everything but a name and what the note says itself."""
    left_out = ("id", "name", "approved_at", "entered_at", "entered_by")
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(told).items()
        if name not in left_out
    }


def _place(posting: Posting) -> dict[str, str]:
    return {
        "department": posting.department,
        "section": posting.section,
        "since": posting.since.isoformat(),
    }


def _noted(change: Change) -> dict[str, Any]:
    """What the ledger keeps of one row: what it did, who approved it, and the new values but a name."""
    told = _told(change.after)
    if change.before is not None:
        names = dict.fromkeys((*change.fields, *(["approved_by"] if change.anew else [])))
        told = {name: told.get(name, "…") for name in names}
    return {"what": list(change.what)} | told | (_place(change.posting) if change.posting else {})


def _values(change: Change, at: str) -> dict[str, Any]:
    """The fields that change, and when it was approved."""
    values = {name: getattr(change.after, name) for name in change.fields}
    if change.anew or "approved_by" in change.fields:
        values["approved_at"] = at
    return values


# ── what cannot be done ──────────────────────────────────────────────────────────────────────────


def _known(desk: Desk, *ids: str | None) -> Mapping[str, Person]:
    named = [id for id in ids if id]
    return {page.person.id: page.person for page in desk.people.pages(named)} if named else {}


def _of_posting(person: Person, posting: Posting) -> list[Objection]:
    return [one for one in objections(person, posting, {}) if one.field in ("department", "section")]


def _demand(against: list[Objection]) -> None:
    if not against:
        return
    one = against[0]
    word = PEOPLE.get(one.field, one.field)
    raise Fault(
        f"{word}: {one.says.ja}{one.remedy.ja}",
        f"{one.field}: {one.says.en} {one.remedy.en}",
        "forbidden" if one.kind.startswith("approver") else "wrong",
    )


def _taken() -> Fault:
    return Fault(
        "その職員番号は、もう帳簿にあります。sekisho people show で確かめてください。",
        "somebody of this id is in the book: see sekisho people show.",
        "taken",
    )
