"""The file of a drill (YAML): what is sent, by whom, and how quickly it is to be noticed. Read here, and nothing is sent.

    title: 個人番号を三度送ろうとした職員
    made_up: true                    every name and number in it is made up: whoever writes the file says so
    kind: leak
    players: {sender: 情報政策課の訓練係, csirt: CSIRTの当番, second: CIO補佐官}
    aims: {detect: 10m, triage: 30m, contain: 2h}
    steps:
      - say: 窓口の記録をまとめてもらう
        text: 個人番号 … の方の記録です
        expect: refused

Edits that are safe: another text, another time, more steps. A drill that has begun keeps the digest of its file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from audit.incidents.drills import PHASES, Phase
from audit.incidents.model import Kind
from audit.wording import BadWording, name

Expected = Literal["answered", "refused", "confirm", "anything"]
_SPAN = re.compile(r"([1-9][0-9]{0,3})\s*(s|m|h)")
_UNITS = {"s": 1, "m": 60, "h": 3_600}
_LARGEST = 200_000
"""Bytes of a scenario."""


class BadScenario(ValueError):
    """The file is no scenario: which file, where in it, and what to do. It never quotes a text."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is sent. ``say``: what it is about; ``expect``: what the checkpoint should do with it."""

    say: str
    text: str = field(repr=False)
    expect: Expected


@dataclass(frozen=True, slots=True)
class Scenario:
    """A drill as it is planned. ``aims``: seconds. ``digest``: SHA-256 of the file."""

    title: str
    kind: Kind
    players: Mapping[str, str]
    aims: Mapping[Phase, int]
    steps: tuple[Step, ...]
    digest: str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Step(_Strict):
    say: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=20_000)
    expect: Expected = "anything"


class _Aims(_Strict):
    detect: str
    triage: str
    contain: str

    @field_validator("detect", "triage", "contain")
    @classmethod
    def _is_span(cls, value: str) -> str:
        if not _SPAN.fullmatch(value.strip()):
            raise ValueError("10m、90s、2h の形です / is written like 10m, 90s or 2h")
        return value


class _Players(_Strict):
    sender: str = Field(min_length=1, max_length=60)
    csirt: str = Field(min_length=1, max_length=60)
    second: str = Field(min_length=1, max_length=60)


class _File(_Strict):
    title: str
    made_up: Literal[True]
    kind: Kind
    players: _Players
    aims: _Aims
    steps: Annotated[list[_Step], Field(min_length=1, max_length=100)]

    @field_validator("title")
    @classmethod
    def _is_title(cls, value: str) -> str:
        try:
            return name(value)
        except BadWording as error:
            raise ValueError(str(error)) from None


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file. Raises `BadScenario` with everything that is wrong, a line each."""
    import yaml

    try:
        raw = path.read_bytes()
        if len(raw) > _LARGEST:
            raise BadScenario(f"{path}: 大きすぎます(200KBまで) / is larger than 200 KB")
        data = yaml.safe_load(raw.decode("utf-8"))
    except OSError as error:
        raise BadScenario(f"{path}: 読めません({error.strerror}) / cannot be read") from None
    except UnicodeDecodeError:
        raise BadScenario(f"{path}: UTF-8のファイルではありません / is not a UTF-8 file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise BadScenario(f"{path}{line}: YAMLとして読めません / is no YAML") from None
    try:
        read = _File.model_validate(data)
    except ValidationError as error:
        raise BadScenario("\n".join(_told(path, one) for one in error.errors(include_input=False))) from None
    aims = {phase: _seconds(getattr(read.aims, phase)) for phase in PHASES}
    if not aims["detect"] <= aims["triage"] <= aims["contain"]:
        raise BadScenario(
            f"{path}: aims: detect ≦ triage ≦ contain の順にしてください / aims must not run backwards"
        )
    return Scenario(
        title=read.title,
        kind=read.kind,
        players=read.players.model_dump(),
        aims=aims,
        steps=tuple(Step(one.say, one.text, one.expect) for one in read.steps),
        digest=sha256(raw).hexdigest(),
    )


def _seconds(written: str) -> int:
    found = _SPAN.fullmatch(written.strip())
    assert found is not None
    return int(found[1]) * _UNITS[found[2]]


def _told(path: Path, fault: Mapping[str, Any]) -> str:
    where = "".join(f"[{one + 1}]" if isinstance(one, int) else f".{one}" for one in fault["loc"]).lstrip(".")
    if fault["type"] == "missing":
        said = "書かれていません / is missing"
    elif fault["type"] == "extra_forbidden":
        said = "その項目はありません / there is no such field"
    elif where == "made_up":
        said = (
            "true にしてください。氏名や番号がすべて作ったものだと、書いた人が確かめたしるしです"
            " / must be true: whoever wrote it has seen to it that every name and number is made up"
        )
    elif fault["type"] == "value_error":
        said = str(fault["ctx"]["error"])
    else:
        said = f"形が違います({fault['type']}) / is not of the right form"
    return f"{path}: {where}: {said}"
