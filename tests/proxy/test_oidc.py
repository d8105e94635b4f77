"""Tokens of the city's directory, and signing in with it: what counts, what does not, and while it is down.

Real tokens come from a real OpenID provider (tests/directory.py). What such a provider never says comes from `Stub`.
"""

import asyncio
import base64
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from proxy.errors import Problem
from proxy.house import inspect
from proxy.issuer import FRESH, PAUSE, STALE
from proxy.oidc import SIGN_IN_SECONDS, Directory, Identity, Terms, terms_of
from proxy.settings import BadSettings, read
from proxy.tokens import ALGORITHMS, LEEWAY, LONGEST, keys_of
from tests.directory import (
    AUDIENCE,
    PAGES,
    REDIRECT,
    TOOL,
    City,
    b64,
    city_directory,
    key_of,
    private_keys,
    signed,
)

YAMADA = Identity("012345", "都市創造部", "道路課", "section_head")
CLAIMS = {"person": "staff_id", "department": "org.department", "section": "org.section", "roles": "groups"}
ROLES = {"heads": "section_head", "csirt-team": "csirt_reviewer"}
SECRET = "secret & of=pages"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def terms(issuer: str, **changes: Any) -> Terms:
    made = Terms(issuer, AUDIENCE, CLAIMS, ROLES, frozenset(), PAGES, SECRET, "openid staff")
    return replace(made, **changes)


@dataclass
class Desk:
    """A house's view of a directory, whose clocks the test turns on: ``later`` seconds for tokens, ``ticks`` for keys."""

    terms: Terms
    later: float = 0
    ticks: float = 0
    runner: "asyncio.Runner" = field(default_factory=asyncio.Runner)

    def __post_init__(self) -> None:
        self.directory = Directory(
            self.terms, b"s" * 32, lambda: time.time() + self.later, lambda: self.ticks
        )

    def run(self, what: Any) -> Any:
        return self.runner.run(what)

    def identity(self, token: str) -> tuple[Identity, str]:
        return self.run(self.directory.identity(token))  # type: ignore[no-any-return]

    def refused(self, token: str) -> Problem:
        with pytest.raises(Problem) as refused:
            self.identity(token)
        return refused.value

    def begin(self, redirect_uri: str = REDIRECT) -> tuple[str, str]:
        return self.run(self.directory.begin(redirect_uri))  # type: ignore[no-any-return]

    def finish(self, *said: Any) -> Identity:
        return self.run(self.directory.finish(*said))  # type: ignore[no-any-return]

    def not_signed_in(self, *said: Any) -> Problem:
        with pytest.raises(Problem) as refused:
            self.finish(*said)
        return refused.value

    def settled(self) -> None:
        """What goes on in the background has been done."""
        looking = self.directory._issuer._looking
        if looking is not None:
            self.run(_waited(looking))

    def close(self) -> None:
        self.run(self.directory.close())
        self.runner.close()


async def _waited(task: "asyncio.Task[None]") -> None:
    await asyncio.wait({task})


@contextmanager
def desk_of(issuer: str, **changes: Any) -> Iterator[Desk]:
    desk = Desk(terms(issuer, **changes))
    try:
        yield desk
    finally:
        desk.close()


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    with city_directory() as city:
        yield city


@pytest.fixture(scope="module")
def desk(city: City) -> Iterator[Desk]:
    with desk_of(city.issuer) as desk:
        yield desk


@pytest.fixture
def own_desk(city: City) -> Iterator[Desk]:
    with desk_of(city.issuer) as desk:
        yield desk


# ── what counts ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R16")
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_real_token_says_who_where_in_which_role_and_for_which_tool(
    city: City, desk: Desk, alg: str
) -> None:
    assert desk.identity(city.token(alg=alg)) == (YAMADA, TOOL)


def test_what_a_token_does_not_say_is_none(city: City, desk: Desk) -> None:
    assert desk.identity(city.token("bare-tool")) == (Identity("099999"), "bare-tool")


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["csirt-team"], "csirt_reviewer"), (["csirt-team", "heads"], "section_head"), ("heads", "section_head"),
     (["全職員"], None), ([], None), (None, None), ([7, {"heads": 1}], None)],
)  # fmt: skip
def test_of_several_groups_the_one_that_the_settings_name_first_gives_the_role(
    city: City, desk: Desk, groups: Any, role: str | None
) -> None:
    assert desk.identity(city.forged(groups=groups))[0].role == role


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["other", AUDIENCE]},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": "application/AT+JWT"}},
        {"client_id": None, "azp": TOOL},
        {"azp": TOOL},
        {"exp": lambda: int(time.time()) - LEEWAY + 30},
        {"nbf": lambda: int(time.time()) + LEEWAY - 30},
        {"iat": lambda: int(time.time()) + LEEWAY - 30},
        {"header": {"x5t": "abc", "nonsense": 1}},
    ],
)
def test_what_sound_directories_write_otherwise_counts_too(
    city: City, desk: Desk, changes: dict[str, Any]
) -> None:
    now = {
        name: value() if callable(value) else value for name, value in changes.items()
    }  # not at collection
    assert desk.identity(city.forged(**now)) == (YAMADA, TOOL)


