"""The probes of leaks.py: one request each with planted values, and a verdict in a few words.

A probe looks for its values in the bytes that the upstream received, and compares the reply that the caller
saw with what it should be. The upstream repeats what arrived at the place in question, as a model would.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from leak_upstream import Json, Received, Saying, Upstream, say

_CHAT_PATH, _RESPONSES_PATH, _MESSAGES_PATH = "chat/completions", "responses", "messages"
MAIL, CARD, PHONE = "hanako.sato@example.com", "4111 1111 1111 1111", "212-555-0143"
WRONG = "wrong person"
OTHER = "jiro.suzuki@example.org"
TEXT = f"Please write to {MAIL}, card {CARD}, phone {PHONE}."
PLANTED = {"e-mail": (MAIL, "hanako.sato"), "card": (CARD, "1111 1111 1111"), "phone": (PHONE, "555-0143")}
"""Each value, and the part of it that must not be left over either."""

_PLACEHOLDER = re.compile(r"<[A-Z_]+_[0-9]+>|<[A-Z_]+>|\[[A-Z_]+_[0-9]+_[a-z2-7]{4}\]|\[[A-Z_]{4,}\]")
"""LiteLLM's `<PERSON_1>`, Presidio's `<PERSON>`, ours `[PERSON_1_k7q2]` and `[PHONE_NUMBER]`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``good`` None: neither good nor bad in itself."""

    words: str
    good: bool | None
    seen: str = ""

    @property
    def cell(self) -> str:
        return f"**{self.words}**" if self.good is False else self.words


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller saw. ``first`` and ``last``: when text came, on the monotonic clock."""

    status: int
    texts: tuple[str, ...] = ()
    arguments: str = ""
    error: str = ""
    first: float = 0.0
    events: int = 0

    @property
    def text(self) -> str:
        return self.texts[0] if self.texts else ""


@dataclass
class Target:
    """One proxy under test: where it listens and the upstream behind it."""

    name: str
    base_url: str
    key: str
    upstream: Upstream
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=30))

    def ask(
        self, path: str, body: Json, answer: Callable[[Received], Saying]
    ) -> tuple[Reply, list[Received]]:
        """Send one request; the reply, and what the upstream received meanwhile."""
        self.upstream.answer = answer
        self.upstream.received.clear()
        headers = {"authorization": f"Bearer {self.key}", "x-api-key": self.key}
        if path == "messages":
            headers = {"x-api-key": self.key, "anthropic-version": "2023-06-01"}
        else:
            headers.pop("x-api-key")
        with self.client.stream("POST", f"{self.base_url}/{path}", json=body, headers=headers) as answered:
            reply = _read(answered, path)
        return reply, list(self.upstream.received)


def _read(answered: httpx.Response, path: str) -> Reply:
    if answered.status_code != 200:
        return Reply(answered.status_code, error=answered.read().decode()[:300])
    if "event-stream" not in answered.headers.get("content-type", ""):
        whole = json.loads(answered.read())
        return Reply(200, tuple(_whole_texts(whole, path)), _whole_arguments(whole), first=time.monotonic())
    texts: dict[int, str] = {}
    arguments, first, error, events = "", 0.0, "", 0
    for line in answered.iter_lines():
        if not line.startswith("data:") or line == "data: [DONE]":
            continue
        event = json.loads(line.removeprefix("data:"))
        if event.get("error"):
            error = json.dumps(event)[:300]
        for index, text in _pieces(event):
            texts[index] = texts.get(index, "") + text
            if text:
                first, events = first or time.monotonic(), events + 1
        arguments += _piece_of_arguments(event)
    return Reply(200, tuple(texts[i] for i in sorted(texts)), arguments, error, first, events)


def _whole_texts(whole: Json, path: str) -> Iterator[str]:
    if path == "chat/completions":
        yield from (choice["message"].get("content") or "" for choice in whole["choices"])
    elif path == "messages":
        yield "".join(block.get("text", "") for block in whole["content"])
    elif path == "responses":
        yield "".join(part.get("text", "") for item in whole["output"] for part in item.get("content", ()))


def _whole_arguments(whole: Json) -> str:
    calls = [
        call for choice in whole.get("choices", ()) for call in choice["message"].get("tool_calls") or ()
    ]
    return "".join(call["function"]["arguments"] for call in calls)


