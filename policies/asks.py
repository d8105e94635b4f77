"""An ask as people and programs write it down: in test files (YAML) and for ``policy explain`` (JSON).

Checks the shape only. Whether a value is known is for decide.py to say, so that a strange value can be tried.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field

from policies.complaints import Complaint, PolicyError, Words
from policies.days import day_of
from policies.document import Document
from policies.model import Ask, ConfidentialityClass, EntityFact
from policies.schema import Strict, wrong
from policies.vocabulary import (
    ACTORS,
    ATTACHMENTS,
    AUDIENCES,
    CATEGORIES,
    CLASSES,
    DIALECTS,
    ENTITY_TYPES,
    EVIDENCE,
    FACT_WORDS,
    IDENTITIES,
    QUOTAS,
    ROLES,
    TIERS,
)


def _moment(value: Any) -> Any:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            day_of(moment)  # the first and the last hours of the calendar lie on no day in Japan
        return moment
    except (TypeError, ValueError, OverflowError):
        words = Words(
            "時刻は 2026-04-01T09:00:00+09:00 の形で書きます。",
            "write the time as 2026-04-01T09:00:00+09:00.",
        )
        raise wrong(words) from None


class FactForm(Strict):
    """``{type: PERSON, evidence: context, count: 2}``; evidence and count may be left out."""

    type: str
    evidence: str = "pattern"
    count: int = 1


class AskForm(Strict):
    """An ask as JSON: the fields of policies.model.Ask, the declared class being called ``class``."""

    person: str
    department: str
    section: str
    actor: str
    identity: str
    tool: str
    enrolled: bool
    trained: bool
    acknowledged: bool
    dialect: str
    model: str
    destination: str
    category: str
    class_: str | None = Field(default=None, alias="class")
    entities: list[FactForm] = Field(default_factory=list)
    characters: int = 0
    role: str = "staff_member"
    address: str | None = None
    consented: bool = False
    audience: str = "staff"
    use_case: str | None = None
    persons: int | None = None
    pairs: int = 0
    words: list[str] = Field(default_factory=list)
    attachments: list[str] = Field(default_factory=list)
    tools: list[str] = Field(default_factory=list)
    tools_unnamed: int = 0
    quota: str = "unlimited"
    purpose: bool = True
    at: Annotated[datetime, BeforeValidator(_moment)] = Field(default_factory=lambda: datetime.now(UTC))


def ask_of(document: Document) -> Ask:
    """The ask in a document. Raises PolicyError when its shape is wrong.

    Without ``persons``, as many are taken as facts of type PERSON count.
    """
    form = document.checked(AskForm, {})
    facts = tuple(EntityFact(fact.type, fact.evidence, fact.count) for fact in form.entities)
    plain: dict[str, Any] = form.model_dump(exclude={"class_", "entities", "persons"})
    for name in ("words", "attachments", "tools"):
        plain[name] = tuple(plain[name])
    persons = sum(fact.count for fact in facts if fact.type == "PERSON" and fact.evidence != "repeat")
    # strange values travel on to decide(), which refuses them; a Literal holds only for the type checker
    return Ask(
        **plain,
        declared_class=cast(ConfidentialityClass | None, form.class_),
        entities=facts,
        persons=persons if form.persons is None else form.persons,
    )


def ask_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of an ask, with what each value may be and what it is called in Japanese."""
    schema = AskForm.model_json_schema(by_alias=True)
    shapes = {**schema["properties"], **{f"entities.{k}": v for k, v in _fact_shape(schema).items()}}
    for name, known in _KNOWN.items():
        shape = shapes[name]
        shape.get("items", shape)["enum"] = [*known, None] if name == "class" else list(known)
    for name, word in FACT_WORDS.items():
        if name in shapes:
            shapes[name]["description"] = word
    return schema


def _fact_shape(schema: Mapping[str, Any]) -> dict[str, Any]:
    shape: dict[str, Any] = schema["$defs"][FactForm.__name__]["properties"]
    return shape


_KNOWN: Mapping[str, Sequence[str]] = {
    "actor": ACTORS,
    "role": ROLES,
    "identity": IDENTITIES,
    "audience": AUDIENCES,
    "dialect": DIALECTS,
    "destination": TIERS,
    "category": CATEGORIES,
    "class": CLASSES,
    "attachments": ATTACHMENTS,
    "quota": QUOTAS,
    "entities.type": ENTITY_TYPES,
    "entities.evidence": EVIDENCE,
}
"""What `check` in decide.py knows of each fact."""


def ask_from_json(text: str, file: str) -> Ask:
    """The ask in a JSON text; ``declared_class`` is understood as ``class``. Raises PolicyError."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        ja, en = "JSON として読めません。括弧と引用符を確かめてください。", "this is not JSON; check it."
        raise PolicyError([Complaint(file, line, ja, en)]) from None
    if isinstance(data, Mapping) and "declared_class" in data and "class" not in data:
        data = {("class" if key == "declared_class" else key): value for key, value in data.items()}
    return ask_of(Document(file, data, {}))