def test_a_claim_whose_name_has_a_dot_is_found_by_its_whole_name_first(city: City) -> None:
    names = {"person": "https://city.example/staff.id"}
    with desk_of(city.issuer, claims=names) as desk:
        token = city.forged(**{"https://city.example/staff.id": "054321"})
        assert desk.identity(token)[0] == Identity("054321")


# ── what does not ────────────────────────────────────────────────────────────────────────────────


def payload_exchanged(city: City) -> str:
    header, payload, signature = city.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{b64(json.dumps(claims | {'staff_id': '000001'}).encode())}.{signature}"


def header_exchanged(city: City) -> str:
    _, payload, signature = city.token().split(".")
    return f"{b64(json.dumps({'alg': 'PS256', 'kid': 'RS256-1', 'typ': 'at+jwt'}).encode())}.{payload}.{signature}"


def by_the_public_key(city: City, form: str) -> str:
    public = key_of(city.keys["RS256"])
    as_jwk = json.dumps(public.as_dict(private=False)).encode()
    secret = public.as_pem(private=False) if form == "pem" else as_jwk
    return city.forged("HS256", secret, {"kid": "RS256-1"})


def unsigned(city: City, alg: str) -> str:
    _, payload, _ = city.forged("none", header={"kid": "RS256-1"}).split(".")
    return f"{b64(json.dumps({'alg': alg, 'kid': 'RS256-1', 'typ': 'at+jwt'}).encode())}.{payload}."


def with_own_key(city: City, **header: Any) -> str:
    own = RSAKey.generate_key(2048)
    return city.forged("RS256", own, {"jwk": own.as_dict(private=False)} | header)


