"""``sekisho policy check | test | explain``: what officials use to read, try and mend the rules.

Prints and exits: 0 fine, 1 something is wrong, 2 it could not be done (one sentence on stderr). Changes
no file. Everything heavy is imported inside the commands, so that the command line starts quickly.

Whoever mounts these commands may hand in, as the context's ``obj``, a function that gives the entity types which
rules may name (`EntityTypes`): this room does not know what a city looks for besides what ships.
"""

import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from datetime import date

    from policies.checks import Findings
    from policies.complaints import Complaint, PolicyError
    from policies.decide import Policy
    from policies.testing import Report, Result

EntityTypes = Callable[[], Sequence[str]]
"""Gives every type that a rule may name; asked only by a command that reads a policy."""

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


Strict = Annotated[
    bool, typer.Option("--strict", help="注意があっても失敗とします。 / Warnings count as failures.")
]


OfCase = Annotated[
    str | None,
    typer.Option(
        "--case", metavar="試験の名前", help="試験の要求を説明します。 / Explain the ask of a test."
    ),
]


@app.command("check")
def check(
    context: typer.Context, source: Source = None, as_json: AsJson = False, strict: Strict = False
) -> None:
    """規則のファイルを調べ、誤りと注意を「ファイル:行」で示します。 / Check a policy file, with file:line."""
    from policies import checks
    from policies.complaints import CannotRead, PolicyError

    loaded: list[dict[str, Any]] = []
    remarks: list[dict[str, Any]] = []
    lines: list[str] = []
    types = _types(context)
    for name in _named(source):
        try:
            found = checks.check(name, _today(), types)
        except CannotRead as error:
            _cannot(error)
        except PolicyError as error:
            remarks += [_plain(one) for one in error.complaints]
            lines += map(str, error.complaints)
        else:
            loaded.append(_summary(name, found))
            remarks += [one.plain() for one in found.remarks]
            lines += [_checked_line(loaded[-1]), *map(str, found.remarks)]
    failing = ("error", "warning") if strict else ("error",)
    failed = any(one["severity"] in failing for one in remarks)
    if as_json:
        _print_json({"ok": not failed, "policies": loaded, "complaints": remarks})
    else:
        for line in lines:
            typer.echo(line)
    raise typer.Exit(1 if failed else 0)


@app.command("test")
def test(
    context: typer.Context,
    source: Source = None,
    as_json: AsJson = False,
    junit: Annotated[
        str | None,
        typer.Option(
            "--junit", metavar="FILE", help="結果を JUnit XML でも書きます。 / Write JUnit XML as well."
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule", metavar="ID", help="この規則か表に関わる試験だけ。 / Only tests that speak of it."
        ),
    ] = None,
) -> None:
    """規則の試験をすべて行い、試されていない規則・条件・マスも示します。 / Run a policy's tests, with coverage."""
    from policies import testing
    from policies.complaints import CannotRead, PolicyError

    types = _types(context)
    try:
        reports = [testing.run(name, types, _today()) for name in _named(source)]
    except CannotRead as error:
        _cannot(error)
    except PolicyError as error:
        _complain(error, as_json)
    if rule is not None:
        reports = [report for report in reports if report.coverage.knows(rule)]
        if not reports:
            typer.echo(
                f"{rule}: そのような規則や表はありません。番号を確かめてください。 / no such rule or table.",
                err=True,
            )
            raise typer.Exit(2)
    shown = [
        (report, report.results if rule is None else testing.selected(report.results, rule))
        for report in reports
    ]
    if junit is not None:
        _write_junit(junit, shown)
    failed = sum(not one.passed for _, results in shown for one in results)
    passed = sum(len(results) for _, results in shown) - failed
    if as_json:
        told = [_report_json(report, results) for report, results in shown]
        _print_json({"ok": not failed, "passed": passed, "failed": failed, "policies": told})
    else:
        for report, results in shown:
            _print_report(report, results, rule)
        typer.echo(f"{passed} passed, {failed} failed")
    raise typer.Exit(1 if failed else 0)


@app.command("explain")
def explain(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="要求(JSON)。- は標準入力。 / An ask as JSON.")
    ] = None,
    policy: Annotated[str, typer.Option("--policy", metavar="NAME|FILE", help="方針 / policy")] = "takatsuki",
    case: OfCase = None,
    as_json: AsJson = False,
) -> None:
    """ある要求がなぜそう判定されるかを、規則ごとに示します。 / Explain a decision, rule by rule."""
    explain_ask(_types(context), file, policy, case, as_json)


