"""What a file of the city lists by name, outlets and channels alike: each entry read by the form of its kind. Reads no file.

    outlets:                       channels:
      - {name: siem, kind: syslog, …}      - {name: csirt, kind: mail, …}

Every complaint has its line, and all of them are told at once.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator

from policies.complaints import Complaint, PolicyError, Words, missing, not_mapping, unknown
from policies.document import Document
from policies.schema import Strict, wrong
from proxy.settings import PREFIX


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", value):
        raise wrong(
            Words(
                f"名前「{value}」は使えません。英小文字・数字・「-」で40字までにしてください。",
                f"'{value}' is no name; use up to 40 small letters, digits and '-'.",
            )
        )
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", value) or value.startswith(PREFIX):
        raise wrong(
            Words(
                f"「{value}」は秘密を入れる環境変数の名前に使えません。{PREFIX} で始まらない、大文字の名前にしてください。",
                f"'{value}' cannot name the variable of a secret; use capitals, not beginning with {PREFIX}.",
            )
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
Variable = Annotated[str, AfterValidator(_variable)]
"""The name of an environment variable that holds a secret."""


class NamedForm(Strict):
    """An entry of such a list."""

    name: Name
    kind: str


Form = TypeVar("Form", bound=NamedForm)


def each_of(
    document: Document, key: str, listed: list[Any], forms: Mapping[str, type[Form]], one: Words, kind: Words
) -> list[Form]:
    """The entries of a list. ``one``: what an entry is called; ``kind``: what its kind is. Raises PolicyError."""
    complaints: list[Complaint] = []
    read: list[Form] = []
    for i, data in enumerate(listed):
        try:
            form = _form(document, (key, i), data, forms, kind)
            if any(other.name == form.name for other in read):
                words = Words(
                    f"{one.ja}「{form.name}」が二度あります。名前を変えてください。",
                    f"there are two {one.en} '{form.name}'; give one another name.",
                )
                raise PolicyError([document.complaint((key, i, "name"), words)])
            read.append(form)
        except PolicyError as error:
            complaints += error.complaints
    if complaints:
        raise PolicyError(complaints)
    return read


def _form(
    document: Document, at: tuple[str, int], data: Any, forms: Mapping[str, type[Form]], kind: Words
) -> Form:
    if not isinstance(data, dict):
        raise PolicyError([document.complaint(at, not_mapping())])
    if "kind" not in data:
        raise PolicyError([document.complaint(at, missing("kind"))])
    form = forms.get(data["kind"]) if isinstance(data["kind"], str) else None
    if form is None:
        raise PolicyError([document.complaint((*at, "kind"), unknown(kind, data["kind"], tuple(forms), {}))])
    lines = {place[2:]: line for place, line in document.lines.items() if place[:2] == at}
    return Document(document.file, data, lines).checked(form, {})
