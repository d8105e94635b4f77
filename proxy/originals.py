"""What the placeholders of a question stood for, handed sealed to the ledger where the policy keeps it.

Only what is sent is kept: a question that is refused, or waits for a confirmation, left nothing behind that
would have to be explained, and its masked text says what was wrong with it.

A My Number or a 住民票コード is never kept. Neither enters a vault; besides, a value is left out that has one
inside, by the detector, or by its bare figures: twelve digits with a right check digit, or eleven that no
telephone begins with, however they are spelled or grouped. That costs a card number or a 宛名番号 now and then,
which stays a placeholder when the original is opened. What cannot be searched or sealed is not sent.
"""

import asyncio
import base64
import binascii
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol, TypeVar

import structlog

from audit.master import KEY_BYTES, Hook, KeyInHand, Master, MasterUnavailable
from audit.originals import Sealed, Sealer
from policies.decide import Policy
from policies.model import Permit, Verdict
from proxy.errors import Unavailable
from proxy.home import Home, create_private
from proxy.settings import Settings
from redaction.digits import digits_of
from redaction.encoded import opened
from redaction.figures import Figures, changes
from redaction.folding import fold
from redaction.model import IRREVERSIBLE, Finding

log = structlog.get_logger()
Result = TypeVar("Result")

_THREADS = 4
"""The master key may be slow to answer: who waits for it waits here, and takes no thread from anybody else."""

_FEWEST = 11
"""A text of fewer digits holds neither number."""
_FORMAL = str.maketrans("壱壹弌弐貳貮弍参參弎肆伍陸漆柒捌玖", "11122223334567789")
"""大字."""
_GROUP = "[0-9〇零一二三四五六七八九]+"
_NUMBER = re.compile(rf"(?P<plus>[+])?{_GROUP}(?:(?:\W|_){{1,5}}{_GROUP})*")
_PLACE = re.compile(
    r"(?<![0-9.])(?:2[0-9]|3[0-9]|4[0-6])\.[0-9]{4,8}[, ]{1,3}1[2-5][0-9]\.[0-9]{4,8}(?![0-9.])"
)
"""A latitude and longitude in Japan: not a number in groups."""
_BRIEF = re.compile(r"(?<![0-9A-Za-z+/_-])[0-9A-Za-z+/_-]{14,30}(?![0-9A-Za-z+/_-])")
"""Letters that encode a number alone: too few for `opened`."""


class Searching(Protocol):
    """What is needed of the detector."""

    async def find_each(self, texts: Sequence[str]) -> Sequence[Sequence[Finding]]: ...


class Originals:
    """Keeps what a policy with ``keep_days`` wants kept. ``timeout``: seconds sealing may take in all."""

    def __init__(self, master: Master, keep_days: int, detector: Searching, timeout: float) -> None:
        self._sealer = Sealer(master, keep_days)
        self._detector = detector
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(_THREADS, "originals")

    async def sealed(
        self,
        values: Mapping[str, str],
        verdict: Verdict,
        *,
        exchange: str,
        conversation: str | None,
        whose: str,
        at: datetime,
        confirmed: bool = False,
    ) -> Sealed | None:
        """The values of a vault, sealed; None where nothing is to be kept: of what is not sent, nothing is.

        Raises `Unavailable` where they cannot be sealed, `CannotDetect` where they cannot be searched.
        """
        is_sent = confirmed or isinstance(verdict, Permit)
        if not is_sent or not (kept := await keepable(values, self._detector)):
            return None
        return await self._off_the_loop(
            lambda: self._sealer.seal(kept, exchange=exchange, at=at, conversation=conversation, whose=whose)
        )

    async def ready(self, at: datetime) -> None:
        """Wrap a key for real. Raises `Unavailable`."""
        await self._off_the_loop(lambda: self._sealer.try_out(at))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _off_the_loop(self, work: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._threads, work), self._timeout)
        except (MasterUnavailable, TimeoutError) as error:
            slow = f"sealing took longer than {self._timeout:g} seconds"
            log.error("an original was not sealed", reason=str(error) or slow)  # our words, nobody's quoted
            raise Unavailable("originals_unavailable") from None


def told(sealed: Sealed | None) -> dict[str, Any]:
    """What the `asked` record says of a sealed original, so that the chain commits to it; nothing of none."""
    return {"original": sealed.account} if sealed else {}


