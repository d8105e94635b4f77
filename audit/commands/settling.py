"""``sekisho audit restore | move``: bring a ledger into an empty place, whole or not at all.

The work is done elsewhere (backup.py, move.py); here are the questions and the answers, and what becomes of the old
ledger: it keeps every text and key, where no purge reaches it. Everything heavy is imported inside the commands.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import urlsplit

import typer

from audit.commands.desk import (
    DEFAULT_LEDGER,
    PublicKey,
    Where,
    address,
    cannot,
    checked_key,
    demand_file,
    move_the_log_away,
    os_user,
    why,
)

if TYPE_CHECKING:
    from audit.address import Address
    from audit.leases import Lease


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="バックアップのファイル。 / The backup.")],
    to: Annotated[
        str,
        typer.Option("--to", metavar="PATH|URL", help="空の場所。 / An empty place: a file or a database."),
    ],
    public_key: PublicKey = None,
    even_if_broken: Annotated[
        bool,
        typer.Option(
            "--even-if-broken",
            help="異常のあるバックアップも、読める分だけ戻します。 / Restore what can be read of a broken backup.",
        ),
    ] = False,
) -> None:
    """バックアップを検証し、空の場所に戻します。 / Verify a backup and restore it into an empty place."""
    from audit import backup, query
    from audit.intake import NotEmpty, NotTaken
    from audit.stores.sqlite import StrayLog
    from audit.verify import as_words

    if not file.is_file():
        cannot(f"バックアップ {file} がありません / There is no backup {file}")
    place = address(to)
    _demand_folder(place)
    key = checked_key(public_key, place)
    try:
        restored = backup.restore(file, place, key, by=os_user(), even_if_broken=even_if_broken)
    except backup.Broken as broken:
        typer.echo(as_words(broken.report))
        typer.echo(
            "このバックアップには異常があるため、戻しません。別のものを使うか、--even-if-broken を付けてください。"
            " / Not restored: this backup is not sound; use another one, or --even-if-broken",
            err=True,
        )
        raise typer.Exit(1) from None
    except NotEmpty:
        _not_empty(place)
    except StrayLog as stray:
        move_the_log_away(stray.log)
    except (NotTaken, *query.CANNOT_READ) as error:
        cannot(
            f"バックアップを戻せません。{place} は元のままです / Not restored; {place} is as it was: {why(error)}"
        )
    typer.echo(as_words(restored.report))
    if restored.skipped:
        typer.echo(
            f"読めない行 {restored.skipped} 行を除きました。 / {restored.skipped} lines could not be read."
        )
    typer.echo(
        f"{place} に記録 {restored.records} 件を戻しました（最新の控え {restored.note} 番、"
        f"途中だったやり取り {restored.closed} 件は lost）。"
    )
    typer.echo(
        f"これより後に外へ送った控えがあれば、検証は「過去に戻された」と示します。{restored.note} 番より後の記録が"
        "失われているので、それが正しい姿です。"
    )
    typer.echo(
        f"Restored {restored.records} records up to note {restored.note}. Notes kept elsewhere that are newer will"
        " show that the ledger was put back, which is what happened."
    )
    typer.echo(
        "元の(壊れた)台帳が残っていれば、本文と原文の鍵も入ったままで、purge では消せません。調査と確認が済んだら、本文・原文の"
        "期限より前に廃棄してください。保全中のものは、戻した台帳に同じ保全があることを確かめてからにします。 / If the old, broken ledger is still there, it holds texts and keys that no"
        " purge can erase: destroy it before their time is over."
    )
    if not restored.report.ok:
        raise typer.Exit(1)


def move(
    to: Annotated[
        str, typer.Option("--to", metavar="PATH|URL", help="引っ越し先（空の場所）。 / The new, empty place.")
    ],
    ledger: Where = DEFAULT_LEDGER,
    public_key: PublicKey = None,
) -> None:
    """台帳を別の置き場へ引っ越します（SQLite と PostgreSQL の間）。 / Move the ledger to the other kind of store.

    先に関所を止めてください。途中で止まっても、元の台帳はそのままです。 /
    Stop the checkpoint first. Whatever breaks off, the old ledger stays as it was.
    """
    from audit import query
    from audit.intake import NotEmpty, NotTaken
    from audit.move import StillWriting, Unsound
    from audit.move import move as carry_over
    from audit.stores.sqlite import StrayLog
    from audit.verify import as_words

    source, target = address(ledger), address(to)
    demand_file(source)
    _demand_folder(target)
    key = checked_key(public_key, source)
    try:
        moved = carry_over(source, target, key, by=os_user())
    except StillWriting as busy:
        cannot(_stop_first(busy.leases))
    except Unsound as unsound:
        typer.echo(as_words(unsound.report))
        typer.echo("異常のある台帳は引っ越しません。 / A ledger that is not sound is not moved.", err=True)
        raise typer.Exit(1) from None
    except NotEmpty:
        _not_empty(target)
    except StrayLog as stray:
        move_the_log_away(stray.log)
    except (NotTaken, *query.CANNOT_READ) as error:
        cannot(
            f"引っ越せません。元の台帳 {source} はそのままです"
            f" / Not moved; the old ledger {source} is as it was: {why(error)}"
        )
    typer.echo(as_words(moved.report))
    typer.echo(
        f"記録 {moved.records} 件・控え {moved.notes} 件・本文 {moved.texts} 件を {target} に移し、"
        "元と一字一句同じであることを確かめました。次の設定に変えてから、関所を動かしてください。"
    )
    typer.echo(
        f"Moved to {target}; every byte was compared. Change this setting before you start the checkpoint:"
    )
    typer.echo(f"  SEKISHO_LEDGER={_as_setting(to)}")
    typer.echo(_about_the_old(source, moved.read_only))


# ── what they ask and say ────────────────────────────────────────────────────────────────────────


def _demand_folder(place: "Address") -> None:
    """A mistyped folder is not made."""
    if place.path and not (folder := place.path.absolute().parent).is_dir():
        cannot(
            f"フォルダー {folder} がありません。作るか、--to を確かめてください"
            f" / There is no folder {folder}: make it, or check --to"
        )


def _as_setting(to: str) -> str:
    """What was given, with its user and options; but a password is never repeated."""
    if "://" not in to:
        return str(Path(to).absolute())
    parts = urlsplit(to)
    secret = parts.password is not None or "password" in parts.query
    return "（--to に書いたもの / what you gave to --to）" if secret else to


def _about_the_old(source: "Address", read_only: bool) -> str:
    marked = (
        f"元の {source} は読み取り専用にしました。"
        if read_only
        else f"元の {source} には、もう書かないでください（データベースの書き込み権限を外してください）。"
    )
    state = "is read-only now" if read_only else "must not be written any more: take the right to write away"
    return (
        f"{marked}本文と原文の鍵も入ったままで、purge では消せません。引っ越し先で verify とバックアップを確かめたら、"
        "本文・原文の期限より前に廃棄してください。保全中のものがあれば、新しい台帳に同じものがあります。"
        f" / The old {source} {state}. It still holds the texts and the keys of originals, and no purge can erase them there: once the new ledger is verified and backed up, destroy"
        " the old one before their time is over. What is held by a hold is in the new one, too."
    )


def _stop_first(leases: "list[Lease]") -> str:
    from audit.leases import this_process

    here = this_process()
    who = [
        f"{lease.process.pid} 番のプロセス process {lease.process.pid}"
        if (lease.process.boot, lease.process.namespace) == (here.boot, here.namespace)
        else f"別の機械・コンテナ another machine or container ({lease.writer}, {lease.until})"
        for lease in leases
    ]
    return (
        "まだ書いている者がいます。先に関所を止めてください(落ちたばかりの別の機械なら、5分後にもう一度) / Still writing;"
        f" stop it first (one that just crashed elsewhere: try again in 5 minutes): {', '.join(who)}"
    )


def _not_empty(place: "Address") -> NoReturn:
    cannot(
        f"{place} は空ではありません。空の場所を指定してください / {place} is not empty: name an empty place"
    )
