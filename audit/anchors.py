"""Anchors: takes signed notes out of the house, so that nobody inside can turn the ledger back unnoticed.

    places = anchors.destinations("/media/csirt https://soc.example.lg.jp/hook mailto:csirt@example.lg.jp", smtp)
    outside = Anchors(places, since=notes_after)
    outside.start()
    outside.offer(signed)          after every note; returns at once
    outside.stop(patience=10.0)

A note commits to all notes before it, so one newer note outside guards them all. A folder gets every note,
and the missed ones once it can be reached again; a webhook or a mailbox gets the newest one at once, then
at most every ``every`` seconds, and the last one at the stop. Each place has a thread of its own: recording
never waits for any of them, nor one for another.

It signs nothing, reads no ledger (``since`` is given), and knows no more than what a note says.
"""

import re
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from audit import notes
from audit.months import JST, day_words
from audit.outposts import CannotBring, Folder, Mailbox, Outpost, Since, Webhook

RETRY = 30.0
"""Seconds until the next attempt where one failed."""

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


class Anchors:
    """All places outside. ``offer`` may be called from any thread.

    destinations  from `destinations`; several processes may have the same
    since         (number) → the signed notes behind it; called in threads of ours, may raise
    every         seconds between two letters to a webhook or a mailbox
    retry         seconds until the next attempt where one failed
    """

    def __init__(
        self, destinations: Sequence[Outpost], since: Since, every: float = 3600.0, retry: float = RETRY
    ) -> None:
        self._carriers = [
            _Carrier(place, since, 0.0 if place.every_note else every, retry) for place in destinations
        ]

    def start(self) -> None:
        """Start the threads; nothing goes out before the first offer."""
        for carrier in self._carriers:
            carrier.start()

    def offer(self, signed: str) -> None:
        """Here is a new note. Returns at once."""
        number = notes.read(signed).number
        for carrier in self._carriers:
            carrier.offer(number, signed)

    def stop(self, patience: float = 10.0) -> None:
        """Bring the newest note everywhere once more, waiting no longer than ``patience`` seconds in all."""
        end = time.monotonic() + patience
        for carrier in self._carriers:
            carrier.hurry()
        for carrier in self._carriers:
            carrier.join(max(0.0, end - time.monotonic()))

    @property
    def trouble(self) -> Exception | None:
        """Why the last attempt failed somewhere, or what an owner should look into; None while all is well."""
        return next((carrier.trouble for carrier in self._carriers if carrier.trouble), None)

    @property
    def anchored(self) -> int:
        """Number of the newest note that this process knows to be outside; 0: none yet."""
        return max((carrier.brought for carrier in self._carriers), default=0)


class _Carrier:
    """Brings the newest note to one place, again and again, in its own thread."""

    def __init__(self, place: Outpost, since: Since, every: float, retry: float) -> None:
        self.trouble: Exception | None = None
        self.brought = 0
        self._place = place
        self._since = since
        self._every = every
        self._retry = retry
        self._bell = threading.Condition()
        self._newest: tuple[int, str] | None = None
        self._due = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sekisho-anchor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, number: int, signed: str) -> None:
        with self._bell:
            if self._newest is None or number > self._newest[0]:
                self._newest = number, signed
                self._bell.notify()

    def hurry(self) -> None:
        with self._bell:
            self._stopping = True
            self._bell.notify()

    def join(self, patience: float) -> None:
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        while True:
            with self._bell:
                while not self._stopping and (wait := self._wait()) != 0:
                    self._bell.wait(wait)
                stopping, newest = self._stopping, self._newest
            if newest and newest[0] > self.brought:
                self._bring(*newest)
            if stopping:
                return

    def _wait(self) -> float | None:
        """Seconds until there is something to bring; 0: now; None: until the next offer."""
        if self._newest is None or self._newest[0] <= self.brought:
            return None
        return max(0.0, self._due - time.monotonic())

    def _bring(self, number: int, signed: str) -> None:
        try:
            self._place.bring(signed, self._since)
        except Exception as error:  # whatever it was: the note stays inside for now, and somebody must know
            self.trouble = (
                error
                if isinstance(error, CannotBring)
                else CannotBring(f"{self._place}: {type(error).__name__}")
            )
            self._due = time.monotonic() + self._retry
            return
        self.brought = number
        self.trouble = CannotBring(self._place.warning) if self._place.warning else None
        self._due = time.monotonic() + self._every


