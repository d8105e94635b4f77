"""The catalogue finds what the ledger holds, nothing else, for whoever may see it: in both stores."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.address import Address
from audit.catalogue import filling
from audit.catalogue.filling import catch_up
from audit.catalogue.grams import folded, grams, holds
from audit.catalogue.marks import marks
from audit.catalogue.pages import Found
from audit.catalogue.question import Question, Reach, TooShort
from audit.ledger import Ledger
from audit.model import Draft
from audit.names import exchange_id, now
from audit.stores.shelf import shelf_of
from tests.audit import aged
from tests.audit.ledgers import asked, kinds
from tests.audit.searched import search

ALL = Reach.everything()


@pytest.fixture
def place(address: Address) -> Address:
    return address


def said(*texts: str) -> str:
    """A masked question as the desk keeps it."""
    turns = [{"role": "user", "content": one} for one in texts]
    return json.dumps({"purpose": None, "request": {"model": "m", "messages": turns}})


def ask(
    ledger: Ledger, text: str = "給付金の案内文を作る", answer: str | None = "案内文です", **body: Any
) -> str:
    """One exchange; its id. ``answer`` None: it stays open."""
    name = exchange_id(now())
    ledger.append_now(Draft("asked", name, asked(**body), said(text)))
    if answer is not None:
        ledger.append_now(Draft("answered", name, {"egress_state": "masked"}, json.dumps(answer)))
    return name


def found(
    ledger: Ledger, reach: Reach = ALL, limit: int = 50, cursor: str | None = None, **asked: Any
) -> Found:
    return search(ledger.address, Question(**asked), reach, limit, cursor)


def names(page: Found) -> list[str]:
    return [card["exchange"] for card in page.cards]


# ── words ────────────────────────────────────────────────────────────────────────────────────────


@given(st.text(max_size=60), st.integers(0, 58), st.integers(2, 9))
def test_every_substring_has_its_pairs_in_the_text(text: str, start: int, length: int) -> None:
    whole = folded(text)
    part = whole[start : start + length]
    assert grams(part) <= grams(whole)
    assert holds(json.dumps(text), folded(part))


@pytest.mark.requirement("R48")
def test_two_characters_find_a_text_however_they_are_spelled(ledger: Ledger) -> None:
    one = ask(ledger, "高槻市のＩＴ推進課で、ﾃﾞｼﾞﾀﾙ化を進める。")
    ask(ledger, "ごみの収集日を知らせる文")
    for word in ("槻市", "IT", "it推進", "デジタル化", "推進課で、デ", "高槻市の"):
        assert names(found(ledger, words=(word,))) == [one], word
    assert names(found(ledger, words=("IT", "高槻"))) == [one]
    for word in ("高市", "推課", "デジタル課", "市高槻"):
        assert names(found(ledger, words=(word,))) == [], word


def test_the_masked_answer_is_searched_too_and_names_of_fields_are_not(ledger: Ledger) -> None:
    one = ask(ledger, "あいさつ文", "拝啓 時下ますますご清栄の段")
    assert names(found(ledger, words=("清栄",))) == [one]
    assert names(found(ledger, words=("messages",))) == []


@pytest.mark.parametrize("word", ["", "あ", " ", "あ い"])
def test_what_is_too_short_to_be_looked_for_is_said_to_be(ledger: Ledger, word: str) -> None:
    ask(ledger)
    with pytest.raises(TooShort):
        found(ledger, words=(word,))


def test_a_word_with_a_character_beyond_the_first_65536_is_found_and_no_other(ledger: Ledger) -> None:
    """𠮷 (U+20BB7) and the character 2,048 places on have one number in a database."""
    one = ask(ledger, "𠮷野家の領収書")
    other = ask(ledger, f"{chr(ord('𠮷') + 2_048)}野家の領収書")
    for word in ("𠮷野", "𠮷野家"):
        assert names(found(ledger, words=(word,))) == [one], word
    assert names(found(ledger, words=("野家",))) == [other, one]
    assert names(found(ledger, words=("領収", "𠮷野"))) == [one]


def test_two_sections_whose_marks_are_the_same_are_still_two(ledger: Ledger) -> None:
    section, namesake = _of_one_mark("課")
    mine, _ = ask(ledger, "道路の陥没", section=section), ask(ledger, "道路の陥没", section=namesake)
    assert names(found(ledger, words=("陥没",), section=section)) == [mine]
    assert names(search(ledger.address, Question(words=("陥没",)), Reach(section=section))) == [mine]
    assert found(ledger, words=("陥没",), section=section).total == 1


def _of_one_mark(unit: str) -> tuple[str, str]:
    known: dict[tuple[str, ...], str] = {}
    for name in (f"{unit}{number}" for number in range(10_000)):
        if (other := known.setdefault(tuple(marks({"section": name}.get)), name)) != name:
            return other, name
    raise AssertionError("of 10,000 names two have one of 65,536 marks")


@given(st.text(max_size=40), st.text(max_size=8), st.text(max_size=8))
def test_no_mark_is_a_pair_of_any_text(text: str, value: str, other: str) -> None:
    made = {*marks({"person": value, "section": other, "model": None}.get)}
    assert len(made) == 2 and not made & grams(folded(text))


# ── filters ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R48")
def test_each_filter_finds_what_has_it_and_all_of_them_together(ledger: Ledger) -> None:
    usual = ask(ledger)
    caller = asked(person="012345", section="公園課")["caller"] | {"department": "公園部", "tool": "窓口"}
    special = {
        "caller": caller, "model_requested": "big", "category": "research", "class_effective": "3B",
        "verdict": "confirm", "conversation": "c-1", "use_case": "UC-7", "alarms": ["P-16"],
        "entities": {"CREDIT_CARD": 1}, "rules": [{"id": "P-09", "effects": ["deny"]}],
    }  # fmt: skip
    other = ask(ledger, "別の話", None, **special)
    ended = {
        "reason": "policy_denied",
        "egress_state": "none",
        "tokens": {"input": 40, "output": 60},
        "cost_yen": "1.5",
    }
    ledger.append_now(Draft("refused", other, ended))
    questions: list[dict[str, Any]] = [
        {"person": "012345"}, {"section": "公園課"}, {"department": "公園部"}, {"tool": "窓口"}, {"model": "big"},
        {"category": "research"}, {"confidentiality": "3B"}, {"verdict": "confirm"}, {"conversation": "c-1"},
        {"use_case": "UC-7"}, {"alarm": "P-16"}, {"entity": "CREDIT_CARD"}, {"rule": "P-09"}, {"outcome": "refused"},
        {"reason": "policy_denied"}, {"egress": "none"}, {"severity": "high"}, {"tokens": (100, 100)},
        {"yen": (1_500_000, None)}, {"exchange": other}, {"words": ("別の",)},
    ]  # fmt: skip
    for question in questions:
        assert names(found(ledger, **question)) == [other], question
    every = {name: value for question in questions for name, value in question.items()}
    assert names(found(ledger, **every)) == [other]
    assert names(found(ledger, **every | {"section": "道路課"})) == []
    assert names(found(ledger, tokens=(101, None))) == []
    assert names(found(ledger)) == [other, usual]


def test_an_exchange_is_open_until_it_ends_and_its_card_says_so(ledger: Ledger) -> None:
    one = ask(ledger, answer=None)
    (card,) = found(ledger).cards
    assert (card["outcome"], card["ended"]) == ("open", None)
    ledger.append_now(Draft("answered", one, {"egress_state": "unknown"}, json.dumps("答え")))
    (card,) = found(ledger, words=("答え",)).cards
    assert (card["outcome"], card["severity"], card["egress"]) == ("answered", "critical", "unknown")


def test_a_period_includes_its_first_moment_and_not_its_last(ledger: Ledger) -> None:
    ask(ledger)
    (card,) = found(ledger).cards
    at = datetime.fromisoformat(card["at"])
    assert found(ledger, since=at).total == 1 and found(ledger, until=at).total == 0
    assert found(ledger, since=at + timedelta(microseconds=1)).total == 0


# ── pages ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R48")
@pytest.mark.parametrize("words", [(), ("給付",), ("給付金の",)])
def test_pages_give_each_exchange_once_while_others_come_in(ledger: Ledger, words: tuple[str, ...]) -> None:
    before = [ask(ledger, f"給付金の案内 {n}") for n in range(23)]
    page = found(ledger, limit=5, words=words)
    assert (page.total, page.more) == (23, False)
    paged = names(page)
    while page.cursor:
        ask(ledger, "給付金の案内、あとから")
        page = found(ledger, limit=5, cursor=page.cursor, words=words)
        paged += names(page)
    assert paged == before[::-1]


def test_a_cursor_that_is_none_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="cursor"):
        found(ledger, cursor="x")


# ── whose ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R9")
def test_nobody_finds_what_is_out_of_reach_whatever_they_ask(ledger: Ledger) -> None:
    mine = ask(ledger, person="1", section="道路課")
    ask(ledger, person="2", section="公園課")
    own = Reach(department="都市創造部", section="道路課")
    assert names(found(ledger, own)) == [mine]
    assert names(found(ledger, own, section="公園課")) == [] and found(ledger, own, person="2").total == 0
    assert names(found(ledger, Reach(person="1"))) == [mine]
    assert names(found(ledger, Reach(department="別の部", section="道路課"))) == []
    assert names(found(ledger, Reach(nothing=True))) == []


# ── filling ──────────────────────────────────────────────────────────────────────────────────────


def test_two_processes_fill_one_catalogue_with_each_exchange_once(
    open_ledger: Callable[..., Ledger], place: Address
) -> None:
    one, other = open_ledger(), open_ledger()
    made = []
    for _ in range(5):
        made += [ask(one), ask(other)]
        catch_up(place)
    assert sorted(names(found(one))) == sorted(made)


def test_nobody_enters_what_is_older_than_what_stands_there(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue's lock comes first, the moment of the ledger second: a look that waits sees what came in meanwhile."""
    made = [ask(ledger)]
    catch_up(ledger.address)
    engine, real = shelf_of(ledger.address).writer(), filling.moments
    seen: list[int] = []

    @contextmanager
    def counted(place: Address) -> Iterator[Any]:
        with real(place) as moment:

            @contextmanager
            def counting() -> Iterator[Any]:
                with moment() as source:
                    seen.append(source.execute(filling.text("SELECT count(*) FROM records")).scalar_one())
                    yield source

            yield counting

    monkeypatch.setattr(filling, "moments", counted)
    with ThreadPoolExecutor(1) as other:
        with engine.begin():
            waiting = other.submit(catch_up, ledger.address)
            time.sleep(0.3)
            made.append(ask(ledger))
        waiting.result(30)
    assert seen[-1] == kinds(ledger.address)["asked"] * 2
    engine.dispose()
    monkeypatch.undo()
    assert names(found(ledger)) == made[::-1]


