"""An incident on paper: the nine items of 漏えい等報告 under their heads, and what there is beside them. Pure.

The nine heads are always there, in the order of the form; what nobody wrote is 「(まだ書かれていません)」. Every figure of
persons is called an estimate. Whoever sees no exchanges gets a paper without anybody's id, and it says so.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from audit.certificate import local
from audit.incidents.deadlines import REPORTS
from audit.incidents.items import ITEM_WORDS
from audit.incidents.judgement import ASKED, OUTCOME_WORDS, POINTING_WORDS, VALUE_WORDS
from audit.incidents.model import DISPOSITION_WORDS, KIND_WORDS, LEVEL_WORDS
from audit.names import moment
from audit.paper.model import Block, Heading, Pairs, Paper, Passage, Table

EMPTY = "(まだ書かれていません)"
EVENT_WORDS: Mapping[str, str] = {
    "opened": "事案を開いた", "amended": "改めた", "linked": "関連づけた", "unlinked": "関連づけを外した", "remarked": "記録",
    "escalated": "報告を上げた", "item": "項目を書いた", "answered": "問いに答えた", "decided": "報告対象かを決めた",
    "reported": "報告した", "contained": "被害の広がりを止めた", "closed": "終結した", "reopened": "再開した",
}  # fmt: skip
ROLE_WORDS: Mapping[str, str] = {
    "csirt_reviewer": "CSIRT", "cio_advisor": "CIO補佐官", "governance_board": "幹事会・IT推進本部",
}  # fmt: skip
EGRESS_WORDS: Mapping[str, str] = {
    "none": "外に出ていない", "masked": "伏せて出た", "partly_unmasked": "一部を伏せずに出た", "unmasked": "伏せずに出た",
    "unknown": "届いたか分からない",
}  # fmt: skip


def paper(told: Mapping[str, Any], by: str, now: datetime) -> Paper:
    """The paper of an incident as a reader is told of it (`incident_told`); ``by``: who makes it."""
    whole = "links" in told
    kept = "" if whole else "(職員番号・記録の番号を除いたもの)"
    blocks: list[Block] = [
        Pairs(_head(told)),
        Passage(
            "この書面の人数はすべて見積もりです。報告対象かどうかは、人が決めたもので、プログラムは判断していません。時刻は日本時間です。",
            faint=True,
        ),
        Heading("漏えい等報告の九項目"),
        *_items(told),
        Heading("報告の期限"),
        *_clock(told),
        Heading("報告対象か(判断の補助)"),
        *_judgement(told),
        Heading("影響を受けた人の見積もり"),
        *_estimate(told),
        Heading("経過"),
        Table(
            ("日時", "役割・人" if whole else "役割", "できごと", "内容"),
            [_entry(one) for one in told["timeline"]],
            (3.2, 3.2, 2.8, 7),
        ),
    ]
    if whole:
        blocks += [Heading("関連する記録"), *_links(told)]
    return Paper(
        title=f"インシデント記録 {told['incident']}",
        subtitle=f"{told['title']}{kept}",
        foot=f"{told['incident']}  {local(moment(now))} 作成  作成者 {by}",
        blocks=blocks,
        mark="訓練" if told["is_drill"] else None,
    )


def said_of(event: str, facts: Mapping[str, Any]) -> str:
    """What a step of the timeline says, in one or two lines."""
    reason = facts.get("reason")
    match event:
        case "opened":
            said = f"{KIND_WORDS.get(facts['kind'], facts['kind'])}「{facts['title']}」 知った時 {local(facts['known_at'])}"
        case "amended":
            named = {"kind": "種類", "title": "件名", "known_at": "知った時"}
            values = {"kind": lambda v: KIND_WORDS.get(v, v), "known_at": local}
            said = "、".join(
                f"{word} → {values.get(name, str)(facts[name])}"
                for name, word in named.items()
                if facts.get(name)
            )
        case "linked" | "unlinked":
            said = " ".join(filter(None, (facts.get("exchange"), facts.get("alert"), facts.get("rule"))))
        case "remarked":
            said = f"{local(facts['happened_at'])} {facts['text']}"
        case "escalated":
            said = f"{LEVEL_WORDS[facts['from']]} → {LEVEL_WORDS[facts['to']]}"
            if facts["passed_over"]:
                said += f"({'・'.join(LEVEL_WORDS[one] for one in facts['passed_over'])}を経ずに)"
        case "item":
            said = f"「{ITEM_WORDS.get(facts['item'], facts['item'])}」 第{facts['version']}版"
        case "answered":
            question = ASKED[facts["question"]].short
            said = f"{question}: {VALUE_WORDS[facts['value']]}"
        case "decided":
            said = f"{OUTCOME_WORDS[facts['outcome']]} 決定者 {facts['decided_by']}(補助の示すもの: {POINTING_WORDS[facts['pointing']]})"
        case "reported":
            said = f"{REPORTS[facts['report']]} {local(facts['reported_at'])} {facts.get('reference') or ''}".strip()
        case "contained":
            said = local(facts["contained_at"])
        case "closed":
            said = DISPOSITION_WORDS[facts["disposition"]]
        case _:
            said = ""
    return "\n".join(filter(None, (said, reason)))


def _head(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    disposition = told["disposition"]
    rows = [
        ("番号", told["incident"]),
        ("件名", told["title"]),
        ("種類", told["kind_name"]),
        ("状態", told["state_name"] + (f"({DISPOSITION_WORDS[disposition]})" if disposition else "")),
        ("報告先", told["level_name"]),
        ("知った時", local(told["known_at"])),
        ("開いた時", local(told["opened_at"])),
        ("止めた時", local(told["contained_at"]) if told["contained_at"] else "まだ"),
        ("終結した時", local(told["closed_at"]) if told["closed_at"] else "まだ"),
    ]
    return [("訓練", f"この事案は訓練です({told['drill'] or '-'})"), *rows] if told["is_drill"] else rows


def _items(told: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    for number, one in enumerate(told["items"], 1):
        blocks += [Heading(f"{number} {one['name']}", 2), Passage(one["text"] or EMPTY)]
        if one["item"] == "persons":
            figures = told["estimate"]
            blocks.append(
                Passage(
                    f"見積もり: {figures['persons']}人(うち、伏せずに出たものと数える記録 {figures['exposed']}人)。"
                    "確かめた人数ではありません。",
                    faint=True,
                )
            )
    return blocks


def _clock(told: Mapping[str, Any]) -> list[Block]:
    if not told["clock"]:
        return [Passage("漏えい等ではないため、法律の定める報告の期限はありません。")]
    rows = []
    for one in told["clock"]:
        passed = "、".join(f"{closed['day'][5:]} {closed['why']}" for closed in one["passed"])
        last = f"{one['last']}\n({passed}のため)" if passed else one["last"]
        made = local(one["reported_at"]) if one["reported_at"] else "-"
        rows.append((one["name"], one["counted"], last, made, one["said"]))
    return [
        Table(("期限", "数えた日", "最終日", "報告した時", "いまの状態"), rows, (3.2, 2.6, 5.2, 3.4, 3)),
        Passage(
            "知った日を1日目として暦の日で数えます。最終日が土曜日・日曜日・祝日・年末年始・閉庁日のときは、次の開庁日です。"
            "速報は「速やかに」(概ね3〜5日以内)で、日は目安です。",
            faint=True,
        ),
    ]


def _judgement(told: Mapping[str, Any]) -> list[Block]:
    aid = told["judgement"]
    rows = [
        (f"{one['name']}\n{one['law']}", VALUE_WORDS[one["value"]], one["reason"] or "-")
        for one in aid["questions"]
    ]
    decision = aid["decision"]
    if decision is None:
        decided = "まだ決まっていません。決めるのは人です。"
    else:
        decided = (
            f"{OUTCOME_WORDS[decision['outcome']]}  決定者 {decision['decided_by']}({ROLE_WORDS.get(decision['role'], decision['role'])})"
            f" {local(decision['at'])}\n理由: {decision['reason']}"
        )
        if decision["differs"]:
            decided += f"\n補助の示すもの({POINTING_WORDS[decision['pointing']]})と異なる決定です。"
    return [
        Table(("問い", "答え", "理由"), rows, (5.5, 2, 7)),
        Pairs((("答えの示すもの", aid["points_to"]["name"]), ("決定", decided))),
    ]


def _estimate(told: Mapping[str, Any]) -> list[Block]:
    figures = told["estimate"]
    egress = "、".join(
        f"{EGRESS_WORDS.get(name, name)} {count}件" for name, count in figures["egress"].items()
    )
    rows = (
        ("人数(見積もり)", f"{figures['persons']}人"),
        ("うち外に出たもの", f"{figures['exposed']}人(伏せずに出たものと数える記録 {figures['unmasked']}件)"),
        ("外に出たもの", egress or "関連する記録はありません"),
        ("数え方", f"伏せ字を数えた記録 {figures['counted']}件、記録の人数を足した記録 {figures['noted']}件"),
    )
    return [Pairs(rows), Passage("\n".join(f"・{one}" for one in figures["remarks"]), faint=True)]


def _entry(one: Mapping[str, Any]) -> Sequence[str]:
    role = ROLE_WORDS.get(one["role"], one["role"])
    who = f"{role}\n{one['by']}" if one["by"] else role
    return (
        local(one["at"]),
        who,
        EVENT_WORDS.get(one["event"], one["event"]),
        said_of(one["event"], one["facts"]),
    )


def _links(told: Mapping[str, Any]) -> list[Block]:
    if not told["links"]:
        return [Passage("関連する記録はありません。")]
    rows = [
        (
            one["exchange"] or one["alert"],
            "扱い(事案化)" if one["disposed"] else "警報" if not one["exchange"] else "やり取り",
            one["subject"] or "-",
            one["rule"] or "-",
        )
        for one in told["links"]
    ]
    return [Table(("番号", "種類", "職員", "規則"), rows, (7, 3, 3, 4))]
