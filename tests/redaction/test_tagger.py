"""The trained tagger: one opinion more about what is personal, at a cost nobody notices."""

import time

import pytest

from redaction.names.words import HISTORIC
from redaction.nlp import SudachiEngine
from redaction.page import Page
from redaction.recognizers import tagged
from redaction.recognizers.tagged import (
    BELIEVED,
    BELIEVED_IN_COMPANY,
    TaggedRecognizer,
    may_be,
    may_be_a_name,
    score,
)
from redaction.tagger import tagger
from redaction.tagger.features import ROWS, VERSION, features
from redaction.tagger.network import read


@pytest.fixture(scope="module")
def engine() -> SudachiEngine:
    engine = SudachiEngine()
    engine.load()
    return engine


def page_of(engine: SudachiEngine, text: str) -> Page:
    return engine.process_text(text, "ja").page


def found(engine: SudachiEngine, text: str) -> list[str]:
    page = page_of(engine, text)
    return [page.text[hit.start : hit.end] for hit in TaggedRecognizer().find(page) if hit.score >= 0.35]


def told(engine: SudachiEngine, text: str, *believed: tuple[str, float, str]) -> list[tuple[str, str, float]]:
    """What the tagger makes of a network that believes in given words: (word, probability, class)."""
    import numpy as np

    page = page_of(engine, text)
    classes = tagger.network().classes
    probabilities = np.zeros((len(page.words), len(classes)), dtype=np.float32)
    probabilities[:, 0] = 1.0
    left = list(believed)
    for index, word in enumerate(page.words):
        if left and word.text == left[0][0]:
            _, probability, name = left.pop(0)
            probabilities[index, 0] = 1.0 - probability
            probabilities[index, classes.index(name)] = probability
    assert not left, [word.text for word in page.words]
    return [
        (datum.kind, page.text[datum.start : datum.end], round(datum.probability, 2))
        for datum in tagger.tagged(page, classes, probabilities, 0.1)
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("起案：尾形　決裁：檜垣→所長", "檜垣"),
        ("参加者　戸松 ひろみ、加古、大谷", "大谷"),
        ("受付 桐野 / 確認 飯降", "桐野"),
        ("本日担当した鯨井です。よろしくお願いします。", "鯨井"),
        ("氏名\t住所\n小鳥遊 優\t高槻市桃園町", "小鳥遊 優"),
        ("世帯主：グエン・ヴァン・アン", "グエン・ヴァン・アン"),
    ],
)
def test_a_name_is_known_by_the_words_around_it(engine, text, name):
    assert name in found(engine, text)


@pytest.mark.parametrize(
    "text",
    [
        "高槻市の人口は約三十五万人です。",
        "担当：市民税課",
        "申請者は、住民票の写しを添えて窓口に提出してください。",
        "松下電器の製品を更新します。",
        "SELECT id, name FROM users WHERE created_at > '2026-01-01'",
        "予算額 1,234千円、決算額 1,200千円",
        "戦国時代の武将、三好長慶は芥川城を居城とした。",
    ],
)
def test_an_ordinary_sentence_holds_no_name(engine, text):
    assert found(engine, text) == []


def test_a_person_of_history_is_left_alone(engine):
    name = max(HISTORIC, key=len)

    assert name not in found(engine, f"担当者：{name}様")


def test_every_span_lies_in_the_text_and_does_not_begin_or_end_with_a_space(engine):
    page = page_of(engine, "出席者\n 山田　太郎 \n 鈴木 花子、佐藤\n\n")

    data = tagger.tagged(page, tagger.network().classes, tagger.probabilities(page), 0.1)
    assert data
    for _, start, end, probability in data:
        assert 0 <= start < end <= len(page.text)
        assert page.text[start:end] == page.text[start:end].strip()
        assert 0.1 <= probability <= 1.0


@pytest.mark.parametrize("text", ["", " ", "\n\n\n", "\ud800", "。", "x" * 3000])
def test_any_text_gets_an_answer(engine, text):
    list(TaggedRecognizer().find(page_of(engine, text)))


def test_a_name_that_is_sure_elsewhere_on_the_page_is_surer_here(engine):
    names = told(
        engine,
        "檜垣です。檜垣、尾形",
        ("檜垣", 1.0, "PERSON"),
        ("檜垣", 0.25, "PERSON"),
        ("尾形", 0.25, "PERSON"),
    )

    assert names == [("PERSON", "檜垣", 1.0), ("PERSON", "檜垣", 0.5), ("PERSON", "尾形", 0.25)]


def test_two_names_with_a_space_between_stay_two(engine):
    names = told(engine, "檜垣 尾形", ("檜垣", 0.9, "PERSON"), ("尾形", 0.9, "PERSON"))

    assert [name for _, name, _ in names] == ["檜垣", "尾形"]


def test_a_particle_the_model_is_sure_of_is_a_part_of_the_name(engine):
    assert told(engine, "兄りくと(4歳)", ("りく", 0.9, "PERSON"), ("と", 0.7, "+PERSON")) == [
        ("PERSON", "りくと", 0.9)
    ]
    assert told(engine, "檜垣と話す", ("檜垣", 0.9, "PERSON"), ("と", 0.2, "+PERSON")) == [
        ("PERSON", "檜垣", 0.9)
    ]


