"""Words cover their text, and every thread may ask."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redaction.nlp import SudachiEngine
from redaction.windows import cut, windows


@pytest.fixture(scope="module")
def engine():
    made = SudachiEngine()
    made.load()
    return made


@given(st.text(alphabet="山田さん、。\n 1aｱ\ud800\x00😀", max_size=80))
@settings(max_examples=60)
def test_words_cover_the_text_in_order(engine, text):
    words = list(engine.words(text))

    assert [word.begin for word in words] == [0, *[word.end for word in words]][: len(words)]
    assert (words[-1].end if words else 0) == len(text)


def test_a_text_beyond_the_tokenisers_limit_is_read_whole(engine):
    text = "あ" * 60_000

    assert sum(word.end - word.begin for word in engine.words(text)) == 60_000


def test_an_old_form_of_a_kanji_is_read_in_the_modern_one(engine):
    assert [(word.text, word.end) for word in engine.words("髙橋様")] == [("高橋", 2), ("様", 3)]
    assert "surname" in engine.readings("渡邊")


def test_threads_read_side_by_side(engine):
    texts = [f"{number}番の山田太郎さん。" * 50 for number in range(16)]
    alone = [list(engine.words(text)) for text in texts]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: list(engine.words(text)), texts)) == alone


@given(st.text(alphabet="あ。\n、 a", max_size=300), st.integers(2, 40))
def test_pieces_lie_end_to_end_and_are_never_too_long(text, size):
    at = 0
    while at < len(text):
        end = cut(text, at, size)
        assert at < end <= min(at + size, len(text))
        at = end


def test_windows_cover_the_text_and_look_back():
    text = "市民の皆様へ。\n" * 2_000

    seen = list(windows(text))

    assert [start for _, start, _ in seen] == [0, *[end for _, _, end in seen[:-1]]]
    assert seen[-1][2] == len(text)
    assert all(back < start for back, start, _ in seen[1:])


@pytest.mark.parametrize("block", range(0x20, 0x10000, 0x800))
def test_words_cover_every_character_there_is(engine: SudachiEngine, block: int) -> None:
    text = "".join(f"は{chr(code)}と" for code in range(block, block + 0x800))
    words = list(engine.words(text))
    assert all(word.begin < word.end for word in words)
    assert [word.begin for word in words[1:]] == [word.end for word in words[:-1]]
    assert (words[0].begin, words[-1].end) == (0, len(text))
