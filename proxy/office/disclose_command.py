"""`sekisho audit disclose`: the answer to 開示請求 and 情報公開請求, as a folder with other people's columns removed.

The look is recorded, with the digest of each file, before the folder has its name. Exit status: 0 written, 1 nothing is
held, 2 it could not be done.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from audit.commands.desk import AsJson, Reason, cannot, time
from proxy.failing import stop

if TYPE_CHECKING:
    from audit.address import Address
    from audit.disclosed import Row
    from proxy.office.answering import Wanted
    from proxy.office.disclosure_files import Sheet, Written
    from proxy.office.others import Others
    from proxy.settings import Settings
    from redaction.detector import Detector

KINDS = ("personal", "information")
VERDICTS = ("permit", "confirm", "refuse")
_LONGEST = 100


def disclose(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="書き出す新しいフォルダー。 / New folder.")],
    number: Annotated[str, typer.Option(help="請求番号(表紙に載ります)。 / Number of the request.")],
    reason: Reason = None,
    request: Annotated[
        str | None,
        typer.Option(
            metavar="personal|information",
            help="personal 開示請求(--person があればこれ)、information 情報公開請求。 / Kind of request.",
        ),
    ] = None,
    person: Annotated[
        str | None, typer.Option(help="開示を請求した本人の職員番号。 / Staff id of who asks for their own.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="だれの指示か。職名で(表紙に載ります)。 / At whose order: an office, not a name."),
    ] = None,
    texts: Annotated[
        bool,
        typer.Option(
            "--texts", help="情報公開請求で、伏せ字の文章も出す。 / With the masked texts, for the public."
        ),
    ] = False,
    few: Annotated[
        bool,
        typer.Option(
            "--few",
            help="利用者が5人に満たなくても出す(担当者が確かめたとき)。 / Also of fewer than 5 persons.",
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(help="この日時以後(2026-11-23、時差の指定がなければ日本時間)。 / From, JST."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="この日時より前。 / Before, JST.")] = None,
    department: Annotated[str | None, typer.Option(help="部。 / Department.")] = None,
    section: Annotated[str | None, typer.Option(help="課。 / Section.")] = None,
    tool: Annotated[str | None, typer.Option(help="ツール。 / Tool.")] = None,
    model: Annotated[str | None, typer.Option(help="求められたモデル。 / Model that was asked for.")] = None,
    category: Annotated[str | None, typer.Option(help="業務区分。 / Category.")] = None,
    confidentiality: Annotated[
        str | None, typer.Option("--class", help="判定に使った機密性。 / Effective confidentiality.")
    ] = None,
    use_case: Annotated[str | None, typer.Option(help="利用案件の番号。 / Use case.")] = None,
    verdict: Annotated[str | None, typer.Option(help="判定 permit, confirm, refuse。 / Verdict.")] = None,
    rule: Annotated[str | None, typer.Option(help="当たった規則。 / Rule that was hit.")] = None,
    entity: Annotated[str | None, typer.Option(help="見つかったデータの種類。 / Kind of data found.")] = None,
    word: Annotated[
        list[str] | None,
        typer.Option(metavar="言葉", help="伏せ字の質問か回答にある言葉(2文字から)。 / Word of the texts."),
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            envvar="SEKISHO_LEDGER",
            metavar="PATH|URL",
            help="台帳のファイルかURL。省くと設定のもの。 / The ledger's file or URL; default: the settings'.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """開示請求・情報公開請求に渡す資料を、ほかの人の列を取り除いて書き出します。 /
    Write what a request for disclosure is answered with, without other people's columns.

    CSV(Excel)、JSONL、表紙の三つを新しいフォルダーに書きます。文章は、もう一度検出器で調べてから出します。 /
    A CSV for Excel, the same rows as JSONL and a cover sheet; texts are searched once more before they are given.
    """
    from audit.catalogue.question import Question
    from audit.commands.desk import address, demand_file
    from audit.names import now
    from proxy.office.answering import Wanted, periods_of
    from proxy.office.disclosure_files import Sheet, new_id, write
    from proxy.settings import BadSettings, read

    if request is not None and request not in KINDS:
        cannot("--request は personal か information です / --request is personal or information")
    kind: Any = request or ("personal" if person is not None else "information")
    if request is None and person is None:
        cannot(
            "--person 職員番号(開示請求)か --request information(情報公開請求)を指定してください"
            " / give --person for somebody's own, or --request information for the public"
        )
    if verdict is not None and verdict not in VERDICTS:
        cannot(f"--verdict は次のどれかです / --verdict is one of: {', '.join(VERDICTS)}")
    if kind == "personal" and (texts or few):
        cannot(
            "--texts と --few は情報公開請求のものです。開示請求には、文章がいつも入ります"
            " / --texts and --few are for the public; a person is always given their texts"
        )
    reason = _written(reason, number, by)
    try:
        settings = read()
        periods = periods_of(settings)
    except (BadSettings, ValueError) as error:
        stop(str(error))
    place = address(ledger or settings.ledger_location)
    question = Question(
        since=time(since, "--since"), until=time(until, "--until"), person=person, department=department,
        section=section, tool=tool, model=model, category=category, confidentiality=confidentiality,
        use_case=use_case, verdict=verdict, rule=rule, entity=entity, words=tuple(word or ()),
    )  # fmt: skip
    _demand_sound_filters(question)
    demand_file(place)
    _demand_new(out)
    wanted = Wanted(kind, question, texts=texts or kind == "personal", few=few)
    at = now()
    sheet = Sheet(new_id(at), kind, number.strip(), by, at, asked_told(wanted), wanted.texts, periods)
    with _answering(place, settings, wanted, sheet) as rows:
        written = write(out, sheet, rows, lambda done: _record(place, wanted, sheet, done, reason))
    if as_json:
        from proxy import printing

        printing.json_line(
            {"folder": str(out), "disclosure": sheet.id, "rows": written.rows, "files": dict(written.files)}
        )
        return
    typer.echo(
        f"{out} に書き出しました({written.rows}行)。表紙は cover.html です。渡す前に、職員が中身を読んでください。"
    )
    typer.echo(f"{written.rows} rows were written to {out}. Somebody reads them before they are handed over.")


class _Nothing(Exception):
    """Nothing is held that was asked for."""


@contextmanager
def _answering(
    place: "Address", settings: "Settings", wanted: "Wanted", sheet: "Sheet"
) -> "Iterator[Iterator[Row]]":
    """The rows as they are written; whatever is in the way ends the command with one sentence, and no file stays."""
    from audit.catalogue.question import TooShort
    from audit.commands.desk import os_user
    from audit.query import CANNOT_READ
    from audit.readers import at_the_terminal
    from audit.review import Review
    from proxy.office.answering import BadRequest, answered, demand_sound
    from redaction.model import CannotDetect

    others = others_at_hand(place, settings, wanted.question.person)
    if sheet.by is not None and others.hidden(sheet.by) != sheet.by:
        cannot("--by は職員番号でなく、職名で書いてください / --by is an office, not a staff id")
    try:
        demand_sound(wanted, others)
        with Review(place, at_the_terminal(os_user())) as review:
            detector = detector_of(settings)
            rows = answered(review, wanted, sheet.periods, others, detector.find_now)
            yield rows
    except typer.Exit:  # it could not be recorded; typer calls that a RuntimeError
        raise
    except _Nothing:
        typer.echo(
            "該当する記録はありません。何も書き出していません。 / Nothing is held that fits; nothing was written.",
            err=True,
        )
        raise typer.Exit(1) from None
    except BadRequest as error:
        cannot(str(error))
    except TooShort:
        cannot("--word は続いた2文字からです / --word has two characters side by side at least")
    except CannotDetect as error:
        cannot(
            f"文章をもう一度調べられないため、何も書き出しません({error.reason})"
            f" / Nothing is written, because the texts cannot be searched again ({error.reason})"
        )
    except CANNOT_READ as error:
        _cannot_write(place, error)


def _record(place: "Address", wanted: "Wanted", sheet: "Sheet", written: "Written", reason: str) -> None:
    """Who made which files of what, before they have a name. Nothing held: that was looked for, too."""
    from audit.commands.desk import record_view

    stated = {"number": sheet.number, "disclosure": sheet.id, "by": sheet.by} | wanted.stated()
    files = dict(written.files) if written.rows else {}
    record_view(place, "disclosure", stated | {"files": files}, written.rows, reason)
    if not written.rows:
        raise _Nothing


def detector_of(settings: "Settings") -> "Detector":
    """Today's detector, as `sekisho serve` has it. Ends the command where it cannot be made ready."""
    from redaction.allowed import DEFAULT, read_allowed
    from redaction.detector import Detector

    path = settings.allow or DEFAULT
    try:
        allowed = read_allowed(path)
    except (OSError, UnicodeDecodeError):
        stop(
            f"許可リスト {path} を読めません。SEKISHO_ALLOW を確かめてください"
            f" / the allow-list {path} cannot be read: check SEKISHO_ALLOW"
        )
    detector = Detector(allow=allowed, rules=settings.rules)
    try:
        detector.load()
    except Exception as error:  # whatever is missing in this installation, one sentence is told
        kind = type(error).__name__
        stop(
            f"検出器を用意できません({kind})。make install をやり直し、SEKISHO_RULES を確かめてください"
            f" / the detector cannot load ({kind}): run make install again, and check SEKISHO_RULES"
        )
    return detector


