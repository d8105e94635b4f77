"""A city's file of alerts: what it changes, and what is told of what is wrong in it, with the line."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from audit.alerts.rules import RULES
from policies.complaints import PolicyError
from proxy.alerting.duties import opened
from proxy.alerting.terms import parse, terms_of
from proxy.house import inspect
from proxy.settings import BadSettings, read

SECRET = 'secret_file: "{folder}/secret"'


def complaints(yaml: str) -> list[tuple[int | None, str]]:
    with pytest.raises(PolicyError) as told:
        parse(yaml, "city.yaml")
    assert all(one.ja and one.en and one.file == "city.yaml" for one in told.value.complaints)
    return [(one.line, one.en) for one in told.value.complaints]


@pytest.mark.requirement("R52")
def test_what_ships_says_everything_of_every_rule() -> None:
    terms = parse(None)
    assert set(terms.thresholds.rules) == set(RULES) and terms.channels == ()
    assert terms.thresholds.rules["A-02"].threshold == 3
    assert terms.thresholds.month_yen is None
    assert [id for id, rule in terms.thresholds.rules.items() if not rule.enabled] == []


@pytest.mark.requirement("R52")
def test_a_citys_file_changes_what_it_says_and_nothing_else() -> None:
    shipped, own = (
        parse(None).thresholds,
        parse(
            "rules:\n  A-03: {threshold: 4, window: 2h}\n  A-09: {enabled: false}\n"
            'hours: {night_from: "20:30"}\nbudget: {month_yen: 500000}\n'
            'verification: {every: 1h, whole_at: "04:00"}\n'
        ).thresholds,
    )
    assert (own.rules["A-03"].threshold, own.rules["A-03"].window) == (4, timedelta(hours=2))
    assert own.rules["A-03"].severity == shipped.rules["A-03"].severity
    assert not own.rules["A-09"].enabled
    rest = set(RULES) - {"A-03", "A-09"}
    assert {id: own.rules[id] for id in rest} == {id: shipped.rules[id] for id in rest}
    assert (own.hours.night_from, own.hours.night_until) == (time(20, 30), shipped.hours.night_until)
    assert own.hours.closed_days
    assert own.month_yen == Decimal(500_000)
    assert (own.verification.every, own.verification.whole_at) == (timedelta(hours=1), time(4))


def test_the_closed_days_are_those_by_which_reports_are_due(tmp_path: Path) -> None:
    terms = terms_of(read(home=tmp_path, closed_days="10-01 2026-08-14"))
    noon = "T12:00:00+09:00"
    found = [terms.thresholds.hours.unusual(datetime.fromisoformat(f"{day}{noon}")) for day in (
        "2026-10-01", "2026-08-14", "2026-08-13", "2026-12-29", "2026-12-28",
    )]  # fmt: skip
    assert found == [True, True, False, True, False]


@pytest.mark.parametrize("yaml", ["# まだ何も変えない\n", "\n# a\n\n#b\n"])
def test_a_file_of_comments_alone_is_what_ships(yaml: str) -> None:
    assert parse(yaml) == parse(None)


@pytest.mark.requirement("R52")
@pytest.mark.parametrize(
    ("yaml", "line", "says"),
    [
        ("rules:\n  A-99: {threshold: 3}\n", 2, "unknown rule 'A-99'"),
        ("rules:\n  A-03:\n    threshold: 0\n", 3, "a count is 1 or more"),
        ("rules:\n  A-03:\n    treshold: 4\n", 3, "Did you mean 'threshold'?"),
        ("rules:\n  A-03:\n    severity: 高\n", 3, "Did you mean 'high'?"),
        ("rules:\n  A-03:\n    period: week\n", 3, "unknown value 'week'"),
        ("rules:\n  A-03:\n    window: 10x\n", 3, "write it like 10m"),
        ("rules:\n  A-03:\n    window: 10\n", 3, "in quotes"),
        ("rules:\n  A-03:\n    enabled: off\n", 3, "true or false"),
        ("hours:\n  night_from: 22:00\n", 2, "YAML reads 22:00 as a number"),
        ('hours:\n  night_from: "25:00"\n', 2, "no time of day"),
        ("verification:\n  every: 0m\n", 2, "1m or longer"),
        ("budget: {month_yen: -1}\n", 1, "whole number"),
        ("chanels: []\n", 1, "Did you mean 'channels'?"),
        ("channels:\n  - {name: x}\n", 2, "'kind' is missing"),
        ("channels:\n  - mail\n", 2, "key: value"),
        ("channels:\n  - name: x\n    kind: fax\n", 3, "unknown kind of channel 'fax'"),
        ("channels:\n  - {name: X, kind: mail, to: [a@b.jp]}\n", 2, "'X' is no name"),
        ("channels:\n  - name: x\n    kind: mail\n    to: [a]\n", 4, "'a' is no plain mail address"),
        ("channels:\n  - name: x\n    kind: mail\n    severity: worst\n    to: [a@b.jp]\n", 4, "'worst'"),
        ("channels:\n  - {name: x, kind: webhook, url: 'https://a/b'}\n", 2, "never stands here"),
        (
            "channels:\n  - {name: x, kind: webhook, url: 'https://u:p@a/b', secret_env: S}\n",
            2,
            "no user name or password",
        ),
        ("channels:\n  - {name: x, kind: webhook, secret_env: S}\n", 2, "either url or url_file"),
        (
            "channels:\n  - {name: x, kind: webhook, url: 'https://a', secret_env: SEKISHO_S}\n",
            2,
            "not beginning with SEKISHO_",
        ),
        (
            "channels:\n  - {name: x, kind: mail, to: [a@b.jp]}\n  - {name: x, kind: mail, to: [a@b.jp]}\n",
            3,
            "two channels 'x'",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(yaml: str, line: int, says: str) -> None:
    told = complaints(yaml)
    assert any(line == at and says in en for at, en in told), told


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = complaints("channels:\n  - {name: X, kind: mail, to: []}\n  - {name: y, kind: fax}\n")
    assert [line for line, _ in told] == [2, 2, 3]


def test_a_secret_that_is_not_there_is_told_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "alerts.yaml"
    settings = read(home=tmp_path / "home", alerts=file)
    hook = "channels:\n  - {{name: soc, kind: webhook, url: 'https://a/b', {}}}\n"
    for secret, says in (
        (f'secret_file: "{tmp_path}/none"', "cannot read it"),
        ("secret_env: SOC", "is empty"),
    ):
        file.write_text(hook.format(secret))
        with pytest.raises(BadSettings, match=says) as told:
            inspect(settings)
        assert "soc" in str(told.value)
    monkeypatch.setenv("SOC", "himitsu")
    inspect(settings)
    (channel,) = terms_of(settings).channels
    assert "himitsu" not in repr(channel) and "himitsu" not in repr(opened(channel, settings))


def test_a_file_that_cannot_be_read_or_is_wrong_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    settings = read(home=tmp_path / "home", alerts=file)
    with pytest.raises(BadSettings, match=r"alerts\.yaml"):
        inspect(settings)
    file.write_text("rules:\n  A-03: {threshold: many}\n")
    with pytest.raises(BadSettings, match=r"alerts\.yaml:2: "):
        inspect(settings)
