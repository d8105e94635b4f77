"""Each recogniser is an ordinary Presidio recogniser: any Presidio user can take it."""

import pytest

from redaction.recognizers import kinds


def test_a_recogniser_works_in_a_plain_presidio_engine_on_unfolded_text():
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

    from redaction.nlp import SudachiEngine
    from redaction.recognizers import recognizers

    registry = RecognizerRegistry(recognizers=recognizers(), supported_languages=["ja"])
    plain = AnalyzerEngine(registry=registry, nlp_engine=SudachiEngine(), supported_languages=["ja"])
    text = "ﾔﾏﾀﾞ ﾀﾛｳ様の電話は０７２−６７４−７１１２です"

    results = plain.analyze(text, language="ja", score_threshold=0.35)
    seen = {text[result.start : result.end]: result.entity_type for result in results}
    assert seen == {"ﾔﾏﾀﾞ ﾀﾛｳ": "PERSON", "０７２−６７４−７１１２": "PHONE_NUMBER"}


def test_a_recogniser_works_with_another_nlp_engine():
    from redaction.recognizers.person import PersonRecognizer

    (result,) = PersonRecognizer().analyze("東係長です", ["PERSON"], None)[:1]

    assert (result.entity_type, result.start, result.end) == ("PERSON", 0, 1)


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_kind_is_found_by_a_file_that_names_it(kind):
    from redaction.recognizers import recognizers

    of_kind = [recognizer for recognizer in recognizers() if recognizer.kind == kind]

    assert of_kind
    for one in of_kind:
        if one.name == "tagged":  # the one that tells of several kinds
            assert kind in one.get_supported_entities()
        else:
            assert one.get_supported_entities() == [kind]
        assert type(one).__module__ == f"redaction.recognizers.{one.name}"
        assert one.ja
