"""What one decision costs: a city's policy of 200 rules, its tables, registry, networks and word lists.

    make bench-decisions   or   .venv/bin/python tests/benchmarks/decisions.py [--out FILE]

The policy and 1,000 asks are made from a fixed seed, shaped like the proposal for Takatsuki: rules for single sections,
for what was found, for words, hours, models and use cases; tables of class by destination, of categories and of what was
found by evidence. Median, best and worst of several runs over all asks, in microseconds of processor time a decision, in
one process; beside it the same rules asked one by one. On a machine that is busy with something else every figure is
higher: the load stands above the table. Judges nothing; takes about five seconds.
"""

import argparse
import gc
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from policies import files  # noqa: E402
from policies.decide import Policy, Rule, decide, gate_of  # noqa: E402
from policies.facts import Facts  # noqa: E402
from policies.index import Index  # noqa: E402
from policies.model import Ask, EntityFact  # noqa: E402
from policies.vocabulary import (  # noqa: E402
    CATEGORIES,
    CLASSES,
    ENTITY_TYPES,
    EVIDENCE,
    RISKS,
    TIERS,
)

SEED = 20261101
RULES, ASKS, RUNS = 200, 1000, 15
PAIR = {"ja": "規則の題です。", "en": "The title of a rule."}
OFFICES = (
    "総務",
    "税務",
    "市民",
    "福祉",
    "保育",
    "道路",
    "下水",
    "環境",
    "教育",
    "消防",
    "人事",
    "財政",
    "広報",
    "農林",
)
SECTIONS = [f"{office}{kind}" for office in OFFICES for kind in ("課", "室", "センター", "第一係", "第二係")]
MODELS = ["own-gemma", "own-vision", "jp-*", "gpt-5*", "claude-*", "gemini-3-pro", "mistral-large", "trial-?"]
COMMON_TYPES = ["PERSON", "JP_ADDRESS", "PHONE_NUMBER", "EMAIL_ADDRESS", "JP_POSTAL_CODE", "DATE_OF_BIRTH"]


def policy_data(chance: random.Random, rules: int = RULES) -> dict[str, Any]:
    """A whole policy file as plain values."""
    return {
        "name": "bench",
        "version": "1",
        "title": PAIR,
        "closed_days": ["12-29..01-03"],
        "zones": [{"zone": f"zone{i}", "networks": [f"10.{i}.0.0/16", f"172.16.{i}.0/24"]} for i in range(6)],
        "models": [_model(name, chance) for name in MODELS],
        "use_cases": [_use_case(i, chance) for i in range(20)],
        "words": [
            {"id": f"W-{i}", "title": PAIR, "owner": "契約検査課", "terms": [f"予定価格{i}", f"計画{i}"]}
            for i in range(10)
        ],
        "detected": [
            {"id": "D-20", "title": PAIR, "basis": "案", "class": "3B", "when": {"persons_at_least": 20}},
            {"id": "D-pair", "title": PAIR, "basis": "案", "class": "3B", "when": {"pairs_at_least": 1}},
            {
                "id": "D-list",
                "title": PAIR,
                "basis": "案",
                "class": "3B",
                "when": {"entities": {"any_of": ["JP_VULNERABLE_LIST", "JP_PROTECTED_PERSON"]}},
            },
        ],
        "tables": _tables(chance),
        "rules": [_rule(i, chance) for i in range(rules)],
    }


def _model(name: str, chance: random.Random) -> dict[str, Any]:
    return {
        "name": name,
        "title": PAIR,
        "service": "own" if name.startswith("own") else "contract",
        "destination": "D1" if name.startswith("own") else chance.choice(["D2", "D3"]),
        "no_training": True,
        "recorded": True,
        "regions": ["jp"] if name.startswith(("own", "jp")) else ["jp", "us"],
        "contract": "契約書",
        "tools": ["search_*", "read_*"],
    }


