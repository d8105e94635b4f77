"""The closed vocabulary of the rules: every value a rule may name or an ask may hold.

Constants only. What is not listed here is unknown: a rule that names it is not loaded, and an ask that
holds it is refused. Adding a value is always safe; removing or renaming one breaks stored policies.
"""

from collections.abc import Mapping
from typing import get_args

from policies.model import (
    ATTACHMENT,
    CATEGORY_CODES,
    ConfidentialityClass,
    DestinationTier,
    Gate,
)

CLASSES: tuple[ConfidentialityClass, ...] = get_args(ConfidentialityClass)
"""自治体機密性 from the lowest to the highest; the order is what ``class_at_least`` compares."""

SEARCHES: tuple[str, ...] = ("strict",)
"""How a rule may ask for a search: "strict" masks what is personal only perhaps, too."""

TIERS: tuple[DestinationTier, ...] = get_args(DestinationTier)
GATES: tuple[Gate, ...] = get_args(Gate)
"""From the weakest to the strongest: the strongest gate of all matching rules counts."""

CATEGORIES: tuple[str, ...] = tuple(CATEGORY_CODES)
ACTORS: tuple[str, ...] = ("staff", "contractor", "robot")
IDENTITIES: tuple[str, ...] = ("authenticated", "asserted")
DIALECTS: tuple[str, ...] = ("chat", "responses", "messages", "embeddings", "transcriptions", "models")
EVIDENCE: tuple[str, ...] = ("pattern", "checksum", "cue", "both", "context", "dictionary", "repeat")
"""Why a finding is believed: shape, check digit, cue word, check digit and cue word, the words
around it, a dictionary, or an exact repeat of a value found elsewhere in the same request."""

ENTITY_WORDS: Mapping[str, str] = {
    "PERSON": "氏名",
    "JP_ADDRESS": "住所",
    "JP_POSTAL_CODE": "郵便番号",
    "PHONE_NUMBER": "電話番号",
    "EMAIL_ADDRESS": "メールアドレス",
    "DATE_OF_BIRTH": "生年月日",
    "JP_MY_NUMBER": "マイナンバー",
    "JP_RESIDENT_RECORD_CODE": "住民票コード",
    "JP_BASIC_PENSION_NUMBER": "基礎年金番号",
    "JP_DRIVER_LICENSE": "運転免許証番号",
    "JP_PASSPORT": "旅券番号",
    "JP_RESIDENCE_CARD": "在留カード番号",
    "JP_HEALTH_INSURANCE": "健康保険の記号番号",
    "JP_LONG_TERM_CARE_INSURANCE": "介護保険の番号",
    "JP_BANK_ACCOUNT": "口座番号",
    "CREDIT_CARD": "クレジットカード番号",
    "JP_VEHICLE_NUMBER": "車両番号",
    "JP_MUNICIPAL_ID": "宛名番号・世帯番号など",
    "JP_WELFARE_ID": "手帳・ケース番号など",
    "IP_ADDRESS": "IPアドレス",
    "NETWORK": "庁内ネットワークの情報",
    "CREDENTIAL": "パスワード・鍵",
    "COORDINATES": "位置座標",
    "JP_SENSITIVE": "要配慮個人情報",
    "JP_PROTECTED_PERSON": "支援措置・虐待に関わる人",
    "JP_VULNERABLE_LIST": "要援護者の名簿",
    "US_SSN": "米国社会保障番号",
    "US_ITIN": "米国納税者番号",
    "US_PASSPORT": "米国旅券番号",
    "US_DRIVER_LICENSE": "米国運転免許証番号",
    "US_BANK_NUMBER": "米国口座番号",
    "UK_NHS": "英国NHS番号",
    "IBAN_CODE": "国際口座番号(IBAN)",
    "CRYPTO": "暗号資産の宛先",
    "MEDICAL_LICENSE": "医療従事者の免許番号",
    ATTACHMENT: "検査できない添付(画像・音声・ファイル・URL)",
}
"""Every kind of personal data a rule may name, with the word that staff use for it. Wider than what the
mask room finds today, so that a rule can be written before its detector is there."""

ENTITY_TYPES: tuple[str, ...] = tuple(ENTITY_WORDS)

FACT_WORDS: Mapping[str, str] = {
    "always": "いつでも",
    "not": "次に当てはまらない",
    "enrolled": "利用登録",
    "trained": "当年度の研修",
    "acknowledged": "利用ルールへの同意",
    "actor": "利用者の種類",
    "identity": "本人確認の方法",
    "person": "利用者",
    "department": "部",
    "section": "課",
    "tool": "使う道具",
    "model": "AIモデル",
    "destination": "送信先区分",
    "dialect": "APIの種類",
    "category": "業務区分",
    "class": "機密性",
    "class_at_least": "機密性(これ以上)",
    "entities": "見つかった個人情報",
    "characters_over": "文字数(これを超える)",
}
"""What each condition of ``when`` is called in Japanese."""
