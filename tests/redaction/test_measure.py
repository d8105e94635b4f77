"""The judge of detection: what is marked is counted where it stands, and a miss is never hidden."""

import pytest

from redaction.measure import as_table, documents, measure, parse, pooled
from redaction.model import Finding

MARKED = parse("d1", "memo", "担当　⟪PERSON:小鳥遊　優⟫様(⟪DATE_OF_BIRTH:S58.4.1⟫生)")
HARMLESS = parse("h1", "notice", "令和6年4月1日から施行する。")


def finding(label, start, end):
    return Finding(label, start, end, 0.9, "test", "pattern")


def test_marks_are_taken_out_and_their_places_kept():
    assert MARKED.text == "担当　小鳥遊　優様(S58.4.1生)"
    assert [(d.label, MARKED.text[d.start : d.end]) for d in MARKED.data] == [
        ("PERSON", "小鳥遊　優"),
        ("DATE_OF_BIRTH", "S58.4.1"),
    ]


@pytest.mark.parametrize("marked", ["⟪PERSON:山田", "山田⟫", "⟪person:山田⟫"])
def test_a_broken_mark_is_an_error(marked):
    with pytest.raises(ValueError, match="d1"):
        parse("d1", "memo", marked)


def test_one_uncovered_character_is_a_leak_but_white_space_is_not():
    whole = measure([MARKED], lambda text: [finding("PERSON", 3, 6), finding("PERSON", 7, 8)])
    assert (whole.types["PERSON"].leak, whole.types["DATE_OF_BIRTH"].leak) == (0.0, 1.0)
    part = measure([MARKED], lambda text: [finding("PERSON", 3, 6)])
    assert part.types["PERSON"].leak == 1.0
    assert part.misses[0] == ("d1", "PERSON", 3, 8)


def test_masked_as_another_type_is_no_leak_but_no_recall_either():
    result = measure([MARKED], lambda text: [finding("JP_ADDRESS", 0, len(text))])
    assert (result.types["PERSON"].leak, result.types["PERSON"].recall) == (0.0, 0.0)
    assert result.closed == 1
    assert 0 < (result.types["JP_ADDRESS"].precision or 0) < 1


def test_a_touched_harmless_document_is_counted():
    result = measure([MARKED, HARMLESS], lambda text: [finding("DATE_OF_BIRTH", 0, 3)])
    assert (result.harmless, result.touched, result.documents, result.closed) == (1, ["h1"], 1, 0)
    assert pooled(result).data == 1
    assert "harmless documents in which anything is masked: 1 of 1" in as_table(result)


def test_documents_are_read_from_a_folder_and_an_empty_one_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no documents"):
        documents(tmp_path)
    (tmp_path / "a.yaml").write_text("- {id: a1, genre: memo, text: '⟪PERSON:南⟫主任'}\n")
    assert [document.text for document in documents(tmp_path)] == ["南主任"]
