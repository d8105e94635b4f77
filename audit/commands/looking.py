"""``sekisho audit search | show | events``: find exchanges, show one with its masked text, and who looked at what.

Each first writes a ``viewed`` record, and shows nothing when that fails. Everything heavy is imported inside
the commands, so that the command line starts quickly.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands.desk import (
    DEFAULT_LEDGER,
    AsJson,
    Reason,
    Where,
    address,
    cannot,
    cannot_read,
    demand_no_number,
    record_view,
    time,
)

if TYPE_CHECKING:
    from audit.catalogue.pages import Found
    from audit.model import Record

MILLIONTHS = 1_000_000
SEVERITIES = ("low", "medium", "high", "critical")
DISPOSITIONS = ("false_alarm", "guidance", "incident", "exception")
ENDINGS = ("answered", "refused", "failed", "abandoned", "lost")
"""As their rooms have them, which are too heavy to be loaded for a command line (a test holds them equal)."""


def search(
    ledger: Where = DEFAULT_LEDGER,
    word: Annotated[
        list[str] | None,
        typer.Option(
            metavar="言葉",
            help="伏せ字の質問か回答にある言葉(2文字から、何度でも)。 / Word of the masked texts.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="この日時以後（2026-11-23、時差の指定がなければ日本時間）。 / From, JST."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="この日時より前。 / Before, JST.")] = None,
    exchange: Annotated[str | None, typer.Option(help="やり取りの番号。 / Exchange id.")] = None,
    person: Annotated[str | None, typer.Option(help="職員。 / Person who asked.")] = None,
    department: Annotated[str | None, typer.Option(help="部。 / Department.")] = None,
    section: Annotated[str | None, typer.Option(help="課。 / Section.")] = None,
    tool: Annotated[str | None, typer.Option(help="ツール。 / Tool.")] = None,
    model: Annotated[str | None, typer.Option(help="求められたモデル。 / Model that was asked for.")] = None,
    category: Annotated[str | None, typer.Option(help="業務区分。 / Category.")] = None,
    confidentiality: Annotated[
        str | None, typer.Option("--class", help="判定に使った機密性。 / Effective confidentiality.")
    ] = None,
    verdict: Annotated[str | None, typer.Option(help="判定 permit, confirm, refuse。 / Verdict.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="結末 answered, refused, failed, abandoned, lost, open。 / Ending.")
    ] = None,
    why: Annotated[
        str | None, typer.Option(help="断った・失敗した理由の語。 / Reason code of the ending.")
    ] = None,
    egress: Annotated[str | None, typer.Option(help="外に出たもの。 / What left.")] = None,
    rule: Annotated[str | None, typer.Option(help="当たった規則。 / Rule that was hit.")] = None,
    entity: Annotated[str | None, typer.Option(help="見つかったデータの種類。 / Kind of data found.")] = None,
    alarm: Annotated[str | None, typer.Option(help="鳴った警報。 / Alarm.")] = None,
    severity: Annotated[
        str | None, typer.Option(help="これ以上の重さ low, medium, high, critical。 / This or more urgent.")
    ] = None,
    conversation: Annotated[str | None, typer.Option(help="会話の番号。 / Conversation.")] = None,
    use_case: Annotated[str | None, typer.Option(help="利用案件の番号。 / Use case.")] = None,
    campaign: Annotated[str | None, typer.Option(help="同じ伏せ字の文のしるし。 / Same masked text.")] = None,
    incident: Annotated[str | None, typer.Option(help="事案番号。 / Incident.")] = None,
    disposition: Annotated[
        str | None, typer.Option(help="扱い false_alarm, guidance, incident, exception。 / Disposition.")
    ] = None,
    least_tokens: Annotated[int | None, typer.Option(help="トークンがこれ以上。 / Tokens at least.")] = None,
    most_tokens: Annotated[int | None, typer.Option(help="トークンがこれ以下。 / Tokens at most.")] = None,
    least_yen: Annotated[float | None, typer.Option(help="費用がこれ以上(円)。 / Yen at least.")] = None,
    most_yen: Annotated[float | None, typer.Option(help="費用がこれ以下(円)。 / Yen at most.")] = None,
    reviewed: Annotated[
        bool | None,
        typer.Option(
            "--reviewed/--unreviewed", help="扱いが決まったもの・まだのもの。 / Disposed of or not."
        ),
    ] = None,
    urgent_first: Annotated[
        bool, typer.Option("--urgent-first", help="重い順。 / The most urgent first.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="一度に出す件数。 / Exchanges per page.")
    ] = 50,
    cursor: Annotated[
        str | None, typer.Option(help="前の頁が示した続きの印。 / Where the last page ended.")
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """やり取りを新しい順に探します。 / Find exchanges, newest first.

    --json は一行に一件を標準出力へ。件数と続きの印は標準エラーに出します。 /
    With --json: one exchange a line on stdout; how many there are, and "cursor MARK", on stderr.
    """
    from audit.catalogue.finding import looking
    from audit.catalogue.question import Question, TooShort
    from audit.query import CANNOT_READ
    from audit.readers import AT_THE_TERMINAL

    place = address(ledger)
    words = tuple(word or ())
    question = Question(
        since=time(since, "--since"),
        until=time(until, "--until"),
        exchange=exchange,
        person=person,
        department=department,
        section=section,
        tool=tool,
        model=model,
        category=category,
        confidentiality=confidentiality,
        verdict=_one_of("--verdict", verdict, ("permit", "confirm", "refuse")),
        outcome=_one_of("--outcome", outcome, (*ENDINGS, "open")),
        reason=why,
        egress=egress,
        rule=rule,
        entity=entity,
        alarm=alarm,
        severity=_one_of("--severity", severity, SEVERITIES),
        conversation=conversation,
        use_case=use_case,
        campaign=campaign,
        incident=incident,
        disposition=_one_of("--disposition", disposition, DISPOSITIONS),
        tokens=(least_tokens, most_tokens),
        yen=(_millionths(least_yen), _millionths(most_yen)),
        reviewed=reviewed,
        words=words,
    )
    stated = question.stated()
    demand_no_number(reason, *words, *(value for value in stated.values() if isinstance(value, str)))
    if question.since and question.until and question.since > question.until:
        cannot("--since が --until より後です / --since is later than --until")
    try:
        with looking(place) as look:
            reach = AT_THE_TERMINAL.demand("exchanges")
            page = look.search(question, reach, limit, cursor, urgent_first=urgent_first)
    except TooShort:
        cannot("--word は続いた2文字からです / --word has two characters side by side at least")
    except CANNOT_READ as error:
        if cursor and isinstance(error, ValueError):
            cannot("--cursor は前の頁が示した印ではありません / --cursor is no mark that a search has given")
        cannot_read(place, error)
    stated |= {"limit": limit} | ({"cursor": cursor} if cursor else {})
    record_view(place, "search", stated, len(page.cards), reason)
    if as_json:
        for card in page.cards:
            typer.echo(json.dumps(card_told(card), ensure_ascii=False))
    else:
        _print_cards(page.cards)
    if page.total or not as_json:
        _tell_total(page)
    if page.cursor:
        typer.echo(f"cursor {page.cursor}", err=True)


def events(
    ledger: Where = DEFAULT_LEDGER,
    what: Annotated[
        str | None, typer.Option(help="できごとか閲覧の種類。末尾の .* はその仲間すべて。 / Event, or key.*")
    ] = None,
    who: Annotated[str | None, typer.Option(help="した人。 / Who did it.")] = None,
    exchange: Annotated[
        str | None, typer.Option(help="このやり取りについて。 / About this exchange.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="この職員について。 / About this person.")] = None,
    since: Annotated[str | None, typer.Option(help="この日時以後。 / From, JST.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="件数。 / How many.")] = 50,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """閲覧の記録と、キー・保全・消去などのできごとを新しい順に示します。 / Who looked, and what was noted, newest first."""
    from audit.catalogue.finding import looking
    from audit.query import CANNOT_READ

    place = address(ledger)
    asked = {"what": what, "who": who, "exchange": exchange, "subject": subject}
    demand_no_number(reason, *asked.values())
    moment = time(since, "--since")
    try:
        with looking(place) as look:
            found = look.events(**asked, since=moment, limit=limit)
    except CANNOT_READ as error:
        cannot_read(place, error)
    stated = {name: value for name, value in asked.items() if value} | {"limit": limit}
    record_view(place, "events", stated, len(found), reason)
    if as_json:
        for record in found:
            typer.echo(json.dumps(_plain(record), ensure_ascii=False))
    else:
        _print_table(found)
        if not found:
            typer.echo("該当する記録はありません。 / No records.", err=True)


def show(
    exchange: Annotated[str, typer.Argument(metavar="EXCHANGE", help="やり取りの番号。 / Exchange id.")],
    ledger: Where = DEFAULT_LEDGER,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """一つのやり取りを、伏せ字の本文とともに示します。 / Show one exchange with its masked text."""
    from audit import query

    place = address(ledger)
    demand_no_number(exchange, reason)
    try:
        shown = query.show(place, exchange)
    except query.CANNOT_READ as error:
        cannot_read(place, error)
    rows = 0 if shown is None else 1 if shown.ending is None else 2
    record_view(place, "show", {"exchange": exchange}, rows, reason)
    if shown is None:
        typer.echo(
            f"やり取り {exchange} は台帳にありません。 / The ledger has no exchange {exchange}.", err=True
        )
        raise typer.Exit(1)
    view = _view(shown)
    if as_json:
        typer.echo(json.dumps(view, ensure_ascii=False))
    else:
        _print_view(view)


def _one_of(option: str, value: str | None, known: Sequence[str]) -> Any:
    if value is not None and value not in known:
        cannot(f"{option} は次のどれかです / {option} is one of: {', '.join(known)}")
    return value


def _millionths(yen: float | None) -> int | None:
    return None if yen is None else round(yen * MILLIONTHS)


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


def card_told(card: Mapping[str, Any]) -> dict[str, Any]:
    """A card as JSON values; yen as a decimal word."""
    told = dict(card)
    yen = told.pop("yen")
    told["class"] = told.pop("confidentiality")
    return told | {"cost_yen": None if yen is None else f"{yen / MILLIONTHS:.6f}"}


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
    _print_lines(heads, lines)


def _plain(record: "Record") -> dict[str, Any]:
    """A record as a JSON object; the body as the object it is."""
    return {
        "writer": record.writer,
        "index": record.index,
        "at": record.at,
        "kind": record.kind,
        "exchange": record.exchange,
        "body": json.loads(record.body),
        "text_commitment": record.text_commitment,
        "hash": record.hash,
    }


def _view(shown: Any) -> dict[str, Any]:
    asked = _plain(shown.asked)
    ending = _plain(shown.ending) if shown.ending else None
    outcome = ending["body"] if ending else {}
    return {
        "exchange": asked["exchange"],
        "caller": asked["body"].get("caller"),
        "asked": asked,
        "ending": ending,
        "rules": asked["body"].get("rules", []),
        "entities": asked["body"].get("entities", {}),
        "egress_state": outcome.get("egress_state"),
        "tokens": outcome.get("tokens"),
        "text": {"asked": shown.asked_text, "answer": shown.answer_text},
    }


def _print_table(records: "Sequence[Record]") -> None:
    heads = (
        "日時 JST", "種類 kind", "やり取り exchange", "人 person", "モデル model", "理由・できごと reason, event",
    )  # fmt: skip
    _print_lines(heads, [_columns(record) for record in records])


def _print_lines(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
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


def _compact(value: Any) -> str:
    from audit.certificate import plain

    return plain(json.dumps(value, ensure_ascii=False))
