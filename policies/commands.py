"""``sekisho policy check | test | explain``: what officials use to read, try and mend the rules.

Prints and exits: 0 fine, 1 something is wrong, 2 it could not be done (one sentence on stderr). Changes
no file. Everything heavy is imported inside the commands, so that the command line starts quickly.
"""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from policies.complaints import Complaint, PolicyError
    from policies.decide import Policy
    from policies.testing import Report

app = typer.Typer(
    name="policy",
    help="規則を確かめ、試し、説明します。 / Check, test and explain the rules.",
    no_args_is_help=True,
)

Source = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME|FILE]",
        help="方針の名前かファイル。省くと、付属の方針すべて。 / A policy; all that ship if left out.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="機械向けの JSON で出します。 / Print JSON.")]


@app.command("check")
def check(source: Source = None, as_json: AsJson = False) -> None:
    """規則のファイルを調べ、誤りを「ファイル:行」で示します。 / Check a policy file, with file:line."""
    from policies.complaints import CannotRead, PolicyError

    loaded: list[dict[str, Any]] = []
    wrong: list[Complaint] = []
    for name in _named(source):
        try:
            loaded.append(_summary(name, _load(name)))
        except CannotRead as error:
            _cannot(error)
        except PolicyError as error:
            wrong.extend(error.complaints)
    if as_json:
        _print_json({"ok": not wrong, "policies": loaded, "complaints": [_plain(one) for one in wrong]})
    else:
        for policy in loaded:
            typer.echo(_checked_line(policy))
        for complaint in wrong:
            typer.echo(str(complaint))
    raise typer.Exit(1 if wrong else 0)


@app.command("test")
def test(source: Source = None, as_json: AsJson = False) -> None:
    """規則の試験をすべて行い、使われなかった規則も示します。 / Run a policy's tests, with coverage."""
    from policies import testing
    from policies.complaints import CannotRead, PolicyError

    try:
        reports = [testing.run(name) for name in _named(source)]
    except CannotRead as error:
        _cannot(error)
    except PolicyError as error:
        _complain(error, as_json)
    passed, failed = sum(report.passed for report in reports), sum(report.failed for report in reports)
    if as_json:
        told = [_report_json(report) for report in reports]
        _print_json({"ok": not failed, "passed": passed, "failed": failed, "policies": told})
    else:
        for report in reports:
            _print_report(report)
        typer.echo(f"{passed} passed, {failed} failed")
    raise typer.Exit(1 if failed else 0)


@app.command("explain")
def explain(
    file: Annotated[str, typer.Argument(metavar="FILE", help="要求(JSON)。- は標準入力。 / An ask as JSON.")],
    policy: Annotated[str, typer.Option("--policy", metavar="NAME|FILE", help="方針 / policy")] = "takatsuki",
    as_json: AsJson = False,
) -> None:
    """ある要求がなぜそう判定されるかを、規則ごとに示します。 / Explain a decision, rule by rule."""
    from policies import explain as reasons
    from policies.asks import ask_from_json
    from policies.complaints import PolicyError

    try:
        explanation = reasons.explain(_load(policy), ask_from_json(_read(file), file))
    except PolicyError as error:
        _cannot(error)
    told = reasons.as_json(explanation)
    if as_json:
        _print_json(told)
    else:
        for line in reasons.as_lines(explanation):
            typer.echo(line)
    raise typer.Exit(1 if told["error"] else 0)


def _named(source: str | None) -> Sequence[str]:
    from policies import files

    return files.city_names() if source is None else (source,)


def _load(source: str) -> "Policy":
    from policies import files

    return files.load(source)


def _read(file: str) -> str:
    """The text of a file, or of stdin for ``-``. Ends with status 2 when it cannot be read."""
    from pathlib import Path

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "UTF-8?"
        ja = "このファイルは読めません。名前と権限、文字コード(UTF-8)を確かめてください。"
        en = f"cannot read this file ({reason}); check its name, permissions and encoding (UTF-8)."
        typer.echo(f"{file}: {ja} / {en}", err=True)
        raise typer.Exit(2) from None


def _cannot(error: "PolicyError") -> NoReturn:
    """One sentence on stderr, status 2. Of several complaints the first: mending one shows the next."""
    typer.echo(str(error.complaints[0]), err=True)
    raise typer.Exit(2)


def _complain(error: "PolicyError", as_json: bool) -> NoReturn:
    if as_json:
        _print_json({"ok": False, "complaints": [_plain(one) for one in error.complaints]})
    else:
        typer.echo(str(error))
    raise typer.Exit(1)


def _summary(source: str, policy: "Policy") -> dict[str, Any]:
    return {
        "source": source,
        "name": policy.name,
        "version": policy.version,
        "digest": policy.digest,
        "rules": len(policy.rules),
    }


def _checked_line(policy: dict[str, Any]) -> str:
    name, version, rules = policy["name"], policy["version"], policy["rules"]
    ja = f"{name} {version}: 規則 {rules} 件、誤りはありません"
    return f"{ja} / {rules} rules, no complaints (sha256 {policy['digest'][:12]})"


def _plain(complaint: "Complaint") -> dict[str, Any]:
    return {"file": complaint.file, "line": complaint.line, "ja": complaint.ja, "en": complaint.en}


def _report_json(report: "Report") -> dict[str, Any]:
    from policies.decide import gate_of

    results = [
        {
            "name": one.name,
            "line": one.line,
            "passed": one.passed,
            "gate": gate_of(one.verdict),
            "rules": [hit.id for hit in one.verdict.rules],
            "differences": list(one.differences),
        }
        for one in report.results
    ]
    return {
        "policy": report.policy.name,
        "digest": report.policy.digest,
        "file": report.file,
        "passed": report.passed,
        "failed": report.failed,
        "results": results,
        "rules": dict(report.hits),
        "never_hit": list(report.never_hit),
    }


def _print_report(report: "Report") -> None:
    for one in report.results:
        for difference in one.differences:
            typer.echo(f"{report.file}:{one.line}: {one.name}: {difference}")
    _print_coverage(report)
    if report.never_hit:
        ids = ", ".join(report.never_hit)
        typer.echo(f"一度も当てはまらなかった規則: {ids} / rules that no test has hit: {ids}")


def _print_coverage(report: "Report") -> None:
    """How many tests each rule matched in: a table on a terminal, ``P-04 7`` lines elsewhere."""
    titles = {rule.id: rule.title.ja for rule in report.policy.rules}
    if not sys.stdout.isatty():
        for rule, count in report.hits.items():
            typer.echo(f"{report.policy.name} {rule} {count}")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("規則 / rule", "題 / title", "当てはまった試験 / tests", title=report.policy.name)
    for rule, count in report.hits.items():
        table.add_row(rule, titles[rule], str(count), style=None if count else "red")
    Console().print(table)


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
