"""番号 that a city gives to its people: 宛名番号, 世帯番号, 受給者番号, 納付番号, お客様番号 …

They have no common shape and no check digit: what they are called is all there is to go by. The names
stand in ``municipal_cues.txt``, where a city adds its own.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from redaction.cues import NUMBER, Labelled, spaced
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

CUES = Path(__file__).parents[1] / "municipal_cues.txt"

_ENGLISH = r"(?<![A-Za-z_])(?:uid|user_?id|login_?id|emp_?(?:no|id)|shokuin_?(?:no|id)|setai_?(?:no|id)|kojin_?id|jukyusha_?no)(?=[\"' ]{0,2}[:=])|(?:notice|[Nn]otification|reference|[Rr]ef\.?|customer|account|application|case) ?\((?=[Nn]o)|atena_no|(?:customer|member|staff|employee)_?(?:no|id)(?![a-z])"


def _names() -> Iterator[str]:
    for line in CUES.read_text("utf-8").splitlines():
        word = line.strip()
        if word and not word.startswith("#"):
            yield word


def _cues() -> str:
    """The names as one pattern; 会員番号 is also written 会員No. and 会員ID."""
    names = sorted(_names(), key=lambda word: (-len(word), word))
    stems = [word.removesuffix("番号") for word in names if word.endswith("番号")]
    first = "".join(sorted({word[0] for word in names}))  # most letters begin none of them: quick
    return f"(?=[{first}])(?:(?:{spaced(stems)}) ?(?:番 ?号|[Nn][Oo]\\.?|ID|id|Id)|{spaced(names)})"


class MunicipalIdRecognizer(Recognizer):
    """宛名番号 0055182930, 納付番号：2024-0071-5583, お客様番号がですね三三〇一の七七二."""

    kind = "JP_MUNICIPAL_ID"
    ja = "自治体の番号(宛名番号など)"

    def __init__(self) -> None:
        super().__init__()
        self._number = Labelled(f"{_cues()}|{_ENGLISH}", NUMBER)

    def find(self, page: Page) -> Iterable[Hit]:
        return self._number.find(page)
