"""Facts the law calls 要配慮個人情報 (個人情報保護法2条3項): illness, disability, care, public assistance,
crime, belief, descent, results of check-ups. Only where they are told of somebody who can be known from
the text; programme text about the same words is free.
"""

from collections.abc import Iterable
from typing import Any

from redaction.facts.illness import illnesses
from redaction.facts.labels import labelled
from redaction.facts.status import statuses
from redaction.facts.told import MAYBE, told
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer
from redaction.tagger.tagger import doubted

_DOUBT = 0.003
"""The trained tagger knows programme texts too: what it is this sure of is nobody's."""


class SensitiveRecognizer(Recognizer):
    """統合失調症で通院中, 要介護3, 生活保護を受給, 身体障害者手帳2級: beside a person."""

    kind = "JP_SENSITIVE"
    ja = "要配慮個人情報"

    def find(self, page: Page) -> Iterable[Hit]:
        for start, end in {*illnesses(page.text), *statuses(page.text), *labelled(page.text, page.cells)}:
            if not doubted(page, start, end, _DOUBT):
                yield Hit(start, end, MAYBE, "context")

    def enhance_using_context(self, text: str, raw_recognizer_results: list[Any], other_raw_recognizer_results: list[Any],
                              nlp_artifacts: Any, context: list[str] | None = None) -> list[Any]:  # fmt: skip
        """Presidio's second door, where the findings of the others are known."""
        return told(text, raw_recognizer_results, other_raw_recognizer_results)
