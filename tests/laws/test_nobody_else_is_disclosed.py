"""No id, key, address or account of anybody else is in any byte of what a request for disclosure is answered with."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit.address import Address
from audit.catalogue.question import Question
from audit.disclosed import COLUMNS
from audit.ledger import Ledger
from audit.model import Draft
from audit.names import exchange_id, now
from audit.periods import Periods
from audit.readers import at_the_terminal
from audit.review import Review
from proxy.office.answering import Wanted, answered
from proxy.office.disclose_command import asked_told
from proxy.office.disclosure_files import Sheet, Written, new_id, write
from proxy.office.others import Others, others_of
from redaction.vault import PLACEHOLDER

PERSONS = ("100123", "100456", "tanaka.k", "sato_h", "suzuki@city.example", "k-ito")
REVIEWERS = ("900777", "900888", "yamada-r")
ACCOUNTS = ("opswatanabe", "kobayashi")
KEYS = ("k-11aa22bb", "k-33cc44dd", "k-55ee66ff")
ADDRESSES = ("192.0.2.17", "198.51.100.99", "2001:db8::17")
NAMES = (*PERSONS, *REVIEWERS, *ACCOUNTS, *KEYS)
NEWS = "まだ知られていない項目"
"""What a record may say one day. It and the addresses are in no book, so that only the columns keep them back."""


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text)


spelled = st.sampled_from(NAMES).flatmap(lambda one: st.sampled_from([one, one.upper(), wide(one)]))
words = st.lists(
    st.one_of(
        spelled,
        st.sampled_from(["、", "の申立て", "=1+1", "x", "〔", "[PERSON_1_k7q2]", "\n", "に聞いた", "道路"]),
    ),
    max_size=8,
).map("".join)
"""What people write: anybody's id may stand anywhere in it."""


@dataclass
class Use:
    person: str
    key: str
    address: str
    authenticated: bool
    text: str
    looks: list[tuple[str, str, str]]


