"""Rules that can never apply, never decide anything, or say the opposite of each other."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations

from policies.checks.remarks import Checked, Remark
from policies.conditions import Condition, conditions_of
from policies.decide import Raise, Rule
from policies.document import Place
from policies.model import ConfidentialityClass, Gate
from policies.proofs import World, nameable
from policies.schema import FOUND
from policies.tables import Table
from policies.vocabulary import CATEGORIES, CLASSES, FACT_WORDS, GATES, TIERS

Ruled = Rule | Table | Raise
AWAITED = {"use_case", "model_stage", "service", "no_training", "recorded", "region"}
"""Facts of what is yet to be registered: rules on them stand there before anything of the kind does."""
AXIS_VALUES = {"class": CLASSES, "destination": TIERS, "category": CATEGORIES}


def of_rules(checked: Checked) -> Iterator[Remark]:
    """Everything that can be said of rules by their conditions alone."""
    for place, ruled in every(checked):
        yield from _taken_id(checked, place, ruled)
        yield from _never_holds(checked, place, ruled)
        yield from _unlisted_names(checked, place, ruled.conditions)
    live = [(i, rule) for i, rule in enumerate(checked.policy.rules) if not _over(rule, checked.today)]
    yield from _late_searches(checked, live)
    yield from _opposites(checked, live)
    yield from _never_decides(checked, live)
    yield from _never_reveals(checked, live)
    yield from _fallback(checked)


def every(checked: Checked) -> Iterator[tuple[Place, Ruled]]:
    """Every entry that has conditions, with its place in the file."""
    policy = checked.policy
    yield from ((("rules", i), rule) for i, rule in enumerate(policy.rules))
    yield from ((("tables", i), table) for i, table in enumerate(policy.tables))
    yield from ((("detected", i), each) for i, each in enumerate(policy.raises))


def _never_holds(checked: Checked, place: Place, ruled: Ruled) -> Iterator[Remark]:
    at, wanted = (*place, "when"), ruled.conditions
    if not checked.own.possible((wanted, True)):
        names = _called(_culprits(checked.own, wanted))
        yield checked.remark(
            at,
            "error",
            "never-holds",
            (
                f"{ruled.id} の条件({names[0]})は互いに矛盾していて、当てはまることがありません。",
                f"{ruled.id} can never apply: its conditions ({names[1]}) contradict each other.",
            ),
            ("どれかの条件を直すか、消してください。", "Change or delete one of them."),
        )
    elif not checked.listed.possible((wanted, True)):
        yield _unlisted(checked, at, ruled, _culprits(checked.listed, wanted))
    elif "model_stage" not in _names(wanted) and not checked.registered.possible((wanted, True)):
        yield _without_model(checked, at, ruled, _culprits(checked.registered, wanted))


def _unlisted(checked: Checked, at: Place, ruled: Ruled, culprits: Sequence[Condition]) -> Remark:
    """What a rule needs is missing from the lists; a rule on models or use cases to come may stand there first."""
    ja, en = _called(culprits)
    if _names(culprits) <= AWAITED:
        return checked.remark(
            at,
            "note",
            "awaits",
            (
                f"{ruled.id} に当てはまるもの({ja})は、まだ一覧にありません。登録されるまで働きません。",
                f"nothing that {ruled.id} speaks of ({en}) is registered yet; it does nothing until then.",
            ),
            ("登録する予定がなければ、消してください。", "Delete it if nothing of the kind is planned."),
        )
    return checked.remark(
        at,
        "warning",
        "unreachable",
        (
            f"{ruled.id} は、いまの一覧と期限では、当てはまることがありません(条件: {ja})。",
            f"{ruled.id} cannot apply with the lists of this file as they are and their dates (conditions: {en}).",
        ),
        (
            "一覧に足りないものを足すか、過ぎた期限を延ばすか、この規則を消してください。",
            "Add what is missing, extend what is over, or delete the rule.",
        ),
    )


def _without_model(checked: Checked, at: Place, ruled: Ruled, culprits: Sequence[Condition]) -> Remark:
    if _names(culprits) <= AWAITED:
        return _unlisted(checked, at, ruled, culprits)
    ja, en = _called(culprits)
    return checked.remark(
        at,
        "warning",
        "no-model",
        (
            f"{ruled.id} の条件({ja})に合うモデルが、models の一覧にありません。",
            f"no model in the list fits the conditions of {ruled.id} ({en}).",
        ),
        ("models を確かめるか、条件を直してください。", "Check models, or change the conditions."),
    )


def _culprits(world: World, wanted: Sequence[Condition]) -> list[Condition]:
    """The conditions without any one of which it would be possible; all of them where there is no such one."""
    found = [
        condition
        for i, condition in enumerate(wanted)
        if len(wanted) > 1 and world.possible(([*wanted[:i], *wanted[i + 1 :]], True))
    ]
    return found or list(wanted)


def _names(conditions: Sequence[Condition]) -> set[str]:
    """What conditions look at, those inside a ``not`` included."""
    return {name for it in conditions for name in (_names(it.parts) if it.parts else {it.name})}


def _called(conditions: Sequence[Condition]) -> tuple[str, str]:
    names = [it.name for it in conditions]
    return "、".join(f"{FACT_WORDS[name]} {name}" for name in names), ", ".join(names)


def _unlisted_names(checked: Checked, place: Place, conditions: Sequence[Condition]) -> Iterator[Remark]:
    """Single model names that no registered model has, where others of the same list do."""
    if not checked.policy.registered:
        return
    listed = [[model.name] for model in checked.policy.models.listed]
    for condition, at in _placed(conditions, (*place, "when")):
        if condition.name != "model":
            continue
        unknown = [
            name for name in condition.wanted if not any(nameable([one, [name]], []) for one in listed)
        ]
        if unknown and len(unknown) < len(condition.wanted):
            names = ", ".join(unknown)
            yield checked.remark(
                at,
                "warning",
                "no-model",
                (f"モデル {names} は、models の一覧にありません。", f"models does not list {names}."),
                ("名前を確かめるか、一覧に足してください。", "Check the name, or add it to models."),
            )


def _placed(conditions: Sequence[Condition], place: Place) -> Iterator[tuple[Condition, Place]]:
    for condition in conditions:
        yield condition, (*place, condition.name)
        yield from _placed(condition.parts, (*place, condition.name))


def _taken_id(checked: Checked, place: Place, ruled: Ruled) -> Iterator[Remark]:
    """In a record an id must lead to one thing."""
    cells = (cell.hit.id for table in checked.policy.tables for cell in table.cells.values())
    if ruled.id.startswith(HOUSE) or (isinstance(ruled, Table) and f"{ruled.id}." == HOUSE):
        by = "どの市の規則でも外せない決まり(S.…)", "the rules that no city can lift (S.…)"
    elif ruled.id in cells:
        by = "表のマス", "a cell of a table"
    else:
        return
    yield checked.remark(
        (*place, "id"),
        "warning",
        "taken-id",
        (
            f"番号 {ruled.id} は、{by[0]}の番号と紛らわしく、記録を見てもどちらのことか分かりません。",
            f"the id {ruled.id} is one that {by[1]} may have; a record does not tell which of the two is meant.",
        ),
        ("別の番号にしてください。", "Choose another id."),
    )


HOUSE = "S."
"""What the ids of the house's own rules begin with."""


