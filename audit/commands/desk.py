"""What the ledger's commands share: where the ledger is, who is looking, and how to say that something cannot be.

Reading is recorded: nothing is shown, exported or carried away unless a ``viewed`` record is durable first.
Exit status: 0 fine, 1 something is wrong or not there, 2 it could not be done (one sentence on stderr).
"""

import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from audit.address import Address
from audit.months import JST

if TYPE_CHECKING:
    from audit.catalogue.question import BadQuestion
    from audit.ledger import Ledger
    from audit.model import Draft
    from audit.review import Review

Where = Annotated[
    str,
    typer.Option(
        "--ledger",
        envvar="SEKISHO_LEDGER",
        metavar="PATH|URL",
        help="台帳のファイル、sqlite:///PATH、postgresql://… のどれか。 / The ledger's file or URL.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="機械向けの JSON で出します。 / Print JSON.")]
Reason = Annotated[
    str | None,
    typer.Option(
        envvar="SEKISHO_REASON", help="見る理由(記録に残ります)。 / Why you look; kept in the record of it."
    ),
]
PublicKey = Annotated[
    Path | None,
    typer.Option(help="公開鍵。省くと台帳の隣の public.pem。 / Default: public.pem beside the ledger."),
]
DEFAULT_LEDGER = "var/ledger.sqlite"


def home(address: Address) -> Path:
    """Where the ledger's keys lie: the folder of its file, or the house where it lies in PostgreSQL."""
    return address.path.absolute().parent if address.path else Path(os.environ.get("SEKISHO_HOME") or "var")


def key_beside(address: Address) -> Path | None:
    """``public.pem`` there."""
    key = home(address) / "public.pem"
    return key if key.is_file() else None


def checked_key(given: Path | None, place: "Address") -> Path | None:
    """The public key that signatures are checked with; one that is none is said before anything is written."""
    from audit.verify import signature_check

    key = given or key_beside(place)
    try:
        if key:
            signature_check(key)
    except (OSError, ValueError, RuntimeError) as error:
        cannot(f"公開鍵 {key} を読めません / The public key {key} cannot be read: {why(error)}")
    return key


def address(where: str) -> Address:
    from audit.address import address_of

    try:
        return address_of(where)
    except ValueError as error:
        cannot(
            "この台帳は使えません。ファイルのパスか sqlite:///PATH、postgresql://… を指定してください"
            f" / This ledger cannot be used: {error}"
        )


def demand_file(ledger: Address) -> None:
    """There is a file, where the ledger is to be one, and whoever runs this may read it."""
    if ledger.path is None:
        return
    try:
        there, readable = ledger.path.is_file(), all(map(_may_read, _files_of(ledger.path)))
    except PermissionError:  # a folder that may not be entered
        there, readable = True, False
    if not there:
        cannot(
            f"台帳 {ledger} がありません。--ledger で場所を指定してください"
            f" / There is no ledger at {ledger}: say where with --ledger"
        )
    if not readable:
        cannot(
            f"台帳 {ledger} を読む権限がありません。関所を動かしている利用者で実行してください"
            f" / You may not read the ledger {ledger}: run this as the user who runs the checkpoint"
        )


def _files_of(ledger: Path) -> list[Path]:
    beside = [ledger.with_name(f"{ledger.name}-{which}") for which in ("wal", "shm")]
    return [file for file in (ledger, *beside) if file.exists()]


def _may_read(file: Path) -> bool:
    return os.access(file, os.R_OK)


def demand_no_number(*written: str | None) -> None:
    """Refuse what may be a My Number or a 住民票コード before it is looked for, and so recorded. Never repeats it."""
    from audit.numbers import REFUSAL, may_be_somebodys

    if any(map(may_be_somebodys, filter(None, written))):
        cannot(REFUSAL)


def because(reason: str | None) -> str:
    """Why somebody looks: said on the command line, in the environment, or when asked on a terminal. Else status 2."""
    from audit.wording import BadWording
    from audit.wording import reason as sound

    if reason is None and sys.stdin.isatty() and sys.stderr.isatty():
        reason = typer.prompt("閲覧の理由(記録に残ります) / Why do you look", err=True)
    try:
        return sound(reason)
    except BadWording as error:
        cannot(
            f"--reason: {error.ja} --reason '月次の点検' のように書くか、SEKISHO_REASON で指定します(記録に残ります)"
            f" / {error.en} Give it as --reason or as SEKISHO_REASON; it is kept"
        )


@contextmanager
def reading(ledger: Address, person: str) -> "Iterator[Review]":
    """What whoever may read the ledger's file sees of it. What cannot be read or asked ends the command with status 2."""
    from audit.catalogue.question import BadQuestion
    from audit.query import CANNOT_READ
    from audit.readers import at_the_terminal
    from audit.review import Review

    try:
        with Review(ledger, at_the_terminal(person)) as review:
            yield review
    except typer.Exit:  # a RuntimeError, too
        raise
    except BadQuestion as error:
        asked_badly(error)
    except CANNOT_READ as error:
        cannot_read(ledger, error)


@contextmanager
def asked_well() -> "Iterator[None]":
    """What no store can be asked ends the command with status 2."""
    from audit.catalogue.question import BadQuestion

    try:
        yield
    except BadQuestion as error:
        asked_badly(error)


def asked_badly(error: "BadQuestion") -> NoReturn:
    """Say which option it is, and what to do."""
    cannot(f"--{error.about}: {error}" if error.about else str(error))


def record_view(
    ledger: Address,
    what: str,
    filters: dict[str, Any],
    rows: int,
    reason: str | None,
    subject: str | None = None,
) -> None:
    """Who looked, at what, and how much of it, and about whom. Nothing is shown unless this is durable.

    What is searched for, and so kept in ``filters``, was checked before the search (demand_no_number).
    """
    from audit.model import Draft

    demand_no_number(reason)
    body = {"what": what, "filters": filters, "rows": rows, "os_user": os_user(), "reason": reason}
    body |= {"subject": subject} if subject else {}
    refusal = (
        "持ち出しを記録できないため、何も書き出しません / Nothing is written, because it cannot be recorded"
        if what in ("export", "backup", "disclosure")
        else "閲覧を記録できないため、何も表示しません / Nothing is shown, because the view cannot be recorded"
    )
    with writing(ledger, refusal) as writer:
        writer.append_now(Draft("viewed", None, body))


def note(ledger: Address, draft: "Draft") -> None:
    """Record what somebody decided."""
    with writing(ledger) as writer:
        writer.append_now(draft)


@contextmanager
def writing(
    ledger: Address, refusal: str = "台帳に書けません / The ledger cannot be written"
) -> "Iterator[Ledger]":
    """A ledger that is there already, for one thing to be recorded; where it cannot be, ``refusal`` and why."""
    from audit.ledger import Ledger
    from audit.model import CannotRecord

    writer = Ledger(ledger, create=False, sweeping=False)
    writer.start()
    try:
        yield writer
    except CannotRecord as error:
        cannot(f"{refusal} ({cause(error)})")
    finally:
        writer.stop()


def os_user() -> str:
    """Who runs this, as the system knows it; the environment can say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def cause(error: BaseException) -> str:
    """The first line of why; sqlalchemy adds more lines, about itself."""
    said = str(error.__cause__ or error).splitlines()
    return said[0] if said else type(error).__name__


def why(error: BaseException) -> str:
    """One line; of an error of the system its words, and not the names of files it may quote."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return cause(error)


def cannot_read(ledger: Address, error: Exception) -> NoReturn:
    """``error`` is one of query.CANNOT_READ."""
    from audit.stores.sqlite import StrayLog

    if isinstance(error, StrayLog):
        move_the_log_away(error.log)
    demand_file(ledger)
    cannot(f"台帳を読めません / The ledger cannot be read: {cause(error)}")


def move_the_log_away(log: Path) -> NoReturn:
    cannot(
        f"{log} が残っています。前の台帳の新しい記録が入っているので、消さずに -wal・-shm もいっしょに別のフォルダーへ"
        f"移してから、もう一度実行してください / {log} is still there and may hold the newest records of the ledger"
        " before: do not delete it, move the ledger, -wal and -shm together to another folder, and try again"
    )


def cannot(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)


def time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=JST)).astimezone(UTC)
    except (ValueError, OverflowError):
        cannot(f"{option} は 2026-11-23 か 2026-11-23T09:00 の形です / {option} is a time of this form")
