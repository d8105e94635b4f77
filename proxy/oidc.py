"""Tokens of the city's own directory (OpenID Connect): who sent this, for which tool; and signing in on our pages.

    Authorization: Bearer eyJ…   a token that the directory issued to a registered tool, for its user
    begin → the directory's page → finish   a person signs in on a page of ours (code flow with PKCE)

The directory says who somebody is, and may say where that person belongs and in which role. Whether that person may
use AI (enrolment, trainings, the rules accepted) is never taken from it: that is for the book of people. Nothing of a
token is kept, logged or quoted. The network is issuer.py's, the signatures are tokens.py's.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import unquote, urlencode

import structlog

from audit.numbers import may_be_somebodys
from policies.model import Bilingual
from policies.vocabulary import ROLES
from proxy.errors import NO_RETRY, Problem
from proxy.issuer import Declined, Issuer, Origin, origin_of, unreachable
from proxy.settings import BadSettings, Settings
from proxy.staff_id import is_staff_id
from proxy.tokens import ACCESS, SIGN_IN, NotValid, header_of, opened

log = structlog.get_logger()

SIGN_IN_SECONDS = 600
"""Seconds that a person may take on the directory's page."""
_SAYABLE = ("person", "department", "section", "roles")
"""What a claim of a token may be taken for."""
_LONGEST_CODE = 4096
_PLACE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,64}")
_SEALED_FOR = b"sekisho.oidc.begin.v1"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token of the city's directory was issued for. What is None, the token does not say."""

    person: str
    department: str | None = None
    section: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say of the directory.

    ``claims``: person → "staff_id", department → "org.department" … ``roles``: the directory's groups by the role that
    each stands for; of several groups of one person the first in this order counts. ``beside``: origins other than the
    issuer's that its addresses may have.
    """

    issuer: str
    audience: str
    claims: Mapping[str, str]
    roles: Mapping[str, str]
    beside: frozenset[Origin]
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    scope: str = "openid"


class Directory:
    """The city's directory, as one house asks it. ``secret`` seals what a browser keeps while its user signs in."""

    def __init__(
        self,
        terms: Terms,
        secret: bytes,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.terms = terms
        self._issuer = Issuer(terms.issuer, terms.beside, ticks)
        self._key = hmac.digest(secret, _SEALED_FOR, "sha256")
        self._clock = clock

    @property
    def signs_in(self) -> bool:
        """Whether people may sign in with it on our pages."""
        return self.terms.client_id is not None

    async def identity(self, token: str) -> tuple[Identity, str]:
        """Who a token was issued for, and for which client. Raises `Problem` 401, `Unavailable`."""
        try:
            claims = await self._opened(token, self.terms.audience, ACCESS)
            return self._identity(claims), _client_of(claims)
        except NotValid as error:
            log.info("token refused", reason=error.reason)
            raise _invalid(error) from None

    async def begin(self, redirect_uri: str) -> tuple[str, str]:
        """The directory's page where a person signs in, and what that person's browser keeps meanwhile, sealed.

        Keep the sealed part in a cookie of that browser alone, never in an address: with it the answer is tied to
        the browser that asked. Raises `Unavailable`.
        """
        client_id, published = self._client_id(), await self._issuer.published()
        if published.authorization_endpoint is None:
            raise unreachable()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": self.terms.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": _base64(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        page = published.authorization_endpoint
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "to": redirect_uri, "at": self._clock()}
        return f"{page}{'&' if '?' in page else '?'}{urlencode(asked)}", self._sealed(kept)

    async def finish(self, code: str, sealed: str, redirect_uri: str, state: str | None = None) -> Identity:
        """Who signed in, by the code that the directory sent to our page and what the browser kept of `begin`.

        ``state`` is the one that came with the code; where it is given it must be the one of `begin`. A code is worth
        nothing in another browser (PKCE). Raises `Problem` 401, `Unavailable`.
        """
        client_id, kept = self._client_id(), self._unsealed(sealed)
        if kept["to"] != redirect_uri or not 0 < len(code) <= _LONGEST_CODE:
            raise _not_signed_in()
        if state is not None and not hmac.compare_digest(state.encode(), kept["state"].encode()):
            raise _not_signed_in()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": kept["verifier"],
        }
        secret = self.terms.client_secret
        try:
            given = await self._issuer.redeem(form, client_id, secret)
            token = given.get("id_token")
            claims = await self._opened(token if isinstance(token, str) else "", client_id, SIGN_IN)
            if claims.get("nonce") != kept["nonce"] or claims.get("azp", client_id) != client_id:
                raise NotValid("claims")
            return self._identity(claims)
        except Declined as error:
            log.warning("sign-in declined by the directory", status=error.status)
            raise _not_signed_in() from None
        except NotValid as error:
            log.info("sign-in refused", reason=error.reason)
            raise _nobody() if isinstance(error, _SaysNobody) else _not_signed_in() from None

    async def close(self) -> None:
        await self._issuer.close()

    async def _opened(self, token: str, audience: str, types: frozenset[str | None]) -> dict[str, Any]:
        keys = await self._issuer.keys(header_of(token).kid)
        return opened(
            token, keys, issuer=self.terms.issuer, audience=audience, types=types, now=self._clock()
        )

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        """What the claims say by `Terms`. Raises `NotValid` where one is not of the form that it must have."""
        said = {name: _at(claims, path) for name, path in self.terms.claims.items()}
        person = said.get("person")
        if not isinstance(person, str) or not is_staff_id(person):
            raise _SaysNobody
        places = {name: _place(said.get(name)) for name in ("department", "section")}
        return Identity(person, **places, role=self._role(said.get("roles")))

    def _role(self, groups: object) -> str | None:
        if isinstance(groups, str):
            groups = [groups]
        if groups is not None and not isinstance(groups, list):
            raise NotValid("claims")
        return next((role for group, role in self.terms.roles.items() if group in (groups or ())), None)

    def _client_id(self) -> str:
        if self.terms.client_id is None:
            raise Problem(
                404,
                "sign_in_not_offered",
                Bilingual(
                    "この関所では市の認証でサインインできません。個人のキーで入ってください。",
                    "This checkpoint offers no sign-in with the city's directory. Use your personal key.",
                ),
            )
        return self.terms.client_id

    def _sealed(self, kept: Mapping[str, Any]) -> str:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(12)
        return _base64(nonce + AESGCM(self._key).encrypt(nonce, json.dumps(kept).encode(), _SEALED_FOR))

    def _unsealed(self, sealed: str) -> dict[str, Any]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            raw = base64.b64decode(sealed + "=" * (-len(sealed) % 4), b"-_", validate=True)
            kept: dict[str, Any] = json.loads(AESGCM(self._key).decrypt(raw[:12], raw[12:], _SEALED_FOR))
        except (ValueError, InvalidTag):
            raise _not_signed_in() from None
        if not 0 <= self._clock() - kept["at"] <= SIGN_IN_SECONDS:
            raise _not_signed_in()
        return kept