NOT_A_TOKEN: dict[str, Callable[[City], str]] = {
    "for somebody else": lambda city: city.forged(aud="other"),
    "for several others": lambda city: city.forged(aud=["other", "sekisho2"]),
    "for a part of the name": lambda city: city.forged(aud="sekish"),
    "for nobody": lambda city: city.forged(without=("aud",)),
    "from another issuer": lambda city: city.forged(iss="https://elsewhere.example"),
    "from almost the issuer": lambda city: city.forged(iss=f"{city.issuer}/"),
    "from a list of issuers": lambda city: city.forged(iss=[city.issuer]),
    "from no issuer": lambda city: city.forged(without=("iss",)),
    "expired": lambda city: city.forged(exp=int(time.time()) - LEEWAY - 1),
    "never expiring": lambda city: city.forged(without=("exp",)),
    "expiring at no number": lambda city: city.forged(exp=float("nan")),
    "expiring at infinity": lambda city: city.forged(exp=float("inf")),
    "expiring at true": lambda city: city.forged(exp=True),
    "expiring at a text": lambda city: city.forged(exp="2099-01-01"),
    "not yet valid": lambda city: city.forged(nbf=int(time.time()) + LEEWAY + 600),
    "issued in the future": lambda city: city.forged(iat=int(time.time()) + LEEWAY + 600),
    "issued at no time": lambda city: city.forged(without=("iat",)),
    "of no key": lambda city: city.forged(header={"kid": None}),
    "of an empty key": lambda city: city.forged(header={"kid": ""}),
    "of a key that is a number": lambda city: (
        f"{b64(json.dumps({'alg': 'RS256', 'kid': 7, 'typ': 'at+jwt'}).encode())}.e30.e30"
    ),
    "of an unknown key": lambda city: city.forged(header={"kid": "RS256-9"}),
    "of the other key": lambda city: city.forged(header={"kid": "PS256-1"}),
    "by another algorithm of the key": lambda city: city.forged(
        "PS256", key_of(city.keys["RS256"] | {"alg": "PS256"}), {"kid": "RS256-1"}
    ),
    "signed by nobody": lambda city: city.forged("none", header={"kid": "RS256-1"}),
    "signed by nobody, loudly": lambda city: unsigned(city, "NONE"),
    "signed by nothing": lambda city: unsigned(city, "RS256"),
    "signed with the public key as a secret": lambda city: by_the_public_key(city, "pem"),
    "signed with the published key as a secret": lambda city: by_the_public_key(city, "jwk"),
    "by an algorithm that is not on the list": lambda city: city.forged(
        "RS512", key_of({**city.keys["RS256"], "alg": "RS512"}), {"kid": "RS256-1"}
    ),
    "with its own key in it": lambda city: with_own_key(city),
    "with the address of its own key in it": lambda city: with_own_key(city, jku="http://127.0.0.1:1/jwks"),
    "saying somebody else": payload_exchanged,
    "saying another algorithm": header_exchanged,
    "of no type": lambda city: city.forged(header={"typ": None}),
    "that ends a session": lambda city: city.forged(header={"typ": "logout+jwt"}),
    "that is a proof of possession": lambda city: city.forged(header={"typ": "dpop+jwt"}),
    "with something critical": lambda city: city.forged(header={"crit": ["b64"], "b64": True}),
    "larger than any": lambda city: city.forged(more="x" * LONGEST),
    "encrypted": lambda city: city.token() + ".e30.e30",
    "deeper than any": lambda city: f"{b64(b'[' * 9000)}.e30.e30",
    "whose header is a list": lambda city: f"{b64(b'[]')}.e30.e30",
    "whose header is no JSON": lambda city: f"{b64(bytes(range(200)))}.e30.e30",
    "whose claims are a list": lambda city: signed(
        {"alg": "RS256", "kid": "RS256-1", "typ": "at+jwt"}, b"[]", key_of(city.keys["RS256"])
    ),
    "whose claims are deep": lambda city: signed(
        {"alg": "RS256", "kid": "RS256-1", "typ": "at+jwt"}, b"[" * 9000, key_of(city.keys["RS256"])
    ),
    "with padding": lambda city: city.token() + "=",
    "with a line break": lambda city: city.token() + "\n",
    "empty": lambda city: "",
    "dots": lambda city: "..",
    "in Japanese": lambda city: "山.田.太郎",
    "for nobody's tool": lambda city: city.forged(without=("client_id",)),
    "for two tools": lambda city: city.forged(azp="another-tool"),
    "for a list of tools": lambda city: city.forged(client_id=[TOOL]),
    "of nobody": lambda city: city.token("silent-tool"),
    "of a person that is a number": lambda city: city.forged(staff_id=12345),
    "of a My Number": lambda city: city.forged(staff_id="123456789018"),
    "of a number as long": lambda city: city.forged(staff_id="1234-5678-9010"),
    "of a name": lambda city: city.forged(staff_id="山田太郎"),
    "of a department that is a number": lambda city: city.forged(org={"department": "123456789018"}),
    "of a department that is a list": lambda city: city.forged(org={"department": ["道路課"]}),
    "of a section with a line break": lambda city: city.forged(org={"section": "道路課\nx"}),
    "of a section as long as a book": lambda city: city.forged(org={"section": "課" * 65}),
    "of groups that are a number": lambda city: city.forged(groups=7),
}  # fmt: skip


@pytest.mark.parametrize("kind", NOT_A_TOKEN)
def test_no_other_token_counts_and_the_refusal_quotes_nothing_of_it(
    city: City, desk: Desk, kind: str
) -> None:
    token = NOT_A_TOKEN[kind](city)
    problem = desk.refused(token)
    assert (problem.status, problem.code) == (401, "invalid_token")
    assert problem.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert problem.headers["x-should-retry"] == "false"
    told = json.dumps(problem.body("x"), ensure_ascii=False) + repr(problem) + str(problem.__cause__)
    assert not any(part in told for part in token.split(".") if len(part) > 3)
    assert not any(word in told for word in ("012345", "山田", "道路課", "123456789018", "document-tool"))
    assert "情報システム担当へ" in problem.says.ja or "もう一度サインイン" in problem.says.ja


@pytest.mark.parametrize(
    ("kind", "says"),
    [("expired", "期限が切れました"), ("for somebody else", "関所あてに発行されたものではありません"),
     ("of nobody", "職員番号を読み取れませんでした"), ("saying somebody else", "もう一度サインイン")],
)  # fmt: skip
def test_the_refusal_says_what_to_do_about_it(city: City, desk: Desk, kind: str, says: str) -> None:
    assert says in desk.refused(NOT_A_TOKEN[kind](city)).says.ja


