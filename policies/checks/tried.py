"""What the tests beside a policy never tried."""

from collections.abc import Iterator

from policies.checks.remarks import Checked, Remark
from policies.checks.rules import every
from policies.checks.tables import named
from policies.coverage import Coverage, RuleTried
from policies.document import Place


def without_tests(checked: Checked, tests: str) -> Remark:
    """There is no file of tests at all."""
    return checked.remark(
        (),
        "warning",
        "no-tests",
        (f"試験のファイル {tests} がありません。", f"there is no file of tests, {tests}."),
        ("規則ごとに、当てはまる例と当てはまらない例を書いてください。", "Write examples for each rule, and counter-examples."),
    )  # fmt: skip


def of_tests(checked: Checked, coverage: Coverage) -> Iterator[Remark]:
    """Rules, cells and words that no test has made match, and rules that none has made not match."""
    tried = {**coverage.rules, **coverage.tables, **coverage.raises}
    for place, ruled in every(checked):
        yield from _untried(checked, place, tried[ruled.id])
    for i, table in enumerate(checked.policy.tables):
        cells = [cell for cell, count in coverage.cells[table.id].items() if not count]
        if cells and coverage.tables[table.id].tried.true:
            yield checked.remark(
                ("tables", i, "cells"),
                "warning",
                "cells-untested",
                (
                    f"どの試験も通らないマスがあります: {named(cells, '、')}。",
                    f"no test falls into the cells {named(cells, ', ')}.",
                ),
                ("そのマスに当たる試験を足してください。", "Add tests that fall into them."),
            )
    for i, words in enumerate(checked.policy.word_lists):
        if not coverage.words[words.id].true:
            yield checked.remark(
                ("words", i),
                "warning",
                "words-untested",
                (
                    f"言葉の一覧 {words.id} が見つかる文(text)の試験がありません。",
                    f"no test has a text in which the word list {words.id} is found.",
                ),
                ("text: のある試験を足してください。", "Add a test with a text."),
            )


def _untried(checked: Checked, place: Place, tried: RuleTried) -> Iterator[Remark]:
    if not tried.tried.true:
        said = f"{tried.id} が当てはまる試験がありません。", f"no test makes {tried.id} match."
        yield checked.remark(place, "warning", "untested", said, ("足してください。", "Add one."))
    elif not tried.tried.false and not tried.always:
        said = f"{tried.id} が当てはまらない試験がありません。", f"no test makes {tried.id} not match."
        yield checked.remark(place, "warning", "untested", said, ("足してください。", "Add one."))
