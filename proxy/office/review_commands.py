"""`sekisho people review …`: each quarter somebody else says of everybody who may use AI: keep, or revoke.

Exit status: 0 done, 1 a list with faults or nobody left to decide, 2 it could not be done.
"""

from typing import Annotated

import typer

from proxy import printing
from proxy.failing import stop
from proxy.office import files_told
from proxy.office.desk import at_the_desk
from proxy.office.files_told import DryRun, File, To

app = typer.Typer(no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="JSONで出力 / As JSON.")]
Review = Annotated[str, typer.Argument(metavar="REVIEW", help="棚卸番号 / Number of the review.")]


@app.command("begin")
def begin(
    section: Annotated[str | None, typer.Option(help="この課(*と?可) / This section.")] = None,
    every: Annotated[bool, typer.Option("--all", help="すべての課 / Every section.")] = False,
    as_json: AsJson = False,
) -> None:
    """棚卸しを始める / Begin a review of one section or of all."""
    from proxy.office import reviews
    from proxy.office.enrolment import today

    if (section is None) != every:
        stop("--section か --all のどちらか一つを指定してください / give either --section or --all")
    with at_the_desk() as desk:
        id, rows = reviews.begin(desk, section, today())
    sections = len({row.unit for row in rows})
    if as_json:
        printing.json_line({"review": id, "sections": sections, "persons": len(rows)})
        return
    typer.echo(f"{id}: {sections}課 {len(rows)}人 / {sections} sections, {len(rows)} persons")
    typer.echo(
        f"一覧を書き出して、各課で「継続」か「取消」を決めてもらってください / next:"
        f" sekisho people review export {id} --to 棚卸し.csv"
    )


@app.command("export")
def export(
    review: Review,
    section: Annotated[str | None, typer.Option(help="この課だけ(*と?可) / This section only.")] = None,
    to: To = None,
) -> None:
    """棚卸しの一覧をExcelで開けるCSVにする / The list to decide, as CSV that Excel opens."""
    from policies.names import any_name
    from proxy.office.reviews import ReviewBook, listed

    named = any_name([section or "*"])
    with at_the_desk() as desk:
        book = ReviewBook(desk.office)
        rows = [row for row in book.rows(review) if row.decision is None and named(row.section)]
        pages = {page.person.id: page for page in desk.people.pages(row.person for row in rows)}
        raw = listed(rows, pages, book.keys_in_force())
    if not rows:
        typer.echo(
            "sekisho: その棚卸しに、決めていない人はいません(一覧: sekisho people review list)"
            " / nobody of that review is left to decide",
            err=True,
        )
        raise typer.Exit(1)
    files_told.write(to, raw, len(rows))


@app.command("apply")
def apply(
    file: File,
    by: Annotated[
        str,
        typer.Option(help="確認者の職員番号(一覧の確認者が空の行) / Who decided, where a row does not say."),
    ],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """決めた一覧を反映する。取消の人は今日までで、個人のキーはすぐに使えなくなる / Do what the list decided."""
    from proxy.office import reviews
    from proxy.office.enrolment import today
    from proxy.office.people_shown import outcome

    raw, digest = files_told.read(file)
    with at_the_desk() as desk:
        rows = reviews.ReviewBook(desk.office).rows()
        pages = {page.person.id: page for page in desk.people.pages()}
        plan = reviews.decided(raw, rows, pages, by)
        done = not plan.faults and not dry_run
        if done:
            reviews.apply(desk, plan, digest, today())
    if as_json:
        printing.json_line(outcome(done, plan.counts, plan.faults))
    else:
        files_told.tell_faults(plan.faults)
        if not plan.faults:
            counts = plan.counts
            typer.echo(
                f"継続 {counts['keep']}人、取消 {counts['revoke']}人"
                f" / {counts['keep']} kept, {counts['revoke']} revoked"
            )
            files_told.tell_done(done)
    if plan.faults:
        raise typer.Exit(1)


@app.command("list")
def list_sections(as_json: AsJson = False) -> None:
    """課ごとの前回の棚卸しと期限 / When each section was reviewed last, and which are overdue."""
    from proxy.office.enrolment import today
    from proxy.office.people_shown import plain
    from proxy.office.reviews import ReviewBook, standings

    with at_the_desk() as desk:
        found = standings(desk.people.pages(), ReviewBook(desk.office).rows(), today())
    overdue = sum(one.overdue for one in found)
    if as_json:
        sections = [plain(one) for one in found]
        printing.json_line({"sections": sections, "overdue": overdue})
        return
    printing.table(
        ("部 / Dept.", "課 / Section", "人数 / Persons", "前回 / Last", "期限 / Due", "状態 / State"),
        [
            (
                one.department,
                one.section,
                str(one.persons),
                one.last.isoformat() if one.last else "まだ / never",
                one.due.isoformat(),
                _state(one.overdue, one.open),
            )
            for one in found
        ],
    )
    typer.echo(f"期限を過ぎた課: {overdue} / sections overdue: {overdue}")


def _state(overdue: bool, open: str | None) -> str:
    words = [
        word for word, holds in (("期限切れ / overdue", overdue), (f"実施中 / open: {open}", open)) if holds
    ]
    return "、".join(words) or "済み / done"