def test_another_ledger_in_its_place_is_entered_anew(
    tmp_path: Path, open_ledger: Callable[..., Ledger]
) -> None:
    path = tmp_path / "books.sqlite"
    first = open_ledger(path)
    ask(first)
    found(first)
    first.stop()
    second = open_ledger(tmp_path / "other.sqlite")
    one = ask(second, "別の台帳")
    second.stop()
    for end in ("", "-wal", "-shm"):
        source = tmp_path / f"other.sqlite{end}"
        if source.exists():
            source.replace(tmp_path / f"books.sqlite{end}")
    page = search(Address(path), Question(), ALL)
    assert names(page) == [one]
    assert search(Address(path), Question(words=("給付",)), ALL).total == 0


def test_a_catalogue_of_an_older_version_is_made_anew(
    tmp_path: Path, open_ledger: Callable[..., Ledger]
) -> None:
    path = tmp_path / "books.sqlite"
    ledger = open_ledger(path)
    one = ask(ledger)
    found(ledger)
    with sqlite3.connect(f"{path}-catalogue") as line:
        line.execute("UPDATE catalogue SET version = 0")
    line.close()
    assert names(found(ledger, words=("給付",))) == [one]


def test_the_catalogue_is_readable_for_nobody_else(
    tmp_path: Path, open_ledger: Callable[..., Ledger]
) -> None:
    ledger = open_ledger(tmp_path / "books.sqlite")
    found(ledger)
    assert (tmp_path / "books.sqlite-catalogue").stat().st_mode & 0o777 == 0o640


