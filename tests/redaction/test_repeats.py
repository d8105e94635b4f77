"""What was given away once is found wherever it stands again."""

import time

import pytest


def _seen(detector, *texts):
    found = detector.find_now(texts)
    return [
        [(f.label, text[f.start : f.end], f.evidence) for f in findings]
        for text, findings in zip(texts, found, strict=True)
    ]


def _again(text, found, joined=()):
    """The repeats of one finding in a text in which every word stands free but those in ``joined``."""
    from redaction.folding import fold
    from redaction.model import Finding
    from redaction.repeats import Sheet, repeated

    taken = {at for word in joined for at in range(text.index(word), text.index(word) + len(word))}
    every = frozenset((at, at + size) for at in range(len(text)) for size in (1, 2, 3) if at not in taken)
    sheet = Sheet(fold(text), every)
    start = text.index(found)
    given = [Finding("PERSON", start, start + len(found), 0.9, "test", "context")]
    (more,) = _all(repeated([sheet], [given]))
    return [text[f.start : f.end] for f in more if f.start != start]


def _all(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_rare_name_with_a_title_is_found_bare_again():
    assert _again("田能係長に確認した。その後、田能が折り返した。", "田能") == ["田能"]


def test_the_given_name_of_a_full_name_is_found_between_edges_only():
    assert _again("塔本 せな。「せな」を出せ。せなかが痛い。", "塔本 せな") == ["せな"]


def test_a_given_name_of_one_letter_is_found_before_a_particle_only():
    text = "塩野谷 律が来た。律は欠席。法律の話、律令。"
    assert _again(text, "塩野谷 律", joined=["法律"]) == ["律"]


def test_a_surname_of_three_letters_is_not_found_in_a_company():
    text = "阿久津 健が来た。阿久津設備の工事。阿久津さん。"
    assert _again(text, "阿久津 健", joined=["阿久津設備"]) == ["阿久津"]


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


@pytest.mark.timeout(1800)
def test_many_values_in_a_long_text_stay_linear():
    from redaction.folding import fold
    from redaction.model import Finding
    from redaction.repeats import Sheet, repeated

    def seconds(count):
        text = "".join(f"氏名{i:05d}番です" for i in range(count))
        found = [Finding("PERSON", i * 10, i * 10 + 7, 0.9, "test", "context") for i in range(count)]
        begin = time.process_time()
        _all(repeated([Sheet(fold(text), frozenset())], [found]))
        return time.process_time() - begin

    seconds(500)
    assert seconds(16_000) < 8 * 5 * max(seconds(2_000), 0.005)


def test_a_longer_value_that_begins_alike_does_not_break_the_end_of_a_text(detector):
    text = "DV等支援措置対象者　中野美香　加害者：中野浩"

    (found,) = detector.find_now([text, "中野浩二様と中野"])[:1]

    assert {text[f.start : f.end] for f in found} >= {"中野美香", "中野浩"}


def test_a_fact_about_somebody_is_no_repeat_elsewhere(detector):
    case, notice = "山田太郎さんは生活保護を受給しています。", "生活保護を受給している方へのお知らせです。"

    first, second = detector.find_now([case, notice])

    assert "JP_SENSITIVE" in {f.label for f in first}
    assert second == ()
