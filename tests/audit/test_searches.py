"""Searches that are kept: what is asked later is what was kept, whoever drops one is whoever keeps it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.catalogue.question import BadQuestion, Question, TooShort
from audit.catalogue.severity import SEVERITIES
from audit.model import Draft, Record
from audit.names import moment
from audit.readers import NotForThem, at_the_terminal, reader_of
from audit.searches import MOST, NotSaved, Saved, dropped, question_of, saved, searches_of
from audit.wording import BadWording

NOW = datetime(2026, 11, 28, 1, tzinfo=UTC)
CSIRT = reader_of("100001", "csirt_reviewer", "総務部", "情報化推進課")
AUDITOR = reader_of("100002", "auditor", "", "")
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
WORDS = st.text(LETTERS, min_size=1, max_size=8)
MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(8999, 1, 1), timezones=st.just(UTC))
NUMBERS = st.none() | st.integers(0, 10**12)
QUESTIONS = st.builds(
    Question,
    since=st.none() | MOMENTS.map(lambda at: at.replace(microsecond=0)),
    until=st.none() | MOMENTS.map(lambda at: at.replace(microsecond=0)),
    person=st.none() | WORDS,
    section=st.none() | WORDS,
    rule=st.none() | WORDS,
    severity=st.sampled_from([None, *SEVERITIES]),
    tokens=st.tuples(NUMBERS, NUMBERS),
    yen=st.tuples(NUMBERS, NUMBERS),
    reviewed=st.sampled_from([None, True, False]),
    with_tests=st.booleans(),
    words=st.lists(st.text("道路給付ab", min_size=2, max_size=8), max_size=3).map(tuple),
)


def record(draft: Draft, number: int) -> Record:
    return Record(
        "w", number, moment(NOW + timedelta(seconds=number)), "noted", None, json.dumps(draft.body), None, ""
    )


def kept(*drafts: Draft) -> dict[str, Saved]:
    return searches_of(record(draft, number) for number, draft in enumerate(drafts))


@given(question=QUESTIONS)
def test_what_a_search_states_is_the_search(question: Question) -> None:
    assert question_of(json.loads(json.dumps(question.stated()))) == question


@given(question=QUESTIONS, days=st.none() | st.integers(1, 3_660), shared=st.booleans())
def test_what_is_asked_later_is_what_was_kept(question: Question, days: int | None, shared: bool) -> None:
    (one,) = kept(saved(CSIRT, "朝の点検", question, {}, days=days, shared=shared)).values()
    later = NOW + timedelta(days=40)
    asked = one.asked(later)
    assert asked.since == (later - timedelta(days=days) if days else question.since)
    assert (asked.until, asked.words, asked.person) == (question.until, question.words, question.person)
    assert (one.name, one.owner, one.shared) == ("朝の点検", "100001", shared)


def test_whoever_keeps_it_drops_it_and_nobody_else() -> None:
    keeping = saved(CSIRT, "朝の点検", Question(rule="P-03"), {}, shared=True)
    (one,) = kept(keeping).values()
    with pytest.raises(NotSaved, match="自分が残した"):
        dropped(AUDITOR, one)
    assert kept(keeping, dropped(CSIRT, one)) == {}
    assert not one.is_of(at_the_terminal("100001")), "a user of the machine is not the person of that number"
    (own,) = kept(saved(at_the_terminal("root"), "点検", Question(), {})).values()
    assert own.is_of(at_the_terminal("root")) and not own.is_of(at_the_terminal("other"))


def test_what_cannot_be_kept_is_said() -> None:
    known = kept(saved(CSIRT, "朝の点検", Question(), {}))
    with pytest.raises(NotSaved, match="同じ名前"):
        saved(CSIRT, " 朝の点検 ", Question(), known)
    saved(AUDITOR, "朝の点検", Question(), known)
    many = kept(*(saved(CSIRT, f"点検{n}", Question(), {}) for n in range(MOST)))
    with pytest.raises(NotSaved, match=str(MOST)):
        saved(CSIRT, "もう一つ", Question(), many)
    wrong: list[Any] = [None, "", "  ", "あ" * 61, "点\x07検", "123456789018"]
    for name in wrong:
        with pytest.raises(BadWording):
            saved(CSIRT, name, Question(), {})
    for role in ("governance_board", "operator", "section_head", "staff_member"):
        with pytest.raises(NotForThem):
            saved(reader_of("1", role, "", ""), "点検", Question(), {})


def test_a_search_of_another_release_is_not_half_asked() -> None:
    with pytest.raises(BadQuestion, match="gone_filter"):
        question_of({"rule": "P-03", "gone_filter": "x"})
    mine, theirs = (saved(CSIRT, name, Question(rule="P-03"), {}) for name in ("点検", "別"))
    theirs.body["filters"]["gone_filter"] = "x"  # type: ignore[index]
    assert [one.name for one in kept(mine, theirs).values()] == ["点検"], "nobody else's is lost"
    with pytest.raises(TooShort):
        saved(CSIRT, "短い", Question(words=("路",)), {})
