"""``sekisho audit search | searches``: find exchanges, and keep a search under a name.

Each first writes a ``viewed`` record, and shows nothing when that fails. Everything heavy is imported inside
the commands, so that the command line starts quickly.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands.desk import (
    DEFAULT_LEDGER,
    AsJson,
    Reason,
    Where,
    address,
    asked_well,
    because,
    cannot,
    demand_no_number,
    note,
    os_user,
    reading,
    record_view,
    time,
)
from audit.commands.shown import print_lines, print_page
from audit.told import MILLIONTHS

if TYPE_CHECKING:
    from audit.searches import Saved

SEVERITIES = ("low", "medium", "high", "critical")
DISPOSITIONS = ("false_alarm", "guidance", "incident", "exception")
ENDINGS = ("answered", "refused", "failed", "abandoned", "lost")
"""As their rooms have them, which are too heavy to be loaded for a command line (a test holds them equal)."""

kept = typer.Typer(no_args_is_help=True)


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
    days: Annotated[
        int | None,
        typer.Option(min=1, max=3_660, help="この日数のうち(見るたびに数え直す)。 / In so many last days."),
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
    saved: Annotated[
        str | None, typer.Option(metavar="ID", help="残した検索でさがす。 / Ask a search that is kept.")
    ] = None,
    keep: Annotated[
        str | None, typer.Option(metavar="名前", help="この検索を名前を付けて残す。 / Keep this search.")
    ] = None,
    share: Annotated[
        bool, typer.Option("--share", help="残した検索を、ほかの読み手にも見せる。 / Share what is kept.")
    ] = False,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """やり取りを新しい順に探します。 / Find exchanges, newest first.

    --json は一行に一件を標準出力へ。件数と続きの印は標準エラーに出します。 /
    With --json: one exchange a line on stdout; how many there are, and "cursor MARK", on stderr.
    """
    from audit.catalogue.question import Question
    from audit.searches import saved as to_keep

    place, purpose = address(ledger), because(reason)
    words = tuple(word or ())
    with asked_well():
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
            verdict=one_of("--verdict", verdict, ("permit", "confirm", "refuse")),
            outcome=one_of("--outcome", outcome, (*ENDINGS, "open")),
            reason=why,
            egress=egress,
            rule=rule,
            entity=entity,
            alarm=alarm,
            severity=one_of("--severity", severity, SEVERITIES),
            conversation=conversation,
            use_case=use_case,
            campaign=campaign,
            incident=incident,
            disposition=one_of("--disposition", disposition, DISPOSITIONS),
            tokens=(least_tokens, most_tokens),
            yen=(_millionths(least_yen), _millionths(most_yen)),
            reviewed=reviewed,
            words=words,
        )
    stated = question.stated()
    demand_no_number(*words, *(value for value in stated.values() if isinstance(value, str)))
    if question.since and question.until and question.since > question.until:
        cannot("--since が --until より後です / --since is later than --until")
    if days and question.since:
        cannot("--days と --since はどちらか一つです / give either --days or --since")
    if saved and (days or question != Question()):
        cannot("--saved は、ほかの条件とは使えません / --saved goes with no other filter")
    if share and not keep:
        cannot("--share は --keep といっしょに使います / --share goes with --keep")
    now = datetime.now(UTC)
    with reading(place, os_user()) as review:
        if keep:
            draft = _kept(
                lambda: to_keep(review.reader, keep, question, review.searches(), days=days, shared=share)
            )
        if saved:
            question = find_search(review.searches(), saved).asked(now)
        elif days:
            question = replace(question, since=now - timedelta(days=days))
        page = review.exchanges(question, limit, cursor, urgent_first=urgent_first)
    stated = question.stated() | {"limit": limit} | ({"cursor": cursor} if cursor else {})
    record_view(place, "search", stated | ({"search": saved} if saved else {}), len(page.cards), purpose)
    if keep:
        note(place, draft)
        typer.echo(f"検索を残しました / kept: {draft.body['search']}", err=True)
    print_page(page, as_json)


@kept.command("list")
def list_searches(ledger: Where = DEFAULT_LEDGER, as_json: AsJson = False) -> None:
    """残した検索の一覧 / Searches that are kept: your own, and shared ones."""
    place = address(ledger)
    with reading(place, os_user()) as review:
        found = sorted(review.searches().values(), key=lambda one: (one.name, one.id))
    record_view(place, "searches", {}, len(found), None)
    if as_json:
        for one in found:
            typer.echo(json.dumps(one.plain(), ensure_ascii=False))
        return
    heads = ("ID", "名前 name", "残した人 kept by", "共有 shared", "条件 filters")
    print_lines(heads, [_row(one) for one in found])
    if not found:
        typer.echo("残した検索はありません。 / No searches are kept.", err=True)


@kept.command("drop")
def drop(
    search: Annotated[str, typer.Argument(metavar="ID", help="検索の番号。 / Id of the search.")],
    ledger: Where = DEFAULT_LEDGER,
) -> None:
    """自分が残した検索を消す / Drop a search of your own."""
    from audit.searches import dropped

    place = address(ledger)
    with reading(place, os_user()) as review:
        one = find_search(review.searches(), search)
        draft = _kept(lambda: dropped(review.reader, one))
    note(place, draft)
    typer.echo(f"消しました / dropped: {one.id} {one.name}")


def _row(one: "Saved") -> tuple[str, ...]:
    from audit.certificate import plain

    filters: dict[str, Any] = one.question.stated() | ({"days": one.days} if one.days else {})
    said = " ".join(f"{name}={value}" for name, value in filters.items())
    shared = "共有 shared" if one.shared else "-"
    return one.id, plain(one.name), plain(one.owner), shared, plain(said) or "-"


def find_search(searches: "dict[str, Saved]", id: str) -> "Saved":
    """A search within reach, else status 2."""
    if id not in searches:
        cannot("その番号の検索はありません(一覧: sekisho audit searches list) / there is no such search")
    return searches[id]


def _kept(decide: Any) -> Any:
    from audit.catalogue.question import BadQuestion
    from audit.searches import NotSaved
    from audit.wording import BadWording

    try:
        return decide()
    except (NotSaved, BadQuestion, BadWording) as error:
        cannot(str(error))


def one_of(option: str, value: str | None, known: Sequence[str]) -> Any:
    """The value, where it is one that an option takes, else status 2."""
    if value is not None and value not in known:
        cannot(f"{option} は次のどれかです / {option} is one of: {', '.join(known)}")
    return value


def _millionths(yen: float | None) -> int | None:
    if yen is None:
        return None
    if not 0 <= yen <= 1e9:  # not a number is neither
        cannot("費用は0円から10億円です / yen are from 0 to 1,000,000,000")
    return round(yen * MILLIONTHS)
