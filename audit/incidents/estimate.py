"""How many persons an incident may be about: an estimate, counted from the exchanges that belong to it. Pure.

A person in a masked question is a placeholder, [PERSON_1_k7q2]; its last four letters are the same wherever the same
caller wrote the same name. So the different tags of each caller are counted, over all questions of the incident together
(an answer has no others, but those that a model made up). Where a text was erased, or names were let through as they are, there are no placeholders to count: there the number that was
noted when it was asked is taken (``persons_estimated``), and exchanges like these are added up.

It never knows how many there really are; `UNKNOWN` says why, and stands beside every figure.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.model import counts_as_unmasked

_PERSON = re.compile(r"\[PERSON_[0-9]{1,6}_([a-z2-7]{4})\]")
_OTHERS = (
    "JP_MY_NUMBER", "JP_RESIDENT_RECORD_CODE", "JP_BASIC_PENSION_NUMBER", "JP_DRIVER_LICENSE", "JP_PASSPORT",
    "JP_RESIDENCE_CARD", "JP_HEALTH_INSURANCE", "JP_LONG_TERM_CARE_INSURANCE", "JP_WELFARE_ID", "JP_BANK_ACCOUNT",
    "JP_VEHICLE_NUMBER", "IBAN_CODE", "EMAIL_ADDRESS", "PHONE_NUMBER",
)  # fmt: skip
"""Kinds of data that each tell of a person, and may stand without a name."""


@dataclass(frozen=True, slots=True)
class Material:
    """One exchange of an incident. ``asked`` and ``ending`` are the bodies of its records; ``text``: the masked question,
    None where it was erased or there is none."""

    exchange: str
    asked: Mapping[str, Any]
    ending: Mapping[str, Any] | None
    text: str | None

    @property
    def egress(self) -> str:
        """What left; an exchange without an ending may have sent everything."""
        return str((self.ending or {}).get("egress_state") or "unknown")

    @property
    def is_exposed(self) -> bool:
        """Whether it is judged as if plain data had left (`counts_as_unmasked`)."""
        return counts_as_unmasked(self.egress)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many persons, estimated; and what stands beside it.

    persons    in all linked exchanges; ``exposed``: in those that count as unmasked alone
    counted    exchanges whose texts were counted; ``noted``: exchanges for which the number of their record was taken
    erased     exchanges whose text is gone
    missing    exchanges of which the ledger has nothing (any more)
    egress     how many exchanges left what; ``unmasked``: how many of them count as unmasked
    others     kinds of data beside names that tell of a person, with how many different ones there are at most
    """

    persons: int
    exposed: int
    counted: int
    noted: int
    erased: int
    missing: int
    egress: Mapping[str, int]
    unmasked: int
    others: Mapping[str, int]

    @property
    def is_estimate(self) -> bool:
        """Always: nobody counted the persons themselves."""
        return True

    @property
    def remarks(self) -> tuple[str, ...]:
        """What it does not know, in Japanese: what holds always, and what holds here."""
        here = []
        if self.erased:
            here.append(
                f"文章が消去された記録が{self.erased}件あります。送ったときに記録した人数を足しているので、同じ人が重なって数えられます。"
            )
        if self.noted > self.erased:
            here.append(
                f"氏名を伏せずに扱った記録が{self.noted - self.erased}件あります。送ったときに記録した人数を足しています。"
            )
        if self.missing:
            here.append(f"台帳に残っていない記録が{self.missing}件あります。その人数は入っていません。")
        if self.others:
            listed = "、".join(f"{name} {count}" for name, count in self.others.items())
            here.append(f"氏名のほかに本人が分かるデータがあります(足していません): {listed}。")
        if self.egress.get("unknown"):
            here.append(
                f"届いたか分からない記録が{self.egress['unknown']}件あり、伏せずに出たものとして数えています。"
            )
        return (*UNKNOWN, *here)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        plain |= {"egress": dict(self.egress), "others": dict(self.others)}
        return {"estimate": True} | plain | {"remarks": list(self.remarks)}


UNKNOWN: tuple[str, ...] = (
    "関連づけた記録の伏せ字の氏名を数えた見積もりで、確かめた人数ではありません。",
    "同じ人でも、書いた職員やキーが違うとき、書き方が違うとき(姓だけ、表記ゆれ)は、別の人と数えます。",
    "検出できなかった氏名と、氏名のない番号だけの人は入りません。職員や公人の氏名が入ることがあります。",
)
"""What it never knows."""


def estimated(linked: Iterable[Material], missing: int = 0) -> Estimate:
    """The estimate of these exchanges; ``missing``: how many more belong to it, of which nothing is left."""
    every = list(linked)
    return Estimate(
        persons=_persons(every),
        exposed=_persons([one for one in every if one.is_exposed]),
        counted=sum(_is_countable(one) for one in every),
        noted=sum(not _is_countable(one) for one in every),
        erased=sum(one.text is None and "persons_estimated" in one.asked for one in every),
        missing=missing,
        egress=dict(sorted(Counter(one.egress for one in every).items())),
        unmasked=sum(one.is_exposed for one in every),
        others=_beside(every),
    )


def material(exchange: str, asked: str, ending: str | None, text: str | None) -> Material:
    """An exchange out of the bodies of its records, as the ledger has them."""
    return Material(exchange, json.loads(asked), json.loads(ending) if ending else None, text)


def _persons(every: Iterable[Material]) -> int:
    tags: set[tuple[str, str, str]] = set()
    noted = 0
    for one in every:
        if _is_countable(one):
            caller = one.asked.get("caller") or {}
            whose = str(caller.get("key")), str(caller.get("person"))
            tags |= {(*whose, tag) for tag in _PERSON.findall(one.text or "")}
        else:
            noted += int(one.asked.get("persons_estimated") or 0)
    return len(tags) + noted


def _is_countable(one: Material) -> bool:
    """Whether its names are placeholders in a text that is there."""
    let_through = (one.asked.get("actions") or {}).get("PERSON") == "revealed"
    return one.text is not None and not let_through


def _beside(every: Iterable[Material]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in every:
        for name, count in (one.asked.get("entities") or {}).items():
            if name in _OTHERS:
                counts[name] += count
    return dict(sorted(counts.items()))
