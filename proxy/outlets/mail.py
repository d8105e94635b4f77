"""Mail: the letters of the last minute in one mail, most urgent first, so that a bad day is no flood.

Handed to a mail server inside the city's network (setting SEKISHO_SMTP), as the notes are; it logs in nowhere. Standard
library, in a thread: an exchange never waits for it.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from hashlib import sha256
from typing import Annotated

import structlog
from pydantic import AfterValidator, Field

from audit.alerts.model import SEVERITIES
from audit.anchors import server_of
from audit.months import JST
from policies.complaints import Words
from policies.schema import wrong
from proxy.alerting.kinds import Brought, ChannelForm, Kind
from proxy.alerting.letters import Letter
from proxy.followers import NotTaken
from proxy.settings import Settings

log = structlog.get_logger()

PATIENCE = 10.0
"""Seconds that one step towards the server may take."""
MOST = 50
"""Letters in one mail; what is more goes into the next."""
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise wrong(
            Words(
                f"「{value}」はメールアドレスとして使えません。csirt@city.example.lg.jp のように書いてください。",
                f"'{value}' is no plain mail address.",
            )
        )
    return value


Address = Annotated[str, AfterValidator(_address)]


class MailForm(ChannelForm):
    """``sender``: the From address; else ``sekisho@`` and the first receiver's own domain. ``digest_seconds``: what is raised
    within it goes into one mail."""

    to: Annotated[list[Address], Field(min_length=1)]
    sender: Address | None = None
    digest_seconds: Annotated[int, Field(ge=1, le=3600)] = 60


class Mail:
    """Brings letters to mailboxes."""

    def __init__(self, to: Sequence[str], sender: str, server: tuple[str, int]) -> None:
        self._to = tuple(to)
        self._sender = sender
        self._server = server

    async def bring(self, letters: Sequence[Letter], brought: Brought) -> None:
        urgent = sorted(letters, key=lambda one: (-SEVERITIES.index(one.severity), one.at))
        for first in range(0, len(urgent), MOST):
            some = urgent[first : first + MOST]
            await asyncio.to_thread(self._send, some)
            for letter in some:
                brought(letter)

    def _send(self, letters: Sequence[Letter]) -> None:
        import smtplib

        mail = mail_of(letters, self._to, self._sender)
        try:
            with smtplib.SMTP(*self._server, local_hostname="[127.0.0.1]", timeout=PATIENCE) as server:
                refused = server.sendmail(self._sender, self._to, mail.as_bytes())
        except smtplib.SMTPRecipientsRefused:
            raise NotTaken("receiver_refused") from None
        except smtplib.SMTPResponseException as error:
            raise NotTaken(f"receiver_answered_{error.smtp_code}") from None
        except (OSError, ValueError):  # smtplib's own are OSErrors, too; they name the address
            raise NotTaken("receiver_unreachable") from None
        if refused:  # the others have it, and would get it again each time
            log.error("a mailbox was refused", mailboxes=len(refused), letters=len(letters))


def mail_of(letters: Sequence[Letter], to: Sequence[str], sender: str) -> EmailMessage:
    """One mail about these letters. Its Message-ID is the same for the same letters: what comes twice is known by it."""
    from email.policy import SMTP
    from email.utils import formatdate

    mail = EmailMessage(SMTP)
    told = "".join(letter.id for letter in letters).encode()
    mail["Subject"] = subject_of(letters)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{sha256(told).hexdigest()[:40]}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Sekisho-Alerts"] = " ".join(letter.id for letter in letters)
    mail.set_content("\n".join(_lines(letters)), charset="utf-8", cte="base64")
    return mail


def subject_of(letters: Sequence[Letter]) -> str:
    """``関所の警報【高】A-06 AIをだます言葉 ほか2件``"""
    more = f" ほか{len(letters) - 1}件" if len(letters) > 1 else ""
    return f"関所の警報{letters[0].headline}{more}"


def _lines(letters: Sequence[Letter]) -> list[str]:
    lines = [
        "関所(生成AIの利用を検査・記録するゲートウェイ)からの警報です。質問や回答の文は入っていません。",
        "Alerts of Sekisho, the checkpoint of generative AI. They hold no text of questions or answers.",
        "",
    ]
    for letter in letters:
        at = datetime.fromisoformat(letter.at).astimezone(JST)
        lines += [
            letter.headline,
            f"  {letter.title_en} ({letter.severity})",
            f"  時刻 at      {at:%Y-%m-%d %H:%M:%S} JST",
            f"  回数 count   {letter.count:,}(しきい値 threshold {letter.threshold:,}、期間 period {letter.period or '-'})",
            *([f"  対象 subject {letter.subject}"] if letter.subject else []),
            f"  番号 id      {letter.id}",
            *([f"  詳しく more  {letter.link}"] if letter.link else []),
            "",
        ]
    if any(not letter.is_trial for letter in letters):
        first = next(letter.id for letter in letters if not letter.is_trial)
        lines += [
            f"端末で見るには / at the terminal: sekisho audit alerts show {first} --reason '警報の確認'",
            "どう対応するかは docs/alerts.md にあります。 / What to do: docs/alerts.md.",
        ]
    return lines


def mail(form: MailForm, settings: Settings) -> Mail:
    """Raises as `Kind.open` does."""
    sender = form.sender or f"sekisho@{form.to[0].rpartition('@')[2]}"
    return Mail(form.to, sender, server_of(settings.smtp))


MAIL = Kind(MailForm, mail, lambda form: float(form.digest_seconds))
