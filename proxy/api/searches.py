"""/audit/v1/searches: what a reader looks for again and again, kept under a name; see audit/searches.py."""

from typing import Any

from fastapi import APIRouter

from audit.review import Review
from audit.searches import NotSaved, Saved, dropped, saved
from policies.model import Bilingual
from proxy.api.forms import Form
from proxy.api.reading import At, Desk, Filters, Page, page_told
from proxy.errors import Problem

router = APIRouter(prefix="/audit/v1/searches")


class SearchForm(Form):
    """A question under a name. ``shared``: every reader of exchanges sees it; nobody else can drop it."""

    name: str
    filters: Filters
    shared: bool = False


@router.get("")
async def searches(at: At) -> dict[str, Any]:
    """One's own searches, and those that others share."""
    await at.demand("exchanges")
    found = await at.reading(Review.searches)
    await at.looked("searches", {}, len(found), None)
    listed = sorted(found.values(), key=lambda one: (one.name, one.id))
    return {"searches": [one.plain() for one in listed]}


@router.post("", status_code=201)
async def keep(at: At, form: SearchForm) -> dict[str, Any]:
    """Keep a search."""
    await at.demand("exchanges")
    question, days = await at.deciding(form.filters.question), form.filters.days
    await at.demand_nothing_personal(form.name, *question.words)
    kept = await at.reading(Review.searches)
    draft = await _decided(
        at, lambda: saved(at.reader, form.name, question, kept, days=days, shared=form.shared)
    )
    await at.note(draft)
    return {"id": draft.body["search"], "name": draft.body["name"]}


@router.get("/{id}/exchanges")
async def exchanges(at: At, id: str, page: Page, reason: str | None = None) -> dict[str, Any]:
    """What a search finds now, newest first."""
    await at.demand("exchanges")
    why, now = await at.because(reason), at.now()
    question = (await _search(at, id)).asked(now)
    found = await at.reading(lambda review: review.exchanges(question, page.limit, page.cursor))
    stated = question.stated() | page.stated() | {"search": id}
    await at.looked("search", stated, len(found.cards), why)
    return page_told(found)


@router.delete("/{id}")
async def drop(at: At, id: str) -> dict[str, Any]:
    """Drop a search of one's own."""
    await at.demand("exchanges")
    one = await _search(at, id)
    draft = await _decided(at, lambda: dropped(at.reader, one))
    await at.note(draft)
    return {"id": id, "dropped": True}


async def _search(at: Desk, id: str) -> Saved:
    """A search within reach; of others nobody learns whether they exist. Raises `Problem`."""
    found = await at.reading(Review.searches)
    if id not in found:
        raise Problem(
            404,
            "no_such_search",
            Bilingual(
                "その番号の検索は、あなたが使えるものにありません。一覧で確かめてください。",
                "No search of this id is yours or shared with you. See the list.",
            ),
        )
    return found[id]


async def _decided(at: Desk, decide: Any) -> Any:
    try:
        return await at.deciding(decide)
    except NotSaved as error:
        status = 403 if error.code == "not_yours" else 409
        raise Problem(status, f"search_{error.code}", Bilingual(error.ja, error.en)) from None
