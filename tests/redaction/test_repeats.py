"""What was given away once is found wherever it stands again."""

import time

import pytest


def _seen(detector, *texts):
    found = detector.find_now(texts)
    return [
        [(f.label, text[f.start : f.end], f.evidence) for f in findings]
        for text, findings in zip(texts, found, strict=True)
    ]


def test_a_rare_name_with_a_title_is_found_bare_in_another_text(detector):
    first, second = _seen(detector, "田能係長に確認した。", "その後、田能が折り返した。")

    assert first == [("PERSON", "田能", "context")]
    assert second == [("PERSON", "田能", "repeat")]


def test_a_short_name_is_not_found_inside_a_longer_word(detector):
    _, second = _seen(detector, "山田さんに聞く。", "山田町と山田川の間、旧山田邸跡。")

    assert second == []


def test_the_surname_of_a_full_name_is_found_bare(detector):
    (only,) = _seen(detector, "氏名：芥川　翔空\n芥川は欠席した。")

    assert [(label, value) for label, value, _ in only] == [("PERSON", "芥川　翔空"), ("PERSON", "芥川")]


def test_a_mistyped_my_number_is_found_again_without_its_name(detector):
    _, second = _seen(detector, "個人番号：123456789019", "123456789019 を再送します")

    assert second == [("JP_MY_NUMBER", "123456789019", "repeat")]


def test_a_number_is_not_found_inside_a_longer_one(detector):
    _, second = _seen(detector, "口座番号：1234567", "合計 912345678 円")

    assert second == []


def test_the_same_texts_give_the_same_findings(detector):
    texts = ["担当：東 翔空", "東さんと翔空さん", "東が来た。東 翔空です。"]

    assert detector.find_now(texts) == detector.find_now(texts)


def test_the_order_of_texts_does_not_matter(detector):
    texts = ("昨日、田能が来た。", "田能係長に確認した。")

    assert _seen(detector, *texts) == list(reversed(_seen(detector, *reversed(texts))))


@pytest.mark.timeout(120)
def test_many_values_in_a_long_text_stay_linear():
    from redaction.folding import fold
    from redaction.model import Finding
    from redaction.repeats import Sheet, repeated

    def seconds(count):
        text = "".join(f"氏名{i:05d}番です" for i in range(count))
        found = [Finding("PERSON", i * 10, i * 10 + 7, 0.9, "test", "context") for i in range(count)]
        begin = time.process_time()
        repeated([Sheet(fold(text), frozenset())], [found])
        return time.process_time() - begin

    seconds(500)
    assert seconds(16_000) < 8 * 5 * max(seconds(2_000), 0.005)
