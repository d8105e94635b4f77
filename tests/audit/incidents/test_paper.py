"""An incident on paper: nine headed items, every figure an estimate, A4 with page x/y, and what people wrote stays text."""

import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.incidents import steps
from audit.incidents.clock import clock
from audit.incidents.closed import Calendar
from audit.incidents.estimate import Material, estimated
from audit.incidents.items import ITEM_WORDS, ITEMS
from audit.incidents.paper import EMPTY, paper
from audit.incidents.told import incident_told
from audit.paper import press
from audit.paper.markdown import markdown
from audit.paper.model import Heading, Pairs, Paper, Passage, Table
from tests.audit.incidents.played import CIO, NOW, WHY, Play, exchange

SEEN = Material(
    "01X0001", {"caller": {"key": "k", "person": "1"}}, {"egress_state": "unknown"}, "[PERSON_1_aaaa]"
)


def told(play: Play, whole: bool = True) -> dict[str, Any]:
    hands = clock(play.incident, Calendar(), play.now)
    return incident_told(play.incident, hands, estimated([SEEN]), whole=whole)


def played(**more: Any) -> Play:
    play = Play().opened(
        evidence=[exchange(1, drill=more.get("drill"))], known_at=NOW - timedelta(days=4), **more
    )
    play.filled("overview", "cause").does(steps.answered, "my_number", "yes", "番号があった")
    return play.does(steps.decided, "reportable", WHY, by=CIO).does(steps.escalated, "headquarters", WHY)


def pages(raw: bytes) -> list[str]:
    """The text of each page, read by another hand than the one that made it."""
    document = pypdfium2.PdfDocument(raw)
    try:
        return [re.sub(r"\s+", "", page.get_textpage().get_text_range()) for page in document]
    finally:
        document.close()


@pytest.mark.requirement("R53")
def test_it_has_nine_headed_items_in_the_order_of_the_form_in_both_forms() -> None:
    made = paper(told(played()), "100001", NOW)
    text = markdown(made)
    heads = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert heads == [f"{number} {ITEM_WORDS[name]}" for number, name in enumerate(ITEMS, 1)]
    assert text.count(re.sub(r"([()])", r"\1", EMPTY)) == 7, "what nobody wrote is called so"
    whole = "".join(pages(press.pdf(made, NOW)))
    places = [whole.index(f"{number}{ITEM_WORDS[name]}") for number, name in enumerate(ITEMS, 1)]
    assert places == sorted(places)


@pytest.mark.requirement("R53", "R55")
def test_every_number_of_persons_is_called_an_estimate_and_a_decision_names_who_made_it() -> None:
    for text in (
        markdown(paper(told(played()), "100001", NOW)),
        "".join(pages(press.pdf(paper(told(played()), "100001", NOW), NOW))),
    ):
        assert "見積もり" in text and "確かめた人数ではありません" in text
        assert "100002" in text and "該当するものがある" in text and "プログラムは判断していません" in text
    undecided = markdown(paper(told(Play().opened()), "100001", NOW))
    assert "まだ決まっていません。決めるのは人です。" in undecided


def test_who_sees_no_exchanges_gets_a_paper_without_anybodys_id() -> None:
    play = played()
    whole, without = (markdown(paper(told(play, kept), "100002", NOW)) for kept in (True, False))
    for id in ("100001", "012345", "01X0001"):
        assert id in whole and id not in without, id
    assert "除いたもの" in without and "100002" in without, "who decided is told"


@pytest.mark.requirement("R59")
def test_a_drill_says_so_on_every_page() -> None:
    play = played(drill="d-1")
    for name in ITEMS[4:]:
        play.does(steps.item, name, "長い文。\n" * 60)
    made = paper(told(play), "100001", NOW)
    every = pages(press.pdf(made, NOW))
    assert len(every) > 3 and all("【訓練】" in page for page in every)
    assert "**【訓練】**" in markdown(made)
    assert not any("【訓練】" in page for page in pages(press.pdf(paper(told(played()), "100001", NOW), NOW)))


def test_the_paper_is_a4_and_every_page_says_which_of_how_many_it_is() -> None:
    play = played()
    for name in ITEMS[4:]:
        play.does(steps.item, name, "長い文。\n" * 60)
    raw = press.pdf(paper(told(play), "100001", NOW), NOW)
    document = pypdfium2.PdfDocument(raw)
    try:
        sizes = {tuple(round(side * 25.4 / 72) for side in page.get_size()) for page in document}
    finally:
        document.close()
    every = pages(raw)
    assert sizes == {(210, 297)}
    assert all(f"{number}/{len(every)}" in page for number, page in enumerate(every, 1))
    table = [page for page in every if "日時役割・人できごと内容" in page]
    assert len(table) > 1, "the heads of a table come again on each page"


def test_the_same_paper_of_the_same_moment_is_the_same_file() -> None:
    made = paper(told(played()), "100001", NOW)
    first, again = press.pdf(made, NOW), press.pdf(made, NOW + timedelta(microseconds=123_456))
    assert (
        sha256(first).digest()
        == sha256(again).digest()
        != sha256(press.pdf(made, NOW + timedelta(days=1))).digest()
    )


def test_the_font_is_embedded_and_is_the_one_that_notofonts_gives() -> None:
    known = "dff723ba59d57d136764a04b9b2d03205544f7cd785a711442d6d2d085ac5073"
    assert sha256(press.font_path().read_bytes()).hexdigest() == known
    raw = press.pdf(paper(told(played()), "100001", NOW), NOW)
    assert set(re.findall(rb"/FontName\s*/[A-Z]{6}\+([\w-]+)", raw)) <= {
        b"NotoSansJP-Regular",
        b"NotoSansJP-Regular-Identity-H",
    }


def test_a_sign_without_a_type_is_a_geta_and_rare_letters_of_names_are_there() -> None:
    text = "髙﨑𠮷濵彅辻󠄀 한글 😀 ①㈱"
    page = pages(press.pdf(Paper("題", "", "足", [Passage(text)]), NOW))[0]
    assert "髙﨑𠮷濵彅" in page and "〓" in page and "한" not in page


HOSTILE = ("#", "*太字*", "<script>", "| 列 |", "# 見出し", "- 箇条", "1. 番号", "`code`", "$x$", "@ref", "//注", '#import "x"',
           "[link](http://x)", "\\", "= 題", "~", "&amp;", "{}", "#{panic()}", "---", "'\"")  # fmt: skip


@given(st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=6).map("\n".join))
def test_what_people_wrote_is_never_markup(text: str) -> None:
    written = Paper(text.replace("\n", " "), text.replace("\n", " "), "足", [
        Heading(text.replace("\n", " ")), Passage(text), Pairs([("名", text)]), Table(["あ", "い"], [[text, text]], [1, 2]),
    ])  # fmt: skip
    page = "".join(pages(press.pdf(written, NOW)))
    for line in text.split("\n"):
        assert page.count(re.sub(r"\s+", "", line)) >= 5
    said = markdown(written)
    assert len(re.findall(r"^#+ ", said, re.MULTILINE)) == 2, "no heading but ours"
    assert not re.search(r"(?<!\\)<(?!br>)", said) and not re.search(r"^(- |[0-9]+\. )", said, re.MULTILINE)


def test_where_no_pdf_can_be_made_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "report.typ"
    broken.write_text("#nothing-of-this-name()", "utf-8")
    monkeypatch.setattr(press, "TEMPLATE", broken)
    with pytest.raises(press.CannotPrint, match="Markdown"):
        press.pdf(Paper("題", "", "足", []), NOW)
