"""``sekisho audit verify``: check the ledger, wherever it lies; writes nothing."""

from pathlib import Path
from typing import Annotated

import typer

from audit.commands.desk import DEFAULT_LEDGER, AsJson, Where, address, key_beside


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
