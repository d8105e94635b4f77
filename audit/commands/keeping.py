"""``sekisho audit sweep | catalogue``: what keeps the ledger in order, and quickly searched."""

import typer

from audit.commands.desk import DEFAULT_LEDGER, Where, address, cannot_read, demand_file, writing


def sweep(ledger: Where = DEFAULT_LEDGER) -> None:
    """止まった書き手が残したやり取りを lost として閉じます。 / Close what writers that are gone left open."""
    place = address(ledger)
    demand_file(place)
    with writing(place) as writer:
        closed = writer.sweep_now()
    typer.echo(f"{closed} 件を lost として閉じました。 / Closed {closed} exchanges as lost.")


def catalogue(ledger: Where = DEFAULT_LEDGER) -> None:
    """さがすための目録を、台帳に追いつかせます。何も表示しません。 / Bring the catalogue up to the ledger, before somebody searches."""
    from audit.catalogue.filling import catch_up
    from audit.catalogue.finding import looking
    from audit.query import CANNOT_READ

    place = address(ledger)
    try:
        catch_up(place)
        with looking(place) as look:
            exchanges = look.size()
    except CANNOT_READ as error:
        cannot_read(place, error)
    typer.echo(
        f"目録は {exchanges:,} 件のやり取りまで追いつきました。 / The catalogue holds {exchanges:,} exchanges."
    )
