"""Persons protected from others: 支援措置, DV, 虐待, a shelter, an address kept secret. Only in a text about
somebody; what a notice says about the same words is free.
"""

from collections.abc import Iterable
from typing import Any

from redaction.facts.protection import protections
from redaction.facts.told import MAYBE, told
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer


class ProtectedPersonRecognizer(Recognizer):
    """支援措置あり, DV避難中, 身体的虐待の疑い: in a text about somebody."""

    kind = "JP_PROTECTED_PERSON"
    ja = "支援措置・虐待等の保護"

    def find(self, page: Page) -> Iterable[Hit]:
        for start, end in protections(page.text):
            yield Hit(start, end, MAYBE, "context")

    def enhance_using_context(self, text: str, raw_recognizer_results: list[Any], other_raw_recognizer_results: list[Any],
                              nlp_artifacts: Any, context: list[str] | None = None) -> list[Any]:  # fmt: skip
        """Presidio's second door, where the findings of the others are known."""
        return told(text, raw_recognizer_results, other_raw_recognizer_results, titles=True)
