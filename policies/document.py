"""A file as plain values that still know their lines, and the check of its shape.

Reads nothing itself (files.py does). Turns what pydantic found wrong into complaints that people can use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from policies import complaints as say
from policies.complaints import Complaint, PolicyError, Words
from policies.vocabulary import FACT_WORDS

Place = tuple[str | int, ...]
"""Where in a file: ``("rules", 0, "when", "class")``."""

Form = TypeVar("Form", bound=BaseModel)
KEY = Words("項目", "key")


@dataclass(frozen=True, slots=True)
class Document:
    """A file as plain values, and the line (from 1) of every key and list item.

    ``lines[("rules", 0, "gate")] == 14``; ``lines[()]`` is the first line of the contents.
    ``lines`` may be empty (JSON): complaints then have no line.
    """

    file: str
    data: Any
    lines: Mapping[Place, int]

    def complaint(self, place: Sequence[str | int], words: Words) -> Complaint:
        """A complaint at the nearest place that exists: a missing key is told at what lacks it.

        What pydantic adds to a place, the kind of value it took something for, stands in no file and is passed over.
        """
        at: Place = ()
        for key in place:
            at = (*at, key) if (*at, key) in self.lines else at
        return Complaint(self.file, self.lines.get(at), words.ja, words.en)

    def checked(self, form: type[Form], context: Mapping[str, Any]) -> Form:
        """The document in its form. Raises PolicyError with a complaint for each thing that does not fit."""
        try:
            return form.model_validate(self.data, context=dict(context))
        except ValidationError as error:
            found = error.errors(include_url=False)
        raise PolicyError(self.complaint(one["loc"], _words(form, one)) for one in found)


def known_keys(form: type[BaseModel], place: Sequence[str | int]) -> tuple[str, ...]:
    """The keys that exist at a place: ``known_keys(PolicyForm, ("rules", 3))`` are those of a rule."""
    for key in place:
        if isinstance(key, str):
            inner = next((f for name, f in form.model_fields.items() if (f.alias or name) == key), None)
            form = _form_in(inner.annotation if inner else None) or form
    return tuple(f.alias or name for name, f in form.model_fields.items())


def _form_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_form_in(part) for part in getattr(annotation, "__args__", ()))
    return next((form for form in found if form), None)


def _words(form: type[BaseModel], error: ErrorDetails) -> Words:
    kind, place = error["type"], error["loc"]
    if kind == "said":
        return Words(error["ctx"]["ja"], error["ctx"]["en"])
    if kind == "missing":
        return say.missing(place[-1])
    if kind == "extra_forbidden":
        return say.unknown(KEY, place[-1], known_keys(form, place[:-1]), FACT_WORDS)
    if kind == "string_type" and isinstance(error["input"], str | int | float):
        return say.unquoted(error["input"])
    plain = PLAIN.get(kind)
    return plain() if plain else Words(f"この値は使えません({kind})。", f"{error['msg']}.")


PLAIN = {
    "string_type": say.not_text,
    "bool_type": say.not_boolean,
    "int_type": say.not_number,
    "greater_than_equal": say.not_number,
    "model_type": say.not_mapping,
    "model_attributes_type": say.not_mapping,
    "dict_type": say.not_mapping,
    "list_type": say.not_list,
    "too_short": say.empty_list,
}
"""What pydantic calls its errors, and what is said for each."""
