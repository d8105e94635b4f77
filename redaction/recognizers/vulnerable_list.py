"""Lists of persons who will need help in a disaster: 避難行動要支援者名簿 and tables of persons with 避難先 and
支援者. The list as such is found (its title, and where each person is to be brought), beside the names,
addresses and degrees of care that other recognisers find. A page that only speaks of such lists is free.
"""

import re
from collections.abc import Iterable
from typing import Any

from redaction.facts.near import People
from redaction.facts.told import MAYBE, TOLD
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_TITLE = re.compile(
    r"(?:避難行動)?要(?:支援|援護)者(?:名簿|台帳|リスト|一覧表?)|災害時要(?:支援|援護)者(?:名簿|台帳|リスト|一覧表?|登録(?:者|票|申請書))?"
    r"|(?:災害時)?個別(?:避難|支援)計画(?:書)?|(?:避難|安否確認)支援(?:対象)?者(?:名簿|リスト|一覧表?)|見守り対象者(?:名簿|リスト|一覧表?)"
)
_ABOUT = re.compile(
    r"の(?:作成(?:率|状況|に|を|件数)|提供(?:に|を)|制度|あり方|概要|更新(?:について|を行)|同意率)|制度|作成(?:率|件数|事業)|とは|に関する|条例|について"
)
_CELL = re.compile(
    r"^(?:避難先|避難場所|避難所|避難支援(?:者|等関係者)|避難経路|必要な支援|支援内容|移動手段|避難方法|災害時の配慮)$"
)
_NOTHING = re.compile(r"(?:な[しい]|無|未定|不明|同上|-+|ー+|―+|[0-9]+)")
_REACH = 1_000
_FEWEST = 2


class VulnerableListRecognizer(Recognizer):
    """避難行動要支援者名簿 above persons; the cells under 避難先 in a table of persons."""

    kind = "JP_VULNERABLE_LIST"
    ja = "要支援者名簿"

    def find(self, page: Page) -> Iterable[Hit]:
        for match in _TITLE.finditer(page.text):
            if not _ABOUT.match(page.text, match.end()):
                yield Hit(*match.span(), MAYBE, "context")
        for cell in page.cells:
            if _CELL.match(cell.heading) and not _NOTHING.fullmatch(page.text[cell.begin : cell.end]):
                yield Hit(cell.begin, cell.end, MAYBE, "cue")

    def enhance_using_context(self, text: str, raw_recognizer_results: list[Any], other_raw_recognizer_results: list[Any],
                              nlp_artifacts: Any, context: list[str] | None = None) -> list[Any]:  # fmt: skip
        """A title counts above at least two findings about somebody, a cell in a row with somebody."""
        if not raw_recognizer_results:
            return []
        people = People(text, other_raw_recognizer_results)
        kept = [found for found in raw_recognizer_results if _listed(people, found)]
        for found in kept:
            found.score = max(found.score, TOLD)
        return kept


def _listed(people: People, found: Any) -> bool:
    if _TITLE.fullmatch(people.text, found.start, found.end):
        return people.count(found.end, found.end + _REACH) >= _FEWEST
    return people.in_line(found.start, found.end)
