"""A request cut into units: what a person confirms, and what is known again when it comes once more.

Each turn of the conversation is a unit, each other field that holds text that is searched, and the purpose. A unit is
known by HMAC-SHA256 of its canonical JSON under a key that is made for one confirmation, so that nobody who has the
HMAC alone can try out texts. Pure; keeps no text, knows no book.
"""

import hmac
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from policies.decide import Policy
from proxy.found import Findings
from proxy.surfaces.request import Request
from redaction.encoded import opened
from redaction.model import IRREVERSIBLE

PURPOSE = "purpose"
"""The unit of what is said in X-Sekisho-Purpose."""
_TURN = "turn"
_TOOLS = frozenset({"tools", "functions"})
_STEP = re.compile(r"[^.\[\]]+")
_CACHED = ({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "5m"}, {"type": "ephemeral", "ttl": "1h"})
"""Marks that clients move from turn to turn as a conversation grows; they say nothing."""
_OF_THE_MODEL = frozenset({"reasoning", "compaction", "mcp_list_tools"})

Datum = tuple[str, str]
"""Type and value of something that was found. Never leaves the memory of one exchange."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of a request. ``name`` says where it is: ``messages[3]``, ``system``, ``purpose``.

    ``newest``: of the newest turn, whatever comes after the model's last answer. ``made``: the model wrote it.
    ``data`` is what was found in it, ``words`` the word lists that occur in it, ``attached`` what cannot be searched;
    ``tools``: it offers tools.
    """

    name: str
    kind: str
    value: Any = field(repr=False)
    newest: bool = False
    made: bool = False
    tools: bool = False
    data: Counter[Datum] = field(default_factory=Counter, repr=False)
    words: frozenset[str] = frozenset()
    attached: int = 0

    @property
    def clean(self) -> bool:
        """Nothing in it can be what a rule asks about."""
        return not (self.data or self.words or self.attached or self.tools)

    @property
    def triggering(self) -> bool:
        """Whether it is part of what a person confirms."""
        return self.newest or not self.clean

    def signed(self, key: bytes) -> str:
        """What it is known by under a key: the same for the same content, wherever in the conversation it stands."""
        return hmac.digest(key, canonical(self.kind, self.value), "sha256").hex()


