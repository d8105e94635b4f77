"""Which model is asked where. A list in YAML, or, without one, one upstream for every name.

The list looks like this::

    models:
      - name: gpt-5-mini            # what tools ask for
        via: direct                 # an OpenAI-shaped server
        base_url: https://example.openai.azure.com/openai/v1
        key_env: AZURE_KEY          # the environment variable that holds the key
        destination: D2
        fallback: [gpt-5-nano]      # asked when this one fails before its first word, if the policy permits them too
      - name: claude
        via: litellm                # any provider litellm knows
        target: anthropic/claude-sonnet-4-5
        key_env: ANTHROPIC_API_KEY
        destination: D3
      - name: gpt-on-azure
        via: litellm
        target: azure/our-deployment
        base_url: https://example.openai.azure.com
        options: {api_version: "2024-10-21"}   # whatever else litellm wants to know of this provider
        key_env: AZURE_KEY
        destination: D2
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from policies.model import DestinationTier
from proxy.errors import no_such_model
from proxy.settings import BadSettings, Settings
from proxy.surfaces.request import Dialect
from proxy.surfaces.tried import Try
from proxy.walk import word_or_none

DEMO_MODEL = "sekisho-demo"

_ANTHROPIC = "anthropic/"
_ANTHROPIC_API = "https://api.anthropic.com"
_REGIONS = ("region", "aws_region_name", "vertex_location")
"""Options by which litellm is told where a provider's servers are."""
_ANTHROPIC_OWN = ("messages", "count_tokens")


@dataclass(frozen=True, slots=True)
class Route:
    """Where one model is. ``target`` is its name there; ``key`` is never printed. ``fallback``, ``options``: see the list.

    ``bearer``: whether the key is given as a bearer too, which most servers want and Anthropic's own refuse.
    """

    name: str
    via: Literal["direct", "litellm"]
    target: str | None
    base_url: str | None
    key: str | None = field(repr=False)
    destination: DestinationTier
    fallback: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    bearer: bool = True

    def tried(self, model: str) -> Try:
        """Asking it once, under the name that was asked for."""
        provider, slash, _ = (self.target or "").partition("/")
        region = next((self.options[name] for name in _REGIONS if name in self.options), None)
        known = word_or_none(provider) if slash and self.via == "litellm" else None
        return Try(model, self.destination, known, word_or_none(region))

    def spoken(self, dialect: Dialect) -> "Route":
        """The route for a dialect: where the provider speaks it itself, it is asked directly, without litellm."""
        target = self.target or ""
        if not (self.key and dialect in _ANTHROPIC_OWN and target.startswith(_ANTHROPIC)):
            return self
        base_url = (self.base_url or _ANTHROPIC_API).removesuffix("/messages").removesuffix("/v1") + "/v1"
        name = target.removeprefix(_ANTHROPIC)
        return replace(self, via="direct", target=name, base_url=base_url, bearer=False)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    via: Literal["direct", "litellm"]
    target: str | None = None
    base_url: str | None = None
    key_env: str | None = None
    destination: DestinationTier
    fallback: list[str] = []
    options: dict[str, str] = {}


class _Models(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    models: list[_Model]


class Routes:
    """Model name to `Route`. With a list only its names are known; without one, every name goes upstream."""

    def __init__(self, listed: dict[str, Route], every: Route | None) -> None:
        self._listed = listed
        self.every = every

    def of(self, model: str) -> Route:
        """The route of a model. Raises `Problem` 404 for an unknown one."""
        route = self._listed.get(model) or self.every
        if route is None:
            raise no_such_model(self.names())
        return route

    def names(self) -> list[str]:
        return sorted(self._listed)


def routes(settings: Settings) -> Routes:
    """Read the list, if any. Raises `BadSettings` naming the file and what to mend."""
    listed = {DEMO_MODEL: Route(DEMO_MODEL, "litellm", f"{DEMO_MODEL}/quote", None, None, "D1")}
    upstream_key = settings.upstream_key.get_secret_value() if settings.upstream_key else None
    if settings.models:
        return Routes({route.name: route for route in _read(settings.models)}, None)
    if settings.upstream is None:
        return Routes(listed, None)
    if not settings.upstream.startswith(("http://", "https://")):
        raise BadSettings(
            "SEKISHO_UPSTREAM: http:// か https:// で始まるURLにしてください / must be an http(s) URL"
        )
    if "@" in settings.upstream.partition("//")[2].partition("/")[0]:
        raise BadSettings(
            "SEKISHO_UPSTREAM: URLにユーザー名やパスワードを書かず SEKISHO_UPSTREAM_KEY に入れてください"
            " / put no user or password into the URL; use SEKISHO_UPSTREAM_KEY"
        )
    return Routes(
        {}, Route("*", "direct", None, settings.upstream.rstrip("/"), upstream_key, settings.destination)
    )


def _read(path: Path) -> list[Route]:
    try:
        document = _Models.model_validate(yaml.safe_load(path.read_text("utf-8")))
        return _checked([_route(model) for model in document.models])
    except OSError as error:
        raise BadSettings(
            f"{path}: モデル一覧を読めません / cannot read the model list: {error.strerror}"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise BadSettings(f"{path}: YAMLとして読めません / not readable YAML") from None
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        lines = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
        raise BadSettings(f"{path}: {lines}") from None


def _route(model: _Model) -> Route:
    if model.via == "direct" and not model.base_url:
        raise BadSettings(f"models: {model.name}: base_url が必要です / direct needs base_url")
    if model.via == "direct" and model.options:
        raise BadSettings(f"models: {model.name}: options は litellm 用です / options are for litellm")
    key = os.environ.get(model.key_env) if model.key_env else None
    if model.key_env and not key:
        raise BadSettings(f"models: {model.name}: 環境変数 {model.key_env} がありません / is not set")
    base_url = model.base_url.rstrip("/") if model.base_url else None
    return Route(
        model.name,
        model.via,
        model.target,
        base_url,
        key,
        model.destination,
        tuple(model.fallback),
        model.options,
    )


def _checked(routes: list[Route]) -> list[Route]:
    """Every model once, and every fallback one of them."""
    names = [route.name for route in routes]
    for route in routes:
        if names.count(route.name) > 1:
            raise BadSettings(f"models: {route.name}: 同じ名前が二つあります / is there twice")
        for other in route.fallback:
            if other not in names:
                raise BadSettings(
                    f"models: {route.name}: fallback の {other} が一覧にありません / is not on the list"
                )
    return routes
