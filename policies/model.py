"""What the rules room speaks of: the question put to a policy and the verdict it gives.

Values only; pure. A verdict is a value with a reason and the names of its rules, never an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Gate = Literal["allow", "confirm", "deny"]
Effect = Literal["allow", "confirm", "deny", "reveal", "notice", "strict"]
ConfidentialityClass = Literal["1", "2", "3C", "3B", "3A"]
"""自治体機密性, from 1 (公開) to 3A (秘密文書相当)."""
DestinationTier = Literal["D1", "D2", "D3", "D4"]
"""送信先区分: D1 closed network, D2 contracted domestic, D3 contracted abroad, D4 terms-only."""

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

    ``declared_class`` is None where the caller declared none; ``effective_class`` then is "2".
    ``at`` is timezone-aware.
    """

    person: str
    department: str
    section: str
    actor: Literal["staff", "contractor", "robot"]
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

    @property
    def effective_class(self) -> ConfidentialityClass:
        """A missing declaration counts as class 2 (b-2 of the requirements)."""
        return self.declared_class or "2"


@dataclass(frozen=True, slots=True)
class Bilingual:
    """One sentence for staff: plain Japanese first, English second."""

    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that matched, and what it contributed.

    ``remedy`` says what to do now (every confirm and deny has one); ``notice`` is the sentence to show.
    """

    id: str
    effects: tuple[Effect, ...]
    title: Bilingual
    remedy: Bilingual | None = None
    notice: Bilingual | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says of one ask: three independent parts, each a union over all matching rules.

    gate      the subclass: Permit, Confirm or Refuse. Code that meets any other subclass must not send.
    revealed  entity types that may leave as they are; every other finding is masked. Never holds
              My Number or 住民票コード.
    notices   rules whose notice is shown to the clerk.
    rules     every rule that matched, in the policy's order.
    decisive  the rules that decided the gate (empty: nothing allowed it, so it is denied by default).
    """

    rules: tuple[RuleHit, ...]
    decisive: tuple[RuleHit, ...]
    revealed: frozenset[str]
    notices: tuple[RuleHit, ...]
    policy: str
    digest: str

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

    error: str | None = field(default=None)


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
