"""Every model behind one door: which route it takes, and the answer as a stream of chunks."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from policies.model import DestinationTier
from proxy.providers.direct import Direct
from proxy.providers.routes import Routes
from proxy.providers.through_litellm import ThroughLitellm
from proxy.settings import Settings
from proxy.surfaces.request import Chunk, Masked


class Providers:
    """Asks models. Make it in the running event loop; close it in the same."""

    def __init__(self, settings: Settings, routes: Routes) -> None:
        self._routes = routes
        self._direct = Direct(settings.connect_timeout, settings.silence_timeout, settings.max_reply)
        self._litellm = ThroughLitellm(settings.silence_timeout)

    async def close(self) -> None:
        await self._direct.close()

    async def warm(self) -> None:
        """Load litellm ahead of the first request that needs it."""
        await self._litellm.load()

    def destination(self, model: str) -> DestinationTier:
        """The destination tier of a model. Raises `Problem` 404 for an unknown one."""
        return self._routes.of(model).destination

    async def ask(self, masked: Masked) -> AsyncGenerator[Chunk]:
        """Ask the model of a masked request. Raises `UpstreamFailed`."""
        route = self._routes.of(masked.model)
        door = self._direct if route.via == "direct" else self._litellm
        async with aclosing(door.ask(route, masked)) as answer:
            async for chunk in answer:
                yield chunk

    async def models(self) -> list[str]:
        """The models that tools may ask for by name. Raises `UpstreamFailed`.

        Where every name goes to one upstream, its own list is asked for.
        """
        every = self._routes.every
        return self._routes.names() if every is None else await self._direct.models(every)