def _pieces(event: Json) -> Iterator[tuple[int, str]]:
    for choice in event.get("choices") or ():
        yield choice.get("index", 0), (choice.get("delta") or {}).get("content") or ""
    if event.get("type") == "response.output_text.delta":
        yield 0, event["delta"]
    if event.get("type") == "content_block_delta":
        yield 0, event["delta"].get("text", "")


def _piece_of_arguments(event: Json) -> str:
    calls = [
        call
        for choice in event.get("choices") or ()
        for call in (choice.get("delta") or {}).get("tool_calls") or ()
    ]
    return "".join((call.get("function") or {}).get("arguments") or "" for call in calls)


# ── what was sent: planted values at every place of a request ─────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a request where values are planted. ``site`` reads what arrived there, as text."""

    name: str
    path: str
    body: Json
    site: Callable[[Json], Any]
    planted: dict[str, tuple[str, str]] = field(default_factory=lambda: PLANTED)

    def __call__(self, target: Target) -> Verdict:
        reply, received = target.ask(self.path, self.body, self._repeat)
        if not received:
            return refused(reply)
        leaked = leaks(received, self.planted)
        if leaked:
            return Verdict(f"leaked: {', '.join(leaked)}", False)
        arrived = self._arrived(received[-1])
        if arrived is None:
            return Verdict("field left out", None)
        if self.path == "embeddings":
            return Verdict("masked", True) if reply.status == 200 else broken(reply)
        back = restored(reply, "You sent: " + _as_text(self.site(self.body)))
        return Verdict(f"masked, {back.words}", back.good, back.seen)

    def _arrived(self, received: Received) -> str | None:
        try:
            found = self.site(received.body)
        except (KeyError, IndexError, TypeError):
            return None
        return None if found in (None, "", [], {}) else _as_text(found)

    def _repeat(self, received: Received) -> Saying:
        return say("You sent: " + (self._arrived(received) or "nothing"))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def leaks(received: list[Received], planted: dict[str, tuple[str, str]]) -> list[str]:
    """Which values stand in what the upstream received, written as JSON or unescaped."""
    told = []
    for label, (whole, part) in planted.items():
        seen = [text for one in received for text in (one.raw.decode(), _unescaped(one))]
        if any(whole in text for text in seen):
            told.append(label)
        elif any(part in text for text in seen):
            told.append(f"part of the {label}")
    return told


def _unescaped(received: Received) -> str:
    return json.dumps(received.body, ensure_ascii=False)


def refused(reply: Reply) -> Verdict:
    return Verdict(f"refused ({reply.status})", True, reply.error)


def broken(reply: Reply) -> Verdict:
    return Verdict(f"error ({reply.status})", False, reply.error)


def restored(reply: Reply, expected: str, others: tuple[str, ...] = (), got: str | None = None) -> Verdict:
    """Compare what the caller saw with what it should be. ``others``: values that must not stand in it."""
    got = reply.text if got is None else got
    if reply.status != 200 or reply.error:
        return broken(reply)
    if got == expected:
        return Verdict("restored right", True)
    if any(got.count(other) > expected.count(other) for other in (*others, MAIL, OTHER)):
        return Verdict(WRONG, False, got)
    if _PLACEHOLDER.search(got):
        return Verdict("not restored", False, got)
    return Verdict("changed", False, got)


def _user(content: str, **more: Any) -> Json:
    return {"model": "probe", "messages": [{"role": "user", "content": content}], **more}


_ASK = "Summarise the attached record."
_SCHEMA = {"type": "object", "properties": {"to": {"type": "string", "description": TEXT}}}
_ARGUMENTS = json.dumps({"to": MAIL, "card": CARD, "phone": PHONE}, separators=(",", ":"))
_CALL = {"id": "call_1", "type": "function", "function": {"name": "send_mail", "arguments": _ARGUMENTS}}
_RESULT = {"role": "tool", "tool_call_id": "call_1", "content": TEXT}
_FORMAT = {"type": "json_schema", "json_schema": {"name": "record", "schema": _SCHEMA}}


def _tool(description: str) -> Json:
    function = {
        "name": "send_mail",
        "description": description,
        "parameters": {"type": "object", "properties": {}},
    }
    return {"type": "function", "function": function}


