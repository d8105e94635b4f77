"""Server-sent events read from bytes that may be cut anywhere. Pure: bytes in, event data out.

Follows the WHATWG rules for lines (LF, CRLF or CR), comments and fields; only ``data`` is kept.
"""

import re

_LINE_END = re.compile(rb"\r\n|\n|\r")


class Events:
    """Feed bytes, get the data of each event that is complete. An event without data is passed over."""

    __slots__ = ("_data", "_held", "_left", "_looked")

    def __init__(self, most: int) -> None:
        self._held = bytearray()
        self._looked = 0  # bytes of _held that hold no line end
        self._data: list[str] = []
        self._left = most

    def feed(self, part: bytes) -> list[str]:
        """Raises OverflowError when more than ``most`` bytes have come in all."""
        self._left -= len(part)
        if self._left < 0:
            raise OverflowError
        self._held += part
        events: list[str] = []
        done = 0
        for end in _LINE_END.finditer(self._held, self._looked):
            if end.group() == b"\r" and end.end() == len(self._held):
                break  # the LF of a CRLF may be in the next part
            events += self._line(self._held[done : end.start()].decode("utf-8", "replace"))
            done = end.end()
        del self._held[:done]
        self._looked = max(0, len(self._held) - 1)
        return events

    def flush(self) -> list[str]:
        """The data of a last event whose blank line never came: some servers leave it out."""
        rest, self._held = self._held.decode("utf-8", "replace").rstrip("\r"), bytearray()
        return self._line(rest) + self._line("") if rest else self._line("")

    def _line(self, line: str) -> list[str]:
        if not line:
            data, self._data = self._data, []
            return ["\n".join(data)] if data else []
        name, _, value = line.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
        return []