class _SaysNobody(NotValid):
    """The token counts, but holds no staff number where the settings look for it."""

    def __init__(self) -> None:
        super().__init__("claims")


def directory_of(settings: Settings, secret: bytes) -> Directory | None:
    """The directory of the settings, None where they name none. Opens nothing. Raises `BadSettings`."""
    terms = terms_of(settings)
    return Directory(terms, secret) if terms else None


def _is_sealed(url: str) -> bool:
    """Whether nobody on the way can put in other keys: over TLS, or within this machine."""
    try:
        scheme, host, _ = origin_of(url)
    except ValueError:
        return False
    return scheme == "https" or host in ("localhost", "127.0.0.1", "::1")


def terms_of(settings: Settings) -> Terms | None:
    """What the settings say of the directory. Raises `BadSettings` with one sentence about what does not fit."""
    issuer, audience, client_id = settings.oidc_issuer, settings.oidc_audience, settings.oidc_client_id
    secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
    if issuer is None:
        others = ("oidc_audience", "oidc_claims", "oidc_roles", "oidc_client_id", "oidc_client_secret",
                  "oidc_scope", "oidc_origins")  # fmt: skip
        if named := [name for name in others if name in settings.model_fields_set]:
            _bad(named[0], "SEKISHO_OIDC_ISSUER も設定してください", "set SEKISHO_OIDC_ISSUER, too")
        return None
    if not _is_sealed(issuer):
        _bad(
            "oidc_issuer", "https:// で始まる発行者のURLにしてください", "must be the issuer's URL, https://…"
        )
    if not audience:
        _bad(
            "oidc_audience",
            "関所あてのトークンの aud の値を設定してください(SEKISHO_OIDC_ISSUER とともに必要です)",
            "must name the audience of tokens for the checkpoint; it is needed beside SEKISHO_OIDC_ISSUER",
        )
    if audience == client_id:
        _bad(
            "oidc_audience",
            "SEKISHO_OIDC_CLIENT_ID と別の値にしてください。同じだとサインインの証明書がAPIのトークンとして通ります",
            "must differ from SEKISHO_OIDC_CLIENT_ID, or what proves a sign-in would pass as a token of the API",
        )
    if secret and not client_id:
        _bad(
            "oidc_client_secret",
            "SEKISHO_OIDC_CLIENT_ID も設定してください",
            "set SEKISHO_OIDC_CLIENT_ID, too",
        )
    return Terms(
        issuer,
        audience,
        _claims(settings.oidc_claims),
        _roles(settings.oidc_roles, settings.oidc_claims),
        _origins(settings.oidc_origins),
        client_id,
        secret,
        _scope(settings.oidc_scope),
    )


