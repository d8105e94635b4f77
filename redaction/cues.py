"""Cue words: whether what stands near a number says what the number is. Pure functions."""

import re

from redaction.page import Page


def before(text: str, start: int, cue: "re.Pattern[str]", reach: int = 24) -> bool:
    """Whether a cue stands at most ``reach`` characters before ``start``, and no sentence between."""
    near = text[max(0, start - reach) : start]
    return cue.search(near[near.rfind("。") + 1 :]) is not None


def after(text: str, end: int, cue: "re.Pattern[str]", reach: int = 12) -> bool:
    """Whether a cue stands at most ``reach`` characters after ``end`` in the same line."""
    return cue.search(text[end : end + reach].partition("\n")[0]) is not None


def under(page: Page, start: int, end: int, heading: "re.Pattern[str]") -> bool:
    """Whether the characters stand in a table under a heading that holds the cue."""
    from bisect import bisect_right

    index = bisect_right(page.cells, (start, len(page.text)), key=lambda cell: (cell.begin, cell.end)) - 1
    if index < 0:
        return False
    cell = page.cells[index]
    return cell.begin <= start and end <= cell.end and heading.search(cell.heading) is not None
