"""What comes in is counted, and where a rule's threshold is reached an alert is raised. Pure.

However the same hits are parted into looks, the tallies and the alerts are the same. An alert's id depends on nothing
but its tally and the alert before it: what is counted again after a crash raises the same alerts, by their ids.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from audit.alerts.model import RECENT, Alert, Hit, Key, Tally, alert_id
from audit.alerts.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Counted:
    """What changed: tallies as they are now, items that are new among them, and the alerts, in their order."""

    tallies: Mapping[Key, Tally]
    items: frozenset[tuple[Key, str]]
    alerts: tuple[Alert, ...]


def counted(
    thresholds: Thresholds,
    hits: Iterable[Hit],
    tallies: Mapping[Key, Tally],
    known: Collection[tuple[Key, str]],
) -> Counted:
    """Count these hits, in their order.

    tallies  as they stood; a key that is missing was never counted
    known    of the items of these hits those that were counted before
    """
    now: dict[Key, Tally] = {}
    fresh: set[tuple[Key, str]] = set()
    alerts: list[Alert] = []
    for hit in hits:
        rule = thresholds.rules[hit.key.rule]
        tally = now.get(hit.key) or tallies.get(hit.key) or Tally()
        new = {(hit.key, item) for item in hit.items} - fresh - set(known) if rule.distinct else set()
        if rule.distinct and not new:
            continue
        fresh |= new
        count = (
            hit.level if hit.level is not None else tally.count + (len(new) if rule.distinct else hit.amount)
        )
        recent = tally.recent
        if hit.exchange is not None:
            recent = (*(one for one in recent if one != hit.exchange), hit.exchange)[-RECENT:]
        tally = replace(tally, count=count, recent=recent)
        least = thresholds.least(rule)
        quiet = tally.raised_at is not None and hit.at < tally.raised_at + rule.window
        if least is not None and count >= least and not quiet:
            id = alert_id(hit.key, tally.alert)
            told = (count // rule.scale, least // rule.scale)
            alerts.append(Alert(id, rule, hit.key, hit.at, *told, exchanges=recent[::-1], detail=hit.detail))
            tally = replace(tally, alert=id, raised_at=hit.at)
        now[hit.key] = tally
    return Counted(now, frozenset(fresh), tuple(alerts))
