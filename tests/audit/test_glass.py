"""Breaking the glass: two persons of two roles, one exchange, one incident, for a while; every state from the records."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import glass
from audit.glass import ANSWERED_WITHIN, Grant, NotOpened, grants_of
from audit.model import Draft, Record
from audit.names import moment
from audit.readers import NOBODY, SIGHTS, NotForThem, Reader, reader_of
from audit.wording import BadWording

NOW = datetime.fromisoformat("2026-11-23T05:00:00+00:00")
CARD: dict[str, Any] = {
    "exchange": "01X",
    "person": "012345",
    "department": "都市創造部",
    "section": "道路課",
}
CSIRT, CIO = (
    reader_of("100001", "csirt_reviewer", "総務部", "IT課"),
    reader_of("100002", "cio_advisor", "", ""),
)
WHY = "申立ての確認のため"


@contextmanager
def not_opened(code: str) -> Iterator[None]:
    with pytest.raises(NotOpened) as fault:
        yield
    assert fault.value.code == code and fault.value.ja and fault.value.en


def requested(reader: Reader = CSIRT, **more: Any) -> tuple[Grant, Draft]:
    given: dict[str, Any] = {"card": CARD, "incident": "INC-2026-014", "reason": WHY, "hours": 2, "now": NOW}
    return glass.asked(reader, **given | more)


def record(draft: Draft, number: int, at: datetime) -> Record:
    return Record("w", number, moment(at), draft.kind, None, json.dumps(draft.body), None, "")


@pytest.mark.requirement("R46")
def test_what_two_persons_of_two_roles_agree_on_is_open_for_its_time_and_no_longer() -> None:
    grant, _ = requested()
    with not_opened("waiting"):
        glass.demand_view(CSIRT, grant, "01X", "INC-2026-014", NOW)
    given, draft = glass.allowed(CIO, grant, NOW + timedelta(minutes=5))
    assert draft.body["until"] == moment(NOW + timedelta(hours=2, minutes=5))
    glass.demand_view(CSIRT, given, "01X", "INC-2026-014", NOW + timedelta(hours=2))
    with not_opened("over"):
        glass.demand_view(CSIRT, given, "01X", "INC-2026-014", NOW + timedelta(hours=2, minutes=5))


@pytest.mark.requirement("R46")
@pytest.mark.parametrize(
    ("reader", "code"),
    [
        (replace(CIO, person=CSIRT.person), "same_person"),
        (replace(CIO, person="012345"), "same_person"),
        (replace(CIO, role="csirt_reviewer"), "same_role"),
    ],
)
def test_the_second_person_is_another_of_another_role(reader: Reader, code: str) -> None:
    grant, _ = requested()
    with not_opened(code):
        glass.allowed(reader, grant, NOW)


@pytest.mark.requirement("R9", "R46")
def test_nobody_else_asks_or_allows() -> None:
    grant, _ = requested()
    for role in {*SIGHTS, "operator", "staff_member"}:
        reader = reader_of("200000", role, "部", "課")
        if "seek_originals" not in reader.sights:
            with pytest.raises(NotForThem):
                requested(reader)
        if "allow_originals" not in reader.sights:
            with pytest.raises(NotForThem):
                glass.allowed(reader, grant, NOW)
    with pytest.raises(NotForThem):
        requested(NOBODY)
    with not_opened("own"):
        requested(replace(CSIRT, person="012345"))


@pytest.mark.requirement("R46")
def test_it_opens_for_who_asked_for_this_exchange_and_this_incident_alone() -> None:
    grant, _ = glass.allowed(CIO, requested()[0], NOW)
    with not_opened("not_yours"):
        glass.demand_view(replace(CSIRT, person="100003"), grant, "01X", "INC-2026-014", NOW)
    for exchange, incident in (("01Y", "INC-2026-014"), ("01X", "INC-2026-015"), ("01X", None)):
        with not_opened("another"):
            glass.demand_view(CSIRT, grant, exchange, incident, NOW)


@pytest.mark.requirement("R46")
def test_who_is_no_reviewer_any_more_opens_nothing() -> None:
    grant, _ = glass.allowed(CIO, requested()[0], NOW)
    with pytest.raises(NotForThem):
        glass.demand_view(reader_of(CSIRT.person, "staff_member", "", ""), grant, "01X", "INC-2026-014", NOW)


@pytest.mark.parametrize(
    "more",
    [
        {"incident": None}, {"incident": ""}, {"incident": "山田の件"}, {"incident": "123456789018"}, {"reason": " "},
        {"reason": "個人番号123456789018の件"}, {"reason": "あ" * 501},
    ],
)  # fmt: skip
def test_without_an_incident_and_a_reason_nothing_is_asked_for(more: dict[str, Any]) -> None:
    with pytest.raises(BadWording):
        requested(**more)


@pytest.mark.parametrize("hours", [0, 9, -1])
def test_nothing_stays_open_longer_than_a_working_day(hours: int) -> None:
    with not_opened("hours"):
        requested(hours=hours)


def test_an_answer_is_given_once_and_in_time() -> None:
    grant, _ = requested()
    given, _ = glass.allowed(CIO, grant, NOW)
    for answer in (lambda: glass.allowed(CIO, given, NOW), lambda: glass.refused(CIO, given, WHY, NOW)):
        with not_opened("answered"):
            answer()
    with not_opened("over"):
        glass.allowed(CIO, grant, NOW + ANSWERED_WITHIN)
    no, _ = glass.refused(CIO, grant, WHY, NOW)
    with not_opened("over"):
        glass.demand_view(CSIRT, no, "01X", "INC-2026-014", NOW)


def test_either_of_the_two_ends_it_early_and_nobody_else() -> None:
    given, _ = glass.allowed(CIO, requested()[0], NOW)
    with not_opened("not_yours"):
        glass.closed(replace(CIO, person="9"), given, NOW)
    for reader in (CSIRT, CIO):
        assert glass.closed(reader, given, NOW)[0].state(NOW) == "closed"


@given(st.permutations(range(4)), st.integers(0, 5))
def test_the_records_tell_the_state_in_whatever_order_they_are_read(order: list[int], views: int) -> None:
    grant, first = requested()
    given, second = glass.allowed(CIO, grant, NOW + timedelta(minutes=1))
    ended, third = glass.closed(CSIRT, given, NOW + timedelta(minutes=9))
    look = Draft(
        "viewed", None, {"what": "original", "filters": {"grant": grant.id, "exchange": "01X"}, "rows": 1}
    )
    drafts = [(first, 0), (second, 1), *((look, 2 + n) for n in range(views)), (third, 9)]
    records = [record(draft, n, NOW + timedelta(minutes=at)) for n, (draft, at) in enumerate(drafts, start=1)]
    mixed = list(itertools.chain.from_iterable(records[part::4] for part in order))
    assert grants_of(mixed) == {grant.id: replace(ended, views=views)}


@pytest.mark.requirement("R46")
def test_the_head_of_the_section_is_told_once_and_nobody_else_is() -> None:
    grant, _ = requested()
    head = reader_of("100009", "section_head", "都市創造部", "道路課")
    assert glass.told(head, grant) is None, "nothing was opened yet"
    given, allowed = glass.allowed(CIO, grant, NOW)
    for other in (
        reader_of("100008", "section_head", "総務部", "道路課"),
        reader_of("100008", "section_manager", "都市創造部", "道路課"),
        CSIRT, CIO, NOBODY,
    ):  # fmt: skip
        assert glass.told(other, given) is None
    draft = glass.told(head, given)
    assert draft is not None and draft.body["event"] == "glass.told"
    _, asking = requested()
    asking = replace(asking, body={**asking.body, "grant": grant.id})
    records = [
        record(one, n, NOW + timedelta(minutes=n)) for n, one in enumerate((asking, allowed, draft, draft))
    ]
    (known,) = grants_of(reversed(records)).values()
    assert (known.told_to, known.told_at) == ("100009", NOW + timedelta(minutes=2)), "the first time counts"
    assert glass.told(head, known) is None
