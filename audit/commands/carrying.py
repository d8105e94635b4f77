"""``sekisho audit export | backup | restore | move``: carry the ledger out of the house, and back into one.

Nothing leaves before a ``viewed`` record is durable. The work is done elsewhere (export.py, backup.py, move.py);
here are the questions and the answers. Everything heavy is imported inside the commands.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn
from urllib.parse import urlsplit

import typer

from audit.commands.desk import (
    DEFAULT_LEDGER,
    Reason,
    Where,
    address,
    cannot,
    cannot_read,
    cause,
    demand_file,
    key_beside,
    os_user,
    record_view,
)

if TYPE_CHECKING:
    from audit.address import Address
    from audit.leases import Lease

PublicKey = Annotated[
    Path | None,
    typer.Option(help="公開鍵。省くと台帳の隣の public.pem。 / Default: public.pem beside the ledger."),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="同じ名前のファイルを置き換えます。 / Replace a file of this name."),
]


def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="新しいファイル（.gz なら圧縮）。 / New file.")
    ],
    ledger: Where = DEFAULT_LEDGER,
    texts: Annotated[
        bool,
        typer.Option(
            "--text",
            help="伏せ字の本文も出します（保有個人情報です）。 / With the masked texts: personal data.",
        ),
    ] = False,
    since_note: Annotated[
        Path | None,
        typer.Option(
            metavar="NOTE",
            help="この署名付き控えより新しい分だけ。 / Only what is newer than this signed note.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    reason: Reason = None,
) -> None:
    """台帳を、誰でも検証できるファイルに書き出します。 / Write the ledger to a file that anybody can verify.

    台帳全体か、ある控えより新しい分の全部です。人や期間で抜き出したものは検証できないためです。 /
    The whole ledger, or all that is newer than a note: a part cut out by person or period could not be verified.
    """
    from audit import notes, query
    from audit.export import NoteNotHeld, write

    place = address(ledger)
    since = _newest_note(since_note) if since_note else None
    start = notes.read(since).number if since else 0
    seen = {"texts": texts, "from": start}

    def first(records: int) -> None:
        record_view(place, "export", seen, records, reason)

    try:
        written = write(place, file, texts=texts, since=since, overwrite=overwrite, first=first)
    except NoteNotHeld as missing:
        typer.echo(_not_held(missing.number, missing.newest), err=True)
        raise typer.Exit(1) from None
    except typer.Exit:  # it could not be recorded; typer calls that a RuntimeError
        raise
    except query.CANNOT_READ as error:
        _cannot_write(place, file, error)
    typer.echo(f"{file} に書き出しました（記録 {written.records} 件、控え {written.notes} 件）。")
    if texts:
        typer.echo("本文が入っています。保有個人情報として、受け渡し・保管・消去を管理してください。")
    typer.echo("次のコマンドで検証できます（関所のない機械でも動きます）。")
    typer.echo(f"Wrote {written.records} records and {written.notes} notes to {file}.")
    if texts:
        typer.echo("It holds texts: handle it as personal data.")
    typer.echo("Verify it with this, on any machine:")
    origin = f" --from {since_note}" if since_note else ""
    typer.echo(f"  python verify.py {file} --public-key public.pem{origin}")


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="新しいファイル（.gz なら圧縮）。 / New file.")
    ],
    ledger: Where = DEFAULT_LEDGER,
    public_key: PublicKey = None,
    overwrite: Overwrite = False,
    reason: Reason = None,
) -> None:
    """動かしたまま台帳全体のバックアップを取り、読み直して検証します。 / Back up the ledger while it is in use, and verify it.

    署名鍵と、原文の鍵は入りません。別に保管してください。 / The signing key and the key of the originals are not in it.
    """
    from audit import query
    from audit.backup import make
    from audit.verify import as_words

    place = address(ledger)

    def first(records: int) -> None:
        record_view(place, "backup", {}, records, reason)

    key = public_key or key_beside(place)
    try:
        written, report = make(place, file, key, overwrite=overwrite, first=first)
    except typer.Exit:  # it could not be recorded; typer calls that a RuntimeError
        raise
    except query.CANNOT_READ as error:
        _cannot_write(place, file, error)
    typer.echo(as_words(report))
    if not report.ok:
        typer.echo(
            f"{file} は台帳のとおりですが、台帳に異常があります。CSIRT に知らせ、前のバックアップを消さないでください。"
            f" / {file} is as the ledger is, and the ledger is not sound: keep the earlier backups",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo(
        f"{file} にバックアップを取り、読み直して検証しました（記録 {written.records} 件、本文 {written.texts} 件）。"
    )
    typer.echo(
        f"The backup {file} was written, read again and verified. It holds personal data: keep it as the ledger."
    )


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
    from audit.verify import as_words

    place = address(to)
    key = public_key or key_beside(place)
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
    except (NotTaken, *query.CANNOT_READ) as error:
        cannot(
            f"バックアップを戻せません。{place} は元のままです / Not restored; {place} is as it was: {_why(error)}"
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
    from audit.verify import as_words

    source, target = address(ledger), address(to)
    demand_file(source)
    try:
        moved = carry_over(source, target, public_key or key_beside(source), by=os_user())
    except StillWriting as busy:
        cannot(_stop_first(busy.leases))
    except Unsound as unsound:
        typer.echo(as_words(unsound.report))
        typer.echo("異常のある台帳は引っ越しません。 / A ledger that is not sound is not moved.", err=True)
        raise typer.Exit(1) from None
    except NotEmpty:
        _not_empty(target)
    except (NotTaken, *query.CANNOT_READ) as error:
        cannot(
            f"引っ越せません。元の台帳 {source} はそのままです"
            f" / Not moved; the old ledger {source} is as it was: {_why(error)}"
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


# ── what they say ────────────────────────────────────────────────────────────────────────────────


def _as_setting(to: str) -> str:
    """What was given, with its user and options; but a password is never repeated."""
    if "://" not in to:
        return str(Path(to).absolute())
    parts = urlsplit(to)
    secret = parts.password is not None or "password" in parts.query
    return "（--to に書いたもの / what you gave to --to）" if secret else to


def _about_the_old(source: "Address", read_only: bool) -> str:
    if read_only:
        return (
            f"元の {source} は読み取り専用にしました。保存期間が終わるまで消さないでください。"
            f" / The old {source} is read-only now; keep it until its time is over."
        )
    return (
        f"元の {source} には、もう書かないでください（データベースの書き込み権限を外してください）。"
        f" / Nobody may write to the old {source} any more: take the right to write away."
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
        f"まだ書いている者がいます。先に関所を止めてください / Still writing; stop it first: {', '.join(who)}"
    )


def _not_held(number: int, newest: int) -> str:
    if number > newest:
        return (
            f"台帳の最新の控えは {newest} 番で、{number} 番がありません。台帳が過去に戻された疑いがあります。CSIRT に知らせてください。"
            f" / The ledger ends at note {newest} and does not hold note {number}: it may have been put back in time"
        )
    return (
        f"この控え {number} 番は台帳のものと違います。CSIRT に知らせてください。"
        f" / This note {number} is not the one the ledger holds"
    )


def _not_empty(place: "Address") -> NoReturn:
    cannot(
        f"{place} は空ではありません。空の場所を指定してください / {place} is not empty: name an empty place"
    )


def _newest_note(file: Path) -> str:
    from audit import notes

    try:
        found = notes.find(file.read_text("utf-8"))
        if found:
            return max(found, key=lambda signed: notes.read(signed).number)
    except (OSError, ValueError) as error:
        cannot(f"--since-note の控えを読めません / The note cannot be read: {_why(error)}")
    cannot(f"{file} に署名付きの控えがありません / {file} holds no signed note")


def _cannot_write(place: "Address", file: Path, error: Exception) -> NoReturn:
    if isinstance(error, FileExistsError):
        cannot(
            f"{file} はもうあります。別の名前にするか --overwrite を付けてください"
            f" / {file} is there already: take another name, or --overwrite"
        )
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        cannot(
            f"{file} に書けません。途中のファイルは残っていません / {file} cannot be written: {_why(error)}"
        )
    if isinstance(error, FileNotFoundError) and not file.absolute().parent.is_dir():
        cannot(f"{file} を置くフォルダがありません / There is no folder for {file}")
    cannot_read(place, error)


def _why(error: BaseException) -> str:
    """One line; of an error of the system its words, and not the names of files it may quote."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return cause(error)