@pytest.mark.parametrize(
    ("text", "word", "whole"),
    [
        ("担任 うらべ 連絡", "うら", "うらべ"),
        ("氏名 ■島 保", "島", "■島"),
    ],
)
def test_half_a_name_is_made_whole(engine, text, word, whole):
    assert told(engine, text, (word, 0.9, "PERSON")) == [("PERSON", whole, 0.9)]


def test_a_number_is_whole_and_of_its_likeliest_kind(engine):
    ((kind, number, _),) = told(engine, "番号 12-0834 です", ("12", 0.9, "JP_WELFARE_ID"))

    assert (kind, number) == ("JP_WELFARE_ID", "12-0834")


@pytest.mark.parametrize(("sure", "believed"), [(0, False), (1, False), (2, True)])
def test_on_a_page_about_somebody_less_is_needed(engine, monkeypatch, sure, believed):
    import numpy as np

    page = page_of(engine, "檜垣、加古、尾形")
    classes = tagger.network().classes
    told = np.zeros((len(page.words), len(classes)), dtype=np.float32)
    told[:, 0] = 1.0
    names = [index for index, word in enumerate(page.words) if word.text in ("檜垣", "加古", "尾形")]
    for place, index in enumerate(names):
        probability = 0.99 if place < sure else (BELIEVED + BELIEVED_IN_COMPANY) / 2
        told[index, 0], told[index, classes.index("PERSON")] = 1.0 - probability, probability
    monkeypatch.setattr(tagged, "probabilities", lambda page: told)

    last = [hit for kind, hit in TaggedRecognizer().named(page)][-1]
    assert page.text[last.start : last.end] == "尾形"
    assert (last.score >= 0.35) is believed


@pytest.mark.parametrize(
    ("text", "probability", "believed"),
    [
        ("SHRESTHA BIKRAM", 0.95, True),
        ("SHRESTHA BIKRAM", 0.85, False),
        ("O'Hara Siobhán", 0.95, True),
        ("de Vries", 0.95, True),
        ("K.Ogata", 0.95, True),
        ("Anika", 0.96, True),
        ("Anika", 0.9, False),
        ("VARCHAR", 0.99, False),
        ("takatsuki_city", 0.99, False),
        ("田能", 0.85, False),
        ("田能", 0.95, True),
        ("檜垣", 0.75, True),
        ("担当", 0.75, False),
    ],
)
def test_what_is_often_something_else_needs_more(text, probability, believed):
    assert may_be_a_name(text, probability, BELIEVED) is believed


@pytest.mark.parametrize(
    ("kind", "text", "believed"),
    [
        ("PHONE_NUMBER", "0120-95-0178", False),
        ("PHONE_NUMBER", "072-631-4471", True),
        ("JP_MUNICIPAL_ID", "号", False),
        ("JP_SENSITIVE", "要介護", False),
        ("JP_SENSITIVE", "要介護2", True),
    ],
)
def test_a_number_has_to_look_like_one(engine, kind, text, believed):
    assert may_be(tagger.Tagged(kind, 0, len(text), 0.99), page_of(engine, text), BELIEVED) is believed


def test_what_is_just_believed_has_the_score_that_counts():
    assert score(BELIEVED, BELIEVED) == pytest.approx(0.35)
    assert score(BELIEVED - 0.01, BELIEVED) < 0.35 < score(BELIEVED + 0.01, BELIEVED)
    assert 0.0 <= score(0.0, BELIEVED) <= score(1.0, BELIEVED) <= 0.95


def test_every_row_is_in_the_table(engine):
    rows = features(page_of(engine, "氏名,住所\n髙﨑 凜,高槻市１２\nNGUYEN Văn アン😀"))

    assert rows.min() >= 0
    assert rows.max() < ROWS


def test_usual_words_are_kept_and_no_other(engine):
    common = {("は", "particle"): None}

    rows = features(page_of(engine, "蓑島は猫島は"), common)

    assert list(common) == [("は", "particle")]
    assert common["は", "particle"] == tuple(rows[1, :6])


def test_the_same_words_are_seen_the_same_with_and_without_kept_ones(engine):
    page = page_of(engine, "担当：檜垣です。檜垣は不在です。")
    network = tagger.network()
    features(page, network.common)

    assert (features(page, network.common) == features(page)).all()


def test_no_name_is_among_the_usual_words():
    kinds = {kind for _, kind in tagger.network().common}

    assert kinds.isdisjoint({"surname", "given", "person"})


def test_a_model_of_another_version_is_refused(tmp_path):
    import numpy as np

    file = tmp_path / "old.npz"
    np.savez(file, version=np.int64(VERSION - 1))

    with pytest.raises(ValueError, match="train again"):
        read(file)


def test_twice_the_text_costs_about_twice_the_time(engine):
    def cost(times: int) -> float:
        page = page_of(engine, "受付者は檜垣、確認者は加古です。" * times)
        network = tagger.network()
        began = time.process_time()
        for _ in range(3):
            tagger.tagged(page, network.classes, network.probabilities(features(page, network.common)), 0.1)
        return time.process_time() - began

    cost(100)
    assert cost(2000) < 5 * max(cost(1000), 0.01)


def test_the_model_and_its_licence_lie_together():
    licence = (tagger.MODEL.parent / "LICENSE").read_text("utf-8")

    assert "CC BY-SA 4.0" in licence
    for source in ("Stockmark", "GSD", "Wikipedia Annotated Corpus"):
        assert source in licence
    assert tagger.MODEL.stat().st_size < 4_000_000
