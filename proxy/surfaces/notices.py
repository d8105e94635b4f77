"""The notices of a verdict as the caller is told of them: the rules' ids in a header, a line behind the answer. Pure.

    X-Sekisho-Notices: P-05, P-12, T.3C.D2, +3

    ……次の三点に整理できます。

    ―――
    【関所】回答は職員が必ず確かめてください。(P-12)

The line is the checkpoint's: it goes to the caller and never to a model. A tool sends it back as part of an earlier
answer, a clerk pastes it with one. There it is taken out again: the model does not learn to write it, no rule matches
on what a rule has said, and a rule's id is not taken for somebody's number.
Its form may be added to; a mark that was once given out must be known for as long as conversations live.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from policies.model import RuleHit, Verdict
from proxy.callers import Caller
from proxy.surfaces.parameters import parameters
from proxy.surfaces.tools import named

MOST_IDS = 20
"""Ids in the header; the rest is told as a number. A table may match in many cells at once."""
MOST_SENTENCES = 5
_LONGEST = 120
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

_SIGN = "【関所】"
MARK = f"\n\n―――\n{_SIGN}"
_LINE = re.compile(
    rf"\r?\n\r?\n―――\r?\n{_SIGN}[^\r\n]+\([A-Za-z0-9][A-Za-z0-9._、-]*\)(?: ほか[0-9]+件)?(?=\r?\n|\Z)"
)


def header(ids: Iterable[str]) -> str:
    """``P-05, P-12, +3``: ASCII on one line, whatever the ids are. What is no id of a rule is only counted."""
    every = tuple(dict.fromkeys(ids))
    shown = [id for id in every if _ID.fullmatch(id)][:MOST_IDS]
    left = len(every) - len(shown)
    return ", ".join([*shown, f"+{left}"] if left else shown)


def line_for(caller: Caller, verdict: Verdict) -> str:
    """What this caller's answer is to end with: nothing, unless the key asks for it."""
    return line(verdict.notices) if caller.append_notices else ""


def line(notices: Sequence[RuleHit]) -> str:
    """The paragraph to be appended: each sentence once, with the rules that say it. Empty where there is none."""
    said: dict[str, list[str]] = {}
    for hit in notices:
        said.setdefault(_sentence(hit), []).append(hit.id)
    shown = [f"{sentence}({'、'.join(ids[:MOST_IDS])})" for sentence, ids in said.items()][:MOST_SENTENCES]
    left = len(said) - len(shown)
    return MARK + " ".join([*shown, f"ほか{left}件"] if left else shown) if shown else ""


def is_for_a_person(body: Mapping[str, Any], turns: str, stops: str | None = None) -> bool:
    """Whether the answer to this request is text that somebody reads, so that a line may stand behind it.

    ``turns`` and ``stops`` name the fields of the conversation and of the caller's own stops. It is not where
    tools, JSON or a schema are asked for, where the caller says at which words the text must stop, or where the
    model goes on with what the caller began to write: all of these are read by programs.
    """
    wanted = parameters(body).get("response_format", "text")
    stopping = stops is not None and bool(body.get(stops))
    return wanted == "text" and not named(body) and not stopping and not _is_begun(body.get(turns))


def without_lines(value: Any) -> Any:
    """A request with the line taken out of every text in it; the rest is as it came.

    Done before anything is searched, so that nothing is sent unsearched. A text that is nothing but the line stays:
    servers refuse an empty one.
    """
    if isinstance(value, str):
        return _LINE.sub("", value) or value if _SIGN in value else value
    if isinstance(value, list):
        return [without_lines(item) for item in value]
    if isinstance(value, dict):
        return {name: without_lines(item) for name, item in value.items()}
    return value


def _is_begun(turns: Any) -> bool:
    last = turns[-1] if isinstance(turns, list) and turns else None
    return isinstance(last, dict) and last.get("role") == "assistant"


def _sentence(hit: RuleHit) -> str:
    """On one line, and no longer than can be read at a glance."""
    whole = " ".join((hit.notice or hit.title).ja.split())
    return whole if len(whole) <= _LONGEST else f"{whole[: _LONGEST - 1]}…"
