"""``sekisho audit export | backup``: carry the ledger out of the house. Forms for other programs: exporting.py.

Nothing leaves before a ``viewed`` record is durable. The work is done elsewhere (export.py, backup.py); here are the
questions and the answers. Everything heavy is imported inside the commands.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from audit.commands.asking import one_of
from audit.commands.desk import (
    DEFAULT_LEDGER,
    PublicKey,
    Reason,
    Where,
    address,
    because,
    cannot,
    cannot_read,
    checked_key,
    demand_file,
    record_view,
    why,
)

if TYPE_CHECKING:
    from audit.address import Address

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
    as_: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="FORM",
            help="検証用の形のかわりに jsonl, csv, ocsf, cef で。 / For other programs instead: one of these.",
        ),
    ] = None,
    since: Annotated[str | None, typer.Option(help="--as: この日時以後。 / From, JST.")] = None,
    until: Annotated[str | None, typer.Option(help="--as: この日時より前。 / Before, JST.")] = None,
    person: Annotated[str | None, typer.Option(help="--as: 職員。 / Person who asked.")] = None,
    department: Annotated[str | None, typer.Option(help="--as: 部。 / Department.")] = None,
    section: Annotated[str | None, typer.Option(help="--as: 課。 / Section.")] = None,
    tool: Annotated[str | None, typer.Option(help="--as: ツール。 / Tool.")] = None,
    model: Annotated[str | None, typer.Option(help="--as: 求められたモデル。 / Model.")] = None,
    category: Annotated[str | None, typer.Option(help="--as: 業務区分。 / Category.")] = None,
    verdict: Annotated[str | None, typer.Option(help="--as: 判定。 / Verdict.")] = None,
    outcome: Annotated[str | None, typer.Option(help="--as: 結末。 / Ending.")] = None,
    rule: Annotated[str | None, typer.Option(help="--as: 当たった規則。 / Rule that was hit.")] = None,
    entity: Annotated[str | None, typer.Option(help="--as: 見つかった種類。 / Kind of data.")] = None,
    severity: Annotated[
        str | None, typer.Option(help="--as: これ以上の重さ。 / This or more urgent.")
    ] = None,
    conversation: Annotated[str | None, typer.Option(help="--as: 会話の番号。 / Conversation.")] = None,
    incident: Annotated[str | None, typer.Option(help="--as: 事案番号。 / Incident.")] = None,
    overwrite: Overwrite = False,
    reason: Reason = None,
) -> None:
    """台帳を、誰でも検証できるファイルに書き出します。 / Write the ledger to a file that anybody can verify.

    台帳全体か、ある控えより新しい分の全部です。人や期間で抜き出したものは検証できないためです。ほかのプログラムで読むときは
    --as を使います。期間だけなら記録のすべて、ほかの条件を付ければ当てはまるやり取りだけです。 / The whole ledger, or all that is
    newer than a note: a part cut out by person or period could not be verified. For other programs there is --as.
    """
    from audit import notes, query
    from audit.export import NoteNotHeld, write

    place, why = address(ledger), because(reason)
    demand_file(place)
    asked = {
        "person": person, "department": department, "section": section, "tool": tool, "model": model,
        "category": category, "verdict": verdict, "outcome": outcome, "rule": rule, "entity": entity,
        "severity": severity, "conversation": conversation, "incident": incident,
    }  # fmt: skip
    given = {name: value for name, value in asked.items() if value is not None}
    if as_ is not None:
        from audit.commands.exporting import export_as

        if since_note:
            cannot("--since-note は --as とは使えません / --since-note goes without --as")
        form = one_of("--as", as_, ("jsonl", "csv", "ocsf", "cef"))
        export_as(place, file, form, given, since, until, why, texts=texts, overwrite=overwrite)
        return
    if given or since or until:
        cannot(
            "検証できる形は、期間や条件で抜き出せません。--as jsonl などを付けてください"
            " / What can be verified cannot be cut out by filters: use them with --as"
        )
    note = _newest_note(since_note) if since_note else None
    start = notes.read(note).number if note else 0
    seen = {"texts": texts, "from": start}

    def first(records: int) -> None:
        record_view(place, "export", seen, records, why)

    try:
        written = write(place, file, texts=texts, since=note, overwrite=overwrite, first=first)
    except NoteNotHeld as missing:
        typer.echo(_not_held(missing.number, missing.newest), err=True)
        raise typer.Exit(1) from None
    except typer.Exit:  # it could not be recorded; typer calls that a RuntimeError
        raise
    except query.CANNOT_READ as error:
        cannot_write(place, file, error)
    typer.echo(f"{file} に書き出しました（記録 {written.records} 件、控え {written.notes} 件）。")
    if texts:
        typer.echo("本文が入っています。保有個人情報として、受け渡し・保管・消去を管理してください。")
    typer.echo("次のコマンドで検証できます（関所のない機械でも動きます）。")
    typer.echo(f"Wrote {written.records} records and {written.notes} notes to {file}.")
    if texts:
        typer.echo("It holds texts: handle it as personal data.")
    typer.echo("Verify it with this, on any machine:")
    origin = f" --from {since_note}" if since_note else ""
    typer.echo(f"  python3 -I verify.py {file} --public-key public.pem{origin}")


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

    署名の鍵とマスター鍵は入りません。別に保管してください。包まれた原文の鍵と封をした原文は入ります。原文を残す設定なら、
    バックアップは keep_days より長く置かないでください。 / The signing key and the master key are not in it. The sealed
    originals and their wrapped keys are: where originals are kept, keep no backup longer than keep_days.
    """
    from audit import query
    from audit.backup import make
    from audit.verify import as_words

    place = address(ledger)
    demand_file(place)

    def first(records: int) -> None:
        record_view(place, "backup", {}, records, reason)

    key = checked_key(public_key, place)
    try:
        written, report = make(place, file, key, overwrite=overwrite, first=first)
    except typer.Exit:  # it could not be recorded; typer calls that a RuntimeError
        raise
    except query.CANNOT_READ as error:
        cannot_write(place, file, error)
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


# ── what they say ────────────────────────────────────────────────────────────────────────────────


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


def _newest_note(file: Path) -> str:
    from audit import notes

    try:
        found = notes.find(file.read_text("utf-8"))
        if found:
            return max(found, key=lambda signed: notes.read(signed).number)
    except (OSError, ValueError) as error:
        cannot(f"--since-note の控えを読めません / The note cannot be read: {why(error)}")
    cannot(f"{file} に署名付きの控えがありません / {file} holds no signed note")


def cannot_write(place: "Address", file: Path, error: Exception) -> NoReturn:
    """``error`` is one of query.CANNOT_READ, of the file or of the ledger."""
    from audit.stores.sqlite import StrayLog

    if isinstance(error, StrayLog):
        cannot_read(place, error)
    if isinstance(error, FileExistsError):
        cannot(
            f"{file} はもうあります。別の名前にするか --overwrite を付けてください"
            f" / {file} is there already: take another name, or --overwrite"
        )
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        cannot(
            f"{file} に書けません。途中のファイルは残っていません / {file} cannot be written: {why(error)}"
        )
    if isinstance(error, FileNotFoundError) and not file.absolute().parent.is_dir():
        cannot(f"{file} を置くフォルダがありません / There is no folder for {file}")
    cannot_read(place, error)
