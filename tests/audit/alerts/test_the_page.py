"""docs/alerts.md tells of every rule, as it ships."""

import re
from datetime import timedelta
from pathlib import Path

from audit.alerts.model import SEVERITY_WORDS
from tests.audit.alerts.counts import thresholds

PAGE = Path(__file__).parents[3] / "docs" / "alerts.md"
PERIODS = {"hour": "時", "day": "日", "month": "月", "ever": "ずっと"}


def window_said(window: timedelta) -> tuple[str, ...]:
    """As the page may say it."""
    hours = window.total_seconds() / 3600
    if not window:
        return ("なし", "—")
    return (f"{window.days}日", f"{hours:.0f}時間", f"{hours * 60:.0f}分")


def test_the_page_tells_every_rule_as_it_ships() -> None:
    rows = {
        cells[0]: cells
        for line in PAGE.read_text("utf-8").splitlines()
        if re.match(r"\| A-[0-9]{2} ", line)
        for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    }
    rules = thresholds().rules
    assert set(rows) == set(rules)
    for id, rule in rules.items():
        _, title, _, severity, period, threshold, window, todo = rows[id]
        assert (title, severity, period) == (rule.ja, SEVERITY_WORDS[rule.severity], PERIODS[rule.period])
        assert re.match(r"[0-9,]+", threshold)[0].replace(",", "") == str(rule.threshold), id  # type: ignore[index]
        assert window in window_said(rule.window), id
        assert todo
