"""Where alerts are told: each channel follows the ledger's own records of alerts, with a position of its own.

    channels:
      - {name: csirt, kind: mail, severity: high, to: ["csirt@city.example.lg.jp"]}
      - {name: soc, kind: webhook, url: "https://soc.example.lg.jp/hook", secret_file: /run/secrets/soc}
      - {name: siem, kind: syslog, host: siem.example.lg.jp, ca: /etc/sekisho/siem-ca.pem}

A receiver that is dead gets everything once it is back, in order; what it gets twice has the same id.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.alerts.model import RAISED, SEVERITIES
from audit.following import Entry
from proxy.alerting.kinds import Carrier, ChannelForm, Kind
from proxy.alerting.letters import Letter, letter_of
from proxy.outlets.mail import MAIL
from proxy.outlets.syslog_letters import SYSLOG
from proxy.outlets.webhook import WEBHOOK

KINDS: Mapping[str, Kind] = {"mail": MAIL, "webhook": WEBHOOK, "syslog": SYSLOG}
"""By their names in YAML."""

_REMEMBERED = 2_000
"""Letters that a process knows to have brought, so that a failure half way repeats none of them."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that a city asked for."""

    name: str
    kind: Kind
    form: ChannelForm

    @property
    def follower(self) -> str:
        """What its follower is called in the book."""
        return f"alerts.{self.name}"

    def takes(self, entry: Entry) -> bool:
        """Whether a record is an alert that is told here."""
        if entry.record.kind != "noted" or RAISED not in entry.record.body:
            return False
        body = json.loads(entry.record.body)
        if body.get("event") != RAISED or (body["is_drill"] and not self.form.drills):
            return False
        return SEVERITIES.index(body["severity"]) >= SEVERITIES.index(self.form.severity)


class ChannelSink:
    """Tells alerts by one channel: the sink of its follower."""

    def __init__(self, channel: Channel, carrier: Carrier, public_url: str | None) -> None:
        self._channel = channel
        self._carrier = carrier
        self._public_url = public_url
        self._known: deque[str] = deque(maxlen=_REMEMBERED)

    async def take(self, entries: Sequence[Entry]) -> None:
        letters: dict[str, Letter] = {}
        for entry in entries:
            letter = letter_of(
                json.loads(entry.record.body), self._channel.form.with_person, self._public_url
            )
            if letter.id not in self._known:
                letters.setdefault(letter.id, letter)
        if letters:
            await self._carrier.bring(list(letters.values()), self._brought)

    def settle(self, connection: Any) -> None:
        """Nothing is counted here."""

    def _brought(self, letter: Letter) -> None:
        self._known.append(letter.id)
