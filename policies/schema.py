"""The shape of a policy file: which keys exist, what they may hold, what a rule must have.

Pydantic at the YAML door, strict and closed: what is not written here is an error. Widening it is safe;
removing or renaming a key breaks stored policies, and so does a new required key.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from policies.complaints import Words, empty_text, not_text, unknown
from policies.model import CATEGORY_CODES, NEVER_REVEALED, Gate
from policies.vocabulary import (
    ACTORS,
    CATEGORIES,
    CLASSES,
    DIALECTS,
    ENTITY_WORDS,
    EVIDENCE,
    GATES,
    IDENTITIES,
    SEARCHES,
    TIERS,
)

VALUE = Words("値", "value")
MOST_DAYS = 90
"""No rule of a city lets an original be kept longer."""


def wrong(words: Words) -> PydanticCustomError:
    """An error that already knows its two sentences; document.py adds the place."""
    # pydantic formats the template with the context, so the sentences travel in the context alone
    return PydanticCustomError("said", "said", {"ja": words.ja, "en": words.en})


def _listed(value: Any) -> Any:
    """One value stands for a list of one."""
    return [value] if isinstance(value, str | int | float) else value


def _among(known: Sequence[str], words: Mapping[str, str] | None = None) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise wrong(unknown(VALUE, value, known, words or {}))
        return value

    return AfterValidator(check)


def _gate(value: Any) -> Any:
    if not isinstance(value, str):
        raise wrong(not_text())
    if value not in GATES:
        raise wrong(unknown(VALUE, value, GATES, {"allow": "許可", "confirm": "確認", "deny": "禁止"}))
    return value


def _entity(value: str, info: ValidationInfo) -> str:
    known: Sequence[str] = (info.context or {}).get("entity_types", ())
    if value not in known:
        raise wrong(unknown(Words("個人情報の種類", "entity type"), value, known, ENTITY_WORDS))
    return value


def _revealable(value: str) -> str:
    if value in NEVER_REVEALED:
        raise wrong(
            Words(
                f"{ENTITY_WORDS[value]}({value})の伏せ字は、どの規則でも外せません(番号法、住民基本台帳法)。"
                "この値を消してください。",
                f"no rule can reveal {value}; remove it.",
            )
        )
    return value


def _text(value: str) -> str:
    if not value.strip():
        raise wrong(empty_text())
    return value.strip()


def _shaped(pattern: str, words: Words) -> AfterValidator:
    matches = re.compile(pattern).fullmatch

    def check(value: str) -> str:
        if not matches(value):
            raise wrong(words)
        return value

    return AfterValidator(check)


def _date(value: Any) -> Any:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise wrong(Words("日付は 2026-04-01 の形で書きます。", "write the date as 2026-04-01.")) from None


def _days(value: Any) -> Any:
    if type(value) is not int or not 0 <= value <= MOST_DAYS:
        raise wrong(
            Words(
                f"原文を残す日数は 0 から {MOST_DAYS} までの整数を、引用符なしで書きます(0 は残さない)。",
                f"write the days an original is kept as a whole number from 0 to {MOST_DAYS}, without quotes"
                " (0: none is kept).",
            )
        )
    return value


def _only_true(value: bool) -> bool:
    if not value:
        raise wrong(
            Words(
                "always に書けるのは true だけです。規則を止めるには、規則ごと消してください。",
                "always can only be true; to switch a rule off, delete it.",
            )
        )
    return value


Text = Annotated[str, AfterValidator(_text)]
RuleId = Annotated[
    str,
    _shaped(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}",
        Words(
            "規則の番号は、半角の英字・数字・「-」「.」「_」で 40 字までです(例: P-04)。",
            "a rule id has up to 40 ASCII letters, digits, '-', '.' or '_' (such as P-04).",
        ),
    ),
]
PolicyName = Annotated[
    str,
    _shaped(
        r"[a-z0-9][a-z0-9-]{0,39}",
        Words(
            "方針の名前は、半角の小文字・数字・「-」で 40 字までです(例: takatsuki)。",
            "a policy name has up to 40 lower-case ASCII letters, digits or '-' (such as takatsuki).",
        ),
    ),
]
Day = Annotated[date, BeforeValidator(_date)]
GateCode = Annotated[Gate, BeforeValidator(_gate)]
Entity = Annotated[str, AfterValidator(_entity)]
Revealable = Annotated[str, AfterValidator(_entity), AfterValidator(_revealable)]
Class = Annotated[str, _among(CLASSES)]
Tier = Annotated[str, _among(TIERS)]
Search = Annotated[str, _among(SEARCHES, {"strict": "厳しく探す"})]
Count = Annotated[int, Field(ge=1)]
Days = Annotated[int, BeforeValidator(_days)]

AS_LIST = BeforeValidator(_listed)
NOT_EMPTY = Field(min_length=1)
Names = Annotated[list[Text], AS_LIST, NOT_EMPTY]
Classes = Annotated[list[Class], AS_LIST, NOT_EMPTY]
Tiers = Annotated[list[Tier], AS_LIST, NOT_EMPTY]
Entities = Annotated[list[Entity], AS_LIST, NOT_EMPTY]
Revealables = Annotated[list[Revealable], AS_LIST, NOT_EMPTY]
Evidence = Annotated[list[Annotated[str, _among(EVIDENCE)]], AS_LIST, NOT_EMPTY]
Actors = Annotated[list[Annotated[str, _among(ACTORS)]], AS_LIST, NOT_EMPTY]
Identities = Annotated[list[Annotated[str, _among(IDENTITIES)]], AS_LIST, NOT_EMPTY]
Dialects = Annotated[list[Annotated[str, _among(DIALECTS)]], AS_LIST, NOT_EMPTY]
Categories = Annotated[list[Annotated[str, _among(CATEGORIES, CATEGORY_CODES)]], AS_LIST, NOT_EMPTY]


class Strict(BaseModel):
    """Nothing unknown, nothing converted, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SentencePair(Strict):
    """One sentence for staff in plain Japanese and in English; both are needed."""

    ja: Text
    en: Text