@pytest.mark.requirement("R49")
def test_what_is_erased_from_the_ledger_is_erased_from_the_catalogue(
    address: Address, keys: tuple[Path, Path]
) -> None:
    due = "2025-10-10T03:00:00+00:00" if address.url else aged.TEXT_TOO_OLD  # a database drops whole months
    aged.write(address, keys[0], due, ["x-1"])
    aged.write(address, keys[0], "2025-11-28T03:00:00+00:00", ["x-2"])
    aged.write(address, keys[0], aged.TOO_OLD, ["x-3"])

    def seen(*words: str) -> list[str]:
        return sorted(names(search(address, Question(words=words), ALL)))

    assert (
        seen("質問") == ["x-1", "x-2", "x-3"] and seen("x-1") == ["x-1"] and seen() == ["x-1", "x-2", "x-3"]
    )
    assert aged.purge(address, keys).trouble is None
    with closing(_raw(address)) as line:
        left = [line.execute(one).fetchone() for one in (_DATABASE if address.url else _FILE)]
    assert left == [(0,), (2,)], "the words of what is kept, and no others, before anybody looks"
    assert seen("質問") == ["x-2"] and seen("x-1") == [] and seen() == ["x-1", "x-2"]
    assert names(search(address, Question(person="demo", words=("質問",)), ALL)) == ["x-2"], "entered anew"


_FILE = [f"SELECT count(*) FROM words_2025_11 WHERE words_2025_11 MATCH '\"-{n}\"'" for n in (1, 2)]
_DATABASE = (
    "SELECT count(*) FROM pg_class WHERE relname = 'words_2025_10'",
    f"SELECT count(*) FROM public_catalogue.words_2025_11 WHERE grams @> ARRAY[{ord('-') << 16 | ord('2')}]",
)
"""How many texts have -1, or -2."""


def _raw(address: Address) -> Any:
    """The catalogue, past its reader."""
    if address.url:
        return psycopg.connect(address.url)
    return sqlite3.connect(f"{address.path}-catalogue")


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────


def test_the_same_masked_text_of_several_persons_is_one_campaign(ledger: Ledger) -> None:
    def text(placeholder: str) -> str:
        return f"{placeholder}様へのご案内を、やさしい日本語で書き直してください。"

    same: Sequence[str] = [
        ask(ledger, text("[PERSON_1_k7q2]"), person="1"),
        ask(ledger, text("[PERSON_2_zz99]"), person="2"),
    ]
    ask(ledger, text("[JP_ADDRESS_1_k7q2]"), person="3")
    ask(ledger, "こんにちは", person="4")
    marks = {card["exchange"]: card["campaign"] for card in found(ledger).cards}
    assert len({marks[one] for one in same}) == 1 and list(marks.values()).count(None) == 1
    assert sorted(names(found(ledger, campaign=marks[same[0]]))) == sorted(same)
