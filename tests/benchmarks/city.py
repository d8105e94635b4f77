"""A city hall's year of exchanges, made up: 2,400 staff in 60 sections, seeded, so that it is the same at every run.

    for exchange in exchanges(seed=1, first=Month(2026, 4), months=12, count=500_000): …
    fill(Address(Path("ledger.sqlite")), seed=1, first=Month(2026, 4), months=12, count=500_000)

Realistic in what matters to a search or a report: a few use it much and many a little; weekdays by the hour of an
office with a lunch break, few at night, robots before dawn; April is quiet and February busy; each section has its own
words, categories and share; a tenth of the texts are somebody's standard text; about one in fifty is stopped. The texts
are masked as the desk masks them. Nobody in it exists. `fill` writes through the ledger's own pen, a chain a month, so
that every law and every hash of the ledger holds.
"""

import json
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from audit.address import Address
from audit.draft import Prepared, prepare
from audit.model import Draft
from audit.months import Month
from audit.pen import Pen
from audit.store import Store
from audit.stores import place_of

STAFF = 2_400
PORTION = 500
"""Exchanges that are written in one transaction."""

DEPARTMENTS: dict[str, tuple[str, ...]] = {
    "総合戦略部": ("総務課", "広報室", "みらい創生室", "アセットマネジメント推進室", "情報化推進課"),
    "総務部": ("総務課", "人事企画室", "財政課", "契約検査課", "税制課", "市民税課", "資産税課", "収納課"),
    "市民生活環境部": ("市民課", "市民生活相談課", "文化スポーツ振興課", "斎園課", "清掃業務課", "環境政策課", "資源循環推進課"),
    "健康福祉部": ("福祉政策課", "生活福祉総務課", "生活福祉支援課", "障がい福祉課", "長寿介護課", "国民健康保険課", "健康医療政策課", "保健予防課"),
    "子ども未来部": ("子ども育成課", "保育幼稚園総務課", "保育幼稚園事業課", "子ども保健課", "子育て総合支援センター"),
    "都市創造部": ("都市づくり推進課", "住宅課", "審査指導課", "道路課", "公園課", "下水河川企画課", "下水河川事業課", "管路課"),
    "街にぎわい部": ("農林緑政課", "産業振興課", "観光シティセールス課", "文化財課"),
    "教育委員会": ("教育総務課", "学務課", "学校安全課", "教育指導課", "教職員課", "青少年課", "中央図書館", "城内公民館"),
    "消防本部": ("総務課", "予防課", "警防課", "救急課", "指令調査室"),
    "議会事務局": ("議事課", "庶務課"),
}  # fmt: skip
"""部 and 課; 総務課 is in several."""

_CATEGORIES = {
    "mail_draft": 22, "minutes": 12, "public_notice": 10, "inquiry_reply": 9, "summary": 16, "research": 10,
    "translation": 4, "program": 5, "idea": 12,
}  # fmt: skip
_SUBJECTS = (
    "道路の陥没", "粗大ごみの申込み", "保育所の入所", "国民健康保険の減免", "固定資産税の評価替え", "図書館の予約", "公園の遊具の点検",
    "下水道の使用開始", "住民票の写し", "介護認定の更新", "給付金の申請", "避難所の開設訓練", "学校給食の献立", "空き家の相談", "農地の転用",
    "文化財の公開", "就学援助", "障がい者手帳", "予防接種の日程", "がん検診", "町内会の補助金", "違法駐輪", "市営住宅の募集", "水質検査",
    "議会答弁の想定問答", "庁内LANの更新", "個人情報の開示請求", "マイナポイント", "児童手当の現況届", "生活保護の収入申告",
)  # fmt: skip
_WORK = (
    "についてのお問い合わせに、やさしい日本語で回答する文案を作ってください。", "のお知らせを、三百字程度の文章にまとめてください。",
    "に関する会議の記録を、決まったことと残った課題に分けて要約してください。", "の手続きの流れを、箇条書きで整理してください。",
    "について、他市の取り組みを調べるときの観点を挙げてください。", "の案内文を英語に訳してください。", "の集計表を作る関数を書いてください。",
    "の広報記事の見出しを五つ考えてください。", "の申請書の記入例を、注意点とともに示してください。",
)  # fmt: skip
_DETAILS = (
    "対象は市内にお住まいの方です。", "期限は来月末までとします。", "窓口は本館二階です。", "専門用語は避けてください。", "高齢の方にも分かるように書いてください。",
    "前年度の資料と数字が合うようにしてください。", "問い合わせ先を最後に入れてください。", "来週の部内会議で使います。", "議員からの質問を想定しています。",
    "電話での説明にも使えるようにしてください。", "担当は{person}です。", "{person}様からは{address}の件で二度目のお電話です。",
    "折り返しは{phone}へお願いします。", "メール({email})での回答をご希望です。",
)  # fmt: skip
_STANDARD = "議事録の音声を文字にした次の文から、発言者ごとに要点をまとめ、敬称を整えてください。"
_ANSWERS = (
    "承知しました。次のとおり文案を作成しました。", "ご依頼の件を整理すると、主な論点は三つです。", "以下に要約を示します。", "お問い合わせいただきありがとうございます。",
)  # fmt: skip
_MODELS = {"gpt-5-mini": 60, "gpt-5": 15, "claude-sonnet-5": 20, "local-japanese": 5}
_TOOLS = {"庁内チャット": 70, "文書作成支援": 20, "議事録": 8, "夜間バッチ": 2}
_HOURS = (0, 0, 0, 0, 0, 1, 1, 4, 40, 95, 120, 105, 30, 100, 115, 110, 95, 55, 22, 12, 6, 3, 1, 0)
_SEASON = {4: 60, 5: 80, 6: 95, 7: 100, 8: 85, 9: 105, 10: 110, 11: 110, 12: 95, 1: 100, 2: 125, 3: 115}
_PLACEHOLDERS = {
    "person": "PERSON",
    "address": "JP_ADDRESS",
    "phone": "PHONE_NUMBER",
    "email": "EMAIL_ADDRESS",
}
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the hall."""

    id: str
    department: str
    section: str
    weight: float
    actor: str = "staff"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One made-up exchange: its two records and their masked texts."""

    id: str
    at: datetime
    ended_at: datetime
    asked: dict[str, Any]
    asked_text: str
    kind: str
    ending: dict[str, Any]
    answer_text: str | None


