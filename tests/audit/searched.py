"""One search of a ledger, for tests that need no more."""

from audit.address import Address
from audit.catalogue.finding import looking
from audit.catalogue.pages import Found
from audit.catalogue.question import Question, Reach


def search(
    ledger: Address, question: Question, reach: Reach, limit: int = 50, cursor: str | None = None
) -> Found:
    with looking(ledger) as look:
        return look.search(question, reach, limit, cursor)