def _chat(name: str, site: Callable[[Json], Any], body: Json, **more: Any) -> Place:
    return Place(f"chat: {name}", "chat/completions", body, site, **more)


_FOREIGN = "Please check IBAN GB33BUKB20201555555555, SSN 536-90-4399, IP 192.168.10.20 and the device 00:1B:44:11:3A:B7."
_FOREIGN_PLANTED = {
    "IBAN": ("GB33BUKB20201555555555", "BUKB20201555"),
    "SSN": ("536-90-4399", "536-90"),
    "IP address": ("192.168.10.20", "192.168.10"),
    "MAC address": ("00:1B:44:11:3A:B7", "00:1B:44:11"),
}
_HISTORY = [{"role": "user", "content": _ASK}, {"role": "assistant", "content": None, "tool_calls": [_CALL]}]
_MAIL_ONLY = {"e-mail": PLANTED["e-mail"]}


def _content(at: int) -> Callable[[Json], Any]:
    return lambda body: body["messages"][at]["content"]


_CHAT = [
    _chat("content", _content(0), _user(TEXT)),
    _chat("content in parts", lambda b: b["messages"][0]["content"][0]["text"],
          {"model": "probe", "messages": [{"role": "user", "content": [{"type": "text", "text": TEXT}]}]}),
    _chat("content, Japanese around an e-mail address", _content(0), _user("連絡先はtaro@example.comです"),
          planted={"e-mail": ("taro@example.com", "taro@")}),
    _chat("content, Japanese around a card number", _content(0), _user("カードは4111111111111111です"),
          planted={"card": ("4111111111111111", "411111111111")}),
    _chat("content, an English name", _content(0), _user("My name is John Smith and I have a question."),
          planted={"name": ("John Smith", "John")}),
    _chat("content, an English place name", _content(0), _user("I live in Springfield, Illinois."),
          planted={"place": ("Springfield", "Springfield")}),
    _chat("content, numbers of other countries", _content(0), _user(_FOREIGN), planted=_FOREIGN_PLANTED),
    _chat("system", _content(0), {"model": "probe", "messages": [
        {"role": "system", "content": TEXT}, {"role": "user", "content": _ASK}]}),
    _chat("tool description", lambda b: b["tools"][0]["function"]["description"], _user(_ASK, tools=[_tool(TEXT)])),
    _chat("tool-call arguments in the history", lambda b: b["messages"][1]["tool_calls"][0]["function"]["arguments"],
          {"model": "probe", "messages": [*_HISTORY, {**_RESULT, "content": "sent"}], "tools": [_tool("mail")]}),
    _chat("tool result", _content(2),
          {"model": "probe", "messages": [*_HISTORY[:1], {**_HISTORY[1], "tool_calls": [
              {**_CALL, "function": {"name": "send_mail", "arguments": "{}"}}]}, _RESULT], "tools": [_tool("mail")]}),
    _chat("stop", lambda b: b["stop"], _user(_ASK, stop=[MAIL]), planted=_MAIL_ONLY),
    _chat("user", lambda b: b["user"], _user(_ASK, user=MAIL), planted=_MAIL_ONLY),
    _chat("metadata", lambda b: b["metadata"], _user(_ASK, metadata={"note": TEXT})),
    _chat("response_format schema", lambda b: b["response_format"]["json_schema"]["schema"],
          _user(_ASK, response_format=_FORMAT)),
    _chat("prediction", lambda b: b["prediction"]["content"],
          _user(_ASK, prediction={"type": "content", "content": TEXT})),
    _chat("a field nobody knows", lambda b: b["session_note"], _user(_ASK, session_note=TEXT)),
]  # fmt: skip


def _responses(name: str, site: Callable[[Json], Any], **body: Any) -> Place:
    return Place(f"responses: {name}", "responses", {"model": "probe", **body}, site)


def _first_text(body: Json) -> Any:
    """The input of a responses request, as text or as the first part of the first message."""
    given = body["input"]
    while not isinstance(given, str):
        given = given[0] if isinstance(given, list) else given.get("content", given.get("text"))
    return given


