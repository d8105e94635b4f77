"""The shape of a policy file: which keys exist, what they may hold, what a rule must have.

Pydantic at the YAML door, strict and closed: what is not written here is an error. Widening it is safe;
removing or renaming a key breaks stored policies, and so does a new required key.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from policies.complaints import Words, empty_text, not_text, unknown
from policies.model import CATEGORY_CODES, NEVER_REVEALED, Gate
from policies.vocabulary import (
    ACTORS,
    ATTACHMENTS,
    AUDIENCES,
    AXES,
    CATEGORIES,
    CELLS,
    CLASSES,
    CODE,
    CONSENTERS,
    COURSE_WORDS,
    COURSES,
    DIALECTS,
    ENTITY_WORDS,
    EVIDENCE,
    GATES,
    IDENTITIES,
    NATURES,
    QUOTAS,
    RISK_WORDS,
    RISKS,
    ROLE_WORDS,
    ROLES,
    SEARCHES,
    SERVICES,
    STAGES,
    TIERS,
    VALUE_WORDS,
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


@dataclass(frozen=True)
class _Shown(AfterValidator):
    """A check that `policy schema` shows, too. ``shows`` is what JSON Schema says of it: ``{"enum": ["1", "2"]}``."""

    shows: Mapping[str, Any] = field(hash=False, default_factory=dict)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), **self.shows}


class _AsList(BeforeValidator):
    """A list, or one value that stands for a list of one; `policy schema` shows both."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        listed = handler(schema)
        return {"anyOf": [listed["items"], listed]}


def _among(known: Sequence[str], words: Mapping[str, str] | None = None) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise wrong(unknown(VALUE, value, known, words or {}))
        return value

    return _Shown(check, {"enum": list(known)})


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


def _filled(value: str) -> str:
    if re.fullmatch(r"[(（].*[)）]", value):
        raise wrong(
            Words(
                f"「{value}」は書き方の例のままです。確かめた事実を書いてください。",
                f"'{value}' is still the example's; write the fact itself.",
            )
        )
    return value


def _shaped(pattern: str, words: Words) -> AfterValidator:
    matches = re.compile(pattern).fullmatch

    def check(value: str) -> str:
        if not matches(value):
            raise wrong(words)
        return value

    return _Shown(check, {"pattern": f"^(?:{pattern})$"})


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


