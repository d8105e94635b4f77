"""The city's directory for the tests: npm's `oidc-provider` as a real process on loopback, and who works in the city.

The tests make its keys and hand them over, so that they can also sign what it never would: see `City.forged`.
"""

import base64
import hmac
import json
import os
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests import node

SOURCE = Path(__file__).parent / "clients" / "oidc-provider"
NEEDED = 22
AUDIENCE = "sekisho"
TOOL = "document-tool"
"""A tool that the directory knows."""
REDIRECT = "https://sekisho.city.example/sign-in/back"

STAFF: dict[str, dict[str, Any]] = {
    "yamada": {
        "staff_id": "012345",
        "org": {"department": "都市創造部", "section": "道路課"},
        "groups": ["全職員", "csirt-team", "heads"],
    },
    "nobody": {"groups": ["全職員"]},
    "long": {"staff_id": "123456789018"},
}
CLIENTS: dict[str, dict[str, Any]] = {
    TOOL: {**STAFF["yamada"]},
    "silent-tool": {},
    "bare-tool": {"staff_id": "099999"},
}
PAGES = "sekisho-pages"


def private_keys(generation: str = "1") -> dict[str, dict[str, Any]]:
    """One private key for each algorithm that is accepted, by algorithm."""
    rsa, rsa_pss = (RSAKey.generate_key(2048).as_dict(private=True) for _ in range(2))
    made = {
        "RS256": rsa,
        "PS256": rsa_pss,
        "ES256": ECKey.generate_key("P-256").as_dict(private=True),
        "EdDSA": OKPKey.generate_key("Ed25519").as_dict(private=True),
    }
    return {alg: {**key, "kid": f"{alg}-{generation}", "alg": alg, "use": "sig"} for alg, key in made.items()}


@dataclass
class City:
    """A running directory. ``keys`` are its private keys by algorithm."""

    folder: Path
    keys: dict[str, dict[str, Any]] = field(default_factory=private_keys)
    ttl: int = 3600
    pages: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"id": PAGES, "secret": "secret & of=pages", "redirect_uri": REDIRECT, "alg": "RS256"}
        ]
    )
    port: int = 0
    process: "subprocess.Popen[str] | None" = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """On the port of the last start, where there was one."""
        settings = {
            "port": self.port,
            "keys": list(self.keys.values()),
            "audience": AUDIENCE,
            "ttl": self.ttl,
            "staff": STAFF,
            "clients": CLIENTS,
            "pages": self.pages,
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}
        command, _ = node.node_and_npm(NEEDED)
        self.process = subprocess.Popen(
            [*command, str(SOURCE / "provider.mjs")],
            cwd=self.folder,
            env=clean | {"SETTINGS": json.dumps(settings)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait(30)
        assert self.process.stdout
        self.process.stdout.close()
        self.process = None

    def token(self, client: str = TOOL, alg: str = "RS256") -> str:
        """A real access token of a tool."""
        form = {"grant_type": "client_credentials", "resource": f"urn:alg:{alg}", "scope": "ask"}
        secret = base64.b64encode(
            f"{client}:{urllib.parse.quote_plus(f'secret of {client}')}".encode()
        ).decode()
        request = urllib.request.Request(
            f"{self.issuer}/token",
            urllib.parse.urlencode(form).encode(),
            {"authorization": f"Basic {secret}"},
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            return str(json.loads(reply.read())["access_token"])

    def forged(
        self,
        alg: str = "RS256",
        key: "RSAKey | ECKey | OKPKey | Any" = None,
        header: dict[str, Any] | None = None,
        without: tuple[str, ...] = (),
        **claims: Any,
    ) -> str:
        """A token that only looks like the directory's, or is signed with its key and says something else.

        A header's None takes the header away; ``without`` takes claims away.
        """
        now = int(time.time())
        said = {
            "iss": self.issuer, "aud": AUDIENCE, "sub": TOOL, "client_id": TOOL, "iat": now, "exp": now + 600,
            **STAFF["yamada"], **claims,
        }  # fmt: skip
        first = {"alg": alg, "kid": f"{alg}-1", "typ": "at+jwt", **(header or {})}
        first = {name: value for name, value in first.items() if value is not None}
        payload = json.dumps({name: value for name, value in said.items() if name not in without})
        return signed(first, payload, key or (key_of(self.keys[alg]) if alg in self.keys else None))

    def signs_in(self, page: str, account: str = "yamada") -> dict[str, str]:
        """Somebody follows a link to the directory's page and signs in there; what comes back to our page."""
        browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(CookieJar()), _StopAtOurPage()
        )
        with browser.open(page, timeout=20) as reply:
            form = urllib.parse.urljoin(reply.url, re.findall(r'action="([^"]+)"', reply.read().decode())[0])
        filled = urllib.parse.urlencode({"prompt": "login", "login": account, "password": "x"})
        try:
            browser.open(form, filled.encode(), timeout=20)
        except _CameBack as back:
            return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back.url).query))
        raise AssertionError("the directory never came back")


def key_of(private: dict[str, Any]) -> Any:
    return {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}[private["kty"]].import_key(dict(private))


def signed(header: dict[str, Any], payload: str | bytes, key: Any) -> str:
    """A signature under any header, also one that no sound library would make."""
    if header["alg"] == "none":
        return f"{b64(json.dumps(header).encode())}.{b64(str(payload).encode())}."
    if header["alg"] == "HS256":  # the key is bytes, as a confused verifier would take them
        start = f"{b64(json.dumps(header).encode())}.{b64(str(payload).encode())}"
        return f"{start}.{b64(hmac.digest(key, start.encode(), 'sha256'))}"
    registry = jws.JWSRegistry(strict_check_header=False, algorithms=[header["alg"]])
    if header["alg"] == "EdDSA":
        registry.get_alg = lambda name: jws.JWSRegistry.algorithms["Ed25519"]  # type: ignore[method-assign]
        private = {name: value for name, value in key.as_dict(private=True).items() if name != "alg"}
        key = OKPKey.import_key(private)
    return jws.serialize_compact(header, payload, key, registry=registry)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class _CameBack(Exception):
    def __init__(self, url: str) -> None:
        self.url = url


class _StopAtOurPage(urllib.request.HTTPRedirectHandler):
    """A browser that does not open our page, which nobody serves here."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        if not newurl.startswith("http://127.0.0.1"):
            fp.close()
            raise _CameBack(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def city_directory(**options: Any) -> Iterator[City]:
    """A directory that runs until the end of the test."""
    city = City(node.installed(SOURCE, NEEDED), **options)
    city.start()
    try:
        yield city
    finally:
        city.stop()