def test_a_real_token_ends_with_its_hour(city: City, own_desk: Desk) -> None:
    token = city.token()
    own_desk.later = 3600 + LEEWAY - 20
    assert own_desk.identity(token) == (YAMADA, TOOL)
    own_desk.later = 3600 + LEEWAY + 1
    assert "もう一度サインイン" in own_desk.refused(token).says.ja


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_token_with_another_last_character_is_refused(city: City, desk: Desk, alg: str) -> None:
    """The last characters of a signature have bits that mean nothing: they must be as they were, all the same."""
    token = city.token(alg=alg)
    for letter in set(ALPHABET) - {token[-1]}:
        desk.refused(token[:-1] + letter)


CHANGES = st.data()


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_a_token_with_any_one_character_changed_is_refused(
    city: City, desk: Desk, one_token_each: dict[str, str], data: st.DataObject
) -> None:
    changed_somewhere(desk, one_token_each, data)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(CHANGES)
def test_a_token_with_any_one_character_changed_is_refused_at_length(
    city: City, desk: Desk, one_token_each: dict[str, str], data: st.DataObject
) -> None:
    changed_somewhere(desk, one_token_each, data)


@pytest.fixture(scope="module")
def one_token_each(city: City) -> dict[str, str]:
    return {alg: city.token(alg=alg) for alg in ALGORITHMS}


def changed_somewhere(desk: Desk, tokens: dict[str, str], data: st.DataObject) -> None:
    token = tokens[data.draw(st.sampled_from(sorted(tokens)))]
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.one_of(st.sampled_from(ALPHABET + ".=+/ "), st.characters()))
    if letter != token[at]:
        problem = desk.refused(token[:at] + letter + token[at + 1 :])
        assert problem.code == "invalid_token"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_text_at_all_is_an_accident(desk: Desk, text: str) -> None:
    for token in (text, f"{b64(text.encode('utf-8', 'replace'))}.e30.e30"):
        assert desk.refused(token).code == "invalid_token"


# ── the directory's keys ─────────────────────────────────────────────────────────────────────────


def test_keys_that_are_not_for_signatures_or_too_short_or_named_twice_are_none() -> None:
    good = private_keys()["RS256"]
    weak = {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "weak"}
    listed = [
        {**good, "kid": "good"},
        {**good, "kid": "plain", "alg": None, "use": "sig"},
        {**good, "kid": "for encryption", "use": "enc"},
        {**good, "kid": "to sign only", "key_ops": ["sign"]},
        {**weak, "n": weak["n"][:171]},
        {**weak, "kid": "padded", "n": b64(b"\0" * 128 + b"\xff" * 128)},
        {**good, "kid": "twice"},
        {**private_keys()["ES256"], "kid": "twice"},
        {**private_keys()["ES256"], "kid": "other curve", "crv": "P-384"},
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "empty"},
        {"kty": "RSA", "kid": "broken", "n": "!" * 400, "e": "AQAB"},
        {**good, "kid": 7},
        {name: value for name, value in good.items() if name != "kid"},
        "not even one",
    ]
    keys = keys_of({"keys": listed})
    assert set(keys) == {"good", "plain"}
    assert not any(key.key.is_private for key in keys.values())
    assert all(not keys_of(said) for said in (None, [], {}, {"keys": None}, {"keys": {}}))


@pytest.mark.requirement("R16")
def test_new_keys_count_at_once_and_withdrawn_ones_no_longer() -> None:
    with city_directory() as city, desk_of(city.issuer) as desk:
        old = city.token()
        assert desk.identity(old) == (YAMADA, TOOL)
        city.stop()
        city.keys = private_keys("2")
        city.start()
        new = city.token()
        desk.ticks = PAUSE - 1
        assert desk.refused(new).code == "invalid_token", "looked for at most every half minute"
        assert desk.identity(old) == (YAMADA, TOOL)
        desk.ticks = PAUSE + 1
        assert desk.identity(new) == (YAMADA, TOOL)
        assert desk.refused(old).code == "invalid_token"


def test_while_the_directory_is_down_its_keys_count_for_an_hour_and_then_nobody_can_tell() -> None:
    with city_directory() as city, desk_of(city.issuer) as desk:
        token, unknown = city.token(), city.forged(header={"kid": "RS256-9"})
        assert desk.identity(token) == (YAMADA, TOOL)
        city.stop()
        for desk.ticks in (FRESH + 1, FRESH + PAUSE + 2, STALE - 1):
            assert desk.identity(token) == (YAMADA, TOOL)
            desk.settled()
        problem = desk.refused(unknown)
        assert (problem.status, problem.code) == (503, "directory_unreachable"), "perhaps the key is new"
        desk.ticks = STALE
        problem = desk.refused(token)
        assert (problem.status, problem.code) == (503, "directory_unreachable")
        assert problem.headers["retry-after"] and "数分待って" in problem.says.ja
        city.start()
        desk.ticks = STALE + 2
        assert desk.identity(token) == (YAMADA, TOOL)


