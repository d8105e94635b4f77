"""`sekisho policy activate | versions | withdraw`: which version of the rules counts from which day.

A version is activated with all that answers for it: an author, an approver who is somebody else, an officer and a
deputy, two dates, and tests that pass. It is noted in the ledger before it counts. Exit status: 0 done, 1 something
is wrong with what was given, 2 it could not be done.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from proxy.failing import stop

if TYPE_CHECKING:
    from policies.decide import Policy
    from policies.testing import Report
    from proxy.office.policy_versions import Version
    from proxy.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="機械向けの JSON で出します。 / Print JSON.")]
By = Annotated[str, typer.Option("--by", help="施行(取下げ)の手続きをした人 / Who does it.")]

FURTHEST = timedelta(days=400)
"""A date further away than this is a slip of the pen."""


def activate(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="方針のファイル。試験のファイルを横に置く / The policy file."),
    ],
    by: By,
    as_json: AsJson = False,
) -> None:
    """方針の版を施行する。施行日から効力を持つ / Activate a version: it counts from its effective date on."""
    from policies import testing
    from policies.complaints import CannotRead, PolicyError
    from policies.days import day_of
    from proxy.office.policy_versions import Shelf
    from proxy.rulebook import entity_types

    settings = _settings()
    today = day_of(datetime.now(UTC))
    shelf = Shelf(settings.home)
    try:
        report, written = _tested(testing, file, entity_types(settings))
    except CannotRead as error:
        stop(str(error.complaints[0]))
    except PolicyError as error:
        _refuse([(f"{one.file}:{one.line}: {one.ja}", one.en) for one in error.complaints], as_json)
    except ValueError as error:  # the city's own kinds of data, which rules may name
        stop(str(error))
    if wrong := [*_unsaid(report.policy), *_unfit(report, today), *_numbers(report.policy, by)]:
        _refuse(wrong, as_json)
    try:
        with shelf.locked():
            if wrong := list(_pointless(shelf, report.policy, today)):
                _refuse(wrong, as_json)
            version = _entered(settings, shelf, report.policy, written, by)
    except PolicyError as error:  # of the list
        stop(str(error.complaints[0]))
    except OSError as error:
        stop(f"方針を保存できません / the policy cannot be stored: {error.strerror}")
    state = "in_force" if version.effective <= today else "coming"
    if as_json:
        _print({"ok": True, "state": state, "tests": report.passed} | version.plain())
        return
    typer.echo(f"試験 {report.passed} 件に合格しました / {report.passed} tests passed")
    from_when = "いまから" if state == "in_force" else f"{version.effective} から"
    typer.echo(
        f"{version.name} {version.version} を施行しました。{from_when}効力を持ちます"
        f" / in force from {version.effective} (sha256 {version.digest[:12]})"
    )
    if settings.policy:
        typer.echo(
            f"sekisho: SEKISHO_POLICY={settings.policy} が優先するため、外すまで使われません"
            " / SEKISHO_POLICY wins; remove it for this version to count",
            err=True,
        )


def versions(as_json: AsJson = False) -> None:
    """施行した版の一覧: 施行中・施行前・旧版・取下げ / All activated versions: in force, coming, past, withdrawn."""
    from policies.complaints import PolicyError
    from policies.days import day_of
    from proxy.office.policy_versions import STATE_WORDS, Shelf, states

    settings = _settings()
    try:
        listed = Shelf(settings.home).versions()
    except PolicyError as error:
        stop(str(error.complaints[0]))
    found = list(zip(states(listed, day_of(datetime.now(UTC))), listed, strict=True))
    if as_json:
        _print(
            {
                "setting": settings.policy or None,
                "versions": [{"state": state} | one.plain() for state, one in found],
            }
        )
        return
    if settings.policy:
        typer.echo(f"SEKISHO_POLICY={settings.policy} が優先します / SEKISHO_POLICY wins over these")
    if not found:
        typer.echo("施行した版はありません(takatsuki を使います) / none was activated; takatsuki counts")
        return
    for state, one in found:
        typer.echo(
            f"{STATE_WORDS[state]} {one.digest[:12]} {one.name} {one.version}"
            f" 施行 {one.effective} 見直し {one.review} 作成 {one.author} 承認 {one.approver} 責任者 {one.officer} / {state}"
        )


def withdraw(
    digest: Annotated[
        str, typer.Argument(help="版の sha256 の初めの8字以上 / The first 8 or more digits of its digest.")
    ],
    by: By,
    reason: Annotated[str, typer.Option("--reason", help="取り下げる理由 / Why.")],
    as_json: AsJson = False,
) -> None:
    """まだ効力のない版を取り下げる / Withdraw a version that does not count yet."""
    from audit.numbers import REFUSAL, may_be_somebodys
    from policies.complaints import PolicyError
    from policies.days import day_of
    from proxy.office.policy_versions import Shelf, moment_of, states, withdrawn

    if not reason.strip() or not by.strip():
        stop("--reason と --by が要ります / --reason and --by are needed")
    if may_be_somebodys(reason) or may_be_somebodys(by):
        stop(REFUSAL)
    settings = _settings()
    shelf = Shelf(settings.home)
    try:
        with shelf.locked():
            listed = shelf.versions()
            found = states(listed, day_of(datetime.now(UTC)))
            coming = {
                one.digest
                for state, one in zip(found, listed, strict=True)
                if state == "coming" and len(digest) >= 8 and one.digest.startswith(digest)
            }
            if len(coming) != 1:
                _refuse([_NOT_COMING], as_json)
            whole = coming.pop()
            one = next(one for one in listed if one.digest == whole)
            facts = {
                "name": one.name,
                "version": one.version,
                "digest": whole,
                "reason": reason,
                "ordered_by": by,
            }
            _note(settings, "policy.withdrawn", facts)
            shelf.replace(withdrawn(listed, whole, moment_of(datetime.now(UTC)), by, reason))
    except PolicyError as error:
        stop(str(error.complaints[0]))
    except OSError as error:
        stop(f"一覧を書けません / the list cannot be written: {error.strerror}")
    if as_json:
        _print({"ok": True, "digest": whole, "state": "withdrawn"})
    else:
        typer.echo(f"{one.name} {one.version} を取り下げました / withdrawn")


Sentence = tuple[str, str]
"""Japanese and English."""

_NOT_COMING = (
    "施行前の版に、その番号のものがありません(一覧: sekisho policy versions)。施行中の版は取り下げられません。"
    "元に戻すには、前の版に新しい施行日を書いて、もう一度施行してください。",
    "no coming version has this digest. A version in force is not withdrawn: activate another one.",
)


def _tested(testing: Any, file: str, types: Sequence[str]) -> "tuple[Report, bytes]":
    """The policy's tests, run, and the file as it was written: both of the same policy. Raises PolicyError."""
    from policies import files
    from policies.complaints import CannotRead, Complaint

    path = files.find(file)
    written = files.read(path)
    files.parse(written, str(path), types)  # what is wrong with it is said before its tests are looked for
    report: Report = testing.run(file, types)
    again = files.remade(json.loads(files.canonical(report.policy.data)), path.name, types)
    if not report.policy.digest == files.parse(written, str(path), types).digest == again.digest:
        ja, en = "確かめている間にファイルが変わりました。", "the file changed meanwhile; try again."
        raise CannotRead([Complaint(str(path), None, f"{ja}もう一度実行してください。", en)])
    return report, written


