"""Completeness: what the provider counted in a month, beside what the ledger recorded of that month.

A chain proves that nothing recorded was changed; it cannot prove that nothing went past the checkpoint. The
provider's own count of requests and tokens (its usage export, or the lines of its bill) can: what they counted
and we did not is use that nobody recorded. The table has one line per model::

    model,requests,input_tokens,output_tokens
    gpt-5-mini,1204,350122,98044

It reads; it never decides what a difference means, for providers count by their own clock and their own rules.
What was lost, or ended without the name of a model, cannot stand in any line: it is counted apart.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from audit import tables
from audit.months import Month
from audit.names import moment

COLUMNS = ("model", "requests", "input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True)
class Use:
    """Use of one model. ``tries``: requests sent, one or more per exchange. Tokens as the provider counts them.

    uncounted   exchanges whose tokens nobody told us: they are not in the two sums
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    tries: int = 0
    uncounted: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One model in both books; None where a book does not know it."""

    model: str
    ours: Use | None
    theirs: Use | None

    @property
    def went_past(self) -> bool:
        """Whether they counted more requests than we sent."""
        return (self.theirs or Use()).requests > (self.ours or Use()).tries

    @property
    def agrees(self) -> bool:
        """Whether they counted no request more than we sent, and, where we know all tokens, the same tokens."""
        ours, theirs = self.ours or Use(), self.theirs or Use()
        if not ours.requests <= theirs.requests <= ours.tries:
            return False
        same = (ours.input_tokens, ours.output_tokens) == (theirs.input_tokens, theirs.output_tokens)
        return same or bool(ours.uncounted)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Exchanges of the month that may have reached a provider, and that no line counts.

    lost      the checkpoint broke off: what became of them nobody knows
    unnamed   other endings of which the model that was asked last is not known
    """

    lost: int = 0
    unnamed: int = 0


def recorded(connection: tables.Connection, month: Month) -> tuple[dict[str, Use], Unplaced]:
    """What the ledger says of a month in Japan, by the model that was asked last. Nothing is held in memory."""
    records = tables.records
    found = tables.select(records.c.kind, records.c.body).where(records.c.turn == 2)
    found = found.where(records.c.at >= moment(month.first_moment()))
    found = found.where(records.c.at < moment(month.next().first_moment()))
    rows = connection.execution_options(yield_per=1000).execute(found)
    return _summed((row.kind, json.loads(row.body)) for row in rows)


def _summed(endings: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[dict[str, Use], Unplaced]:
    uses: dict[str, Use] = {}
    unplaced = Unplaced()
    for kind, ending in endings:
        if ending.get("egress_state") == "none":
            continue
        model = ending.get("model_asked")
        if kind == "lost":
            unplaced = replace(unplaced, lost=unplaced.lost + 1)
        elif model is None:
            unplaced = replace(unplaced, unnamed=unplaced.unnamed + 1)
        else:
            uses[model] = _with(uses.get(model, Use()), ending)
    return uses, unplaced


def _with(use: Use, ending: Mapping[str, Any]) -> Use:
    tokens = ending.get("tokens") or {"tokens_estimated": True}
    known = not tokens["tokens_estimated"]
    return replace(
        use,
        requests=use.requests + 1,
        tries=use.tries + max(1, ending.get("tries") or 1),
        input_tokens=use.input_tokens + (tokens["input"] if known else 0),
        output_tokens=use.output_tokens + (tokens["output"] if known else 0),
        uncounted=use.uncounted + (not known),
    )


def read_usage(text: str) -> dict[str, Use]:
    """The provider's table. A model may have several lines. Raises ValueError that names the line."""
    try:
        return _read_rows(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    except csv.Error as error:
        raise ValueError(f"CSVとして読めません / cannot be read as CSV: {error}") from None


def _read_rows(rows: "csv.DictReader[str]") -> dict[str, Use]:
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise ValueError(
            f"一行目に {', '.join(missing)} の列がありません / the first line lacks these columns"
        )
    uses: dict[str, Use] = {}
    for row in rows:
        try:
            model, *counts = (row[name] for name in COLUMNS)
            requests, given, made = (int(count.replace(",", "")) for count in counts)
            if not model or min(requests, given, made) < 0:
                raise ValueError
        except (ValueError, AttributeError):  # a short line has None where nothing stands
            raise ValueError(
                f"{rows.line_num} 行目が読めません(モデル名と、0以上の数が三つ要ります。ない数は 0 と書きます)"
                f" / line {rows.line_num} is not a model and three counts"
            ) from None
        use = uses.get(model, Use())
        uses[model] = Use(use.requests + requests, use.input_tokens + given, use.output_tokens + made)
    return uses


def compare(ours: Mapping[str, Use], theirs: Mapping[str, Use]) -> list[Line]:
    """Both books side by side, by model."""
    return [Line(model, ours.get(model), theirs.get(model)) for model in sorted({*ours, *theirs})]
