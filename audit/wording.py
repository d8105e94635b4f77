"""What people write into the ledger themselves: reasons, names of searches, incident numbers. Checked before anything is recorded."""

import re

from audit.numbers import may_be_somebodys

LONGEST = 500
"""Characters of a reason."""
LONGEST_NAME = 60
LONGEST_PASSAGE = 4_000
"""Characters of a passage: what stands under one heading of a report."""

_INCIDENT = re.compile(r"(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9][A-Za-z0-9_-]{2,39}")
"""With a figure in it: a name is none."""


class BadWording(ValueError):
    """``code`` is stable: ``reason_missing``, ``reason_too_long``, ``passage_missing``, ``passage_too_long``, ``name``,
    ``number`` or ``incident``; `ja` and `en` say it."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.ja, self.en = _SAID[code]
        super().__init__(f"{self.ja} / {self.en}")


def reason(written: str | None) -> str:
    """A reason, without space around it. Raises `BadWording`."""
    said = (written or "").strip()
    if not said:
        raise BadWording("reason_missing")
    if len(said) > LONGEST:
        raise BadWording("reason_too_long")
    if may_be_somebodys(said):
        raise BadWording("number")
    return said


def passage(written: str | None) -> str:
    """Some lines under a heading, without space around them and without characters that no paper shows.

    Raises `BadWording`.
    """
    said = "\n".join(line.rstrip() for line in (written or "").strip().splitlines())
    said = "".join(letter for letter in said if letter.isprintable() or letter in "\n\u3000")
    if not said:
        raise BadWording("passage_missing")
    if len(said) > LONGEST_PASSAGE:
        raise BadWording("passage_too_long")
    if may_be_somebodys(said):
        raise BadWording("number")
    return said


def name(written: str | None) -> str:
    """What something is called, on one line. Raises `BadWording`."""
    said = " ".join((written or "").split())
    if not 1 <= len(said) <= LONGEST_NAME or not said.isprintable():
        raise BadWording("name")
    if may_be_somebodys(said):
        raise BadWording("number")
    return said


def incident(written: str | None) -> str:
    """The number of an incident: ``INC-2026-014``. Raises `BadWording`."""
    said = (written or "").strip()
    if not _INCIDENT.fullmatch(said) or may_be_somebodys(said):
        raise BadWording("incident")
    return said


_SAID = {
    "reason_missing": ("理由を書いてください。", "Say why."),
    "reason_too_long": (f"理由は{LONGEST}字までです。", f"A reason is {LONGEST} characters at most."),
    "passage_missing": ("何も書かれていません。", "Nothing is written."),
    "passage_too_long": (
        f"書けるのは{LONGEST_PASSAGE}字までです。分けて書くか、文書番号を書いてください。",
        f"It is {LONGEST_PASSAGE} characters at most: write it in parts, or name the document.",
    ),
    "name": (f"名前は1字から{LONGEST_NAME}字です。", f"A name has 1 to {LONGEST_NAME} characters."),
    "number": (
        "個人番号・住民票コードに見える数字は、台帳に残せません。消してください。",
        "A number that looks like a My Number or a resident code is not kept in the ledger: leave it out.",
    ),
    "incident": (
        "事案番号は INC-2026-014 のような、数字の入った英数字と - _ の3字から40字です。",
        "An incident number has 3 to 40 letters, digits, - and _, one digit at least, as in INC-2026-014.",
    ),
}
