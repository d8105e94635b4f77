"""A comparison of two policies for people: tables for the terminal, CSV for Excel, one HTML page that prints on A4.

Pure. Names no person and quotes no text. What a caller wrote (a model's name) can neither steer a terminal, nor be
a formula in Excel, nor be markup in the page.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import Any

from audit.months import Month
from policies.decide import Policy
from policies.differences import CHANGE_WORDS, PART_WORDS, Difference, shown
from policies.model import CATEGORY_CODES, Bilingual
from policies.vocabulary import ENTITY_WORDS
from proxy.comparison import EFFECTS, GROUPS, LEFT_OUT, Comparison, Shift, limits

_GATES = {"allow": "送信する", "confirm": "確かめてから送信", "deny": "送信しない", "-": "なし"}
_DIRECTIONS = {
    True: "▲厳しくなる / stricter",
    False: "▽緩くなる / looser",
    None: "◇入れ替わる / neither",
}
"""Marks, not colours: it is read in black and white, too."""
_RULES = ("old_rule", "new_rule")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the report. ``heads`` and every row have the same length; the last ``numbers`` cells are numbers."""

    title: Bilingual
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int = 0


def tables(found: Comparison) -> Iterator[Table]:
    """What would change, table by table; tables that would be empty are left out."""
    yield _in_all(found)
    every = (_shifts(found), *(_group(found, group) for group in GROUPS), _effects(found), _examples(found))
    yield from (table for table in every if table.rows)


def file_table(differing: Iterable[Difference]) -> Table:
    """What differs between the two files."""
    return Table(
        Bilingual("二つの方針の違い", "what differs between the two policies"),
        ("部分 / part", "番号 / id", "違い / change", "どこ / where", "旧 / OLD", "新 / NEW"),
        tuple(row for difference in differing for row in _file_rows(difference)),
    )


def _file_rows(difference: Difference) -> Iterator[tuple[str, ...]]:
    change = CHANGE_WORDS[difference.change]
    first = (PART_WORDS[difference.part].ja, difference.id, f"{change.ja} / {change.en}")
    if not difference.details:
        yield (*first, difference.title.ja if difference.title else "", "", "")
    for detail in difference.details:
        yield (*first, detail.place, shown(detail.old), shown(detail.new))


def _in_all(found: Comparison) -> Table:
    rows = [
        ("期間中の要求の記録 / asked records of the time", found.read),
        ("判定し直した記録 / decided again", found.decided),
        ("　判定が変わる / decision changes", found.redecided),
        ("　判定は同じで、ほかが変わる / only something else changes", found.changed - found.redecided),
        ("　何も変わらない / nothing changes", found.decided - found.changed),
        *((f"判定し直せない: {why.ja} / {why.en}", found.left_out[code]) for code, why in LEFT_OUT.items()),
        ("判定し直したうち、前の版の記録 / of those decided again, of an older version", found.older),
    ]
    heads = ("記録 / records", "件数 / number")
    return Table(Bilingual("全体", "in all"), heads, tuple((name, str(n)) for name, n in rows), 1)


def _shifts(found: Comparison) -> Table:
    rows = tuple(
        (decision_words(shift.old), decision_words(shift.new), _DIRECTIONS[shift.stricter], str(n))
        for shift, n in _most(found.decisions)
    )
    heads = ("旧の判定 / under OLD", "新の判定 / under NEW", "向き / direction", "件数 / records")
    return Table(Bilingual("判定の変化", "decisions that change"), heads, rows, 1)


