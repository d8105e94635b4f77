"""``sekisho policy explain | schema | diff``: what officials are told of a recorded decision and of another policy."""

import csv
import io
import json
import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import settings as law
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from audit.address import Address
from audit.ledger import Ledger
from audit.model import Draft
from policies import files
from policies.commands import app as rules_app
from policies.decide import Policy
from policies.model import Ask
from policies.vocabulary import ENTITY_TYPES
from proxy import comparison
from proxy.__main__ import app
from proxy.comparison import OTHERS, Asked, Comparison, Shift, compare
from proxy.office.comparison_report import CSV_HEADS, neutral
from proxy.office.policy_versions import Shelf
from tests.audit.ledgers import Clock, named, rows
from tests.proxy.test_replay import ASKS
from tests.proxy.two_policies import OLD, an_ask, found, new_data, policy, record, rule, written

OLD_POLICY, NEW_POLICY = policy(OLD), policy(new_data())


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """Where the ledger lies: a file, then a database of a real server."""
    if request.param == "sqlite":
        return Address(tmp_path / "home" / "ledger.sqlite")
    return Address(url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def here(tmp_path: Path) -> Address:
    """The same for promises that do not depend on the store."""
    return Address(tmp_path / "home" / "ledger.sqlite")


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("SEKISHO_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def both(tmp_path: Path) -> tuple[str, str]:
    """OLD and NEW as files."""
    return str(written(tmp_path, OLD)), str(written(tmp_path, new_data()))


def run(*arguments: object, **options: Any) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, arguments)], **options)


def keep(where: Address, drafts: Iterable[tuple[datetime, Draft]]) -> None:
    """Write drafts into a ledger, each at its moment, oldest first."""
    clock = Clock(datetime(2026, 9, 1, tzinfo=UTC))
    ledger = Ledger(where, clock=clock)
    ledger.start()
    try:
        for clock.at, draft in drafts:
            ledger.append_now(draft)
    finally:
        ledger.stop()


def exchange(number: str, ask: Ask, **more: Any) -> Iterator[tuple[datetime, Draft]]:
    """A question with its masked text."""
    yield ask.at, Draft("asked", number, record(ask, OLD_POLICY.decide(ask), **more), "[PERSON_1]様")


def views(where: Address) -> list[dict[str, Any]]:
    return [
        json.loads(body)
        for (body,) in rows(where, "SELECT body FROM records WHERE kind = 'viewed' ORDER BY at, idx")
    ]


# ── a golden month ────────────────────────────────────────────────────────────────────────────────

SECTIONS = (("総務部", "庶務課"), ("都市創造部", "道路課"))
MONTH = list(
    product(
        SECTIONS, ("mail_draft", "minutes", "pr", "translate"), ("", "PERSON", "PHONE_NUMBER"), ("D2", "D3")
    )
)
FIRST = datetime(2026, 9, 30, 15, 0, tzinfo=UTC)
"""Midnight of 1 October in Japan."""
LAST = datetime(2026, 10, 31, 14, 59, 59, 999_999, tzinfo=UTC)


def asks_of_the_month() -> Iterator[tuple[str, Ask]]:
    for number, ((department, section), category, label, tier) in enumerate(MONTH):
        at = FIRST + (LAST - FIRST) * number / (len(MONTH) - 1)
        facts = {"entities": found(**{label: 2})} if label else {}
        where = {"department": department, "section": section, "category": category, "destination": tier}
        yield f"oct-{number:03}", an_ask(at=at, **where, **facts)


