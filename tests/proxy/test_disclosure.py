"""The sentence that a document carries when AI helped to write it."""

import json
from datetime import date

import pytest

from audit.model import Record
from audit.query import Shown
from policies.model import LABEL
from proxy.disclosure import NoText, era, label_of


def shown(kind: str = "answered", operation: str = "chat", **answered: object) -> Shown:
    def record(kind: str, body: object, at: str) -> Record:
        return Record("w", 0, at, kind, "01KB0", json.dumps(body), None, "h")  # type: ignore[arg-type]

    asked = record("asked", {"operation": operation, "model_requested": "gpt-5-mini"}, "2026-11-27T14:59:00Z")
    return Shown(asked, record(kind, answered, "2026-11-27T15:00:01Z"), None, None)


@pytest.mark.requirement("R36")
def test_it_names_the_model_the_day_in_japan_and_the_exchange() -> None:
    label = label_of(shown(), LABEL)
    assert label.says.ja == f"{LABEL.ja}(生成AI: gpt-5-mini、令和8年11月28日、番号: 01KB0)"
    assert label.says.en.endswith("(AI: gpt-5-mini, 2026-11-28, id: 01KB0)")


def test_the_model_is_the_one_that_answered() -> None:
    assert label_of(shown(model_asked="gpt-5"), LABEL).model == "gpt-5"


@pytest.mark.parametrize(
    ("kind", "operation"), [("refused", "chat"), ("failed", "chat"), ("answered", "embeddings")]
)
def test_where_nobody_was_given_a_text_there_is_no_label(kind: str, operation: str) -> None:
    with pytest.raises(NoText):
        label_of(shown(kind, operation), LABEL)


def test_the_first_year_of_reiwa_has_a_name_of_its_own() -> None:
    assert (era(date(2019, 5, 1)), era(date(2027, 3, 31))) == ("令和元年5月1日", "令和9年3月31日")
