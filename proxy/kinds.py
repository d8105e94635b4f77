"""The words that the tables of fields.py are written in: what a field may hold, and what becomes of it.

A table is written in the shape of the JSON it speaks of::

    {"messages": [{"role": WORD, "content": Either(TEXT, [OneOf({"text": {"type": WORD, "text": TEXT}})])}]}

In a request
    TEXT      a string: masked
    WHOLE     a string, or a list of them that have nothing to do with each other: as TEXT, one by one
    JSON      a string that holds JSON (tool-call arguments): every string inside it masked, escaped anew
    DEEP      any JSON: every string and every key in it masked
    WORD      a short ASCII word that names a thing (role, type): goes as it is, refused if anything is found in it
    FREE      numbers, true, false: go as they are, refused if anything is found in a number's digits
    ID        a name that a program gave to a call or an item, goes back as it came; any other text in it: as TEXT
    SEALED    what only its maker can read (a signature, encrypted reasoning): goes back as it came, if it is base64
    ORIGINAL  base64 of an image, sound or a file, or a web address: cannot be masked; goes only where a rule reveals
              ATTACHMENT; refused if anything is found in the address
    REFUSED   this round does not carry it; null, false, [] and {} pass as absent

In a reply
    TEXT      a whole string: restored
    JSON      a whole string of JSON: restored, values escaped
    PIECE     a piece of running text; more of it may come with the next event
    SCRIPT    a piece of running JSON
    DEEP      any JSON: every string and every key restored
    ID        restored, but not searched for what the model says of its own accord
    COUNTS    numbers under their names, one in the other; nothing else of it is handed on
    WORD FREE SEALED VECTOR   as they are
    DROPPED   never handed on (log probabilities, padding)

Knows no dialect. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final


class Kind(str):
    """A leaf of a table."""

    __slots__ = ()


TEXT: Final = Kind("text")
WHOLE: Final = Kind("whole")
JSON: Final = Kind("json")
DEEP: Final = Kind("deep")
WORD: Final = Kind("word")
FREE: Final = Kind("free")
ID: Final = Kind("id")
SEALED: Final = Kind("sealed")
ORIGINAL: Final = Kind("original")
REFUSED: Final = Kind("refused")

PIECE: Final = Kind("piece")
SCRIPT: Final = Kind("script")
VECTOR: Final = Kind("vector")
COUNTS: Final = Kind("counts")
DROPPED: Final = Kind("dropped")

KEY: Final = Kind("key")
VALUE: Final = Kind("value")
NUMBER: Final = Kind("number")
"""The keys, strings and numbers inside one DEEP or JSON field: what a visitor is shown of them."""


class OneOf:
    """An object whose member ``by`` says which of several shapes it has; ``default`` where it says nothing.

    Shapes that nobody listed are refused in a request and dropped from a reply.
    """

    __slots__ = ("by", "default", "shapes")

    def __init__(
        self, shapes: Mapping[str, "dict[str, Spec] | Kind"], by: str = "type", default: str | None = None
    ) -> None:
        self.shapes = shapes
        self.by = by
        self.default = default

    def of(self, value: Mapping[str, Any]) -> "dict[str, Spec] | Kind | None":
        """The shape of one object, or None."""
        said = value.get(self.by)
        name = self.default if said is None else said
        return self.shapes.get(name) if isinstance(name, str) else None


class Either:
    """A value of one of several JSON types: the first spec that fits its type counts."""

    __slots__ = ("specs",)

    def __init__(self, *specs: "Spec") -> None:
        self.specs = specs

    def of(self, value: Any) -> "Spec":
        """The spec for this value; the first one where none fits, so that it can say what is wrong."""
        return next((spec for spec in self.specs if _fits(spec, value)), self.specs[0])


Spec = Kind | dict[str, Any] | list[Any] | OneOf | Either


def _fits(spec: "Spec", value: Any) -> bool:
    if isinstance(spec, list):
        return isinstance(value, list)
    if isinstance(spec, dict | OneOf):
        return isinstance(value, dict)
    if isinstance(spec, Either):
        return any(_fits(inner, value) for inner in spec.specs)
    if spec is FREE:
        return isinstance(value, bool | int | float)
    return spec in (DEEP, REFUSED, VECTOR, COUNTS, DROPPED) or isinstance(value, str)
