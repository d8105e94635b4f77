"""OpenAI transcriptions: sound in, its text out, for minutes of meetings.

Sound cannot be masked. It goes only to a model of the city's own or in a closed network (destination D1), and
the record says that it left as it is. The text goes back to the caller as the model wrote it and is not kept;
what is found in it is recorded as kinds and numbers.
Knows the dialect and nothing of HTTP, providers or the ledger.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from policies.model import ATTACHMENT, Attachment, Bilingual, DestinationTier, Verdict
from proxy.errors import Problem
from proxy.fields import TRANSCRIPTIONS_EVENTS, TRANSCRIPTIONS_REPLY, TRANSCRIPTIONS_REQUEST
from proxy.found import Findings
from proxy.kinds import FREE
from proxy.surfaces.reply import Chunk, Counts, Place, ReplyShape, counts_of
from proxy.surfaces.request import Masked, Request, may_stream, require
from proxy.surfaces.transcript import Transcript
from proxy.walk import Opaque, Path
from proxy.wire import dumps, loads
from redaction.vault import Vault

LAST = "transcript.text.done"
"""The event after which nothing comes."""

PLAIN = ("text", "srt", "vtt")
"""Formats that are no JSON: the reply is text, carried as ``{"text": …}`` inside the house."""

_CLOSED = "D1"
_FORMATS = (None, "json", "verbose_json", "diarized_json", *PLAIN)
_ENDING = re.compile(r"\.([A-Za-z0-9]{1,5})$")
_MOST_PARTS = 200


class TranscriptionsReply(ReplyShape):
    """A transcript, whole or as it is heard."""

    table = TRANSCRIPTIONS_REPLY
    events = TRANSCRIPTIONS_EVENTS

    def place(self, chunk: Chunk, path: Path) -> Place | None:
        return (0, "text") if path in (("text",), ("delta",)) else None

    def is_last(self, chunk: Chunk) -> bool:
        return chunk.get("type") == LAST

    def ends(self, chunk: Chunk, place: Place) -> bool:
        return self.is_last(chunk)

    def counts(self, chunk: Chunk) -> Counts:
        return counts_of(chunk.get("usage"), "input_tokens", "output_tokens")


class Sound(Opaque):
    """A recording, one character for each byte; ``ending`` of its file name, for servers that go by it."""

    ending: str = "wav"


class Heard(Transcript):
    """Looked through for what is counted, and not kept."""

    keeps = False


class TranscriptionsRequest(Request):
    """One recording to be written down. In ``body`` the sound is a string of bytes, one character for each."""

    __slots__ = ()
    dialect = "transcriptions"
    table = TRANSCRIPTIONS_REQUEST
    required = ("model", "file")

    @classmethod
    def parsed(cls, raw: bytes, content_type: str) -> Any:
        """The form as one object. Raises ValueError where it is none."""
        return _form(raw, content_type)

    @classmethod
    def unreadable(cls) -> Problem:
        return Problem(
            400,
            "invalid_form",
            Bilingual(
                "要求がフォーム(multipart/form-data)として読めません。",
                "The request body is not a readable multipart/form-data form.",
            ),
        )

    @classmethod
    def check(cls, body: Mapping[str, Any]) -> None:
        require(body, "file", Sound)
        may_stream(body)
        if body.get("response_format") not in _FORMATS:
            formats = ", ".join(filter(None, _FORMATS))
            raise Problem(
                400,
                "invalid_value",
                Bilingual(
                    f"response_format に使えるのは: {formats}", f"response_format must be one of: {formats}"
                ),
                param="response_format",
            )

    @property
    def stream(self) -> bool:
        return self.body.get("stream") is True

    def may_go_to(self, tier: DestinationTier) -> bool:
        return tier == _CLOSED

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return ("audio",)

    @property
    def masks_reply(self) -> bool:
        return False

    def shape(self) -> TranscriptionsReply:
        return TranscriptionsReply(self.stream)

    def witness(self) -> Transcript:
        return Heard(self.shape())

    def allow_originals(self, verdict: Verdict) -> None:
        """Sound stays in the house, whatever a rule reveals."""
        if not self.may_go_to(self.tier(verdict)):
            raise Problem(
                403,
                "sound_needs_closed_network",
                Bilingual(
                    "録音は伏せ字にできないため、庁内または閉域のモデルにだけ送れます。情報システム担当に使えるモデルを確かめてください。",
                    "Sound cannot be masked and goes only to a model of the city's own or in a closed network.",
                ),
                param="model",
            )

    def mask(self, findings: Findings, verdict: Verdict, vault: Vault) -> Masked:
        """The sound leaves as it is, whether or not a rule reveals attachments: the record says so."""
        masked = super().mask(findings, verdict, vault)
        all_open = set(self.counted(findings)) <= verdict.revealed | {ATTACHMENT}
        masked.egress = "unmasked" if all_open else "partly_unmasked"
        return masked

    def kept(self, body: dict[str, Any]) -> Any:
        """Of the sound only its digest and size."""
        sound = str(body["file"]).encode("latin-1")
        digest = f"sha256:{hashlib.sha256(sound).hexdigest()} ({len(sound):,} bytes)"
        return super().kept({name: value for name, value in body.items() if name != "file"}) | {
            "file": digest
        }

    def written(self, chunk: Chunk) -> tuple[str, bytes]:
        if self.body.get("response_format") in PLAIN:
            return "text/plain; charset=utf-8", str(chunk.get("text") or "").encode()
        return super().written(chunk)

    def event(self, chunk: Chunk) -> bytes:
        return f"event: {chunk['type']}\ndata: {dumps(chunk)}\n\n".encode()


def _form(raw: bytes, content_type: str) -> dict[str, Any]:
    """The parts of a multipart form by name; ``name[]`` gives a list. Raises ValueError."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise ValueError("not a form")
    parts: list[tuple[dict[str, str], bytearray]] = []
    name = bytearray()
    value = bytearray()

    def begin() -> None:
        if len(parts) >= _MOST_PARTS:
            raise ValueError("too many parts")
        parts.append(({}, bytearray()))

    def header_end() -> None:
        # Bytes, one character for each: the parser of its options takes no other text.
        parts[-1][0][name.decode("latin-1").lower()] = value.decode("latin-1")
        name.clear()
        value.clear()

    parser = MultipartParser(
        options[b"boundary"],
        {
            "on_part_begin": begin,
            "on_header_field": lambda data, start, end: name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: value.extend(data[start:end]),
            "on_header_end": header_end,
            "on_part_data": lambda data, start, end: parts[-1][1].extend(data[start:end]),
        },
    )
    try:
        parser.write(raw)
        parser.finalize()
    except FormParserError:
        raise ValueError("not a form") from None
    return _named(parts, parse_options_header)


