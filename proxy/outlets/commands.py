"""``sekisho outlets list | try``: where records go on to, how far behind each is, and whether somebody is there.

Shows no record. Everything heavy is imported inside the commands.
"""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from proxy import printing
from proxy.failing import stop

if TYPE_CHECKING:
    from proxy.outlets.duties import Closing
    from proxy.outlets.terms import Listed, OutletForm
    from proxy.settings import Settings

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]

_HEADS = (
    "出口 / Outlet", "種類 / Kind", "送り先 / Where", "残り / Behind", "最後の知らせ / Seen", "困りごと / Trouble",
)  # fmt: skip


@app.command("list")
def list_outlets(as_json: AsJson = False) -> None:
    """出口の一覧: まだ送っていない記録の数と、困りごと / The outlets: records not given on yet, and trouble."""
    from audit.address import address_of
    from audit.following import present
    from audit.query import CANNOT_READ
    from proxy.office.cursors import CursorBook
    from proxy.office.store import office_of
    from proxy.office.tables import SQLAlchemyError
    from proxy.outlets.duties import PREFIX

    settings, listed = _listed()
    try:
        with closing(office_of(settings)) as office:
            standing = {one.name: one for one in CursorBook(office).every()}
    except (OSError, RuntimeError, SQLAlchemyError):
        stop("帳簿を読めません。SEKISHO_OFFICE を確かめてください / the office's books cannot be read")
    try:
        heads = present(address_of(settings.ledger_location))
    except CANNOT_READ:
        stop("台帳を読めません。SEKISHO_LEDGER を確かめてください / the ledger cannot be read")
    rows = []
    for form in listed.forms:
        one = standing.get(f"{PREFIX}{form.name}")
        at = one.position if one else None
        behind = None if at is None else sum(max(0, head - at.get(name, 0)) for name, head in heads.items())
        rows.append(
            {
                "name": form.name,
                "kind": form.kind,
                "where": _where(form),
                "behind": behind,
                "silent_seconds": None if one is None or one.silent is None else round(one.silent),
                "trouble": one.trouble if one else None,
            }
        )
    if as_json:
        printing.json_line(rows)
        return
    printing.table(_HEADS, [[_cell(name, value) for name, value in row.items()] for row in rows])


@app.command("try")
def try_outlets(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="出口", help="省くとすべて。 / None: all.")
    ] = None,
) -> None:
    """受信側に、何も送らずにつないでみる / Call each receiver, and give it nothing."""
    from audit.address import address_of
    from policies.complaints import PolicyError
    from proxy.outlets.duties import sinks_of

    settings, listed = _listed()
    known = [form.name for form in listed.forms]
    for name in names or ():
        if name not in known:
            stop(f"出口 {name} はありません。あるのは: {', '.join(known)} / there is no outlet {name}")
    try:
        sinks = sinks_of(listed, address_of(settings.ledger_location))
    except PolicyError as error:
        stop(str(error))
    wanted = [pair for pair in zip(known, sinks, strict=True) if not names or pair[0] in names]
    troubles = asyncio.run(_greeted([sink for _, sink in wanted]))
    for (name, _), trouble in zip(wanted, troubles, strict=True):
        typer.echo(f"{name}: {'つながりました / ok' if trouble is None else trouble}")
    if any(troubles):
        typer.echo(
            "語の意味と直し方は docs/exports.md の表にあります。 / See the table in docs/exports.md.",
            err=True,
        )
        raise typer.Exit(1)


async def _greeted(sinks: "Sequence[Closing]") -> list[str | None]:
    from proxy.followers import NotTaken

    found: list[str | None] = []
    for sink in sinks:
        try:
            await sink.greet()
            found.append(None)
        except NotTaken as error:
            found.append(error.trouble)
        finally:
            await sink.close()
    return found


def _listed() -> "tuple[Settings, Listed]":
    from policies.complaints import PolicyError
    from proxy.outlets.terms import listed_in
    from proxy.settings import BadSettings, read

    try:
        settings = read()
        listed = listed_in(settings)
    except (BadSettings, PolicyError) as error:
        stop(str(error))
    if not listed.forms:
        stop(
            "出口がありません。SEKISHO_OUTLETS にファイルを指定してください(docs/exports.md)"
            " / there are no outlets: name a file in SEKISHO_OUTLETS"
        )
    return settings, listed


def _where(form: "OutletForm") -> str:
    from proxy.outlets.terms import OtlpForm, SyslogForm

    if isinstance(form, SyslogForm):
        return f"{form.host}:{form.port}"
    return form.url if isinstance(form, OtlpForm) else "-"


def _cell(name: str, value: object) -> str:
    if value is None:
        return "まだ / not begun" if name == "behind" else "-"
    return f"{value}秒前 / s ago" if name == "silent_seconds" else str(value)
