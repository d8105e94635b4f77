"""``sekisho audit sweep``: what keeps the ledger in order."""

import typer

from audit.commands.desk import DEFAULT_LEDGER, Where, address, cannot, cause, demand_file


def sweep(ledger: Where = DEFAULT_LEDGER) -> None:
    """止まった書き手が残したやり取りを lost として閉じます。 / Close what writers that are gone left open."""
    from audit.ledger import Ledger
    from audit.model import CannotRecord

    place = address(ledger)
    demand_file(place)
    writer = Ledger(place, create=False, sweeping=False)
    writer.start()
    try:
        closed = writer.sweep_now()
    except CannotRecord as error:
        cannot(f"台帳に書けません / The ledger cannot be written ({cause(error)})")
    finally:
        writer.stop()
    typer.echo(f"{closed} 件を lost として閉じました。 / Closed {closed} exchanges as lost.")