def _claims(written: str) -> Mapping[str, str]:
    """``person=staff_id section=org.section``."""
    claims: dict[str, str] = {}
    for pair in written.split():
        name, _, path = pair.partition("=")
        if name not in _SAYABLE or not path or name in claims:
            _bad(
                "oidc_claims",
                f"{', '.join(_SAYABLE)} を一度ずつ「person=staff_id section=org.section」のように書いてください",
                f"takes each of {', '.join(_SAYABLE)} once, as in: person=staff_id section=org.section",
            )
        claims[name] = path
    if "person" not in claims:
        _bad(
            "oidc_claims",
            "職員番号の入る項目を person=staff_id のように書いてください",
            "must say which claim holds the staff number, as in: person=staff_id",
        )
    return claims


def _roles(written: str, claims: str) -> Mapping[str, str]:
    """``csirt-team=csirt_reviewer``. A space in the name of a group is written %20."""
    roles: dict[str, str] = {}
    for pair in written.split():
        group, _, role = pair.rpartition("=")
        group = unquote(group)
        if role not in ROLES or not group or group in roles:
            _bad(
                "oidc_roles",
                f"「グループ名=役割」を空白で区切り、グループ名は一度ずつ書いてください。役割: {', '.join(ROLES)}",
                f"takes group=role, parted by spaces, each group once; roles: {', '.join(ROLES)}",
            )
        roles[group] = role
    if roles and "roles" not in _claims(claims):
        _bad(
            "oidc_roles",
            "グループの入る項目を SEKISHO_OIDC_CLAIMS に roles=groups のように書いてください",
            "needs SEKISHO_OIDC_CLAIMS to say which claim holds the groups, as in: roles=groups",
        )
    return roles


def _origins(written: str) -> frozenset[Origin]:
    if not all(map(_is_sealed, written.split())):
        _bad(
            "oidc_origins",
            "https:// で始まるURLを空白で区切ってください",
            "takes URLs, https://…, parted by spaces",
        )
    return frozenset(map(origin_of, written.split()))


def _scope(written: str) -> str:
    if "openid" not in written.split():
        _bad("oidc_scope", "openid を入れてください", "must hold openid")
    return " ".join(written.split())


def _bad(name: str, ja: str, en: str) -> NoReturn:
    raise BadSettings(f"SEKISHO_{name.upper()}: {ja} / {en}")


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of this name; else, part by part, what lies inside of others: ``org.section``."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _place(said: object) -> str | None:
    """The name of a 部 or 課, as the ledger may keep it. Raises `NotValid`."""
    if said is None or said == "":
        return None
    if not isinstance(said, str) or not _PLACE.fullmatch(said) or may_be_somebodys(said):
        raise NotValid("claims")
    return said


def _client_of(claims: Mapping[str, Any]) -> str:
    """The tool that the token was issued to. Raises `NotValid` where it names none, or two."""
    named = {claims[name] for name in ("azp", "client_id") if isinstance(claims.get(name), str)} - {""}
    if len(named) != 1:
        raise NotValid("claims")
    return str(named.pop())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_AGAIN = Bilingual(
    "認証のトークンを確かめられませんでした。ツールでもう一度サインインしてください。続くときは情報システム担当へ連絡してください。",
    "The token could not be verified. Sign in again in your tool; tell the system team if it goes on.",
)
_WHY = {
    "expired": Bilingual(
        "サインインの期限が切れました。ツールでもう一度サインインしてください。",
        "Your sign-in has expired. Sign in again in your tool.",
    ),
    "audience": Bilingual(
        "このトークンは関所あてに発行されたものではありません。ツールの設定(audience)を直すよう、情報システム担当へ連絡してください。",
        "This token was not issued for the checkpoint. Ask the system team to mend the tool's audience.",
    ),
}
_NO_STAFF_ID = Bilingual(
    "市の認証から職員番号を読み取れませんでした。情報システム担当へ連絡してください(設定 SEKISHO_OIDC_CLAIMS)。",
    "The city's directory gave no staff number. Tell the system team (setting SEKISHO_OIDC_CLAIMS).",
)
_CHALLENGE = NO_RETRY | {"www-authenticate": 'Bearer error="invalid_token"'}


def _invalid(error: NotValid) -> Problem:
    says = _NO_STAFF_ID if isinstance(error, _SaysNobody) else _WHY.get(error.reason, _AGAIN)
    return Problem(401, "invalid_token", says, headers=_CHALLENGE)


def _nobody() -> Problem:
    return Problem(401, "sign_in_failed", _NO_STAFF_ID)


def _not_signed_in() -> Problem:
    return Problem(
        401,
        "sign_in_failed",
        Bilingual(
            "サインインできませんでした。元のページから、もう一度サインインしてください。",
            "You could not be signed in. Go back to the page and sign in again.",
        ),
    )