def _use_case(i: int, chance: random.Random) -> dict[str, Any]:
    return {
        "id": f"UC-{i:02}",
        "title": PAIR,
        "owner": chance.choice(SECTIONS),
        "audience": "staff",
        "nature": "clerical",
        "confidential": chance.random() < 0.5,
        "human_judgement": True,
        "high_risk": False,
        "approval": {"by": "課長", "from": "2026-04-01", "until": "2027-03-31"},
    }


def _tables(chance: random.Random) -> list[dict[str, Any]]:
    said = {"notice": PAIR, "confirm": PAIR, "deny": PAIR}
    cells = ["allow", "mask", "mask+notice", "mask+confirm", "confirm", "deny"]
    return [
        {
            **{"id": "T", "title": PAIR, "basis": "案", "rows": "class", "columns": "destination", **said},
            "cells": {row: {column: chance.choice(cells) for column in TIERS} for row in CLASSES},
        },
        {
            **{"id": "C", "title": PAIR, "basis": "案", "rows": "category", "columns": "destination", **said},
            "cells": {row: {column: chance.choice(cells) for column in TIERS} for row in CATEGORIES},
        },
        {
            **{"id": "E", "title": PAIR, "basis": "案", "rows": "entity", "columns": "evidence", **said},
            "cells": {
                row: {column: chance.choice(["none", "mask", "notice", "confirm", "deny"]) for column in EVIDENCE}
                for row in ENTITY_TYPES
            },
        },
    ]  # fmt: skip


def _rule(i: int, chance: random.Random) -> dict[str, Any]:
    when = chance.choices(WHENS, weights=[6, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1])[0](chance)
    does: dict[str, Any] = chance.choice(
        [{"gate": "deny"}, {"gate": "confirm"}, {"gate": "allow"}, {"notice": PAIR}, {"gate": "deny", "alarm": True}]
    )  # fmt: skip
    risks = {"risk_refs": [chance.choice(RISKS)]}
    return {"id": f"P-{i:03}", "title": PAIR, "basis": "案", "remedy": PAIR, "when": when, **risks, **does}


def _some(chance: random.Random, values: Sequence[str], most: int) -> list[str]:
    return chance.sample(list(values), chance.randint(1, most))


WHENS: list[Callable[[random.Random], dict[str, Any]]] = [
    lambda c: {"section": _some(c, SECTIONS, 3), "category": _some(c, CATEGORIES, 3)},
    lambda c: {"entities": {"any_of": _some(c, ENTITY_TYPES, 4), "evidence": _some(c, EVIDENCE, 4)}},
    lambda c: {"category": _some(c, CATEGORIES, 4), "not": {"destination": _some(c, TIERS, 2)}},
    lambda c: {"words": [f"W-{c.randrange(10)}"], "class_at_least": c.choice(CLASSES)},
    lambda c: {"class": _some(c, CLASSES, 2), "destination": _some(c, TIERS, 2), "actor": ["contractor", "robot"]},
    lambda c: {"section": ["*" + c.choice(["係", "センター"])], "hours": {"from": "22:00", "until": "06:00"}},
    lambda c: {"model": _some(c, MODELS, 2), "persons_at_least": c.choice([1, 5, 20])},
    lambda c: {"use_case": {"high_risk": True}, "not": {"use_case": {"approved": True}}},
    lambda c: {"tools": {"not_approved": True}, "zone": [f"zone{c.randrange(6)}"]},
    lambda c: {"holiday": True, "not": {"role": ["operator", "csirt_reviewer"], "actor": "staff"}},
    lambda c: {c.choice(["enrolled", "trained", "acknowledged"]): False},
]  # fmt: skip


def asks(chance: random.Random, count: int = ASKS) -> list[Ask]:
    """Ordinary office days: most asks are drafts with a few names, some at night, some with tools."""
    return [_ask(chance) for _ in range(count)]