def month(where: Address) -> None:
    """October, and beside it: the last moment before, the first after, a knock, an old record, a strange type."""
    phone = found(PHONE_NUMBER=1)

    def drafts() -> Iterator[tuple[datetime, Draft]]:
        yield from exchange("september", an_ask(at=FIRST - timedelta(microseconds=1), entities=phone))
        for number, ask in asks_of_the_month():
            yield from exchange(number, ask)
        knocked = {"schema": 3, "caller": {"person": None}, "operation": "models", "category": None}
        yield LAST, Draft("asked", "knock", knocked)
        yield from exchange("strange", an_ask(at=LAST, entities=found(UNHEARD_OF=1)))
        broken = record(an_ask(at=LAST), OLD_POLICY.decide(an_ask(at=LAST)))
        del broken["words"]
        yield LAST, Draft("asked", "broken", broken)
        yield from exchange("older", an_ask(at=LAST, category="hr"), schema=2)
        yield from exchange("november", an_ask(at=LAST + timedelta(microseconds=1), entities=phone))

    keep(where, drafts())


def plainly(row: Any) -> tuple[str, str]:
    """The decision on one row of MONTH under OLD and NEW, worked out from what the files say and nothing else."""
    (_, section), category, label, tier = row
    old = "allow" if tier == "D2" else "confirm"
    if (category, label, tier) == ("minutes", "PERSON", "D2"):
        old = "allow+PERSON"
    new = "deny" if label == "PHONE_NUMBER" else "confirm" if label and section == "道路課" else "allow"
    return old, new


@pytest.mark.requirement("R2")
def test_the_golden_month_changes_as_it_is_worked_out_without_deciding_anything(
    address: Address, both: tuple[str, str], tmp_path: Path
) -> None:
    month(address)
    table, page = tmp_path / "changes.csv", tmp_path / "changes.html"

    result = run(
        "diff", *both, "--replay", "2026-10", "--ledger", named(address), "--json", "--csv", table, "--html", page,
        "--examples", "2", "--reason", "施行前の確認",
    )  # fmt: skip

    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)["replay"]
    moved = [(row, *plainly(row)) for row in MONTH if plainly(row)[0] != plainly(row)[1]]
    assert told["read"] == len(MONTH) + 4 and told["decided"] == len(MONTH) + 1
    assert told["left_out"] == {"never_decided": 1, "facts_missing": 1, "unknown_entity_type": 1}
    assert told["older"] == 1
    assert counted(told["decisions"]) == Counter((old, new) for _, old, new in moved)
    assert counted(told["by"]["section"], "item") == Counter(
        (" ".join(r[0]), old, new) for r, old, new in moved
    )
    assert counted(told["by"]["category"], "item") == Counter((r[1], old, new) for r, old, new in moved)
    assert counted(told["by"]["model"], "item") == Counter(("echo", old, new) for _, old, new in moved)
    assert counted(told["by"]["old_rule"], "item") == Counter(
        (f"T.2.{r[3]}", old, new) for r, old, new in moved
    )
    deciding = Counter(
        (name, old, new)
        for row, old, new in moved
        for name in (["R-phone"] if new == "deny" else ["R-roads"] if new == "confirm" else [f"T.2.{row[3]}"])
    )
    assert counted(told["by"]["new_rule"], "item") == deciding
    phones, prs = (sum(row[at] == what for row in MONTH) for at, what in ((2, "PHONE_NUMBER"), (1, "pr")))
    same = [row for row in MONTH if plainly(row) == ("confirm", "confirm")]
    assert counted(told["effects"], "effect", "item") == Counter(
        {
            ("notices", "R-phone", "R-phone", "-"): phones,
            ("notices", "R-pr", "-", "R-pr"): prs,
            ("alarms", "R-pr", "-", "R-pr"): prs,
            ("reason", "T.2.D3", "T.2.D3", "-"): len(same),
            ("reason", "R-roads", "-", "R-roads"): len(same),
            # what is rehearsed denies under both, so that only the gate differs there: nothing to tell
        }
    )
    other = [row for row in MONTH if row[2] == "PHONE_NUMBER" or row[1] == "pr" or row in same]
    assert told["changed"] == len({*other, *(row for row, *_ in moved)})
    for one in told["examples"]:
        fitting = [
            f"oct-{MONTH.index(row):03}" for row, old, new in moved if (old, new) == (one["old"], one["new"])
        ]
        assert one["exchanges"] == fitting[::-1][:2], "the newest first"

    assert summed(table.read_bytes(), "部・課 department, section") == len(moved)
    assert summed(table.read_bytes(), "業務区分 category") == len(moved)
    assert summed(table.read_bytes(), "判定の変化 decisions") == len(moved)
    assert "令和8年10月" in page.read_text("utf-8")
    assert views(address) == [
        {
            "what": "diff",
            "filters": {"month": "2026-10", "old": OLD_POLICY.digest, "new": NEW_POLICY.digest},
            "rows": len(MONTH) + 4,
            "os_user": views(address)[0]["os_user"],
            "reason": "施行前の確認",
        }
    ]