# ── the setting ──────────────────────────────────────────────────────────────────────────────────


def destinations(text: str, smtp: str = "127.0.0.1:25", sender: str | None = None) -> tuple[Outpost, ...]:
    """The places that a setting names, separated by spaces: folders, ``https://…``, ``mailto:…``.

    smtp    ``host:port`` of the mail server
    sender  From address of mails; None: ``sekisho@`` and the receiver's own domain

    Opens nothing. Raises ValueError, with a sentence in both languages, for what is no place.
    """
    return tuple(_destination(word, smtp, sender) for word in text.split())


def _destination(word: str, smtp: str, sender: str | None) -> Outpost:
    found = _SCHEME.match(word)
    scheme = found[1].lower() if found else None
    if scheme in {"http", "https"}:
        return Webhook(_url(word), body)
    if scheme == "mailto":
        address = word[len("mailto:") :]
        server = server_of(smtp)
        sender = sender or f"sekisho@{address.rpartition('@')[2]}"
        if not _ADDRESS.fullmatch(address) or not _ADDRESS.fullmatch(sender):
            raise ValueError(
                "控えの届け先 mailto: のアドレスが正しくありません / a mailto: destination needs one plain address"
            )
        return Mailbox(address, server, sender, body)
    if scheme:
        raise ValueError(
            f"控えの届け先に {scheme}: は使えません。フォルダー、https://、mailto: が使えます / "
            f"{scheme}: is no destination for notes: use a folder, https:// or mailto:"
        )
    return Folder(Path(word))


def _url(word: str) -> str:
    try:
        parts = urlsplit(word)
        good = bool(parts.hostname) and parts.port != 0 and word.isascii() and word.isprintable()
    except ValueError:
        good = False
    if not good or parts.username or parts.password:
        raise ValueError(
            "控えの届け先のURLが正しくありません(利用者名やパスワードは入れられません) / "
            "a destination for notes is no usable URL (a user name or password cannot stand in it)"
        )
    return word.partition("#")[0]


def server_of(smtp: str) -> tuple[str, int]:
    """The mail server that ``host:port`` names. Raises ValueError, with a sentence in both languages."""
    host, _, port = smtp.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if (
        not re.fullmatch(r"[0-9A-Za-z.:-]+", host)
        or not re.fullmatch(r"[0-9]{1,5}", port)
        or not 0 < int(port) < 65536
    ):
        raise ValueError(
            "メールサーバーは host:port の形で指定してください / name the mail server as host:port"
        )
    return host, int(port)


# ── the letter ───────────────────────────────────────────────────────────────────────────────────


def body(signed: str) -> str:
    """What goes with a note to a person: mail, webhook, the last page of a report. Japanese, then English.

    Saved as a file, it can be given to ``verify.py --anchor`` as it is.
    """
    note = notes.read(signed)
    at = datetime.fromisoformat(note.at)
    return _LETTER.format(
        number=note.number, day=day_words(at), at=at.astimezone(JST), utc=note.at, note=signed
    )


_LETTER = """\
関所 台帳の控え 第{number}号（{day} {at:%H:%M} 日本時間）

これは、生成AIの利用記録の台帳が、上の時刻にどうなっていたかを示す署名つきの控えです。
職員の氏名も、質問や回答の文も入っていません。
台帳を管理する人とは別の人が、消さずに保管してください。台帳があとから書き換えられたり、
前の状態に戻されたりすると、この控えと合わなくなるので、分かります。

確かめ方: この文面をそのままファイル（例 note.txt）に保存し、次のように実行します。

    python3 -I verify.py LEDGER --public-key public.pem --anchor note.txt

LEDGER は台帳のファイルか、書き出したファイルです。public.pem は署名の公開鍵で、この控えとは
別の方法で受け取ったものを使ってください。

Sekisho, note {number} of the ledger ({utc})

This signed note says what the ledger of generative-AI use held at that moment. It holds no names of staff
and no text of questions or answers. Keep it, as somebody who does not administer the ledger. If the ledger
is rewritten or turned back later, it no longer agrees with this note. To check, save this text as it is to
a file (note.txt) and run the command above; take public.pem from another source than this text.

{note}
控えはここまでです。 / End of the note.
"""
