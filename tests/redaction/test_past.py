"""Persons of the past are nobody's personal data; their namesakes of today are somebody."""

import pytest

from redaction.folding import fold
from redaction.names.past import of_the_past
from redaction.page import Page


def past(text, name):
    page = Page(fold(text), [], [], lambda word: frozenset())
    start = text.index(name)
    return of_the_past(page, start, start + len(name))


def test_a_lord_in_full_is_of_the_past_everywhere():
    assert past("担当：三好長慶", "三好長慶")
    assert past("三好長慶ゆかりの城", "三好長慶ゆかり")


def test_the_name_of_a_house_is_of_the_past_only_where_the_page_speaks_of_it():
    assert past("戦国時代、三好は芥川城に拠った。", "三好")
    assert not past("地域連携室の三好に電話した。", "三好")
    assert not past("戦国時代の展示は三好さんが担当。", "三好")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("戦国時代の城跡を案内した三好結衣", "三好結衣"),
        ("近藤勇人さんの介護認定の件", "近藤勇人"),
        ("幕末の志士の展示、受付は近藤勇介", "近藤勇介"),
        ("徳川家広様より入電", "徳川家広"),
        ("江戸川区から転入した三好さんの件", "三好"),
        ("室町通に住む北条さん", "北条"),
        ("1868年設立の会社の足利さん、天皇誕生日に来た", "足利"),
    ],
)
def test_a_citizen_whose_name_begins_like_one_of_the_past_is_a_citizen(text, name):
    assert not past(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("医療センター地域連携室の三好さん(072-671-4480)に電話した。", "三好"),
        ("近藤勇人さんの介護認定の件でご家族から電話。", "近藤勇人"),
    ],
)
def test_a_namesake_of_today_is_found(detector, text, name):
    (found,) = detector.find_now([text])

    assert any(name in text[f.start : f.end] for f in found)
