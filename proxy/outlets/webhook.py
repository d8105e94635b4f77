"""A webhook: each letter is a POST of its own, signed so that its receiver can tell that it is ours and not an old one.

    POST /hook
    X-Sekisho-Alert: a-kfgc…                 the same for what is sent twice
    X-Sekisho-Timestamp: 1795442460          seconds since 1970
    X-Sekisho-Signature: v1=9f3c…            HMAC-SHA256(secret, "v1:" timestamp ":" body), hex

    {"schema":1,"id":"a-kfgc…","rule":"A-06","title":"AIをだます言葉",…}

A receiver compares the signature (hmac.compare_digest) and refuses a timestamp older than five minutes. Any answer of
200 to 299 means that it has the letter. Straight there: no proxy of the environment is used, no redirect followed, and
the path of the URL, which may be as good as a password, is never told.
"""

import asyncio
import hmac
import json
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from pydantic import model_validator

from policies.complaints import Words
from policies.schema import wrong
from proxy.alerting.kinds import Brought, ChannelForm, Kind, secret_of
from proxy.alerting.letters import Letter
from proxy.followers import NotTaken
from proxy.outlets.named import Variable
from proxy.settings import Settings

if TYPE_CHECKING:
    import aiohttp

PATIENCE = 10.0
"""Seconds that one letter may take."""
_TRIES = 3
_PAUSE = 0.5
"""Seconds before a letter is tried again at once, and twice as long before the next time; then the follower waits."""


class WebhookForm(ChannelForm):
    """``url`` or ``url_file``; the secret of the signature in a file or an environment variable."""

    url: str | None = None
    url_file: str | None = None
    secret_file: str | None = None
    secret_env: Variable | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise wrong(
                Words(
                    "webhook には url か url_file のどちらか一つを書きます。",
                    "a webhook has either url or url_file.",
                )
            )
        if (self.secret_file is None) == (self.secret_env is None):
            raise wrong(
                Words(
                    "webhook には署名の秘密を、secret_file か secret_env のどちらか一つで指定します(このファイルには書きません)。",
                    "a webhook names the secret of its signature by either secret_file or secret_env; it never stands here.",
                )
            )
        if self.url is not None and not _is_url(self.url):
            raise wrong(_NO_URL)
        return self


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not (parts.username or parts.password or parts.fragment)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and plain


_NO_URL = Words(
    "webhook のURLが正しくありません。https:// か http:// で始まり、利用者名やパスワードを含まないURLにしてください。",
    "this is no usable URL: it begins with https:// or http:// and has no user name or password.",
)


class Webhook:
    """Brings letters to a URL."""

    def __init__(self, url: str, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock

    async def bring(self, letters: Sequence[Letter], brought: Brought) -> None:
        import aiohttp

        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=PATIENCE),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        async with session:
            for letter in letters:
                await self._bring(session, letter)
                brought(letter)

    async def _bring(self, session: "aiohttp.ClientSession", letter: Letter) -> None:
        trouble = "receiver_unreachable"
        for turn in range(_TRIES):
            if turn:
                await asyncio.sleep(_PAUSE * 2 ** (turn - 1))
            status = await self._post(session, letter)
            if status is not None and 200 <= status < 300:
                return
            trouble = "receiver_unreachable" if status is None else f"receiver_answered_{status}"
            if status is not None and status < 500 and status not in (408, 425, 429):
                break  # it will say the same at once
        raise NotTaken(trouble)

    async def _post(self, session: "aiohttp.ClientSession", letter: Letter) -> int | None:
        """What it answered; None where nobody did."""
        import aiohttp

        body = json.dumps(letter.plain(), ensure_ascii=False, separators=(",", ":")).encode()
        moment = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "sekisho",
            "X-Sekisho-Alert": letter.id,
            "X-Sekisho-Timestamp": moment,
            "X-Sekisho-Signature": signature(self._secret, moment, body),
        }
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                return int(answer.status)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return None


def signature(secret: bytes, moment: str, body: bytes) -> str:
    """What X-Sekisho-Signature says."""
    return f"v1={hmac.new(secret, b'v1:' + moment.encode() + b':' + body, sha256).hexdigest()}"


def webhook(form: WebhookForm, settings: Settings) -> Webhook:
    """Raises as `Kind.open` does."""
    url = form.url or secret_of(form.name, form.url_file, None) or ""
    if not _is_url(url):
        raise ValueError(f"知らせる先 {form.name}: {_NO_URL.ja} / channel {form.name}: {_NO_URL.en}")
    secret = secret_of(form.name, form.secret_file, form.secret_env) or ""
    return Webhook(url, secret.encode())


WEBHOOK = Kind(WebhookForm, webhook)
