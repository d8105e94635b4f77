"""A date of birth beside a person, without a word that says so; every other date is left."""

import pytest


def _dates(detector, text):
    return [text[f.start : f.end] for f in detector.find_now([text])[0] if f.label == "DATE_OF_BIRTH"]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("山田太郎（S58.4.1）", "S58.4.1"),
        ("世帯主 山田 太郎（昭和58年4月1日）", "昭和58年4月1日"),
        ("小鳥遊 優様（H30.1.5）", "H30.1.5"),
        ("① 中村　圭　なかむら　けい　平2.5.17　男", "平2.5.17"),
        ("3. 山田 花子　3920447518　S50.7.19　失業", "S50.7.19"),
        ("父　山田一郎　1980年1月1日　会社員", "1980年1月1日"),
        ("グエン・ヴァン・アン（1990.5.5）", "1990.5.5"),
        ("別れた夫は山田 譲二、S49.12.7。", "S49.12.7"),
        ("妻　鈴木 花子　S33.3.3(67)", "S33.3.3"),
    ],
)
def test_a_date_right_after_a_person_is_a_date_of_birth(detector, text, date):
    assert _dates(detector, text) == [date]


@pytest.mark.parametrize(
    "text",
    [
        "山田太郎様（令和7年4月1日来庁）",
        "鈴木一郎 令和6年4月1日採用",
        "山田太郎　2025/4/1 10:30 受付",
        "受付 山田　令和7年4月1日",
        "面談記録　山田太郎　令和7年4月1日（火）",
        "市長 濱田剛史 令和7年4月1日",
        "講師：山田太郎氏（2025年4月1日）",
        "徳川家康（1543年1月31日 - 1616年6月1日）",
        "氏名 / 満了日\n山田太郎 / 2026-02-11",
        "亡山田太郎　令和6年12月1日死亡",
        "第12回会議（令和7年5月12日）議事録",
        "昭和33年12月27日法律第192号",
        "1976年3月1日、66歳で他界した。",
    ],
)
def test_the_date_of_an_event_is_left(detector, text):
    assert _dates(detector, text) == []
