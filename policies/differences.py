"""What differs between two policies: rules, tables, models, words, added, removed or changed. Pure.

Compares what the files mean, not how they are written: the order of keys, comments, one value for a list of one,
and what holds anyway (``sandbox: false``) make no difference. Terms of word lists are counted and never quoted: they
may be plans nobody knows of yet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from policies.decide import Policy
from policies.document import Document
from policies.model import CATEGORY_CODES, Bilingual
from policies.schema import CELL_WORDS, PolicyForm
from policies.vocabulary import ENTITY_WORDS, FACT_WORDS, VALUE_WORDS

Change = Literal["added", "removed", "changed"]

CHANGE_WORDS: Mapping[str, Bilingual] = {
    "added": Bilingual("追加", "added"),
    "removed": Bilingual("削除", "removed"),
    "changed": Bilingual("変更", "changed"),
}

PART_WORDS: Mapping[str, Bilingual] = {
    "head": Bilingual("方針そのもの", "the policy itself"),
    "rules": Bilingual("規則", "rule"),
    "tables": Bilingual("表", "table"),
    "detected": Bilingual("機密性の見分け", "detected class"),
    "models": Bilingual("モデル", "model"),
    "use_cases": Bilingual("利用案件", "use case"),
    "words": Bilingual("言葉の一覧", "word list"),
    "zones": Bilingual("接続元の区域", "zone"),
}
"""The parts of a policy file, in the order in which they are told."""

_NAMED_BY = {"models": "name", "zones": "zone"}
"""What an entry of a part is known by, where that is not its id."""

_KEY_WORDS: Mapping[str, str] = {
    "name": "名前", "version": "版", "title": "題", "ja": "日本語", "en": "英語", "effective": "施行日",
    "review": "見直しの日", "author": "作成者", "approver": "承認者", "accountable": "責任者",
    "officer": "AI統括責任者", "deputy": "その代理", "originals": "原文", "keep_days": "残す日数",
    "closed_days": "閉庁日", "basis": "根拠", "owner": "担当", "risk_refs": "リスク", "when": "条件",
    "gate": "判定", "reveal": "伏せ字を外す", "types": "種類", "destinations": "送信先", "search": "探し方",
    "notice": "一言", "remedy": "次にすること", "alarm": "警報", "shadow": "試行中", "valid_from": "開始日",
    "valid_until": "終了日", "rows": "行", "columns": "列", "cells": "マス", "say": "行ごとの文",
    "confirm": "確認の文", "deny": "禁止の文", "any_of": "どれか", "any": "何でも", "at_least": "合わせて",
    "evidence": "根拠", "class": "機密性", "contract": "契約", "regions": "処理する国", "sandbox": "試行",
    "prices": "価格", "input": "入力", "output": "出力", "from": "から", "until": "まで", "nature": "業務の性格",
    "confidential": "要機密情報を扱う", "human_judgement": "職員が判断する", "high_risk": "高リスク",
    "assessment": "評価の番号", "approval": "承認", "by": "承認者", "on": "承認の日", "terms": "言葉",
    "together": "組になる言葉", "unless": "除く言い回し", "networks": "ネットワーク", "declared": "申告",
    "rules_version": "利用ルールの版", "trainings": "研修", "courses": "研修の名", "grace_days": "前年度の修了を認める日数",
    "confirming": "確認のしかた", "minutes": "分", "remember_hours": "聞き直さない時間", "deadline_hours": "待つ時間",
    "consent": "確かめる人", "label": "表示文", "purpose": "利用目的の記入",
    "approved": "承認済み", "assessed": "評価済み", "not_approved": "承認されていない",
}  # fmt: skip

_COUNTED = ("terms", "together", "unless")
"""Of a word list: what is counted and not quoted."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One value that differs: ``Detail(("when", "class"), ["2"], ["2", "3C"])``. None: it is not there.

    Of what is not quoted (`_COUNTED`) old and new are sentences: ``12語``, ``14語(3語増え、1語減る)``.
    """

    path: tuple[str, ...]
    old: Any
    new: Any

    @property
    def place(self) -> str:
        """Where it stands, in Japanese: ``条件・機密性``."""
        return "・".join(_called(key) for key in self.path)


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry of a part that is in one policy only, or says something else in the other.

    ``part`` is a key of PART_WORDS, ``id`` what the entry is known by (empty for the head), ``details`` what
    changed in it; empty where the whole entry was added or removed.
    """

    part: str
    id: str
    change: Change
    title: Bilingual | None
    details: tuple[Detail, ...] = ()