def test_a_directory_that_never_answered_vouches_for_nobody() -> None:
    with city_directory() as city:
        token = city.token()
    with desk_of(city.issuer) as desk:
        assert desk.refused(token).code == "directory_unreachable"
        assert desk.refused("a.b.c").code == "invalid_token", "no need to ask"


# ── a directory that says odd things ─────────────────────────────────────────────────────────────


@dataclass
class Stub:
    """An HTTP server that answers as a test wants it: a sound directory by default. ``asked`` are the paths so far."""

    keys: dict[str, dict[str, Any]] = field(default_factory=private_keys)
    said: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    id_token: str = ""
    port: int = 0

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, path: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            ends = {"jwks_uri": "jwks", "authorization_endpoint": "auth?a=b", "token_endpoint": "token"}
            urls = {name: f"{self.issuer}/{end}" for name, end in ends.items()}
            said = {"issuer": self.issuer, **urls, **self.said}
            return {name: value for name, value in said.items() if value is not None}
        if path == "/jwks":
            return {"keys": [key_of(key).as_dict(private=False) for key in self.keys.values()]}
        return {"id_token": self.id_token, "access_token": "x"}

    def token(self, **changes: Any) -> str:
        city = City(None, self.keys, port=self.port)  # type: ignore[arg-type]
        return city.forged(**changes)


