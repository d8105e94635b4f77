"""Two small policies that use whatever a policy may look at, an ask, and the record it leaves.

The second policy is the first one with a few things changed, so that what must change can be said without deciding
anything. Holds no fixtures and no tests.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from policies import files
from policies.decide import Policy
from policies.model import Ask, EntityFact, Verdict


def rule(id: str, when: Mapping[str, Any], **says: Any) -> dict[str, Any]:
    """One rule with what every rule needs; a confirm and a deny get their remedy."""
    made = {"id": id, "title": {"ja": f"規則{id}", "en": f"Rule {id}"}, "basis": "試験", "when": when, **says}
    if says.get("gate") in ("confirm", "deny"):
        made["remedy"] = {"ja": "直してください。", "en": "Mend it."}
    return made


def _model(name: str, **facts: Any) -> dict[str, Any]:
    return {
        "name": name,
        "title": {"ja": name, "en": name},
        "service": "contract",
        "destination": "D1",
        "no_training": True,
        "recorded": True,
        "regions": ["jp"],
        "contract": "試験",
        **facts,
    }


SAID = {"ja": "確かめてください。", "en": "Check it."}
OLD: dict[str, Any] = {
    "name": "old-city",
    "version": "1",
    "title": {"ja": "試験の方針", "en": "A policy of the tests"},
    "closed_days": ["12-29..01-03"],
    "zones": [{"zone": "hall", "networks": ["127.0.0.0/8", "10.0.0.0/8"]}],
    "models": [
        _model("echo", tools=["find_*"]),
        _model("error", destination="D3"),
        _model("slow", sandbox=True, valid_until="2030-03-31"),
        _model("silent", service="terms_only", destination="D4", no_training=False),
        _model("own-*", service="own"),
    ],
    "use_cases": [
        {
            "id": "UC-01",
            "title": {"ja": "試験", "en": "Test"},
            "owner": "IT推進課",
            "audience": "staff",
            "nature": "rights",
            "confidential": True,
            "human_judgement": True,
            "high_risk": True,
        }
    ],
    "words": [
        {"id": "W-1", "title": {"ja": "案件名", "en": "Plans"}, "owner": "企画課", "terms": ["駅前再開発"]}
    ],
    "detected": [
        {
            "id": "D-20",
            "title": {"ja": "多人数", "en": "Many persons"},
            "basis": "試験",
            "class": "3B",
            "when": {"persons_at_least": 20},
        }
    ],
    "tables": [
        {
            "id": "T",
            "title": {"ja": "機密性と送信先", "en": "Class and destination"},
            "basis": "試験",
            "rows": "class",
            "columns": "destination",
            "cells": {"1": "allow", "2": {"D1": "mask", "D2": "mask", "*": "confirm"}, "*": "deny"},
            "confirm": SAID,
            "deny": SAID,
        }
    ],
    "rules": [
        rule("R-number", {"entities": {"any_of": ["JP_MY_NUMBER"]}}, gate="deny", alarm=True),
        rule("R-untrained", {"trained": False}, gate="deny"),
        rule("R-words", {"words": ["W-1"]}, gate="confirm"),
        rule("R-tools", {"tools": {"not_approved": True}}, gate="deny"),
        rule("R-phone", {"entities": {"any_of": ["PHONE_NUMBER"]}}, notice=SAID),
        rule("R-case", {"use_case": {"high_risk": True}}, notice=SAID),
        rule("R-zone", {"not": {"zone": ["hall"]}}, alarm=True),
        rule(
            "R-minutes", {"category": ["minutes"]}, reveal={"types": ["PERSON"], "destinations": ["D1", "D2"]}
        ),
        rule("R-welfare", {"category": ["tax_welfare_case"]}, search="strict"),
        rule("R-rehearsed", {"category": ["translate"]}, gate="deny", shadow=True),
    ],
}
"""What counts in OLD."""


def new_data() -> dict[str, Any]:
    """OLD with five things changed: see NEW_SAYS."""
    data: dict[str, Any] = json.loads(json.dumps(OLD))
    data |= {"name": "new-city", "version": "2", "effective": "2026-12-01"}
    rules = {one["id"]: one for one in data["rules"]}
    rules["R-phone"] |= {"gate": "deny", "remedy": SAID}
    del rules["R-phone"]["notice"]
    del rules["R-minutes"]
    rules["R-pr"] = rule("R-pr", {"category": ["pr"]}, notice=SAID, alarm=True)
    rules["R-roads"] = rule("R-roads", {"section": ["道路課"], "entities": {"any": True}}, gate="confirm")
    data["tables"][0]["cells"]["2"]["D3"] = "allow"
    data["words"][0]["terms"].append("市庁舎移転")
    data["rules"] = list(rules.values())
    return data


def policy(data: Mapping[str, Any]) -> Policy:
    """The policy that these values make."""
    return files.remade(json.loads(json.dumps(data)), f"{data['name']}.json")


def written(folder: Path, data: Mapping[str, Any]) -> Path:
    """A policy file that holds them."""
    file = folder / f"{data['name']}.yaml"
    file.write_text(json.dumps(data, ensure_ascii=False, indent=1), "utf-8")
    return file


def an_ask(**facts: Any) -> Ask:
    """An ordinary ask: 庶務課 drafts a mail with a model under contract."""
    ordinary = {
        "person": "012345", "department": "総務部", "section": "庶務課", "actor": "staff",
        "identity": "authenticated", "tool": "mail-helper", "enrolled": True, "trained": True,
        "acknowledged": True, "dialect": "chat", "model": "echo", "destination": "D2", "category": "mail_draft",
        "declared_class": None, "entities": (), "characters": 40, "at": datetime(2026, 10, 5, 1, 2, 3, 4, UTC),
        "address": "10.1.2.3",
    }  # fmt: skip
    return Ask(**ordinary | facts)


def found(**counts: int) -> tuple[EntityFact, ...]:
    """``found(PERSON=2)``: two persons, by the words around them."""
    return tuple(EntityFact(label, "context", count) for label, count in counts.items())


def record(ask: Ask, verdict: Verdict, /, **more: Any) -> dict[str, Any]:
    """What the ledger keeps of an ask and its verdict: the facts that a replay reads (docs/records.md)."""
    words = {"Permit": "permit", "Confirm": "confirm", "Refuse": "refuse"}
    derived = verdict.derived
    return {
        "schema": 3,
        "caller": {
            name: getattr(ask, name)
            for name in (
                "person", "department", "section", "actor", "identity", "tool", "enrolled", "trained",
                "acknowledged", "role", "consented", "audience", "address",
            )
        },
        "operation": ask.dialect,
        "dialect": ask.dialect,
        "model_requested": ask.model,
        "destination": ask.destination,
        "category": ask.category,
        "class_declared": ask.declared_class,
        "class_effective": derived.effective_class if derived else ask.declared_class or "2",
        "class_detected": derived.detected_class if derived else None,
        "zone": derived.zone if derived else None,
        "destination_effective": derived.destination if derived else None,
        "model_registered": derived.model if derived else None,
        "model_stage": derived.stage if derived else None,
        "high_risk": derived.high_risk if derived else None,
        "evidence": [{"type": one.type, "evidence": one.evidence, "count": one.count} for one in ask.entities],
        "characters": ask.characters,
        "decided_at": ask.at.isoformat(),
        "use_case": ask.use_case,
        "persons_found": ask.persons,
        "pairs_found": ask.pairs,
        "words": list(ask.words),
        "attachments": list(ask.attachments),
        "tools": list(ask.tools),
        "tools_unnamed": ask.tools_unnamed,
        "quota": ask.quota,
        "purpose_stated": ask.purpose,
        "verdict": words[type(verdict).__name__],
        "rules": [{"id": one.id, "effects": list(one.effects), "risks": []} for one in verdict.rules],
        "decisive": [one.id for one in verdict.decisive],
        "revealed": sorted(verdict.revealed),
        "notices": [one.id for one in verdict.notices],
        "alarms": list(verdict.alarms),
        "would": verdict.would,
        "policy": verdict.policy,
        "policy_digest": verdict.digest,
        **more,
    }  # fmt: skip
