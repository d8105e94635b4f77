"""What the container promises, read off Dockerfile and compose.yaml: no engine is needed to check it.

Not a Dockerfile linter: it parses no more of the language than ours uses, and fails on the rest.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("proxy", "policies", "redaction", "audit")
KNOWN = {
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "RUN",
    "USER",
    "VOLUME",
    "WORKDIR",
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction with its continuation lines joined: ``RUN``, ``pip install …``."""

    verb: str
    rest: str


def instructions() -> list[Instruction]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    bare = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    lines = re.sub(r"\\\n\s*", " ", bare).splitlines()
    return [Instruction(*line.split(maxsplit=1)) for line in lines if line.strip()]


def stages() -> dict[str, list[Instruction]]:
    """Name of a stage to its instructions; what stands before the first stage belongs to none."""
    found: dict[str, list[Instruction]] = {}
    for one in instructions():
        if one.verb == "FROM":
            current = found.setdefault(one.rest.split()[-1], [])
        elif found:
            current.append(one)
    return found


def of(verb: str, stage: str = "final") -> list[str]:
    return [one.rest for one in stages()[stage] if one.verb == verb]


def test_every_instruction_is_one_that_these_tests_understand() -> None:
    assert {one.verb for one in instructions()} <= KNOWN


def test_it_never_runs_as_root() -> None:
    uid, _, gid = of("USER")[-1].partition(":")
    assert int(uid) > 0 and int(gid) > 0  # numbers, so that an orchestrator can check them
    last_user = max(i for i, one in enumerate(stages()["final"]) if one.verb == "USER")
    later = {one.verb for one in stages()["final"][last_user:]}
    assert later.isdisjoint({"RUN", "COPY", "ADD"})


def test_every_download_is_checked_against_the_lock() -> None:
    installs = [rest for stage in stages() for rest in of("RUN", stage) if "pip install" in rest]
    assert installs, "nothing is installed"
    for command in installs:
        assert {"--require-hashes", "--no-deps", "requirements.lock"} <= set(command.split())


def test_the_final_stage_has_nothing_to_build_or_download_with() -> None:
    words = set(re.findall(r"[\w.-]+", " ".join(of("RUN"))))
    assert words.isdisjoint({"apt", "apt-get", "apk", "pip", "uv", "curl", "wget", "gcc", "git", "make"})


def test_the_installers_are_taken_out_before_the_copy() -> None:
    """What the lock holds for `make install` alone is in no image."""
    command = next(rest for rest in of("RUN", "build") if "pip uninstall -y" in rest)
    removed = set(command.partition(" -y ")[2].split())
    assert removed == build_only() | {"pip"}


def build_only() -> set[str]:
    """Packages of the lock that nothing but the build group asks for."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    group = {"editables", "hatchling", "uv"}
    only = set(group)
    for stanza in re.split(r"\n(?=[a-z0-9])", text):
        name = stanza.partition("==")[0]
        via = set(re.findall(r"^    #   (?:via )?([\w.-]+)$|^    # via ([\w.-]+)$", stanza, re.MULTILINE))
        if via and {first or second for first, second in via} <= group:
            only.add(name)
    return only


def test_what_is_copied_exists_and_is_let_through() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for stage in stages():
        for rest in of("COPY", stage):
            if rest.startswith("--from="):
                continue
            source = rest.split()[0]
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignore, f".dockerignore keeps out {source}"


def test_the_four_rooms_are_copied_and_nothing_secret_is() -> None:
    copied = {rest.split()[0].rstrip("/") for stage in stages() for rest in of("COPY", stage)}
    assert set(ROOMS) <= copied
    assert copied.isdisjoint({".", "var", "tests", ".git", ".venv"})


def test_the_books_lie_in_the_volume() -> None:
    assert of("VOLUME") == ["/var/lib/sekisho"]
    assert "SEKISHO_HOME=/var/lib/sekisho" in " ".join(of("ENV")).split()


def test_health_is_asked_of_readyz_without_a_tool_that_is_not_there() -> None:
    _, _, command = of("HEALTHCHECK")[0].partition("CMD ")
    python, flag, code = json.loads(command)
    assert (python, flag) == ("python", "-c")
    assert "/readyz" in code and "timeout=" in code
    compile(code, "healthcheck", "exec")


def test_it_serves_on_the_port_it_exposes() -> None:
    assert of("EXPOSE") == ["8080"]
    assert json.loads(of("ENTRYPOINT")[0]) == ["python", "-m", "proxy"]
    assert json.loads(of("CMD")[0]) == ["serve", "--host", "0.0.0.0"]


@pytest.fixture(name="service")
def compose_service() -> dict[str, Any]:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    service: dict[str, Any] = compose["services"]["sekisho"]
    return service


def test_compose_takes_every_right_away_that_is_not_needed(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service and "cap_add" not in service
    assert all(str(port).startswith("127.0.0.1:") for port in service["ports"])


def test_compose_keeps_the_books_and_writes_no_secret_down(service: dict[str, Any]) -> None:
    assert "sekisho:/var/lib/sekisho" in service["volumes"]
    assert service["environment"]["SEKISHO_UPSTREAM_KEY"] == "${SEKISHO_UPSTREAM_KEY:-}"


def test_compose_names_settings_that_exist(service: dict[str, Any]) -> None:
    from proxy.settings import known_names

    assert set(service["environment"]) <= known_names()
