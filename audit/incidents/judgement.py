"""The aid 「報告対象か」: six questions, what the answers point to, and a decision that a person makes. Pure.

    要配慮個人情報を含む        規則43条1号     不正に使われると財産的被害のおそれ   2号
    不正の目的のおそれ                3号     100人を超える                         4号
    条例要配慮個人情報を含む          5号     特定個人情報(個人番号を含む)          番号法規則2条

An answer is yes, no or unknown, with a reason; a question that nobody answered is unknown. What the answers point to is
shown and nothing more: a yes makes nothing reportable, six times no makes nothing unreportable. That takes a decision,
and a decision takes a person who has the right, and a reason. It may differ from what the answers point to; that is said
beside it for good.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from audit.names import moment

Question = Literal["special_care", "financial", "wrongful", "over_100", "ordinance", "my_number"]
QUESTIONS: tuple[Question, ...] = get_args(Question)
Value = Literal["yes", "no", "unknown"]
VALUES: tuple[Value, ...] = get_args(Value)
VALUE_WORDS: Mapping[Value, str] = {"yes": "はい", "no": "いいえ", "unknown": "分からない"}

Pointing = Literal["applies", "unclear", "none"]
POINTING_WORDS: Mapping[Pointing, str] = {
    "applies": "該当するものがある", "unclear": "まだ分からない", "none": "該当するものがない",
}  # fmt: skip

Outcome = Literal["reportable", "not_reportable"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
OUTCOME_WORDS: Mapping[Outcome, str] = {"reportable": "報告対象", "not_reportable": "報告対象でない"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is put, and where the law says it."""

    short: str
    ja: str
    en: str
    law: str


ASKED: Mapping[Question, Asked] = {
    "special_care": Asked(
        "要配慮個人情報",
        "要配慮個人情報(病歴、障害、犯罪の経歴、犯罪により害を被った事実など)が含まれますか。",
        "Does it hold personal information that needs special care?",
        "個人情報保護法施行規則43条1号",
    ),
    "financial": Asked(
        "財産的被害",
        "不正に利用されると財産的被害が生じるおそれがありますか(クレジットカード番号、口座の暗証番号など)。",
        "May it cause financial harm when it is misused?",
        "個人情報保護法施行規則43条2号",
    ),
    "wrongful": Asked(
        "不正の目的",
        "不正の目的をもって行われたおそれがありますか(不正アクセス、持ち出し、盗難など)。",
        "May it have been done with a wrongful aim?",
        "個人情報保護法施行規則43条3号",
    ),
    "over_100": Asked(
        "100人超",
        "本人の数が100人を超えますか。見積もりが100人前後のときは「分からない」にして、数を確かめてください。",
        "Are more than 100 persons affected?",
        "個人情報保護法施行規則43条4号",
    ),
    "ordinance": Asked(
        "条例要配慮個人情報",
        "市の条例で定める条例要配慮個人情報が含まれますか。",
        "Does it hold information that the city's ordinance calls special?",
        "個人情報保護法施行規則43条5号",
    ),
    "my_number": Asked(
        "特定個人情報",
        "個人番号(マイナンバー)を含む特定個人情報が含まれますか。",
        "Does it hold a My Number?",
        "番号法29条の4、特定個人情報の漏えい等に関する規則2条",
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one question, and why. ``at``: UTC."""

    question: Question
    value: Value
    reason: str
    by: str
    role: str
    at: datetime

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"at": moment(self.at)}


@dataclass(frozen=True, slots=True)
class Pointed:
    """What the answers point to. It decides nothing, and there is nothing in it that says whether a report is due."""

    pointing: Pointing
    applying: tuple[Question, ...]
    unclear: tuple[Question, ...]

    @property
    def japanese(self) -> str:
        return POINTING_WORDS[self.pointing]

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "pointing": self.pointing,
            "name": self.japanese,
            "applying": list(self.applying),
            "unclear": list(self.unclear),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided, and what the answers pointed to as they did. ``decided_by`` is never empty."""

    outcome: Outcome
    decided_by: str
    role: str
    reason: str
    at: datetime
    pointing: Pointing

    def __post_init__(self) -> None:
        if not self.decided_by:
            raise ValueError("a decision is made by somebody")

    @property
    def differs(self) -> bool:
        """Whether it is not what the answers pointed to: also where they were not clear yet."""
        return differs(self.outcome, self.pointing)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"at": moment(self.at), "differs": self.differs}


def pointed(values: Mapping[Question, Value]) -> Pointed:
    """What answers point to; a question that is not among them is unknown."""
    applying = tuple(one for one in QUESTIONS if values.get(one) == "yes")
    unclear = tuple(one for one in QUESTIONS if values.get(one, "unknown") == "unknown")
    return Pointed("applies" if applying else "unclear" if unclear else "none", applying, unclear)


def differs(outcome: Outcome, pointing: Pointing) -> bool:
    """Whether a decision is another than the answers point to. Where they are unclear, only to report is on the safe
    side."""
    return (outcome == "not_reportable") if pointing in ("applies", "unclear") else outcome == "reportable"
