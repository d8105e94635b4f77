"""Cells are seen under their headings, in any usual form of table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.tables import cells_of


@pytest.mark.parametrize("separator", [",", "\t", " | ", "  "])
def test_cells_stand_under_their_headings(separator):
    text = f"氏名{separator}住所\n山田{separator}芥川町\n佐藤{separator}城北町"

    cells = [(cell.heading, text[cell.begin : cell.end]) for cell in cells_of(text)]

    assert cells == [("氏名", "山田"), ("住所", "芥川町"), ("氏名", "佐藤"), ("住所", "城北町")]


def test_a_markdown_table_is_a_table():
    text = "| 氏名 | 備考 |\n|---|:---:|\n| 東 | なし |"

    assert [(c.heading, text[c.begin : c.end]) for c in cells_of(text)] == [("氏名", "東"), ("備考", "なし")]


def test_a_table_ends_with_its_separator():
    text = "氏名,電話\n山田,1\nこの行は表ではない。\n佐藤,2"

    assert [text[c.begin : c.end] for c in cells_of(text)] == ["山田", "1"]


def test_a_row_of_another_shape_is_not_of_the_table():
    text = "氏名,電話\n山田,1\n佐藤,2,3,4,5"

    assert [text[c.begin : c.end] for c in cells_of(text)] == ["山田", "1"]


def test_ordinary_sentences_are_no_table():
    assert cells_of("市民、事業者、行政が協力し、地域をつくる。\n高齢者、障がい者、子どもを支える。") == []


@given(st.text(alphabet="氏名,住所\t|- \n山田1", max_size=200))
def test_cells_lie_in_the_text_in_order_and_are_never_empty(text):
    cells = cells_of(text)

    assert all(0 <= cell.begin < cell.end <= len(text) for cell in cells)
    assert cells == sorted(cells, key=lambda cell: cell.begin)


def test_of_two_readings_of_a_table_the_order_is_always_the_same():
    from redaction.columns import columns
    from redaction.folding import fold
    from redaction.page import Page
    from redaction.tables import Cell

    text = "受付番号,氏名\n25-001,山田\n"
    begin = text.index("山田")
    for number in range(20):
        seen = [Cell(f"欄{number}", begin, begin + 2)]
        page = Page(fold(text), [], seen, lambda _: frozenset())
        assert [cell.heading for cell in columns(page) if cell.begin == begin] == ["氏名", f"欄{number}"]