def staff(seed: int) -> list[Member]:
    """2,400 persons and twelve robots; a few do much and many little."""
    chance = random.Random(seed)
    units = [(department, section) for department, sections in DEPARTMENTS.items() for section in sections]
    shares = list(accumulate(chance.uniform(0.3, 2.5) for _ in units))
    people = []
    for number in range(STAFF):
        department, section = chance.choices(units, cum_weights=shares)[0]
        people.append(Member(f"{100_001 + number:06}", department, section, chance.paretovariate(1.2)))
    robots = [Member(f"rpa-{n:02}", *chance.choice(units), 60.0, "robot") for n in range(12)]
    return people + robots


def exchanges(seed: int, first: Month, months: int, count: int) -> Iterator[Exchange]:
    """So many exchanges over so many months, oldest first."""
    members = staff(seed)
    weights = list(accumulate(member.weight for member in members))
    chance = random.Random(seed + 1)
    listed = [first.months_later(n) for n in range(months)]
    season = [_SEASON[month.month] for month in listed]
    for number, (month, share) in enumerate(zip(listed, season, strict=True)):
        last = number == len(listed) - 1
        done = sum(round(count * s / sum(season)) for s in season[:number])
        here = count - done if last else round(count * share / sum(season))
        moments = sorted(_moment(chance, month) for _ in range(here))
        for index, at in enumerate(moments):
            yield _exchange(chance, chance.choices(members, cum_weights=weights)[0], at, f"{month}{index}")


def fill(ledger: Address, seed: int, first: Month, months: int, count: int) -> None:
    """Write them into a ledger that is made for it, a chain a month."""
    at = [first.first_moment()]
    store = Store(place_of(ledger), create=True)
    with closing(_Pen(store, lambda: at[0])) as pen:
        portion: list[Exchange] = []
        month = first.next().first_moment()
        for exchange in exchanges(seed, first, months, count):
            if len(portion) == PORTION or (portion and exchange.at >= month):
                _write(pen, portion, at)
                portion = []
            if exchange.at >= month:
                pen.turn_over()
                month = Month(*_year_month(exchange.at)).next().first_moment()
            portion.append(exchange)
        _write(pen, portion, at)


class _Pen:
    """The ledger's own pen, a new one for each month: the made-up clock is not the machine's."""

    def __init__(self, store: Store, clock: Any) -> None:
        self._store, self._clock = store, clock
        self._pen = Pen(store, clock, 10**7)

    def write(self, drafts: list[Prepared]) -> None:
        self._pen.write(drafts)

    def turn_over(self) -> None:
        self._pen.retire()
        self._pen = Pen(self._store, self._clock, 10**7)

    def close(self) -> None:
        self._pen.retire()
        self._pen.close()


def _write(pen: _Pen, portion: list[Exchange], at: list[datetime]) -> None:
    if not portion:
        return
    at[0] = portion[0].at
    pen.write([prepare(Draft("asked", one.id, one.asked, one.asked_text), one.at) for one in portion])
    pen.write(
        [prepare(Draft(one.kind, one.id, one.ending, one.answer_text), one.ended_at) for one in portion]  # type: ignore[arg-type]
    )


def _year_month(at: datetime) -> tuple[int, int]:
    here = at + timedelta(hours=9)
    return here.year, here.month


