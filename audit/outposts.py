"""Where a signed note can be brought to, out of the house: a folder, a webhook, a mailbox.

Each has ``bring``, which returns when the note is there and raises CannotBring, with a sentence, when it is
not. Every wait has an end, but for a network folder that hangs inside the kernel (anchors.py gives each
its own thread). Standard library only; no proxy is used and no redirect followed.

It never removes or changes anything outside, and never shows the path or query of a webhook, which may be
as good as a password.
"""

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from audit import notes

if TYPE_CHECKING:
    import urllib.request

PATIENCE = 10.0
"""Seconds that one step towards an outpost may take."""

Since = Callable[[int], list[str]]
"""(number) → the signed notes behind it, rising; all of them, or only the next few."""

Letter = Callable[[str], str]
"""(signed note) → what to say to people who receive it."""


class CannotBring(Exception):
    """The note is not there yet; the sentence says why and names no secret."""


class Outpost(Protocol):
    """One place outside. Used by one thread."""

    every_note: bool
    """Whether it takes every note at once; else the newest one, now and then."""

    warning: str | None
    """What its owner should look into, although the notes arrive."""

    def bring(self, signed: str, since: Since) -> None:
        """Bring the newest note, and those before it where every one is wanted. Raises CannotBring."""
        ...


# ── a folder ─────────────────────────────────────────────────────────────────────────────────────

_DAY_FILE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.notes")

_TAIL = 4_000_000
"""So much of the newest day's file is read to see what is there."""


class Folder:
    """A folder of a second owner: every note, appended to a file for each day (UTC, the note's own).

        2026-11-23.notes    signed notes one after another, with an empty line between

    Files are only ever appended to, so ``chattr +a`` is welcome, on the files and on the folder. A folder
    that may be written but not read is fine too; then notes that were missed before a restart stay missed.
    Several processes may write here: they wait for each other where the file system knows locks; where it
    does not, a note may stand twice, which harms nobody. A note that was cut short is written again.
    """

    every_note = True

    def __init__(self, path: Path) -> None:
        self.warning: str | None = None
        self._path = path
        self._brought: str | None = None

    def __str__(self) -> str:
        return f"folder {self._path}"

    def bring(self, signed: str, since: Since) -> None:
        trouble = ""
        try:
            with self._alone() as folder:
                for note in self._missing(signed, since):
                    self._append(note, folder)
                    self._brought = note
        except OSError as error:
            trouble = error.strerror or type(error).__name__
        if trouble:
            raise CannotBring(f"{self}: {trouble}")

    @contextmanager
    def _alone(self) -> Iterator[int | None]:
        """The folder, opened and locked; None where it may not be read."""
        try:
            folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError:
            yield None
            return
        try:
            _lock(folder)
            yield folder
        finally:
            os.close(folder)

    def _missing(self, signed: str, since: Since) -> Iterator[str]:
        held = self._held()
        if held and signed in held:
            return
        newest = notes.read(signed)
        last = held[-1] if held else self._brought
        if last is None and held is None:  # we may not look: begin with this one
            yield signed
            return
        number = 0
        if last is not None and notes.digest(last) != newest.previous:
            number = notes.read(last).number
            line = since(number - 1)
            if line[:1] != [last]:
                self.warning = (
                    f"{self} holds a note {number} that the ledger does not hold: was it rolled back, or restored? "
                    f"Verify it with --anchor"
                )
                yield signed  # it commits to all before it
                return
        elif last is not None:
            number = newest.number - 1
        while number < newest.number - 1 and (line := since(number)):
            for note in line:
                number = notes.read(note).number
                yield note
        if number < newest.number:
            yield signed

    def _held(self) -> list[str] | None:
        """The newest notes here, in the order in which they came; None where we may not look."""
        try:
            for name in sorted(filter(_DAY_FILE.fullmatch, os.listdir(self._path)), reverse=True):
                with open(self._path / name, "rb") as file:
                    file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                    if found := [
                        one for one in notes.find(file.read().decode("utf-8", "replace")) if _is_one(one)
                    ]:
                        return found
        except PermissionError:
            return None
        return []

    def _append(self, signed: str, folder: int | None) -> None:
        """The note is on the other side's disk when this returns."""
        path = self._path / f"{notes.read(signed).at[:10]}.notes"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(path, flags, 0o644)
        try:
            content = (("\n" if os.fstat(file).st_size else "") + signed).encode()
            written = os.write(file, content)  # one call: another process's note cannot come in between
            if written < len(content):
                raise OSError(0, "a note was cut short")
            os.fsync(file)
        finally:
            os.close(file)
        if folder is not None:
            os.fsync(folder)