@contextmanager
def stub_directory(**options: Any) -> Iterator[Stub]:
    stub = Stub(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub.asked.append(self.path)
            if answer := stub.answers.get(self.path):
                answer(self)
            else:
                reply(self, json.dumps(stub.of(self.path)).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            stub.forms.append(dict(parse_qsl(body)))
            stub.authorizations.append(self.headers["authorization"])
            self.do_GET()

        def log_message(self, *said: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


CONFIGURATION = "/.well-known/openid-configuration"
ODD: dict[str, dict[str, Any]] = {
    "another issuer": {"said": {"issuer": "https://elsewhere.example"}},
    "keys on another server": {"said": {"jwks_uri": "http://127.0.0.2:9/jwks"}},
    "keys behind a name": {"said": {"jwks_uri": "http://127.0.0.1:1@elsewhere.example/jwks"}},
    "keys in a file": {"said": {"jwks_uri": "file:///etc/passwd"}},
    "keys nowhere": {"said": {"jwks_uri": None}},
    "keys at a number": {"said": {"jwks_uri": 7}},
    "a sign-in on another server": {"said": {"token_endpoint": "https://elsewhere.example/token"}},
    "no keys": {"keys": {}},
    "no JSON": {"answers": {"/jwks": lambda handler: reply(handler, b"<html>")}},
    "a list": {"answers": {CONFIGURATION: lambda handler: reply(handler, b"[]")}},
    "something deep": {"answers": {"/jwks": lambda handler: reply(handler, b"[" * 100_000)}},
    "far too much": {"said": {"padding": "x" * 1_000_001}},
    "an error": {"answers": {"/jwks": lambda handler: reply(handler, b"{}", 500)}},
    "a redirect": {"answers": {"/jwks": lambda handler: reply(handler, b"", 302, location="/keys")}},
    "something compressed": {
        "answers": {"/jwks": lambda handler: reply(handler, gzip.compress(b"{}"), content_encoding="gzip")}
    },
}


@pytest.mark.parametrize("kind", ODD)
def test_a_directory_that_says_something_odd_vouches_for_nobody(kind: str) -> None:
    with stub_directory(**ODD[kind]) as stub, desk_of(stub.issuer) as desk:
        problem = desk.refused(stub.token() if stub.keys else Stub(port=stub.port).token())
        assert (problem.status, problem.code) == (503, "directory_unreachable")
        assert set(stub.asked) <= {CONFIGURATION, "/jwks"}


def test_keys_on_another_server_count_where_the_settings_name_it() -> None:
    with stub_directory() as keys, stub_directory(keys=keys.keys) as stub:
        stub.said = {"jwks_uri": f"{keys.issuer}/jwks"}
        with desk_of(stub.issuer, beside=frozenset({("http", "127.0.0.1", keys.port)})) as desk:
            assert desk.identity(stub.token()) == (YAMADA, TOOL)
            assert (stub.asked, keys.asked) == ([CONFIGURATION], ["/jwks"])


def test_nothing_is_fetched_before_the_first_token_and_once_for_all_who_wait() -> None:
    with stub_directory() as stub, desk_of(stub.issuer) as desk:
        assert stub.asked == []

        async def many() -> list[Any]:
            token = stub.token()
            waiting = [asyncio.create_task(desk.directory.identity(token)) for _ in range(50)]
            await asyncio.sleep(0)
            waiting.pop(0).cancel()  # whoever hangs up does not end it for the others
            return await asyncio.gather(*waiting)

        assert desk.run(many()) == [(YAMADA, TOOL)] * 49
        assert stub.asked == [CONFIGURATION, "/jwks"]


def test_made_up_keys_are_looked_for_every_half_minute_however_many_are_made_up() -> None:
    with stub_directory() as stub, desk_of(stub.issuer) as desk:
        for desk.ticks in range(0, 91, 10):
            for number in range(5):
                token = stub.token(alg="ES256", header={"kid": f"made-up-{number}"})
                assert desk.refused(token).code == "invalid_token"
        assert len(stub.asked) == 2 * 4


def test_keys_are_fetched_anew_every_ten_minutes_and_nobody_waits_for_it() -> None:
    with stub_directory() as stub, desk_of(stub.issuer) as desk:
        token = stub.token()
        desk.identity(token)
        slowly = threading.Event()
        stub.answers[CONFIGURATION] = lambda handler: (
            slowly.wait(20), reply(handler, json.dumps(stub.of(CONFIGURATION)).encode())
        )  # fmt: skip
        stub.keys = private_keys("1")
        desk.ticks = FRESH
        assert desk.identity(token) == (YAMADA, TOOL)
        slowly.set()
        desk.settled()
        assert desk.refused(token).code == "invalid_token", "the key was withdrawn"


def test_in_a_quiet_house_a_withdrawn_key_does_not_count_once_more() -> None:
    with stub_directory() as stub, desk_of(stub.issuer) as desk:
        token = stub.token()
        desk.identity(token)
        stub.keys = private_keys("1")
        desk.ticks = STALE - 100
        assert desk.refused(token).code == "invalid_token"


def test_a_house_that_closes_waits_for_no_directory() -> None:
    with stub_directory() as stub, desk_of(stub.issuer) as desk:
        never = threading.Event()
        stub.answers[CONFIGURATION] = lambda handler: (never.wait(20), reply(handler, b"{}"))

        async def close() -> None:
            asking = asyncio.create_task(desk.directory.identity(stub.token()))
            await asyncio.sleep(0.2)
            closing = asyncio.create_task(desk.directory.close())
            done, _ = await asyncio.wait({closing}, timeout=3)
            assert done
            with pytest.raises(asyncio.CancelledError):
                await asking

        desk.run(close())
        never.set()


# ── signing in on our pages ──────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R16")
def test_a_person_signs_in_on_the_directorys_page_and_is_known_on_ours(city: City, desk: Desk) -> None:
    page, sealed = desk.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert not any(asked[name] in sealed for name in ("state", "nonce"))
    back = city.signs_in(page)
    assert desk.finish(back["code"], sealed, REDIRECT, back["state"]) == YAMADA
    problem = desk.not_signed_in(back["code"], sealed, REDIRECT, back["state"])
    assert (problem.status, problem.code) == (401, "sign_in_failed"), "a code serves once"
    assert "もう一度サインイン" in problem.says.ja


KINDS = [
    *({"alg": alg, "secret": SECRET} for alg in ALGORITHMS),
    {"alg": "RS256", "secret": SECRET, "method": "client_secret_post"},
    {"alg": "RS256"},
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind.values()).replace(SECRET, "secret"))
def test_our_pages_may_be_any_kind_of_client(kind: dict[str, str]) -> None:
    pages = [{"id": PAGES, "redirect_uri": REDIRECT, **kind}]
    with city_directory(pages=pages) as city, desk_of(city.issuer, client_secret=kind.get("secret")) as desk:
        page, sealed = desk.begin()
        if "method" in kind:  # the provider allows both, but not to this client
            known = desk.directory._issuer._known
            assert known is not None and known.by_header
            desk.directory._issuer._known = replace(known, by_header=False)
        back = city.signs_in(page)
        assert desk.finish(back["code"], sealed, REDIRECT) == YAMADA


def test_a_code_is_worth_nothing_in_another_browser(city: City, desk: Desk) -> None:
    page, _ = desk.begin()
    _, of_another = desk.begin()
    back = city.signs_in(page)
    for state in ((), (back["state"],)):
        assert desk.not_signed_in(back["code"], of_another, REDIRECT, *state).code == "sign_in_failed"


def test_neither_another_page_nor_another_state_nor_an_old_sign_in_counts(city: City, own_desk: Desk) -> None:
    page, sealed = own_desk.begin()
    back = city.signs_in(page)
    code, state = back["code"], back["state"]
    assert own_desk.not_signed_in(code, sealed, "https://elsewhere.example/", state)
    assert own_desk.not_signed_in(code, sealed, REDIRECT, state + "x")
    assert own_desk.not_signed_in(code, sealed, REDIRECT, "状態")
    assert own_desk.not_signed_in("", sealed, REDIRECT, state)
    assert own_desk.not_signed_in("x" * 5000, sealed, REDIRECT, state)
    for own_desk.later in (SIGN_IN_SECONDS + 1, -1):
        assert own_desk.not_signed_in(code, sealed, REDIRECT, state)
    own_desk.later = 0
    assert own_desk.finish(code, sealed, REDIRECT, state) == YAMADA, "none of these spent the code"


def test_what_the_browser_keeps_cannot_be_changed_and_serves_in_this_house_only(
    city: City, desk: Desk
) -> None:
    _, sealed = desk.begin()
    other = Directory(desk.terms, b"t" * 32)
    with pytest.raises(Problem):
        desk.run(other.finish("c", sealed, REDIRECT))
    for at in range(len(sealed) - 1):
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        assert desk.not_signed_in("code", changed, REDIRECT).code == "sign_in_failed"
    for nonsense in ("", "A", "AAAA", "山田", sealed[:20], sealed * 2):
        assert desk.not_signed_in("code", nonsense, REDIRECT).code == "sign_in_failed"


def test_what_proves_a_sign_in_is_no_token_of_the_api_nor_the_other_way_round(city: City, desk: Desk) -> None:
    page, sealed = desk.begin()
    kept = desk.directory._unsealed(sealed)
    back = city.signs_in(page)
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": REDIRECT,
            "code_verifier": kept["verifier"]}  # fmt: skip
    given = desk.run(desk.directory._issuer.redeem(form, PAGES, SECRET))
    assert given["id_token"].count(".") == 2
    assert desk.refused(given["id_token"]).code == "invalid_token"


ODD_PROOFS: dict[str, dict[str, Any]] = {
    "of another sign-in": {"nonce": "another"},
    "of no sign-in": {"without": ("nonce",)},
    "for another client": {"aud": "other"},
    "for the api": {"aud": AUDIENCE},
    "by another client": {"azp": "other"},
    "from another issuer": {"iss": "https://elsewhere.example"},
    "expired": {"exp": int(time.time()) - 3600},
    "that is an access token": {"header": {"typ": "at+jwt"}},
    "unsigned": {"alg": "none", "header": {"kid": "RS256-1"}},
    "of nobody": {"without": ("staff_id",)},
}


@pytest.mark.parametrize("kind", ODD_PROOFS)
def test_no_other_proof_of_a_sign_in_counts(kind: str) -> None:
    with stub_directory() as stub, desk_of(stub.issuer) as desk:
        page, sealed = desk.begin()
        assert page.startswith(f"{stub.issuer}/auth?a=b&response_type=code&")
        right = {"nonce": parse_qs(urlsplit(page).query)["nonce"][0], "aud": PAGES, "header": {"typ": "JWT"}}
        stub.id_token = stub.token(**{**right, "without": ("client_id",)})
        assert desk.finish("code", sealed, REDIRECT) == YAMADA, "the proof itself counts"
        stub.id_token = stub.token(**{**right, **ODD_PROOFS[kind]})
        problem = desk.not_signed_in("code", sealed, REDIRECT)
        assert (problem.status, problem.code) == (401, "sign_in_failed")
        assert stub.forms[0]["code_verifier"] and "client_secret" not in stub.forms[0]
        assert stub.authorizations[0] is not None and stub.authorizations[0].startswith("Basic ")


def test_a_secret_goes_where_the_directory_takes_it() -> None:
    with stub_directory() as stub, desk_of(stub.issuer) as desk:
        stub.said = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        _, sealed = desk.begin()
        desk.not_signed_in("code", sealed, REDIRECT)
        assert stub.forms[0]["client_secret"] == SECRET and stub.authorizations == [None]


def test_without_a_client_of_ours_nobody_is_sent_to_the_directory(city: City) -> None:
    with desk_of(city.issuer, client_id=None) as desk:
        assert not desk.directory.signs_in
        with pytest.raises(Problem, match="sign_in_not_offered"):
            desk.begin()


def test_a_directory_without_pages_signs_nobody_in_and_vouches_for_tokens_all_the_same() -> None:
    said = {"authorization_endpoint": None, "token_endpoint": None}
    with stub_directory(said=said) as stub, desk_of(stub.issuer) as desk:
        assert desk.identity(stub.token()) == (YAMADA, TOOL)
        with pytest.raises(Problem, match="directory_unreachable"):
            desk.begin()


def test_a_directory_that_breaks_down_during_a_sign_in_is_said_to_be_down() -> None:
    with stub_directory() as stub, desk_of(stub.issuer) as desk:
        _, sealed = desk.begin()
        stub.answers["/token"] = lambda handler: reply(handler, b"{}", 503)
        assert desk.not_signed_in("code", sealed, REDIRECT).code == "directory_unreachable"
        stub.answers["/token"] = lambda handler: reply(handler, b'{"error":"invalid_grant"}', 400)
        assert desk.not_signed_in("code", sealed, REDIRECT).code == "sign_in_failed"


# ── settings ─────────────────────────────────────────────────────────────────────────────────────

GOOD = {
    "oidc_issuer": "https://login.city.example/realms/city",
    "oidc_audience": "sekisho",
    "oidc_claims": "person=staff_id department=org.department\n section=org.section roles=groups",
    "oidc_roles": "CN=csirt,OU=it=csirt_reviewer all%20heads=section_head",
    "oidc_client_id": "sekisho-pages",
    "oidc_client_secret": "canary",
}


def test_the_settings_say_it_all_and_no_secret_is_shown() -> None:
    made = terms_of(read(**GOOD, oidc_origins="https://keys.city.example:8443/x"))
    assert made is not None
    assert made.claims == CLAIMS
    assert made.roles == {"CN=csirt,OU=it": "csirt_reviewer", "all heads": "section_head"}
    assert made.beside == {("https", "keys.city.example", 8443)}
    assert made.client_secret == "canary" and "canary" not in repr(made)
    assert terms_of(read()) is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"oidc_issuer": None}, "SEKISHO_OIDC_AUDIENCE"),
        ({"oidc_issuer": "login.city.example"}, "SEKISHO_OIDC_ISSUER"),
        ({"oidc_issuer": "http://login.city.example/realms/city"}, "SEKISHO_OIDC_ISSUER"),
        ({"oidc_origins": "http://keys.city.example"}, "SEKISHO_OIDC_ORIGINS"),
        ({"oidc_issuer": "https://u:p@login.city.example"}, "SEKISHO_OIDC_ISSUER"),
        ({"oidc_audience": None}, "SEKISHO_OIDC_AUDIENCE"),
        ({"oidc_audience": "sekisho-pages"}, "SEKISHO_OIDC_AUDIENCE"),
        ({"oidc_claims": "department=org"}, "SEKISHO_OIDC_CLAIMS"),
        ({"oidc_claims": "person=a person=b"}, "SEKISHO_OIDC_CLAIMS"),
        ({"oidc_claims": "person"}, "SEKISHO_OIDC_CLAIMS"),
        ({"oidc_claims": "person=a kind=b"}, "SEKISHO_OIDC_CLAIMS"),
        ({"oidc_claims": "person=a"}, "SEKISHO_OIDC_ROLES"),
        ({"oidc_roles": "heads=king"}, "SEKISHO_OIDC_ROLES"),
        ({"oidc_roles": "=auditor"}, "SEKISHO_OIDC_ROLES"),
        ({"oidc_roles": "a=auditor a=operator"}, "SEKISHO_OIDC_ROLES"),
        ({"oidc_client_id": None}, "SEKISHO_OIDC_CLIENT_SECRET"),
        ({"oidc_scope": "profile"}, "SEKISHO_OIDC_SCOPE"),
        ({"oidc_origins": "keys.city.example"}, "SEKISHO_OIDC_ORIGINS"),
    ],
)
def test_settings_that_do_not_go_together_stop_the_start_with_one_sentence(
    tmp_path: Any, changes: dict[str, Any], named: str
) -> None:
    given = {name: value for name, value in (GOOD | changes).items() if value is not None}
    with pytest.raises(BadSettings) as refused:
        inspect(read(home=tmp_path, **given))
    said = str(refused.value)
    assert said.startswith(f"{named}: ") and " / " in said and "\n" not in said
    assert any("ぁ" <= letter <= "ん" for letter in said) and "canary" not in said
