"""The page on the ledger's format: its example is a vector, its commands work, its codes are the verifier's."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from audit import verify
from tests.audit.ledgers import ROOT
from tests.audit.make_vectors import FOLDER

PAGE = (ROOT / "docs" / "ledger-format.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["example.export", "example-note.txt", "key.pem"])
def test_the_page_shows_the_example_to_the_byte(name: str) -> None:
    assert f"```text\n{(FOLDER / name).read_text('utf-8')}```" in PAGE


def test_the_page_lists_every_code_once() -> None:
    assert re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)[
        -len(verify.REASONS) :
    ] == list(verify.REASONS)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the page's commands need the openssl program")
@pytest.mark.parametrize("commands", re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_the_page_s_commands_say_what_the_page_says(commands: str, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    done = subprocess.run(
        ["sh", "-e"], input=commands, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    expected = [line.removeprefix("# ") for line in commands.splitlines() if line.startswith("# ")]
    assert (done.returncode, done.stdout.splitlines()) == (0, expected), done.stderr
