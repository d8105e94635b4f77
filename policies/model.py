"""What the rules room speaks of: the question put to a policy and the verdict it gives.

Values only; pure. A verdict is a value with a reason and the names of its rules, never an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Gate = Literal["allow", "confirm", "deny"]
Effect = Literal[
    "allow", "confirm", "deny", "reveal", "notice", "strict", "alarm",
    "would_allow", "would_confirm", "would_deny", "would_reveal", "would_notice", "would_strict", "would_alarm",
]  # fmt: skip
"""What a rule contributes. ``would_…``: of a rule that is only rehearsed (``shadow: true``), recorded and not done."""
ConfidentialityClass = Literal["1", "2", "3C", "3B", "3A"]
"""自治体機密性, from 1 (公開) to 3A (秘密文書相当)."""
DestinationTier = Literal["D1", "D2", "D3", "D4"]
"""送信先区分: D1 closed network, D2 contracted domestic, D3 contracted abroad, D4 terms-only."""
Actor = Literal["staff", "contractor", "robot"]
Audience = Literal["staff", "public"]
"""Whom the answers reach: the staff who asked, or the public without anybody between."""
Attachment = Literal["image", "audio", "file", "link"]
QuotaState = Literal["unlimited", "within", "near", "over"]
"""``near``: from 80 % of a limit; ``unlimited``: nobody counts."""
Consenter = Literal["self", "section_head", "csirt"]
"""Who confirms what needs confirmation: whoever asked, the section's 所属長, or the CSIRT."""
Stage = Literal["approved", "sandbox", "unknown", "expired"]
"""What the registry says of a model on a day: not listed is ``unknown``, outside its dates ``expired``."""
Service = Literal["own", "contract", "terms_only"]
"""サービスの形: the city's own, under a contract of its own, or 約款型 (whoever accepts the terms)."""

ATTACHMENT = "ATTACHMENT"
"""What cannot be searched, as if it were found: images, sound, files, web addresses. Hidden means refused."""

NEVER_REVEALED: frozenset[str] = frozenset({"JP_MY_NUMBER", "JP_RESIDENT_RECORD_CODE"})


@dataclass(frozen=True, slots=True)
class EntityFact:
    """How many data of one type and one kind of evidence a request holds: no text."""

    type: str
    evidence: str
    count: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Everything a policy may look at for one exchange. Facts only, no personal text.

    ``declared_class`` is None where the caller declared none; ``at`` is timezone-aware.

    role         what the caller is in the city hall: ``staff_member``, ``section_head`` …
    destination  the tier of the route; the registry may say a stricter one (facts.py)
    address      where the connection came from; the policy's zones give it a name
    consented    whether a contractor's use was consented to beforehand
    audience     whom the tool's answers reach
    purpose      whether it was said what for; what was said is text, and none of the policy's business
    use_case     the id of the use case that was declared, as the policy's ``use_cases`` lists it
    persons      how many different persons were found; ``pairs``: how many facts that the law protects
                 specially stand beside a person
    words        ids of the policy's word lists that occur in the text (words.py)
    attachments  what cannot be searched, by kind; the entity type ATTACHMENT counts it
    tools        names of the tools that the model may call; ``tools_unnamed`` counts those without a name
                 that may be kept
    """

    person: str
    department: str
    section: str
    actor: Actor
    identity: Literal["authenticated", "asserted"]
    tool: str
    enrolled: bool
    trained: bool
    acknowledged: bool
    dialect: str
    model: str
    destination: DestinationTier
    category: str
    declared_class: ConfidentialityClass | None
    entities: tuple[EntityFact, ...]
    characters: int
    at: datetime
    role: str = "staff_member"
    address: str | None = None
    consented: bool = False
    audience: Audience = "staff"
    use_case: str | None = None
    persons: int = 0
    pairs: int = 0
    words: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    tools: tuple[str, ...] = ()
    tools_unnamed: int = 0
    quota: QuotaState = "unlimited"
    purpose: bool = True

    def unsearched(self) -> "Ask":
        """The same before anything was found: what settles how a text is searched.

        That something is attached is known before the search.
        """
        attached = tuple(fact for fact in self.entities if fact.type == ATTACHMENT)
        return replace(self, entities=attached, persons=0, pairs=0)


@dataclass(frozen=True, slots=True)
class Bilingual:
    """One sentence for staff: plain Japanese first, English second."""

    ja: str
    en: str


LABEL = Bilingual(
    "この文書は、生成AIを利用して作成し、職員が内容を確認しています。",
    "This document was written with the help of generative AI and checked by a member of staff.",
)
"""生成AI利用の表示文, where a policy has none of its own (R36)."""


@dataclass(frozen=True, slots=True)
class Confirming:
    """How long a confirmation opens the way for its message, how long that message is remembered, how long others
    have to consent. Minutes, hours, hours."""

    minutes: int = 10
    remember_hours: int = 8
    deadline_hours: int = 24


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule or a cell of a table that matched, and what it contributed.

    ``id`` of a cell names table, row and column: ``T.3C.D2``. ``remedy`` says what to do now (every confirm
    and deny has one); ``notice`` is the sentence to show. ``risks``: see `Rule`. ``consent``: who confirms it.
    """

    id: str
    effects: tuple[Effect, ...]
    title: Bilingual
    remedy: Bilingual | None = None
    notice: Bilingual | None = None
    risks: tuple[str, ...] = ()
    consent: Consenter = "self"


