"""What the laws are drawn from: how often each is tried, cuts, JSON as programs write it, a vault of persons."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.model import Permit
from redaction.model import Finding
from redaction.vault import Vault, caller_key

PERMIT = Permit((), (), frozenset(), (), "test", "digest")
SECRET = caller_key(b"secret", "demo")


def law(few: int, many: int, **given_: Any) -> Callable[[Callable[..., None]], Callable[[int], None]]:
    """A property that is tried ``few`` times in `make test`, and ``many`` times in `make test-long`."""

    def told(holds: Callable[..., None]) -> Callable[[int], None]:
        @pytest.mark.parametrize("times", [few, pytest.param(many, marks=pytest.mark.long)])
        def test(times: int) -> None:
            slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
            tried = settings(
                max_examples=times, deadline=None, suppress_health_check=slow, report_multiple_bugs=False
            )
            tried(given(**given_)(holds))()

        test.__name__, test.__doc__ = holds.__name__, holds.__doc__
        return test

    return told


def cut(text: Any, data: st.DataObject, most: int = 8) -> list[Any]:
    """Text or bytes in pieces, some of them empty."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=most), label="cuts"))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def filled(names: Sequence[str]) -> tuple[Vault, list[str]]:
    """A vault of these persons, and their placeholders."""
    vault = Vault(SECRET)
    whole = [[Finding("PERSON", 0, len(name), 1.0, "test", "cue")] for name in names]
    return vault, [vault.mask(n, found, lambda _: True) for n, found in zip(names, whole, strict=True)]


def wide(text: str) -> str:
    """As a model that writes Japanese may write a placeholder."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


NAMES = ("山田太郎", "田中花子", '佐藤"次郎"\n', "O'Neil\\", "[PERSON_1_aaaa]")
VAULT, PLACEHOLDERS = filled(NAMES)
FOREIGN = filled(("鈴木一郎", "高橋和子"))[1]

EASY = st.text("ab山田 ", max_size=5)
BEGINS_LIKE_JSON = re.compile(r'\s*(?:\{\s*"|\[\s*["{\[0-9tfn-])')
"""What begins as JSON inside JSON is taken for JSON: of a reply that is not over, no more can be known."""


def written(values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Values as programs write JSON: with and without escapes, on one line or many."""
    return st.builds(
        lambda value, plain, indent: json.dumps(value, ensure_ascii=not plain, indent=indent),
        values,
        st.booleans(),
        st.sampled_from([None, 2]),
    )
