"""``sekisho audit purge | certificate``: remove what is due, and show what was removed.

``purge`` only shows what would go, unless --yes is given; showing writes nothing. What was removed stands in the
ledger in the same transaction; ``certificate`` prints it. No content of a record is shown by either.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audit.commands.desk import (
    DEFAULT_LEDGER,
    AsJson,
    Where,
    address,
    cannot,
    cannot_read,
    demand_file,
    key_beside,
)

if TYPE_CHECKING:
    from audit.address import Address
    from audit.periods import Periods
    from audit.retention import Plan
    from audit.signing import Signer

_WHY = {
    "open": "まだ署名付きの控えで閉じられていません / not closed by a signed note yet",
    "held": "保全の対象です / held",
    "texts": "本文の保存期間が残っています / its texts are kept longer",
    "proof": "残っているものの証拠です / it proves something that stays",
    "lost": "やり取りの結末が、残る鎖にあります / an exchange's ending lies in a chain that stays",
    "month": "同じ月のほかの鎖が残ります / another chain of its month stays",
}


def purge(
    ledger: Where = DEFAULT_LEDGER,
    keep_records: Annotated[
        str,
        typer.Option(
            envvar="SEKISHO_KEEP_RECORDS",
            metavar="5y|18m|400d",
            help="記録の保存期間(1年以上)。 / How long records are kept; a year at least.",
        ),
    ] = "5y",
    keep_texts: Annotated[
        str,
        typer.Option(
            envvar="SEKISHO_KEEP_TEXTS",
            metavar="1y|6m|90d",
            help="本文(伏せ字)の保存期間。 / How long masked texts are kept.",
        ),
    ] = "1y",
    yes: Annotated[bool, typer.Option("--yes", help="実際に消します。 / Really remove it.")] = False,
    public_key: Annotated[
        Path | None,
        typer.Option(
            help="検証の公開鍵。省くと台帳の隣の public.pem。 / Default: public.pem beside the ledger."
        ),
    ] = None,
    signing_key: Annotated[
        Path | None,
        typer.Option(
            envvar="SEKISHO_SIGNING_KEY",
            help="控えに署名する秘密鍵。省くと台帳の隣の signing.pem。 / Default: signing.pem beside the ledger.",
        ),
    ] = None,
    signing_hook: Annotated[
        str | None,
        typer.Option(
            envvar="SEKISHO_SIGNING_HOOK",
            help="控えに署名する別の担当者のコマンド。 / A second owner's command that signs the notes.",
        ),
    ] = None,
    signing_timeout: Annotated[
        float,
        typer.Option(envvar="SEKISHO_SIGNING_TIMEOUT", help="署名を待つ秒数。 / Seconds to wait for it."),
    ] = 15.0,
    as_json: AsJson = False,
) -> None:
    """保存期間が過ぎたものを消します。--yes がなければ、何が消えるかを示すだけです。 /
    Remove what is due; without --yes, only show what would go.
    """
    from audit.names import now
    from audit.periods import Periods, read_period
    from audit.query import CANNOT_READ, reading
    from audit.retention import plan
    from audit.stores import place_of

    place = address(ledger)
    try:
        periods = Periods(read_period(keep_records), read_period(keep_texts))
    except ValueError as error:
        cannot(str(error))
    demand_file(place)
    try:
        with reading(place) as connection:
            made = plan(connection, periods, now(), months=not place_of(place).serial)
    except CANNOT_READ as error:
        cannot_read(place, error)
    if not yes or made.is_empty:
        typer.echo(json.dumps(_plain(made), ensure_ascii=False) if as_json else _words(made))
        return
    key = public_key or key_beside(place)
    signer = _signer(place, signing_key, signing_hook, signing_timeout, key)
    _carry_out(place, made, signer, key, as_json=as_json)


def certificate(
    id: Annotated[
        str | None,
        typer.Argument(metavar="CERTIFICATE", help="証明書の番号。省くと一覧。 / Its id; default: a list."),
    ] = None,
    ledger: Where = DEFAULT_LEDGER,
    as_json: AsJson = False,
) -> None:
    """廃棄証明書の一覧を出すか、一つを印刷用に出します。 / List deletion certificates, or print one."""
    place = address(ledger)
    demand_file(place)
    found = [one for one in _certificates(place) if id in (None, one.id)]
    if id is not None and not found:
        typer.echo(f"廃棄証明書 {id} はありません。 / There is no certificate {id}.", err=True)
        raise typer.Exit(1)
    from audit.certificate import local, plain, words

    for one in found:
        if as_json:
            typer.echo(json.dumps(one.as_json(), ensure_ascii=False))
        elif id is None:
            events = "、".join(dict.fromkeys(body["event"] for _, body in one.told))
            typer.echo(plain(f"{one.id}  {local(one.at)}  {one.by}  {events}"))
        else:
            typer.echo(words(one))


# ── carrying out ─────────────────────────────────────────────────────────────────────────────────


def _carry_out(
    place: "Address", made: "Plan", signer: "Signer | None", key: Path | None, *, as_json: bool
) -> None:
    from audit.certificate import words
    from audit.commands.desk import cause
    from audit.commands.holding import person
    from audit.purge import TROUBLE, carry_out, sound
    from audit.remover import CannotPurge

    try:
        outcome = carry_out(made, place, signer, by=person(), check=lambda: sound(place, key))
    except CannotPurge as error:
        cannot(str(error))
    except TROUBLE as error:
        cannot(f"台帳を検証できません / The ledger could not be verified: {cause(error)}")
    done = next((one for one in _certificates(place) if one.id == outcome.certificate), None)
    if done:
        typer.echo(json.dumps(done.as_json(), ensure_ascii=False) if as_json else words(done))
    if not outcome.log_emptied:
        typer.echo(
            "台帳の書き込み記録(-wal)がほかの読み手に使われていて、空にできませんでした。消したものの写しがまだ残っています。"
            "もう一度 purge --yes を実行するか、関所を再起動してください"
            " / The ledger's -wal file was in use and could not be emptied: copies of what was erased are still in it",
            err=True,
        )
    if outcome.trouble:
        words_of = outcome.trouble if isinstance(outcome.trouble, CannotPurge) else cause(outcome.trouble)
        cannot(f"途中で止まりました / Stopped on the way: {words_of}")
    if done and not (done.as_json()["verified"] or {"after": {"ok": False}})["after"]["ok"]:
        raise typer.Exit(1)


def _signer(
    place: "Address", key: Path | None, hook: str | None, timeout: float, public_key: Path | None
) -> "Signer | None":
    """The second owner's command, else a key file, else nobody: then no chain is removed."""
    from audit.signing import Hook, KeyFile

    home = place.path.absolute().parent if place.path else Path(os.environ.get("SEKISHO_HOME") or "var")
    beside = home / "signing.pem"
    try:
        if hook:
            return Hook(hook, public_key, timeout)
        if key or beside.is_file():
            return KeyFile.load(key or beside)
    except (OSError, ValueError) as error:
        cannot(f"署名の鍵を使えません / The signing key cannot be used: {error}")
    return None