def _unsaid(policy: "Policy") -> Iterator[Sentence]:
    """Who answers for it, and when it counts, must be on record (R1)."""
    for value, ja, en in (
        (policy.author, "作成者 author を書いてください。", "author is missing."),
        (policy.approver, "承認者 approver(作成者と別の人)を書いてください。", "approver is missing."),
        (policy.effective, '施行日 effective: "2026-12-01" を書いてください。', "effective is missing."),
        (policy.review, '見直しの日 review: "2027-11-30" を書いてください。', "review is missing."),
        (policy.officer, "責任者と代理 accountable: {officer: …, deputy: …} を書いてください。", "accountable is missing."),
    ):  # fmt: skip
        if not value:
            yield ja, en
    if policy.author and policy.author == policy.approver:
        yield (
            "承認者 approver は、作成者と別の人でなければなりません。",
            "the approver must be another person.",
        )
    if policy.officer and policy.officer == policy.deputy:
        yield (
            "責任者 officer と代理 deputy は、別の人でなければなりません。",
            "the deputy must be another person.",
        )


def _unfit(report: "Report", today: date) -> Iterator[Sentence]:
    """What speaks against it: tests that fail, dates that cannot be meant."""
    policy = report.policy
    if report.failed:
        yield (
            f"試験が {report.failed} 件、合格していません(sekisho policy test で確かめてください)。",
            f"{report.failed} of its tests fail; see 'sekisho policy test'.",
        )
    if policy.effective and abs(policy.effective - today) > FURTHEST:
        yield (
            f"施行日 effective({policy.effective})が、今日から {FURTHEST.days} 日より離れています。",
            f"the effective date is more than {FURTHEST.days} days away.",
        )
    elif policy.effective and policy.effective < today:
        yield (
            f"施行日 effective({policy.effective})が過ぎています。今日({today})か、これからの日にしてください。",
            f"the effective date is over; write today's ({today}) or a coming one.",
        )
    if policy.review and policy.review <= today:
        yield f"見直しの日 review({policy.review})が、もう過ぎています。", "the review date is over."
    if policy.effective and policy.review and policy.review <= policy.effective:
        yield (
            "見直しの日 review が、施行日より後ではありません。",
            "the review date is not after the effective date.",
        )


