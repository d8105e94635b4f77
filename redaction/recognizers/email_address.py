"""E-mail addresses. Never asks a list of top-level domains: any ending of two or more letters will do."""

import re
from collections.abc import Iterable

from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

# The look-behind lets a run of letters be tried once, from its first letter: linear on any text.
_START = r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9_%+\-][A-Za-z0-9._%+\-]*+"
_ADDRESS = re.compile(rf"{_START}@(?:[A-Za-z0-9\-]+\.)+[A-Za-z]{{2,24}}(?![A-Za-z0-9])")
# As a scanner spaces it, as it is spoken, and as people write it to hide it from programs.
_APART = re.compile(
    rf"{_START} ?(?:@|アットマーク|アット|\(at\)|\[at\]|\(@\)|■) ?"
    r"(?:[A-Za-z0-9\-]+ ?(?:\.|ドット|\(dot\)|\[dot\]) ?){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)


class EmailRecognizer(Recognizer):
    """taro@example.jp, also where it touches Japanese letters, and full-width; taro アットマーク example.jp."""

    kind = "EMAIL_ADDRESS"
    ja = "メールアドレス"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _ADDRESS.finditer(page.text):
            yield Hit(*match.span(), 0.95, "pattern")
        for match in _APART.finditer(page.text):
            yield Hit(*match.span(), 0.8, "pattern")
