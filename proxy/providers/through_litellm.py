"""Every other provider, through litellm. Imported on first use, with everything that phones home off.

The one place that calls litellm; a newer or another library is swapped in here.
"""

import asyncio
import os
import struct
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from policies.model import Bilingual
from proxy.errors import UpstreamFailed
from proxy.providers import failures
from proxy.providers.demo_model import CAN, SAYS_NO
from proxy.providers.line import CALL, Call, Line
from proxy.providers.reading import checked, streamed
from proxy.providers.routes import DEMO_MODEL, Route
from proxy.providers.shape import is_last
from proxy.surfaces.reply import Chunk
from proxy.surfaces.request import Dialect, Masked
from proxy.surfaces.transcriptions import PLAIN

_QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else the price list is fetched at import
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else a .env file in the working folder is read
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOG": "CRITICAL",
    "DEFAULT_MAX_RETRIES": "0",
    "LITELLM_RUST": "False",  # its HTTP would go past the house's line
    "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB": "0",  # else a picture's address in a request is fetched from here
}

_FUNCTIONS: Mapping[Dialect, str] = {
    "chat": "acompletion",
    "responses": "aresponses",
    "messages": "anthropic_messages",
    "embeddings": "aembedding",
    "transcriptions": "atranscription",
}
_WRONG_REQUEST = (400, 404, 422)