_RESPONSES = [
    _responses("input", _first_text, input=TEXT),
    _responses("input in parts", _first_text,
               input=[{"role": "user", "content": [{"type": "input_text", "text": TEXT}]}]),
    _responses("instructions", lambda b: b["instructions"], input=_ASK, instructions=TEXT),
    _responses("tool description", lambda b: b["tools"][0]["description"], input=_ASK, tools=[
        {"type": "function", "name": "send_mail", "description": TEXT, "parameters": {"type": "object"}}]),
]  # fmt: skip


def _messages(name: str, site: Callable[[Json], Any], messages: list[Json], **more: Any) -> Place:
    body = {"model": "claude-probe", "max_tokens": 100, "messages": messages, **more}
    return Place(f"messages: {name}", "messages", body, site)


def _blocks_text(value: Any) -> Any:
    """The text of a place that is a string or a list of text blocks."""
    return value if isinstance(value, str) else "".join(block["text"] for block in value)


_USE = {"type": "tool_use", "id": "toolu_1", "name": "send_mail", "input": json.loads(_ARGUMENTS)}
_MAIL_TOOL = {
    "name": "send_mail",
    "description": "mail",
    "input_schema": {"type": "object", "properties": {}},
}


def _used(use: Json, result: str) -> list[Json]:
    answer = {"type": "tool_result", "tool_use_id": "toolu_1", "content": result}
    return [
        {"role": "user", "content": _ASK},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [answer]},
    ]


_MESSAGES = [
    _messages("content", lambda b: _blocks_text(b["messages"][0]["content"]), [{"role": "user", "content": TEXT}]),
    _messages("system", lambda b: _blocks_text(b["system"]), [{"role": "user", "content": _ASK}], system=TEXT),
    _messages("tool description", lambda b: b["tools"][0]["description"], [{"role": "user", "content": _ASK}],
              tools=[{**_MAIL_TOOL, "description": TEXT}]),
    _messages("tool_use input in the history", lambda b: b["messages"][1]["content"][0]["input"],
              _used(_USE, "sent"), tools=[_MAIL_TOOL]),
    _messages("tool_result", lambda b: _blocks_text(b["messages"][2]["content"][0]["content"]),
              _used({**_USE, "input": {}}, TEXT), tools=[_MAIL_TOOL]),
]  # fmt: skip

_EMBEDDINGS = [
    Place("embeddings: input", "embeddings", {"model": "probe", "input": TEXT}, lambda b: b["input"]),
    Place(
        "embeddings: input, a list",
        "embeddings",
        {"model": "probe", "input": [_ASK, TEXT]},
        lambda b: b["input"],
    ),
]


# ── what comes back: pseudonyms, streams, cut placeholders ────────────────────────────────────────


def _request(path: str, text: str, stream: bool, **more: Any) -> Json:
    if path == "responses":
        return {"model": "probe", "input": text, "stream": stream, **more}
    if path == "messages":
        messages = [{"role": "user", "content": text}]
        return {"model": "claude-probe", "max_tokens": 100, "messages": messages, "stream": stream, **more}
    return _user(text, stream=stream, **more)


def _arrived_text(received: Received) -> str:
    body = received.body
    if "input" in body:
        return str(_first_text(body))
    return str(_blocks_text(body["messages"][-1]["content"]))


TWO = f"First {MAIL}; second {OTHER}; end."


def _two(received: Received) -> tuple[str, str]:
    """The placeholders of the two persons of TWO, as they arrived."""
    first, second = re.fullmatch(r"First (.*); second (.*); end\.", _arrived_text(received), re.S).groups()  # type: ignore[union-attr]
    return first, second


def _cut(placeholder: str) -> int:
    """Just before the number of a placeholder: what is left of it fits both persons."""
    found = re.search(r"[0-9]", placeholder)
    return found.start() if found else len(placeholder) // 2


def one_pseudonym(target: Target) -> Verdict:
    """The same address twice in one message."""
    text = f"Write to {MAIL}, and once more to {MAIL}, please."
    _, received = target.ask(_CHAT_PATH, _user(text), _fine)
    found = re.search(r"to (.*?), and once more to (.*?), please", _content(0)(received[-1].body))
    return _named(found.groups() if found else ())


