"""旅券番号: two letters and seven digits in Japan, eight or nine letters and digits elsewhere.

The Japanese form is taken wherever a page speaks of passports or residence cards; a foreign one only
beside the word.
"""

from collections.abc import Iterable

from redaction.cues import Labelled, spaced
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_EDGE = "(?<![0-9A-Za-z-])"
_END = "(?![0-9A-Za-z])(?!-[0-9])"
_NUMBER = Labelled(
    spaced(("旅券番号", "旅券", "パスポート番号", "パスポート", "渡航文書"))
    + "|(?:[Pp]assport|PASSPORT)(?: (?:[Nn]umber|[Nn]o\\.?))?",
    rf"{_EDGE}(?:[A-Z]{{1,2}} ?[0-9]{{7,8}}|(?=[A-Z]{{0,2}}[0-9])(?=[A-Z0-9]*[0-9]{{2}})[A-Z0-9]{{8,9}}){_END}",
    own=rf"{_EDGE}(?:[A-Z]{{2}} ?[0-9]{{7}}|[A-Z][0-9]{{7,8}}[A-Z]?){_END}",
)


class PassportRecognizer(Recognizer):
    """旅券番号 TK3920471; PA0448216 in a list of passports."""

    kind = "JP_PASSPORT"
    ja = "旅券番号"

    def find(self, page: Page) -> Iterable[Hit]:
        return _NUMBER.find(page)