def canonical(kind: str, value: Any) -> bytes:
    """One spelling of a unit: the same JSON value gives the same bytes, and no two values do."""
    written = json.dumps([kind, _lasting(value)], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return written.encode("utf-8", "surrogatepass")


def cut(request: Request, findings: Findings, policy: Policy, on: date) -> tuple[Unit, ...]:
    """The units of a request that was searched, in the order of its leaves' first appearance."""
    paths: dict[str, str] = {}
    sheets: dict[str, list[int]] = {}
    attached: Counter[str] = Counter()
    for leaf in request.strings.leaves:
        name = name_of(leaf.path, request)
        paths.setdefault(name, leaf.path)
        if leaf.sheet not in (held := sheets.setdefault(name, [])):
            held.append(leaf.sheet)
    for path in request.strings.originals:
        attached[name_of(path, request)] += 1
    newest, made = _newest(request, paths), _made(request)
    found = _data(request, findings)
    values = {name: _value(request, name) for name in paths}
    return tuple(
        Unit(
            name,
            _TURN if name.endswith("]") else name,
            value,
            name in newest,
            name in made,
            name in _TOOLS or _offers(value),
            found.get(name, Counter()),
            _words([request.texts[sheet] for sheet in sheets[name]], policy, on),
            attached[name],
        )
        for name, value in values.items()
    )


def name_of(path: str, request: Request) -> str:
    """The unit that a string belongs to: ``messages[0].content[1].text`` to ``messages[0]``."""
    steps = _STEP.findall(path)
    if steps[0] == request.turns and isinstance(request.body.get(request.turns), list):
        return f"{steps[0]}[{steps[1]}]"
    return str(steps[0])


def echoes(units: Iterable[Unit], known: Collection[Datum]) -> dict[str, set[Datum]]:
    """What the model only repeated: in each unit that it wrote, the data that ``known`` holds already."""
    return {unit.name: set(unit.data) & set(known) for unit in units if unit.made and not unit.newest}


def without_echoes(
    request: Request, findings: Findings, repeated: Mapping[str, Collection[Datum]]
) -> Findings:
    """The findings of a request without those that are only repeated by the model, by unit."""
    kept: list[Sequence[Any]] = []
    names = _names_of_texts(request)
    for text, found, name in zip(request.texts, findings, names, strict=True):
        gone = repeated.get(name, ())
        kept.append([f for f in found if (f.label, text[f.start : f.end]) not in gone] if gone else found)
    return kept


def _data(request: Request, findings: Findings) -> dict[str, Counter[Datum]]:
    """What was found in each unit. An irreversible value is nobody's echo: the model never had it."""
    data: dict[str, Counter[Datum]] = {}
    for text, found, name in zip(request.texts, findings, _names_of_texts(request), strict=True):
        for number, f in enumerate(found):
            value = f"{name} {number}" if f.label in IRREVERSIBLE else text[f.start : f.end]
            data.setdefault(name, Counter())[f.label, value] += 1
    return data


def _names_of_texts(request: Request) -> list[str]:
    """The unit of each of the request's texts. A sheet never holds strings of two units."""
    return [name_of(path, request) for path in request.strings.places]


def _words(texts: Iterable[str], policy: Policy, on: date) -> frozenset[str]:
    if not policy.word_lists:
        return frozenset()
    written = list(texts)
    return frozenset(policy.words([*written, *(inner for text in written for inner in opened(text))], on))


def _turns(request: Request) -> list[Any]:
    turns = request.body.get(request.turns) if request.turns else None
    return turns if isinstance(turns, list) else []


def _made(request: Request) -> set[str]:
    """The turns that say of themselves that the model wrote them."""
    return {f"{request.turns}[{n}]" for n, turn in enumerate(_turns(request)) if _by_the_model(turn)}


def _newest(request: Request, names: Collection[str]) -> set[str]:
    """The units of the newest turn: what came after the model's last answer, and an answer begun for it.

    Instructions that stand among the turns are not part of it, as they are not where they are a field of their own:
    tools write the time of the day into them. Where there are no turns, it is what the request is about.
    """
    turns = _turns(request)
    if not turns:
        about = {request.turns, *request.required} - {"model", ""}
        return {name for name in names if name in about}
    end = len(turns)
    while end and _by_the_model(turns[end - 1]):
        end -= 1
    begin = end
    while begin and not _by_the_model(turns[begin - 1]):
        begin -= 1
    new = [n for n in range(begin, len(turns)) if not _instructs(turns[n])]
    return {f"{request.turns}[{n}]" for n in new or range(begin, len(turns))}


def _by_the_model(turn: Any) -> bool:
    if not isinstance(turn, dict):
        return False
    kind = turn.get("type")
    return turn.get("role") == "assistant" or (
        isinstance(kind, str) and (kind.endswith("_call") or kind in _OF_THE_MODEL)
    )


def _instructs(turn: Any) -> bool:
    return isinstance(turn, dict) and turn.get("role") in ("system", "developer")


def _offers(value: Any) -> bool:
    """Whether a turn offers tools of its own."""
    return isinstance(value, dict) and value.get("type") == "additional_tools"


def _value(request: Request, name: str) -> Any:
    if name == PURPOSE:
        return request.declared.purpose or ""
    field_name, _, number = name.rstrip("]").partition("[")
    value = request.body[field_name]
    return value[int(number)] if number else value


def _lasting(value: Any) -> Any:
    """The value without marks that move about and say nothing."""
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    if isinstance(value, dict):
        return {
            name: _lasting(item)
            for name, item in value.items()
            if not (name == "cache_control" and item in _CACHED)
        }
    return value
