"""Facts about health, care, crime and protection: found beside a person, free in the text of a programme."""

from dataclasses import dataclass

import pytest

from redaction.facts.illness import illnesses
from redaction.facts.near import People
from redaction.facts.programme import in_general, of_everybody
from redaction.facts.told import MAYBE, TOLD, told

FACTS = ("JP_SENSITIVE", "JP_PROTECTED_PERSON", "JP_VULNERABLE_LIST", "COORDINATES")


@dataclass
class Seen:
    """A finding as Presidio hands it over."""

    entity_type: str
    start: int
    end: int
    score: float


def _told(text: str, fact: str, *people: str, kind: str = "PERSON", score: float = 0.9) -> bool:
    begin = text.index(fact)
    others = [Seen(kind, text.index(one), text.index(one) + len(one), score) for one in people]
    return bool(told(text, [Seen("JP_SENSITIVE", begin, begin + len(fact), MAYBE)], others))


def _facts(detector, text: str) -> list[str]:
    return [text[f.start : f.end] for f in detector.find_now([text])[0] if f.label in FACTS]


@pytest.mark.parametrize(
    "notice",
    [
        "身体障害者手帳をお持ちの方は、窓口までお越しください。担当：山田太郎",
        "要介護3以上の方が対象です。問い合わせ：長寿介護課 佐藤",
        "生活保護制度の案内です。担当の鈴木までご連絡ください。",
        "統合失調症の講演会　講師：高橋健一医師",
        "障害者手帳の申請方法は、障がい福祉課の田中係長にお尋ねください。",
        "認知症サポーター養成講座　講師　渡辺先生",
        "加藤部長：児童虐待の防止に取り組みます。",
        "DV相談は、担当の吉田までお電話ください。",
        "支援措置の申出方法について、市民課の山田が説明します。",
        "人工透析を受けている方は、医療費の助成があります。\n担当　清水",
        "山田さん、統合失調症の方への接し方の研修資料を作ってください。",
        "避難行動要支援者名簿の作成について（担当：後藤）",
        "市内の避難所 34.8516,135.6178 担当 村上",
    ],
)
def test_a_notice_with_a_person_to_ask_is_no_file_about_somebody(detector, notice):
    assert _facts(detector, notice) == []


def test_the_person_a_record_is_about_may_stand_lines_above_the_fact(detector):
    record = "氏名：山田太郎\n生年月日：昭和10年4月1日\n訪問日：6月3日\n・肝細胞癌の再発。次週入院。\n"

    assert _facts(detector, record) == ["肝細胞癌"]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("障がい者向け講座に申し込まれた山田太郎様は、身体障害者手帳2級です。", "身体障害者手帳2級"),
        ("スマホ講座の受講者、山田太郎さん（82歳）には、認知症がある。", "認知症"),
        ("研修を欠席した山田太郎が、うつ病で休職中。次の研修は5月です。", "うつ病"),
    ],
)
def test_an_event_named_before_the_person_does_not_hide_what_is_told_of_the_person(text, fact):
    assert _told(text, fact, "山田太郎")


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("山田太郎様は、認知症の講座に申し込まれました。", "認知症"),
        ("山田太郎様は、5月の講座で認知症を学びます。", "認知症"),
        ("山田太郎様へ、講座のご案内。身体障害者手帳2級は無料です。", "身体障害者手帳2級"),
    ],
)
def test_an_event_named_between_a_person_and_the_words_still_says_that_no_one_is_meant(text, fact):
    assert not _told(text, fact, "山田太郎")


def test_the_same_words_with_nobody_in_the_text_are_free(detector):
    assert _facts(detector, "・肝細胞癌の再発。次週入院。") == []


def test_a_person_far_away_does_not_count():
    assert _told("山田様" + "あ\n" * 100 + "統合失調症", "統合失調症", "山田")
    assert not _told("山田様" + "あ\n" * 1_000 + "統合失調症", "統合失調症", "山田")


def test_a_name_that_is_only_perhaps_one_counts_in_its_own_line_alone():
    assert _told("山田、糖尿病", "糖尿病", "山田", score=0.4)
    assert not _told("山田\n糖尿病", "糖尿病", "山田", score=0.4)


def test_an_identifier_is_somebody_and_an_address_is_nobody():
    assert _told("番号 123 糖尿病", "糖尿病", "123", kind="JP_WELFARE_ID")
    assert not _told("桃園町 糖尿病", "糖尿病", "桃園町", kind="JP_ADDRESS")


