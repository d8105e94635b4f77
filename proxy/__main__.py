"""The `sekisho` command: serve, demo, stop, resume, keys, settings; and the rooms' own commands.

Exit status everywhere: 0 fine, 1 found something wrong, 2 could not do it (one sentence on stderr).
"""

import os
import sys
from pathlib import Path

import typer
from typer.exceptions import TyperException

from audit.commands import app as audit_app
from audit.commands.alerting import app as alerts_app
from proxy.drills.commands import HELP as DRILLS
from proxy.drills.commands import app as drills_app
from proxy.office.alert_commands import acknowledge, channels
from proxy.office.alert_commands import test as test_channel
from proxy.office.case_commands import HELP as CASES
from proxy.office.case_commands import app as cases_app
from proxy.office.commands import app as keys_app
from proxy.office.confirmation_commands import app as confirmations_app
from proxy.office.deciding_commands import app as openings_app
from proxy.office.deciding_commands import dispose
from proxy.office.disclose_command import disclose
from proxy.office.disclosure_commands import app as label_app
from proxy.office.incident_commands import HELP as INCIDENTS
from proxy.office.incident_commands import app as incidents_app
from proxy.office.people_commands import app as people_app
from proxy.office.policy_commands import activate, versions, withdraw
from proxy.office.policy_desk import app as policy_app
from proxy.office.quota_commands import app as quota_app
from proxy.office.stop_commands import resume, stop
from proxy.outlets.commands import app as outlets_app
from proxy.serving import demo, serve
from proxy.settings_command import settings
from redaction.commands import app as redact_app

app = typer.Typer(
    name="sekisho",
    help="関所: 庁内の生成AI利用を検査・記録するゲートウェイ / The checkpoint of a city hall's generative AI.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve)
app.command("demo")(demo)
app.command("settings")(settings)
app.command("stop")(stop)
app.command("resume")(resume)
app.add_typer(
    people_app,
    name="people",
    help="利用者の登録・異動・研修・棚卸し / Enrol people, their trainings, transfers and reviews.",
)
app.add_typer(keys_app, name="keys", help="APIキーの発行・一覧・失効 / Issue, list and revoke API keys.")
app.add_typer(
    quota_app, name="quota", help="上限(回数・トークン・費用)と災害モード / Limits, and the emergency mode."
)
app.add_typer(
    confirmations_app,
    name="confirmations",
    help="確認(confirm)の一覧・表示・取消し / What waits for consent, and what was consented to.",
)
app.add_typer(
    label_app,
    name="label",
    help="AIを使った文書の表示文と、職員の確認 / What a document says of AI, and who checked it.",
)
app.add_typer(
    outlets_app,
    name="outlets",
    help="記録を送り続ける先の状態と試し / Where records go on to, and how it goes.",
)
redact_app.add_typer(cases_app, name="cases", help=CASES)
app.add_typer(redact_app, name="redact", help="個人情報の検出を試す / Try what the mask room finds.")
app.add_typer(
    policy_app, name="policy", help="利用ポリシーの点検・試験・説明 / Check, test and explain the rules."
)
policy_app.command("activate")(activate)
policy_app.command("versions")(versions)
policy_app.command("withdraw")(withdraw)
audit_app.command("dispose")(dispose)
alerts_app.command("acknowledge")(acknowledge)
alerts_app.command("channels")(channels)
alerts_app.command("test")(test_channel)
audit_app.add_typer(openings_app, name="openings", help="原文を開く申し込み / Requests to open an original.")
audit_app.command("disclose")(disclose)
audit_app.add_typer(incidents_app, name="incidents", help=INCIDENTS)
app.add_typer(drills_app, name="drill", help=DRILLS)
app.add_typer(audit_app, name="audit", help="台帳の検索・表示・検証 / Search, show and verify the ledger.")


def main() -> None:
    """The command's entry point. A command line that makes no sense is one sentence too, and status 2."""
    if sys.argv[1:2] == ["audit"]:
        _tell_the_ledger_room()
    try:
        sys.exit(app(prog_name="sekisho", standalone_mode=False))
    except TyperException as error:
        if not (said := " ".join(error.format_message().split())):
            error.show()  # type: ignore[attr-defined]  # no command given: the help
            sys.exit(2)
        typer.echo(f"sekisho: {said} (使い方は --help / see --help)", err=True)
        sys.exit(2)


def _tell_the_ledger_room() -> None:
    """The ledger's commands know the environment only: what stands in HOME/settings.env is put there first."""
    from dotenv import dotenv_values

    home = Path(os.environ.get("SEKISHO_HOME") or "var")
    file = home / "settings.env"
    try:
        said = dotenv_values(file) if file.is_file() else {}
    except (OSError, UnicodeDecodeError):
        said = {}  # `sekisho serve` complains of it
    for name, value in said.items():
        if name.upper().startswith("SEKISHO_") and value:
            os.environ.setdefault(name.upper(), value)
    os.environ.setdefault("SEKISHO_HOME", str(home))
    os.environ.setdefault("SEKISHO_LEDGER", str(home / "ledger.sqlite"))


if __name__ == "__main__":
    main()
