"""What the ledger gives to whoever has a right to ask for it, without other people's columns. Pure but for `held`.

    personal      保有個人情報の開示請求: everything held about one person's use, and who looked at it, by role alone
    information   情報公開請求: exchanges of everybody, without any column that tells of a person

A column is there because it is listed here: what a record learns to say one day does not appear by itself. Words that
people wrote come as `Words`; whoever gives them away has them searched again first (proxy/office/disclosed.py).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal, get_args

from audit.catalogue.entering import DISPOSED
from audit.catalogue.pages import Found
from audit.catalogue.question import Question
from audit.certificate import local
from audit.dispositions import WORDS as DISPOSITIONS
from audit.model import Record
from audit.months import JST
from audit.names import moment
from audit.periods import Periods
from audit.review import Cell as Count
from audit.review import Review, Timeline, kept_back
from audit.said import Said, said
from audit.told import yen_told

Kind = Literal["personal", "information"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TITLES: Mapping[Kind, str] = {
    "personal": "保有個人情報の開示請求(個人情報保護法第76条)",
    "information": "情報公開請求(情報公開条例)",
}

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Words:
    """Words that somebody wrote, still to be searched."""

    parts: tuple[Said, ...]


Cell = str | int | Words | None
Row = dict[str, Cell]


# ── columns ──────────────────────────────────────────────────────────────────────────────────────

_USE: Mapping[str, str] = {
    "category": "業務区分",
    "use_case": "利用案件",
    "operation": "使い方",
    "model": "求めたモデル",
    "tool": "ツール",
    "class": "機密性",
    "verdict": "判定",
    "rules": "当たった規則",
    "entities": "見つかったデータ(種類と数)",
    "characters": "調べた文字数",
    "outcome": "結末",
    "outcome_reason": "結末の理由",
    "egress": "外に出たもの",
    "provider": "AIの提供者",
    "tokens": "トークン",
    "cost_yen": "費用(円)",
    "test": "試験の利用",
}
_KEPT: Mapping[str, str] = {
    "record_until": "記録の保存期限(この日までは消えません)",
    "text_until": "本文の保存期限(この日までは消えません)",
}
_TEXTS: Mapping[str, str] = {"question": "質問(伏せ字)", "answer": "回答(伏せ字)"}

COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    "personal": {
        "what": "種別",
        "at": "日時(日本時間)",
        "exchange": "やり取りの番号",
        "person": "職員番号(請求した本人)",
        "department": "部",
        "section": "課",
        "role": "本人の役割",
        "identity": "本人確認",
        "key": "本人のキーの番号",
        "conversation": "会話の番号",
        **_USE,
        "alarms": "警報",
        "notices": "知らせた規則",
        **_TEXTS,
        "event": "できごと",
        "by_role": "見た人・決めた人の役割",
        "reason": "理由",
        "incident": "事案番号",
        **_KEPT,
        "original_until": "原文の期限(しまってある場合)",
    },
    "information": {
        "number": "通し番号",
        "day": "日(日本時間)",
        "department": "部",
        "section": "課",
        **_USE,
        **_TEXTS,
        **_KEPT,
    },
}
"""Name → heading, in order. Nothing else is ever given."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A column, or several, that were taken out, and why."""

    ja: str
    en: str
    why: str


_THIRD = "第三者の個人情報(個人情報保護法第78条第1項第2号)"
_PUBLIC = "第三者の個人情報(情報公開条例の、個人に関する情報)"

