"""The closed vocabulary of the rules: every value a rule may name or an ask may hold.

Constants only. What is not listed here is unknown: a rule that names it is not loaded, and an ask that
holds it is refused. Adding a value is always safe; removing or renaming one breaks stored policies.
"""

from collections.abc import Mapping
from typing import get_args

from policies.model import (
    ATTACHMENT,
    CATEGORY_CODES,
    Actor,
    Attachment,
    Audience,
    ConfidentialityClass,
    Consenter,
    DestinationTier,
    Gate,
    QuotaState,
    Service,
    Stage,
)

CODE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}"
"""The shape of an id: of a rule, a use case, a list of words."""

CLASSES: tuple[ConfidentialityClass, ...] = get_args(ConfidentialityClass)
"""自治体機密性 from the lowest to the highest; the order is what ``class_at_least`` compares."""

SEARCHES: tuple[str, ...] = ("strict",)
"""How a rule may ask for a search: "strict" masks what is personal only perhaps, too."""

TIERS: tuple[DestinationTier, ...] = get_args(DestinationTier)
GATES: tuple[Gate, ...] = get_args(Gate)
"""From the weakest to the strongest: the strongest gate of all matching rules counts."""

CATEGORIES: tuple[str, ...] = tuple(CATEGORY_CODES)
ACTORS: tuple[Actor, ...] = get_args(Actor)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
ATTACHMENTS: tuple[Attachment, ...] = get_args(Attachment)
CONSENTERS: tuple[Consenter, ...] = get_args(Consenter)
QUOTAS: tuple[QuotaState, ...] = get_args(QuotaState)
STAGES: tuple[Stage, ...] = get_args(Stage)
SERVICES: tuple[Service, ...] = get_args(Service)
NATURES: tuple[str, ...] = ("clerical", "rights")
CELLS: tuple[str, ...] = ("none", "allow", "mask", "notice", "confirm", "deny")
"""What a cell of a table may say, also several joined by ``+``. ``mask`` is allow: everything found is masked."""
AXES: tuple[str, ...] = ("class", "destination", "category", "entity", "evidence")
"""What the rows and columns of a table may be."""
IDENTITIES: tuple[str, ...] = ("authenticated", "asserted")
DIALECTS: tuple[str, ...] = ("chat", "responses", "messages", "embeddings", "transcriptions", "models")
ROLE_WORDS: Mapping[str, str] = {
    "staff_member": "職員",
    "section_head": "所属長",
    "section_manager": "利用管理者",
    "csirt_reviewer": "CSIRTの審査者",
    "governance_board": "IT推進本部",
    "cio_advisor": "CIO補佐官",
    "dx_core_leader": "DX推進コアリーダー",
    "dx_advisor": "DXアドバイザー",
    "policy_author": "方針の作成者",
    "policy_approver": "方針の承認者",
    "operator": "システム担当",
    "auditor": "監査人",
}
ROLES: tuple[str, ...] = tuple(ROLE_WORDS)
"""What a caller is in the city hall."""

COURSE_WORDS: Mapping[str, str] = {"dx": "DX人材育成研修", "security": "情報セキュリティ研修"}
COURSES: tuple[str, ...] = tuple(COURSE_WORDS)
"""The yearly trainings before use (R13)."""

