"""What the ledger's commands share: where the ledger is, who is looking, and how to say that something cannot be.

Reading is recorded: nothing is shown, exported or carried away unless a ``viewed`` record is durable first.
Exit status: 0 fine, 1 something is wrong or not there, 2 it could not be done (one sentence on stderr).
"""

import os
import pwd
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from audit.address import Address
from audit.months import JST

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
    typer.Option(help="閲覧の理由（閲覧記録に残ります）。 / Why you look; kept in the viewed record."),
]
DEFAULT_LEDGER = "var/ledger.sqlite"


def key_beside(address: Address) -> Path | None:
    """``public.pem`` in the folder of the ledger's file, or of the house where the ledger lies in PostgreSQL."""
    home = Path(os.environ.get("SEKISHO_HOME") or "var")
    key = (address.path.absolute().parent if address.path else home) / "public.pem"
    return key if key.is_file() else None


def address(where: str) -> Address:
    from audit.address import address_of

    try:
        return address_of(where)
    except ValueError as error:
        cannot(f"この台帳は使えません / This ledger cannot be used: {error}")


def demand_file(ledger: Address) -> None:
    if ledger.path is not None and not ledger.path.is_file():
        cannot(
            f"台帳 {ledger} がありません。--ledger で場所を指定してください"
            f" / There is no ledger at {ledger}: say where with --ledger"
        )


def record_view(ledger: Address, what: str, filters: dict[str, Any], rows: int, reason: str | None) -> None:
    """Who looked, at what, and how much of it. Nothing is shown unless this is durable."""
    from audit.ledger import Ledger
    from audit.model import CannotRecord, Draft

    body = {"what": what, "filters": filters, "rows": rows, "os_user": os_user(), "reason": reason}
    writer = Ledger(ledger, create=False, sweeping=False)
    writer.start()
    try:
        writer.append_now(Draft("viewed", None, body))
    except CannotRecord as error:
        cannot(
            "閲覧を記録できないため、何も表示しません"
            f" / Nothing is shown, because the view cannot be recorded ({cause(error)})"
        )
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
    return str(error.__cause__ or error).splitlines()[0]


def cannot_read(ledger: Address, error: Exception) -> NoReturn:
    demand_file(ledger)
    cannot(f"台帳を読めません / The ledger cannot be read: {str(error).splitlines()[0]}")


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
