"""A kind of channel: its form in YAML, and what opens it. The kinds that there are stand in channels.py."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, BeforeValidator

from audit.alerts.model import SEVERITIES, SEVERITY_WORDS, Severity
from policies.complaints import Words, unknown
from policies.schema import Strict, wrong
from proxy.alerting.letters import Letter
from proxy.settings import PREFIX, Settings

Brought = Callable[[Letter], None]
"""Called for each letter as it arrived."""


class Carrier(Protocol):
    """What brings letters somewhere."""

    async def bring(self, letters: Sequence[Letter], brought: Brought) -> None:
        """Returns once all of them are there. Raises `NotTaken` where they are not."""


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", value):
        raise wrong(
            Words(
                f"名前「{value}」は使えません。英小文字・数字・「-」で40字までにしてください。",
                f"'{value}' is no name; use up to 40 small letters, digits and '-'.",
            )
        )
    return value


def _severity(value: object) -> object:
    if value not in SEVERITIES:
        words: Mapping[str, str] = {str(name): word for name, word in SEVERITY_WORDS.items()}
        raise wrong(unknown(Words("値", "value"), value, SEVERITIES, words))
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", value) or value.startswith(PREFIX):
        raise wrong(
            Words(
                f"「{value}」は秘密を入れる環境変数の名前に使えません。{PREFIX} で始まらない、大文字の名前にしてください。",
                f"'{value}' cannot name the variable of a secret; use capitals, not beginning with {PREFIX}.",
            )
        )
    return value


Variable = Annotated[str, AfterValidator(_variable)]
"""The name of an environment variable that holds a secret."""


class ChannelForm(Strict):
    """What every channel says. ``severity``: from this one on; ``with_person``: whether it may carry whom an alert is about;
    ``drills``: whether those of drills are told here, too."""

    name: Annotated[str, AfterValidator(_name)]
    kind: str
    severity: Annotated[Severity, BeforeValidator(_severity)] = "medium"
    with_person: bool = False
    drills: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of channel works.

    open   reads secrets, opens no connection; raises OSError, or ValueError with a sentence in both languages
    every  seconds between two looks: what comes in between goes out together
    """

    form: type[ChannelForm]
    open: Callable[[Any, Settings], Carrier]
    every: Callable[[Any], float] = lambda form: 1.0


def secret_of(name: str, file: str | None, variable: str | None) -> str | None:
    """A secret out of a file or a variable; None where neither is named. Raises OSError, or ValueError with a sentence."""
    if file is None and variable is None:
        return None
    said = Path(file).read_text(encoding="utf-8") if file is not None else os.environ.get(variable or "", "")
    if not said.strip():
        raise ValueError(
            f"知らせる先 {name}: 秘密が空です({file or variable})。値を入れてください"
            f" / channel {name}: its secret is empty ({file or variable})"
        )
    return said.strip()