REMOVED: Mapping[Kind, tuple[Removed, ...]] = {
    "personal": (
        Removed(
            "見た人・扱いを決めた人・認めた人・同意した人の職員番号、端末の利用者名(役割と理由は残しました)",
            "ids and machine accounts of those who looked, decided, allowed or consented; their role and reason remain",
            _THIRD,
        ),
        Removed("ツールや他の人のキーの番号", "keys of tools and of others", _THIRD),
        Removed("接続元のIPアドレス", "addresses of machines", "他の利用者と共用の端末を含むため。" + _THIRD),
        Removed(
            "文章の中の、ほかの人のことと見られるもの(伏せ字のまま、または新しく伏せました)",
            "what seems to be about others in the texts: masked as it was, or masked now",
            _THIRD,
        ),
        Removed("原文(伏せ字の中身)", "originals: what the placeholders stand for", _THIRD),
        Removed(
            "保全(消去の停止)の記録",
            "legal holds",
            "調査・捜査・事務に支障のおそれ(個人情報保護法第78条第1項第5号・第7号)",
        ),
        Removed(
            "鎖の位置、ハッシュ値、追跡番号、文章でない設定値",
            "places in the chains, hashes, trace ids, parameters",
            "個人に関する情報でない技術上の値",
        ),
    ),
    "information": (
        Removed(
            "職員番号、役割、会話の番号、キーの番号、接続元、ツールが告げた利用者",
            "ids of persons, roles, conversations, keys, addresses, users whom a tool named",
            _PUBLIC,
        ),
        Removed(
            "やり取りの番号と時刻(日だけを残しました)",
            "ids and times of exchanges; the day remains",
            "ほかの記録と突き合わせると、だれか分かるため。" + _PUBLIC,
        ),
        Removed(
            "利用者が5人に満たない部・課・ツール・利用案件の名前",
            "departments, sections, tools and use cases of fewer than 5 persons",
            "だれか分かるおそれがあるため。" + _PUBLIC,
        ),
        Removed("だれが見たか、審査の記録", "who looked, and what reviewers made of it", _PUBLIC),
        Removed("原文(伏せ字の中身)", "originals: what the placeholders stand for", _PUBLIC),
        Removed(
            "鎖の位置、ハッシュ値、追跡番号、設定値",
            "places in the chains, hashes, trace ids, parameters",
            "技術上の値",
        ),
    ),
}
TEXTS_REMOVED = Removed(
    "質問と回答の文章(求められていないため)",
    "questions and answers, which were not asked for",
    "伏せ字にした文章も個人情報のため。" + _PUBLIC,
)


def columns_of(kind: Kind, *, texts: bool) -> dict[str, str]:
    """The columns of one export."""
    return {name: ja for name, ja in COLUMNS[kind].items() if texts or name not in _TEXTS}


def removed_of(kind: Kind, *, texts: bool) -> tuple[Removed, ...]:
    """What one export leaves out."""
    return REMOVED[kind] if texts else (*REMOVED[kind], TEXTS_REMOVED)


# ── what is held ─────────────────────────────────────────────────────────────────────────────────


def page(review: Review, question: Question, limit: int, cursor: str | None, *, own: bool) -> Found:
    """Cards, newest first, of the reader's ``own`` use or within reach. Raises `NotForThem`, ValueError, `TooShort`."""
    return (review.own if own else review.to_disclose)(question, limit, cursor)


def every(review: Review, question: Question, *, own: bool = False) -> Iterator[Mapping[str, Any]]:
    """All cards that a question fits, newest first."""
    cursor: str | None = None
    while True:
        found = page(review, question, AT_ONCE, cursor, own=own)
        yield from found.cards
        if (cursor := found.cursor) is None:
            return


def held(review: Review, cards: Iterable[Mapping[str, Any]], *, own: bool = False) -> Iterator[Timeline]:
    """The exchanges of these cards, with what is known of each."""
    for card in cards:
        exchange = str(card["exchange"])
        shown = review.own_exchange(exchange) if own else review.disclosed(exchange)
        if shown is not None:
            yield shown


# ── rows about one person ────────────────────────────────────────────────────────────────────────


def about(shown: Timeline, person: str, periods: Periods) -> list[Row]:
    """One exchange of this person and who looked at it, as rows of a ``personal`` export."""
    asked = json.loads(shown.asked.body)
    caller = asked.get("caller") or {}
    mine = caller.get("identity") == "authenticated"
    original = asked.get("original")
    row: Row = {
        "what": "やり取り",
        "at": local(shown.asked.at),
        "exchange": shown.asked.exchange,
        "person": person,
        "department": _word(caller.get("department")),
        "section": _word(caller.get("section")),
        "role": _word(caller.get("role")),
        "identity": _word(caller.get("identity")),
        "key": _word(caller.get("key")) if mine else None,
        "conversation": _word(asked.get("conversation")),
        "alarms": _listed(asked.get("alarms")),
        "notices": _listed(asked.get("notices")),
        "original_until": _word(original.get("until")) if isinstance(original, dict) else None,
    }
    row |= _use(shown, asked) | _said(shown) | _kept(shown, periods)
    events = (event(record, person, periods) for record in told_of(shown.events))
    return [_of("personal", row), *(one for one in events if one is not None)]


