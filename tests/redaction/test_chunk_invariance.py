"""What an outside judge, chunk-invariance, says of our streams: the same however the text is cut, nothing let through.

It is told what the whole text must become, so that it also sees what a filter forgets at the end of the stream.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence

import pytest
from chunk_invariance import assert_chunk_invariant, from_async, per_chunk

from proxy.kinds import PIECE, SCRIPT, Kind
from proxy.uttered import Uttered
from redaction.model import Finding
from redaction.restore import Restorer, restore
from redaction.vault import Vault, caller_key

NAMES = ("山田太郎", '佐藤"次郎"\n', "O'Neil\\")
VAULT = Vault(caller_key(b"secret", "demo"))
FIRST, SECOND, THIRD = (
    VAULT.mask(name, [Finding("PERSON", 0, len(name), 1.0, "test", "cue")], lambda _: True) for name in NAMES
)
WIDE = "".join(chr(ord(letter) + 0xFEE0) for letter in FIRST)


@pytest.mark.parametrize("parts", [2, pytest.param(3, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "text",
    [
        f"担当は{FIRST}と{SECOND}です。",
        f"{FIRST}{SECOND}{THIRD}",
        f"{WIDE}、[PERSON_9_aaaa]、[PERSON_1_{FIRST}",
        f"[[{FIRST}]] [1] {SECOND[:-1]}",
        f'{{"to": "{SECOND}", "body": "{{\\"cc\\": \\"{THIRD}\\"}}"}}',
    ],
)
@pytest.mark.parametrize("in_json", [False, True])
def test_values_are_put_back_alike_at_every_cut(text: str, in_json: bool, parts: int) -> None:
    stream = per_chunk(
        lambda piece, restorer: restorer.feed(piece),
        state=lambda: Restorer(VAULT, in_json),
        flush=lambda restorer: restorer.flush(),
    )
    assert (
        assert_chunk_invariant(stream, lambda whole: restore(whole, VAULT, in_json), text, splits=parts) > 1
    )


_KNOWN = re.compile(
    r"(?P<PHONE_NUMBER>0\d{1,3}-\d{2,4}-\d{4})|(?P<EMAIL_ADDRESS>[a-z.]+@[a-z.]+)|(?P<CREDENTIAL>sk-[A-Za-z0-9]{16,})"
)


class PatternDetector:
    """Finds by pattern: what is found in a text depends on the text alone."""

    async def find_each(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        return [
            tuple(
                Finding(m.lastgroup or "", m.start(), m.end(), 1.0, "test", "pattern")
                for m in _KNOWN.finditer(text)
            )
            for text in texts
        ]


def masked(text: str) -> str:
    """What a whole text must become: every identifier its kind, and nothing else touched."""
    return _KNOWN.sub(lambda found: f"[{found.lastgroup}]", text)


@pytest.mark.parametrize("parts", [2, pytest.param(3, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("電話は090-1234-5678、メールはa.b@example.jpへ。", PIECE),
        ("鍵 sk-abcdefghij0123456789です。[PERSON_1_k7q2]様", PIECE),
        ('{"電話":"072-674-7111","n":1,"a":["a.b@example.jp"]}', SCRIPT),
    ],
)
@pytest.mark.parametrize("names_too", [False, True])
def test_what_the_model_utters_is_masked_alike_at_every_cut(
    text: str, kind: Kind, names_too: bool, parts: int
) -> None:
    async def passed(pieces: AsyncIterable[str]) -> AsyncIterator[str]:
        sieve = Uttered(PatternDetector(), "x", names_too=names_too).sieve(kind)  # type: ignore[arg-type]
        async for piece in pieces:
            yield await sieve.feed(piece)
        yield await sieve.flush()

    assert assert_chunk_invariant(from_async(passed), masked, text, splits=parts) > 1