def test_a_finding_below_the_threshold_is_nobody():
    assert not _told("山田 糖尿病", "糖尿病", "山田", score=0.34)


def test_a_fact_that_is_told_is_raised_over_the_threshold():
    fact = Seen("JP_SENSITIVE", 3, 6, MAYBE)

    (kept,) = told("山田 糖尿病", [fact], [Seen("PERSON", 0, 2, 0.9)])
    assert kept.score == TOLD


@pytest.mark.parametrize("text", ["担当：山田", "山田課長", "収納課の山田", "講師 山田"])
def test_somebody_at_work_is_not_who_a_text_is_about(text):
    begin = text.index("山田")

    assert not People(text, [Seen("PERSON", begin, begin + 2, 0.9)])


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("統合失調症の方は", "統合失調症"),
        ("要介護3以上", "要介護3"),
        ("要介護1~5に分かれる", "要介護1"),
        ("結核 2件", "結核"),
        ("うつ病の職員への対応", "うつ病"),
        ("認知症カフェ", "認知症"),
        ("『がんと生きる』という本", "がん"),
    ],
)
def test_words_after_a_fact_say_that_everybody_is_meant(text, fact):
    begin = text.index(fact)

    assert of_everybody(text, begin, begin + len(fact))


@pytest.mark.parametrize(
    "text", ["統合失調症で通院中", "統合失調症の長男", "統合失調症を発症", "統合失調症、服薬は安定"]
)
def test_words_after_a_fact_may_be_about_one_person(text):
    assert not of_everybody(text, 0, 5)


def test_a_rule_is_general_and_a_record_is_not():
    assert in_general("糖尿病の場合は受けられます。", 0, 3)
    assert not in_general("糖尿病で入院した。手帳は受けられます。", 0, 3)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("既往は急性心筋梗塞", "急性心筋梗塞"),
        ("右大腿骨頸部骨折", "右大腿骨頸部骨折"),
        ("アルツハイマー型認知症", "アルツハイマー型認知症"),
        ("骨粗しょう症", "骨粗しょう症"),
        ("C型肝炎", "C型肝炎"),
        ("父のがん", "がん"),
        ("長男糖尿病", "糖尿病"),
        ("because of multiple sclerosis it is", "multiple sclerosis"),
    ],
)
def test_an_illness_is_named_whole(text, named):
    assert text.index(named) in {start for start, end in illnesses(text) if text[start:end] == named}


@pytest.mark.parametrize(
    "text",
    [
        "システム障害",
        "通信障害",
        "病院",
        "発病",
        "管路の損傷",
        "障害者福祉",
        "がんばる",
        "オルガン",
        "道路の閉塞",
        "炎上",
        "ねがんじゃ",
    ],
)
def test_what_only_looks_like_an_illness_is_none(text):
    assert list(illnesses(text)) == []


def test_a_fact_is_found_by_any_presidio_engine_in_full_width():
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

    from redaction.nlp import SudachiEngine
    from redaction.recognizers import recognizers

    registry = RecognizerRegistry(recognizers=recognizers(), supported_languages=["ja"])
    plain = AnalyzerEngine(registry=registry, nlp_engine=SudachiEngine(), supported_languages=["ja"])
    text = "山田太郎様（要介護３）"

    results = plain.analyze(text, language="ja", entities=["PERSON", "JP_SENSITIVE"])
    assert {text[r.start : r.end] for r in results if r.entity_type == "JP_SENSITIVE"} == {"要介護３"}


def test_a_private_key_that_is_cut_in_two_is_found_in_both_halves(detector):
    lines = "".join(
        f"MIIEow{number:04}AAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt\n" for number in range(24)
    )
    text = "あ。\n" * 700 + f"-----BEGIN PRIVATE KEY-----\n{lines}-----END PRIVATE KEY-----\n"

    covered = {i for f in detector.find_now([text])[0] for i in range(f.start, f.end)}
    left = [i for i in range(text.index("-----BEGIN"), len(text)) if i not in covered and text[i] != "\n"]
    assert left == []


@pytest.mark.parametrize(
    "unit", ["がん", "癌", "要介護3", "虐待", "a=b;", "PASSWORD_", "前科(", "-----BEGIN PRIVATE KEY-----"]
)
def test_ten_times_the_text_takes_about_ten_times_as_long(detector, unit):
    from time import process_time

    def cost(size: int) -> float:
        text = "山田様" + (unit * size)[:size]
        begin = process_time()
        detector.find_now([text])
        return process_time() - begin

    cost(1_000)
    assert cost(30_000) < 40 * cost(3_000) + 0.3
