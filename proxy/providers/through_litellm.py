"""Every other provider, through litellm. Imported on first use, with everything that phones home off.

The one place that imports litellm; a newer or another library is swapped in here.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from policies.model import Bilingual
from proxy.errors import UpstreamFailed, rate_limited
from proxy.providers.routes import DEMO_MODEL, Route
from proxy.providers.shape import shaped

Chunk = dict[str, Any]

_QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else the price list is fetched at import
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else a .env file in the working folder is read
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOG": "CRITICAL",
}


class ThroughLitellm:
    """The litellm SDK, loaded when first needed. ``ask`` yields chunks in OpenAI's shape."""

    def __init__(self, silence_timeout: float) -> None:
        self._silence_timeout = silence_timeout
        self._loading = asyncio.Lock()
        self._litellm: Any = None

    async def load(self) -> Any:
        """Import litellm off the event loop, once. It takes some seconds and about 180 MB."""
        async with self._loading:
            if self._litellm is None:
                self._litellm = await asyncio.to_thread(_imported)
        return self._litellm

    async def ask(self, route: Route, body: Mapping[str, Any], stream: bool) -> AsyncGenerator[Chunk]:
        """Send one masked request; yield the reply's chunks. Raises `UpstreamFailed`."""
        litellm = await self.load()
        try:
            reply = await litellm.acompletion(
                **{**body, "model": route.target or body["model"]},
                api_key=route.key,
                base_url=route.base_url,
                timeout=self._silence_timeout,
                num_retries=0,
                max_retries=0,
                drop_params=False,
            )
            if not stream:
                yield shaped(reply.model_dump(mode="json", exclude_none=True))
                return
            try:
                async for chunk in reply:
                    yield shaped(chunk.model_dump(mode="json", exclude_none=True))
            finally:
                await reply.aclose()
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:
            raise _failure(error) from None


def _imported() -> Any:
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    import litellm

    from proxy.providers.demo_model import demo_handler

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.callbacks = []
    litellm.custom_provider_map = [{"provider": DEMO_MODEL, "custom_handler": demo_handler()}]
    return litellm


def _failure(error: Exception) -> UpstreamFailed:
    """litellm's own error classes carry the status; the message may quote the request and stays out."""
    status = getattr(error, "status_code", None)
    name = type(error).__name__
    if status == 429:
        return rate_limited(getattr(getattr(error, "response", None), "headers", {}).get("retry-after"))
    refused = status if status in (400, 404, 413, 422) else None
    return UpstreamFailed(
        f"upstream_status_{status}" if status else "upstream_error",
        Bilingual(
            "AIサーバーが要求に答えられませんでした。モデル名や設定値を確かめてください。",
            f"The model server did not answer the request ({name}).",
        ),
        sent=True,
        status=refused or 502,
    )