def _lock(folder: int) -> None:
    """Wait a little for others. Without a lock, the worst is that a note stands twice."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                return
            time.sleep(0.05)
        except OSError:
            return  # this file system knows no locks


def _is_one(signed: str) -> bool:
    try:
        notes.read(signed)
    except ValueError:
        return False
    return True


# ── a webhook ────────────────────────────────────────────────────────────────────────────────────


class Webhook:
    """A URL that takes the letter as the body of a POST, as plain text. Any answer of 200 to 299 will do."""

    every_note = False
    warning: str | None = None

    def __init__(self, url: str, letter: Letter) -> None:
        self._url = url
        self._letter = letter

    def __str__(self) -> str:
        return f"webhook at {urlsplit(self._url).hostname}"

    __repr__ = __str__

    def bring(self, signed: str, since: Since) -> None:
        import http.client
        import urllib.error
        import urllib.request

        headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "sekisho"}
        try:
            request = urllib.request.Request(self._url, self._letter(signed).encode(), headers, method="POST")
            with _opener().open(request, timeout=PATIENCE):
                return
        except urllib.error.HTTPError as error:
            trouble = f"it answered {error.code}"
            error.close()
        except urllib.error.URLError as error:
            trouble = _why(error.reason)
        except (OSError, ValueError, http.client.HTTPException) as error:
            trouble = _why(error)
        raise CannotBring(f"{self}: {trouble}")  # outside: no context that still knows the URL


def _opener() -> "urllib.request.OpenerDirector":
    """Straight there, nowhere else: the environment's proxies and the server's redirects are not followed."""
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: object) -> None:
            return None

    return urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


# ── a mailbox ────────────────────────────────────────────────────────────────────────────────────


class Mailbox:
    """An address that gets the letter as a plain mail, through a mail server inside the city's network.

    It logs in nowhere: the server must take mail from this machine. ``sender`` is the From address.
    """

    every_note = False
    warning: str | None = None

    def __init__(self, address: str, server: tuple[str, int], sender: str, letter: Letter) -> None:
        self._address = address
        self._server = server
        self._sender = sender
        self._letter = letter

    def __str__(self) -> str:
        return f"mail through {self._server[0]}"

    __repr__ = __str__

    def bring(self, signed: str, since: Since) -> None:
        import smtplib

        try:
            with smtplib.SMTP(*self._server, local_hostname="[127.0.0.1]", timeout=PATIENCE) as server:
                server.ehlo_or_helo_if_needed()
                mail = self._mail(signed, plain=server.has_extn("8bitmime"))
                options = ("BODY=8BITMIME",) if server.has_extn("8bitmime") else ()
                server.sendmail(self._sender, [self._address], mail, options)
                return
        except smtplib.SMTPResponseException as error:
            trouble = f"it answered {error.smtp_code}"
        except (OSError, ValueError) as error:  # smtplib's own are OSErrors; they name the address
            trouble = _why(error)
        raise CannotBring(f"{self}: {trouble}")

    def _mail(self, signed: str, *, plain: bool) -> bytes:
        from email.message import EmailMessage
        from email.policy import SMTP
        from email.utils import formatdate, make_msgid

        number = notes.read(signed).number
        mail = EmailMessage(SMTP)
        mail["Subject"] = f"関所 台帳の控え 第{number}号 / Sekisho ledger, note {number}"
        mail["From"] = self._sender
        mail["To"] = self._address
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        # Unencoded where the way allows it: the mail can then be checked as the file it arrived in.
        mail.set_content(self._letter(signed), charset="utf-8", cte="8bit" if plain else "base64")
        return mail.as_bytes()


def _why(error: object) -> str:
    """What went wrong in the system's own words, without the error's: those may quote what was sent."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it cannot be used" if isinstance(error, str) else type(error).__name__