def _certificates(place: "Address") -> Any:
    from audit.certificate import certificates
    from audit.query import CANNOT_READ, reading

    try:
        with reading(place) as connection:
            return certificates(connection)
    except CANNOT_READ as error:
        cannot_read(place, error)


# ── the plan, for people and machines ────────────────────────────────────────────────────────────


def _plain(made: "Plan") -> dict[str, Any]:
    def spans(chains: Any) -> dict[str, Any]:
        return {
            chain.writer: chain.stated() | {"texts": chain.texts, "held": chain.texts_held}
            for chain in chains
        }

    originals = made.originals
    return {
        "dry_run": True,
        "rules": {
            name: {"period": str(period), "until": period.newest_due(made.today).isoformat()}
            for name, period in (("records", made.periods.records), ("texts", made.periods.texts))
        },
        "originals": {"keys": len(originals.keys), "originals": originals.originals, "held": originals.held},
        "texts": spans(made.texts),
        "records": spans(made.records),
        "unfinished": spans(made.unfinished),
        "stays": {"texts": made.stays_texts, "records": made.stays_records},
        "holds": [hold.id for hold in made.in_force],
    }


def _words(made: "Plan") -> str:
    from audit.certificate import local

    lines = [_rules(made.periods, made), ""]
    originals = made.originals
    lines.append(f"原文 originals      {originals.originals} 件(鍵 keys {len(originals.keys)} 個)")
    texts = sum(chain.texts - chain.texts_held for chain in made.texts)
    lines.append(f"本文 masked texts   {texts} 件({len(made.texts)} 本の鎖 chains)")
    for chain in made.texts:
        held = f"、保全で残す held {chain.texts_held}" if chain.texts_held else ""
        lines.append(
            f"  {chain.writer}  {chain.texts - chain.texts_held} 件{held}  〜 {local(chain.last_at)}"
        )
    gone = (*made.unfinished, *made.records)
    lines.append(f"記録 records        {sum(chain.records for chain in gone)} 件({len(gone)} 本の鎖 chains)")
    for chain in gone:
        span = f"{local(chain.first_at)} 〜 {local(chain.last_at)}"
        lines.append(f"  {chain.writer}  記録 {chain.records} 件、本文 {chain.texts} 件  {span}")
    stays = [("本文 texts", made.stays_texts), ("記録 records", made.stays_records)]
    if any(why for _, why in stays):
        lines += ["", "期限が過ぎても残すもの / what stays although it is due"]
    for what, why in stays:
        for writer, reason in sorted(why.items()):
            word, _, whom = reason.partition(" ")
            lines.append(f"  {writer}  {what}: {_WHY[word]}{f' ({whom})' if whom else ''}")
    lines.append("")
    if made.is_empty:
        lines.append("消すものはありません。 / There is nothing to remove.")
    else:
        lines.append(
            "まだ何も消していません。消すには --yes を付けてください。 / Nothing was removed: add --yes to do it."
        )
    return "\n".join(lines)


def _rules(periods: "Periods", made: "Plan") -> str:
    records, texts = periods.records, periods.texts
    return (
        f"保存期間 / kept: 記録 records {records.japanese}({records.newest_due(made.today)} まで期限切れ)、"
        f"本文 texts {texts.japanese}({texts.newest_due(made.today)} まで期限切れ)"
    )