def _late_searches(checked: Checked, live: Sequence[tuple[int, Rule]]) -> Iterator[Remark]:
    """A search is settled before anything is found, so that a class which findings raise comes too late for it."""
    raised = {each.to for each in checked.policy.raises if not _names(each.conditions).isdisjoint(FOUND)}
    for i, rule in live:
        if rule.strict and any(_late(checked.own, rule, to) for to in raised):
            yield checked.remark(
                ("rules", i, "search"),
                "warning",
                "late-search",
                (
                    f"{rule.id} は、見つかったもので機密性が上がって当てはまることがありますが、"
                    "どこまで探すかは探す前に決まるので、そのときは厳しく探しません。",
                    f"{rule.id} may apply because what was found raised the class; how to search is settled before"
                    " that, so such a text is not searched strictly.",
                ),
                (
                    "申告された機密性(class_declared)や業務区分など、探す前に分かる条件にしてください。",
                    "Use what is known before the search: class_declared, category and the like.",
                ),
            )


def _late(world: World, rule: Rule, detected: ConfidentialityClass) -> bool:
    """Whether some declared class fits the rule with this class found, and is proved not to fit it with none."""
    for declared in CLASSES:
        before = conditions_of({"class_declared": [declared], "not": {"class_detected": list(CLASSES)}})
        after = conditions_of({"class_declared": [declared], "class_detected": [detected]})
        if world.possible((rule.conditions, True), (after, True)) and not world.possible(
            (rule.conditions, True), (before, True)
        ):
            return True
    return False