def _group(found: Comparison, group: str) -> Table:
    counts: dict[str, Counter[bool | None]] = {}
    for (its, item, shift), n in found.moved.items():
        if its == group:
            counts.setdefault(item, Counter())[shift.stricter] += n
    rows = tuple(
        (_item_words(found, group, item), *_cells(found, group, item, here))
        for item, here in sorted(counts.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    )
    title = GROUPS[group]
    heads = (
        f"{title.ja} / {title.en}",
        *([] if group in _RULES else ["判定し直した / decided"]),
        "判定が変わる / change",
        "▲厳しく / stricter",
        "▽緩く / looser",
        "◇ / neither",
    )
    return Table(Bilingual(f"変わる判定: {title.ja}", f"by {title.en}"), heads, rows, len(heads) - 1)


def _cells(found: Comparison, group: str, item: str, here: "Counter[bool | None]") -> tuple[str, ...]:
    """By rule only what changes is counted."""
    decided = () if group in _RULES else (str(found.seen[group, item]),)
    return (*decided, str(here.total()), *(str(here[direction]) for direction in (True, False, None)))


def _effects(found: Comparison) -> Table:
    rows = tuple(
        (EFFECTS[effect].ja, _rule_words(found, item, *_sides(new)), *map(_side, (old, new)), str(n))
        for (effect, item, old, new), n in _most(found.effects)
    )
    heads = ("何が / what", "規則 / rule", "旧 / OLD", "新 / NEW", "件数 / records")
    return Table(Bilingual("ほかに変わること", "what else changes"), heads, rows, 1)


def _sides(new: str) -> tuple[str, ...]:
    """Whose title a rule has: of one that is gone the old policy's."""
    return ("old_rule",) if new == "-" else ("new_rule", "old_rule")


def _side(value: str) -> str:
    return _GATES.get(value, "あり")


def _examples(found: Comparison) -> Table:
    rows = tuple(
        (decision_words(shift.old), decision_words(shift.new), exchange)
        for shift, _ in _most(found.decisions)
        for exchange in found.examples.get(shift, ())
    )
    heads = ("旧の判定 / under OLD", "新の判定 / under NEW", "やり取り / exchange")
    return Table(Bilingual("例(番号だけ)", "examples, by number"), heads, rows)


def decision_words(decision: str) -> str:
    """``allow+PERSON`` is ``送信する・氏名はそのまま (allow+PERSON)``."""
    gate, *plain = decision.split("+")
    left = "と".join(ENTITY_WORDS.get(label, label) for label in plain)
    return f"{_GATES[gate]}{f'・{left}はそのまま' if left else ''} ({decision})"


def _item_words(found: Comparison, group: str, item: str) -> str:
    if group == "category":
        return f"{CATEGORY_CODES.get(item, '')} ({item})".strip()
    return _rule_words(found, item, group) if group in _RULES else item


def _rule_words(found: Comparison, id: str, *under: str) -> str:
    """A rule with its title; the same id may say something else under the other policy."""
    title = next(filter(None, (found.titles.get((one, id)) for one in under)), None)
    return f"{id} {title.ja}" if title else id


def _most(counts: "Counter[Any]") -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))


def days_of(month: Month) -> tuple[date, date]:
    """The first and the last day of a month."""
    first, after = date(month.year, month.month, 1), month.next()
    return first, date(after.year, after.month, 1) - timedelta(days=1)


def sentences(found: Comparison, month: Month) -> list[Bilingual]:
    """What the comparison cannot know."""
    return list(limits(found, *days_of(month)))


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def named(policy: Policy) -> dict[str, Any]:
    """Which policy this is."""
    effective = policy.effective.isoformat() if policy.effective else None
    return {
        "name": policy.name,
        "version": policy.version,
        "digest": policy.digest,
        "effective": effective,
    }


def as_json(found: Comparison, month: Month) -> dict[str, Any]:
    """The comparison as plain JSON: every count with its group, and the limits."""
    return {
        "month": str(month),
        "read": found.read,
        "decided": found.decided,
        "changed": found.changed,
        "decisions_changed": found.redecided,
        "left_out": {code: found.left_out[code] for code in LEFT_OUT},
        "older": found.older,
        "decisions": [_shifted(shift) | {"records": n} for shift, n in _most(found.decisions)],
        "by": {
            group: [
                {"item": item} | _shifted(shift) | {"records": n}
                for (its, item, shift), n in _most(found.moved)
                if its == group
            ]
            for group in GROUPS
        },
        "effects": [
            {"effect": effect, "item": item, "old": old, "new": new, "records": n}
            for (effect, item, old, new), n in _most(found.effects)
        ],
        "examples": [
            _shifted(shift) | {"exchanges": list(found.examples.get(shift, ()))}
            for shift, _ in _most(found.decisions)
        ],
        "limits": [{"ja": one.ja, "en": one.en} for one in sentences(found, month)],
    }


def _shifted(shift: Shift) -> dict[str, Any]:
    return {"old": shift.old, "new": shift.new, "stricter": shift.stricter}


