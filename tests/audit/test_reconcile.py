"""The provider's bill beside the ledger: what went past the checkpoint shows, whatever the chains say."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audit.address import Address
from audit.ledger import Ledger
from audit.model import Draft
from audit.months import Month
from audit.names import exchange_id
from audit.query import reading
from audit.reconcile import Line, Unplaced, Use, compare, read_usage, recorded
from tests.audit.cargo import refused, run
from tests.audit.ledgers import named, rows

OCTOBER = datetime(2026, 10, 31, 14, 59, 59, tzinfo=UTC)  # the last second of October in Japan
NOVEMBER = datetime(2026, 10, 31, 15, 0, 0, tzinfo=UTC)


def used(ledger: Ledger, **ending: Any) -> None:
    """One exchange with this ending."""
    name = exchange_id(OCTOBER)
    facts = {"model_asked": "m", "tries": 1, "egress_state": "masked"}
    facts["tokens"] = {"input": 10, "output": 5, "tokens_estimated": False}
    ledger.append_now(Draft("asked", name, {}))
    ledger.append_now(Draft("answered", name, facts | ending))


def test_a_month_in_japan_is_added_up_by_model(address: Address, open_ledger: Callable[..., Ledger]) -> None:
    for at in (OCTOBER, NOVEMBER):
        ledger = open_ledger(address, clock=lambda at=at: at)
        used(ledger)
        used(ledger, tries=2)
        used(ledger, model_asked="other", tokens={"input": 900, "output": 90, "tokens_estimated": True})
        used(ledger, egress_state="none")
        ledger.stop()
    with reading(address) as connection:
        assert recorded(connection, Month(2026, 10))[0] == {
            "m": Use(requests=2, input_tokens=20, output_tokens=10, tries=3),
            "other": Use(requests=1, tries=1, uncounted=1),
        }
        assert recorded(connection, Month(2026, 9)) == ({}, Unplaced())


@pytest.mark.parametrize(
    ("ours", "theirs", "agrees"),
    [
        (Use(2, 20, 10, tries=2), Use(2, 20, 10), True),
        (Use(2, 20, 10, tries=3), Use(3, 20, 10), True),
        (Use(2, 20, 10, tries=2), Use(3, 30, 15), False),  # one request went past us
        (Use(2, 20, 10, tries=2), Use(2, 21, 10), False),
        (Use(2, 20, 10, tries=2, uncounted=1), Use(2, 90, 50), True),
        (Use(2, 20, 10, tries=2), None, False),
        (None, Use(1, 1, 1), False),
    ],
)
def test_what_they_counted_and_we_did_not_shows(ours: Use | None, theirs: Use | None, agrees: bool) -> None:
    assert Line("m", ours, theirs).agrees is agrees


def test_both_books_stand_side_by_side() -> None:
    lines = compare({"a": Use(1)}, {"b": Use(2)})
    assert lines == [Line("a", Use(1), None), Line("b", None, Use(2))]


def test_the_provider_s_table_is_read_as_excel_writes_it() -> None:
    text = '\ufeffmodel,day,requests,input_tokens,output_tokens\nm,1,"1,204",30,4\nm,2,1,1,1\n'
    assert read_usage(text) == {"m": Use(1205, 31, 5)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "model"),
        ("model,requests\nm,1\n", "input_tokens"),
        ("model,requests,input_tokens,output_tokens\nm,1,2,3\nm,many,2,3\n", "3 行目"),
        ("model,requests,input_tokens,output_tokens\nm,-1,2,3\n", "2 行目"),
        ("model,requests,input_tokens,output_tokens\n,1,2,3\n", "2 行目"),
        ("model,requests,input_tokens,output_tokens\nm,,2,3\n", "2 行目"),
        ("model,requests,input_tokens,output_tokens\nm,1\n", "2 行目"),
        (f"model,requests,input_tokens,output_tokens\n{'m' * 200_000},1,2,3\n", "CSV"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_usage(text)


# ── the command ──────────────────────────────────────────────────────────────────────────────────

HEADER = "model,requests,input_tokens,output_tokens\n"


@pytest.fixture
def october(tmp_path: Path, open_ledger: Callable[..., Ledger]) -> Path:
    """A file with one answer, one exchange that was lost, and one ending that names no model."""
    place = tmp_path / "ledger.sqlite"
    ledger = open_ledger(place, clock=lambda: OCTOBER)
    used(ledger)
    used(ledger, model_asked=None)
    ledger.append_now(Draft("asked", "x-open", {}))
    ledger.stop()
    return place


def bill(folder: Path, text: str) -> Path:
    (folder / "usage.csv").write_text(HEADER + text, "utf-8")
    return folder / "usage.csv"


def test_what_no_line_counts_is_counted_apart_and_said(october: Path, tmp_path: Path) -> None:
    done = run("reconcile", "2026-10", bill(tmp_path, "m,1,10,5\n"), "--ledger", october)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "失われたやり取り 1 件" in done.stdout and "モデルの分からないもの 1 件" in done.stdout
    assert "CSIRT" not in done.stdout


def test_more_than_was_sent_says_what_to_do_next(october: Path, tmp_path: Path) -> None:
    done = run("reconcile", "2026-10", bill(tmp_path, "m,2,10,5\n"), "--ledger", october)
    assert done.exit_code == 1
    assert "関所を通らない利用か、月の区切りの違い" in done.stdout and "CSIRT" in done.stdout


def test_a_model_s_name_cannot_steer_the_terminal(october: Path, tmp_path: Path) -> None:
    done = run("reconcile", "2026-10", bill(tmp_path, "\x1b[2Jm,1,1,1\n"), "--ledger", october)
    assert done.exit_code == 1 and "\x1b" not in done.output


@pytest.mark.parametrize(
    ("month", "text", "says"),
    [
        ("October", "", "月は 2026-10 の形"),
        ("2026-10", "m,,1,1\n", "2 行目"),
        ("2026-10", "m" * 200_000, "CSV"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence_in_japanese_first(
    october: Path, tmp_path: Path, month: str, text: str, says: str
) -> None:
    assert (
        says
        in refused(run("reconcile", month, bill(tmp_path, text), "--ledger", named(october))).partition(
            " / "
        )[0]
    )
    assert rows(october, "SELECT count(*) FROM records WHERE kind = 'viewed'") == [(0,)]
