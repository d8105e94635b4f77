"""Tables: combinations that nobody decided, and tables that decide the same combination twice."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

from policies.checks.remarks import Checked, Remark
from policies.checks.rules import AXIS_VALUES, meet
from policies.document import Place
from policies.schema import SayForm
from policies.tables import Table

FEW = 6
"""So many cells are named; of more, the number."""


def of_tables(checked: Checked) -> Iterator[Remark]:
    """Everything that can be said of tables by their cells."""
    tables = checked.policy.tables
    for i, (table, form) in enumerate(zip(tables, checked.form.tables or (), strict=True)):
        yield from _missing(checked, ("tables", i, "cells"), table)
        yield from _unused(checked, ("tables", i), table, form.say)
    for (_, one), (j, other) in combinations(enumerate(tables), 2):
        yield from _overlap(checked, ("tables", j), one, other)


def _missing(checked: Checked, place: Place, table: Table) -> Iterator[Remark]:
    """A table of what was found only restricts, so that it may be silent; another one leaves a gap."""
    if table.rows == "entity":
        return
    columns: Sequence[str | None] = AXIS_VALUES[table.columns] if table.columns else (None,)
    cells = product(AXIS_VALUES[table.rows], columns)
    missing = [".".join(filter(None, (table.id, *cell))) for cell in cells if cell not in table.cells]
    if missing:
        yield checked.remark(
            place,
            "warning",
            "missing-cells",
            (
                f"表 {table.id} に書かれていないマスがあります: {named(missing, '、')}。",
                f"cells of table {table.id} are missing: {named(missing, ', ')}.",
            ),
            (
                'マスを足すか、この表では決めないなら none と書いてください("*" は残りの行・列すべて)。',
                'Add them, or write none where this table shall not decide ("*" is every other row or column).',
            ),
        )


def _unused(
    checked: Checked, place: Place, table: Table, said_of: Mapping[str, SayForm] | None
) -> Iterator[Remark]:
    """A sentence for cells that the row does not have is never shown; whoever changed the cell forgot it."""
    for row, said in (said_of or {}).items():
        parts = {part for cell in table.cells.values() if cell.row == row for part in cell.word.split("+")}
        for part in sorted(said.model_fields_set - parts):
            yield checked.remark(
                (*place, "say", row, part),
                "warning",
                "unused-sentence",
                (
                    f"表 {table.id} の行 {row} に {part} のマスがないので、この文は使われません。",
                    f"row {row} of table {table.id} has no cell '{part}', so this sentence is never shown.",
                ),
                ("文を消すか、マスに合わせて書き直してください。", "Remove it, or make it fit the cells."),
            )


def _overlap(checked: Checked, place: Place, one: Table, other: Table) -> Iterator[Remark]:
    if one.shadow or other.shadow or {one.rows, one.columns} != {other.rows, other.columns}:
        return
    if not meet(one, other) or not checked.own.possible((one.conditions, True), (other.conditions, True)):
        return
    turned = one.rows != other.rows
    both = [
        (cell, met)
        for (row, column), cell in one.cells.items()
        if (met := other.cells.get((column or "", row) if turned else (row, column))) is not None
        and cell.gate
        and met.gate
    ]
    differing = [met.hit.id for cell, met in both if cell.gate != met.gate]
    if both:
        told = f"{named(differing, '、')} は判定も違います" if differing else "判定は同じです"
        yield checked.remark(
            place,
            "warning",
            "tables-overlap",
            (
                f"表 {other.id} は、表 {one.id} と同じマスを決めています({told})。厳しいほうが効きます。",
                f"tables {other.id} and {one.id} decide the same cells"
                f" ({len(differing)} of {len(both)} differently); the stricter one counts.",
            ),
            (
                "一つの表にまとめるか、when で分けてください。",
                "Make one table of them, or tell them apart by 'when'.",
            ),
        )


def named(ids: Sequence[str], comma: str) -> str:
    """``T.1.D1, T.1.D2``; of many, the first few and how many more."""
    more = len(ids) - FEW
    return comma.join(ids[:FEW]) + (f" +{more}" if more > 0 else "")
