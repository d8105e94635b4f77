"""A line of CEF is read by a parser of other people's as it was meant, with keys that CEF's dictionary knows."""

import pytest
from cefevent.extensions import extension_dictionary
from hypothesis import strategies as st

from audit.exports.cef import line
from audit.exports.flat import id_of
from audit.model import Record
from tests.audit.exports import cefp
from tests.audit.exports.samples import ASKED, CALLER, EVERY, EXCHANGE, record
from tests.audit.exports.test_flat import MARK
from tests.laws.drawing import law

EVIL = 'a|b\\c=d\r\ne "f" rt=0 suid=root \\n ]'
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300) | st.just(
    EVIL
)


NEWER = {"outcome": {"length": 63, "data_type": ["String"]}}
"""eventOutcome, of a newer dictionary (CEF implementation standard, version 25)."""


def read(made: str) -> dict[str, str]:
    told: dict[str, str] = cefp.parse(made)["extension"]
    return told


@pytest.mark.requirement("R51")
@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.index}-{one.kind}")
def test_a_parser_reads_who_what_and_which_record(one: Record) -> None:
    made = line(one, MARK)
    assert "\n" not in made and "\r" not in made
    told = cefp.parse(made)
    assert (told["version"], told["device"]["vendor"]) == ("0", "Sekisho") and 0 <= int(
        told["severity"]
    ) <= 10
    fields = told["extension"]
    assert fields["externalId"] == id_of(one) and fields["cat"] == one.kind
    assert fields["flexString1"] == one.hash and fields["flexString2"] == MARK.line()
    assert fields.get("cs1") == one.exchange
    if one.kind == "asked" and one.index == 1:
        assert (fields["suid"], fields["src"], fields["act"]) == ("100123", "10.20.0.7", "permit")
        assert (fields["cs3"], fields["cs3Label"]) == ("JP_ADDRESS:1 PERSON:3", "entities") and fields[
            "cs1"
        ] == EXCHANGE


@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.index}-{one.kind}")
def test_cef_s_dictionary_knows_every_key_and_every_value_fits(one: Record) -> None:
    for key, value in read(line(one, MARK)).items():
        known = NEWER.get(key) or extension_dictionary[key]
        assert value and (known["length"] == 0 or len(value) <= known["length"]), (key, value)
        if set(known["data_type"]) <= {"Integer", "Long"}:
            int(value)


@law(200, 5_000, word=WORDS)
def test_whatever_a_field_holds_it_stays_that_field(word: str) -> None:
    fields = read(line(record("asked", ASKED | {"caller": CALLER | {"tool": word}, "decisive": [word]})))
    for key in ("sourceServiceName", "cs2"):
        assert fields.get(key, "").strip() == word.strip(" ").strip() or len(word) > 250, key
    assert fields["suid"] == "100123" and fields["rt"] != "0"


def test_a_note_with_evil_in_its_name_keeps_the_header_whole() -> None:
    told = cefp.parse(line(record("noted", {"event": EVIL, "by": EVIL})))
    assert told["device"]["event_class_id"] == " ".join(EVIL.splitlines())
    assert told["extension"]["suid"] == EVIL and told["severity"] == "1"


def test_ipv6_has_a_key_of_its_own() -> None:
    fields = read(line(EVERY[8]))
    assert fields["c6a2"] == "fd00::7" and "src" not in fields
