"""`sekisho people …`: who may use AI, where they belong, what they learnt and accepted.

Every change is noted in the ledger with who made it, before it is made. Exit status: 0 done, 1 something is wrong
with what was given (a file with faults, a list not decided), 2 it could not be done.
"""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxy import printing
from proxy.failing import stop
from proxy.office import files_told, review_commands
from proxy.office.desk import Desk, at_the_desk
from proxy.office.files_told import DryRun, File, To

if TYPE_CHECKING:
    from proxy.office.people_csv import Plan
    from proxy.office.roster import Needed, Page, Person

app = typer.Typer(no_args_is_help=True)
app.add_typer(
    review_commands.app,
    name="review",
    help="四半期ごとの棚卸し / The quarterly access review: keep or revoke, decided by somebody else.",
)

AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]
Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="職員番号、または機械の名前 / Staff id, or what a robot is called."),
]
Day = Annotated[str, typer.Option(metavar="2027-04-01")]

KINDS = ("staff", "contractor", "robot")


# ── one person ───────────────────────────────────────────────────────────────────────────────────


@app.command("add")
def add(
    id: Id,
    kind: Annotated[str, typer.Option(help="区分 staff, contractor, robot / Staff, contractor or robot.")],
    department: Annotated[str, typer.Option(help="部 / Department.")],
    section: Annotated[str, typer.Option(help="課 / Section.")],
    starts: Annotated[str, typer.Option(metavar="2027-04-01", help="使い始める日 / First day.")],
    ends: Annotated[
        str | None,
        typer.Option(metavar="2028-03-31", help="使える最後の日。委託先と機械には必要 / Last day."),
    ] = None,
    name: Annotated[str, typer.Option(help="氏名 / Name.")] = "",
    role: Annotated[str, typer.Option(help="役割 / Role.")] = "staff_member",
    owner: Annotated[
        str | None,
        typer.Option(
            help="責任者の職員番号。委託先と機械には必要 / Who answers for a contractor or a robot."
        ),
    ] = None,
    consented: Annotated[
        bool, typer.Option(help="委託先の利用に事前承諾がある / A contractor's use was consented to.")
    ] = False,
    approved_by: Annotated[
        str | None, typer.Option(help="承認した所属長の職員番号 / Staff id of the 所属長 who approved it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """利用登録を申し込む。所属長の承認で使えるようになる / Apply for somebody; it counts once it is approved."""
    from proxy.office.enrolment import enrol
    from proxy.office.people_shown import plain_page
    from proxy.office.roster import Person, Posting

    kind = _kind(kind)
    role = _role(role)
    first, last = _day("--starts", starts), None if ends is None else _day("--ends", ends)
    person = Person(id, kind, first, last, name.strip(), role, approved_by, consented=consented, owner=owner)  # type: ignore[arg-type]
    with at_the_desk() as desk:
        page = enrol(desk, person, Posting(first, department.strip(), section.strip()))
    if as_json:
        printing.json_line(plain_page(page))
        return
    typer.echo(f"{id} を登録しました / entered")
    if approved_by is None:
        typer.echo(
            f"次に、所属長の承認を入れてください / next, the approval: sekisho people approve {id} --by 所属長の職員番号"
        )
    _tell_next(id, person)


@app.command("approve")
def approve(
    id: Id,
    by: Annotated[
        str, typer.Option(help="承認した所属長の職員番号 / Staff id of the 所属長 who approves it.")
    ],
    as_json: AsJson = False,
) -> None:
    """利用登録を承認する(本人以外の所属長) / Approve an application; nobody approves their own."""
    from proxy.office import enrolment

    with at_the_desk() as desk:
        enrolment.approve(desk, id, by)
        page = enrolment.page_of(desk, id)
    _told(as_json, page, f"{id} の利用登録を承認しました / approved")
    if not as_json:
        _tell_next(id, page.person)


@app.command("end")
def end(
    id: Id,
    on: Annotated[str, typer.Option("--on", metavar="2028-03-31", help="使える最後の日 / Last day.")],
    as_json: AsJson = False,
) -> None:
    """利用を終える / End somebody's use; the day is the last one."""
    from proxy.office import enrolment

    day = _day("--on", on)
    with at_the_desk() as desk:
        enrolment.end(desk, id, day)
        page = enrolment.page_of(desk, id)
    _told(as_json, page, f"{id} が使えるのは {day} までです / the last day is {day}")


@app.command("transfer")
def transfer(
    id: Id,
    department: Annotated[str, typer.Option(help="異動先の部 / New department.")],
    section: Annotated[str, typer.Option(help="異動先の課 / New section.")],
    since: Annotated[str, typer.Option(metavar="2028-04-01", help="異動する日 / First day there.")],
    as_json: AsJson = False,
) -> None:
    """異動を登録する。前の所属は残る / Enter a transfer; where they belonged before is kept."""
    from proxy.office import enrolment
    from proxy.office.roster import Posting

    day = _day("--since", since)
    with at_the_desk() as desk:
        enrolment.transfer(desk, id, Posting(day, department.strip(), section.strip()))
        page = enrolment.page_of(desk, id)
    _told(as_json, page, f"{id} は {day} から {department} {section} です / transferred")


@app.command("train")
def train(
    id: Id,
    course: Annotated[str, typer.Option(help="研修 dx(DX人材育成), security(情報セキュリティ) / Course.")],
    on: Annotated[str, typer.Option("--on", metavar="2027-05-12", help="修了日 / Day of completion.")],
    fiscal_year: Annotated[
        int | None,
        typer.Option(help="どの年度の研修か。なければ修了日の年度 / For which fiscal year it counts."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """研修の修了を登録する / Enter a completed training."""
    from proxy.office import enrolment

    day = _day("--on", on)
    with at_the_desk() as desk:
        done = enrolment.train(desk, id, course, day, fiscal_year)
        page = enrolment.page_of(desk, id)
    _told(as_json, page, f"{id} の{_year(done.fiscal_year)}の研修({course})の修了を登録しました / entered")


@app.command("acknowledge")
def acknowledge(
    id: Id,
    rules: Annotated[
        str,
        typer.Option(help="同意した利用ルールの版。方針の rules_version / The version that was accepted."),
    ],
    as_json: AsJson = False,
) -> None:
    """利用ルールへの同意を登録する / Enter that somebody accepted a version of the rules."""
    from proxy.office import enrolment

    with at_the_desk() as desk:
        enrolment.acknowledge(desk, id, rules)
        page = enrolment.page_of(desk, id)
        needed = _needed(desk)
    _told(as_json, page, f"{id} が利用ルール {rules} に同意しました / accepted")
    if rules != needed.rules:
        typer.echo(
            f"sekisho: いまの方針が求める版は {needed.rules} です。版を確かめてください"
            f" / the policy in force asks for {needed.rules}",
            err=True,
        )


@app.command("role")
def role(
    id: Id,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="役割 / Role.")],
    as_json: AsJson = False,
) -> None:
    """役割を変える / Give somebody a role."""
    from proxy.office import enrolment

    role = _role(role)
    with at_the_desk() as desk:
        enrolment.assign(desk, id, role)
        page = enrolment.page_of(desk, id)
    _told(as_json, page, f"{id} の役割を {role} にしました / changed")


@app.command("show")
def show(id: Id, as_json: AsJson = False) -> None:
    """一人の登録・所属・研修・同意と、足りないもの / Everything about one person, and what is missing."""
    from policies.vocabulary import COURSE_WORDS, ROLE_WORDS, VALUE_WORDS
    from proxy.office.enrolment import page_of, today
    from proxy.office.people_shown import plain_page

    with at_the_desk() as desk:
        page, needed = page_of(desk, id), _needed(desk)
    missing = _missing(page, today(), needed)
    if as_json:
        printing.json_line(plain_page(page) | {"may_use": not missing, "missing": [ja for ja, _ in missing]})
        return
    person = page.person
    typer.echo(f"{person.id}  {person.name}".rstrip())
    typer.echo(f"  区分 / Kind        {VALUE_WORDS[person.kind]}・{ROLE_WORDS.get(person.role, person.role)}")
    typer.echo(f"  期間 / Dates       {_dates(person)}")
    typer.echo(f"  承認 / Approved    {person.approved_by or 'まだ / not yet'}")
    if person.owner or person.kind != "staff":
        typer.echo(f"  責任者 / Owner     {person.owner or 'なし / nobody'}")
    for one in page.postings:
        typer.echo(f"  所属 / Section     {one.since}から {one.department} {one.section}")
    for done in sorted(page.trainings, key=lambda one: (one.fiscal_year, one.course)):
        word = COURSE_WORDS.get(done.course, done.course)
        typer.echo(f"  研修 / Training    {_year(done.fiscal_year)} {word} ({done.completed_on})")
    for version in page.acknowledged:
        typer.echo(f"  同意 / Accepted    利用ルール {version}")
    typer.echo("")
    if not missing:
        typer.echo("今日、AIを使えます / may use AI today")
    for ja, en in missing:
        typer.echo(f"足りないもの: {ja} / missing: {en}")


@app.command("list")
def list_people(
    section: Annotated[str | None, typer.Option(help="この課だけ(*と?可) / This section only.")] = None,
    on: Annotated[
        str | None, typer.Option(metavar="2027-05-01", help="この日の状態。なければ今日 / On this day.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="staff, contractor, robot")] = None,
    as_json: AsJson = False,
) -> None:
    """利用者の一覧。終わった人は出ない / Who is in the book on a day; whoever had ended is left out."""
    from policies.names import any_name
    from policies.vocabulary import VALUE_WORDS
    from proxy.office.enrolment import today
    from proxy.office.roster import standing

    wanted = None if kind is None else _kind(kind)
    day = today() if on is None else _day("--on", on)
    named = any_name([section or "*"])
    with at_the_desk() as desk:
        pages, needed = list(desk.people.pages()), _needed(desk)
    listed: list[dict[str, Any]] = []
    for page in pages:
        person, posting = page.person, page.posting(day)
        if (person.ends is not None and person.ends < day) or (wanted and person.kind != wanted):
            continue
        if not named(posting.section if posting else ""):
            continue
        now = standing(page, day, needed)
        listed.append(
            {
                "id": person.id,
                "name": person.name,
                "kind": person.kind,
                "role": person.role,
                "department": now.department,
                "section": now.section,
                "starts": person.starts.isoformat(),
                "ends": person.ends.isoformat() if person.ends else None,
                "approved": person.approved_by is not None,
                "enrolled": now.enrolled,
                "trained": now.trained,
                "acknowledged": now.acknowledged,
            }
        )
    enrolled = [one["kind"] for one in listed if one["enrolled"]]
    totals = {
        "users": sum(kind != "robot" for kind in enrolled),
        "robots": sum(kind == "robot" for kind in enrolled),
        "waiting": sum(not one["approved"] for one in listed),
    }
    if as_json:
        printing.json_line({"on": day.isoformat(), "people": listed, "totals": totals})
        return
    heads = ("ID", "氏名 / Name", "区分 / Kind", "部 / Dept.", "課 / Section", "期間 / Dates", "状態 / State")
    printing.table(
        heads,
        [
            (
                one["id"],
                one["name"],
                VALUE_WORDS[one["kind"]],
                one["department"] or "",
                one["section"] or "",
                f"{one['starts']} – {one['ends'] or ''}",
                _state(one, day),
            )
            for one in listed
        ],
    )
    typer.echo(
        f"{day}: 利用者 {totals['users']}人、機械 {totals['robots']}台、承認待ち {totals['waiting']}件"
        f" / {totals['users']} users, {totals['robots']} robots, {totals['waiting']} waiting for approval"
    )


# ── files ────────────────────────────────────────────────────────────────────────────────────────


@app.command("import")
def import_people(file: File, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """利用者のCSVを読み込む。まちがいが一つでもあれば何も変えない / Bring in people: the whole file or nothing."""
    from proxy.office.enrolment import bring_in, today
    from proxy.office.people_csv import plan_of
    from proxy.office.people_shown import planned

    raw, digest = files_told.read(file)
    with at_the_desk() as desk:
        plan = plan_of(raw, {page.person.id: page for page in desk.people.pages()}, today())
        done = not plan.faults and not dry_run
        if done:
            bring_in(desk, plan, digest)
    if as_json:
        printing.json_line(planned(done, plan))
    else:
        _tell_plan(plan, done)
    if plan.faults:
        raise typer.Exit(1)


@app.command("import-trainings")
def import_trainings(file: File, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """研修の修了者のCSVを読み込む / Bring in completed trainings: the whole file or nothing."""
    from proxy.office.enrolment import bring_in_trainings, today
    from proxy.office.people_csv import trainings_of
    from proxy.office.people_shown import outcome

    raw, digest = files_told.read(file)
    with at_the_desk() as desk:
        plan = trainings_of(raw, {page.person.id: page for page in desk.people.pages()}, today())
        done = not plan.faults and not dry_run
        if done:
            bring_in_trainings(desk, plan, digest)
    counts = {"new": len(plan.new), "known": plan.known}
    if as_json:
        printing.json_line(outcome(done, counts, plan.faults))
    else:
        files_told.tell_faults(plan.faults)
        if not plan.faults:
            typer.echo(
                f"新しい修了 {counts['new']}件、登録済み {counts['known']}件"
                f" / {counts['new']} new, {counts['known']} known"
            )
            files_told.tell_done(done)
    if plan.faults:
        raise typer.Exit(1)


@app.command("export")
def export(to: To = None, as_json: AsJson = False) -> None:
    """利用者の帳簿をExcelで開けるCSVにする。直して import で戻せる / The book as CSV that Excel opens and `import` reads."""
    from proxy.office.people_csv import written
    from proxy.office.people_shown import plain_page

    with at_the_desk() as desk:
        pages = list(desk.people.pages())
    if as_json:
        printing.json_line([plain_page(page) for page in pages])
        return
    files_told.write(to, written(pages), len(pages))


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


def _missing(page: "Page", on: date, needed: "Needed") -> list[tuple[str, str]]:
    """What somebody lacks on a day to use AI, and how it is got."""
    from policies.vocabulary import COURSE_WORDS
    from proxy.office.roster import completed, fiscal_year, standing

    person, now = page.person, standing(page, on, needed)
    missing = []
    if person.approved_by is None:
        missing.append(
            (
                f"所属長の承認(sekisho people approve {person.id} --by 所属長の職員番号)",
                f"the approval of the 所属長 (sekisho people approve {person.id} --by …)",
            )
        )
    elif not now.enrolled:
        missing.append(
            (
                f"期間({_dates(person)})の外です。続けるときは、期間を直して利用登録をやり直してください",
                f"today is outside {_dates(person)}; enrol them anew to go on",
            )
        )
    if not now.trained:
        for course in needed.courses:
            if not completed(page.trainings, course, on, needed):
                missing.append(
                    (
                        f"{_year(fiscal_year(on))}の{COURSE_WORDS.get(course, course)}"
                        f"(sekisho people train {person.id} --course {course} --on 修了日)",
                        f"training {course} for fiscal year {fiscal_year(on)}",
                    )
                )
    if not now.acknowledged:
        missing.append(
            (
                f"利用ルール {needed.rules} への同意(sekisho people acknowledge {person.id} --rules {needed.rules})",
                f"acceptance of the rules {needed.rules}",
            )
        )
    return missing


def _state(one: dict[str, Any], day: date) -> str:
    if not one["approved"]:
        return "承認待ち / applied for"
    if one["starts"] > day.isoformat():
        return "開始前 / later"
    lacks = [word for word, name in (("研修", "trained"), ("同意", "acknowledged")) if not one[name]]
    return f"{'・'.join(lacks)}がまだ / not yet" if lacks else "使えます / may use"


def _dates(person: "Person") -> str:
    return f"{person.starts} – {person.ends or ''}".rstrip()


def _year(year: int) -> str:
    """``令和9年度`` for 2027."""
    return f"令和{year - 2018}年度" if year >= 2019 else f"{year}年度"


_WHAT = {
    "new": "新しい登録", "returned": "ふたたび登録", "renewed": "更新", "transferred": "異動", "changed": "変更",
    "ended": "終了", "unchanged": "変更なし",
}  # fmt: skip


def _tell_plan(plan: "Plan", done: bool) -> None:
    from proxy.office.people_csv import PEOPLE

    files_told.tell_faults(plan.faults)
    if plan.faults:
        return
    rows = []
    for one in plan.changes:
        if one.what == ("unchanged",):
            continue
        details = [PEOPLE[name] for name in one.fields]
        if one.posting is not None and one.before is not None:
            details.append(f"{one.posting.department} {one.posting.section}({one.posting.since}から)")
        rows.append((str(one.row), one.id, "・".join(_WHAT[word] for word in one.what), "、".join(details)))
    if rows:
        printing.table(("行 / Row", "ID", "変わること / Change", "内容 / Details"), rows)
    _tell_remarks(plan)
    counts = plan.counts
    typer.echo("、".join(f"{_WHAT[word]} {counts[word]}件" for word in counts if counts[word]))
    files_told.tell_done(done)


def _tell_remarks(plan: "Plan") -> None:
    """What is not taken over out of which rows, and how it is changed; nothing where everything is."""
    heads = ("行 / Rows", "列 / Column", "お知らせ / Remark", "直すとき / To change it")
    rows = [
        (
            _some(one.rows),
            one.column,
            f"{one.says.ja} / {one.says.en}",
            f"{one.remedy.ja} / {one.remedy.en}",
        )
        for one in plan.remarks
    ]
    if rows:
        printing.table(heads, rows)


def _some(rows: Sequence[int], most: int = 10) -> str:
    """``2, 3, 5``; of many rows the first and how many they are."""
    listed = ", ".join(map(str, rows[:most]))
    return listed if len(rows) <= most else f"{listed} … ({len(rows)}行 / rows)"


def _told(as_json: bool, page: "Page", sentence: str) -> None:
    from proxy.office.people_shown import plain_page

    if as_json:
        printing.json_line(plain_page(page))
    else:
        typer.echo(sentence)


def _tell_next(id: str, person: "Person") -> None:
    if person.kind != "robot":
        typer.echo(
            f"研修と利用ルールへの同意がまだなら、それも要ります。足りないもの: sekisho people show {id}"
            " / training and acceptance of the rules are needed, too"
        )


# ── what is given ────────────────────────────────────────────────────────────────────────────────


def _day(option: str, text: str) -> date:
    from proxy.office.people_csv import day_in

    day = day_in(text)
    if day is None:
        stop(f"{option} は 2027-04-01 の形です / {option} is a date such as 2027-04-01")
    return day


def _kind(text: str) -> str:
    if text not in KINDS:
        stop(f"--kind は次のどれかです / must be one of: {', '.join(KINDS)}")
    return text


def _role(text: str) -> str:
    """The code of a role; its Japanese word is accepted as well."""
    from policies.vocabulary import ROLE_WORDS

    code = {word: code for code, word in ROLE_WORDS.items()}.get(text, text)
    if code not in ROLE_WORDS:
        listed = ", ".join(f"{code}({word})" for code, word in ROLE_WORDS.items())
        stop(f"役割は次のどれかです / a role is one of: {listed}")
    return code


def _needed(desk: Desk) -> "Needed":
    """What the policy in force asks of people."""
    from policies.complaints import PolicyError
    from proxy.office.roster import needed_by
    from proxy.rulebook import policy_of

    try:
        return needed_by(policy_of(desk.settings))
    except (PolicyError, ValueError) as error:
        stop(str(error))
