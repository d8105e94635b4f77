"""``sekisho audit export --as jsonl | csv | ocsf | cef``: the ledger's records for other programs.

The export is recorded before a byte of it is written (``viewed``), and its digest and counts after (``export.made``), in
the ledger and in a manifest beside the file. Everything heavy is imported inside.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from audit.commands.asking import ENDINGS, SEVERITIES, one_of
from audit.commands.desk import (
    asked_badly,
    asked_well,
    cannot,
    demand_no_number,
    note,
    os_user,
    record_view,
    time,
)

if TYPE_CHECKING:
    from audit.address import Address
    from audit.exports.chosen import Form

_TERMINAL = "terminal"


def export_as(
    place: "Address",
    file: Path,
    form: "Form",
    given: dict[str, str],
    since: str | None,
    until: str | None,
    why: str,
    *,
    texts: bool,
    overwrite: bool,
) -> None:
    """Write the records that ``given`` fits; ``why`` was found sound."""
    from audit import query
    from audit.catalogue.question import BadQuestion, Question
    from audit.commands.carrying import cannot_write
    from audit.exports.chosen import WITHOUT_TEXTS, Wanted
    from audit.exports.taken import MADE, manifest_of, write
    from audit.exports.watermark import Watermark, new_id
    from audit.model import Draft
    from audit.names import moment
    from audit.readers import at_the_terminal
    from audit.review import Review

    if texts and form in WITHOUT_TEXTS:
        cannot(
            f"{form} に本文は入りません。--text を外してください / {form} has no room for texts: leave out --text"
        )
    one_of("--verdict", given.get("verdict"), ("permit", "confirm", "refuse"))
    one_of("--outcome", given.get("outcome"), (*ENDINGS, "open"))
    one_of("--severity", given.get("severity"), SEVERITIES)
    demand_no_number(*given.values())
    with asked_well():
        asked: dict[str, Any] = {"since": time(since, "--since"), "until": time(until, "--until"), **given}
        wanted = Wanted(form, Question(**asked), texts)
    if wanted.question.since and wanted.question.until and wanted.question.since > wanted.question.until:
        cannot("--since が --until より後です / --since is later than --until")
    mark = Watermark(new_id(), os_user(), moment(datetime.now(UTC)), why)
    try:
        with Review(place, at_the_terminal(os_user())) as review, review.exporting(wanted) as chosen:
            record_view(place, "export", wanted.stated() | {"export": mark.id}, chosen.count, why)
            taken = write(file, wanted, chosen, mark, overwrite=overwrite)
    except BadQuestion as error:
        asked_badly(error)
    except typer.Exit:  # it could not be recorded; typer calls that a RuntimeError
        raise
    except query.CANNOT_READ as error:
        cannot_write(place, file, error)
    made = {"event": MADE, "by": os_user(), "role": _TERMINAL, "export": mark.id, "form": form}
    note(place, Draft("noted", None, made | taken.plain()))
    typer.echo(f"{file} に書き出しました（{form}、記録 {taken.records} 件、書き出しの番号 {mark.id}）。")
    typer.echo(f"件数と SHA-256 は {manifest_of(file)} と台帳の両方にあります。")
    if taken.texts:
        typer.echo("本文が入っています。保有個人情報として、受け渡し・保管・消去を管理してください。")
    typer.echo(f"Wrote {taken.records} records to {file} ({form}, {mark.id}); SHA-256 {taken.sha256}.")
    if taken.texts:
        typer.echo("It holds texts: handle it as personal data.")