RISK_WORDS: Mapping[str, str] = {
    "LLM01": "プロンプトインジェクション",
    "LLM02": "機微情報の漏えい",
    "LLM03": "サプライチェーン",
    "LLM04": "データとモデルの汚染",
    "LLM05": "不適切な出力の取扱い",
    "LLM06": "過剰な代行",
    "LLM07": "システムプロンプトの漏えい",
    "LLM08": "ベクトルと埋め込みの弱点",
    "LLM09": "誤情報",
    "LLM10": "際限のない消費",
    "NIST-cbrn": "CBRN情報と能力",
    "NIST-confabulation": "作話",
    "NIST-dangerous-content": "危険・暴力・憎悪の内容",
    "NIST-data-privacy": "データのプライバシー",
    "NIST-environment": "環境への影響",
    "NIST-bias": "有害な偏りと画一化",
    "NIST-human-ai": "人とAIの関わり方",
    "NIST-information-integrity": "情報の健全性",
    "NIST-information-security": "情報セキュリティ",
    "NIST-intellectual-property": "知的財産",
    "NIST-obscene-content": "わいせつ・侮辱的な内容",
    "NIST-value-chain": "供給網と部品の統合",
}
"""OWASP Top 10 for LLM Applications 2025 and the twelve risks of NIST AI 600-1 (2024-07-26)."""
RISKS: tuple[str, ...] = tuple(RISK_WORDS)

EVIDENCE: tuple[str, ...] = ("pattern", "checksum", "cue", "both", "context", "dictionary", "repeat")
"""Why a finding is believed: shape, check digit, cue word, check digit and cue word, the words
around it, a dictionary, or an exact repeat of a value found elsewhere in the same request."""

EVIDENCE_WORDS: Mapping[str, str] = {
    "pattern": "形から",
    "checksum": "検査用数字だけから",
    "cue": "そばの語から",
    "both": "そばの語と検査用数字から",
    "context": "前後の文から",
    "dictionary": "辞書から",
    "repeat": "同じものの二度目",
}
"""What each kind of evidence is called in the title of a cell."""

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
    "UK_NINO": "英国国民保険番号",
    "KR_RRN": "韓国の住民登録番号",
    "IN_AADHAAR": "インドの個人番号(アーダール)",
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
    "consented": "委託先の利用への事前承諾",
    "purpose": "利用目的の記入",
    "actor": "利用者の種類",
    "role": "役割",
    "identity": "本人確認の方法",
    "audience": "回答の届く相手",
    "person": "利用者",
    "department": "部",
    "section": "課",
    "zone": "接続元の区域",
    "tool": "使う道具",
    "model": "AIモデル",
    "model_stage": "モデルの承認",
    "service": "サービスの形",
    "no_training": "学習に使わない契約",
    "recorded": "入出力を記録するサービス",
    "region": "処理する国",
    "destination": "送信先区分",
    "dialect": "APIの種類",
    "category": "業務区分",
    "use_case": "利用案件",
    "class": "機密性",
    "class_at_least": "機密性(これ以上)",
    "class_declared": "申告された機密性",
    "class_detected": "見つかったものから決まる機密性",
    "entities": "見つかった個人情報",
    "persons_at_least": "人数(これ以上)",
    "pairs_at_least": "人と要配慮個人情報の組(これ以上)",
    "words": "言葉の一覧",
    "characters_over": "文字数(これを超える)",
    "attachments": "添付の種類",
    "tools": "モデルが呼び出せる道具",
    "hours": "時間帯",
    "holiday": "閉庁日",
    "quota": "上限の状態",
}
"""What each condition of ``when`` is called in Japanese."""

VALUE_WORDS: Mapping[str, str] = {
    **{code: word for code, word in ROLE_WORDS.items()},
    "staff": "職員",
    "contractor": "委託先",
    "robot": "機械(RPAなど)",
    "public": "市民",
    "own": "庁内のサービス",
    "contract": "個別に契約したサービス",
    "terms_only": "約款型のサービス",
    "approved": "承認済み",
    "sandbox": "試行中",
    "unknown": "不明",
    "expired": "期限切れ",
    "image": "画像",
    "audio": "音声",
    "file": "ファイル",
    "link": "URL",
    "unlimited": "上限なし",
    "within": "上限の内",
    "near": "上限が近い",
    "over": "上限を超えた",
    "self": "送った本人",
    "csirt": "CSIRT",
}
"""What values are called in Japanese where neither ENTITY_WORDS nor CATEGORY_CODES names them."""
