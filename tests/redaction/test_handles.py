"""Whoever writes in a chat is somebody, however odd the name."""

import pytest


def names(detector, text):
    (found,) = detector.find_now([text])
    return [text[f.start : f.end] for f in found if f.label == "PERSON"]


@pytest.mark.parametrize(
    ("chat", "name"),
    [
        ("[09:03] だいち: 了解です\n[09:05] 係: はい\n[09:06] だいち: 送りました", "だいち"),
        ("たかちほ 14:22\n端末の件です\nたかちほ 14:26\nつながりました", "たかちほ"),
        ("20:14 やっさん「雨やったら中止か」\n20:21 やっさん「わかった」", "やっさん"),
        ("10/3 9:10 浅葱> 資料です\n10/3 9:12 浅葱> 以上です", "浅葱"),
    ],
)
def test_who_writes_twice_in_a_chat_is_a_person_each_time(detector, chat, name):
    assert names(detector, chat).count(name) == 2


@pytest.mark.parametrize(
    "text",
    [
        "10:00 開会\n10:05 市長あいさつ\n10:20 閉会",
        "9:00 受付: 西側の入口\n9:30 受付: 東側の入口",
        "[10:02] 事務局: 開始します\n[10:04] 事務局: 終了します",
        "北側会議室 10:00\n南側会議室 13:00\n北側会議室 15:00",
    ],
)
def test_a_timetable_and_a_desk_are_nobody(detector, text):
    assert names(detector, text) == []
