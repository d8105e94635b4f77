"""Every rule of the alerts fires where it should and is silent where it should be, and says the same only once."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from audit.alerts import rules
from audit.alerts.model import PERSONAL, RECENT
from audit.alerts.rules import RULES, Seen
from tests.audit.alerts.counts import NOON, Book, Days, raised, thresholds

MINE = {"JP_MY_NUMBER": 1}
ATTACK = [{"id": "P-16", "effects": ["alarm"], "risks": ["LLM01", "LLM07"]}]
Makes = Callable[[Days], list[Seen]]


def persons(first: int, last: int) -> str:
    return "、".join(f"[PERSON_{n}_a{n:03}]さん" for n in range(first, last + 1))


def by_night(days: Days, at: str = "2026-11-24T23:30:00+09:00") -> Days:
    days.at = datetime.fromisoformat(at)
    return days


BUDGET = "budget: {month_yen: 1000}\n"
OF_COST = "rules: {A-13: {enabled: false}}\n" + BUDGET

FIRES: dict[str, Makes] = {
    "A-01": lambda d: [d.asked(entities=MINE, verdict="refuse")],
    "A-02": lambda d: [d.asked(entities=MINE, verdict="refuse", after=86_400) for _ in range(3)],
    "A-03": lambda d: [d.asked(verdict="refuse") for _ in range(10)],
    "A-04": lambda d: [d.asked(persons(1, 60)), d.asked(persons(41, 100))],
    "A-05": lambda d: [d.asked(persons(1, 90), person=f"1{n:05}") for n in range(12)],
    "A-06": lambda d: [d.asked(rules=ATTACK, alarms=["P-16"])],
    "A-07": lambda d: [d.asked(model_requested="new-model")],
    "A-08": lambda d: [d.ended("answered", model_asked="m", model_served=f"m-2026-0{n}") for n in (5, 5, 8)],
    "A-09": lambda d: [by_night(d).asked()],
    "A-10": lambda d: [d.asked(quota="near")],
    "A-11": lambda d: [d.asked(quota="over", verdict="refuse")],
    "A-12": lambda d: [d.ended("answered", cost_yen="400.000000") for _ in range(2)],
    "A-13": lambda d: [d.ended("answered", cost_yen="500.000000") for _ in range(2)],
    "A-17": lambda d: [d.ended("refused", reason="detector_timeout", http_status=503) for _ in range(5)],
    "A-18": lambda d: [d.asked(alarms=["P-15"])],
    "A-19": lambda d: [d.asked(alarms=["error.unknown_type"], verdict="refuse")],
    "A-20": lambda d: [d.ended("refused", reason="internal_error", http_status=503) for _ in range(3)],
    "A-21": lambda d: [d.ended("lost", reason="writer_gone") for _ in range(3)],
    "A-22": lambda d: [d.noted("clock.stepped", seconds=-3600)],
    "A-23": lambda d: [d.noted("house.stopped", target="house")],
    "A-24": lambda d: [d.viewed("original")],
    "A-25": lambda d: [d.viewed("show") for _ in range(200)],
    "A-26": lambda d: [d.viewed("export")],
    "A-27": lambda d: [
        d.ended("failed", reason="upstream_timeout", model_asked="m", http_status=502) for _ in range(10)
    ],
    "A-28": lambda d: [d.noted("office.refused", scope="exchanges", person="100123") for _ in range(10)],
    "A-29": lambda d: [
        d.ended(
            "refused", reason="invalid_api_key", http_status=401, asked={"caller": {"address": "10.0.0.9"}}
        )
        for _ in range(20)
    ],
}
SILENT: dict[str, Makes] = {
    "A-01": lambda d: [d.asked(entities={"PERSON": 3})],
    "A-02": lambda d: [
        *(d.asked(entities=MINE) for _ in range(2)),
        d.asked(entities=MINE, person="100999"),
        d.asked(entities=MINE, after=86_400 * 30),
    ],
    "A-03": lambda d: [
        *(d.asked(verdict="refuse") for _ in range(9)),
        d.asked(verdict="refuse", person="100999"),
        d.asked(verdict="refuse", quota="over"),
        d.asked(verdict="refuse", after=86_400),
    ],
    "A-04": lambda d: [d.asked(persons(1, 99)) for _ in range(5)],
    "A-05": lambda d: [d.asked(persons(1, 99), person=f"1{n:05}") for n in range(10)],
    "A-06": lambda d: [
        d.asked(rules=[{"id": "P-20", "effects": ["deny"], "risks": ["LLM01"]}]),
        d.asked(rules=[{"id": "P-16", "effects": ["would_alarm"], "risks": ["LLM01"]}]),
    ],
    "A-07": lambda d: [d.asked(verdict="refuse", model_requested=None)],
    "A-08": lambda d: [
        d.ended("answered", model_asked=name, model_served=f"{name}-1") for name in ("m", "n", "m")
    ],
    "A-09": lambda d: [d.asked(), by_night(d).asked(caller={"actor": "robot"})],
    "A-10": lambda d: [d.asked(quota="within"), d.asked(quota="unlimited")],
    "A-11": lambda d: [d.asked(quota="near")],
    "A-12": lambda d: [
        d.ended("answered", cost_yen="799.000000"),
        d.ended("answered", cost_yen="2.000000", after=86_400 * 30),
    ],
    "A-13": lambda d: [d.ended("answered", cost_yen="999.999999"), d.ended("answered", cost_yen=None)],
    "A-17": lambda d: [
        *(d.ended("refused", reason="detector_timeout") for _ in range(4)),
        *(d.ended("refused", reason="detector_loading") for _ in range(9)),
        d.ended("refused", reason="detector_timeout", after=3_600),
    ],
    "A-18": lambda d: [d.asked(alarms=[]), d.asked(rules=ATTACK, alarms=["P-16"])],
    "A-19": lambda d: [d.asked(alarms=["P-15"]), d.noted("policy.in_force")],
    "A-20": lambda d: [
        d.ended("refused", reason="internal_error"),
        d.ended("refused", reason="internal_error"),
        d.ended("refused", reason="verdict"),
    ],
    "A-21": lambda d: [d.ended("lost", after=1_900) for _ in range(9)],
    "A-22": lambda d: [d.noted("hold.placed")],
    "A-23": lambda d: [d.noted("quota.set")],
    "A-24": lambda d: [d.viewed("show"), d.noted("glass.asked")],
    "A-25": lambda d: [
        *(d.viewed("show") for _ in range(199)),
        *(d.viewed("own") for _ in range(9)),
        d.viewed("show", person="900003"),
    ],
    "A-26": lambda d: [d.viewed("search"), d.viewed("disclosure", filters={"person": "900002"})],
    "A-27": lambda d: [
        *(d.ended("failed", reason="upstream_timeout", model_asked="m") for _ in range(9)),
        d.ended("failed", reason="upstream_timeout", model_asked="n"),
        d.ended("failed", reason="upstream_rate_limited", model_asked="m"),
    ],
    "A-28": lambda d: [d.noted("office.refused", person=f"10{n}") for n in range(10)],
    "A-29": lambda d: [
        *(d.ended("refused", http_status=401, asked={"caller": {"address": f"10.0.0.{n}"}}) for n in range(19)),
        d.ended("refused", http_status=403),
    ],
}  # fmt: skip
BY_THE_CLOCK = {"A-14", "A-15", "A-16"}


def test_every_rule_stands_in_both_tables() -> None:
    assert set(FIRES) == set(SILENT) == set(RULES) - BY_THE_CLOCK


@pytest.mark.requirement("R52")
@pytest.mark.parametrize("rule", FIRES)
def test_it_fires(rule: str) -> None:
    yaml = OF_COST if rule == "A-12" else BUDGET if rule == "A-13" else None
    assert raised(FIRES[rule](Days()), yaml).count(rule) == 1


@pytest.mark.requirement("R52")
@pytest.mark.parametrize("rule", SILENT)
def test_it_is_silent(rule: str) -> None:
    assert rule not in raised(SILENT[rule](Days()), BUDGET)


@pytest.mark.requirement("R52")
@pytest.mark.parametrize("rule", FIRES)
def test_it_does_not_say_the_same_again_within_its_window(rule: str) -> None:
    """The same at once once more; A-22 and A-23 tell each, as what people did, and new models are new once."""
    days = Days()
    twice = [*FIRES[rule](days), *FIRES[rule](days)]
    if rule == "A-02":
        twice = [*FIRES[rule](days), days.asked(entities=MINE)]
    each = 2 if rule in ("A-22", "A-23") else 1
    assert raised(twice, BUDGET).count(rule) == each


@pytest.mark.requirement("R52")
def test_it_says_it_again_once_the_window_is_over_and_the_count_goes_on() -> None:
    book, days = Book(thresholds()), Days()
    first = [days.asked(entities=MINE)]
    again = [days.asked(entities=MINE, after=300), days.asked(entities=MINE, after=600)]
    assert [(one.rule.id, one.count) for one in book.look(first)] == [("A-01", 1), ("A-07", 1)]
    told = [(one.rule.id, one.count, one.exchanges) for one in book.look(again)]
    assert told == [("A-01", 3, ("x-2", "x-1", "x-0")), ("A-02", 3, ("x-2", "x-1", "x-0"))]
    ids = [one.id for one in book.alerts]
    assert len(set(ids)) == len(ids)


@pytest.mark.requirement("R52")
@pytest.mark.parametrize("rule", FIRES)
def test_a_rule_that_is_switched_off_is_silent(rule: str) -> None:
    off = f"rules: {{{rule}: {{enabled: false}}}}\n{BUDGET}"
    assert rule not in raised(FIRES[rule](Days()), off)


@pytest.mark.requirement("R52")
def test_thresholds_periods_and_severities_are_the_citys() -> None:
    yaml = "rules:\n  A-03: {threshold: 2, period: hour, severity: critical, window: 1h}\n"
    days = Days()
    assert "A-03" not in raised(
        [days.asked(verdict="refuse"), days.asked(verdict="refuse", after=3_600)], yaml
    )
    (alert,) = [
        one
        for one in Book(thresholds(yaml)).look([days.asked(verdict="refuse"), days.asked(verdict="refuse")])
        if one.rule.id == "A-03"
    ]
    assert (alert.rule.severity, alert.key.period, alert.threshold) == ("critical", "2026-11-24T13", 2)


@pytest.mark.requirement("R52", "R59")
def test_a_trial_raises_nothing_and_a_drill_counts_by_itself() -> None:
    days, book = Days(), Book(thresholds())
    assert book.look([days.asked(entities=MINE, is_test=True, alarms=["P-15"]) for _ in range(5)]) == []
    ending = {"is_test": True}
    assert book.look([days.ended("failed", reason="upstream_timeout", asked=ending) for _ in range(20)]) == []
    real = book.look([days.asked(entities=MINE, model_requested=None) for _ in range(2)])
    drill = book.look(
        [days.asked(entities=MINE, is_test=True, drill="D-2026-01", model_requested=None) for _ in range(3)]
    )
    assert [one.rule.id for one in real] == ["A-01"]
    assert [(one.rule.id, one.draft().body["is_drill"]) for one in drill] == [("A-01", True), ("A-02", True)]
    assert [one.count for one in drill] == [1, 3]
    after = book.look([days.asked(entities=MINE, model_requested=None)])
    assert [(one.rule.id, one.count) for one in after] == [("A-02", 3)], (
        "the drill's three are not among them"
    )


@pytest.mark.requirement("R52")
@pytest.mark.parametrize(
    ("at", "unusual"),
    [
        ("2026-11-24T21:59:59+09:00", False),
        ("2026-11-24T22:00:00+09:00", True),
        ("2026-11-25T04:59:59+09:00", True),
        ("2026-11-25T05:00:00+09:00", False),
        ("2026-11-23T12:00:00+09:00", True),  # 勤労感謝の日
        ("2026-11-28T12:00:00+09:00", True),  # a Saturday
        ("2026-12-28T12:00:00+09:00", False),
        ("2026-12-29T12:00:00+09:00", True),
        ("2027-01-03T12:00:00+09:00", True),
        ("2027-01-04T12:00:00+09:00", False),
        ("2026-05-06T12:00:00+09:00", True),  # 振替休日
    ],
)
def test_night_and_closed_days_are_those_of_japan(at: str, unusual: bool) -> None:
    assert thresholds().hours.unusual(datetime.fromisoformat(at)) is unusual
    assert ("A-09" in raised([by_night(Days(), at).asked(after=0)])) is unusual


@pytest.mark.requirement("R52")
def test_by_the_clock_it_fires_is_silent_and_says_it_once() -> None:
    terms, at = thresholds(), NOON
    quiet = Book(terms)
    assert quiet.count(rules.unsigned(terms, 14, at)) == []
    assert quiet.count(hit for _ in range(2) for hit in rules.unverified(terms, at)) == []
    book = Book(terms)
    told = [
        *book.count(rules.unsigned(terms, 15, at)),
        *book.count(rules.unsigned(terms, 16, at + timedelta(minutes=1))),
        *book.count(rules.unsound(terms, "record_changed", at)),
        *book.count(rules.unsound(terms, "record_changed", at + timedelta(hours=1))),
        *book.count(hit for _ in range(4) for hit in rules.unverified(terms, at)),
    ]
    assert [(one.rule.id, one.count, one.detail) for one in told] == [
        ("A-14", 15, None), ("A-15", 1, "record_changed"), ("A-16", 3, None),
    ]  # fmt: skip


def test_an_alert_holds_no_text_and_at_most_so_many_exchanges() -> None:
    days, book = Days(), Book(thresholds("rules: {A-03: {threshold: 30}}\n"))
    book.look([days.asked("[PERSON_1_k7q2]さんの相談", verdict="refuse") for _ in range(30)])
    (alert,) = [one for one in book.alerts if one.rule.id == "A-03"]
    body = alert.draft().body
    assert body["exchanges"] == [f"x-{n}" for n in range(29, 29 - RECENT, -1)]
    assert "相談" not in json.dumps(body, ensure_ascii=False)
    assert {
        "alert",
        "rule",
        "title",
        "severity",
        "at",
        "subject",
        "count",
        "period",
        "exchanges",
        "is_drill",
        "window",
    } <= set(body)
    assert body["subject"] == "100123" and RULES["A-03"].whose in PERSONAL


def test_an_id_never_looks_like_somebodys_number() -> None:
    from audit.numbers import may_be_somebodys

    days, book = Days(), Book(thresholds("rules: {A-01: {window: 0m}}\n"))
    book.look([days.asked(entities=MINE) for _ in range(200)])
    ids = [one.id for one in book.alerts]
    assert len(set(ids)) == len(ids) > 200
    assert not any(may_be_somebodys(id) or any(letter.isdigit() for letter in id) for id in ids)
