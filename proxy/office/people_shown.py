"""Pages of the book of people, and what a file of them would do, as JSON values: for `--json` and for HTTP. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from proxy.office.people_csv import Change, Plan, Remark, RowFault
from proxy.office.roster import Page


def plain_page(page: Page) -> dict[str, Any]:
    """Everything about one person."""
    return {
        **plain(page.person),
        "postings": [plain(one) for one in page.postings],
        "trainings": [plain(one) for one in page.trainings],
        "acknowledged": list(page.acknowledged),
    }


def plain(entry: Any) -> dict[str, Any]:
    """An entry with its days as text."""
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(entry).items()
    }


def plain_change(change: Change) -> dict[str, Any]:
    """What one row of a file does."""
    moved = change.posting if change.before is not None else None
    return {
        "row": change.row,
        "id": change.id,
        "what": list(change.what),
        "fields": list(change.fields),
        "posting": plain(moved) if moved else None,
    }


def outcome(done: bool, counts: dict[str, int], faults: Sequence[RowFault]) -> dict[str, Any]:
    """What became of a file."""
    return {"done": done, "counts": counts, "faults": [_fault(one) for one in faults]}


def planned(done: bool, plan: Plan) -> dict[str, Any]:
    """What became of a file of people: what each row does, and what is not taken over."""
    return {
        **outcome(done, plan.counts, plan.faults),
        "changes": [plain_change(one) for one in plan.changes if one.what != ("unchanged",)],
        "remarks": [{"rows": list(one.rows), **_said(one)} for one in plan.remarks],
    }


def _fault(fault: RowFault) -> dict[str, Any]:
    return {"row": fault.row, **_said(fault)}


def _said(one: RowFault | Remark) -> dict[str, Any]:
    return {
        "column": one.column,
        "kind": one.kind,
        "ja": one.says.ja,
        "en": one.says.en,
        "remedy_ja": one.remedy.ja,
        "remedy_en": one.remedy.en,
    }