def _numbers(policy: "Policy", by: str) -> Iterator[Sentence]:
    from proxy.office.policy_versions import holds_number

    if not by.strip():
        yield "--by に名前を書いてください。", "--by is empty."
    if holds_number(dict(policy.data)) or holds_number(by):
        yield (
            "個人番号・住民票コードに見える数字があります。方針は台帳に残るので、消してください。",
            "it holds a number that looks like a My Number; the ledger keeps the policy, so leave it out.",
        )


def _pointless(shelf: Any, policy: "Policy", today: date) -> Iterator[Sentence]:
    """An activation that would change nothing is a mistake that somebody should hear of."""
    from proxy.office.policy_versions import in_force, states

    listed = shelf.versions() if shelf.list_file.exists() else ()
    counting = in_force(listed, today)
    mine = [
        state for state, one in zip(states(listed, today), listed, strict=True) if one.digest == policy.digest
    ]
    if "in_force" in mine or (mine and mine[-1] == "coming"):
        yield "この版は、もう施行の手続きが済んでいます。", "this version is activated already."
    elif any(
        (one.name, one.version) == (policy.name, policy.version)
        and one.digest != policy.digest  # the very same document may come back
        and one.withdrawn_at is None
        for one in listed
    ):
        yield (
            f"同じ名前と版({policy.name} {policy.version})の、中身の違う文書がもう施行の手続きをしています。version を上げてください。",
            "another document with this name and version is activated already; raise the version.",
        )
    elif counting and policy.effective and policy.effective < counting.effective:
        yield (
            f"施行中の版の施行日({counting.effective})の方が新しいので、この版は使われません。effective を直してください。",
            f"the version in force is of a later date ({counting.effective}); this one would never count.",
        )


def _entered(settings: "Settings", shelf: Any, policy: "Policy", written: bytes, by: str) -> "Version":
    """Noted, and then on the list. Raises OSError, PolicyError."""
    from proxy.office.policy_versions import Version, moment_of

    assert policy.author and policy.approver and policy.officer and policy.deputy
    assert policy.effective and policy.review
    version = Version(
        digest=policy.digest,
        name=policy.name,
        version=policy.version,
        author=policy.author,
        approver=policy.approver,
        officer=policy.officer,
        deputy=policy.deputy,
        effective=policy.effective,
        review=policy.review,
        activated_at=moment_of(datetime.now(UTC)),
        by=by,
    )
    plain = version.plain()
    told = {
        key: plain[key] for key in ("name", "version", "digest", "author", "approver", "officer", "deputy")
    }
    told |= {"effective": plain["effective"], "review": plain["review"], "ordered_by": by}
    _note(settings, "policy.activated", told | {"document": dict(policy.data)})
    shelf.enter(version, policy, written)
    return version


def _note(settings: "Settings", event: str, facts: dict[str, Any]) -> None:
    """No record, no change: ends the command where it cannot be noted."""
    from audit.model import CannotRecord
    from proxy.office.noting import note

    try:
        note(settings, event, facts)
    except (CannotRecord, OSError, ValueError):
        stop("台帳に書けないため変更しませんでした / the ledger cannot be written, so nothing was changed")


def _settings() -> "Settings":
    from proxy.evidence import has_own_key
    from proxy.home import prepare
    from proxy.settings import BadSettings, read

    try:
        settings = read()
        prepare(settings.home, own_key=has_own_key(settings))
        return settings
    except BadSettings as error:
        stop(str(error))
    except OSError as error:
        stop(f"{error.filename}: 読み書きできません / cannot be used: {error.strerror}")


def _refuse(wrong: list[Sentence], as_json: bool) -> NoReturn:
    if as_json:
        _print({"ok": False, "complaints": [{"ja": ja, "en": en} for ja, en in wrong]})
    else:
        for ja, en in wrong:
            typer.echo(f"{ja} / {en}")
    raise typer.Exit(1)


def _print(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
