"""How a command that cannot do its work ends: one sentence on stderr, exit status 2."""

from typing import NoReturn

import typer


def stop(why: str) -> NoReturn:
    """Say why and what to do, and end with status 2."""
    typer.echo(f"sekisho: {why}", err=True)
    raise typer.Exit(2)
