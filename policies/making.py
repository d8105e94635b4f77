"""A checked form made into a Policy: conditions compiled, tables laid out, names that refer to others looked up.

Pure. Complains, with lines, of what no single entry can know: ids that stand twice, words, zones, use cases
and rows that nobody listed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from policies import complaints as say
from policies.complaints import Complaint, PolicyError, Words
from policies.conditions import conditions_of, conjunction
from policies.days import Span
from policies.decide import Policy, Raise, Reveal, Rule, rehearsed
from policies.document import Document, Place
from policies.model import (
    CATEGORY_CODES,
    LABEL,
    Bilingual,
    ConfidentialityClass,
    Confirming,
    Consenter,
    DestinationTier,
    Effect,
    Gate,
    RuleHit,
    Service,
)
from policies.registry import NO_ZONE, Approval, Model, Models, Nature, Price, UseCase, Zones
from policies.schema import (
    CELL_WORDS,
    ConfirmingForm,
    ModelForm,
    PolicyForm,
    RaiseForm,
    RuleForm,
    SayForm,
    SentencePair,
    TableForm,
    TrainingsForm,
    UseCaseForm,
    When,
    WordListForm,
)
from policies.tables import Cell, Table
from policies.vocabulary import CATEGORIES, CLASSES, ENTITY_WORDS, EVIDENCE, EVIDENCE_WORDS, GATES, TIERS
from policies.words import Together, WordList

EVERY = "*"
"""In a table: every row, or every column, that is not written out."""


def policy_of(document: Document, form: PolicyForm, digest: str, entity_types: Sequence[str]) -> Policy:
    """The policy of a checked form. Raises PolicyError with every complaint found."""
    axes = {
        "class": CLASSES,
        "destination": TIERS,
        "category": CATEGORIES,
        "entity": tuple(entity_types),
        "evidence": EVIDENCE,
    }
    wrong = [*_repeated(document, form), *_unknown_names(document, form), *_wrong_cells(document, form, axes)]
    if wrong:
        raise PolicyError(wrong)
    trainings, confirming = form.trainings or TrainingsForm(), form.confirming or ConfirmingForm()
    return Policy(
        name=form.name,
        version=form.version,
        digest=digest,
        title=_bilingual(form.title),
        rules=tuple(map(_rule, form.rules)),
        entity_types=frozenset(entity_types),
        effective=form.effective,
        review=form.review,
        author=form.author,
        approver=form.approver,
        officer=form.accountable.officer if form.accountable else None,
        deputy=form.accountable.deputy if form.accountable else None,
        originals_days=form.originals.keep_days if form.originals else 0,
        tables=tuple(_table(table, axes) for table in form.tables or ()),
        raises=tuple(map(_raise, form.detected or ())),
        registered=form.models is not None,
        models=Models([_model(model) for model in form.models or ()]),
        use_cases={case.id: _use_case(case) for case in form.use_cases or ()},
        zones=Zones([(one.zone, network) for one in form.zones or () for network in one.networks]),
        closed_days=tuple(map(_span, form.closed_days or ())),
        word_lists=tuple(map(_word_list, form.words or ())),
        rules_version=form.rules_version or form.version,
        courses=tuple(trainings.courses),
        grace_days=trainings.grace_days,
        confirming=Confirming(confirming.minutes, confirming.remember_hours, confirming.deadline_hours),
        label=_bilingual(form.label) if form.label else LABEL,
        data=document.data,
    )


def _bilingual(form: SentencePair) -> Bilingual:
    return Bilingual(form.ja, form.en)


def _rule(form: RuleForm) -> Rule:
    conditions = conditions_of(form.when.model_dump(by_alias=True, exclude_unset=True))
    reveal = form.reveal
    return Rule(
        id=form.id,
        title=_bilingual(form.title),
        basis=form.basis,
        owner=form.owner,
        conditions=conditions,
        matches=conjunction(conditions),
        gate=form.gate,
        reveal=Reveal(frozenset(reveal.types), frozenset(reveal.destinations)) if reveal else None,
        notice=_bilingual(form.notice) if form.notice else None,
        remedy=_bilingual(form.remedy) if form.remedy else None,
        strict=form.search == "strict",
        alarm=bool(form.alarm),
        shadow=bool(form.shadow),
        valid_from=form.valid_from,
        valid_until=form.valid_until,
        risks=tuple(form.risk_refs or ()),
        consent=cast(Consenter, form.consent or "self"),
    )


def _raise(form: RaiseForm) -> Raise:
    conditions = conditions_of(form.when.model_dump(by_alias=True, exclude_unset=True))
    return Raise(
        id=form.id,
        to=cast(ConfidentialityClass, form.to),
        title=_bilingual(form.title),
        basis=form.basis,
        conditions=conditions,
        matches=conjunction(conditions),
    )


def _table(form: TableForm, axes: Mapping[str, Sequence[str]]) -> Table:
    conditions = conditions_of(
        form.when.model_dump(by_alias=True, exclude_unset=True) if form.when else {"always": True}
    )
    return Table(
        id=form.id,
        title=_bilingual(form.title),
        basis=form.basis,
        owner=form.owner,
        rows=form.rows,
        columns=form.columns,
        cells={(cell.row, cell.column): cell for cell in _cells(form, axes)},
        conditions=conditions,
        matches=conjunction(conditions),
        risks=tuple(form.risk_refs or ()),
        shadow=bool(form.shadow),
        valid_from=form.valid_from,
        valid_until=form.valid_until,
    )


def _cells(form: TableForm, axes: Mapping[str, Sequence[str]]) -> Iterator[Cell]:
    every = form.cells.get(EVERY)
    for row in axes[form.rows]:
        words = form.cells.get(row, every)
        if words is None:
            continue
        said = (form.say or {}).get(row, SayForm())
        for column in axes[form.columns] if form.columns else (None,):
            word = words if isinstance(words, str) else words.get(column or "", words.get(EVERY))
            if word is not None:
                yield _cell(form, said, row, column, word)


def _cell(form: TableForm, said: SayForm, row: str, column: str | None, word: str) -> Cell:
    parts = set(word.split("+"))
    gate = _gate_of(parts, form.rows)
    effects: list[Effect] = [gate] if gate else []
    if "notice" in parts:
        effects.append("notice")
    remedy = (said.confirm or form.confirm) if gate == "confirm" else (said.deny or form.deny)
    notice = said.notice or form.notice
    hit = RuleHit(
        id=".".join(filter(None, (form.id, row, column))),
        effects=rehearsed(effects) if form.shadow else tuple(effects),
        title=_cell_title(form, row, column, gate),
        remedy=_bilingual(remedy) if remedy and gate in ("confirm", "deny") else None,
        notice=_bilingual(notice) if notice and "notice" in parts else None,
        risks=tuple(form.risk_refs or ()),
    )
    return Cell(row, column, word, gate, hit)


def _gate_of(parts: set[str], rows: str) -> Gate | None:
    """The strongest gate that a cell says. ``mask`` is allow; a table of entities never allows."""
    said = {"allow" if part == "mask" else part for part in parts} & set(GATES)
    if rows == "entity":
        said -= {"allow"}
    return max(cast(set[Gate], said), key=GATES.index, default=None)


_GATE_JA = {"allow": "送れます", "confirm": "確認が要ります", "deny": "送れません", None: "一言そえます"}
_GATE_EN = {
    "allow": "may be sent",
    "confirm": "needs confirmation",
    "deny": "is not sent",
    None: "has a notice",
}


def _cell_title(form: TableForm, row: str, column: str | None, gate: Gate | None) -> Bilingual:
    """``機密性と送信先の表: 3C・D3 は送れません。``"""
    ja, en = (_called(value) for value in (row, column)), (value for value in (row, column) if value)
    return Bilingual(
        f"{form.title.ja}: {'・'.join(filter(None, ja))} は{_GATE_JA[gate]}。",
        f"{form.title.en}: {' at '.join(en)} {_GATE_EN[gate]}.",
    )


def _called(value: str | None) -> str:
    if value is None:
        return ""
    if value in CLASSES:
        return f"機密性{value}"
    return ENTITY_WORDS.get(value) or CATEGORY_CODES.get(value) or EVIDENCE_WORDS.get(value) or value


def _model(form: ModelForm) -> Model:
    prices = sorted(form.prices or (), key=lambda price: price.from_)
    return Model(
        name=form.name,
        title=_bilingual(form.title),
        service=cast(Service, form.service),
        destination=cast(DestinationTier, form.destination),
        no_training=form.no_training,
        recorded=form.recorded,
        regions=tuple(form.regions),
        contract=form.contract,
        sandbox=form.sandbox,
        valid_from=form.valid_from,
        valid_until=form.valid_until,
        tools=tuple(form.tools or ()),
        prices=tuple(Price(price.from_, price.input, price.output) for price in prices),
    )


def _use_case(form: UseCaseForm) -> UseCase:
    approval = form.approval
    return UseCase(
        id=form.id,
        title=_bilingual(form.title),
        owner=form.owner,
        audience=form.audience,  # type: ignore[arg-type]
        nature=cast(Nature, form.nature),
        confidential=form.confidential,
        human_judgement=form.human_judgement,
        high_risk=form.high_risk,
        assessment=form.assessment,
        approval=Approval(approval.by, approval.from_, approval.until) if approval else None,
    )


def _word_list(form: WordListForm) -> WordList:
    return WordList(
        id=form.id,
        title=_bilingual(form.title),
        owner=form.owner,
        until=form.until,
        terms=tuple(form.terms or ()),
        together=tuple(
            Together(tuple(map(tuple, one.groups)), one.within, one.in_order) for one in form.together or ()
        ),
        unless=tuple(form.unless or ()),
    )


def _span(text: str) -> Span:
    """``12-29..01-03`` is ``((12, 29), (1, 3))``."""
    first, last = (tuple(map(int, day.split("-"))) for day in text.split(".."))
    return cast(Span, (first, last))


def _repeated(document: Document, form: PolicyForm) -> Iterator[Complaint]:
    """Names that stand twice where one is needed."""
    first: dict[tuple[str, str], Place] = {}
    for kind, place, name in _names(form):
        at = first.setdefault((kind, name), place)
        if at != place:
            line = document.lines.get(at)
            words = Words(
                f"「{name}」は {line} 行目でも使われています。別の{kind}にしてください。",
                f"'{name}' is already used on line {line}; choose another.",
            )
            yield document.complaint(place, words)


def _names(form: PolicyForm) -> Iterator[tuple[str, Place, str]]:
    for key, i, one in _ruling(form):
        yield "番号", (key, i, "id"), one.id
    yield from (("番号", ("words", i, "id"), one.id) for i, one in enumerate(form.words or ()))
    yield from (("案件番号", ("use_cases", i, "id"), one.id) for i, one in enumerate(form.use_cases or ()))
    yield from (("名前", ("models", i, "name"), one.name) for i, one in enumerate(form.models or ()))


def _unknown_names(document: Document, form: PolicyForm) -> Iterator[Complaint]:
    """Words, zones and use cases that a ``when`` asks for and that the file does not list."""
    lists = tuple(one.id for one in form.words or ())
    zones = tuple(dict.fromkeys([*(one.zone for one in form.zones or ()), NO_ZONE]))
    cases = tuple(one.id for one in form.use_cases or ())
    for place, when in _whens(form):
        for key, what, wanted, known in (
            ("words", Words("言葉の一覧", "word list"), when.words, lists),
            ("zone", Words("区域", "zone"), when.zone, zones),
            ("use_case", Words("利用案件", "use case"), when.use_case and when.use_case.id, cases),
        ):
            for name in wanted or ():
                if name not in known:
                    yield document.complaint((*place, key), say.unknown(what, name, known, {}))


def _whens(form: PolicyForm) -> Iterator[tuple[Place, When]]:
    for key, i, one in _ruling(form):
        if one.when is not None:
            yield from _inner((key, i, "when"), one.when)


def _ruling(form: PolicyForm) -> Iterator[tuple[str, int, RuleForm | TableForm | RaiseForm]]:
    """Every entry that decides something, with the key and number of its place."""
    yield from (("rules", i, rule) for i, rule in enumerate(form.rules))
    yield from (("tables", i, table) for i, table in enumerate(form.tables or ()))
    yield from (("detected", i, one) for i, one in enumerate(form.detected or ()))


def _inner(place: Place, when: When) -> Iterator[tuple[Place, When]]:
    yield place, when
    if when.not_ is not None:
        yield from _inner((*place, "not"), when.not_)


def _wrong_cells(
    document: Document, form: PolicyForm, axes: Mapping[str, Sequence[str]]
) -> Iterator[Complaint]:
    """Rows and columns that do not exist, and cells whose sentence is missing."""
    for i, table in enumerate(form.tables or ()):
        place: Place = ("tables", i)
        if table.rows == "evidence" or (table.columns == "evidence" and table.rows != "entity"):
            words = Words(
                "evidence(根拠)は、rows: entity の表の columns にだけ使えます。",
                "evidence can only be the columns of a table whose rows are entity.",
            )
            yield document.complaint((*place, "columns"), words)
            continue
        if table.columns in ("entity", table.rows):
            words = Words(
                "columns には、rows と別の、entity 以外のものを書きます。",
                "columns must differ from rows and cannot be entity.",
            )
            yield document.complaint((*place, "columns"), words)
            continue
        yield from _unknown_places(document, table, place, axes)
        yield from _unsaid(document, table, place, axes)


def _unknown_places(
    document: Document, table: TableForm, place: Place, axes: Mapping[str, Sequence[str]]
) -> Iterator[Complaint]:
    words = {**ENTITY_WORDS, **CATEGORY_CODES}
    rows = (*axes[table.rows], EVERY)
    columns = (*axes[table.columns], EVERY) if table.columns else ()
    for row, cells in table.cells.items():
        if row not in rows:
            yield document.complaint(
                (*place, "cells", row), say.unknown(Words("行", "row"), row, rows, words)
            )
        if isinstance(cells, str):
            continue
        for column in cells:
            if column not in columns:
                what = say.unknown(Words("列", "column"), column, columns, words)
                yield document.complaint((*place, "cells", row, column), what)
    for row in table.say or {}:
        if row not in axes[table.rows]:
            told = ALL_ROWS if row == EVERY else say.unknown(Words("行", "row"), row, axes[table.rows], words)
            yield document.complaint((*place, "say", row), told)


ALL_ROWS = Words(
    "say には、文を変える行を一つずつ書きます。ほかのすべての行の文は、表の notice・confirm・deny に書いてください。",
    "say names single rows; the sentences of all other rows are the table's own notice, confirm and deny.",
)


def _unsaid(
    document: Document, table: TableForm, place: Place, axes: Mapping[str, Sequence[str]]
) -> Iterator[Complaint]:
    told: set[tuple[str, str]] = set()
    for cell in _cells(table, axes):
        missing: list[str] = [
            part for part in ("confirm", "deny") if cell.gate == part and cell.hit.remedy is None
        ]
        if "notice" in cell.word.split("+") and cell.hit.notice is None:
            missing.append("notice")
        for part in missing:
            if (cell.row, part) not in told:
                told.add((cell.row, part))
                words = Words(
                    f"「{part}」({CELL_WORDS[part]})のマスがあるのに、職員に見せる文がありません。"
                    f"表に「{part}: {{ja: …, en: …}}」を足してください。",
                    f"there is a cell '{part}', but no sentence for it; add '{part}: {{ja: …, en: …}}' to the table.",
                )
                yield document.complaint((*place, "cells", cell.row), words)