def one_over_turns(target: Target) -> Verdict:
    """The same address in the first turn, in the first turn sent again, and in the second beside another."""
    turns = [
        {"role": "user", "content": f"Write to {MAIL}, please."},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": f"Now ask {OTHER}, and again {MAIL}, please."},
    ]
    names = []
    for until in (1, 3):
        _, received = target.ask(_CHAT_PATH, {"model": "probe", "messages": turns[:until]}, _fine)
        for message in received[-1].body["messages"][::2]:
            names += re.findall(r"(?:Write to|and again) (.*?), please", message["content"])
    return _named(names)


def _named(names: Sequence[str]) -> Verdict:
    many = len(set(names))
    return Verdict("one pseudonym" if many == 1 else f"{many} pseudonyms", many == 1, " ".join(names))


def _fine(received: Received) -> Saying:
    return say("ok")


def typed(target: Target, exact: bool) -> Verdict:
    """The user's text holds what looks like a placeholder, or the very one that a value will get."""
    token = "<EMAIL_ADDRESS_1>" if target.name.startswith("LiteLLM") else "[EMAIL_ADDRESS_1_abcd]"
    if exact:
        _, received = target.ask("chat/completions", _user(f"Template X; contact {MAIL}."), _fine)
        found = re.search(r"contact (.*)\.", _content(0)(received[-1].body))
        token = found.group(1) if found else token
    text = f"Template {token}; contact {MAIL}."
    reply, _ = target.ask(_CHAT_PATH, _user(text), lambda r: say("You sent: " + _arrived_text(r)))
    back = restored(reply, "You sent: " + text)
    return Verdict("somebody's address in its place", False, back.seen) if back.words == WRONG else back


def two_persons(target: Target, path: str) -> Verdict:
    """A stream in which the second person's placeholder is cut just before its number."""

    def answer(received: Received) -> Saying:
        _, second = _two(received)
        at = _cut(second)
        return say("Ask ", second[:at], second[at:], " today.")

    reply, _ = target.ask(path, _request(path, TWO, True), answer)
    return restored(reply, f"Ask {OTHER} today.")


def rewritten(target: Target, how: Callable[[str], str]) -> Verdict:
    """The model does not copy the placeholder as it stood. Restored or not: never another person."""
    answer = lambda received: say(f"Ask {how(_two(received)[1])} today.")  # noqa: E731
    reply, _ = target.ask(_CHAT_PATH, _request(_CHAT_PATH, TWO, False), answer)
    back = restored(reply, f"Ask {OTHER} today.")
    return Verdict("not restored", False, back.seen) if back.words == "changed" else back


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def broken_off(target: Target, path: str, stream: bool) -> Verdict:
    """The answer ends, for its length, inside a placeholder that may be either person's: nobody may be named."""
    named = []
    for which, right in ((0, MAIL), (1, OTHER)):

        def answer(received: Received, which: int = which) -> Saying:
            name = _two(received)[which]
            return say("Ask ", name[: _cut(name)], finish="length")

        reply, _ = target.ask(path, _request(path, TWO, stream), answer)
        if reply.status != 200 or reply.error:
            return broken(reply)
        wrong = OTHER if right == MAIL else MAIL
        named.append(WRONG if wrong in reply.text else "guessed" if right in reply.text else "nobody named")
    words = max(named, key=("nobody named", "guessed", WRONG).index)
    return Verdict(words, words == "nobody named", f"{named}")


def several(target: Target, stream: bool) -> Verdict:
    """n = 2: each choice names another person, their pieces in turn, every placeholder cut."""

    def answer(received: Received) -> Saying:
        pieces = [("Ask ", name[: _cut(name)], name[_cut(name) :], ".") for name in _two(received)]
        return Saying(tuple(pieces))

    reply, _ = target.ask("chat/completions", _request("chat/completions", TWO, stream, n=2), answer)
    if reply.status == 200 and len(reply.texts) != 2:
        return Verdict(f"{len(reply.texts)} of 2 choices", False, str(reply.texts))
    return restored(reply, f"Ask {MAIL}.|Ask {OTHER}.", got="|".join(reply.texts))


def called(target: Target, stream: bool) -> Verdict:
    """The model calls a tool; the placeholder stands in the arguments, cut in the stream."""

    def answer(received: Received) -> Saying:
        first, _ = _two(received)
        return Saying(arguments=('{"to":"', first[: _cut(first)], first[_cut(first) :], '"}'))

    body = _request("chat/completions", TWO, stream, tools=[_tool("Sends a mail.")])
    reply, _ = target.ask("chat/completions", body, answer)
    return restored(reply, f'{{"to":"{MAIL}"}}', got=reply.arguments)


