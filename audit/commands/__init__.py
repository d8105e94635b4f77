"""``sekisho audit …``: what the people who answer for the records use. One file per kind of work; desk.py is shared."""

import typer

from audit.commands import (
    alerting,
    asking,
    carrying,
    holding,
    keeping,
    looking,
    proving,
    reconciling,
    retention,
    settling,
)

app = typer.Typer(
    name="audit",
    help="台帳を調べ、示し、確かめます。 / Search, show and verify the ledger.",
    no_args_is_help=True,
)
app.command("search")(asking.search)
app.add_typer(asking.kept, name="searches", help="残した検索の一覧・削除 / Searches that are kept.")
app.command("show")(looking.show)
app.command("events")(looking.events)
app.command("triage")(looking.triage)
app.command("person")(looking.person)
app.command("campaigns")(looking.campaigns)
app.command("counts")(looking.counts)
app.command("verify")(proving.verify)
app.command("note")(proving.note)
app.command("sweep")(keeping.sweep)
app.command("catalogue")(keeping.catalogue)
app.command("reconcile")(reconciling.reconcile)
app.command("export")(carrying.export)
app.command("backup")(carrying.backup)
app.command("restore")(settling.restore)
app.command("move")(settling.move)
app.command("purge")(retention.purge)
app.command("certificate")(retention.certificate)
app.add_typer(holding.app, name="hold")
app.add_typer(
    alerting.app,
    name="alerts",
    help="警報の一覧・表示・引受け / Alerts: what was raised, and who takes it on.",
)
