"""A strict search masks what is personal only perhaps, too; the policy asks for it."""

from pathlib import Path

import pytest

from redaction.measure import documents
from redaction.memory import Found, Memory
from redaction.model import Finding

SECOND = Path(__file__).parent.parent / "cases" / "documents" / "tuning" / "second"


def test_a_strict_search_covers_all_that_the_usual_one_does_and_more(detector):
    texts = [document.text for document in documents(SECOND)[:60]]
    usual, strict = ([detector.find_now([text], how)[0] for text in texts] for how in (False, True))

    def places(found):
        return [{at for f in each for at in range(f.start, f.end)} for each in found]

    both = list(zip(places(usual), places(strict), strict=True))
    assert all(less <= more for less, more in both)
    assert any(less < more for less, more in both)


@pytest.mark.parametrize("first", [True, False])
def test_what_is_remembered_of_one_search_is_no_answer_for_the_other(first):
    memory = Memory()
    found = Found((Finding("PERSON", 0, 2, 0.9, "test", "context"),), frozenset())

    memory.keep("山田です", found, first)

    assert memory.recall("山田です", first) == found
    assert memory.recall("山田です", not first) is None