def differences(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """What differs, part by part; empty where both mean the same."""
    before, after = _meant(old), _meant(new)
    return tuple(
        difference for part in PART_WORDS for difference in _in_part(part, before[part], after[part])
    )


def shown(value: Any) -> str:
    """A value in one line, with Japanese words for what the vocabulary knows: ``3C、3B``, ``なし``."""
    if value is None:
        return "なし"
    if isinstance(value, bool):
        return "はい" if value else "いいえ"
    if isinstance(value, list):
        return "、".join(map(shown, value)) or "なし"
    if isinstance(value, dict):
        return "; ".join(f"{_called(key)}={shown(inner)}" for key, inner in value.items())
    return _VALUES.get(value, value) if isinstance(value, str) else str(value)


_VALUES: Mapping[str, str] = {
    **VALUE_WORDS,
    **CELL_WORDS,
    **{code: f"{word}({code})" for code, word in {**ENTITY_WORDS, **CATEGORY_CODES}.items()},
}


def _called(key: str) -> str:
    return (
        FACT_WORDS.get(key) or _KEY_WORDS.get(key) or ENTITY_WORDS.get(key) or CATEGORY_CODES.get(key) or key
    )


Entries = Mapping[str, Mapping[str, Any]]


def _meant(policy: Policy) -> Mapping[str, Entries]:
    """Every part as entries by name, in one spelling: what the checked form holds."""
    types = {"entity_types": tuple(policy.entity_types)}
    form = Document(policy.name, policy.data, {}).checked(PolicyForm, types)
    data = form.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    parts: dict[str, Entries] = {"head": {"": {key: data[key] for key in data if key not in PART_WORDS}}}
    for part in PART_WORDS:
        if part != "head":
            parts[part] = _by_name(part, data.get(part, ()))
    return parts


def _by_name(part: str, entries: Sequence[Mapping[str, Any]]) -> Entries:
    """Two entries for one zone are one with the networks of both."""
    key = _NAMED_BY.get(part, "id")
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        known = found.setdefault(entry[key], dict(entry))
        if part == "zones" and known["networks"] is not entry["networks"]:
            known["networks"] = known["networks"] + entry["networks"]
    return found


def _in_part(part: str, before: Entries, after: Entries) -> Iterator[Difference]:
    for id in dict.fromkeys([*before, *after]):
        old, new = before.get(id), after.get(id)
        if old is None or new is None:
            entry: Mapping[str, Any] = old or new or {}
            yield Difference(part, id, "removed" if old else "added", _title(entry))
        elif details := tuple(_details(old, new)):
            yield Difference(part, id, "changed", _title(new) if id else None, details)
    if part == "models" and (moved := _moved(before, after)):
        yield moved


def _moved(before: Entries, after: Entries) -> Difference | None:
    """Of two patterns that a model's name fits the earlier one counts, so that their order means something."""
    old, new = ([name for name in one if "*" in name or "?" in name] for one in (before, after))
    old, new = [name for name in old if name in new], [name for name in new if name in old]
    if old == new:
        return None
    return Difference(
        "models", "*", "changed", Bilingual("型の順", "order of patterns"), (Detail((), old, new),)
    )


def _title(entry: Mapping[str, Any]) -> Bilingual | None:
    title = entry.get("title")
    return Bilingual(title["ja"], title["en"]) if title else None


def _details(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Detail]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _details(old.get(key), new.get(key), (*path, key))
    elif path[-1:] and path[-1] in _COUNTED:
        yield from _counted(old or [], new or [], path)
    elif _one_spelling(old) != _one_spelling(new):
        yield Detail(path, old, new)


def _counted(old: list[Any], new: list[Any], path: tuple[str, ...]) -> Iterator[Detail]:
    before, after = _one_spelling(old), _one_spelling(new)
    if before != after:
        more, less = (
            len([one for one in after if one not in before]),
            len([one for one in before if one not in after]),
        )
        yield Detail(path, f"{len(old)}語", f"{len(new)}語({more}語増え、{less}語減る)")


def _one_spelling(value: Any) -> Any:
    """Lists without their order, which means nothing in a policy but for groups of words that follow each other."""
    if isinstance(value, list):
        return sorted(map(_one_spelling, value), key=repr)
    if not isinstance(value, dict):
        return value
    spelled = {key: _one_spelling(inner) for key, inner in value.items()}
    if value.get("in_order"):
        spelled["groups"] = list(map(_one_spelling, value["groups"]))
    return spelled
