"""What is done with texts that AI helped to write: shown their label, checked once, checked twice. Faults are `Fault`.

Each check is noted in the ledger before it counts.
"""

from audit import query
from audit.address import address_of
from audit.numbers import may_be_somebodys
from policies.model import Bilingual
from proxy.disclosure import Label, NoText, label_of
from proxy.office.checks import Check, CheckBook, SamePerson, new_check
from proxy.office.desk import Desk, Fault
from proxy.office.enrolment import page_of, today
from proxy.office.roster import Needed, standing


def label(desk: Desk, exchange: str, sentence: Bilingual) -> Label:
    """The label of an exchange that gave somebody a text; ``sentence`` is the policy's. Raises `Fault`.

    Whoever shows it records the look.
    """
    try:
        shown = (
            None
            if may_be_somebodys(exchange)
            else query.show(address_of(desk.settings.ledger_location), exchange)
        )
    except query.CANNOT_READ:
        raise Fault("台帳を読めません。", "the ledger cannot be read.", "unavailable") from None
    if shown is None:
        raise _no_such_exchange()
    try:
        return label_of(shown, sentence)
    except NoText:
        raise _no_such_exchange() from None


def check(desk: Desk, exchange: str, document: str, external: bool, by: str) -> Check:
    """Somebody has checked the text of an exchange. Raises `Fault`."""
    written = document.strip()
    if not 0 < len(written) <= 200:
        raise Fault(
            "文書の名前か番号を1〜200字で書いてください。", "name the document, in 1 to 200 characters."
        )
    if may_be_somebodys(written):
        raise Fault(
            "文書の名前に、個人番号などに見える番号があります。外してください。",
            "the name of the document holds what looks like somebody's number: leave it out.",
        )
    label(desk, exchange, Bilingual("", ""))
    _demand_staff(desk, by)
    made = new_check(exchange, written, external, by)
    facts = {"check": made.id, "exchange": exchange, "external": external, "checked_by": by, "turn": 1}
    desk.note("output.checked", facts)
    CheckBook(desk.office).enter(made)
    return made


def second(desk: Desk, id: str, by: str) -> Check:
    """A second person has checked a text that leaves the hall. Raises `Fault`."""
    book = CheckBook(desk.office)
    found = book.find(id)
    if found is None or found.state != "waiting":
        raise Fault(
            f"{id} は2人目の確認を待っていません。", f"{id} is not waiting for a second person.", "missing"
        )
    if found.first_by == by:
        raise _same_person()
    _demand_staff(desk, by)
    facts = {"check": id, "exchange": found.exchange, "external": True, "checked_by": by, "turn": 2}
    desk.note("output.checked", facts)
    try:
        book.second(id, by)
    except SamePerson:
        raise _same_person() from None
    made = book.find(id)
    assert made is not None, "checks are never removed"
    return made


def _demand_staff(desk: Desk, person: str) -> None:
    page = page_of(desk, person)
    if page.person.kind == "robot" or not standing(page, today(), Needed((), 0, "")).enrolled:
        raise Fault(
            f"{person} は、いま利用登録のある職員ではありません。sekisho people show {person} で確かめてください。",
            f"{person} is not enrolled now: see sekisho people show {person}.",
            "forbidden",
        )


def _same_person() -> Fault:
    return Fault(
        "1人目と同じ人です。別の職員が確かめてください。",
        "the same person as the first: another one must check it.",
        "forbidden",
    )


def _no_such_exchange() -> Fault:
    return Fault(
        "文章を返したやり取りに、その番号はありません。返事の x-request-id を確かめてください。",
        "no exchange of this id gave a text: check the x-request-id of the reply.",
        "missing",
    )
