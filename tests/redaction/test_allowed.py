"""The allow-list: what is public, in every spelling, and nothing more."""

import pytest

from redaction.allowed import AllowList, read_allowed


@pytest.mark.parametrize(
    "written", ["072-674-7111", "０７２（６７４）７１１１", "0726747111", "072 674 7111"]
)
def test_one_line_allows_every_spelling_of_a_number(written):
    assert AllowList(["072-674-7111"]).holds(written)


@pytest.mark.parametrize("written", ["072-674-7112", "072-674-71110", "", "072-674"])
def test_another_number_is_not_allowed(written):
    assert not AllowList(["072-674-7111"]).holds(written)


def test_remarks_and_empty_lines_are_not_strings(tmp_path):
    file = tmp_path / "allow.txt"
    file.write_text("# 見出し\n\n072-674-7111  # 代表\n高槻市桃園町2番1号\n", encoding="utf-8")

    assert read_allowed(file) == ("072-674-7111", "高槻市桃園町2番1号")


def test_the_list_that_ships_allows_the_city_hall():
    allowed = AllowList(read_allowed())

    assert allowed.holds("072-674-7111")
    assert allowed.holds("大阪府高槻市桃園町２番１号")
