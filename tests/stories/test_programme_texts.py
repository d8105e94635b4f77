"""Programme texts leave as they came; the same words beside a named person leave masked, or not at all.

The table is tests/cases/programme/texts.yaml, which says what its columns mean. All of it goes through one house:
the detector, the policy of Takatsuki and an upstream in another process.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

TABLE = Path(__file__).parent.parent / "cases" / "programme" / "texts.yaml"
THEMES = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["themes"]
CATEGORY = "mail_draft"
STATUS = {"allow": 200, "confirm": 403, "deny": 403}
VERDICT = {"allow": "permit", "confirm": "confirm", "deny": "refuse"}
CLASSES = ("1", "2", "3C", "3B", "3A")
WRITTEN = """
    SELECT body, text FROM records LEFT JOIN texts USING (writer, idx) WHERE exchange = ? ORDER BY idx
"""
MARK = re.compile(r"\[[A-Z_]+(?:_[0-9]+_[a-z0-9]{4})?\]")


def free() -> Iterator[Any]:
    for theme in THEMES:
        for number, one in enumerate(theme["free"], 1):
            case = {"text": one} if isinstance(one, str) else one
            yield pytest.param(case["text"], case.get("category", CATEGORY), id=f"{theme['id']}-{number}")


def named() -> Iterator[Any]:
    for theme in THEMES:
        for number, case in enumerate(theme["named"], 1):
            yield pytest.param(case, id=f"{theme['id']}-{number}")


@pytest.fixture(scope="module")
def house(open_house: Callable[..., tuple[Any, Any]]) -> tuple[Any, Any]:
    return open_house()


class Sent:
    """One text sent by a clerk: what came back, what arrived upstream, what was recorded."""

    def __init__(self, house: tuple[Any, Any], text: str, category: str) -> None:
        checkpoint, upstream = house
        received = upstream.folder / "received.bin"
        before = received.stat().st_size
        self.status, headers, self.reply = checkpoint.say(text, X_Sekisho_Category=category)
        with received.open("rb") as file:
            file.seek(before)
            self.arrived = [asked["messages"][-1]["content"] for asked in bodies(file.read())]
        with sqlite3.connect(f"file:{checkpoint.ledger}?mode=ro", uri=True) as ledger:
            rows = ledger.execute(WRITTEN, (headers["x-request-id"],)).fetchall()
        self.asked, self.ending = (json.loads(body) for body, _ in rows)
        bodies_of_records = json.dumps([self.asked, self.ending], ensure_ascii=False)
        self.kept = "\n".join([bodies_of_records, *(laid_open(text) for _, text in rows if text)])

    @property
    def said(self) -> str:
        """What the model said, as the clerk got it: the upstream repeats what it was asked."""
        return str(self.reply["choices"][0]["message"]["content"])


@pytest.mark.requirement("R24")
@pytest.mark.parametrize(("text", "category"), list(free()))
def test_a_programme_text_leaves_as_it_came(house: tuple[Any, Any], text: str, category: str) -> None:
    sent = Sent(house, text, category)

    assert (sent.status, sent.asked["verdict"]) == (200, "permit"), sent.asked["decisive"]
    assert sent.arrived == [text]
    assert sent.asked["entities"] == {}
    assert (sent.asked["class_detected"], sent.asked["class_effective"]) == (None, "2")
    assert sent.asked["alarms"] == []
    assert sent.said == text


@pytest.mark.requirement("R21")
@pytest.mark.requirement("R24")
@pytest.mark.requirement("R25")
@pytest.mark.parametrize("case", list(named()))
def test_the_same_words_beside_a_named_person_do_not(house: tuple[Any, Any], case: Mapping[str, Any]) -> None:
    gate, text = case["gate"], case["text"]
    detected = case.get("class")

    sent = Sent(house, text, case.get("category", CATEGORY))

    assert sent.asked["entities"] == {kind: len(values) for kind, values in case["finds"].items()}
    assert sent.asked["class_detected"] == detected
    assert bool(sent.asked["class_raised_by"]) == (detected is not None)
    assert sent.asked["class_effective"] == max(detected or "2", "2", key=CLASSES.index)
    assert (sent.status, sent.asked["verdict"]) == (STATUS[gate], VERDICT[gate]), sent.asked["decisive"]
    assert len(sent.arrived) == (gate == "allow")
    if "leaves" in case:  # 芥川城 leaves and is kept, 芥川さん is not
        assert lettered(sent.arrived[0]) == case["leaves"]
    else:
        values = [value for values in case["finds"].values() for value in values]
        assert [value for value in values if value in sent.kept or value in "".join(sent.arrived)] == []
    if gate == "allow":
        assert (sent.ending["egress_state"], sent.said) == ("masked", text)
    else:
        assert sent.ending["egress_state"] == "none"


@pytest.mark.requirement("R24")
def test_all_programme_texts_in_one_request_leave_as_they_came(house: tuple[Any, Any]) -> None:
    plan = "\n".join(text for text, _ in (param.values for param in free()))

    sent = Sent(house, plan, CATEGORY)

    assert sent.arrived == [plan]
    assert (sent.asked["verdict"], sent.asked["entities"], sent.asked["class_detected"]) == (
        "permit",
        {},
        None,
    )


def test_every_theme_has_texts_of_both_kinds() -> None:
    assert [theme["id"] for theme in THEMES if not (len(theme["free"]) >= 2 and theme["named"])] == []
    assert len({theme["id"] for theme in THEMES}) == len(THEMES)


def bodies(received: bytes) -> list[dict[str, Any]]:
    """The JSON bodies of what arrived upstream, in order."""
    return [json.loads(post.split(b"\r\n\r\n", 1)[1]) for post in received.split(b"POST ")[1:]]


def laid_open(text: str) -> str:
    """What the ledger keeps of a text: its JSON with the strings as they read."""
    return "\n".join(map(str, walked(json.loads(text))))


def walked(value: Any) -> Iterator[Any]:
    """Every leaf of a JSON value."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from walked(inner)
    else:
        yield value


def lettered(text: str) -> str:
    """The masked text with 〔A〕 for the first placeholder in it, 〔B〕 for the next other one, and so on."""
    marks = list(dict.fromkeys(MARK.findall(text)))
    return MARK.sub(lambda mark: f"〔{chr(ord('A') + marks.index(mark.group()))}〕", text)
