"""`sekisho keys create|list|revoke`. Every change is noted in the ledger with who made it; a change
that cannot be noted is not made."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from policies.model import CATEGORY_CODES
from policies.vocabulary import ACTORS, AUDIENCES, CLASSES, ROLE_WORDS, ROLES, VALUE_WORDS
from proxy.failing import stop
from proxy.office.noting import note, os_user

if TYPE_CHECKING:
    from proxy.office.keys import Key, KeyBook
    from proxy.settings import Settings

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]


@app.command("create")
def create(
    tool: Annotated[str, typer.Option(help="ツール名 / Tool.")],
    department: Annotated[str, typer.Option(help="部 / Department.")],
    section: Annotated[str, typer.Option(help="課 / Section.")],
    category: Annotated[str, typer.Option(help="既定の業務区分 / Default business category.")],
    person: Annotated[
        str | None, typer.Option(help="職員番号。個人のキーだけ / Staff id, for a personal key.")
    ] = None,
    may_assert_user: Annotated[
        bool,
        typer.Option(help="ツールのキー。X-Sekisho-Userで利用者を示す / A tool's key that names its user."),
    ] = False,
    addresses: Annotated[
        str, typer.Option(help="X-Sekisho-Userを信用する接続元 / Networks whose X-Sekisho-User is believed.")
    ] = "",
    actor: Annotated[str, typer.Option(help="staff, contractor, robot")] = "staff",
    role: Annotated[
        str, typer.Option(help=f"役割 / Role: {', '.join(ROLES)}", show_default=True)
    ] = "staff_member",
    audience: Annotated[
        str, typer.Option(help="回答の届く相手 staff, public / Whom the answers reach: staff, the public.")
    ] = "staff",
    consented: Annotated[
        bool,
        typer.Option(help="委託先の利用に市が事前に承諾した / The city consented to this contractor's use."),
    ] = False,
    purpose: Annotated[str | None, typer.Option(help="既定の利用目的 / Default purpose.")] = None,
    confidentiality_class: Annotated[
        str | None, typer.Option("--class", help="既定の機密性 1,2,3C,3B,3A / Default class.")
    ] = None,
    unknown_fields: Annotated[
        str,
        typer.Option(help="検査の決まりがない項目 refuse, drop / What becomes of fields that nobody listed."),
    ] = "refuse",
    mask_reply_names: Annotated[
        bool,
        typer.Option(
            help="AIが自ら書いた氏名・住所も伏せる / Mask names that the model gives of its own accord."
        ),
    ] = False,
    append_notices: Annotated[
        bool,
        typer.Option(
            help="返事の終わりに注意を日本語で一行添える / Notices are written under the reply, in Japanese."
        ),
    ] = False,
    trained: Annotated[bool, typer.Option(help="当年度の研修を終えた / Trained this fiscal year.")] = True,
    acknowledged: Annotated[bool, typer.Option(help="利用ルールに同意した / Accepted the rules.")] = True,
    as_json: AsJson = False,
) -> None:
    """キーを発行する。キーは一度だけ表示 / Issue a key; it is shown once and never stored."""
    from audit.numbers import REFUSAL, may_be_somebodys
    from proxy.office.keys import Key, networks, new_id

    for option, value in (
        ("--tool", tool),
        ("--department", department),
        ("--section", section),
        ("--person", person),
    ):
        if value is not None and not value.strip():
            stop(f"{option} が空です / is empty")
    if any(may_be_somebodys(value) for value in (tool, department, section, person, purpose) if value):
        stop(REFUSAL)
    if (person is None) != may_assert_user:
        stop(
            "--person か --may-assert-user のどちらか一方を指定してください / give either --person or --may-assert-user"
        )
    try:
        believed = networks(addresses)
    except ValueError:
        stop(
            "--addresses は 10.1.0.0/16 のような形をコンマで区切ってください / --addresses takes networks like 10.1.0.0/16"
        )
    if may_assert_user and not believed:
        stop("--addresses で信用する接続元を指定してください / a tool's key needs --addresses")
    _one_of("--category", category, CATEGORY_CODES)
    _one_of("--actor", actor, ACTORS)
    _one_of("--role", role, ROLES)
    _one_of("--audience", audience, AUDIENCES)
    _one_of("--unknown-fields", unknown_fields, ("refuse", "drop"))
    if confidentiality_class is not None:
        _one_of("--class", confidentiality_class, CLASSES)
    key = Key(
        id=new_id(),
        person=person,
        tool=tool,
        department=department,
        section=section,
        category=category,
        actor=actor,  # type: ignore[arg-type]
        role=role,
        audience=audience,  # type: ignore[arg-type]
        consented=consented,
        may_assert_user=may_assert_user,
        addresses=believed,
        purpose=purpose,
        confidentiality_class=confidentiality_class,  # type: ignore[arg-type]
        unknown_fields=unknown_fields,  # type: ignore[arg-type]
        mask_reply_names=mask_reply_names,
        append_notices=append_notices,
        trained=trained,
        acknowledged=acknowledged,
        created_by=os_user(),
    )
    with _book() as (book, settings):
        _note(
            settings,
            "key.created",
            {
                "key": key.id,
                "person": person,
                "tool": tool,
                "department": department,
                "section": section,
                "may_assert_user": may_assert_user,
                "unknown_fields": unknown_fields,
                "mask_reply_names": mask_reply_names,
                "actor": actor,
                "role": role,
                "audience": audience,
                "consented": consented,
                "append_notices": append_notices,
            },
        )
        plain = book.create(key)
    if as_json:
        typer.echo(json.dumps({"id": key.id, "key": plain}))
    else:
        typer.echo(f"{key.id}\n{plain}\n(このキーは二度と表示されません / this key is not shown again)")


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """発行したキーの一覧(キーそのものは表示しない) / All keys ever issued, without the keys themselves."""
    with _book() as (book, _):
        keys = book.list()
    if as_json:
        typer.echo(json.dumps([_shown(key) for key in keys], ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "ID",
        "利用者 / Person",
        "ツール / Tool",
        "部 / Dept.",
        "課 / Section",
        "役割 / Role",
        "発行 / Created",
        "失効 / Revoked",
    )
    for key in keys:
        table.add_row(
            key.id,
            key.person or "(X-Sekisho-User)",
            key.tool,
            key.department,
            key.section,
            _as_what(key),
            key.created_at,
            key.revoked_at or "",
        )
    Console().print(table)


@app.command("revoke")
def revoke(id: Annotated[str, typer.Argument(help="キーのID / Key id, from 'keys list'.")]) -> None:
    """キーを失効させる。1秒以内に使えなくなる / Revoke a key; it stops working within a second."""
    with _book() as (book, settings):
        if not any(key.id == id and key.revoked_at is None for key in book.list()):
            typer.echo(f"sekisho: {id} という有効なキーはありません / no key in force has this id", err=True)
            raise typer.Exit(1)
        _note(settings, "key.revoked", {"key": id})
        book.revoke(id)
    typer.echo(f"{id} を失効させました / revoked")


@contextmanager
def _book() -> "Iterator[tuple[KeyBook, Settings]]":
    from proxy.evidence import has_own_key
    from proxy.home import prepare
    from proxy.office.keys import KeyBook
    from proxy.office.tables import SQLAlchemyError
    from proxy.settings import BadSettings, read

    try:
        settings = read()
        home = prepare(settings.home, own_key=has_own_key(settings))
        book = KeyBook(settings.office_path, home.secret())
    except BadSettings as error:
        stop(str(error))
    except (OSError, ValueError, SQLAlchemyError):
        stop(
            "帳簿を開けません。SEKISHO_HOME を確かめてください / cannot open the book of keys; check SEKISHO_HOME"
        )
    try:
        yield book, settings
    finally:
        book.close()


def _note(settings: "Settings", event: str, facts: dict[str, Any]) -> None:
    """Note a change in the ledger before it is made."""
    from audit.model import CannotRecord

    try:
        note(settings, event, facts)
    except CannotRecord:
        stop("台帳に書けないため変更しませんでした / the ledger cannot be written, so nothing was changed")
    except (OSError, ValueError) as error:
        stop(f"台帳を開けません / cannot open the ledger: {error}")


def _one_of(option: str, value: str, known: Any) -> None:
    if value not in known:
        stop(f"{option} は次のどれかにしてください / must be one of: {', '.join(known)}")


def _shown(key: "Key") -> dict[str, Any]:
    fields = {name: getattr(key, name) for name in key.__slots__}
    return fields | {"addresses": [str(network) for network in key.addresses]}


def _as_what(key: "Key") -> str:
    """職員; 職員・市民向け; 委託先・承諾あり: what a rule asks of a key, in one cell."""
    said = [
        ROLE_WORDS.get(key.role, key.role) if key.actor == "staff" else VALUE_WORDS.get(key.actor, key.actor)
    ]
    if key.audience == "public":
        said.append("市民向け")
    if key.consented:
        said.append("承諾あり")
    return "・".join(said)
