"""Persons of the past are nobody's personal data; their namesakes of today are somebody."""

from redaction.folding import fold
from redaction.names.past import of_the_past
from redaction.page import Page


def past(text, name):
    return of_the_past(Page(fold(text), [], [], lambda word: frozenset()), name)


def test_a_lord_in_full_is_of_the_past_everywhere():
    assert past("担当：三好長慶", "三好長慶")
    assert past("三好長慶ゆかりの城", "三好長慶ゆかり")


def test_the_name_of_a_house_is_of_the_past_only_where_the_page_speaks_of_it():
    assert past("戦国時代、三好は芥川城に拠った。", "三好")
    assert not past("地域連携室の三好さんに電話した。", "三好")


def test_a_citizen_whose_name_begins_like_a_house_is_a_citizen():
    assert not past("戦国時代の城跡を案内した三好結衣", "三好結衣")


def test_a_namesake_of_today_is_found(detector):
    text = "医療センター地域連携室の三好さん(072-671-4480)に電話した。"
    (found,) = detector.find_now([text])

    assert "三好" in [text[f.start : f.end] for f in found]
