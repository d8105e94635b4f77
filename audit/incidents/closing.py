"""What is missing before an incident can be closed. Pure.

    a leak            the decision 報告対象か, the nine items, that it was contained; and where it is reportable, the 確報
    a leak that was   the decision that it is not reportable, 概要 and 原因: of what did not happen, there is no more to say
      none
    another kind      概要, 原因 and 再発防止, and that it was contained
    a mistake         why, in the reason

A leak that is called none needs the decision of another person, so that nobody alone makes one disappear.
"""

from dataclasses import dataclass

from audit.incidents.deadlines import REPORTS
from audit.incidents.items import ITEMS, SHORT, Item
from audit.incidents.model import Disposition, Incident

_NONE = ("no_breach", "mistaken")
_FEW: tuple[Item, ...] = ("overview", "cause")
_OTHERS: tuple[Item, ...] = ("overview", "cause", "prevention")


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is missing. ``code`` is stable: ``item:cause``, ``decision``, ``report:final``, …"""

    code: str
    ja: str
    en: str


def missing(incident: Incident, disposition: Disposition) -> tuple[Missing, ...]:
    """Everything that has to be there first; nothing where it can be closed."""
    is_none = disposition in _NONE
    found: list[Missing] = []
    if incident.kind == "leak":
        items = _FEW if is_none else ITEMS
        found += _decision(incident, is_none)
    else:
        items = () if is_none else _OTHERS
    found += [_item(name) for name in items if incident.item(name) is None]
    if not is_none and incident.contained_at is None:
        found.append(Missing("contained", "被害の広がりを止めた時刻", "the moment at which it was contained"))
    return tuple(found)


def _decision(incident: Incident, is_none: bool) -> list[Missing]:
    decision = incident.decision
    if decision is None:
        return [Missing("decision", "報告対象かどうかの決定", "the decision whether it is reportable")]
    if decision.outcome == "not_reportable":
        return []
    found = []
    if is_none:
        found.append(
            Missing(
                "decision:not_reportable",
                "報告対象でないという決定(いまの決定は「報告対象」)",
                "the decision that it is not reportable: the one that stands says that it is",
            )
        )
    if not any(one.report == "final" for one in incident.reports):
        found.append(
            Missing("report:final", f"{REPORTS['final']}をした記録", "the record of the final report")
        )
    return found


def _item(name: Item) -> Missing:
    return Missing(f"item:{name}", f"項目「{SHORT[name]}」", f"the item {name}")
