"""Verifies the ledger in a process of its own, at the lowest priority: `sekisho audit verify`, as anybody runs it by hand.

HOME/verified.note    the newest note of the last verification that found all sound
a part                what is newer than that note; the whole, where there is none yet
the whole             everything, and that the ledger still holds that note: whoever turned it back is found out
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from proxy.settings import Settings

log = structlog.get_logger()

LONGEST = 6 * 3600.0
"""Seconds after which a verification is given up."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a verification found: ``fault`` is its code, None where all is sound. ``done``: whether it could be done."""

    done: bool
    fault: str | None = None


class Verifier:
    """Verifies the ledger of a house, again and again."""

    def __init__(self, settings: Settings, longest: float = LONGEST) -> None:
        home = settings.home.absolute()
        self._note = home / "verified.note"
        self._key = home / "public.pem"
        self._env = {"SEKISHO_HOME": str(home), "SEKISHO_LEDGER": _located(settings)}
        self._longest = longest

    async def __call__(self, whole: bool) -> Found:
        """Verify. Cancelled, it ends the process."""
        process = await asyncio.create_subprocess_exec(
            *self.command(whole), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env={**os.environ, **self._env}
        )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, 19)
        try:
            async with asyncio.timeout(self._longest):
                out, error = await process.communicate()
        except TimeoutError:
            log.error("the verification of the ledger took too long", seconds=self._longest)
            return Found(False)
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        found = read_report(process.returncode, out)
        if not found.done:
            said = error.decode("utf-8", "replace").strip().splitlines()
            log.error("the ledger could not be verified", reason=said[-1][:300] if said else None)
        return found

    def command(self, whole: bool) -> list[str]:
        """The command line."""
        command = [sys.executable, "-m", "proxy", "audit", "verify", "--json", "--save", str(self._note)]
        if self._key.is_file():
            command += ["--public-key", str(self._key)]
        if self._note.is_file():
            command += ["--anchor" if whole else "--from", str(self._note)]
        return command


def read_report(status: int | None, out: bytes) -> Found:
    """What the command said: 0 sound, 1 not sound; anything else could not be done."""
    if status == 0:
        return Found(True)
    try:
        bad = json.loads(out)["first_bad"] if status == 1 else None
        return Found(True, str(bad["code"])) if bad else Found(False)
    except (ValueError, KeyError, TypeError):
        return Found(False)


def _located(settings: Settings) -> str:
    """As the command takes it, from whatever folder."""
    where = settings.ledger_location
    return where if "://" in where else str(Path(where).absolute())
