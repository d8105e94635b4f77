"""Runs the tests of a policy, which stand beside it: ``takatsuki.yaml`` and ``takatsuki.tests.yaml``.

A test is an ask and the verdict it must get (cases.py). Never changes a policy; what it finds is a value.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from policies import complaints as say
from policies import files
from policies.cases import NONE, Case, Cases, TestsForm
from policies.complaints import CannotRead, Complaint, PolicyError, Words
from policies.coverage import Coverage
from policies.days import day_of
from policies.decide import Policy, decide, gate_of
from policies.document import Document
from policies.explain import GATE_WORDS, explain
from policies.making import policy_of
from policies.model import Refuse, Verdict
from policies.schema import PolicyForm
from policies.vocabulary import FACT_WORDS

SUFFIX = ".tests.yaml"


@dataclass(frozen=True, slots=True)
class Result:
    """One case after its run. ``differences`` is empty when it passed; each is a sentence in two languages."""

    name: str
    line: int
    verdict: Verdict
    differences: tuple[str, ...]
    expected: frozenset[str] = frozenset()

    @property
    def passed(self) -> bool:
        return not self.differences

    def speaks_of(self, rule: str) -> bool:
        """Whether a rule, cell or table matched or was expected to."""
        ids = self.expected | {hit.id for hit in self.verdict.rules}
        return any(one == rule or one.startswith(f"{rule}.") for one in ids)


@dataclass(frozen=True, slots=True)
class Report:
    """All results of one file, how often each rule matched in them, and what they tried."""

    policy: Policy
    file: str
    results: tuple[Result, ...]
    hits: Mapping[str, int]
    coverage: Coverage

    @property
    def failed(self) -> int:
        return sum(not result.passed for result in self.results)

    @property
    def passed(self) -> int:
        return len(self.results) - self.failed

    @property
    def never_hit(self) -> tuple[str, ...]:
        """Rules that no test has ever made match: nobody knows whether they work."""
        return tuple(rule for rule, count in self.hits.items() if not count)


def run(
    source: str | Path, entity_types: Sequence[str] = files.ENTITY_TYPES, today: date | None = None
) -> Report:
    """Run the tests of a policy given by name or path (of either file). Raises PolicyError.

    Tests that name no moment are asked on the first open day from ``today`` on (the day in Japan).
    """
    policy_file, tests_file = pair(files.find(source))
    return run_beside(files.load(policy_file, entity_types), tests_file, entity_types, today)


def run_beside(
    policy: Policy, tests_file: Path, entity_types: Sequence[str], today: date | None = None
) -> Report:
    """The same for a policy that is loaded already.

    What is judged is the rules, whatever the day from which the policy counts: its examples are added, and its
    effective date is left out. The report is of the policy as it is.
    """
    document = files.read_yaml(files.read(tests_file), str(tests_file))
    form = document.checked(TestsForm, {"entity_types": tuple(entity_types)})
    tested = replace(_with_examples(policy, document, entity_types), effective=None)
    coverage = Coverage(tested)
    today = today or day_of(datetime.now(UTC))
    results = tuple(_run(tested, case, coverage) for case in Cases(tested, document, form, today))
    if not results:
        ja, en = "試験が一つもありません。cases を書いてください。", "there is no test; write cases."
        raise PolicyError([Complaint(str(tests_file), 1, ja, en)])
    counted = Counter(hit.id for result in results for hit in result.verdict.rules)
    hits = {rule.id: counted[rule.id] for rule in policy.rules}
    return Report(policy, str(tests_file), results, hits, coverage)


def case_of(
    source: str | Path,
    name: str,
    entity_types: Sequence[str] = files.ENTITY_TYPES,
    today: date | None = None,
) -> tuple[Policy, Case]:
    """One case of a policy's tests by its name, and the policy as its tests see it. Raises PolicyError."""
    policy_file, tests_file = pair(files.find(source))
    document = files.read_yaml(files.read(tests_file), str(tests_file))
    form = document.checked(TestsForm, {"entity_types": tuple(entity_types)})
    policy = files.load(policy_file, entity_types)
    tested = replace(_with_examples(policy, document, entity_types), effective=None)
    cases = list(Cases(tested, document, form, today or day_of(datetime.now(UTC))))
    for case in cases:
        if case.name == name:
            return tested, case
    names = [case.name for case in cases]
    near = [one for one in names if name in one][:10] or get_close_matches(name, names, 5, 0.2) or names[:10]
    words = say.unknown(Words("試験の名前", "test"), name, near, {})
    raise PolicyError([Complaint(str(tests_file), None, words.ja, words.en)])


def pair(path: Path) -> tuple[Path, Path]:
    """The policy and its tests, whichever of the two was named. Raises CannotRead where there are no tests."""
    if path.name.endswith(SUFFIX):
        path = path.with_name(path.name.removesuffix(SUFFIX) + ".yaml")
    tests = path.with_name(path.stem + SUFFIX)
    if os.path.exists(path) and not os.path.exists(tests):  # Path.exists() raises for a name that is too long
        ja = f"試験のファイルがありません。{path.name} と同じ場所に {tests.name} を作ってください。"
        en = f"there is no file of tests; write {tests.name} beside {path.name}."
        raise CannotRead([Complaint(str(tests), None, ja, en)])
    return path, tests


