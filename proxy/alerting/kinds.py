"""A kind of channel: its form in YAML, and what opens it. The kinds that there are stand in channels.py."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import BeforeValidator

from audit.alerts.model import SEVERITIES, SEVERITY_WORDS, Severity
from policies.complaints import Words, unknown
from policies.schema import wrong
from proxy.alerting.letters import Letter
from proxy.outlets.named import NamedForm
from proxy.settings import Settings

Brought = Callable[[Letter], None]
"""Called for each letter as it arrived."""


class Carrier(Protocol):
    """What brings letters somewhere."""

    async def bring(self, letters: Sequence[Letter], brought: Brought) -> None:
        """Returns once all of them are there. Raises `NotTaken` where they are not."""


def _severity(value: object) -> object:
    if value not in SEVERITIES:
        words: Mapping[str, str] = {str(name): word for name, word in SEVERITY_WORDS.items()}
        raise wrong(unknown(Words("値", "value"), value, SEVERITIES, words))
    return value


class ChannelForm(NamedForm):
    """What every channel says. ``severity``: from this one on; ``with_person``: whether it may carry whom an alert is about;
    ``drills``: whether those of drills are told here, too."""

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
