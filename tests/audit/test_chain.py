"""The stored form and the hash: what every record stands on, and what may never change."""

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import chain, verify

ANY_TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
BODIES = st.dictionaries(st.text(), JSON, max_size=4)
FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\n\t\0-"), min_size=1)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "previous": st.text("0123456789abcdef", min_size=64, max_size=64),
    "writer": FIELD,
    "index": st.integers(1, 10**9),
    "at": FIELD,
    "kind": FIELD,
    "exchange": st.none() | FIELD,
    "text_commitment": st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
    "body": BODIES.map(chain.canonical),
}
NAMES = tuple(FIELDS)
"""In the order of an export's line."""
RECORDS = st.fixed_dictionaries(FIELDS)
EXAMPLE: dict[str, Any] = {
    "previous": chain.GENESIS,
    "writer": "w20261123T052100Z-4f9c2a",
    "index": 1,
    "at": "2026-11-23T05:21:00.123456Z",
    "kind": "asked",
    "exchange": "01KCQ2Z5XBQ6M1V0J9R8T7C4WD",
    "text_commitment": None,
    "body": '{"caller":{"person":"demo"},"model_requested":"demo"}',
}


def test_the_form_is_the_one_that_is_documented() -> None:
    """If this fails, every ledger written until now stops verifying. Make a v2 instead."""
    lines = [
        "sekisho.record.v1",
        "0" * 64,
        "w20261123T052100Z-4f9c2a",
        "1",
        "2026-11-23T05:21:00.123456Z",
        "asked",
        "01KCQ2Z5XBQ6M1V0J9R8T7C4WD",
        "-",
        '{"caller":{"person":"demo"},"model_requested":"demo"}',
    ]
    assert chain.seal(**EXAMPLE) == sha256("\n".join(lines).encode()).hexdigest()
    assert chain.seal(**EXAMPLE) == "642d74989002e01d224465c64726d9ecd55dd3110a026be033cb9854722d3b47"
    assert (
        chain.commit("ab" * 32, "[PERSON_1]様")
        == "0fca0849324e5d4226fd47392739a09b381c100c4db7434886b3eb3330ec7d28"
    )


@given(BODIES)
def test_a_body_says_the_same_after_storing(body: dict[str, Any]) -> None:
    assert json.loads(chain.canonical(body)) == _stored(body)


def _stored(value: Any) -> Any:
    """NUL alone is written as another sign: no database can search for it."""
    return json.loads(json.dumps(value).replace("\\u0000", "\\u2400").replace("\\\\u2400", "\\\\u0000"))


@given(BODIES)
def test_a_body_has_one_form_whatever_order_it_was_filled_in(body: dict[str, Any]) -> None:
    turned = dict(reversed(list(body.items())))
    assert chain.canonical(turned) == chain.canonical(body)
    assert "\n" not in chain.canonical(body)


@given(ANY_TEXT)
def test_any_text_that_a_client_can_send_can_be_stored(text: str) -> None:
    stored = chain.storable(text)
    stored.encode()
    assert "\0" not in stored
    assert len(stored) == len(text)
    assert chain.storable(stored) == stored
    chain.canonical({"said": text, text: 1}).encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes"])
def test_a_body_that_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        chain.canonical({"x": value})


@given(RECORDS, st.sampled_from(sorted(FIELDS)), st.data())
def test_a_change_of_any_field_changes_the_hash(
    record: dict[str, Any], name: str, data: st.DataObject
) -> None:
    other = data.draw(FIELDS[name].filter(lambda value: value != record[name]))
    assert chain.seal(**{**record, name: other}) != chain.seal(**record)


@pytest.mark.parametrize("name", ["writer", "at", "kind", "exchange"])
def test_a_field_cannot_pass_for_two(name: str) -> None:
    with pytest.raises(ValueError):
        chain.seal(**{**EXAMPLE, name: "one\ntwo"})


def test_no_exchange_can_pass_for_none() -> None:
    with pytest.raises(ValueError):
        chain.seal(**{**EXAMPLE, "exchange": "-"})


@given(RECORDS)
def test_the_verifier_hashes_the_line_of_an_export_as_the_writer_hashed_the_record(
    record: dict[str, Any],
) -> None:
    """verify.py repeats the formula on purpose; here the two are held equal."""
    digest = chain.seal(**record)
    fields = ["r", *(record[name] for name in NAMES), digest]
    line = "\t".join("-" if field is None else str(field) for field in fields)
    assert verify.sealed(line.encode()).decode() == digest


@given(st.binary(min_size=32, max_size=32), ANY_TEXT.map(chain.storable), ANY_TEXT.map(chain.storable))
def test_the_verifier_opens_a_commitment_as_the_writer_made_it(salt: bytes, text: str, other: str) -> None:
    commitment = chain.commit(salt.hex(), text).encode()
    assert verify.text_fault(commitment, salt.hex().encode(), text.encode()) is None
    if other != text:
        assert verify.text_fault(commitment, salt.hex().encode(), other.encode())
