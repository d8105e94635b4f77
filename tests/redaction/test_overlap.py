"""Whatever is settled, no found character is uncovered."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from redaction.model import IRREVERSIBLE, Finding
from redaction.overlap import join, settle
from redaction.recognizers import kinds

FINDINGS = st.lists(
    st.builds(
        lambda label, start, length, score: Finding(label, start, start + length, score, "test", "pattern"),
        st.sampled_from(sorted(kinds())),
        st.integers(0, 30),
        st.integers(1, 8),
        st.sampled_from([0.4, 0.6, 0.9]),
    ),
    max_size=12,
)


def _covered(findings):
    return {place for finding in findings for place in range(finding.start, finding.end)}


@given(FINDINGS)
def test_what_was_covered_stays_covered_and_nothing_else_is(findings):
    assert _covered(settle(findings)) == _covered(findings)


@given(FINDINGS)
def test_settled_findings_are_sorted_and_do_not_overlap(findings):
    settled = settle(findings)

    assert all(a.end <= b.start for a, b in pairwise(settled))


@given(FINDINGS, st.randoms())
def test_the_order_of_opinions_changes_nothing(findings, chance):
    shuffled = list(findings)
    chance.shuffle(shuffled)

    assert [(f.label, f.start, f.end) for f in settle(shuffled)] == [
        (f.label, f.start, f.end) for f in settle(findings)
    ]


@given(FINDINGS)
def test_an_irreversible_kind_is_never_renamed(findings):
    settled = settle(findings)

    for finding in findings:
        if finding.label in IRREVERSIBLE:
            (union,) = [s for s in settled if s.start <= finding.start and finding.end <= s.end]
            assert union.label in IRREVERSIBLE


def test_the_longest_names_the_union():
    address = Finding("JP_ADDRESS", 0, 12, 0.5, "address", "pattern")
    person = Finding("PERSON", 10, 14, 0.9, "person", "context")

    assert settle([person, address]) == (Finding("JP_ADDRESS", 0, 14, 0.5, "address", "pattern"),)


def test_spans_that_only_touch_stay_two():
    surname = Finding("PERSON", 0, 2, 0.9, "person", "context")
    phone = Finding("PHONE_NUMBER", 2, 12, 0.9, "phone", "pattern")

    assert settle([phone, surname]) == (surname, phone)


def test_whoever_saw_the_place_explains_it_better_than_a_repeat():
    seen = Finding("JP_MY_NUMBER", 0, 12, 0.6, "my_number", "checksum")
    again = Finding("JP_MY_NUMBER", 0, 12, 0.6, "repeats", "repeat")

    assert settle([again, seen]) == (seen,)


@given(FINDINGS, st.integers(1, 5))
def test_joined_piece_by_piece_is_settled_at_once(findings, size):
    every = sorted(findings, key=lambda finding: finding.start)
    joined = []
    for at in range(0, len(every), size):
        join(joined, every[at : at + size])

    assert [(f.start, f.end) for f in joined] == [(f.start, f.end) for f in settle(findings)]
    assert _covered(joined) == _covered(findings)
