"""Once: what several recognisers ask about the same page is reckoned once, and forgotten with the page."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from redaction.page import Page

T = TypeVar("T")


def once(reckon: Callable[[Page], T]) -> Callable[[Page], T]:
    """The same function; its answer for a page is kept as long as the page, and no longer."""
    known: WeakKeyDictionary[Page, T] = WeakKeyDictionary()

    @wraps(reckon)
    def answer(page: Page) -> T:
        if page not in known:
            known[page] = reckon(page)
        return known[page]

    return answer
