"""`sekisho keys create|list|revoke`. Every change is noted in the ledger with who made it; a change
that cannot be noted is not made."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from proxy import printing
from proxy.failing import stop
from proxy.office.desk import at_the_desk

if TYPE_CHECKING:
    from proxy.office.keys import Key

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]


@app.command("create")
def create(
    tool: Annotated[str, typer.Option(help="ツール名 / Tool.")],
    department: Annotated[str, typer.Option(help="部 / Department.")],
    section: Annotated[str, typer.Option(help="課 / Section.")],
    category: Annotated[str, typer.Option(help="既定の業務区分 / Default business category.")],
    purpose: Annotated[str, typer.Option(help="既定の利用目的 / Default purpose.")],
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
    oidc_client: Annotated[
        str | None,
        typer.Option(
            help="利用者が市の認証(OIDC)のトークンを持って来るツール。そのクライアントID"
            " / A tool whose users bring tokens of the city's directory: its client id."
        ),
    ] = None,
    audience: Annotated[
        str, typer.Option(help="回答の届く相手 staff, public / Whom the answers reach: staff, the public.")
    ] = "staff",
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
    starts: Annotated[
        str | None, typer.Option(metavar="2027-04-01", help="使い始める日 / First day.")
    ] = None,
    ends: Annotated[str | None, typer.Option(metavar="2028-03-31", help="使える最後の日 / Last day.")] = None,
    approved_by: Annotated[
        str | None, typer.Option(help="承認した所属長の職員番号 / Staff id of the 所属長 who approved it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """キーを発行する。キーは一度だけ表示 / Issue a key; it is shown once and never stored."""
    from proxy.office.issuing import issue
    from proxy.office.keys import Key, networks

    try:
        believed = networks(addresses)
    except ValueError:
        stop(
            "--addresses は 10.1.0.0/16 のような形をコンマで区切ってください / --addresses takes networks like 10.1.0.0/16"
        )
    key = Key(
        id="",
        person=person,
        tool=tool,
        department=department,
        section=section,
        category=category,
        audience=audience,  # type: ignore[arg-type]
        may_assert_user=may_assert_user,
        addresses=believed,
        oidc_client=oidc_client,
        purpose=purpose,
        confidentiality_class=confidentiality_class,  # type: ignore[arg-type]
        unknown_fields=unknown_fields,  # type: ignore[arg-type]
        mask_reply_names=mask_reply_names,
        append_notices=append_notices,
        starts=_day("--starts", starts),
        ends=_day("--ends", ends),
        approved_by=approved_by,
    )
    with at_the_desk() as desk:
        key, plain = issue(desk, key)
    if as_json:
        printing.json_line({"id": key.id, "key": plain or None})
    elif not plain:
        typer.echo(
            f"{key.id} (キーはありません。{oidc_client} のトークンで使えます / no key: tokens of this client are accepted)"
        )
    else:
        typer.echo(f"{key.id}\n{plain}\n(このキーは二度と表示されません / this key is not shown again)")


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """発行したキーの一覧(キーそのものは表示しない) / All keys ever issued, without the keys themselves."""
    from proxy.office.issuing import shown

    with at_the_desk() as desk:
        keys = desk.keys.list()
    if as_json:
        printing.json_line([shown(key) for key in keys])
        return
    heads = (
        "ID", "利用者 / Person", "ツール / Tool", "部 / Dept.", "課 / Section", "期間 / Dates", "発行 / Created",
        "失効 / Revoked",
    )  # fmt: skip
    printing.table(
        heads,
        [
            (
                key.id,
                key.person or key.oidc_client or "(X-Sekisho-User)",
                key.tool,
                key.department,
                key.section,
                _dates(key),
                key.created_at,
                key.revoked_at or "",
            )
            for key in keys
        ],
    )


@app.command("revoke")
def revoke(id: Annotated[str, typer.Argument(help="キーのID / Key id, from 'keys list'.")]) -> None:
    """キーを失効させる。1秒以内に使えなくなる / Revoke a key; it stops working within a second."""
    from proxy.office.issuing import revoke as end

    with at_the_desk() as desk:
        end(desk, id)
    typer.echo(f"{id} を失効させました / revoked")


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        stop(f"{option} は 2027-04-01 の形です / {option} is a date such as 2027-04-01")


def _dates(key: "Key") -> str:
    """``2027-04-01 – 2028-03-31``; empty where there is neither."""
    return f"{key.starts or ''} – {key.ends or ''}" if key.starts or key.ends else ""
