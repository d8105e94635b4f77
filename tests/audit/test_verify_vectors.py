"""The test vectors of the ledger's format: they are what the script makes, and the verifier says of each what it has to."""

import json
from typing import Any

import pytest

from audit import verify
from tests.audit import make_vectors

FOLDER = make_vectors.FOLDER
INDEX = json.loads((FOLDER / "vectors.json").read_text("utf-8"))


def test_the_vectors_in_the_repository_are_the_ones_the_script_makes() -> None:
    made = {name: content.encode() for name, content in make_vectors.files().items()}
    assert {path.name: path.read_bytes() for path in FOLDER.iterdir()} == made


@pytest.mark.parametrize("vector", INDEX, ids=lambda vector: vector["name"])
def test_the_verifier_says_of_each_vector_what_it_has_to(
    vector: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--public-key", str(FOLDER / vector["public_key"])] if vector["public_key"] else []
    options += [option for anchor in vector["anchors"] for option in ("--anchor", str(FOLDER / anchor))]
    options += ["--from", str(FOLDER / vector["from"])] if vector["from"] else []
    status = verify.main([str(FOLDER / vector["file"]), "--json", *options])
    said: dict[str, Any] = {"status": status}
    if status != 2:
        report = json.loads(capsys.readouterr().out)
        said |= {name: report[name] for name in vector["expected"] if name not in ("status", "first_bad")}
        bad = report["first_bad"]
        said["first_bad"] = [bad["writer"], bad["index"], bad["code"]] if bad else None
    assert said == vector["expected"]


def test_every_reason_but_one_has_a_vector() -> None:
    """A text that is no JSON never comes from an honest exporter; test_verify_lines.py has it."""
    shown = {vector["expected"]["first_bad"][2] for vector in INDEX if vector["expected"].get("first_bad")}
    assert set(verify.REASONS) - shown == {"text_unreadable", "note_misnumbered"}
