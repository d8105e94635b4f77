"""Dates that are over or cannot be meant, who answers for a policy, and the risks that it answers."""

from collections.abc import Iterator
from datetime import date

from policies.checks.remarks import Checked, Remark, Severity
from policies.checks.rules import every
from policies.checks.tables import named
from policies.decide import Policy, Raise, Rule
from policies.document import Place
from policies.house_rules import HOUSE_RULES
from policies.tables import Table
from policies.vocabulary import RISK_WORDS, RISKS


def of_papers(checked: Checked) -> Iterator[Remark]:
    """Everything that can be said of dates, persons and risks."""
    yield from _dates_of_rules(checked)
    yield from _dates_of_lists(checked)
    yield from _dates_of_use_cases(checked)
    yield from _review(checked)
    yield from _persons(checked)
    yield from _risks(checked)


def _over(checked: Checked, place: Place, what: tuple[str, str], day: date) -> Remark:
    return checked.remark(
        place,
        "warning",
        "over",
        (f"{what[0]}の期限({day})は過ぎました。", f"{what[1]} ended on {day}."),
        ("延ばすか、消してください。", "Extend it, or delete it."),
    )


def _dates_of_rules(checked: Checked) -> Iterator[Remark]:
    effective = checked.policy.effective
    for place, ruled in every(checked):
        until = None if isinstance(ruled, Raise) else ruled.valid_until
        if until is None:
            continue
        at = (*place, "valid_until")
        if until < checked.today:
            yield _over(checked, at, (f"{ruled.id} ", ruled.id), until)
        elif effective and until < effective:
            yield checked.remark(
                at,
                "error",
                "never-in-force",
                (
                    f"{ruled.id} は、方針の施行日({effective})より前に終わります({until})。",
                    f"{ruled.id} ends on {until}, before the policy is in force ({effective}).",
                ),
                ("どちらかの日付を直してください。", "Mend one of the two dates."),
            )


def _dates_of_lists(checked: Checked) -> Iterator[Remark]:
    for i, words in enumerate(checked.policy.word_lists):
        if words.until is not None and words.until < checked.today:
            yield _over(checked, ("words", i, "until"), (f"言葉の一覧 {words.id} ", words.id), words.until)
    endless = [words.id for words in checked.policy.word_lists if words.until is None]
    if endless:
        yield checked.remark(
            ("words",),
            "note",
            "no-expiry",
            (
                f"期限(until)のない言葉の一覧があります: {named(endless, '、')}。",
                f"word lists without a last day (until): {named(endless, ', ')}.",
            ),
            (
                "未公表の施策など、いつか公になる言葉には期限を書いてください。",
                "Give one to words that will be public one day, such as unpublished plans.",
            ),
        )
    for i, model in enumerate(checked.policy.models.listed):
        at: Place = ("models", i)
        if model.valid_until and model.valid_until < checked.today:
            what = ("試行", "the trial") if model.sandbox else ("承認", "the approval")
            said = f"モデル {model.name} の{what[0]}", f"{what[1]} of {model.name}"
            yield _over(checked, (*at, "valid_until"), said, model.valid_until)
        days = [price.since for price in model.prices]
        if len(days) != len(set(days)):
            yield checked.remark(
                (*at, "prices"),
                "error",
                "price-twice",
                (f"{model.name} に、同じ日からの価格が二つあります。", f"{model.name} has two prices from one day."),
                ("どちらかを消してください。", "Delete one of them."),
            )  # fmt: skip


def _dates_of_use_cases(checked: Checked) -> Iterator[Remark]:
    for i, case in enumerate(checked.policy.use_cases.values()):
        approval = case.approval
        if approval is None or approval.until is None:
            continue
        at = ("use_cases", i, "approval", "until")
        if approval.until < approval.on:
            yield checked.remark(
                at,
                "error",
                "dates",
                (f"{case.id} の承認の終わりが、承認の日より前です。", f"the approval of {case.id} ends before it begins."),
                ("日付を直してください。", "Mend the dates."),
            )  # fmt: skip
        elif approval.until < checked.today:
            yield _over(checked, at, (f"{case.id} の承認", f"the approval of {case.id}"), approval.until)


def _review(checked: Checked) -> Iterator[Remark]:
    review = checked.policy.review
    if review and review <= checked.today:
        yield checked.remark(
            ("review",),
            "warning",
            "review-due",
            (f"見直しの日({review})になりました。", f"the review was due on {review}."),
            (
                "規則を見直し、新しい版と次の見直しの日を決めてください。",
                "Review the rules; decide a new version and its review date.",
            ),
        )


def _persons(checked: Checked) -> Iterator[Remark]:
    policy = checked.policy
    missing = [key for key in ("author", "approver", "effective") if getattr(policy, key) is None]
    if missing:
        keys = "・".join(missing)
        yield checked.remark(
            (),
            "note",
            "proposal",
            (
                f"{keys} がないので、これは案です。市の方針として使い始めることはできません。",
                f"without {', '.join(missing)} this is a proposal; it cannot be put into force.",
            ),
            ("決まったら書いてください。", "Write them once it is decided."),
        )
    elif policy.review is None:
        yield _absent(checked, "no-review", "見直しの日(review)", "a review date", "warning")
    if policy.officer is None:
        severity: Severity = "note" if missing else "warning"
        yield _absent(
            checked, "no-officer", "AI統括責任者と代理(accountable)", "an accountable officer", severity
        )


def _absent(checked: Checked, code: str, ja: str, en: str, severity: Severity) -> Remark:
    said = f"{ja}が書いてありません。", f"{en} is not named."
    return checked.remark((), severity, code, said, ("書いてください。", "Add it."))


# ── risks ─────────────────────────────────────────────────────────────────────────────────────────


def answers(policy: Policy) -> dict[str, list[str]]:
    """For every risk of OWASP and NIST, the rules that answer it, the house's own included (R10)."""
    house = HOUSE_RULES if policy.registered else ()
    found: dict[str, list[str]] = {risk: [] for risk in RISKS}
    for id, risks in (
        *((hit.id, hit.risks) for hit in house),
        *((ruled.id, ruled.risks) for ruled in _deciding(policy) if not ruled.shadow),
    ):
        for risk in risks:
            found[risk].append(id)
    return found


def _deciding(policy: Policy) -> list[Rule | Table]:
    return [*policy.rules, *policy.tables]


def _risks(checked: Checked) -> Iterator[Remark]:
    policy = checked.policy
    open_risks = [risk for risk, by in answers(policy).items() if not by]
    if open_risks:
        ja = "、".join(f"{risk}({RISK_WORDS[risk]})" for risk in open_risks)
        yield checked.remark(
            (),
            "note",
            "risk-open",
            (f"答える規則のないリスク: {ja}。", f"risks that no rule answers: {', '.join(open_risks)}."),
            (
                "規則の risk_refs に書くか、規則のほかに備えがあるかを確かめてください。",
                "Name them in a rule's risk_refs, or make sure that something else answers them.",
            ),
        )
    silent = [ruled.id for ruled in _deciding(policy) if not ruled.risks]
    if silent:
        yield checked.remark(
            (),
            "note",
            "no-risk",
            (
                f"どのリスクに答えるか(risk_refs)が書かれていない規則: {named(silent, '、')}。",
                f"rules that name no risk they answer: {named(silent, ', ')}.",
            ),
            ("risk_refs を書いてください。", "Write risk_refs."),
        )
