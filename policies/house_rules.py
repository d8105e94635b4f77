"""Rules that no city can lift: what the registry alone settles. Pure; each is a denial with a remedy.

S.unknown-model     a model that the registry does not list, or whose time is over
S.terms-only        約款型 services never get class 2 and above (申合せ 2023-05-08)
S.sandbox           a model on trial gets class 1 only
S.unknown-use-case  a use case that the policy does not list
S.quota             a limit of the office is used up, and the policy has no rule of its own for that

Those on models and use cases hold as soon as a policy lists any.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from policies.facts import Facts
from policies.model import Bilingual, RuleHit

if TYPE_CHECKING:
    from policies.decide import Policy


def house_rules(policy: "Policy", facts: Facts) -> Iterator[RuleHit]:
    """The house's own rules that an ask breaks."""
    if policy.registered:
        if facts.stage in ("unknown", "expired"):
            yield UNKNOWN_MODEL
        elif facts.effective_class != "1":
            if facts.model is not None and facts.model.service == "terms_only":
                yield TERMS_ONLY
            if facts.stage == "sandbox":
                yield SANDBOX
    if facts.ask.use_case is not None and facts.use_case is None:
        yield UNKNOWN_USE_CASE
    if facts.ask.quota == "over" and not policy.rules_on_quota:
        yield QUOTA


UNKNOWN_MODEL = RuleHit(
    "S.unknown-model",
    ("deny",),
    Bilingual(
        "承認されたAIの一覧にないモデルは使えません。",
        "A model that is not on the list of approved ones, or whose approval is over, must not be used.",
    ),
    Bilingual(
        "承認されたモデルを選んでください。一覧は GET /v1/models で見られます。必要なら情報システム担当へ登録を相談してください。",
        "Choose an approved model (GET /v1/models lists them), or ask the system team to register this one.",
    ),
    risks=("LLM03", "NIST-value-chain"),
)
TERMS_ONLY = RuleHit(
    "S.terms-only",
    ("deny",),
    Bilingual(
        "約款型のサービスには、機密性2以上の情報を送れません。",
        "Services under general terms never get class 2 or above.",
    ),
    Bilingual(
        "市が契約したAIを選んでください。公開情報だけなら、機密性1と申告してください。",
        "Choose an AI under contract. If everything in it is public, declare class 1.",
    ),
    risks=("LLM02", "NIST-data-privacy"),
)
SANDBOX = RuleHit(
    "S.sandbox",
    ("deny",),
    Bilingual(
        "試行中のモデルには、公開情報(機密性1)だけを送れます。",
        "A model on trial gets public information (class 1) only.",
    ),
    Bilingual(
        "公開情報だけで試すか、承認されたモデルを選んでください。",
        "Try it with public information only, or choose an approved model.",
    ),
    risks=("LLM02", "LLM03"),
)
UNKNOWN_USE_CASE = RuleHit(
    "S.unknown-use-case",
    ("deny",),
    Bilingual(
        "利用案件の一覧にない番号です(X-Sekisho-Use-Case)。",
        "This use case (X-Sekisho-Use-Case) is not on the list.",
    ),
    Bilingual(
        "番号を確かめるか、情報システム担当へ登録を申し込んでください。",
        "Check its number, or apply for its registration.",
    ),
)
HOUSE_RULES = (UNKNOWN_MODEL, TERMS_ONLY, SANDBOX, UNKNOWN_USE_CASE)
QUOTA = RuleHit(
    "S.quota",
    ("deny",),
    Bilingual("上限(回数・文字数・費用)を超えたので、止まっています。", "The quota is used up."),
    Bilingual(
        "急ぐときは、所属長から情報システム担当へ上限の引き上げを相談してください。",
        "If it is urgent, have your section head ask the system team for a higher quota.",
    ),
    risks=("LLM10",),
)