async def keepable(values: Mapping[str, str], detector: Searching) -> dict[str, str]:
    """The values without those that hold a My Number or a 住民票コード, or may. Raises `CannotDetect`."""
    kept, doubtful = await asyncio.to_thread(_sifted, dict(values))
    found = await detector.find_each([kept[name] for name in doubtful]) if doubtful else []
    for name, findings in zip(doubtful, found, strict=True):
        if any(finding.label in IRREVERSIBLE for finding in findings):
            del kept[name]
    return kept


def _sifted(values: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What may be kept by its figures, and the placeholders of what has enough of them to be searched, too."""
    kept: dict[str, str] = {}
    doubtful: list[str] = []
    for name, value in values.items():
        spelled = list(_spelled(value))
        if not any(map(_may_be_one, spelled)):
            kept[name] = value
            if any(map(_has_room, spelled)):
                doubtful.append(name)
    return kept, doubtful


def _spelled(value: str) -> Iterator[str]:
    """The value, and what is encoded in it, with numbers in plain figures."""
    for text in (value, *opened(value), *_briefly_encoded(value)):
        plain = unicodedata.normalize("NFKC", fold(text).text).translate(_FORMAL)  # ① too
        yield Figures(plain, changes(plain)).text


def _briefly_encoded(value: str) -> Iterator[str]:
    """What a few letters say in base64 or hexadecimal digits, where it is ASCII."""
    for match in _BRIEF.finditer(value):
        letters = match.group()
        with suppress(ValueError):
            yield bytes.fromhex(letters).decode("ascii")
        with suppress(ValueError):
            yield base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_").decode("ascii")


def _has_room(text: str) -> bool:
    """Whether there are digits enough; of a bare telephone number the figures have said all there is."""
    digits = len(digits_of(text))
    return digits > _FEWEST or (digits == _FEWEST and any(letter.isalpha() for letter in text))


def _may_be_one(text: str) -> bool:
    """Whether some groups of digits that stand together are as many as one of the two numbers has."""
    rows = (digits for match in _NUMBER.finditer(_PLACE.sub("place", text)) for digits in _runs(match))
    return any(map(_is_one, rows))


def _runs(match: "re.Match[str]") -> Iterator[str]:
    """Every row of neighbouring groups of at most twelve digits; of +81 … only rows that leave out the +81."""
    groups = [digits_of(group) for group in re.findall(_GROUP, match.group())]
    for first in range(1 if match["plus"] else 0, len(groups)):
        row = ""
        for group in groups[first : first + 12]:
            row += group
            if len(row) > 12:
                break
            yield row


def _is_one(digits: str) -> bool:
    from redaction.recognizers.my_number import passes  # with the detector: it is loaded by then

    return (len(digits) == 12 and passes(digits)) or (len(digits) == 11 and digits[0] != "0")


def originals_of(settings: Settings, policy: Policy, home: Home, detector: Searching) -> Originals | None:
    """What keeps the originals of this house; None where its policy keeps none, and no master key is made."""
    if policy.originals_days == 0:
        return None
    return Originals(master_of(settings, home), policy.originals_days, detector, settings.master_timeout)


def master_of(settings: Settings, home: Home) -> Master:
    """The master key: the environment's, else a command's, else a file of the house, made where there is none.

    Raises OSError, or ValueError that says which one cannot be used.
    """
    if settings.master_key is not None:
        return KeyInHand(_decoded(settings.master_key.get_secret_value()))
    if settings.master_hook is not None:
        try:
            return Hook(settings.master_hook, settings.master_timeout)
        except ValueError:
            raise ValueError(
                "SEKISHO_MASTER_HOOK: コマンドが見つかりません。書き方と実行できることを確かめてください"
                " / is no command that can be run"
            ) from None
    file = home.path / "master.key"
    create_private(file, secrets.token_bytes(KEY_BYTES))
    try:
        return KeyInHand(file.read_bytes())
    except ValueError:
        raise ValueError(
            f"{file}: {KEY_BYTES}バイトのマスター鍵ではありません / is no master key of ours"
        ) from None


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"SEKISHO_MASTER_KEY: {KEY_BYTES}バイトをbase64で書いてください(openssl rand -base64 {KEY_BYTES})"
            f" / must be base64 of {KEY_BYTES} bytes"
        )
    return key
