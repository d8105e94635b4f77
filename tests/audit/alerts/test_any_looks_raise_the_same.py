"""However the records are parted into looks, the same alerts are raised, and what is counted twice has the same id."""

from hypothesis import given, settings
from hypothesis import strategies as st

from audit.alerts.rules import Seen
from tests.audit.alerts.counts import Book, Days, parts, thresholds

TERMS = thresholds(
    "rules:\n  A-01: {window: 10m}\n  A-03: {threshold: 2, window: 1h}\n  A-04: {threshold: 3, window: 0m}\n"
    "  A-27: {threshold: 2, window: 10m}\nbudget: {month_yen: 10}\n"
)
PEOPLE = st.sampled_from(["100001", "100002", "100003"])
AFTER = st.sampled_from([1, 60, 900, 4_000, 90_000])
TEXTS = st.sampled_from(
    [None, "[PERSON_1_aaaa]", "[PERSON_1_aaaa][PERSON_2_bbbb]", "[PERSON_9_cccc][PERSON_1_dddd]"]
)
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "verdict": st.sampled_from(["permit", "refuse"]),
        "entities": st.sampled_from([{}, {"JP_MY_NUMBER": 1}]),
        "model_requested": st.sampled_from(["a", "b"]),
        "quota": st.sampled_from(["within", "near", "over"]),
        "drill": st.sampled_from(["D-1"]),
        "is_test": st.booleans(),
    },
)


@st.composite
def histories(draw: st.DrawFn) -> list[Seen]:
    days = Days()
    made = []
    for _ in range(draw(st.integers(1, 25))):
        if draw(st.booleans()):
            made.append(days.asked(draw(TEXTS), person=draw(PEOPLE), after=draw(AFTER), **draw(ASKED)))
        else:
            cost = draw(st.sampled_from(["1.500000", "4.000000", None]))
            served = draw(st.sampled_from(["a-1", "a-2"]))
            kind = draw(st.sampled_from(["answered", "failed"]))
            facts = {
                "model_asked": "a",
                "model_served": served,
                "cost_yen": cost,
                "reason": "upstream_timeout",
            }
            made.append(days.ended(kind, after=draw(AFTER), **facts))
    return made


@settings(max_examples=100, deadline=None)
@given(whole=histories(), cuts=st.lists(st.integers(0, 25), max_size=6))
def test_any_split_of_looks_raises_the_same_alerts(whole: list[Seen], cuts: list[int]) -> None:
    once, often = Book(TERMS), Book(TERMS)
    once.look(whole)
    for look in parts(whole, cuts):
        often.look(look)
    assert often.alerts == once.alerts and often.tallies == once.tallies and often.items == once.items


@settings(max_examples=60, deadline=None)
@given(whole=histories(), cut=st.integers(0, 25), more=st.integers(0, 25))
def test_what_is_counted_again_after_a_crash_has_the_same_ids(whole: list[Seen], cut: int, more: int) -> None:
    """The look that was lost may have seen less than the one that follows."""
    lost = Book(TERMS).look(whole[:cut])
    again = Book(TERMS).look(whole[: cut + more])
    assert [one.id for one in again[: len(lost)]] == [one.id for one in lost]
