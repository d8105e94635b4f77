"""Reads syslog as RFC 5424 and RFC 5425 write it, and nothing else: a judge that shares no line with what it judges.

Written from the ABNF: chapter 6 of RFC 5424 and 4.3 of RFC 5425. What deviates raises ValueError.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

_HEADER = re.compile(
    rb"<(0|[1-9][0-9]{0,2})>([1-9][0-9]{0,2}) (-|\S+) (-|[!-~]{1,255}) (-|[!-~]{1,48}) (-|[!-~]{1,128}) (-|[!-~]{1,32}) "
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")
_SD_NAME = re.compile(r"""[!#-<>-\\^-~]{1,32}""")  # no "=", SP, "]", '"'


@dataclass
class Message:
    """One message; ``data``: SD-ID → parameters."""

    facility: int
    severity: int
    at: datetime
    host: str
    app: str
    process: str
    id: str
    data: dict[str, dict[str, str]] = field(default_factory=dict)
    text: str = ""


def read(raw: bytes) -> Message:
    """One message, without its frame."""
    head = _HEADER.match(raw)
    if head is None:
        raise ValueError("no header")
    priority, version, at, *names = (part.decode("ascii") for part in head.groups())
    if int(priority) > 191 or version != "1" or not _TIME.fullmatch(at):
        raise ValueError("PRI, VERSION or TIMESTAMP")
    message = Message(int(priority) // 8, int(priority) % 8, datetime.fromisoformat(at), *names)
    rest = raw[head.end() :]
    rest = rest[1:] if rest.startswith(b"-") else _structured(rest, message)
    if rest:
        if not rest.startswith(b" "):
            raise ValueError("no space before MSG")
        if not rest[1:].startswith(b"\xef\xbb\xbf"):
            raise ValueError("UTF-8 wants a BOM")
        message.text = rest[4:].decode("utf-8", "strict")
    return message


def _structured(raw: bytes, message: Message) -> bytes:
    text = raw.decode("utf-8", "surrogateescape")
    at = 0
    while at < len(text) and text[at] == "[":
        at, id = _name(text, at + 1)
        if id in message.data:
            raise ValueError("an SD-ID twice")
        parameters = message.data.setdefault(id, {})
        while text[at] == " ":
            at, name = _name(text, at + 1)
            if text[at : at + 2] != '="':
                raise ValueError("PARAM")
            at, parameters[name] = _value(text, at + 2)
        if text[at] != "]":
            raise ValueError("SD-ELEMENT")
        at += 1
    if at == 0:
        raise ValueError("STRUCTURED-DATA")
    return text[at:].encode("utf-8", "surrogateescape")


def _name(text: str, at: int) -> tuple[int, str]:
    found = _SD_NAME.match(text, at)
    if found is None:
        raise ValueError("SD-NAME")
    return found.end(), found[0]


def _value(text: str, at: int) -> tuple[int, str]:
    value = ""
    while text[at] != '"':
        if text[at] == "]":
            raise ValueError("an unescaped ]")
        if text[at] == "\\" and text[at + 1] in '"\\]':
            at += 1
        value += text[at]
        at += 1
    return at + 1, value


class Frames:
    """Messages out of a stream, by octet counting: feed, and take what is whole."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, raw: bytes) -> list[bytes]:
        """The messages that are whole now."""
        self._rest += raw
        whole = []
        while True:
            length, space, rest = self._rest.partition(b" ")
            if not space:
                if len(length) > 10 or (length and not length.isdigit()):
                    raise ValueError("MSG-LEN")
                return whole
            if not re.fullmatch(rb"[1-9][0-9]*", length):
                raise ValueError("MSG-LEN")
            size = int(length)
            if len(rest) < size:
                return whole
            whole.append(rest[:size])
            self._rest = rest[size:]

    @property
    def half(self) -> bytes:
        """What came of a message that is not whole."""
        return self._rest
