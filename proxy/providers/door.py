"""Every model behind one door: which route it takes, what is tried when it fails, and the answer as chunks."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from policies.model import DestinationTier
from proxy.errors import UpstreamFailed
from proxy.providers.direct import Direct
from proxy.providers.routes import Routes
from proxy.providers.through_litellm import ThroughLitellm
from proxy.settings import Settings
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Masked

_PAUSE = 0.1
"""Seconds before another try."""


class Providers:
    """Asks models. Make it in the running event loop; close it in the same."""

    def __init__(self, settings: Settings, routes: Routes) -> None:
        self._routes = routes
        self._direct = Direct(settings.connect_timeout, settings.silence_timeout, settings.max_reply)
        self._litellm = ThroughLitellm(settings.silence_timeout)
        self._retries = settings.retries

    async def close(self) -> None:
        await self._direct.close()

    async def warm(self) -> None:
        """Load litellm ahead of the first request that needs it."""
        await self._litellm.load()

    def destination(self, model: str) -> DestinationTier:
        """The destination tier of a model. Raises `Problem` 404 for an unknown one."""
        return self._routes.of(model).destination

    def others(self, model: str) -> tuple[str, ...]:
        """The models that the list names to be asked when this one fails. Raises `Problem` 404 for an unknown one."""
        return self._routes.of(model).fallback

    async def ask(self, masked: Masked) -> AsyncGenerator[Chunk]:
        """Ask the model of a masked request, and where it fails before its first chunk, again or another.

        Raises `UpstreamFailed`, that of the last one asked.
        """
        tries = [masked.model] * (1 + self._retries) + list(masked.others)
        sent = False
        while tries:
            model = masked.asked = tries.pop(0)
            masked.tries += 1
            begun = False
            try:
                async with aclosing(self._asked(model, masked)) as answer:
                    async for chunk in answer:
                        begun = True
                        yield chunk
                return
            except UpstreamFailed as failure:
                failure.sent = sent = sent or failure.sent
                if failure.again == "elsewhere":
                    tries = [other for other in tries if other != model]
                if begun or not tries or failure.again == "nobody":
                    raise
            await asyncio.sleep(_PAUSE)

    def _asked(self, model: str, masked: Masked) -> AsyncGenerator[Chunk]:
        route = self._routes.of(model)
        door = self._direct if route.via == "direct" else self._litellm
        return door.ask(route, masked)

    async def models(self) -> list[str]:
        """The models that tools may ask for by name. Raises `UpstreamFailed`.

        Where every name goes to one upstream, its own list is asked for.
        """
        every = self._routes.every
        return self._routes.names() if every is None else await self._direct.models(every)