def others_at_hand(place: "Address", settings: "Settings", person: str | None) -> "Others":
    """What everybody else is called, in the ledger and in the office's books where this machine has them."""
    from audit.address import address_of
    from audit.commands.desk import cannot_read
    from audit.query import CANNOT_READ
    from proxy.office.others import Others, others_of
    from proxy.office.store import office_of
    from proxy.office.tables import SQLAlchemyError

    try:
        books = address_of(settings.office_location)
        office = office_of(settings) if books.path is None or books.path.is_file() else None
    except (OSError, ValueError, RuntimeError, SQLAlchemyError):
        stop(
            "職員の帳簿を開けないため、ほかの人の番号を取り除けません。SEKISHO_OFFICE を確かめてください"
            " / the office's books cannot be opened, so that ids of others cannot be removed: check SEKISHO_OFFICE"
        )
    try:
        return Others(others_of(place, office, person))
    except CANNOT_READ as error:
        cannot_read(place, error)
    finally:
        if office is not None:
            office.close()


def asked_told(wanted: "Wanted") -> tuple[tuple[str, str], ...]:
    """What was asked for, as the cover says it."""
    from audit.certificate import local

    told = []
    for name, value in wanted.question.stated().items():
        shown = "、".join(value) if isinstance(value, list) else str(value)
        told.append((_FILTERS.get(name, name), local(shown) if name in ("since", "until") else shown))
    return tuple(told) or (("条件 / Asked for", "すべて / everything"),)