class EntitiesForm(Strict):
    """``entities: {any_of: [JP_MY_NUMBER], evidence: [cue, both], at_least: 1}`` or ``{any: true}``."""

    any_of: Entities | None = None
    any_: Annotated[bool, AfterValidator(_only_true)] | None = Field(default=None, alias="any")
    evidence: Evidence | None = None
    at_least: Count | None = None

    @model_validator(mode="after")
    def _names_its_types(self) -> Self:
        if (self.any_of is None) == (self.any_ is None):
            raise wrong(
                Words(
                    "entities には any_of(種類の一覧)か any: true(どれか)の、どちらか一方を書きます。",
                    "entities needs either any_of (a list of types) or any: true, and not both.",
                )
            )
        return self


class When(Strict):
    """The conditions of a rule. Keys mean *and*, lists mean *any of*, ``not`` turns its contents round."""

    always: Annotated[bool, AfterValidator(_only_true)] | None = None
    enrolled: bool | None = None
    trained: bool | None = None
    acknowledged: bool | None = None
    actor: Actors | None = None
    identity: Identities | None = None
    person: Names | None = None
    department: Names | None = None
    section: Names | None = None
    tool: Names | None = None
    model: Names | None = None
    destination: Tiers | None = None
    dialect: Dialects | None = None
    category: Categories | None = None
    class_: Classes | None = Field(default=None, alias="class")
    class_at_least: Class | None = None
    entities: EntitiesForm | None = None
    characters_over: Annotated[int, Field(ge=0)] | None = None
    not_: "When | None" = Field(default=None, alias="not")

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if not self.model_fields_set:
            raise wrong(
                Words(
                    "条件がありません。いつでも当てはまる規則なら「always: true」と書いてください。",
                    "there is no condition; write 'always: true' for a rule that always applies.",
                )
            )
        return self


def _asks_what_was_found(when: When) -> bool:
    return when.entities is not None or (when.not_ is not None and _asks_what_was_found(when.not_))


class RevealForm(Strict):
    """Types whose mask is lifted, and for which destinations. No other part of a rule lifts a mask."""

    types: Revealables
    destinations: Tiers


class RuleForm(Strict):
    """One rule: what it is called, why it exists, when it applies and what it contributes."""

    id: RuleId
    title: SentencePair
    basis: Text
    owner: Text | None = None
    when: When
    gate: GateCode | None = None
    reveal: RevealForm | None = None
    search: Search | None = None
    notice: SentencePair | None = None
    remedy: SentencePair | None = None

    @model_validator(mode="after")
    def _contributes(self) -> Self:
        if not (self.gate or self.reveal or self.search or self.notice):
            raise wrong(
                Words(
                    "この規則には働きがありません。gate・reveal・search・notice のどれかを書いてください。",
                    "this rule does nothing; give it a gate, a reveal, a search or a notice.",
                )
            )
        if self.search and _asks_what_was_found(self.when):
            raise wrong(
                Words(
                    "search は個人情報を探す前に決まるので、条件に entities は使えません。",
                    "search is settled before anything is found, so its conditions cannot name entities.",
                )
            )
        if self.gate in ("confirm", "deny") and self.remedy is None:
            raise wrong(
                Words(
                    "止める規則(confirm・deny)には、職員が次に何をすればよいかを remedy に書いてください。",
                    "a rule that confirms or denies needs a remedy: what the clerk can do now.",
                )
            )
        return self


class OriginalsForm(Strict):
    """``originals: {keep_days: 30}``: what placeholders stand for is kept sealed so long; 0: not at all."""

    keep_days: Days


class PolicyForm(Strict):
    """A whole file. ``effective`` is the first day (JST) on which it may decide anything."""

    name: PolicyName
    version: Text
    title: SentencePair
    effective: Day | None = None
    author: Text | None = None
    approver: Text | None = None
    originals: OriginalsForm | None = None
    rules: Annotated[list[RuleForm], Field(min_length=1)]