def told_of(events: Iterable[Record]) -> Iterator[Record]:
    """What the person is told of: nothing of an original that nobody has allowed to be opened."""
    known = [(record, json.loads(record.body)) for record in events]
    allowed = {body["grant"] for _, body in known if body.get("event") == "glass.allowed"}
    for record, body in known:
        if not str(body.get("event")).startswith("glass.") or body["grant"] in allowed:
            yield record


def looks(
    records: Iterable[Record], person: str, periods: Periods, since: datetime | None, until: datetime | None
) -> list[Row]:
    """Who looked at this person's use in general and not at one exchange; oldest first."""
    rows = []
    for record in sorted(records, key=lambda one: (one.at, one.writer, one.index)):
        body = json.loads(record.body)
        of_one = body.get("exchange") or (body.get("filters") or {}).get("exchange")
        within = (since is None or record.at >= moment(since)) and (
            until is None or record.at < moment(until)
        )
        if within and not of_one and (row := event(record, person, periods)) is not None:
            rows.append(row)
    return rows


def event(record: Record, person: str, periods: Periods) -> Row | None:
    """One look or decision, without who it was; None for what is not told here (a hold, what books note)."""
    body = json.loads(record.body)
    name = _event(record, body)
    if name is None:
        return None
    who = body.get("by") or body.get("person")
    seen = body.get("filters") or {}
    reason = body.get("reason")
    row: Row = {
        "what": "閲覧" if record.kind == "viewed" else "扱い",
        "at": local(record.at),
        "exchange": _word(body.get("exchange") or seen.get("exchange")),
        "person": person,
        "event": name,
        "by_role": "本人" if who == person else _word(body.get("role")) or "terminal(端末)",
        "reason": Words((Said(None, reason),)) if isinstance(reason, str) and reason else None,
        "incident": _word(body.get("incident") or seen.get("incident")),
        "record_until": periods.records.last_day(_day(record.at)).isoformat(),
    }
    return _of("personal", row)


EVENTS: Mapping[str, str] = {
    "glass.asked": "原文を開く申し込み",
    "glass.allowed": "原文を開くことを認めた",
    "glass.refused": "原文を開くことを断った",
    "glass.closed": "原文を開く期間を終えた",
    "output.checked": "文章を職員が確かめた",
    "case.taken": "誤検出を検出器の例に加えた",
}
"""What is told of beside looks and dispositions."""
LOOKS: Mapping[str, str] = {
    "search": "条件でさがした",
    "show": "一件を見た",
    "own": "本人が見た",
    "person": "職員ごとの一覧で見た",
    "original": "原文を見た",
    "disclosure": "開示のために書き出した",
    "label": "文書の表示文を見た",
    "explain": "判定の理由を見た",
    "events": "できごとの一覧で見た",
}


def _event(record: Record, body: Mapping[str, Any]) -> str | None:
    if record.kind == "viewed":
        return LOOKS.get(str(body.get("what")), "見た")
    made = body.get("event")
    if made == DISPOSED:
        word = next((ja for name, ja in DISPOSITIONS.items() if name == body.get("disposition")), "")
        return f"扱いを決めた: {word}"
    return EVENTS.get(str(made))


# ── rows about nobody ────────────────────────────────────────────────────────────────────────────

Unit = tuple[str | None, str | None]
WITHHELD = "(5人に満たないため伏せます)"


@dataclass(frozen=True, slots=True)
class Crowd:
    """Which sections, tools and use cases so many persons share that a name tells of nobody; ``persons``: how many in all."""

    units: frozenset[Unit]
    tools: frozenset[str | None]
    use_cases: frozenset[str | None]
    persons: int


def crowd_of(cards: Iterable[Mapping[str, Any]]) -> Crowd:
    """Of all exchanges of an export. Where one name alone is withheld, the next smallest is, too."""
    units: dict[Unit, set[object]] = {}
    tools: dict[str | None, set[object]] = {}
    use_cases: dict[str | None, set[object]] = {}
    persons: set[object] = set()
    for card in cards:
        who = card["person"]
        persons.add(who)
        units.setdefault((card["department"], card["section"]), set()).add(who)
        tools.setdefault(card["tool"], set()).add(who)
        use_cases.setdefault(card["use_case"], set()).add(who)
    return Crowd(
        units=frozenset(_shared(units)),
        tools=frozenset(_shared(tools)),
        use_cases=frozenset(_shared(use_cases)),
        persons=len(persons),
    )