_FILTERS = {
    "person": "請求した本人の職員番号 / Person",
    "since": "この日時以後 / From",
    "until": "この日時より前 / Before",
    "department": "部 / Department",
    "section": "課 / Section",
    "tool": "ツール / Tool",
    "model": "モデル / Model",
    "category": "業務区分 / Category",
    "confidentiality": "機密性 / Class",
    "use_case": "利用案件 / Use case",
    "verdict": "判定 / Verdict",
    "rule": "規則 / Rule",
    "entity": "データの種類 / Kind of data",
    "words": "言葉 / Words",
}


def _written(reason: str | None, number: str, by: str | None) -> str:
    """The reason, once everything that is written down for good was looked at."""
    from audit.commands.desk import because, demand_no_number

    for option, written in (("--number", number), ("--by", by)):
        if written is not None and not (0 < len(written.strip()) <= _LONGEST and written.isprintable()):
            cannot(
                f"{option} は改行のない{_LONGEST}字までで書いてください"
                f" / {option} is one line of {_LONGEST} characters at most"
            )
    demand_no_number(number, by)
    return because(reason)


def _demand_sound_filters(question: Any) -> None:
    from audit.commands.desk import demand_no_number

    stated = question.stated()
    demand_no_number(*question.words, *(value for value in stated.values() if isinstance(value, str)))
    if question.since and question.until and question.since > question.until:
        cannot("--since が --until より後です / --since is later than --until")


def _demand_new(out: Path) -> None:
    if os.path.lexists(out):
        cannot(f"{out} はもうあります。別の名前にしてください / {out} is there already: take another name")
    if not out.absolute().parent.is_dir():
        cannot(f"{out} を置くフォルダーがありません / There is no folder for {out}")


def _cannot_write(place: "Address", error: Exception) -> NoReturn:
    from audit.commands.desk import cannot_read, why

    if (
        isinstance(error, OSError)
        and not isinstance(error, FileNotFoundError)
        and error.filename != str(place.path)
    ):
        cannot(
            "フォルダーに書けません。途中のファイルは残っていません"
            f" / The folder cannot be written; nothing of it is left: {why(error)}"
        )
    cannot_read(place, error)