# ── two rules at a time ───────────────────────────────────────────────────────────────────────────


def _over(ruled: Rule | Table, today: date) -> bool:
    return ruled.valid_until is not None and ruled.valid_until < today


def meet(one: Rule | Table, other: Rule | Table) -> bool:
    """Whether there is a day on which both count."""
    begins = max(one.valid_from or date.min, other.valid_from or date.min)
    return begins <= min(one.valid_until or date.max, other.valid_until or date.max)


def _outlasts(strong: Rule | Table, weak: Rule, today: date) -> bool:
    """Whether one counts on every day from today on which the other does."""
    begins = max(weak.valid_from or date.min, today)
    return (strong.valid_from or date.min) <= begins and (strong.valid_until or date.max) >= (
        weak.valid_until or date.max
    )


def _opposites(checked: Checked, live: Sequence[tuple[int, Rule]]) -> Iterator[Remark]:
    gated = [(i, rule) for i, rule in live if rule.gate and not rule.shadow]
    for (i, one), (j, other) in combinations(gated, 2):
        if not meet(one, other) or not _same(checked.own, one, other):
            continue
        line = checked.document.lines.get(("rules", i))
        if one.gate == other.gate:
            yield checked.remark(
                ("rules", j),
                "warning",
                "same-rule",
                (
                    f"{other.id} は、{line} 行目の {one.id} と条件も判定も同じです。",
                    f"{other.id} has the same conditions and the same gate as {one.id} on line {line}.",
                ),
                ("一つにまとめてください。", "Make one rule of them."),
            )
        elif _outlasts(*_stronger_first(one, other), checked.today):  # else it tightens for a time
            yield checked.remark(
                ("rules", j),
                "error",
                "opposite",
                (
                    f"{other.id}({other.gate})と、{line} 行目の {one.id}({one.gate})は、"
                    "条件が同じなのに判定が違います。厳しいほうだけが効きます。",
                    f"{other.id} ({other.gate}) and {one.id} on line {line} ({one.gate}) have the same conditions"
                    " but different gates; only the stricter one counts.",
                ),
                ("どちらかを消すか、条件を分けてください。", "Delete one, or tell their conditions apart."),
            )


def _stronger_first(one: Rule, other: Rule) -> tuple[Rule, Rule]:
    return (one, other) if _stronger(one.gate, other.gate) else (other, one)


def _same(world: World, one: Rule, other: Rule) -> bool:
    if {it.name for it in one.conditions} != {it.name for it in other.conditions}:
        return False
    return world.covers(one.conditions, other.conditions) and world.covers(other.conditions, one.conditions)