def _shared(names: Mapping[Any, set[object]]) -> Iterator[Any]:
    places = list(names)
    cells = [Count(str(place), 1, len(names[name])) for place, name in enumerate(places)]
    for cell in kept_back(cells):
        if cell.persons is not None:
            yield places[int(cell.name or 0)]


def of_nobody(shown: Timeline, number: int, crowd: Crowd, periods: Periods, *, texts: bool) -> Row:
    """One exchange as a row of an ``information`` export; words only where they were asked for."""
    asked = json.loads(shown.asked.body)
    caller = asked.get("caller") or {}
    unit = (caller.get("department"), caller.get("section"))
    told = unit in crowd.units
    row: Row = {
        "number": number,
        "day": _day(shown.asked.at).isoformat(),
        "department": _word(unit[0]) if told else WITHHELD,
        "section": _word(unit[1]) if told else WITHHELD,
    }
    row |= _use(shown, asked) | _kept(shown, periods)
    if caller.get("tool") not in crowd.tools:
        row["tool"] = WITHHELD
    if row["use_case"] is not None and row["use_case"] not in crowd.use_cases:
        row["use_case"] = WITHHELD
    return _of("information", row | _said(shown) if texts else row)


# ── cells ────────────────────────────────────────────────────────────────────────────────────────


def _of(kind: Kind, row: Row) -> Row:
    return {name: row.get(name) for name in COLUMNS[kind]}


def _use(shown: Timeline, asked: Mapping[str, Any]) -> Row:
    ended = json.loads(shown.ending.body) if shown.ending else {}
    card = shown.card
    return {
        "category": _word(card["category"]),
        "use_case": _word(card["use_case"]),
        "operation": _word(asked.get("operation")),
        "model": _word(card["model"]),
        "tool": _word(card["tool"]),
        "class": _word(card["confidentiality"]),
        "verdict": _word(card["verdict"]),
        "rules": " ".join(card["rules"]),
        "entities": _counts(asked.get("entities")),
        "characters": _number(asked.get("characters")),
        "outcome": _word(card["outcome"]),
        "outcome_reason": _word(card["reason"]),
        "egress": _word(card["egress"]),
        "provider": _word(ended.get("provider")),
        "tokens": card["tokens"],
        "cost_yen": yen_told(card["yen"]),
        "test": "試験" if card["is_test"] else None,
    }


def _said(shown: Timeline) -> Row:
    return {
        "question": _text(shown.asked, shown.asked_text),
        "answer": _text(shown.ending, shown.answer_text) if shown.ending else None,
    }


ERASED = "(保存期間が過ぎたため消去されました)"


def _text(record: Record, text: str | None) -> Cell:
    if text is None:
        return ERASED if record.text_commitment else None
    return Words(said(text))


def _kept(shown: Timeline, periods: Periods) -> Row:
    """At least so long: a chain goes as a whole, and a hold may keep it longer."""
    last = _day((shown.ending or shown.asked).at)
    there = shown.asked_text is not None or shown.answer_text is not None
    return {
        "record_until": periods.records.last_day(last).isoformat(),
        "text_until": periods.texts.last_day(last).isoformat() if there else None,
    }


def with_words(row: Row, words: Mapping[str, tuple[str, ...]]) -> Row:
    """The row with its words as they may be given: for each such column one text for each part."""
    made = dict(row)
    for name, texts in words.items():
        cell = made[name]
        assert isinstance(cell, Words)
        parts = (replace(part, text=text) for part, text in zip(cell.parts, texts, strict=True))
        made[name] = "\n".join(f"【{one.by}】{one.text}" if one.by else one.text for one in parts)
    return made


def _counts(found: Any) -> str | None:
    if not isinstance(found, dict):
        return None
    return " ".join(f"{kind}:{count}" for kind, count in sorted(found.items()) if isinstance(count, int))


def _listed(value: Any) -> str | None:
    return " ".join(map(str, value)) if isinstance(value, list) else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _day(at: str) -> date:
    return datetime.fromisoformat(at).astimezone(JST).date()
