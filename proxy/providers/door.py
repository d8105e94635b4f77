"""Every model behind one door: which route it takes, what is tried when it fails, and the answer as chunks.

Tried again is only what failed before its first chunk: what the caller has seen cannot be taken back. The same
model is asked again where the failure is most likely over in a moment, with a pause that doubles; any other
failure goes to the models in its place, each asked once, except one that says the request itself is wrong.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from policies.model import DestinationTier
from proxy.errors import UpstreamFailed
from proxy.providers.direct import Direct
from proxy.providers.line import Line
from proxy.providers.routes import Routes
from proxy.providers.through_litellm import ThroughLitellm
from proxy.settings import Settings
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Dialect, Masked

_PAUSE = 0.1
"""Seconds before the same model is asked again; each further time twice as long."""


_OWN_ONLY = ("embeddings", "count_tokens")


class Providers:
    """Asks models. Make it in the running event loop; close it in the same."""

    def __init__(self, settings: Settings, routes: Routes) -> None:
        self._routes = routes
        self._line = Line(
            settings.connect_timeout, settings.silence_timeout, settings.reply_timeout, settings.max_reply
        )
        self._direct = Direct(self._line)
        self._litellm = ThroughLitellm(self._line, settings.silence_timeout)
        self._retries = settings.retries

    async def close(self) -> None:
        await self._line.close()

    async def warm(self) -> None:
        """Load litellm ahead of the first request that needs it."""
        await self._litellm.load()

    def destination(self, model: str) -> DestinationTier:
        """The destination tier of a model. Raises `Problem` 404 for an unknown one."""
        return self._routes.of(model).destination

    def others(self, model: str, dialect: Dialect) -> tuple[str, ...]:
        """The models that the list names to be asked when this one fails. Raises `Problem` 404 for an unknown one.

        None for vectors and counts: those of another model cannot be compared.
        """
        return () if dialect in _OWN_ONLY else self._routes.of(model).fallback

    async def ask(
        self, masked: Masked, may_be_asked: Callable[[str], bool] = lambda model: True
    ) -> AsyncGenerator[Chunk]:
        """Ask the model of a masked request, and where it fails before its first chunk, again or another.

        ``may_be_asked`` says of any other model whether it may be asked at that moment. Raises `UpstreamFailed`,
        that of the last one asked.
        """
        tries = [masked.model] * (1 + self._retries) + list(masked.others)
        sent = False
        pause = _PAUSE
        while tries:
            model = tries.pop(0)
            trying = self._routes.of(model).tried(model)
            masked.tried.append(trying)
            begun = False
            try:
                async with aclosing(self._asked(model, masked)) as answer:
                    async for chunk in answer:
                        begun = trying.replied = True
                        yield chunk
                return
            except UpstreamFailed as failure:
                trying.sent, trying.error = failure.sent, failure.code
                failure.sent = sent = sent or failure.sent
                if failure.again == "elsewhere":
                    tries = [other for other in tries if other != model]
                tries = [other for other in tries if other == model or may_be_asked(other)]
                if begun or not tries or failure.again == "nobody":
                    raise
            if tries[0] == model:
                await asyncio.sleep(pause)
                pause *= 2

    def _asked(self, model: str, masked: Masked) -> AsyncGenerator[Chunk]:
        route = self._routes.of(model).spoken(masked.dialect)
        door = self._direct if route.via == "direct" else self._litellm
        return door.ask(route, masked)

    def named(self) -> list[str] | None:
        """The models on the list; None where there is none and every name goes to one upstream."""
        return None if self._routes.every else self._routes.names()

    async def models(self) -> list[str]:
        """The models that tools may ask for by name. Raises `UpstreamFailed`.

        Where every name goes to one upstream, its own list is asked for.
        """
        every = self._routes.every
        return self._routes.names() if every is None else await self._direct.models(every)