def _ask(chance: random.Random) -> Ask:
    night = chance.random() < 0.05
    day = datetime(2026, 11, 2, 1, 0, tzinfo=UTC) + timedelta(days=chance.randrange(120))
    found = [
        EntityFact(chance.choice(COMMON_TYPES if chance.random() < 0.9 else ENTITY_TYPES), chance.choice(EVIDENCE), 1)
        for _ in range(chance.choice([0, 0, 1, 2, 3, 6]))
    ]  # fmt: skip
    return Ask(
        person=f"person-{chance.randrange(200)}",
        department="都市創造部",
        section=chance.choice(SECTIONS),
        actor=chance.choices(["staff", "contractor", "robot"], weights=[18, 1, 1])[0],  # type: ignore[arg-type]
        identity="authenticated",
        tool="desk",
        enrolled=True,
        trained=chance.random() < 0.97,
        acknowledged=True,
        dialect="chat",
        model=chance.choice(["own-gemma", "jp-large", "gpt-5.2", "claude-5", "gemini-3-pro"]),
        destination=chance.choice(["D1", "D2"]),
        category=chance.choice(CATEGORIES),
        declared_class=chance.choice([None, "1", "2", "2", "3C"]),  # type: ignore[arg-type]
        entities=tuple(found),
        characters=chance.randrange(20_000),
        at=day + timedelta(hours=13 if night else chance.randrange(8), minutes=chance.randrange(60)),
        address=f"10.{chance.randrange(8)}.3.{chance.randrange(250)}",
        use_case=f"UC-{chance.randrange(20):02}" if chance.random() < 0.3 else None,
        persons=sum(fact.count for fact in found if fact.type == "PERSON"),
        words=("W-3",) if chance.random() < 0.05 else (),
        tools=("search_web", "send_mail") if chance.random() < 0.1 else (),
    )


def microseconds(policy: Policy, several: Sequence[Ask]) -> list[float]:
    """The mean over all asks for each run, sorted; the collector rests while it is measured."""
    took = []
    gc.collect()
    gc.disable()
    for _ in range(RUNS):
        began = time.process_time()
        for ask in several:
            decide(policy, ask)
        took.append((time.process_time() - began) / len(several) * 1e6)
    gc.enable()
    return sorted(took)


def row(name: str, took: Sequence[float]) -> str:
    return f"| {name} | {statistics.median(took):.1f} | {took[0]:.1f} | {took[-1]:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the table to this file as well")
    out: Path | None = parser.parse_args().out
    chance = random.Random(SEED)
    policy = files.parse(json.dumps(policy_data(chance), ensure_ascii=False))
    several = asks(chance)
    gates = [gate_of(decide(policy, ask)) for ask in several]
    hits = statistics.mean(len(decide(policy, ask).rules) for ask in several)
    lines = [
        f"{datetime.now().isoformat(timespec='minutes')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f},"
        f" Python {sys.version.split()[0]}",
        f"{len(policy.rules)} rules, {len(policy.tables)} tables of {sum(len(t.cells) for t in policy.tables)} cells,"
        f" {len(several)} asks, {hits:.1f} hits each: "
        + ", ".join(f"{gate} {gates.count(gate)}" for gate in ("allow", "confirm", "deny")),
        "",
        f"| µs a decision, {RUNS} runs | median | best | worst |",
        "|---|---|---|---|",
        *_measured(policy, several),
    ]
    print("\n".join(lines))
    if out:
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Plain(Index[Rule]):
    """Every rule asked, one by one: what the index saves."""

    def may_match(self, facts: Facts) -> list[Rule]:
        return list(self._rules)


def _measured(policy: Policy, several: Sequence[Ask]) -> list[str]:
    plain = replace(policy)
    object.__setattr__(plain, "index", Plain(plain.rules))
    assert [decide(plain, ask) for ask in several] == [decide(policy, ask) for ask in several]
    return [
        row("as it decides", microseconds(policy, several)),
        row("every rule asked", microseconds(plain, several)),
    ]


if __name__ == "__main__":
    main()