def _named(parts: list[tuple[dict[str, str], bytearray]], options_of: Any) -> dict[str, Any]:
    """Only ``file`` is a file; whatever else comes as one, or comes twice, is no form of ours."""
    body: dict[str, Any] = {}
    for headers, content in parts:
        _, options = options_of(headers.get("content-disposition", ""))
        written = options.get(b"name", b"").decode("utf-8", "replace")
        name = written.removesuffix("[]")
        is_list, is_file = written != name, b"filename" in options
        if is_file != (name == "file") or (name in body and not (is_list and isinstance(body[name], list))):
            raise ValueError("another file, or said twice")
        if is_file:
            body[name] = sound = Sound(content.decode("latin-1"))
            given = _ENDING.search(options[b"filename"].decode("utf-8", "replace"))
            sound.ending = given[1].lower() if given else Sound.ending  # no more of it: it may be a name
        elif is_list:
            body.setdefault(name, []).append(_value(name, content.decode()))
        else:
            body[name] = _value(name, content.decode())
    return body


def _value(name: str, text: str) -> Any:
    """A form knows only text: what is a number or true or false is read as one."""
    spec = TRANSCRIPTIONS_REQUEST.get(name) if isinstance(TRANSCRIPTIONS_REQUEST, Mapping) else None
    if spec is FREE or text.startswith("{"):
        return loads(text)
    return text