def explain_ask(
    types: Sequence[str], file: str | None, policy: str, case: str | None, as_json: bool
) -> NoReturn:
    """The same for a policy that may name these types; ends the command."""
    from policies import explain as reasons
    from policies import testing
    from policies.asks import ask_from_json
    from policies.complaints import PolicyError

    if (file is None) == (case is None):
        typer.echo(
            "要求のファイルか、--case 試験の名前 の、どちらか一方を書いてください。"
            " / name either a file or --case and a test, not both.",
            err=True,
        )
        raise typer.Exit(2)
    try:
        if case is not None:
            tested, its = testing.case_of(policy, case, types)
            explanation = reasons.explain(tested, its.ask)
        else:
            assert file is not None
            explanation = reasons.explain(_load(policy, types), ask_from_json(_read(file), file))
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


def _types(context: typer.Context) -> Sequence[str]:
    """What the desk handed in; used by itself, this room knows its own vocabulary."""
    from policies import files

    handed_in: EntityTypes | None = context.obj
    return files.ENTITY_TYPES if handed_in is None else handed_in()


def _load(source: str, types: Sequence[str]) -> "Policy":
    from policies import files

    return files.load(source, types)


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


def _today() -> "date":
    """The day in Japan."""
    from datetime import UTC, datetime

    from policies.days import day_of

    return day_of(datetime.now(UTC))


def _summary(source: str, found: "Findings") -> dict[str, Any]:
    policy = found.policy
    return {
        "source": source,
        "name": policy.name,
        "version": policy.version,
        "digest": policy.digest,
        "rules": len(policy.rules),
        "errors": len(found.of("error")),
        "warnings": len(found.of("warning")),
        "risks": found.risks,
    }


def _checked_line(policy: dict[str, Any]) -> str:
    name, version, rules = policy["name"], policy["version"], policy["rules"]
    errors, warnings = policy["errors"], policy["warnings"]
    ja = f"{name} {version}: 規則 {rules} 件、誤り {errors} 件、注意 {warnings} 件"
    return f"{ja} / {rules} rules, {errors} errors, {warnings} warnings (sha256 {policy['digest'][:12]})"


def _plain(complaint: "Complaint") -> dict[str, Any]:
    """A complaint of a file that cannot be loaded; what to do stands in its sentences."""
    said = {"file": complaint.file, "line": complaint.line, "severity": "error", "code": "unreadable"}
    return {**said, "ja": complaint.ja, "en": complaint.en}


def _write_junit(file: str, shown: "Sequence[tuple[Report, Sequence[Result]]]") -> None:
    from pathlib import Path

    from policies.junit import junit

    try:
        Path(file).write_text(junit(shown), encoding="utf-8")
    except OSError as error:
        ja = f"ここには書けません({error.strerror})。名前と置き場所、書く権限を確かめてください。"
        typer.echo(
            f"{file}: {ja} / cannot write here ({error.strerror}); check name, place and permissions.",
            err=True,
        )
        raise typer.Exit(2) from None


def _report_json(report: "Report", results: "Sequence[Result]") -> dict[str, Any]:
    from policies.decide import gate_of

    told = [
        {
            "name": one.name,
            "line": one.line,
            "passed": one.passed,
            "gate": gate_of(one.verdict),
            "rules": [hit.id for hit in one.verdict.rules],
            "differences": list(one.differences),
        }
        for one in results
    ]
    return {
        "policy": report.policy.name,
        "digest": report.policy.digest,
        "file": report.file,
        "passed": sum(one.passed for one in results),
        "failed": sum(not one.passed for one in results),
        "results": told,
        "rules": dict(report.hits),
        "never_hit": list(report.never_hit),
        "coverage": report.coverage.plain(),
    }


def _print_report(report: "Report", results: "Sequence[Result]", rule: str | None) -> None:
    for one in results:
        for difference in one.differences:
            typer.echo(f"{report.file}:{one.line}: {one.name}: {difference}")
    for line in (
        report.coverage.summary(report.policy.name) if rule is None else report.coverage.details(rule)
    ):
        typer.echo(line)


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