def _with_examples(policy: Policy, tests: Document, entity_types: Sequence[str]) -> Policy:
    """The policy with the examples of its tests, under its own digest. Raises PolicyError, with lines of the tests."""
    examples: Mapping[str, Any] = tests.data.get("examples") or {}
    if not examples:
        return policy
    data = {**policy.data}
    for key, added in examples.items():
        data[key] = [*data.get(key, ()), *added]
    together = Document(tests.file, data, {(): tests.lines.get(("examples",), 1)})
    form = together.checked(PolicyForm, {"entity_types": tuple(entity_types)})
    return policy_of(together, form, policy.digest, entity_types)


def _run(policy: Policy, case: Case, coverage: Coverage) -> Result:
    verdict = decide(policy, case.ask)
    coverage.see(case.ask)
    if case.searched:
        coverage.see_words(case.words)
    expect = case.expect
    named = frozenset(
        id
        for ids in (expect.rules, expect.includes, expect.decisive, expect.notices, expect.alarms)
        for id in ids or ()
    )
    return Result(case.name, case.line, verdict, tuple(_differences(policy, case, verdict)), named)


def _differences(policy: Policy, case: Case, verdict: Verdict) -> Iterator[str]:
    expect = case.expect
    gate = gate_of(verdict)
    if expect.gate is not None and gate != expect.gate:
        by = ", ".join(hit.id for hit in verdict.decisive)
        ja = f"、決めたのは {by}" if by else "、許可する規則がありません"
        en = f", decided by {by}" if by else ", no rule allows it"
        yield (
            f"判定(gate)は「{GATE_WORDS[expect.gate][0]}({expect.gate})」のはずが、"
            f"「{GATE_WORDS[gate][0]}({gate})」でした{ja}。 / gate: expected {expect.gate}, got {gate}{en}"
        )
    error = verdict.error if isinstance(verdict, Refuse) else None
    if error != expect.error:  # a mistyped fact is refused as well: that must not pass for a deny
        yield _difference("error", expect.error or NONE, error or NONE)
    for name, wanted, got in _facts(policy, case, verdict):
        if wanted is not None and wanted != got:
            yield _difference(name, wanted, got)
    hits = [hit.id for hit in verdict.rules]
    if left_out := [id for id in expect.includes or () if id not in hits]:
        yield _difference("includes", ", ".join(left_out), ", ".join(hits) or "-")
        yield from _why_not(policy, case, left_out)
    if too_many := [id for id in expect.excludes or () if id in hits]:
        yield _difference("excludes", ", ".join(too_many), ", ".join(hits))
    for name, listed, held in _lists(case, verdict):
        if listed is not None and set(listed) != set(held):
            yield _difference(name, ", ".join(listed) or NONE, ", ".join(held) or NONE)


def _why_not(policy: Policy, case: Case, rules: Sequence[str]) -> Iterator[str]:
    """Of each rule that ought to have matched, what stood in its way."""
    for truth in explain(policy, case.ask).rules:
        if truth.rule.id not in rules:
            continue
        missed = [one.name for one in truth.conditions if one.holds is not True]
        ja = [FACT_WORDS[name] for name in missed]
        if not truth.live:
            ja, missed = [*ja, "期間外"], [*missed, "not in force"]
        yield (
            f"{truth.rule.id} の外れた条件: {'、'.join(ja)} / what {truth.rule.id} missed: {', '.join(missed)}"
        )


def _facts(policy: Policy, case: Case, verdict: Verdict) -> Iterator[tuple[str, str | None, str]]:
    """What may be expected as one word, as it was expected and as it came out."""
    expect, derived = case.expect, verdict.derived
    if expect.strict is not None:  # as the gateway asks it: before anything is found
        yield "strict", str(expect.strict).lower(), str(policy.strict(case.ask.unsearched())).lower()
    yield "would", expect.would, verdict.would or NONE
    yield "detected_class", expect.detected_class, (derived and derived.detected_class) or NONE
    yield "effective_class", expect.effective_class, (derived and derived.effective_class) or NONE


def _lists(case: Case, verdict: Verdict) -> Iterator[tuple[str, Sequence[str] | None, Sequence[str]]]:
    expect = case.expect
    yield "rules", expect.rules, [hit.id for hit in verdict.rules]
    yield "decisive", expect.decisive, [hit.id for hit in verdict.decisive]
    yield "notices", expect.notices, [hit.id for hit in verdict.notices]
    yield "alarms", expect.alarms, verdict.alarms
    yield "revealed", expect.revealed, sorted(verdict.revealed)
    yield "words", expect.words, case.words


WORDS = {
    "error": "判定の誤り",
    "strict": "厳しく探すか",
    "would": "試行中の規則も働いたときの判定",
    "detected_class": "見つかったものから決まる機密性",
    "effective_class": "判定に使う機密性",
    "rules": "当てはまる規則",
    "includes": "当てはまるはずの規則",
    "excludes": "当てはまらないはずの規則",
    "decisive": "決めた規則",
    "notices": "一言をそえる規則",
    "alarms": "警報を出す規則",
    "revealed": "伏せ字にしない種類",
    "words": "文にある言葉の一覧",
}
"""What may be expected, in the words of the staff."""


def _difference(what: str, wanted: str, got: str) -> str:
    ja = ("なし" if one == NONE else one for one in (wanted, got))
    return f"{WORDS[what]}({what})は {next(ja)} のはずが、{next(ja)} でした。 / {what}: expected {wanted}, got {got}"


def selected(results: Iterable[Result], rule: str) -> tuple[Result, ...]:
    """The results that speak of one rule, table or cell."""
    return tuple(result for result in results if result.speaks_of(rule))