def forwarded(target: Target, path: str) -> Verdict:
    """Whether the first piece is given to the caller before the last was received."""
    pieces = [f"piece {i} of the answer. " for i in range(8)]
    answer = lambda received: say("Ask ", _two(received)[0], ". ", *pieces, pause=0.1)  # noqa: E731
    reply, _ = target.ask(path, _request(path, TWO, True), answer)
    if reply.status != 200 or reply.error:
        return broken(reply)
    early = target.upstream.last_sent - reply.first
    right = restored(reply, f"Ask {MAIL}. " + "".join(pieces))
    how = "as it comes" if early > 0 else "buffered to the end"
    good = early > 0 and right.good is True
    return Verdict(f"{how}, {right.words}", good, f"{early:.2f} s, {reply.events} events, {right.seen}")


def uttered(target: Target, stream: bool) -> Verdict:
    """The model names an address that was not in the question, cut over two chunks."""
    said = ("Ask ", "ichiro.tanaka@exam", "ple.net", " about it.")
    reply, _ = target.ask(
        "chat/completions", _request("chat/completions", "Whom do I ask?", stream), lambda r: say(*said)
    )
    if reply.status != 200 or reply.error:
        return broken(reply)
    whole = "ichiro.tanaka" in reply.text
    return Verdict("shown to the caller", False, reply.text) if whole else Verdict("masked", True, reply.text)


@dataclass(frozen=True, slots=True)
class Reaction:
    """A probe of the reply."""

    name: str
    run: Callable[[Target], Verdict]

    def __call__(self, target: Target) -> Verdict:
        return self.run(target)


_REACTIONS = [
    Reaction("same address twice in a message", one_pseudonym),
    Reaction("same address over the turns of a conversation", one_over_turns),
    Reaction("the user types something like a placeholder", lambda t: typed(t, False)),
    Reaction("the user types the very placeholder", lambda t: typed(t, True)),
    Reaction("chat stream: placeholder cut, two persons", lambda t: two_persons(t, _CHAT_PATH)),
    Reaction("responses stream: placeholder cut, two persons", lambda t: two_persons(t, _RESPONSES_PATH)),
    Reaction("messages stream: placeholder cut, two persons", lambda t: two_persons(t, _MESSAGES_PATH)),
    Reaction("the model writes the placeholder in small letters", lambda t: rewritten(t, str.lower)),
    Reaction("the model escapes its underscores", lambda t: rewritten(t, lambda p: p.replace("_", "\\_"))),
    Reaction("the model leaves its brackets out", lambda t: rewritten(t, lambda p: p[1:-1])),
    Reaction("the model puts it in full-width letters", lambda t: rewritten(t, _wide)),
    Reaction("chat: ends inside a placeholder, two persons", lambda t: broken_off(t, _CHAT_PATH, False)),
    Reaction(
        "chat stream: ends inside a placeholder, two persons", lambda t: broken_off(t, _CHAT_PATH, True)
    ),
    Reaction(
        "messages stream: ends inside a placeholder, two persons",
        lambda t: broken_off(t, _MESSAGES_PATH, True),
    ),
    Reaction("chat: n = 2", lambda t: several(t, False)),
    Reaction("chat stream: n = 2, pieces in turn", lambda t: several(t, True)),
    Reaction("chat: placeholder in a tool call", lambda t: called(t, False)),
    Reaction("chat stream: placeholder in a tool call, cut", lambda t: called(t, True)),
    Reaction("chat stream: forwarded as it comes?", lambda t: forwarded(t, _CHAT_PATH)),
    Reaction("responses stream: forwarded as it comes?", lambda t: forwarded(t, _RESPONSES_PATH)),
    Reaction("messages stream: forwarded as it comes?", lambda t: forwarded(t, _MESSAGES_PATH)),
    Reaction("chat: an address that only the model utters", lambda t: uttered(t, False)),
    Reaction("chat stream: the same, cut", lambda t: uttered(t, True)),
]

PLACES: list[Place] = [*_CHAT, *_RESPONSES, *_MESSAGES, *_EMBEDDINGS]
REACTIONS: list[Reaction] = _REACTIONS