uses = st.lists(
    st.builds(
        Use,
        st.sampled_from(PERSONS),
        st.sampled_from(KEYS),
        st.sampled_from(ADDRESSES),
        st.booleans(),
        words,
        st.lists(
            st.tuples(st.sampled_from(("show", "dispose", "terminal", "open", "ask", "hold", "search")), st.sampled_from(REVIEWERS), words),
            max_size=3,
        ),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


def asked(use: Use, surprise: str) -> dict[str, Any]:
    """As the desk records it, with fields that nobody has heard of yet."""
    return {
        "schema": 3,
        "caller": {
            "person": use.person, "department": "部", "section": "道路課", "role": "section_head", "key": use.key,
            "address": use.address, "tool": use.text[:20] or None, "surprise": surprise,
            "identity": "authenticated" if use.authenticated else "asserted",
        },
        "operation": "chat", "model_requested": "echo", "category": "mail_draft", "class_effective": "2",
        "conversation": f"c-{use.person}", "verdict": "permit", "rules": [{"id": "P-05", "effects": ["allow"]}],
        "entities": {"PERSON": 1}, "alarms": [], "surprise": {"approver": surprise}, "confirmations": ["c-1"],
    }  # fmt: skip


def kept(use: Use) -> str:
    said = [
        {"role": "user", "content": use.text, "name": use.person},
        {"role": use.person, "content": use.text},
    ]
    return json.dumps({"purpose": use.text, "request": {"model": "echo", "user": use.person, "messages": said,
                                                        "metadata": {"who": use.person}}}, ensure_ascii=False)  # fmt: skip


def fill(ledger: Ledger, every: list[Use]) -> None:
    for use in every:
        id = exchange_id(now())
        ledger.append_now(Draft("asked", id, asked(use, NEWS), kept(use)))
        answer = json.dumps([{"content": use.text}], ensure_ascii=False)
        ledger.append_now(
            Draft("answered", id, {"egress_state": "masked", "host": "h", "surprise": NEWS}, answer)
        )
        for what, who, reason in use.looks:
            ledger.append_now(look(what, who, reason, id, use.person))


def look(what: str, who: str, reason: str, exchange: str, subject: str) -> Draft:
    mine = {
        "by": who,
        "role": "csirt_reviewer",
        "exchange": exchange,
        "subject": subject,
        "reason": reason,
        "surprise": NEWS,
    }
    match what:
        case "dispose":
            return Draft(
                "noted",
                None,
                {"event": "disposition.made", "disposition": "guidance", "incident": None} | mine,
            )
        case "open":
            return Draft("noted", None, {"event": "glass.allowed", "grant": "g-1"} | mine)
        case "ask":
            return Draft("noted", None, {"event": "glass.asked", "grant": "g-2", "incident": "INC-1"} | mine)
        case "hold":
            return Draft("noted", None, {"event": "hold.placed"} | mine)
        case "terminal":
            seen = {"what": "show", "filters": {"exchange": exchange}, "rows": 2, "os_user": "kobayashi"}
            return Draft("viewed", None, seen | {"reason": reason})
        case "search":
            seen = {
                "what": "search",
                "filters": {"person": subject, "words": [who]},
                "rows": 2,
                "os_user": "opswatanabe",
            }
            return Draft("viewed", None, seen | {"reason": reason})
        case _:
            seen = {
                "what": "show",
                "filters": {"exchange": exchange},
                "rows": 2,
                "person": who,
                "role": "auditor",
            }
            return Draft("viewed", None, seen | {"reason": reason})


def bytes_of(home: Path, wanted: Wanted) -> tuple[dict[str, str], int]:
    """What is in each file of the answer; a detector that finds nothing is the hardest case."""
    place = Address(home / "ledger.sqlite")
    others = Others(others_of(place, None, wanted.question.person) | set(KEYS))
    at = now()
    sheet = Sheet(
        new_id(at), wanted.kind, "令8-12", "情報公開課長", at, asked_told(wanted), wanted.texts, Periods()
    )
    done: list[Written] = []
    with Review(place, at_the_terminal("root")) as review:
        rows = answered(review, wanted, Periods(), others, lambda texts: [()] * len(texts))
        write(home / "out", sheet, rows, done.append)
    return {file.name: file.read_bytes().decode() for file in (home / "out").iterdir()}, done[0].rows


def narrowed(text: str) -> str:
    return "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text).lower()


def known(every: list[Use]) -> set[str]:
    """Whom the ledger has met; keys and addresses come from the books of the office."""
    met = {use.person for use in every} | {*KEYS, *ADDRESSES, NEWS}
    for what, who, _ in (look for use in every for look in use.looks):
        met.add({"terminal": "kobayashi", "search": "opswatanabe"}.get(what, who))
    return met


def demand_absent(files: dict[str, str], forbidden: set[str]) -> None:
    for name, content in files.items():
        plain = narrowed(content)
        for one in forbidden:
            at = plain.find(one.lower())
            assert at < 0, (name, content[max(0, at - 60) : at + 60])


MADE_UP = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a ledger an example: shrinking takes minutes
)


@pytest.mark.requirement("R58")
@MADE_UP
@given(every=uses)
def test_a_person_is_given_nothing_of_anybody_else(every: list[Use]) -> None:
    person = every[0].person
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ledger = Ledger(Address(home / "ledger.sqlite"))
        ledger.start()
        fill(ledger, every)
        ledger.stop()
        files, rows = bytes_of(home, Wanted("personal", Question(person=person)))
    own_keys = {use.key for use in every if use.person == person and use.authenticated}
    listed = [json.loads(line) for line in files["disclosure.jsonl"].splitlines()]
    demand_absent(files, known(every) - {person} - own_keys)
    assert len(listed) == rows and all(set(row) == {*COLUMNS["personal"], "disclosure"} for row in listed)
    mine = [use for use in every if use.person == person]
    assert sum(row["what"] == "やり取り" for row in listed) == len(mine)
    told = sum(what not in ("hold", "ask") for use in mine for what, _, _ in use.looks)
    assert sum(row["what"] != "やり取り" for row in listed) == told, (
        "every look, but no hold, and no opening that nobody allowed"
    )
    assert "hold.placed" not in "".join(files.values())


@pytest.mark.requirement("R58")
@MADE_UP
@given(every=uses, texts=st.booleans())
def test_the_public_is_given_nothing_of_anybody(every: list[Use], texts: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ledger = Ledger(Address(home / "ledger.sqlite"))
        ledger.start()
        fill(ledger, every)
        ledger.stop()
        files, rows = bytes_of(home, Wanted("information", Question(), texts=texts, few=True))
    demand_absent(files, {*known(every), *(f"c-{person}" for person in PERSONS), "section_head"})
    columns = {name for name in COLUMNS["information"] if texts or name not in ("question", "answer")}
    listed = [json.loads(line) for line in files["disclosure.jsonl"].splitlines()]
    assert rows == len(listed) == len(every) and all(set(row) == {*columns, "disclosure"} for row in listed)
    assert not any(PLACEHOLDER.search(content) for content in files.values()), "numbers tell who is who"
    if len({use.person for use in every}) < 5:
        assert "道路課" not in files["disclosure.csv"]
