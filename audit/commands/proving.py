"""``sekisho audit verify | note``: check the ledger, and hand a note to somebody else; both write nothing."""

from pathlib import Path
from typing import Annotated

import typer

from audit.commands.desk import DEFAULT_LEDGER, AsJson, Where, address, cannot_read, key_beside


def verify(
    ledger: Where = DEFAULT_LEDGER,
    public_key: Annotated[
        Path | None,
        typer.Option(help="公開鍵。省くと台帳の隣の public.pem。 / Default: public.pem beside the ledger."),
    ] = None,
    anchor: Annotated[
        list[Path] | None,
        typer.Option(
            help="外に保管した控えのファイルかフォルダ（繰り返せます）。 / Notes kept elsewhere: file or folder."
        ),
    ] = None,
    from_note: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="NOTE",
            help="前に検証したこの控えより新しい分だけ。 / Only what is newer than this note.",
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="正しければ最新の控えをここに保存（次の --from に）。 / Keep the newest note here, when all is sound.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """記録のつながりと署名を確かめます。台帳には何も書きません。 / Check chains and signatures; writes nothing."""
    from audit import verify
    from audit.verdict import verdict

    place = address(ledger)
    key = public_key or (verify.key_beside(place.path) if place.path else key_beside(place))
    status = verify.conclude(
        lambda: verdict(place, key, anchors=anchor or (), from_note=from_note, save=save),
        as_lines_of_json=as_json,
    )
    raise typer.Exit(status)


def note(ledger: Where = DEFAULT_LEDGER) -> None:
    """いちばん新しい控えを、外に渡す文面で示します(メールや報告書に)。 / The newest note, as a letter to keep elsewhere."""
    from audit.anchors import body
    from audit.heads import last_note
    from audit.query import CANNOT_READ, reading

    place = address(ledger)
    try:
        with reading(place) as connection:
            signed = last_note(connection)
    except CANNOT_READ as error:
        cannot_read(place, error)
    if signed is None:
        typer.echo("控えはまだありません。 / There is no note yet.", err=True)
        raise typer.Exit(1)
    typer.echo(body(signed), nl=False)
