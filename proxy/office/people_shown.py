"""Pages of the book of people, and what a file of them would do, as JSON values: for `--json` and for HTTP. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from proxy.office.people_csv import Change, RowFault
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


def _fault(fault: RowFault) -> dict[str, Any]:
    return {
        "row": fault.row,
        "column": fault.column,
        "kind": fault.kind,
        "ja": fault.says.ja,
        "en": fault.says.en,
        "remedy_ja": fault.remedy.ja,
        "remedy_en": fault.remedy.en,
    }
