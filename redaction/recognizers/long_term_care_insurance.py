"""介護保険の被保険者番号: ten digits beside the word. The insurer's own number (保険者番号) is not personal."""

from collections.abc import Iterable

from redaction.cues import Labelled, spaced
from redaction.digits import EDGE_AFTER, EDGE_BEFORE, WITHIN
from redaction.page import Hit, Page
from redaction.recognizers.base import Recognizer

_NUMBER = Labelled(
    spaced(("被保険者番号", "被保番号", "被保番", "被保険者証", "介護保険番号", "介護保険証", "介護番号"))
    + "|被保険者No",
    rf"{EDGE_BEFORE}[0-9](?:{WITHIN}[0-9]){{9}}{EDGE_AFTER}|{EDGE_BEFORE}H[0-9]{{9}}{EDGE_AFTER}",
)


class LongTermCareInsuranceRecognizer(Recognizer):
    """介護保険 被保険者番号 0003829174."""

    kind = "JP_LONG_TERM_CARE_INSURANCE"
    ja = "介護保険の被保険者番号"

    def find(self, page: Page) -> Iterable[Hit]:
        return _NUMBER.find(page)