def counted(told: list[dict[str, Any]], *by: str) -> Counter[Any]:
    """What the JSON says, as a counter of ``(…by, old, new)``."""
    return Counter({(*(one[key] for key in by), one["old"], one["new"]): one["records"] for one in told})


def summed(content: bytes, table: str) -> int:
    """All that one table of the CSV counts."""
    assert content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert tuple(lines[0]) == CSV_HEADS and {len(line) for line in lines} == {5}
    return sum(int(line[4]) for line in lines if line[0] == table)


def test_a_policy_compared_with_itself_changes_nothing_and_ends_with_0(
    here: Address, both: tuple[str, str]
) -> None:
    month(here)

    result = run("diff", both[0], OLD_POLICY.digest, "--replay", "2026-10")
    assert result.exit_code == 2, "nobody has this policy yet"
    Shelf(Path("home")).keep(OLD_POLICY)
    result = run("diff", both[0], OLD_POLICY.digest, "--replay", "2026-10")

    assert result.exit_code == 0, result.output
    assert "何も変わりません。 / Of 49: nothing changes." in result.stdout
    assert run("diff", both[0], both[0]).exit_code == 0


def test_the_report_names_no_person_and_quotes_no_secret_word(
    here: Address, both: tuple[str, str], tmp_path: Path
) -> None:
    month(here)
    files_ = tmp_path / "a.csv", tmp_path / "a.html"

    shown = run("diff", *both, "--replay", "2026-10", "--csv", files_[0], "--html", files_[1])
    plain = run("diff", *both)

    texts = [shown.stdout, plain.stdout, *(file.read_text("utf-8") for file in files_)]
    for text in texts:
        assert "012345" not in text, "a person"
        assert "市庁舎移転" not in text and "駅前再開発" not in text, "a word that nobody knows of yet"
        assert "[PERSON_1]" not in text
    assert "言葉の一覧\tW-1\t変更 / changed\t言葉\t1語\t2語(1語増え、0語減る)" in plain.stdout
    assert "中身の変わった一覧(W-1)が文章にあるかは、分かりません。" in shown.stdout


def test_what_could_not_be_decided_again_is_said(here: Address, both: tuple[str, str]) -> None:
    month(here)

    said = run("diff", *both, "--replay", "2026-10").stdout

    for line in (
        "判定し直せない: 判定の前に終わった要求(モデルの一覧を含む) / ended before they were decided\t1",
        "判定し直せない: 判定に使った事実が記録にないもの / a fact is missing in the record\t1",
        "/ hold a type of personal data that a policy does not know\t1",
        "1 件は前の版の記録で、役割・言葉の一覧・添付などの事実がありません。",
        "どちらの方針も、期間中ずっと施行されていたものとして判定しました",
    ):
        assert line in said
    assert re.search(r"令和8年10月の 49 件のうち、\d+ 件で何かが変わります。", said)


def test_a_cell_is_called_what_it_says_under_either_policy(here: Address, both: tuple[str, str]) -> None:
    month(here)

    lines = run("diff", *both, "--replay", "2026-10").stdout.splitlines()

    (old, new), cell = (lines.index(f"# {title}".replace(" ", "\t", 1)) for title in (
        "変わる判定: 旧で決めた規則 / by rule that decided under OLD",
        "変わる判定: 新で決めた規則 / by rule that decided under NEW",
    )), "T.2.D3 機密性と送信先: 機密性2・D3 は"  # fmt: skip
    assert f"{cell}確認が要ります。\t20\t8\t12\t0" in lines[old:new]
    assert f"{cell}送れます。\t12\t0\t12\t0" in lines[new:]


