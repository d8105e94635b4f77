"""Alerts by syslog over TLS (RFC 5424, RFC 5425): a message each, for a CSIRT whose SIEM is where it looks.

    312 <107>1 2026-11-24T03:00:00.000000Z sekisho.example.lg.jp sekisho - A-06 [sekisho@32473 alert="a-kfgc…" …] BOM{"schema":1,…}

(on one line, the BOM as its three bytes). MSG is the JSON that a webhook gets. What comes twice has the same ``alert``. Each
batch is a session that ends by close_notify: the receiver's answer to it says that it has read them all. ``confirm: sent`` is
for receivers that give none. The records themselves go by an outlet (syslog_tls.py).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from audit.exports.rfc5424 import FACILITIES, Sender, What, alert, frame
from policies.complaints import Words
from policies.schema import wrong
from proxy.alerting.kinds import Brought, ChannelForm, Kind
from proxy.alerting.letters import Letter
from proxy.followers import NotTaken
from proxy.outlets.papers import Unusable, context_for
from proxy.outlets.syslog_tls import trouble_of
from proxy.outlets.terms import Enterprise, Facility, Host, this_host
from proxy.outlets.tls_line import Server, TlsLine
from proxy.settings import Settings

AT_ONCE = 100
"""Letters of one session."""


class SyslogForm(ChannelForm):
    """``ca`` None: the certificates that the machine trusts. ``server_name``: what stands in its certificate, where that is
    not ``host``."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65_535)] = 6514
    server_name: Host | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    hostname: Host | None = None
    facility: Facility = "alert"
    enterprise: Enterprise = "32473"
    timeout: Annotated[int, Field(ge=1, le=300)] = 10
    confirm: Literal["closed", "sent"] = "closed"

    @model_validator(mode="after")
    def _both(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise wrong(
                Words(
                    "key だけでは使えません。certificate(こちらの証明書)も書きます。",
                    "key goes with certificate, our own.",
                )
            )
        return self


@dataclass(frozen=True, slots=True)
class SyslogLetters:
    """Brings letters to a syslog server."""

    server: Server
    sender: Sender
    timeout: float
    is_confirmed: bool

    async def bring(self, letters: Sequence[Letter], brought: Brought) -> None:
        for first in range(0, len(letters), AT_ONCE):
            some = letters[first : first + AT_ONCE]
            try:
                await self._session(b"".join(frame(message(letter, self.sender)) for letter in some))
            except (OSError, TimeoutError, EOFError) as error:
                raise NotTaken(trouble_of(error)) from None
            for letter in some:
                brought(letter)

    async def _session(self, frames: bytes) -> None:
        line = await TlsLine.open(self.server, self.timeout)
        try:
            await line.send(frames)
            await (line.confirmed() if self.is_confirmed else line.arrived())
        finally:
            line.close()


def message(letter: Letter, sender: Sender) -> bytes:
    """The message about one alert."""
    facts = {
        "alert": letter.id,
        "rule": letter.rule,
        "severity": letter.severity,
        "count": str(letter.count),
        "drill": "1" if letter.is_drill else None,
        "trial": "1" if letter.is_trial else None,
    }
    said = json.dumps(letter.plain(), ensure_ascii=False, separators=(",", ":"))
    return alert(sender, What(letter.severity, letter.at, "", letter.rule), facts, said.encode())


def syslog(form: SyslogForm, settings: Settings) -> SyslogLetters:
    """Raises as `Kind.open` does."""
    try:
        context = context_for(form.ca, form.certificate, form.key)
    except Unusable as error:
        words = error.words
        raise ValueError(f"知らせる先 {form.name}: {words.ja} / channel {form.name}: {words.en}") from None
    server = Server(form.host, form.port, context, form.server_name or "")
    sender = Sender(this_host(form.hostname), FACILITIES[form.facility], form.enterprise)
    return SyslogLetters(server, sender, float(form.timeout), form.confirm == "closed")


SYSLOG = Kind(SyslogForm, syslog)
