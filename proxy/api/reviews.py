"""/admin/v1/reviews: the quarterly access review over HTTP, the same as `sekisho people review`.

An operator begins it, lists it for every section and brings in what sections decided on paper; a 所属長 does so for the
own section, and signs with their own name alone.
"""

from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from policies.model import Bilingual
from policies.names import any_name
from proxy.api.asking import Asker, asker
from proxy.api.forms import Form, csv, file_of, told
from proxy.errors import Problem
from proxy.office import reviews
from proxy.office.enrolment import today
from proxy.office.people_shown import outcome, plain

router = APIRouter(prefix="/admin/v1/reviews")
Who = Annotated[Asker, Depends(asker)]


class BeginForm(Form):
    """``section`` with * and ?; None: every section within reach."""

    section: str | None = None


@router.get("")
async def sections(who: Who) -> dict[str, Any]:
    """When each section was reviewed last, which are overdue, and the review that is not decided yet."""
    await who.demand("people:review")
    found = await who.doing(lambda: reviews.standings(who.desk.people.pages(), _book(who).rows(), today()))
    shown = [one for one in found if who.rights.sees(one.unit)]
    await who.looked("reviews", who.reach, len(shown))
    return {"sections": [plain(one) for one in shown], "overdue": sum(one.overdue for one in shown)}


@router.post("", status_code=201)
async def begin(who: Who, form: BeginForm) -> dict[str, Any]:
    """Begin a review; what an older one has not decided about these sections is dropped."""
    await who.demand("people:review")
    id, rows = await who.doing(lambda: reviews.begin(who.desk, form.section, today(), who.rights.unit))
    return {"review": id, "sections": len({row.unit for row in rows}), "persons": len(rows)}


@router.get("/{id}.csv")
async def export(who: Who, id: str, section: str | None = None) -> Response:
    """The list to decide, as the CSV file that is sent back: whoever is not decided yet."""
    await who.demand("people:review")
    named = any_name([section or "*"])

    def undecided() -> tuple[list[reviews.Reviewed], bytes]:
        rows = [row for row in _rows(who) if row.review == id and row.decision is None and named(row.section)]
        pages = {page.person.id: page for page in who.desk.people.pages(row.person for row in rows)}
        return rows, reviews.listed(rows, pages, _book(who).keys_in_force())

    rows, raw = await who.doing(undecided)
    if not rows:
        raise _nobody_left()
    await who.looked("review_export", who.reach | {"review": id}, len(rows))
    return csv(raw)


@router.post("/decisions")
async def decide(who: Who, request: Request, dry_run: bool = True) -> Response:
    """A decided list, whole or not at all. A dry run, unless said otherwise. Where a row has no 確認者, it is who asks."""
    await who.demand("people:review")
    raw, me = await file_of(request), who.caller.person

    def planned() -> reviews.ReviewPlan:
        pages = {page.person.id: page for page in who.desk.people.pages()}
        return reviews.decided(raw, _rows(who), pages, me)

    plan = await who.doing(planned)
    if who.rights.unit is not None and any(one.decided_by != me for one in plan.decisions):
        raise _another_hand()
    done = not plan.faults and not dry_run
    if done:
        await who.doing(lambda: reviews.apply(who.desk, plan, sha256(raw).hexdigest(), today()))
        who.house.register.forget()
    return told(outcome(done, plan.counts, plan.faults))


def _book(who: Asker) -> reviews.ReviewBook:
    return reviews.ReviewBook(who.house.office)


def _rows(who: Asker) -> list[reviews.Reviewed]:
    """Every row within reach of whoever asks."""
    return [row for row in _book(who).rows() if who.rights.sees(row.unit)]


def _nobody_left() -> Problem:
    return Problem(
        404,
        "nobody_left",
        Bilingual(
            "その棚卸しに、あなたが決められる人は残っていません。一覧(GET /admin/v1/reviews)で確かめてください。",
            "Nobody of that review is left for you to decide. See GET /admin/v1/reviews.",
        ),
    )


def _another_hand() -> Problem:
    return Problem(
        403,
        "another_reviewer",
        Bilingual(
            "確認者には、自分の職員番号だけを書けます。空のままでもかまいません。",
            "The reviewer is you, and nobody else; it may be left empty.",
        ),
    )
