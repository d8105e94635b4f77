"""Sends the steps of a scenario to a running checkpoint, as the sender's own tool would, and says what became of each.

It speaks to the checkpoint and to nobody else; nothing of an answer is kept here.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.drills.scenario import Expected, Scenario

_PATIENCE = 300.0
"""Seconds that one step may take."""


class CannotSend(Exception):
    """The checkpoint was not reached: one sentence."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One step that was sent. ``exchange``: its id in the ledger; ``code``: why it was refused, None where it passed."""

    number: int
    say: str
    exchange: str | None
    status: int
    code: str | None
    outcome: Expected
    expect: Expected

    @property
    def as_expected(self) -> bool:
        return self.expect in ("anything", self.outcome)

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in self.__slots__} | {"as_expected": self.as_expected}


def played(scenario: Scenario, url: str, key: str, model: str) -> Iterator[Sent]:
    """Each step, sent one after another. ``url``: of the checkpoint, with /v1. Raises `CannotSend`."""
    for number, step in enumerate(scenario.steps, 1):
        body = {"model": model, "messages": [{"role": "user", "content": step.text}]}
        status, exchange, told = _asked(f"{url}/chat/completions", key, body)
        error = told.get("error") or {}
        waits = "confirmation" in error  # somebody may consent to it
        outcome: Expected = "answered" if status == 200 else "confirm" if waits else "refused"
        code = error.get("code")
        yield Sent(number, step.say, exchange, status, code, outcome, step.expect)


def _asked(url: str, key: str, body: dict[str, Any]) -> tuple[int, str | None, dict[str, Any]]:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as reply:
            return reply.status, reply.headers.get("x-request-id"), {}
    except urllib.error.HTTPError as refused:
        raw = refused.read()
        try:
            told = json.loads(raw)
        except ValueError:
            told = {}
        return refused.code, refused.headers.get("x-request-id"), told if isinstance(told, dict) else {}
    except (OSError, ValueError) as error:
        raise CannotSend(
            f"関所に届きません({type(error).__name__})。--url と、関所が動いているかを確かめてください"
            f" / the checkpoint was not reached ({type(error).__name__}): check --url, and that it runs"
        ) from None
