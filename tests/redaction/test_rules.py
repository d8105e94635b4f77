"""A city adds kinds of its own in YAML, without code."""

from pathlib import Path

import pytest

from redaction.rules import RulesError, parse, rules

EXAMPLE = Path(__file__).parent.parent.parent / "redaction" / "rules.example.yaml"


def _found(text: str, made: list) -> list[tuple[str, str]]:
    return [
        (result.entity_type, text[result.start : result.end])
        for recognizer in made
        for result in recognizer.analyze(text, [recognizer.kind])
    ]


def _made(tmp_path: Path, content: str) -> list:
    file = tmp_path / "city.yaml"
    file.write_text(content, encoding="utf-8")
    return rules(file)


def test_the_example_file_finds_what_it_says():
    made = rules(EXAMPLE)

    text = "図書館カードは Ｌ１２３４５６７、もみじ計画、TK-2024-000123"
    assert _found(text, made) == [
        ("CITY_LIBRARY_CARD", "Ｌ１２３４５６７"),
        ("CITY_PROJECT", "もみじ計画"),
        ("JP_MUNICIPAL_ID", "TK-2024-000123"),
    ]


def test_without_its_cue_a_value_is_left_alone():
    assert _found("部品 L1234567 を発注", rules(EXAMPLE)) == []


def test_a_table_heading_is_a_cue(tmp_path):
    made = _made(tmp_path, "- {kind: CITY_CARD, ja: カード, pattern: 'L[0-9]{7}', cues: [担当者名]}")

    assert _found("担当者名,電話\nL1234567,なし\n", made) == [("CITY_CARD", "L1234567")]


def test_a_part_of_a_longer_number_is_not_the_value(tmp_path):
    made = _made(tmp_path, "- {kind: CITY_CARD, ja: カード, pattern: '[0-9]{4}'}")

    assert _found("12345と6789", made) == [("CITY_CARD", "6789")]


def test_a_finding_names_the_file_and_the_line_of_its_rule(tmp_path):
    (one,) = _made(tmp_path, "# 市の規則\n- kind: CITY_CARD\n  ja: カード\n  words: [青葉計画]\n")

    (result,) = one.analyze("青葉計画", ["CITY_CARD"])
    assert result.recognition_metadata["recognizer_name"] == "city.yaml:2"
    assert (one.kind, one.ja) == ("CITY_CARD", "カード")


def test_words_in_full_width_are_found_in_half_width(tmp_path):
    made = _made(tmp_path, "- {kind: CITY_PLAN, ja: 計画, words: [ＡＢ計画]}")

    assert _found("AB計画とＡＢ計画", made) == [("CITY_PLAN", "AB計画"), ("CITY_PLAN", "ＡＢ計画")]


def test_a_score_below_the_threshold_is_kept_as_written(tmp_path):
    (one,) = _made(tmp_path, "- {kind: CITY_PLAN, ja: 計画, words: [青葉計画], score: 0.2}")

    assert one.analyze("青葉計画", ["CITY_PLAN"])[0].score == 0.2


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        ("kind: X\n", 1, "list of entries"),
        ("- kind: [\n", 2, "not YAML"),
        ("- kind: city\n  ja: 市\n  words: [a]\n", 1, "capitals"),
        ("- kind: CITY\n  words: [a]\n", 1, "Japanese name"),
        ("- kind: CITY\n  ja: 市\n", 1, "either pattern or words"),
        ("- kind: CITY\n  ja: 市\n  words: [a]\n  pattern: a\n", 1, "either pattern or words"),
        ("- kind: CITY\n  ja: 市\n  words: 語\n", 3, "must be a list"),
        ("- kind: CITY\n  ja: 市\n  words: ['']\n", 3, "must be a list"),
        ("- kind: CITY\n  ja: 市\n  colour: red\n  words: [a]\n", 3, "unknown field 'colour'"),
        ("- kind: CITY\n  ja: 市\n  ja: 町\n  words: [a]\n", 3, "stands twice"),
        ("- kind: CITY\n  ja: 市\n  words: [a]\n  score: 3\n", 4, "from 0.01 to 1.0"),
        ("- kind: CITY\n  ja: 市\n  pattern: '('\n", 3, "not a regular expression"),
        ("- kind: CITY\n  ja: 市\n  pattern: 'a?'\n", 3, "everywhere"),
        ("- kind: CITY\n  ja: 市\n  pattern: '１２'\n", 3, "half-width"),
        ("- &a\n  kind: CITY\n  ja: 市\n  words: [a]\n", 1, "anchors"),
        ("- kind: !!python/name:os.system CITY\n", 1, "tags"),
    ],
)
def test_a_mistake_is_told_with_its_line_in_both_languages(content, line, says):
    with pytest.raises(RulesError) as caught:
        parse(content, "city.yaml")

    (complaint,) = caught.value.complaints
    where, _, words = complaint.partition(": ")
    japanese, _, english = words.partition(" / ")
    assert where == f"city.yaml:{line}"
    assert says in english
    assert any(letter > "ぁ" for letter in japanese)


def test_every_mistake_is_told_at_once():
    with pytest.raises(RulesError) as caught:
        parse("- kind: city\n  words: [a]\n- kind: CITY\n  ja: 市\n  pattern: '('\n")

    assert len(caught.value.complaints) == 3


@pytest.mark.parametrize("slow", ["(a+)+$", ".*x", "[0-9]+x", "(a|aa){1,50}b", "(a{1,30}){1,30}", "a{5000}"])
def test_a_pattern_that_could_be_slow_is_refused_before_it_sees_a_text(slow):
    with pytest.raises(RulesError) as caught:
        parse(f"- kind: CITY\n  ja: 市\n  pattern: '{slow}'\n")

    assert "may be slow" in caught.value.complaints[0]


@pytest.mark.parametrize(
    "fine", ["L[0-9]{7}", "[A-Z]{2}-[0-9]{1,20}", "(?:甲|乙)第[0-9]{1,6}号", "(?<![0-9])[0-9]{4}(?=番)"]
)
def test_an_ordinary_pattern_is_taken(fine):
    (rule,) = parse(f"- kind: CITY\n  ja: 市\n  pattern: '{fine}'\n")

    assert rule.pattern.pattern == fine


def test_an_empty_file_has_no_rules():
    assert parse("# まだありません\n") == ()


def test_a_file_that_is_not_there_is_told_without_its_folder(tmp_path):
    with pytest.raises(RulesError) as caught:
        rules(tmp_path / "none.yaml")

    assert caught.value.complaints[0].startswith("none.yaml: ")


def test_a_detector_with_a_rules_file_finds_what_it_says_and_all_else():
    from redaction.detector import Detector

    ruled = Detector(rules=EXAMPLE)
    ruled.load()
    (found,) = ruled.find_now(["図書館の利用カード L1234567 は山田太郎さんのものです"])
    assert {finding.label for finding in found} == {"CITY_LIBRARY_CARD", "PERSON"}
    ruled.close()