def _never_decides(checked: Checked, live: Sequence[tuple[int, Rule]]) -> Iterator[Remark]:
    rules = [rule for _, rule in live if rule.gate and not rule.shadow]
    tables = [table for table in checked.policy.tables if not table.shadow]
    for i, weak in live:
        if weak.gate in (None, "deny") or weak.shadow or not checked.own.possible((weak.conditions, True)):
            continue
        stronger = [one for one in rules if _stronger(one.gate, weak.gate)]
        by = next((one.id for one in stronger if _hides(checked, one, weak)), None) or next(
            (table.id for table in tables if _table_hides(checked, table, weak)), None
        )
        if by is not None:
            yield checked.remark(
                ("rules", i, "gate"),
                "warning",
                "never-decides",
                (
                    f"{weak.id} の {weak.gate} が効くことはありません。当てはまる要求は、いつも {by} がもっと厳しく止めます。",
                    f"the {weak.gate} of {weak.id} never counts: whatever it applies to, {by} is stricter.",
                ),
                (
                    "この規則を消すか、どちらかの条件を狭めてください。",
                    "Delete the rule, or narrow one of the two.",
                ),
            )


def _stronger(gate: Gate | None, than: Gate | None) -> bool:
    return gate is not None and than is not None and GATES.index(gate) > GATES.index(than)


def _hides(checked: Checked, strong: Rule, weak: Rule) -> bool:
    return (
        _outlasts(strong, weak, checked.today)
        and not (_same(checked.own, strong, weak))  # that is told as an error
        and checked.own.covers(strong.conditions, weak.conditions)
    )


def _table_hides(checked: Checked, table: Table, weak: Rule) -> bool:
    """Whether every cell that the rule can fall into is stricter than the rule."""
    if table.rows == "entity" or not _outlasts(table, weak, checked.today):
        return False
    if not checked.own.covers(table.conditions, weak.conditions):
        return False
    columns = AXIS_VALUES[table.columns] if table.columns else (None,)
    for row in AXIS_VALUES[table.rows]:
        for column in columns:
            cell = table.cells.get((row, column))
            if cell is not None and _stronger(cell.gate, weak.gate):
                continue
            here = {table.rows: [row], **({table.columns: [column]} if table.columns else {})}
            if checked.own.possible(([*weak.conditions, *conditions_of(here)], True)):
                return False
    return True


def _never_reveals(checked: Checked, live: Sequence[tuple[int, Rule]]) -> Iterator[Remark]:
    if not checked.policy.registered:
        return
    for i, rule in live:
        if rule.reveal is None:
            continue
        fits = conditions_of({"no_training": True, "destination": sorted(rule.reveal.destinations)})
        if checked.registered.possible((rule.conditions, True)) and not checked.registered.possible(
            ([*rule.conditions, *fits], True)
        ):
            yield checked.remark(
                ("rules", i, "reveal"),
                "warning",
                "never-reveals",
                (
                    f"{rule.id} が伏せ字を外すことはありません。この送信先で、学習に使わない契約のモデルがありません。",
                    f"{rule.id} never lifts a mask: no model there is under a contract without training.",
                ),
                ("送信先かモデルの一覧を直すか、reveal を消してください。", "Change destinations or models, or delete reveal."),
            )  # fmt: skip


def _fallback(checked: Checked) -> Iterator[Remark]:
    """What happens to everything that no other rule speaks of."""
    policy = checked.policy
    enforced = [rule for rule in policy.rules if not rule.shadow]
    cells = [cell.gate for table in policy.tables if not table.shadow for cell in table.cells.values()]
    if not {"allow", "confirm"} & {*(rule.gate for rule in enforced), *cells}:
        yield checked.remark(
            ("rules",),
            "warning",
            "allows-nothing",
            (
                "許可する規則が一つもないので、何も送信できません。",
                "no rule allows anything, so nothing is sent.",
            ),
            ("gate: allow の規則か表を足してください。", "Add a rule or a table that allows."),
        )
    for i, rule in enumerate(policy.rules):
        if rule.gate == "allow" and not rule.shadow and [it.name for it in rule.conditions] == ["always"]:
            yield checked.remark(
                ("rules", i),
                "note",
                "allows-everything",
                (
                    f"{rule.id} はいつでも許可するので、ほかの規則が止めないものはすべて送信されます。",
                    f"{rule.id} always allows: whatever no other rule stops is sent.",
                ),
                ("試行のための方針でなければ、条件を書いてください。", "Unless this is for a trial, give it conditions."),
            )  # fmt: skip
