"""One incident given out as a file: Markdown or PDF, with its digest in the record of the look. It writes no file.

Whoever calls this records the look (`looked`) before anything of the file is given; the digest in it tells later whether
a paper that turns up is the one that was given, to whom and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, get_args

from audit.incidents.paper import paper
from audit.model import Draft
from audit.paper.markdown import markdown
from audit.paper.press import pdf
from audit.readers import Reader

Form = Literal["md", "pdf"]
FORMS: tuple[Form, ...] = get_args(Form)
MEDIA: Mapping[Form, str] = {"md": "text/markdown; charset=utf-8", "pdf": "application/pdf"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that is ready to be given. ``name``: ``I-20261128-k7q2.pdf``."""

    incident: str
    form: Form
    raw: bytes = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.incident}.{self.form}"

    @property
    def sha256(self) -> str:
        return sha256(self.raw).hexdigest()


def exported(told: Mapping[str, Any], form: Form, by: str, now: datetime) -> Exported:
    """The file of an incident as a reader is told of it. Raises `CannotPrint`."""
    content = paper(told, by, now)
    raw = pdf(content, now) if form == "pdf" else markdown(content).encode()
    return Exported(told["incident"], form, raw)


def looked(reader: Reader, what: str, filters: Mapping[str, Any], rows: int, reason: str | None) -> Draft:
    """The record of a look at incidents: a list, one of them, or a file that is given of one."""
    body = {
        "what": what,
        "filters": dict(filters),
        "rows": rows,
        "person": reader.person,
        "role": reader.role,
    }
    return Draft("viewed", None, body | {"reason": reason})