def _yen(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Decimal(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value):
        return Decimal(value)
    raise wrong(
        Words(
            '100万トークンあたりの円(税込)を、60 か "7.5" の形で書きます。小数には引用符が要ります。',
            'write yen for a million tokens, tax included, as 60 or "7.5"; decimals need quotes.',
        )
    )


def _network(value: Any) -> Any:
    try:
        if not isinstance(value, str):  # ip_network(10) is 0.0.0.10
            raise TypeError(value)
        return ip_network(value)
    except (TypeError, ValueError):
        raise wrong(
            Words(
                "ネットワークは 10.1.0.0/16 の形で書きます。",
                "write a network as 10.1.0.0/16.",
            )
        ) from None


def _cell(value: str) -> str:
    for part in value.split("+"):
        if part not in CELLS:
            raise wrong(unknown(Words("マスの値", "cell"), part, CELLS, CELL_WORDS))
    return value


CELL_WORDS = {
    "none": "この表では決めない",
    "allow": "許可",
    "mask": "伏せ字にして許可",
    "notice": "一言そえる",
    "confirm": "確認",
    "deny": "禁止",
}


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
Fact = Annotated[Text, AfterValidator(_filled)]
"""A text that somebody vouches for: 「(契約の番号)」, as the examples have it, is none."""
RuleId = Annotated[
    str,
    _shaped(
        CODE,
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
TableId = Annotated[
    str,
    _shaped(
        r"[A-Za-z0-9][A-Za-z0-9-]{0,11}",
        Words(
            "表の番号は、半角の英字・数字・「-」で 12 字までです(例: T)。マスの番号 T.3C.D2 の頭になります。",
            "a table id has up to 12 ASCII letters, digits or '-' (such as T); a cell is called T.3C.D2.",
        ),
    ),
]
Code = Annotated[
    str,
    _shaped(
        CODE,
        Words(
            "番号は、半角の英字・数字・「-」「.」「_」で 40 字までです(例: UC-01)。",
            "an id has up to 40 ASCII letters, digits, '-', '.' or '_' (such as UC-01).",
        ),
    ),
]
Hour = Annotated[
    str,
    _shaped(
        r"([01][0-9]|2[0-3]):[0-5][0-9]",
        Words(
            '時刻は "06:00" や "22:00" の形で、時も分も2けたで、引用符を付けて書きます(00:00〜23:59)。',
            'write the time as "06:00" or "22:00", two digits each, in quotes (00:00 to 23:59).',
        ),
    ),
]
Region = Annotated[
    str,
    _shaped(
        r"[a-z]{2}",
        Words(
            "国は、小文字2字の国名コードで書きます(例: jp、us)。",
            "write a country as its two-letter code in lower case (such as jp, us).",
        ),
    ),
]
Span = Annotated[
    str,
    _shaped(
        r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\.\.(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
        Words(
            "閉庁日は 12-29..01-03 の形で書きます(毎年、両端を含む)。",
            "write closed days as 12-29..01-03 (every year, both included).",
        ),
    ),
]
ZoneName = Annotated[
    str,
    _shaped(
        r"[a-z0-9][a-z0-9_-]{0,39}",
        Words(
            "区域の名前は、半角の小文字・数字・「-」「_」で 40 字までです(例: lgwan)。",
            "a zone has up to 40 lower-case ASCII letters, digits, '-' or '_' (such as lgwan).",
        ),
    ),
]
Day = Annotated[date, BeforeValidator(_date)]
Yen = Annotated[Decimal, BeforeValidator(_yen)]
Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_network, json_schema_input_type=str),
]
CellWord = Annotated[str, _Shown(_cell, {"pattern": rf"^(?:{'|'.join(CELLS)})(?:\+(?:{'|'.join(CELLS)}))*$"})]
Cells = Annotated[
    Annotated[CellWord, Tag("cell")] | Annotated[dict[str, CellWord], Tag("row")],
    Discriminator(lambda value: "row" if isinstance(value, dict) else "cell"),
]
"""One cell for all columns, or one for each. Told apart first, so that nobody hears why it is not the other of the two."""
GateCode = Annotated[Gate, BeforeValidator(_gate)]
ConsenterCode = Annotated[
    str, _among(CONSENTERS, {"self": "送った本人", "section_head": "所属長", "csirt": "CSIRT"})
]
Course = Annotated[str, _among(COURSES, COURSE_WORDS)]
OnlyTrue = Annotated[bool, _Shown(_only_true, {"const": True})]
Entity = Annotated[str, _Shown(_entity, {"examples": list(ENTITY_WORDS)})]
Revealable = Annotated[Entity, AfterValidator(_revealable)]
Class = Annotated[str, _among(CLASSES)]
Tier = Annotated[str, _among(TIERS)]
Search = Annotated[str, _among(SEARCHES, {"strict": "厳しく探す"})]
Count = Annotated[int, Field(ge=1)]
Days = Annotated[int, BeforeValidator(_days)]
Risk = Annotated[str, _among(RISKS, RISK_WORDS)]
Axis = Annotated[str, _among(AXES)]
Service = Annotated[str, _among(SERVICES, VALUE_WORDS)]
Audience = Annotated[str, _among(AUDIENCES, VALUE_WORDS)]
Nature = Annotated[str, _among(NATURES, {"clerical": "事務の補助", "rights": "権利や義務に関わる"})]

AS_LIST = _AsList(_listed)
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
Risks = Annotated[list[Risk], AS_LIST, NOT_EMPTY]
Roles = Annotated[list[Annotated[str, _among(ROLES, ROLE_WORDS)]], AS_LIST, NOT_EMPTY]
Audiences = Annotated[list[Audience], AS_LIST, NOT_EMPTY]
Stages = Annotated[list[Annotated[str, _among(STAGES, VALUE_WORDS)]], AS_LIST, NOT_EMPTY]
Services = Annotated[list[Service], AS_LIST, NOT_EMPTY]
Regions = Annotated[list[Region], AS_LIST, NOT_EMPTY]
Attachments = Annotated[list[Annotated[str, _among(ATTACHMENTS, VALUE_WORDS)]], AS_LIST, NOT_EMPTY]
Quotas = Annotated[list[Annotated[str, _among(QUOTAS, VALUE_WORDS)]], AS_LIST, NOT_EMPTY]
Codes = Annotated[list[Code], AS_LIST, NOT_EMPTY]
ZoneNames = Annotated[list[ZoneName], AS_LIST, NOT_EMPTY]


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
    any_: OnlyTrue | None = Field(default=None, alias="any")
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


class UseCaseTest(Strict):
    """``use_case: {approved: true, audience: public}``; ``{declared: false}`` where none was declared."""

    declared: bool | None = None
    id: Codes | None = None
    approved: bool | None = None
    high_risk: bool | None = None
    assessed: bool | None = None
    audience: Audience | None = None
    nature: Nature | None = None
    confidential: bool | None = None
    human_judgement: bool | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if not self.model_fields_set:
            raise wrong(
                Words(
                    "use_case に条件がありません。approved: true などを書いてください。",
                    "use_case holds no condition; write approved: true, for example.",
                )
            )
        if self.declared is False and len(self.model_fields_set) > 1:
            raise wrong(
                Words(
                    "declared: false(申告なし)と、案件についてのほかの条件は、両立しません。",
                    "declared: false cannot stand beside other conditions on the use case.",
                )
            )
        return self


class ToolsTest(Strict):
    """``tools: {not_approved: true}``, ``{any: true}`` or ``{any_of: [send_*]}``."""

    any_of: Names | None = None
    any_: OnlyTrue | None = Field(default=None, alias="any")
    not_approved: OnlyTrue | None = None

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise wrong(
                Words(
                    "tools には any_of・any: true・not_approved: true のどれか一つを書きます。",
                    "tools needs exactly one of any_of, any: true and not_approved: true.",
                )
            )
        return self


class HoursTest(Strict):
    """``hours: {from: "22:00", until: "06:00"}``: from the first minute, without the last; over midnight too."""

    from_: Hour = Field(alias="from")
    until: Hour

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.from_ == self.until:
            raise wrong(Words("始まりと終わりが同じです。", "it begins and ends at the same time."))
        return self


class When(Strict):
    """The conditions of a rule. Keys mean *and*, lists mean *any of*, ``not`` turns its contents round."""

    always: OnlyTrue | None = None
    enrolled: bool | None = None
    trained: bool | None = None
    acknowledged: bool | None = None
    consented: bool | None = None
    purpose: bool | None = None
    actor: Actors | None = None
    role: Roles | None = None
    identity: Identities | None = None
    audience: Audiences | None = None
    person: Names | None = None
    department: Names | None = None
    section: Names | None = None
    zone: ZoneNames | None = None
    tool: Names | None = None
    model: Names | None = None
    model_stage: Stages | None = None
    service: Services | None = None
    no_training: bool | None = None
    recorded: bool | None = None
    region: Regions | None = None
    destination: Tiers | None = None
    dialect: Dialects | None = None
    category: Categories | None = None
    use_case: UseCaseTest | None = None
    class_: Classes | None = Field(default=None, alias="class")
    class_at_least: Class | None = None
    class_declared: Classes | None = None
    class_detected: Classes | None = None
    entities: EntitiesForm | None = None
    persons_at_least: Count | None = None
    pairs_at_least: Count | None = None
    words: Codes | None = None
    characters_over: Annotated[int, Field(ge=0)] | None = None
    attachments: Attachments | None = None
    tools: ToolsTest | None = None
    hours: HoursTest | None = None
    holiday: bool | None = None
    quota: Quotas | None = None
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


FOUND = ("entities", "persons_at_least", "pairs_at_least", "class_detected")
"""Conditions that can be answered only once the text has been searched."""
OF_CLASS = ("class_", "class_at_least", "class_detected")
"""Conditions on a class that what was found may have raised."""


def asks_any_of(when: When, names: Sequence[str]) -> bool:
    """Whether a ``when`` holds one of these conditions (by field name) at any depth."""
    held = any(getattr(when, name) is not None for name in names)
    return held or (when.not_ is not None and asks_any_of(when.not_, names))


class Dated(Strict):
    """Something that counts from one day (JST) to another, both included; either may be left out."""

    valid_from: Day | None = None
    valid_until: Day | None = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            raise wrong(
                Words(
                    "終わり(valid_until)が始まり(valid_from)より前です。",
                    "valid_until lies before valid_from.",
                )
            )
        return self


class RevealForm(Strict):
    """Types whose mask is lifted, and for which destinations. No other part of a rule lifts a mask."""

    types: Revealables
    destinations: Tiers


class RuleForm(Dated):
    """One rule: what it is called, why it exists, when it applies and what it contributes.

    ``shadow: true`` rehearses it: recorded as ``would_…``, not done.
    """

    id: RuleId
    title: SentencePair
    basis: Text
    owner: Text | None = None
    risk_refs: Risks | None = None
    when: When
    gate: GateCode | None = None
    reveal: RevealForm | None = None
    search: Search | None = None
    notice: SentencePair | None = None
    remedy: SentencePair | None = None
    consent: ConsenterCode | None = None
    alarm: OnlyTrue | None = None
    shadow: OnlyTrue | None = None

    @model_validator(mode="after")
    def _contributes(self) -> Self:
        if not (self.gate or self.reveal or self.search or self.notice or self.alarm):
            raise wrong(
                Words(
                    "この規則には働きがありません。gate・reveal・search・notice・alarm のどれかを書いてください。",
                    "this rule does nothing; give it a gate, a reveal, a search, a notice or an alarm.",
                )
            )
        if self.search and asks_any_of(self.when, FOUND):
            raise wrong(
                Words(
                    "search は個人情報を探す前に決まるので、条件に entities など、見つかったものは使えません。",
                    "search is settled before anything is found, so its conditions cannot name entities"
                    " or anything else that is found.",
                )
            )
        if self.consent and self.gate != "confirm":
            raise wrong(
                Words(
                    "consent は、だれが確かめるかです。gate: confirm の規則にだけ書けます。",
                    "consent says who confirms, so only a rule with gate: confirm takes it.",
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


class SayForm(Strict):
    """What one row of a table says in its own words instead of the table's."""

    notice: SentencePair | None = None
    confirm: SentencePair | None = None
    deny: SentencePair | None = None


class TableForm(Dated):
    """One decision for each row and column. A row is one cell for all columns, or ``{D1: allow, "*": deny}``.

    ``notice``, ``confirm`` and ``deny`` are the sentences for cells that say so; ``say`` has those of single rows.
    """

    id: TableId
    title: SentencePair
    basis: Text
    owner: Text | None = None
    risk_refs: Risks | None = None
    when: When | None = None
    rows: Axis
    columns: Axis | None = None
    cells: dict[str, Cells]
    notice: SentencePair | None = None
    confirm: SentencePair | None = None
    deny: SentencePair | None = None
    say: dict[str, SayForm] | None = None
    shadow: OnlyTrue | None = None


class RaiseForm(Strict):
    """Findings that imply a class: ``{id: D-20, class: 3B, when: {persons_at_least: 20}}``."""

    id: RuleId
    title: SentencePair
    basis: Text
    to: Class = Field(alias="class")
    when: When

    @model_validator(mode="after")
    def _asks_no_class(self) -> Self:
        if asks_any_of(self.when, OF_CLASS):
            raise wrong(
                Words(
                    "機密性を決める条件に、機密性(class・class_at_least・class_detected)は使えません。",
                    "what settles the class cannot ask for class, class_at_least or class_detected.",
                )
            )
        return self


class PriceForm(Strict):
    """``{from: 2026-04-01, input: 60, output: "240.5"}``: yen for a million tokens, tax included."""

    from_: Day = Field(alias="from")
    input: Yen
    output: Yen


class ModelForm(Dated):
    """One approved model with the facts of its contract; all of them are needed (R6, R71)."""

    name: Text
    title: SentencePair
    service: Service
    destination: Tier
    no_training: bool
    recorded: bool
    regions: Regions
    contract: Fact
    sandbox: bool = False
    tools: Names | None = None
    prices: Annotated[list[PriceForm], NOT_EMPTY] | None = None

    @model_validator(mode="after")
    def _ends_its_trial(self) -> Self:
        if self.sandbox and self.valid_until is None:
            raise wrong(
                Words(
                    "試行中のモデル(sandbox: true)には、終わりの日 valid_until が要ります。",
                    "a model on trial (sandbox: true) needs a valid_until.",
                )
            )
        if self.service == "terms_only" and self.destination != "D4":
            raise wrong(
                Words(
                    "約款型のサービス(terms_only)の送信先は D4 です。",
                    "the destination of a terms_only service is D4.",
                )
            )
        return self


class ApprovalForm(Strict):
    """``{by: 情報化推進課長, from: 2026-04-01, until: 2027-03-31}``. Not ``on``: YAML reads that as true."""

    by: Fact
    from_: Day = Field(alias="from")
    until: Day | None = None


class UseCaseForm(Strict):
    """One use of AI with the four answers of the high-risk sheet (DS-920, R4)."""

    id: Code
    title: SentencePair
    owner: Fact
    audience: Audience
    nature: Nature
    confidential: bool
    human_judgement: bool
    high_risk: bool
    assessment: Fact | None = None
    approval: ApprovalForm | None = None


class TogetherForm(Strict):
    """``{within: 20, groups: [[指示, ルール], [無視, 忘れて]]}``: one of each group, this near each other.

    ``in_order: true``: one after the other, as the groups are listed.
    """

    within: Annotated[int, Field(ge=1, le=500)]
    in_order: bool = False
    groups: Annotated[list[Annotated[list[Text], NOT_EMPTY]], Field(min_length=2)]


class WordListForm(Strict):
    """Words to look for; ``owner`` answers for the list until its last day (R27)."""

    id: Code
    title: SentencePair
    owner: Text
    until: Day | None = None
    terms: Annotated[list[Text], NOT_EMPTY] | None = None
    together: Annotated[list[TogetherForm], NOT_EMPTY] | None = None
    unless: Annotated[list[Text], NOT_EMPTY] | None = None

    @model_validator(mode="after")
    def _holds_words(self) -> Self:
        if not (self.terms or self.together):
            raise wrong(
                Words(
                    "言葉がありません。terms か together を書いてください。",
                    "there are no words; write terms or together.",
                )
            )
        return self


class ListsForm(Strict):
    """A file of word lists alone: see `files.read_policy`."""

    words: Annotated[list[WordListForm], NOT_EMPTY]


class IncludeForm(Strict):
    """``include_words: [attacks]``: files of word lists, by name."""

    include_words: Annotated[list[PolicyName], AS_LIST, NOT_EMPTY]


class ZoneForm(Strict):
    """``{zone: lgwan, networks: [10.0.0.0/8]}``."""

    zone: ZoneName
    networks: Annotated[list[Network], AS_LIST, NOT_EMPTY]


class OfficerForm(Strict):
    """AI統括責任者 and the deputy: an office or a person's number."""

    officer: Fact
    deputy: Fact


class OriginalsForm(Strict):
    """``originals: {keep_days: 30}``: what placeholders stand for is kept sealed so long; 0: not at all."""

    keep_days: Days


class TrainingsForm(Strict):
    """``trainings: {courses: [dx, security], grace_days: 60}``: what must be completed each 年度, and how many days
    after 31 March last year's completion still counts."""

    courses: Annotated[list[Course], AS_LIST] = list(COURSES)
    grace_days: Annotated[int, Field(ge=0, le=183)] = 0


class ConfirmingForm(Strict):
    """``confirming: {minutes: 10, remember_hours: 8, deadline_hours: 24}``: how long a confirmation opens the way for
    its message, how long that message is not asked about again, and how long others have to consent."""

    minutes: Annotated[int, Field(ge=1, le=60)] = 10
    remember_hours: Annotated[int, Field(ge=0, le=24)] = 8
    deadline_hours: Annotated[int, Field(ge=1, le=168)] = 24


class PolicyForm(Strict):
    """A whole file. ``effective`` is the first day (JST) on which it may decide anything."""

    name: PolicyName
    version: Text
    title: SentencePair
    effective: Day | None = None
    review: Day | None = None
    author: Text | None = None
    approver: Text | None = None
    accountable: OfficerForm | None = None
    rules_version: Fact | None = None
    trainings: TrainingsForm | None = None
    confirming: ConfirmingForm | None = None
    label: SentencePair | None = None
    originals: OriginalsForm | None = None
    closed_days: Annotated[list[Span], AS_LIST, NOT_EMPTY] | None = None
    zones: Annotated[list[ZoneForm], NOT_EMPTY] | None = None
    models: Annotated[list[ModelForm], NOT_EMPTY] | None = None
    use_cases: Annotated[list[UseCaseForm], NOT_EMPTY] | None = None
    words: Annotated[list[WordListForm], NOT_EMPTY] | None = None
    detected: Annotated[list[RaiseForm], NOT_EMPTY] | None = None
    tables: Annotated[list[TableForm], NOT_EMPTY] | None = None
    rules: Annotated[list[RuleForm], NOT_EMPTY]

    @model_validator(mode="after")
    def _is_approved_by_another(self) -> Self:
        if self.author is not None and self.author == self.approver:
            raise wrong(
                Words(
                    "作成者(author)と承認者(approver)は、別の人でなければなりません。",
                    "author and approver must be two different persons.",
                )
            )
        if self.effective and self.review and self.review <= self.effective:
            raise wrong(
                Words(
                    "見直しの日(review)が、施行日(effective)より後ではありません。",
                    "the review date does not lie after the effective date.",
                )
            )
        return self


def policy_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of a policy file as people write it, with the word lists that it includes by name."""
    schema = PolicyForm.model_json_schema()
    schema["properties"] |= IncludeForm.model_json_schema()["properties"]
    return schema
