"""What must be true of an entry in the book of people, whoever makes it: at a terminal, over HTTP, out of a file.

Pure; knows no store and never says what was written, for it may be personal.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from audit.numbers import may_be_somebodys
from policies.model import Bilingual
from proxy.office.roster import Person, Posting
from proxy.staff_id import is_staff_id

LONGEST_NAME = 100
LONGEST_UNIT = 60
"""Letters of a 部 or a 課."""
_INVISIBLE = ("Cc", "Zl", "Zp")
"""Line breaks and the like. 全角の空白 and 外字 are letters of a name."""


@dataclass(frozen=True, slots=True)
class Objection:
    """What is wrong with one field, and the remedy. ``kind`` is stable; ``field`` as in `Person` and `Posting`."""

    field: str
    kind: str
    says: Bilingual
    remedy: Bilingual


def objections(person: Person, posting: Posting | None, known: Mapping[str, Person]) -> list[Objection]:
    """Everything that speaks against an entry; ``known`` are the others in the book, or in the same file."""
    return [
        *_against_id("id", person.id),
        *_against_text("name", person.name, LONGEST_NAME),
        *_against_posting(posting),
        *_against_dates(person),
        *_against_role(person),
        *_against_others(person, known),
    ]


def against_approver(applicant: str, approver: str, known: Mapping[str, Person]) -> list[Objection]:
    """Everything that speaks against this person's approval of that one's use.

    A 所属長 need not use AI, so the book may not know them; whom it knows must be one.
    """
    if approver == applicant:
        return [_SELF]
    if wrong := list(_against_id("approved_by", approver)):
        return wrong
    if (person := known.get(approver)) and (person.kind != "staff" or person.role != "section_head"):
        return [_NO_HEAD]
    return []


def _against_id(field: str, id: str) -> Iterator[Objection]:
    if is_staff_id(id):
        return
    digits = sum(letter.isdecimal() for letter in id)
    yield _number(field) if may_be_somebodys(id) or digits > 10 else Objection(field, "id", *_NO_ID)


def _against_text(field: str, text: str, longest: int, needed: bool = False) -> Iterator[Objection]:
    if needed and not text:
        yield Objection(field, "empty", *_EMPTY)
    if len(text) > longest:
        yield Objection(
            field,
            "too_long",
            Bilingual(f"{longest}字を超えています。", f"More than {longest} characters."),
            Bilingual(f"{longest}字までに縮めてください。", f"Shorten it to {longest}."),
        )
    if may_be_somebodys(text):
        yield _number(field)
    if any(unicodedata.category(letter) in _INVISIBLE for letter in text):
        yield Objection(field, "unprintable", *_UNPRINTABLE)


def _against_posting(posting: Posting | None) -> Iterator[Objection]:
    if posting is not None:
        yield from _against_text("department", posting.department, LONGEST_UNIT, needed=True)
        yield from _against_text("section", posting.section, LONGEST_UNIT, needed=True)


def _against_dates(person: Person) -> Iterator[Objection]:
    if person.ends is not None and person.ends < person.starts:
        yield Objection("ends", "ends_before_start", *_DATES)
    if person.kind != "staff" and person.ends is None:
        yield Objection("ends", "no_end", *_NO_END)
    if person.kind != "staff" and not person.owner:
        yield Objection("owner", "no_owner", *_NO_OWNER)


def _against_role(person: Person) -> Iterator[Objection]:
    if person.kind == "robot" and person.role != "staff_member":
        yield Objection("role", "robot_role", *_ROBOT_ROLE)
    if person.kind == "contractor" and person.role == "section_head":
        yield Objection("role", "contractor_role", *_CONTRACTOR_ROLE)


def _against_others(person: Person, known: Mapping[str, Person]) -> Iterator[Objection]:
    if person.owner:
        answers = known.get(person.owner)
        if person.owner == person.id or (answers is not None and answers.kind != "staff"):
            yield Objection("owner", "wrong_owner", *_WRONG_OWNER)
        else:
            yield from _against_id("owner", person.owner)
    if person.approved_by is not None:
        yield from against_approver(person.id, person.approved_by, known)


def _number(field: str) -> Objection:
    return Objection(field, "number", *_NUMBER)


_NUMBER = (
    Bilingual(
        "マイナンバーや住民票コードに見える数字があります。", "It looks like a My Number or a resident code."
    ),
    Bilingual(
        "その番号を消し、職員番号や名前に書きかえてください。",
        "Take the number out; write a staff id or a name.",
    ),
)
_NO_ID = (
    Bilingual("番号に使えない文字があります。", "This is no id."),
    Bilingual(
        "半角の英数字と . _ @ - で、64字までにしてください。",
        "Use up to 64 ASCII letters, digits and . _ @ - .",
    ),
)
_EMPTY = (Bilingual("空です。", "It is empty."), Bilingual("書き入れてください。", "Fill it in."))
_UNPRINTABLE = (
    Bilingual("改行や見えない文字があります。", "It holds a line break or another invisible character."),
    Bilingual("1行で打ち直してください。", "Type it again, in one line."),
)
_DATES = (
    Bilingual("終了日が開始日より前です。", "It ends before it starts."),
    Bilingual("開始日と終了日を確かめてください。", "Check both dates."),
)
_NO_END = (
    Bilingual("委託先と機械には、終了日が要ります。", "A contractor and a robot need an end date."),
    Bilingual("契約や運用の最後の日を終了日に入れてください。", "Enter the last day of the contract."),
)
_NO_OWNER = (
    Bilingual(
        "委託先と機械には、責任者が要ります。", "A contractor and a robot need somebody who answers for them."
    ),
    Bilingual("責任を持つ職員の職員番号を責任者に入れてください。", "Enter that person's staff id as owner."),
)
_WRONG_OWNER = (
    Bilingual(
        "責任者が、本人か、職員でない人です。", "The owner is the person themself, or no member of staff."
    ),
    Bilingual("責任を持つ職員の職員番号を入れてください。", "Enter the id of a member of staff."),
)
_ROBOT_ROLE = (
    Bilingual("機械に役割は持たせられません。", "A robot has no role."),
    Bilingual("役割は「職員」のままにしてください。", "Leave the role at staff_member."),
)
_CONTRACTOR_ROLE = (
    Bilingual("委託先の人は所属長になれません。", "A contractor is no 所属長."),
    Bilingual("役割か区分を直してください。", "Mend the role or the kind."),
)
_SELF = Objection(
    "approved_by",
    "approver_is_applicant",
    Bilingual("承認者が本人です。", "The approver is the applicant."),
    Bilingual("本人ではない所属長の職員番号を入れてください。", "Enter the id of the 所属長, somebody else."),
)
_NO_HEAD = Objection(
    "approved_by",
    "approver_is_no_head",
    Bilingual(
        "承認者は、帳簿では所属長ではありません。", "By the book, the approver is no 所属長 (section head)."
    ),
    Bilingual(
        "所属長の職員番号を入れるか、先にその人の役割を所属長にしてください(sekisho people role)。",
        "Enter the id of the 所属長, or first give them that role (sekisho people role).",
    ),
)