def _moment(chance: random.Random, month: Month) -> datetime:
    days = (month.next().first_moment() - month.first_moment()).days
    while True:
        day = month.first_moment() + timedelta(days=chance.randrange(days))
        weekday = (day + timedelta(hours=9)).weekday()
        if weekday < 5 or chance.random() < 0.06:
            break
    hour = chance.choices(range(24), weights=_HOURS)[0]
    return day + timedelta(hours=hour, seconds=chance.random() * 3600)


def _exchange(chance: random.Random, who: Member, at: datetime, seed: str) -> Exchange:
    if who.actor == "robot":
        here = at + timedelta(hours=9)
        at = here.replace(hour=4 + chance.randrange(2)) - timedelta(
            hours=9
        )  # before dawn of the same day in Japan
    id = f"01{seed.replace('-', '')}{''.join(chance.choices(_LETTERS, k=12))}".upper()
    words, entities = _words(chance)
    stopped = chance.random()
    verdict, kind, reason, egress = _outcome(stopped)
    rules = ["P-00", "P-04"] + (["P-03"] if stopped < 0.004 else ["P-09"] if stopped < 0.02 else [])
    asked = {
        "schema": 3,
        "caller": {
            "person": who.id, "department": who.department, "section": who.section, "actor": who.actor,
            "role": "staff_member", "identity": "authenticated", "enrolled": True, "trained": True, "acknowledged": True,
            "tool": "夜間バッチ" if who.actor == "robot" else chance.choices([*_TOOLS], weights=[*_TOOLS.values()])[0],
            "key": f"k-{who.id}", "address": "10.1.2.3",
        },
        "operation": "chat", "dialect": "chat", "is_test": False,
        "model_requested": chance.choices([*_MODELS], weights=[*_MODELS.values()])[0],
        "category": chance.choices([*_CATEGORIES], weights=[*_CATEGORIES.values()])[0],
        "class_effective": chance.choices(["1", "2", "3C"], weights=[30, 66, 4])[0],
        "conversation": None, "use_case": None, "characters": len(words), "verdict": verdict, "entities": entities,
        "rules": [{"id": rule, "effects": ["allow"], "risks": []} for rule in rules],
        "alarms": ["P-16"] if chance.random() < 0.001 else [], "policy": "takatsuki", "policy_version": "0.3",
    }  # fmt: skip
    ending: dict[str, Any] = {"egress_state": egress}
    answer = None
    if kind == "answered":
        tokens = {"input": len(words), "output": chance.randrange(60, 900), "tokens_estimated": False}
        ending |= {"tokens": tokens, "cost_yen": f"{(tokens['input'] + 4 * tokens['output']) / 8000:.6f}"}
        answer = json.dumps({"choices": [{"text": _answer(chance, words)}]}, ensure_ascii=False)
    elif reason:
        ending["reason"] = reason
    text = {"purpose": None, "request": {"messages": [{"role": "user", "content": words}]}}
    took = timedelta(seconds=chance.uniform(0.5, 20))
    return Exchange(
        id,
        at.astimezone(UTC),
        (at + took).astimezone(UTC),
        asked,
        json.dumps(text, ensure_ascii=False),
        kind,
        ending,
        answer,
    )


def _outcome(stopped: float) -> tuple[str, str, str | None, str]:
    if stopped < 0.015:
        return "refuse", "refused", "policy_denied", "none"
    if stopped < 0.02:
        return "confirm", "refused", "confirmation_required", "none"
    if stopped < 0.025:
        return "permit", "failed", "upstream_timeout", "masked"
    if stopped < 0.0255:
        return "permit", "abandoned", None, "unknown"
    return "permit", "answered", None, "masked"


def _words(chance: random.Random) -> tuple[str, dict[str, int]]:
    """A masked text, and how many of each kind were found in it."""
    if chance.random() < 0.1:
        return f"{_STANDARD}{chance.choice(_SUBJECTS)}の件。", {}
    parts = [chance.choice(_SUBJECTS) + chance.choice(_WORK)]
    parts += chance.sample(_DETAILS, chance.randrange(1, 6))
    entities: dict[str, int] = {}
    text = "".join(parts)
    for name, label in _PLACEHOLDERS.items():
        while f"{{{name}}}" in text:
            entities[label] = entities.get(label, 0) + 1
            mark = f"[{label}_{entities[label]}_{''.join(chance.choices(_LETTERS, k=4))}]"
            text = text.replace(f"{{{name}}}", mark, 1)
    return text, entities


def _answer(chance: random.Random, words: str) -> str:
    return (
        chance.choice(_ANSWERS)
        + words[: chance.randrange(20, 200)]
        + chance.choice(_DETAILS).format(
            person="ご担当の方", address="お住まい", phone="代表電話", email="市の窓口"
        )
    )