class ThroughLitellm:
    """The litellm SDK, loaded when first needed. ``ask`` yields chunks in the dialect's own JSON."""

    def __init__(self, line: Line, silence_timeout: float) -> None:
        self._line = line
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
        _refuse_what_it_cannot(route, masked)
        litellm = await self.load()
        call = Call(self._line, route.base_url, masked.trying)
        CALL.set(call)
        try:
            reply = await getattr(litellm, _FUNCTIONS[masked.dialect])(**self._arguments(route, masked))
            if not masked.stream:
                yield _whole(reply, masked)
                return
            async with aclosing(self._streamed(reply, masked.dialect)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except Exception as error:
            raise _failure(error, call, masked) from None
        finally:
            await call.opened.aclose()

    def _arguments(self, route: Route, masked: Masked) -> dict[str, Any]:
        return {
            **_body(masked),
            **route.options,
            "model": route.target or masked.asked or masked.model,
            "api_key": route.key,
            "api_base": route.base_url,
            "timeout": self._silence_timeout,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": False,
        }

    async def _streamed(self, reply: Any, dialect: Dialect) -> AsyncGenerator[Chunk]:
        """The chunks of a stream: of messages litellm gives the bytes, of all else objects."""
        if dialect == "messages":
            async with aclosing(streamed(_parts(reply), dialect, self._line.max_reply)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        try:
            async for piece in reply:
                chunk = checked(_json(piece), dialect, stream=True)
                yield chunk
                if is_last(dialect, chunk):
                    return
        finally:
            await _closed(reply)
        if dialect != "chat":
            raise failures.incomplete()


def _refuse_what_it_cannot(route: Route, masked: Masked) -> None:
    """Raises `UpstreamFailed` for what this way cannot do, before anything is loaded or sent."""
    if (route.target or "").startswith(f"{DEMO_MODEL}/") and masked.dialect not in CAN:
        raise failures.cannot(SAYS_NO)
    if masked.dialect not in _FUNCTIONS:
        raise failures.cannot(
            Bilingual(
                "このモデルではトークン数を前もって数えられません。数えずに送信してください。",
                "The tokens of this model cannot be counted beforehand. Send without counting.",
            )
        )
    if masked.dialect == "transcriptions" and masked.stream:
        raise failures.cannot(
            Bilingual(
                "このモデルの文字起こしは途中経過を送れません。stream を外してください。",
                "This model's transcripts do not come as a stream. Remove stream.",
            )
        )


def _body(masked: Masked) -> dict[str, Any]:
    """The masked request as litellm's function takes it."""
    body = masked.body
    match masked.dialect:
        case "embeddings":  # few providers know base64, we do
            return {name: value for name, value in body.items() if name != "encoding_format"}
        case "transcriptions":
            sound = body["file"]
            return {**body, "file": (f"audio.{sound.ending}", sound.encode("latin-1"))}
        case _:
            return body


def _whole(reply: Any, masked: Masked) -> Chunk:
    """A plain reply. Vectors are written as the request wants them."""
    chunk = _json(reply)
    if masked.dialect == "transcriptions" and masked.body.get("response_format") in PLAIN:
        return {"text": chunk.get("text") or ""}
    chunk = checked(chunk, masked.dialect)
    if masked.dialect == "embeddings" and masked.body.get("encoding_format") == "base64":
        chunk["data"] = [{**part, "embedding": _base64(part["embedding"])} for part in chunk["data"]]
    return chunk


def _json(piece: Any) -> Any:
    """One object of litellm's as JSON values, a response by the id that its provider gave it."""
    chunk = piece if isinstance(piece, dict) else piece.model_dump(mode="json", exclude_none=True)
    made = chunk.get("response", chunk) if isinstance(chunk, dict) else None
    if isinstance(made, dict) and isinstance(made.get("id"), str):
        made["id"] = _own_id(made["id"])
    return chunk


def _own_id(id: str) -> str:
    """litellm writes what it knows of the provider into a response's id, in base64."""
    try:
        said = b64decode(id.removeprefix("resp_"), validate=True).decode()
    except ValueError:
        return id
    return said.rpartition("response_id:")[2] if said.startswith("litellm:") else id


async def _parts(reply: Any) -> AsyncGenerator[bytes]:
    try:
        async for part in reply:
            yield part.encode() if isinstance(part, str) else part
    finally:
        await _closed(reply)


async def _closed(reply: Any) -> None:
    """Whatever litellm calls the closing of a stream of this kind."""
    close = getattr(reply, "aclose", None)
    if close is not None:
        await close()


def _base64(vector: list[float] | str) -> str:
    """Numbers as official clients read them: little-endian, four bytes each."""
    return vector if isinstance(vector, str) else b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _imported() -> Any:
    os.environ.update(_QUIET)
    import litellm

    from proxy.providers.demo_model import demo_handler
    from proxy.providers.litellm_line import lead

    # aembedding reads max_retries=0 as "not said" and takes this.
    litellm.DEFAULT_MAX_RETRIES = 0  # type: ignore[attr-defined]
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.callbacks = []
    # A deployment's name says nothing to litellm, which would then wait for the whole answer to a stream.
    litellm.utils.supports_native_streaming = _yes
    litellm.use_chat_completions_url_for_anthropic_messages = True  # few servers have /responses
    # Messages go as chat: the other way, litellm's stream needs its proxy's packages.
    litellm.utils.ProviderConfigManager.get_provider_anthropic_messages_config = _none  # type: ignore[method-assign]
    litellm.custom_provider_map = [{"provider": DEMO_MODEL, "custom_handler": demo_handler()}]
    lead(litellm)
    return litellm


def _none(*_: Any, **__: Any) -> None:
    """No provider is known to speak this itself."""


def _yes(*_: Any, **__: Any) -> bool:
    """Every model is taken to do this."""
    return True


def _failure(error: Exception, call: Call, masked: Masked) -> UpstreamFailed:
    """What went wrong: what the line saw counts before what litellm makes of it.

    litellm's messages may quote the request and stay out; of its fields only their names are told.
    """
    if call.failure is not None:
        return call.failure
    if isinstance(error, UpstreamFailed):
        return error
    if call.sent:
        return failures.reported()
    if getattr(error, "status_code", None) in _WRONG_REQUEST:
        named = ", ".join(name for name in masked.body if f"'{name}'" in str(error))
        return failures.cannot(
            Bilingual(
                f"このモデルでは使えない設定値があります({named or '不明'})。外してお試しください。",
                f"This model does not know some parameter of the request ({named or 'unknown'}). Leave it out.",
            )
        )
    return failures.not_asked(type(error).__name__)
