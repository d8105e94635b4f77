"""How the ledger's commands show cards, records and exchanges: a table on a terminal, tab-separated lines elsewhere."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from audit.told import card_told, record_told, timeline_told

if TYPE_CHECKING:
    from audit.catalogue.pages import Found
    from audit.model import Record
    from audit.review import Timeline


def print_page(page: "Found", as_json: bool) -> None:
    """A page of exchanges; how many there are in all, and where the next page begins, on stderr."""
    if as_json:
        for card in page.cards:
            typer.echo(json.dumps(card_told(card), ensure_ascii=False))
    else:
        _print_cards(page.cards)
    if page.total or not as_json:
        _tell_total(page)
    if page.cursor:
        typer.echo(f"cursor {page.cursor}", err=True)


def print_records(records: "Sequence[Record]", as_json: bool) -> None:
    """Records that belong to no exchange."""
    if as_json:
        for record in records:
            typer.echo(json.dumps(record_told(record), ensure_ascii=False))
        return
    heads = (
        "日時 JST", "種類 kind", "やり取り exchange", "人 person", "モデル model", "理由・できごと reason, event",
    )  # fmt: skip
    print_lines(heads, [_columns(record) for record in records])
    if not records:
        typer.echo("該当する記録はありません。 / No records.", err=True)


def print_lines(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for line in lines:
            typer.echo("\t".join(line))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not lines:
        return
    table = Table(*heads)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))  # Text: what a record says is no markup
    Console().print(table)


def _tell_total(page: "Found") -> None:
    """How many there are in all, and whether that is all of them."""
    if not page.total:
        typer.echo("該当するやり取りはありません。 / No exchanges.", err=True)
    elif page.cursor or page.total > len(page.cards):
        ja = (
            f"全部で{page.total:,}件より多く"
            if page.more
            else f"多くて{page.total:,}件"
            if page.at_most
            else f"全部で{page.total:,}件"
        )
        en = "more than" if page.more else "at most" if page.at_most else "in all"
        typer.echo(f"{ja} / {en} {page.total:,}", err=True)


def _print_cards(cards: "Sequence[Mapping[str, Any]]") -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    from audit.catalogue.severity import WORDS
    from audit.certificate import local, plain

    heads = (
        "日時 JST", "重さ severity", "結末 outcome", "やり取り exchange", "職員 person", "課 section", "モデル model",
        "規則 rules", "データ data", "理由 reason",
    )  # fmt: skip
    lines = []
    for card in cards:
        cells = (
            card["outcome"], card["exchange"], card["person"], card["section"], card["model"], " ".join(card["rules"]),
            " ".join(card["entities"]), card["reason"],
        )  # fmt: skip
        severity = WORDS[card["severity"]]
        lines.append((local(card["at"]), severity, *(plain(cell) if cell else "-" for cell in cells)))
    print_lines(heads, lines)


def _columns(record: "Record") -> tuple[str, ...]:
    """Of a record that belongs to no exchange: who did it, and what."""
    from audit.certificate import local, plain

    body = json.loads(record.body)
    person = (body.get("caller") or {}).get("person") or body.get("by") or body.get("os_user")
    said = " ".join(filter(None, (body.get("event") or body.get("what"), body.get("reason"))))
    cells = (record.exchange, person, body.get("model_requested"), said or None)
    return (local(record.at), record.kind, *("-" if cell is None else plain(cell) for cell in cells))


COUNTED = "  (漏えいの判断では、伏せずに出たものと数えます / counts as unmasked)"


ERASED = "(保存期間が過ぎたため消去されました / erased, because its retention was over)"
"""A record goes on committing to a text that is gone."""


def print_timeline(shown: "Timeline", as_json: bool) -> None:
    """One exchange from its question to the last look at it."""
    view = view_of(shown)
    if as_json:
        typer.echo(json.dumps(view, ensure_ascii=False))
    else:
        _print_view(view)


def view_of(shown: "Timeline") -> dict[str, Any]:
    """One exchange as a JSON object: the timeline, and on top what is asked for most."""
    told = timeline_told(shown)
    asked, ending = told["asked"], told["ending"]
    outcome = ending["body"] if ending else {}
    return {
        "exchange": asked["exchange"],
        "caller": asked["body"].get("caller"),
        "rules": asked["body"].get("rules", []),
        "entities": asked["body"].get("entities", {}),
        "egress_state": outcome.get("egress_state"),
        "tokens": outcome.get("tokens"),
    } | told


def _print_view(view: dict[str, Any]) -> None:
    from audit.certificate import local, plain
    from audit.model import counts_as_unmasked

    asked, ending, text = view["asked"], view["ending"], view["text"]
    typer.echo(f"やり取り exchange  {view['exchange']}")
    typer.echo(f"受付 asked        {local(asked['at'])}  {_compact(view['caller'])}")
    outcome = f"{local(ending['at'])}  {ending['kind']}" if ending else "まだ終わっていません / still open"
    typer.echo(f"結果 ending       {outcome}")
    for label, value in (
        ("規則 rules", view["rules"]),
        ("検出 entities", view["entities"]),
        ("外に出たもの egress", view["egress_state"]),
        ("トークン tokens", view["tokens"]),
        ("重さ severity", view["card"]["severity"]),
        ("扱い disposition", view["card"]["disposition"]),
    ):
        counted = label.endswith("egress") and ending and counts_as_unmasked(value)
        typer.echo(f"{label}  {_compact(value)}{COUNTED if counted else ''}")
    for label, part in (
        ("質問（伏せ字） asked, masked", "asked"),
        ("回答（伏せ字） answer, masked", "answer"),
    ):
        record = asked if part == "asked" else ending
        erased = text[part] is None and record and record["text_commitment"]
        typer.echo(f"── {label}")
        typer.echo("\n".join(plain(line) for line in (ERASED if erased else text[part] or "-").split("\n")))
    if view["events"]:
        typer.echo("── 見た人・扱い seen by, made of it")
    for record in view["events"]:
        body = record["body"]
        who = body.get("by") or body.get("person") or body.get("os_user")
        made = " ".join(str(body[name]) for name in ("disposition", "incident", "until") if body.get(name))
        said = (body.get("event") or body.get("what"), body.get("role"), who, made, body.get("reason"))
        typer.echo(f"{local(record['at'])}  {plain('  '.join(str(one) for one in said if one))}")


def _compact(value: Any) -> str:
    from audit.certificate import plain

    return plain(json.dumps(value, ensure_ascii=False))