@dataclass(frozen=True, slots=True)
class Derived:
    """What the policy itself concludes from an ask before any rule is looked at (facts.py).

    ``detected_class``: the class that what was found implies, None where it implies none; the higher of it
    and the declared one is ``effective_class`` (R25). ``destination``: the stricter of route and registry.
    ``model``: the registry's entry (its ``name``), None where it lists none. ``raised_by``: the ids of the policy's
    ``detected`` entries that applied.
    """

    detected_class: ConfidentialityClass | None
    effective_class: ConfidentialityClass
    destination: DestinationTier
    zone: str
    model: str | None
    stage: Stage
    high_risk: bool | None
    raised_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says of one ask: three independent parts, each a union over all matching rules.

    gate      the subclass: Permit, Confirm or Refuse. Code that meets any other subclass must not send.
    revealed  entity types that may leave as they are; every other finding is masked. Never holds
              My Number or 住民票コード.
    notices   rules whose notice is shown to the clerk.
    alarms    rules that raise an alarm, by id; an evaluation error alarms too.
    rules     every rule that matched, in the policy's order; rehearsed ones with ``would_…`` effects.
    decisive  the rules that decided the gate (empty: nothing allowed it, so it is denied by default).
    would     the gate if the rehearsed rules counted too; None where no rehearsed rule matched.
    derived   what the policy concluded from the ask; None where that failed.
    """

    rules: tuple[RuleHit, ...]
    decisive: tuple[RuleHit, ...]
    revealed: frozenset[str]
    notices: tuple[RuleHit, ...]
    policy: str
    digest: str
    alarms: tuple[str, ...] = ()
    would: Gate | None = None
    derived: Derived | None = None

    def hides(self, label: str) -> bool:
        """True unless a reveal rule named this type for this destination."""
        return label not in self.revealed or label in NEVER_REVEALED


@dataclass(frozen=True, slots=True)
class Permit(Verdict):
    """The masked request may be sent."""


@dataclass(frozen=True, slots=True)
class Confirm(Verdict):
    """The request may be sent, masked, once a person has confirmed it. Not before."""


@dataclass(frozen=True, slots=True)
class Refuse(Verdict):
    """The request may not be sent. ``error`` names an evaluation error that caused the refusal."""

    error: str | None = None


CATEGORY_CODES: Mapping[str, str] = {
    "greeting": "あいさつ文",
    "minutes": "議事録要約",
    "plan_draft": "企画書案",
    "mail_draft": "メール・通知文案",
    "assembly_qa": "議会想定問答",
    "lowcode": "マクロ・VBA・RPA・SQL",
    "translate": "翻訳・やさしい日本語",
    "pr": "広報・SNS",
    "research": "調査・アイデア出し",
    "citizen_reply": "市民問合せの回答案",
    "contract": "契約書・仕様書",
    "procurement_secret": "入札・予定価格(公表前)",
    "hr": "人事・給与",
    "tax_welfare_case": "税・福祉・国保・子育ての個別案件",
    "disaster_support": "災害時要援護者・安否確認",
    "disposition": "行政処分・審査・採点",
    "standardization": "標準化・基幹20システム移行の文書",
    "online_proc": "電子申請フォーム・案内文の作成",
    "security": "セキュリティ・インシデント文書",
    "training": "研修・訓練",
}
"""Business categories (b-3 of the requirements): code to Japanese name."""

SOUMU_CODES: Mapping[str, str] = {
    "greeting": "あいさつ文",
    "minutes": "議事録要約",
    "plan_draft": "企画書案",
    "mail_draft": "メール文",
    "assembly_qa": "議会想定問答",
    "lowcode": "ローコード",
}
"""What the yearly survey of 総務省 calls a category (R61); those that it does not ask for are not here."""
