"""`sekisho settings`: every setting with its value, where it comes from, and what it means."""

from dataclasses import asdict
from typing import Annotated

import typer

from proxy import printing
from proxy.failing import stop


def settings(as_json: Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")] = False) -> None:
    """設定の一覧(秘密は伏せて表示) / All settings; secrets are starred."""
    from proxy.settings import BadSettings, read, shown

    try:
        listed = shown(read())
    except BadSettings as error:
        stop(str(error))
    if as_json:
        printing.json_line([asdict(one) for one in listed])
        return
    heads = ("設定 / Setting", "値 / Value", "出どころ / Origin", "意味 / Meaning")
    printing.table(heads, [(one.name, one.value, one.origin, one.meaning) for one in listed])