def test_a_policy_that_is_not_in_force_yet_is_compared_as_if_it_were() -> None:
    coming = policy({**OLD, "effective": "2030-01-01"})

    assert compare(OLD_POLICY, coming, [asked_by(an_ask())]).changed == 0


def test_rules_kept_out_by_their_own_dates_are_named(here: Address, tmp_path: Path) -> None:
    dated = {
        **OLD,
        "rules": [*OLD["rules"], rule("R-later", {"always": True}, gate="deny", valid_from="2026-11-01")],
    }
    month(here)

    result = run(
        "diff", written(tmp_path, OLD), written(tmp_path, dated | {"name": "dated"}), "--replay", "2026-10"
    )

    assert result.exit_code == 0
    assert "止まっていた規則: R-later(新)" in result.stdout


def test_what_a_caller_wrote_is_neither_markup_nor_formula_nor_steers_a_terminal(
    here: Address, both: tuple[str, str], tmp_path: Path
) -> None:
    names = "=HYPERLINK(1)", "<script>x</script>", "[bold]x\x1b[2J\r\n"
    keep(here, (
        draft
        for number, model in enumerate(names)
        for draft in exchange(f"x-{number}", an_ask(model=f"own-{model}", entities=found(PHONE_NUMBER=1)))
    ))  # fmt: skip
    strange = json.loads(json.dumps(OLD).replace('"own-*"', '"*"'))
    one, other = written(tmp_path, strange | {"name": "one"}), tmp_path / "other.yaml"
    new = json.loads(json.dumps(new_data()).replace('"own-*"', '"*"'))
    other.write_text(json.dumps(new), "utf-8")
    table, page = tmp_path / "a.csv", tmp_path / "a.html"

    shown = run("diff", one, other, "--replay", "2026-10", "--csv", table, "--html", page)

    assert shown.exit_code == 1, shown.output
    assert "\x1b" not in shown.stdout and "own-[bold]x" in shown.stdout
    html = page.read_text("utf-8")
    assert "<script" not in html and "own-&lt;script&gt;x" in html
    assert not re.search(r"(src|href|url\(|@import)", html), "needs nothing from anywhere"
    assert "@page { size: A4" in html and '<html lang="ja">' in html and "<thead>" in html
    assert summed(table.read_bytes(), "モデル model") == 3


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_no_cell_of_the_csv_is_a_formula(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"
    assert neutral("道路課") == "道路課"


# ── laws of a comparison ──────────────────────────────────────────────────────────────────────────


def asked_by(ask: Ask, number: str = "x-1") -> Asked:
    return Asked(number, ask.at.isoformat(), record(ask, OLD_POLICY.decide(ask)))


def compared(old: Policy, new: Policy, asks: list[Ask]) -> Comparison:
    return compare(old, new, [asked_by(ask, f"x-{number}") for number, ask in enumerate(asks)])


@law(max_examples=25, deadline=None)
@given(st.lists(ASKS, max_size=6))
def test_any_month_compared_with_itself_changes_nothing(asks: list[Ask]) -> None:
    for one in (OLD_POLICY, NEW_POLICY):
        same = compared(one, one, asks)
        assert (same.changed, same.redecided, same.effects, same.examples) == (0, 0, Counter(), {})
        assert same.read == len(asks) == same.decided + same.left_out.total()


@law(max_examples=25, deadline=None)
@given(st.lists(ASKS, max_size=6))
def test_the_way_back_is_the_way_there_reversed(asks: list[Ask]) -> None:
    there, back = compared(OLD_POLICY, NEW_POLICY, asks), compared(NEW_POLICY, OLD_POLICY, asks)

    assert back.decisions == Counter({Shift(s.new, s.old): n for s, n in there.decisions.items()})
    assert back.effects == Counter({(e, i, new, old): n for (e, i, old, new), n in there.effects.items()})
    assert back.changed == there.changed
    for shift in there.decisions:
        stricter = Shift(shift.new, shift.old).stricter
        assert shift.stricter is (None if stricter is None else not stricter)


@law(max_examples=25, deadline=None)
@given(st.lists(ASKS, max_size=6))
def test_every_group_counts_every_changed_decision(asks: list[Ask]) -> None:
    change = compared(OLD_POLICY, NEW_POLICY, asks)

    for group in ("section", "category", "model"):
        assert sum(n for (its, _, _), n in change.moved.items() if its == group) == change.redecided
        assert sum(n for (its, _), n in change.seen.items() if its == group) == change.decided
    assert change.redecided <= change.changed <= change.decided


@pytest.mark.parametrize(
    ("old", "new", "stricter"),
    [
        ("allow", "deny", True), ("deny", "confirm", False), ("confirm", "deny", True),
        ("allow+PERSON", "allow", True), ("allow", "allow+PERSON", False), ("allow+PERSON", "deny", True),
        ("allow+PERSON", "allow+JP_ADDRESS", None), ("allow", "confirm+PERSON", None),
        ("confirm+PERSON", "allow", None), ("allow+PERSON", "confirm", True), ("confirm", "allow+PERSON", False),
        ("allow+PERSON", "confirm+JP_ADDRESS", None), ("deny", "confirm+PERSON", False), ("confirm+PERSON", "deny", True),
    ],
)  # fmt: skip
def test_a_shift_knows_which_way_it_goes(old: str, new: str, stricter: bool | None) -> None:
    assert Shift(old, new).stricter is stricter


def test_memory_does_not_grow_with_the_month() -> None:
    def peak(many: int) -> int:
        asks = (
            an_ask(entities=found(PHONE_NUMBER=1), model=f"own-{number % 9}", section=f"s-{number % 9}")
            for number in range(many)
        )
        tracemalloc.start()
        compare(OLD_POLICY, NEW_POLICY, (asked_by(ask, f"x-{n}") for n, ask in enumerate(asks)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(20)
    assert peak(600) < peak(60) + 150_000, "540 records more, of some kilobytes each"


def test_models_beyond_measure_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MOST", 20)
    asks = [an_ask(entities=found(PHONE_NUMBER=1), model=f"own-{n}") for n in range(25)]

    change = compared(OLD_POLICY, NEW_POLICY, asks)

    assert change.seen["model", OTHERS] == 5
    assert sum(n for (group, _, _), n in change.moved.items() if group == "model") == 25


# ── what cannot be done ───────────────────────────────────────────────────────────────────────────


def test_nothing_is_told_or_written_where_the_view_cannot_be_recorded(
    here: Address, both: tuple[str, str], tmp_path: Path
) -> None:
    month(here)
    assert here.path
    here.path.chmod(0o440)
    table = tmp_path / "a.csv"

    result = run("diff", *both, "--replay", "2026-10", "--csv", table)
    explained = run("explain", "oct-001")

    for one in (result, explained):
        assert one.exit_code == 2
        assert one.stdout == ""
        assert "閲覧を記録できないため、何も表示しません" in one.stderr
    assert not table.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--replay", "10月"], "--replay は 2026-10 の形です"),
        (["--replay", "2026-13"], "--replay は 2026-10 の形です"),
        (["--replay", "0001-01"], "--replay は 2026-10 の形です"),
        (["--replay", "9998-12"], "--replay は 2026-10 の形です"),
        (["--csv", "a.csv"], "--csv と --html には --replay 2026-10 が要ります"),
        (["--replay", "2026-10", "--csv", "old-city.yaml"], "old-city.yaml はもうあります"),
        (["--replay", "2026-10", "--html", "nowhere/a.html"], "nowhere というフォルダーがありません"),
        (["--replay", "2026-10", "--html", "a", "--csv", "a"], "同じファイルは書けません"),
        (["--replay", "2026-10"], "台帳"),
        (["--replay", "2026-10", "--reason", "123456789018"], "番号"),
    ],
)
def test_a_diff_that_cannot_be_done_ends_with_2_and_one_sentence(
    both: tuple[str, str], options: list[str], said: str
) -> None:
    result = run("diff", *both, *options)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr and result.stderr.count("\n") == 1
    assert "123456789018" not in result.stderr


def test_a_policy_that_is_none_is_told_with_its_line(both: tuple[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: broken\nnonsense: 1\n", "utf-8")

    for arguments in ((both[0], str(broken)), ("nobody-knows", both[1]), (both[0], "f" * 64)):
        result = run("diff", *arguments)
        assert result.exit_code == 2 and result.stdout == "" and result.stderr.count("\n") == 1
    assert "broken.yaml:1:" in run("diff", both[0], str(broken)).stderr


# ── explain ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R2")
def test_a_recorded_request_is_explained_by_the_version_that_decided_it(address: Address) -> None:
    ask = an_ask(entities=found(PHONE_NUMBER=1), category="translate")
    keep(address, exchange("x-1", ask))
    Shelf(Path("home")).keep(OLD_POLICY)

    result = run("explain", "x-1", "--ledger", named(address), "--reason", "問い合わせ 12")

    assert result.exit_code == 0, result.output
    for line in (
        f"方針: old-city 1 (SHA-256 {OLD_POLICY.digest[:12]}) / policy",
        "判定: 送信できます(allow) / Verdict: may be sent (allow)",
        "○ R-phone 規則R-phone / Rule R-phone",
        "× R-words 規則R-words / Rule R-words",
        "記録と同じ判定です。 / Decided as it was recorded.",
    ):
        assert line in result.stdout
    assert "    ○ 見つかった個人情報: 規則は any_of=電話番号、この要求は 電話番号(context)×1" in result.stdout
    assert "012345" not in result.stdout, "no rule asked for the person"
    (view,) = views(address)
    assert (view["what"], view["filters"], view["rows"]) == ("explain", {"exchange": "x-1"}, 1)
    assert view["reason"] == "問い合わせ 12"


@pytest.mark.requirement("R2")
def test_a_record_that_was_decided_otherwise_is_said_loudly_and_ends_with_1(here: Address) -> None:
    ask = an_ask(entities=found(JP_MY_NUMBER=1))
    keep(here, exchange("x-1", ask, verdict="permit", decisive=[]))
    Shelf(Path("home")).keep(OLD_POLICY)

    result = run("explain", "x-1")
    told = json.loads(run("explain", "x-1", "--json").stdout)

    assert result.exit_code == 1
    assert "■■ 記録と違う判定です。" in result.stdout
    assert '  verdict: 記録 "permit" → いま "refuse" / recorded → now' in result.stdout
    assert told["differences"] == [
        {"name": "verdict", "recorded": "permit", "now": "refuse"},
        {"name": "decisive", "recorded": [], "now": ["R-number"]},
    ]


def test_a_recorded_request_is_explained_by_another_policy_on_demand(
    here: Address, both: tuple[str, str]
) -> None:
    keep(here, exchange("x-1", an_ask(entities=found(PHONE_NUMBER=1))))

    same, other = (run("explain", "x-1", "--policy", file) for file in both)

    assert (same.exit_code, other.exit_code) == (0, 1)
    assert (
        f"記録されたときの版({OLD_POLICY.digest[:12]})ではありません" in other.stdout
        and "■■" not in other.stdout
    )
    assert "決めた規則: R-phone / Decided by: R-phone" in other.stdout


def test_the_policy_of_a_record_is_found_in_the_ledger_where_the_house_has_lost_it(here: Address) -> None:
    in_force = Draft(
        "noted", None, {"event": "policy.in_force", "by": "x", "digest": OLD_POLICY.digest, "document": OLD}
    )
    at = datetime(2026, 10, 1, tzinfo=UTC)
    keep(here, [(at, in_force), *exchange("x-1", an_ask())])

    assert run("explain", "x-1").exit_code == 0


def test_a_knock_a_stranger_and_a_lost_policy_cannot_be_explained(here: Address) -> None:
    at = datetime(2026, 10, 1, tzinfo=UTC)
    knock = Draft("asked", "knock", {"schema": 3, "caller": {}, "operation": "chat"})
    ending = Draft("refused", "knock", {"egress_state": "none", "reason": "invalid_api_key"})
    keep(here, [(at, knock), (at, ending), *exchange("x-1", an_ask())])

    knocked, stranger, lost = run("explain", "knock"), run("explain", "x-9"), run("explain", "x-1")

    assert [one.exit_code for one in (knocked, stranger, lost)] == [2, 1, 2]
    assert "判定の前に終わった要求です" in knocked.stderr and "invalid_api_key" in knocked.stderr
    assert "やり取り x-9 は台帳にありません。" in stranger.stderr
    assert OLD_POLICY.digest[:12] in lost.stderr
    assert [view["rows"] for view in views(here)] == [1, 0, 1], "who looked is recorded, whatever came of it"


def test_an_ask_in_a_file_is_explained_without_a_ledger(both: tuple[str, str], tmp_path: Path) -> None:
    form = {"person": "p", "department": "d", "section": "s", "actor": "staff", "identity": "authenticated",
            "tool": "t", "enrolled": True, "trained": True, "acknowledged": True, "dialect": "chat",
            "model": "echo", "destination": "D2", "category": "mail_draft"}  # fmt: skip
    (tmp_path / "ask.json").write_text(json.dumps(form))

    from_file = run("explain", "ask.json", "--policy", both[0])
    from_stdin = run("explain", "-", "--policy", both[0], input=json.dumps(form))

    assert from_file.exit_code == from_stdin.exit_code == 0
    assert from_file.stdout == from_stdin.stdout
    assert "○ T 機密性と送信先" in from_file.stdout


@pytest.mark.requirement("R2")
def test_a_kind_of_data_that_the_city_gave_up_since_makes_no_difference_to_a_record(here: Address) -> None:
    card = an_ask(entities=found(CITY_CARD=1))
    then = files.remade(OLD, "old-city.json", (*ENTITY_TYPES, "CITY_CARD"))
    keep(
        here,
        [
            (card.at, Draft("asked", "known", record(card, then.decide(card)))),
            (card.at, Draft("asked", "strange", record(card, OLD_POLICY.decide(card)))),
        ],
    )
    Shelf(Path("home")).keep(OLD_POLICY)

    for number in ("known", "strange"):
        result = run("explain", number)
        assert result.exit_code == 0, result.output
        assert "記録と同じ判定です。" in result.stdout


def test_a_name_that_is_too_long_for_a_file_is_looked_for_in_the_ledger(
    here: Address, both: tuple[str, str]
) -> None:
    keep(here, exchange("x-1", an_ask()))

    explained = run("explain", "x" * 300)
    compared = run("diff", *both, "--replay", "2026-10", "--csv", "y" * 300)

    assert (explained.exit_code, explained.stdout) == (1, "")
    assert "台帳にありません。" in explained.stderr
    assert compared.exit_code == 2 and "に書けません" in compared.stderr


# ── a city's own kinds of data ────────────────────────────────────────────────────────────────────

KIND = '- {kind: CITY_CARD, ja: カード, pattern: "L[0-9]{7}"}\n'
CARD_TESTS = """\
base: {person: p, department: d, section: s, actor: staff, identity: authenticated, tool: t, enrolled: true,
       trained: true, acknowledged: true, dialect: chat, model: echo, destination: D2, category: mail_draft}
cases:
  - {name: カード, ask: {entities: [{type: CITY_CARD}]}, expect: {gate: deny, includes: [R-card]}}
"""


@pytest.fixture
def cards(tmp_path: Path) -> str:
    """A policy that speaks of a kind of data which this city added, and its tests."""
    card = rule("R-card", {"entities": {"any_of": ["CITY_CARD"]}}, gate="deny")
    file = written(tmp_path, {**OLD, "name": "cards", "rules": [*OLD["rules"], card]})
    file.with_suffix(".tests.yaml").write_text(CARD_TESTS, "utf-8")
    return str(file)


def test_the_rules_rooms_commands_know_the_kinds_of_data_that_the_gateway_finds(
    cards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = ("check", cards), ("test", cards), ("explain", "--case", "カード", "--policy", cards)
    for command in commands:
        done = run(*command)
        assert done.exit_code in (1, 2) and "CITY_CARD" in done.output, done.output

    (tmp_path / "kinds.yaml").write_text(KIND, "utf-8")
    monkeypatch.setenv("SEKISHO_RULES", "kinds.yaml")

    for command in commands:
        done = run(*command)
        assert done.exit_code == 0, done.output


def test_kinds_of_data_that_cannot_be_read_end_a_command_with_2_and_one_sentence(
    cards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kinds.yaml").write_text("- {kind: x}\n- {kind: y}\n", "utf-8")
    monkeypatch.setenv("SEKISHO_RULES", "kinds.yaml")

    for command in (("check", cards), ("test", cards), ("explain", "--case", "カード", "--policy", cards)):
        done = run(*command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "SEKISHO_RULES" in done.stderr and done.stderr.count("\n") == 1


# ── schema ────────────────────────────────────────────────────────────────────────────────────────


def schema(of: str) -> Any:
    printed = json.loads(run("schema", of).stdout)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(printed)
    return jsonschema.Draft202012Validator(printed)


@pytest.mark.parametrize("city", files.city_names())
def test_every_policy_that_ships_fits_the_printed_schema_and_so_do_its_tests(city: str) -> None:
    tests = files.CITIES / f"{city}.tests.yaml"
    for of, path in (("policy", files.find(city)), ("tests", tests)):
        data = files.read_yaml(files.read(path), path.name).data
        assert [error.json_path for error in schema(of).iter_errors(data)] == []


def test_the_schema_of_a_policy_refuses_what_the_house_refuses_and_takes_one_for_a_list_of_one() -> None:
    fits: Callable[[Any], bool] = schema("policy").is_valid
    assert fits(OLD) and fits(new_data())
    assert fits({**OLD, "rules": [rule("R", {"actor": "staff"}, gate="allow")]})
    for when in (
        {"actor": ["stranger"]},
        {"nonsense": True},
        {"class": "9"},
        {"hours": {"from": "9", "until": "17:00"}},
    ):
        assert not fits({**OLD, "rules": [rule("R", when, gate="allow")]})
    assert not fits({**OLD, "rules": [rule("R", {"always": True}, gate="block")]})
    assert not fits({key: value for key, value in OLD.items() if key != "rules"})


def test_the_schema_of_an_ask_says_what_each_value_may_be() -> None:
    judge = schema("ask")
    form = {"person": "p", "department": "d", "section": "s", "actor": "staff", "identity": "authenticated",
            "tool": "t", "enrolled": True, "trained": True, "acknowledged": True, "dialect": "chat", "model": "echo",
            "destination": "D2", "category": "mail_draft", "class": None,
            "entities": [{"type": "PERSON", "evidence": "cue", "count": 2}], "attachments": ["image"]}  # fmt: skip
    assert judge.is_valid(form)
    for name, value in (
        ("actor", "x"),
        ("class", "9"),
        ("destination", "D9"),
        ("attachments", ["x"]),
        ("person", 1),
    ):
        assert not judge.is_valid(form | {name: value}), name
    assert not judge.is_valid(form | {"entities": [{"type": "NAME"}]})
    assert judge.schema["properties"]["class"]["description"] == "機密性"


def test_a_schema_of_something_else_is_refused_in_one_sentence() -> None:
    result = run("schema", "city")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "ask, policy, tests のどれか" in result.stderr


def test_the_rules_rooms_own_commands_stand_beside_and_are_left_as_they_are() -> None:
    ours = run("--help").stdout
    for name in ("check", "test", "explain", "schema", "diff"):
        assert name in ours
    assert "schema" not in CliRunner().invoke(rules_app, ["--help"]).stdout
