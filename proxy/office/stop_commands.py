"""`sekisho stop` and `sekisho resume`: the kill switch. It holds in every process of the house within a second.

A stop holds first and is noted afterwards, so that it works when the ledger is down; to let things pass again is
noted first, and where that cannot be it does not happen.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.address import address_of
from proxy.failing import stop as fail
from proxy.office.known_names import strangers, warn_of

if TYPE_CHECKING:
    from proxy.office.desk import Desk
    from proxy.office.stops import Kind, Stop, StopBook
    from proxy.settings import Settings

OfModel = Annotated[str | None, typer.Option("--model", help="このモデルだけ(*と?可) / This model only.")]
OfSection = Annotated[str | None, typer.Option("--section", help="この課だけ(*と?可) / This section only.")]
OfTool = Annotated[str | None, typer.Option("--tool", help="このツールだけ(*と?可) / This tool only.")]
By = Annotated[str | None, typer.Option("--by", help="指示した人 / Who ordered it.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]

HIDDEN = "＊"
"""What stands for a digit of a number that the ledger must not keep."""


def stop(
    model: OfModel = None,
    section: OfSection = None,
    tool: OfTool = None,
    reason: Annotated[str | None, typer.Option("--reason", help="止める理由 / Why.")] = None,
    by: By = None,
    listing: Annotated[
        bool, typer.Option("--list", help="いま止まっているものの一覧 / What is stopped now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """AIの利用をすぐに止める。対象を書かなければ全体 / Halt AI at once: everything, or one model, section or tool."""
    from proxy.office.noting import os_user
    from proxy.office.stops import new_stop

    if listing:
        _list(as_json)
        return
    kind, name = _target(model, section, tool)
    if not reason or not reason.strip():
        fail("--reason で理由を書いてください / say why with --reason")
    with _book() as (book, desk):
        placed = new_stop(kind, name, masked(reason), masked(by or os_user()))
        book.enter(placed)
        if not as_json:  # before it is noted: the ledger may be slow
            typer.echo(
                f"{placed.target} を止めました。1秒以内にすべてのプロセスで止まります / stopped"
                f" ({placed.id}, SEKISHO_HOME={desk.settings.home.resolve()})"
            )
        trouble = _noted(desk.settings, book, placed)
        unknown = strangers(desk, kind, name)  # looked for once it holds
    if as_json:
        typer.echo(json.dumps(_plain(placed) | {"noted": trouble is None}, ensure_ascii=False))
    warn_of(name, unknown)
    if trouble is not None:
        typer.echo(
            "sekisho: 止めましたが、台帳にはまだ書けていません。書けるようになり次第、動いている関所が記録します"
            f" / it is stopped, but not recorded yet; a running checkpoint records it as soon as it can ({trouble})",
            err=True,
        )


def resume(
    model: OfModel = None,
    section: OfSection = None,
    tool: OfTool = None,
    reason: Annotated[str | None, typer.Option("--reason", help="再開する理由 / Why.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """止めたものを再開する。止めたときと同じ対象を書く / Lift a stop: name what was named when it was stopped."""
    from audit.numbers import REFUSAL, may_be_somebodys
    from proxy.office.noting import note, os_user

    kind, name = _target(model, section, tool)
    if not reason or not reason.strip():
        fail("--reason で理由を書いてください / say why with --reason")
    if any(may_be_somebodys(text) for text in (reason, by or "")):
        fail(REFUSAL)
    with _book() as (book, desk):
        standing = book.same(kind, name)
        if not standing:
            typer.echo(
                "sekisho: その対象は止まっていません(一覧: sekisho stop --list) / no such stop", err=True
            )
            raise typer.Exit(1)
        for owed in standing:
            if (
                owed.noted_at is None
                and book.claim(owed.id)
                and _noted(desk.settings, book, owed) is not None
            ):
                fail(_NOT_RECORDED)
        who = by or os_user()
        facts = {"target": masked(standing[0].target), "reason": reason, "by": who}
        try:
            note(desk.settings, "house.resumed", facts | {"stops": [one.id for one in standing]})
        except _cannot_note():
            fail(_NOT_RECORDED)
        book.lift([one.id for one in standing], who)
    if as_json:
        typer.echo(
            json.dumps(
                {"resumed": [one.id for one in standing], "target": standing[0].target}, ensure_ascii=False
            )
        )
    else:
        typer.echo(f"{standing[0].target} を再開しました / resumed")


_NOT_RECORDED = "台帳に書けないため再開しませんでした / the ledger cannot be written, so nothing was resumed"


def masked(text: str) -> str:
    """The text, its digits hidden where they may be a number that the ledger must not keep: a stop does not wait for it."""
    from audit.numbers import may_be_somebodys

    if not may_be_somebodys(text):
        return text
    return "".join(HIDDEN if letter.isnumeric() else letter for letter in text)


def _noted(settings: "Settings", book: "StopBook", placed: "Stop") -> str | None:
    """Note a stop that is ours to note; the kind of trouble where that could not be done."""
    from proxy.office.noting import note
    from proxy.office.stops import told

    trouble: str | None = None
    try:
        body = told(placed)
        note(settings, body.pop("event"), body)
    except _cannot_note() as error:
        trouble = getattr(error, "reason", type(error).__name__)
    book.settle(placed.id, noted=trouble is None)
    return trouble


def _cannot_note() -> tuple[type[Exception], ...]:
    from audit.model import CannotRecord

    return CannotRecord, OSError, ValueError


def _target(model: str | None, section: str | None, tool: str | None) -> "tuple[Kind, str]":
    options: list[tuple[Kind, str | None]] = [("model", model), ("section", section), ("tool", tool)]
    given = [(kind, value.strip()) for kind, value in options if value is not None]
    if len(given) > 1:
        fail(
            "--model・--section・--tool は一つだけ指定してください / give only one of --model, --section, --tool"
        )
    if given and not given[0][1]:
        fail(f"--{given[0][0]} が空です / is empty")
    return given[0] if given else ("house", "")


def _list(as_json: bool) -> None:
    with _book() as (book, _):
        standing = book.standing()
    if as_json:
        typer.echo(json.dumps([_plain(one) for one in standing], ensure_ascii=False))
        return
    if not standing:
        typer.echo("止めているものはありません / nothing is stopped")
        return
    for one in standing:  # never shortened: gpt-5-mini and gpt-5-mni must not look alike
        recorded = "" if one.noted_at else " (台帳にはまだ / not recorded yet)"
        typer.echo(f"{one.target} {one.at} 理由 {one.reason} 指示 {one.by}{recorded}")


def _plain(one: "Stop") -> dict[str, Any]:
    return {"target": one.target} | asdict(one)


@contextmanager
def _book() -> "Iterator[tuple[StopBook, Desk]]":
    from proxy.home import Home
    from proxy.office.desk import Desk
    from proxy.office.noting import os_user
    from proxy.office.stops import StopBook
    from proxy.office.store import office_of
    from proxy.office.tables import SQLAlchemyError
    from proxy.settings import BadSettings, read

    try:
        settings = read()
        file = address_of(settings.office_location).path
        if file is not None and not file.is_file():  # never make one: a stop in the wrong place stops nobody
            fail(
                f"{settings.home.resolve()} に関所がありません。SEKISHO_HOME を確かめてください"
                " / there is no checkpoint in this folder; check SEKISHO_HOME"
            )
        office = office_of(settings)
    except (BadSettings, RuntimeError) as error:
        fail(str(error))
    except (OSError, ValueError, SQLAlchemyError):
        fail(_NO_BOOK)
    try:
        yield StopBook(office), Desk(settings, office, Home(settings.home), os_user())
    except SQLAlchemyError:
        fail(_NO_BOOK)
    finally:
        office.close()


_NO_BOOK = (
    "帳簿を開けません。SEKISHO_HOME を確かめてください。急ぐときは関所のプロセスを止めてください"
    " / cannot use the office's book; check SEKISHO_HOME, or end the checkpoint's processes if it is urgent"
)
