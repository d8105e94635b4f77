"""Last month decided again under two policies: what would change for whom. Pure; its memory does not grow with the month.

Counts only: departments, sections, rules, categories, models. Keeps no text, and of persons nothing at all; of
exchanges a few ids as examples. What is counted is the decision: the gate, and what of the things found would leave
as it is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from policies.decide import Policy, gate_of
from policies.differences import Difference, differences
from policies.model import Ask, Bilingual, Gate, Refuse, RuleHit, Verdict
from policies.vocabulary import GATES
from proxy.replay import NotReplayable, ask_of, has_every_fact

MOST = 2_000
"""Different items that one table counts by name: a caller may name any model. The rest is `OTHERS`."""
OTHERS = "(その他 / others)"
BY_DEFAULT = "(許可する規則がない / no rule allows)"

GROUPS: Mapping[str, Bilingual] = {
    "section": Bilingual("部・課", "department, section"),
    "category": Bilingual("業務区分", "category"),
    "model": Bilingual("モデル", "model"),
    "old_rule": Bilingual("旧で決めた規則", "rule that decided under OLD"),
    "new_rule": Bilingual("新で決めた規則", "rule that decided under NEW"),
}
"""By what changed decisions are counted. A decision that two rules made together counts for both."""

EFFECTS: Mapping[str, Bilingual] = {
    "notices": Bilingual("お知らせ", "notices"),
    "alarms": Bilingual("警報", "alarms"),
    "search": Bilingual("厳しく探す規則", "rules that ask for a strict search"),
    "rehearsed": Bilingual("試行中の規則も働いたときの判定", "the gate if rehearsed rules counted"),
    "reason": Bilingual("判定は同じで、決めた規則だけが違う", "same decision, decided by another rule"),
}
"""What else may change for a request."""

LEFT_OUT: Mapping[str, Bilingual] = {
    "never_decided": Bilingual(
        "判定の前に終わった要求(モデルの一覧を含む)", "ended before they were decided"
    ),
    "facts_missing": Bilingual("判定に使った事実が記録にないもの", "a fact is missing in the record"),
    "unknown_entity_type": Bilingual(
        "方針の知らない種類の個人情報が見つかったもの",
        "hold a type of personal data that a policy does not know",
    ),
}
"""Why a record was not decided again."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request: its gate, and the types found in it that leave as they are.

    ``str()`` is ``allow``, ``deny``, or ``allow+PERSON`` where names would not be masked.
    """

    gate: Gate
    plain: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return "+".join([self.gate, *sorted(self.plain)])


@dataclass(frozen=True, slots=True)
class Asked:
    """One `asked` record, as the ledger holds it: exchange, moment and parsed body."""

    exchange: str
    at: str
    body: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shift:
    """From one decision to another."""

    old: str
    new: str

    @property
    def stricter(self) -> bool | None:
        """Whether less would pass. None where neither is stricter: something else leaves as it is."""
        (gate, *plain), (gate_now, *plain_now) = self.old.split("+"), self.new.split("+")
        tighter = GATES.index(gate_now) - GATES.index(gate)
        less, more = set(plain) - set(plain_now), set(plain_now) - set(plain)
        if (tighter > 0 or less) and not (tighter < 0 or more):
            return True
        return False if (tighter < 0 or more) and not (tighter > 0 or less) else None


@dataclass(slots=True)
class Comparison:
    """What `compare` found. Every number counts records.

    read      `asked` records that were given
    decided   of these, decided again under both policies; ``left_out`` says why others were not
    older     of those decided, written before all facts were kept: what is missing in them counted as none
    changed   of those decided, that something changes for: the decision, or one of EFFECTS
    decisions from one decision to another, those that change
    seen      how many were decided, by group and item
    moved     ``(group, item, shift)``: changed decisions, by group
    effects   ``(effect, item, old, new)``: ``("notices", "P-16", "-", "P-16")`` where NEW would show it
    examples  ids of exchanges, a few for each shift
    titles    ``("old_rule", id)`` and ``("new_rule", id)``: what a rule that is counted is called under either
    """

    old: Policy
    new: Policy
    read: int = 0
    decided: int = 0
    older: int = 0
    changed: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    decisions: Counter[Shift] = field(default_factory=Counter)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    moved: Counter[tuple[str, str, Shift]] = field(default_factory=Counter)
    effects: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    examples: dict[Shift, list[str]] = field(default_factory=dict)
    titles: dict[tuple[str, str], Bilingual] = field(default_factory=dict)
    _items: dict[str, set[str]] = field(default_factory=dict)

    @property
    def redecided(self) -> int:
        """How many decisions change."""
        return self.decisions.total()

    def differences(self) -> tuple[Difference, ...]:
        """What differs between the two files."""
        return differences(self.old, self.new)

    def item(self, group: str, name: str) -> str:
        """The name under which something is counted: itself, until there are too many."""
        known = self._items.setdefault(group, set())
        if name not in known and len(known) >= MOST:
            return OTHERS
        known.add(name)
        return name


def compare(old: Policy, new: Policy, records: Iterable[Asked], examples: int = 5) -> Comparison:
    """Decide every record under both policies, as if each had been in force, and count what changes.

    The day from which a policy is in force is left aside; the dates of single rules count. ``examples``: how many
    exchanges are named for each kind of change.
    """
    found = Comparison(old, new)
    before, after = (replace(policy, effective=None) for policy in (old, new))
    known = old.entity_types & new.entity_types
    for record in records:
        found.read += 1
        try:
            ask = ask_of(record.body, record.at)
        except NotReplayable as error:
            found.left_out[error.why] += 1
            continue
        if any(fact.type not in known for fact in ask.entities):
            found.left_out["unknown_entity_type"] += 1
            continue
        found.decided += 1
        found.older += not has_every_fact(record.body)
        _add(found, record.exchange, ask, before.decide(ask), after.decide(ask), examples)
    return found


def _add(found: Comparison, exchange: str, ask: Ask, old: Verdict, new: Verdict, examples: int) -> None:
    groups = {
        group: found.item(group, name)
        for group, name in (
            ("section", f"{ask.department} {ask.section}"),
            ("category", ask.category),
            ("model", ask.model),
        )
    }
    found.seen.update(groups.items())
    shift = Shift(str(_decision(ask, old)), str(_decision(ask, new)))
    moved = shift.old != shift.new
    if moved:
        found.decisions[shift] += 1
        found.moved.update((group, name, shift) for group, name in groups.items())
        for group, verdict in (("old_rule", old), ("new_rule", new)):
            found.moved.update((group, name, shift) for name in set(_reasons(verdict)))
        named = found.examples.setdefault(shift, [])
        if len(named) < examples:
            named.append(exchange)
    others = set(_other_effects(old, new, moved))
    found.effects.update(others)
    if moved or others:
        found.changed += 1
        _note(found, "old_rule", old.rules)
        _note(found, "new_rule", new.rules)


def _decision(ask: Ask, verdict: Verdict) -> Decision:
    gate = gate_of(verdict)
    types = {fact.type for fact in ask.entities if fact.count} if gate != "deny" else set()
    return Decision(gate, frozenset(label for label in types if not verdict.hides(label)))


def _reasons(verdict: Verdict) -> list[str]:
    """The rules that decided; where there was none, why it was denied."""
    if isinstance(verdict, Refuse) and verdict.error:
        return [f"error.{verdict.error}"]
    return [hit.id for hit in verdict.decisive] or [BY_DEFAULT]


def _other_effects(old: Verdict, new: Verdict, moved: bool) -> Iterator[tuple[str, str, str, str]]:
    """``-`` stands for: not so under this policy."""
    for effect, before, after in (
        ("notices", {hit.id for hit in old.notices}, {hit.id for hit in new.notices}),
        ("alarms", set(old.alarms), set(new.alarms)),
        ("search", _strict(old), _strict(new)),
    ):
        yield from ((effect, id, id, "-") for id in before - after)
        yield from ((effect, id, "-", id) for id in after - before)
    if old.would != new.would:
        yield "rehearsed", "", old.would or "-", new.would or "-"
    if not moved and sorted(_reasons(old)) != sorted(_reasons(new)):
        before, after = set(_reasons(old)), set(_reasons(new))
        yield from (("reason", id, id, "-") for id in before - after)
        yield from (("reason", id, "-", id) for id in after - before)


def _strict(verdict: Verdict) -> set[str]:
    return {hit.id for hit in verdict.rules if "strict" in hit.effects}


def _note(found: Comparison, under: str, hits: Iterable[RuleHit]) -> None:
    for hit in hits:
        if len(found.titles) < MOST:
            found.titles.setdefault((under, hit.id), hit.title)


def limits(found: Comparison, first: date, last: date) -> Iterator[Bilingual]:
    """What this comparison cannot know, one sentence each. ``first`` and ``last``: the days that were compared."""
    if found.older:
        yield Bilingual(
            f"{found.older} 件は前の版の記録で、役割・言葉の一覧・添付などの事実がありません。ないものとして判定しました。",
            f"{found.older} records are of an older version and lack facts (role, words, attachments and the like);"
            " these counted as none.",
        )
    yield Bilingual(
        "文章は読み直していません。言葉の一覧は、記録にある番号だけで比べています。"
        + _changed_lists(found, "ja"),
        "No text was read again: word lists are compared by the ids in the records."
        + _changed_lists(found, "en"),
    )
    if any(rule.strict for policy in (found.old, found.new) for rule in policy.rules):
        yield Bilingual(
            "厳しく探す規則を変えても、見つかったものは記録のままです。探し直していません。",
            "Nothing was searched again: with other rules for a strict search, other things may be found.",
        )
    if any(policy.effective and policy.effective > first for policy in (found.old, found.new)):
        yield Bilingual(
            "どちらの方針も、期間中ずっと施行されていたものとして判定しました(施行日は見ていません)。",
            "Both policies counted as if they had been in force all the time; their effective dates were left aside.",
        )
    if asleep := list(_asleep(found, first, last)):
        ids = ", ".join(asleep)
        yield Bilingual(
            f"期間中のいつも、または一部の日に、自分の日付(valid_from・valid_until)で止まっていた規則: {ids}",
            f"rules that their own dates kept out on some or all of the days: {ids}",
        )


def _changed_lists(found: Comparison, language: str) -> str:
    old, new = ({one.id: one for one in policy.word_lists} for policy in (found.old, found.new))
    ids = ", ".join(id for id, one in new.items() if old.get(id) != one)
    if not ids:
        return ""
    if language == "ja":
        return f"新しい、または中身の変わった一覧({ids})が文章にあるかは、分かりません。"
    return f" Whether new or changed lists ({ids}) occur in the texts is not known."


def _asleep(found: Comparison, first: date, last: date) -> Iterator[str]:
    for policy, word in ((found.old, "旧"), (found.new, "新")):
        dated = ((rule.id, rule.live) for rule in policy.rules)
        for id, live in (*dated, *((table.id, table.live) for table in policy.tables)):
            if not (live(first) and live(last)):
                yield f"{id}({word})"