def differences_json(differing: Iterable[Difference]) -> list[dict[str, Any]]:
    """What differs between the files, as plain JSON."""
    return [
        {
            "part": one.part,
            "id": one.id,
            "change": one.change,
            "title": {"ja": one.title.ja, "en": one.title.en} if one.title else None,
            "details": [{"path": list(d.path), "old": d.old, "new": d.new} for d in one.details],
        }
        for one in differing
    ]


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────

CSV_HEADS = ("表 table", "項目 item", "旧 old", "新 new", "件数 records")


def as_csv(found: Comparison, month: Month) -> bytes:
    """One line for every count, for Excel: UTF-8 with BOM, CRLF, no cell that Excel would calculate."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in (CSV_HEADS, *_csv_rows(found, month)):
        writer.writerow([neutral(str(cell)) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _csv_rows(found: Comparison, month: Month) -> Iterator[Sequence[object]]:
    old, new = (f"{policy.name} {policy.version} {policy.digest}" for policy in (found.old, found.new))
    yield "方針 policies", str(month), old, new, ""
    for name, number in _in_all(found).rows:
        yield "全体 in all", name.strip(), "", "", number
    for shift, n in _most(found.decisions):
        yield "判定の変化 decisions", "", shift.old, shift.new, n
    for (group, item, shift), n in _most(found.moved):
        title = GROUPS[group]
        yield f"{title.ja} {title.en}", item, shift.old, shift.new, n
    for (effect, item, before, after), n in _most(found.effects):
        title = EFFECTS[effect]
        yield f"{title.ja} {title.en}", item, *("" if side == "-" else side for side in (before, after)), n
    for shift, _ in _most(found.decisions):
        for exchange in found.examples.get(shift, ()):
            yield "例 examples", exchange, shift.old, shift.new, ""
    for one in sentences(found, month):
        yield "注意 limits", one.ja, "", "", ""


def neutral(cell: str) -> str:
    """A cell that Excel takes for text: what could begin a formula gets an apostrophe."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────────

_STYLE = """
@page { size: A4; margin: 15mm 12mm; @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt } }
body { font-family: "BIZ UDPGothic", "Noto Sans JP", "Yu Gothic", Meiryo, sans-serif; font-size: 10pt; color: #000;
       background: #fff; max-width: 190mm; margin: 0 auto; line-height: 1.5 }
h1 { font-size: 15pt; border-bottom: 2px solid #000 } h2 { font-size: 12pt; margin-top: 1.6em; break-after: avoid }
table { border-collapse: collapse; width: 100%; font-size: 9pt } thead { display: table-header-group }
th, td { border: 1px solid #000; padding: 2px 5px; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { background: #eee } tr { break-inside: avoid } td.n { text-align: right; white-space: nowrap }
"""


def as_html(found: Comparison, month: Month) -> bytes:
    """One page that needs nothing else: no script, no font, no picture from anywhere."""
    title = f"方針の比較 — {month.japanese}の記録で / Two policies compared over {month}"
    every = [*tables(found), file_table(found.differences())]
    parts = [
        "<!doctype html>",
        f'<html lang="ja"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>",
        _html_table(_which(found)),
        *(_html_section(table) for table in every),
        "<h2>この比較から分からないこと / What this comparison cannot know</h2><ul>",
        *(f"<li>{escape(one.ja)}<br>{escape(one.en)}</li>" for one in sentences(found, month)),
        "</ul></body></html>",
    ]
    return "\n".join(parts).encode()


def _which(found: Comparison) -> Table:
    rows = tuple(
        (word, policy.title.ja, policy.version, policy.digest)
        for word, policy in (("旧 / OLD", found.old), ("新 / NEW", found.new))
    )
    return Table(Bilingual("", ""), ("", "方針 / policy", "版 / version", "指紋 / SHA-256"), rows)


def _html_section(table: Table) -> str:
    return f"<h2>{escape(table.title.ja)} / {escape(table.title.en)}</h2>\n{_html_table(table)}"


def _html_table(table: Table) -> str:
    if not table.rows:
        return "<p>ありません。 / None.</p>"
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    words = len(table.heads) - table.numbers
    rows = "\n".join(
        "<tr>"
        + "".join(
            f"<td{' class=n' if at >= words else ''}>{escape(cell)}</td>" for at, cell in enumerate(row)
        )
        + "</tr>"
        for row in table.rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>"
