"""``sekisho audit purge | certificate``: remove what is due, and show what was removed.

``purge`` only shows what would go, unless --yes is given; showing writes nothing. What was removed stands in the
ledger in the same transaction; ``certificate`` prints it. No content of a record is shown by either.
"""

import json
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
    checked_key,
    demand_file,
    demand_no_number,
    home,
    record_view,
)

if TYPE_CHECKING:
    from audit.address import Address
    from audit.certificate import Certificate
    from audit.periods import Periods
    from audit.retention import Plan
    from audit.signing import Signer

_WHY = {
    "open": "まだ署名つきの控えで閉じられていません / not closed by a signed note yet",
    "held": "保全の対象です / held",
    "closed": "閉じた控えから1年たっていません / the note that closed it is less than a year old",
    "texts": "本文の保存期間が残っています / its texts are kept longer",
    "proof": "残っているものの証拠です / it proves something that stays",
    "lost": "やり取りの結末が、残る鎖にあります / an exchange's ending lies in a chain that stays",
    "month": "同じ月のほかの鎖が残ります / another chain of its month stays",
}

_COPIES_LEFT = (
    "消したものの写しが、台帳のファイルか書き込み記録(-wal)にまだ残っています(ほかの読み手が使っていました)。"
    "読み手を止めて、もう一度 `sekisho audit purge --yes` を実行してください"
    " / Copies of what was erased are still in the ledger's file or its -wal, which somebody was reading:"
    " stop the reader and run `sekisho audit purge --yes` again"
)


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
    key = checked_key(public_key, place)
    if yes and key is None:
        cannot(
            "公開鍵がないため消しません。--public-key で指定してください"
            " / Nothing is removed without a public key to verify with: name it with --public-key"
        )
    try:
        with reading(place) as connection:
            made = plan(connection, periods, now(), months=not place_of(place).serial)
    except CANNOT_READ as error:
        cannot_read(place, error)
    if not yes or made.is_empty:
        plain = _plain(made, dry_run=not yes)
        typer.echo(json.dumps(plain, ensure_ascii=False) if as_json else _words(made))
        if yes:
            _wipe_what_is_left(place)
        return
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
    """廃棄証明書の一覧を出すか、一つを印刷用に出します。見たことは台帳に残ります。 /
    List deletion certificates, or print one; that you looked is recorded.
    """
    place = address(ledger)
    demand_file(place)
    demand_no_number(id)
    found = [one for one in _certificates(place) if id in (None, one.id)]
    if id is not None and not found:
        typer.echo(f"廃棄証明書 {id} はありません。 / There is no certificate {id}.", err=True)
        raise typer.Exit(1)
    from audit.certificate import local, plain, words

    record_view(place, "certificate", {"certificate": id}, len(found), None)
    if not found and not as_json:
        typer.echo("廃棄証明書はありません。 / No certificate.")
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
    copies_left = bool(outcome.told) and not outcome.log_emptied
    if copies_left:
        typer.echo(_COPIES_LEFT, err=True)
    if outcome.trouble:
        known = isinstance(outcome.trouble, CannotPurge)
        japanese, _, english = (str(outcome.trouble) if known else cause(outcome.trouble)).partition(" / ")
        cannot(f"途中で止まりました: {japanese} / Stopped on the way: {english or japanese}")
    if copies_left or (done and not done.sound_after):
        raise typer.Exit(1)


def _wipe_what_is_left(place: "Address") -> None:
    """What an earlier purge had to leave in the file's log, because somebody was reading."""
    from audit.stores import place_of, shredder

    if shredder.wipe_log(place_of(place)):
        return
    earlier = _certificates(place)
    if earlier and not earlier[-1].log_emptied:
        typer.echo(_COPIES_LEFT, err=True)
        raise typer.Exit(1)


def _signer(
    place: "Address", key: Path | None, hook: str | None, timeout: float, public_key: Path | None
) -> "Signer | None":
    """The second owner's command, else a key file, else nobody: then no chain is removed."""
    from audit.signing import Hook, KeyFile

    beside = home(place) / "signing.pem"
    try:
        if hook:
            return Hook(hook, public_key, timeout)
        if key or beside.is_file():
            return KeyFile.load(key or beside)
    except (OSError, ValueError) as error:
        cannot(f"署名の鍵を使えません / The signing key cannot be used: {error}")
    return None


def _certificates(place: "Address") -> "list[Certificate]":
    from audit.certificate import certificates
    from audit.query import CANNOT_READ, reading

    try:
        with reading(place) as connection:
            return certificates(connection)
    except CANNOT_READ as error:
        cannot_read(place, error)


# ── the plan, for people and machines ────────────────────────────────────────────────────────────


def _plain(made: "Plan", *, dry_run: bool) -> dict[str, Any]:
    def spans(chains: Any) -> dict[str, Any]:
        return {
            chain.writer: chain.stated() | {"texts": chain.texts, "held": chain.texts_held}
            for chain in chains
        }

    originals = made.originals
    return {
        "dry_run": dry_run,
        "rules": {
            name: {"period": str(period), "until": period.newest_due(made.today).isoformat()}
            for name, period in (("records", made.periods.records), ("texts", made.periods.texts))
        },
        "originals": {"keys": len(originals.keys), "originals": originals.originals, "held": originals.held},
        "texts": spans(made.texts),
        "records": spans(made.records),
        "unfinished": spans(made.unfinished),
        "stays": {"texts": made.stays_texts, "records": made.stays_records},
        "held": made.held.stated(),
        "holds": [hold.id for hold in made.in_force],
    }


def _words(made: "Plan") -> str:
    from audit.certificate import local

    lines = [_rules(made.periods, made), ""]
    originals = made.originals
    lines.append(
        f"原文 originals      {originals.originals} 件(鍵 keys {len(originals.keys)} 個){_held(made.held.originals)}"
    )
    texts = sum(chain.texts - chain.texts_held for chain in made.texts)
    lines.append(f"本文 masked texts   {texts} 件({len(made.texts)} 本の鎖 chains){_held(made.held.texts)}")
    for chain in made.texts:
        held = _held(chain.texts_held)
        lines.append(
            f"  {chain.writer}  {chain.texts - chain.texts_held} 件{held}  〜 {local(chain.last_at)}"
        )
    gone = (*made.unfinished, *made.records)
    lines.append(
        f"記録 records        {sum(chain.records for chain in gone)} 件({len(gone)} 本の鎖 chains)"
        f"{_held(made.held.records)}"
    )
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


def _held(count: int) -> str:
    return f"、保全で残す held {count}" if count else ""


def _rules(periods: "Periods", made: "Plan") -> str:
    records, texts = periods.records, periods.texts
    return (
        f"保存期間 / kept: 記録 records {records.japanese}({records.newest_due(made.today)} まで期限切れ)、"
        f"本文 texts {texts.japanese}({texts.newest_due(made.today)} まで期限切れ)"
    )
