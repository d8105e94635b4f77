"""What a reviewer makes of an exchange: by whom, with what, and that the catalogue knows the last word."""

from datetime import date
from typing import Any

import pytest

from audit.catalogue.question import Question, Reach
from audit.dispositions import DISPOSITIONS, BadDisposition, disposition
from audit.ledger import Ledger
from audit.readers import SIGHTS, NotForThem, reader_of
from audit.wording import BadWording
from tests.audit.catalogue.test_finding import ask
from tests.audit.searched import search

CSIRT = reader_of("100001", "csirt_reviewer", "総務部", "IT課")
CARD: dict[str, Any] = {"exchange": "01X", "person": "012345"}
TODAY = date(2026, 11, 23)
FITTING: dict[str, dict[str, Any]] = {
    "false_alarm": {}, "guidance": {}, "incident": {"incident": "INC-7"}, "exception": {"until": TODAY},
}  # fmt: skip


@pytest.mark.parametrize("made", DISPOSITIONS)
def test_each_is_a_record_that_says_who_and_why(made: Any) -> None:
    draft = disposition(CSIRT, CARD, made, " 確かめた ", today=TODAY, **FITTING[made])
    assert (draft.kind, draft.exchange) == ("noted", None)
    assert draft.body["by"] == "100001" and draft.body["reason"] == "確かめた"
    assert (draft.body["exchange"], draft.body["subject"]) == ("01X", "012345")


@pytest.mark.parametrize(
    ("made", "more"),
    [
        ("incident", {}), ("guidance", {"incident": "INC-7"}), ("exception", {}), ("guidance", {"until": TODAY}),
        ("exception", {"until": date(2026, 11, 22)}),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(made: Any, more: dict[str, Any]) -> None:
    with pytest.raises(BadDisposition):
        disposition(CSIRT, CARD, made, "確かめた", today=TODAY, **more)


@pytest.mark.requirement("R9")
def test_reviewers_alone_say_what_to_make_of_it_and_never_of_their_own(ledger: Ledger) -> None:
    for role in {*SIGHTS, "operator", "staff_member"} - {"csirt_reviewer"}:
        with pytest.raises(NotForThem):
            disposition(reader_of("1", role, "部", "課"), CARD, "guidance", "確かめた", today=TODAY)
    with pytest.raises(BadDisposition, match="自分"):
        disposition(reader_of("012345", "csirt_reviewer", "", ""), CARD, "guidance", "確かめた", today=TODAY)
    with pytest.raises(BadWording):
        disposition(CSIRT, CARD, "guidance", None, today=TODAY)


def test_the_last_word_counts_and_the_record_of_the_exchange_stays(ledger: Ledger) -> None:
    one = ask(ledger)

    def find(**asked: Any) -> Any:
        return search(ledger.address, Question(**asked), Reach.everything())

    (card,) = find(reviewed=False).cards
    ledger.append_now(disposition(CSIRT, card, "incident", "漏えいの疑い", incident="INC-7", today=TODAY))
    (card,) = find(incident="INC-7", disposition="incident").cards
    assert card["exchange"] == one and find(reviewed=False).total == 0
    ledger.append_now(disposition(CSIRT, card, "false_alarm", "架空の人", today=TODAY))
    (card,) = find(reviewed=True).cards
    assert (card["disposition"], card["incident"]) == ("false_alarm", None)
