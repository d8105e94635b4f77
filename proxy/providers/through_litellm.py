"""Every other provider, through litellm. Imported on first use, with everything that phones home off.

The one place that imports litellm; a newer or another library is swapped in here.
"""

import asyncio
import os
import struct
from base64 import b64encode
from collections.abc import AsyncGenerator
from typing import Any

from policies.model import Bilingual
from proxy.errors import UpstreamFailed, rate_limited
from proxy.providers.routes import DEMO_MODEL, Route
from proxy.providers.shape import shaped
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Masked

_QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else the price list is fetched at import
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else a .env file in the working folder is read
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOG": "CRITICAL",
    "DEFAULT_MAX_RETRIES": "0",
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

    async def ask(self, route: Route, masked: Masked) -> AsyncGenerator[Chunk]:
        """Send one masked request; yield the reply's chunks. Raises `UpstreamFailed`."""
        litellm = await self.load()
        settings = {
            "model": route.target or masked.asked or masked.model,
            "api_key": route.key,
            "api_base": route.base_url,
            "timeout": self._silence_timeout,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": False,
        }
        try:
            if masked.dialect == "embeddings":
                yield await _embedded(litellm, masked, settings)
                return
            reply = await litellm.acompletion(**{**masked.body, **settings})
            if not masked.stream:
                yield _chunk(reply, masked)
                return
            try:
                async for chunk in reply:
                    yield _chunk(chunk, masked)
            finally:
                await reply.aclose()
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:
            raise _failure(error) from None


async def _embedded(litellm: Any, masked: Masked, settings: dict[str, Any]) -> Chunk:
    """The vectors of one masked request, written as it wants them: few providers know base64, we do."""
    body = {name: value for name, value in masked.body.items() if name != "encoding_format"}
    reply = _chunk(await litellm.aembedding(**{**body, **settings}), masked)
    if masked.body.get("encoding_format") == "base64":
        reply["data"] = [{**part, "embedding": _base64(part["embedding"])} for part in reply["data"]]
    return reply


def _chunk(reply: Any, masked: Masked) -> Chunk:
    """One piece of litellm's reply in the dialect's own JSON."""
    return shaped(masked.dialect, reply.model_dump(mode="json", exclude_none=True), masked.stream)


def _base64(vector: list[float] | str) -> str:
    """Numbers as official clients read them: little-endian, four bytes each."""
    return vector if isinstance(vector, str) else b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _imported() -> Any:
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    import litellm

    from proxy.providers.demo_model import demo_handler

    # aembedding reads max_retries=0 as "not said" and takes this.
    litellm.DEFAULT_MAX_RETRIES = 0  # type: ignore[attr-defined]
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
        again="nobody" if refused else "elsewhere",
    )
