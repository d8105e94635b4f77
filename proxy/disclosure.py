"""What a document says that AI helped to write it (R36), made from the exchange's own record. Pure; holds no text of it.

この文書は、生成AIを利用して作成し、職員が内容を確認しています。(生成AI: gpt-5-mini、令和8年11月28日、番号: 01KB…)
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audit.query import Shown
from policies.days import day_of
from policies.model import Bilingual

TEXTS = ("chat", "responses", "messages")
"""Dialects whose replies are texts that somebody may use."""


@dataclass(frozen=True, slots=True)
class Label:
    """The sentence for one exchange. ``on`` is the day (JST) on which the text was made."""

    exchange: str
    model: str
    on: date
    says: Bilingual

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "exchange": self.exchange,
            "model": self.model,
            "on": self.on.isoformat(),
            "label": {"ja": self.says.ja, "en": self.says.en},
        }


class NoText(Exception):
    """The exchange gave nobody a text."""


def label_of(shown: Shown, sentence: Bilingual) -> Label:
    """The label of an exchange; ``sentence`` is the policy's. Raises `NoText`."""
    asked = json.loads(shown.asked.body)
    ending = shown.ending
    if ending is None or ending.kind != "answered" or asked.get("operation") not in TEXTS:
        raise NoText
    answered = json.loads(ending.body)
    model = answered.get("model_asked") or asked["model_requested"]
    on = day_of(datetime.fromisoformat(ending.at))
    number = shown.asked.exchange or ""
    says = Bilingual(
        f"{sentence.ja}(生成AI: {model}、{era(on)}、番号: {number})",
        f"{sentence.en} (AI: {model}, {on.isoformat()}, id: {number})",
    )
    return Label(number, model, on, says)


def era(day: date) -> str:
    """令和8年11月28日."""
    year = day.year - 2018
    return f"令和{'元' if year == 1 else year}年{day.month}月{day.day}日"
