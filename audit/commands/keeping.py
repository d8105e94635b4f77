"""``sekisho audit sweep``: what keeps the ledger in order."""

import typer

from audit.commands.desk import DEFAULT_LEDGER, Where, address, demand_file, writing


def sweep(ledger: Where = DEFAULT_LEDGER) -> None:
    """止まった書き手が残したやり取りを lost として閉じます。 / Close what writers that are gone left open."""
    place = address(ledger)
    demand_file(place)
    with writing(place) as writer:
        closed = writer.sweep_now()
    typer.echo(f"{closed} 件を lost として閉じました。 / Closed {closed} exchanges as lost.")
