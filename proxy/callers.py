"""Who is asking: a personal key, or a tool's key that names its user. Never guesses.

Authorization: Bearer sk-sekisho-…     who or which tool (or x-api-key: sk-sekisho-…)
Authorization: Bearer eyJ…             who, by a token of the city's directory (oidc.py)
X-Sekisho-User: 012345                 the user, believed from a key that may assert one, from its addresses
X-Sekisho-Purpose / -Category / -Class what for (percent-encoded UTF-8); a key may carry defaults
X-Sekisho-Use-Case: UC-01              which use case of the policy it belongs to, where it has one
X-Sekisho-Conversation: c-7f3a         which requests belong together, in the tool's own words
traceparent: 00-…-…-01                 the tool's trace (W3C), where it has one
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address
from typing import Literal
from urllib.parse import unquote

from audit.numbers import may_be_somebodys
from policies.model import CATEGORY_CODES, Actor, Audience, Bilingual, ConfidentialityClass
from policies.vocabulary import CLASSES, CODE
from proxy.errors import Problem, Unavailable
from proxy.office.keys import Key
from proxy.office.register import OfficeUnreadable, Register
from proxy.office.roster import NOBODY, Needed, Unit, standing
from proxy.oidc import Directory, Identity
from proxy.staff_id import is_staff_id

_USE_CASE = re.compile(CODE)
_CONVERSATION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MADE_BY_CHANCE = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{16,}", re.I
)
"""A UUID, or hexadecimal with a letter: a run of digits in it is nobody's number."""
_LIKE_A_NUMBER = re.compile(
    r"[0-9]{11}|[0-9]{4}[._-][0-9]{4}[._-][0-9]{4}|(?<![0-9])0[0-9]{9}(?![0-9])"
    r"|(?<![0-9])(?<![0-9][._-])(?=0(?:[._-]?[0-9]){9,10}(?![0-9]))0[0-9]{1,4}[._-][0-9]{1,4}[._-][0-9]{3,4}"
)
"""A number as long as somebody's, a card or a telephone, whatever it stands beside. 2026-01-15-0001 is a date."""
_TRACE = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_LONGEST_PURPOSE = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """The person behind a request, as far as it is known, and how far that is believed.

    ``identity`` is ``authenticated`` for a personal key or a token, ``asserted`` where a tool says who it is.
    ``address`` is where the connection came from. ``demo``: it is the key of `sekisho demo`;
    ``drill``: the drill that the key takes part in at this moment. What the person is on
    this day, the book of people says (`Standing`); of somebody it does not know, section and department are the tool's.
    """

    person: str
    key: str
    tool: str
    department: str
    section: str
    actor: Actor
    identity: Literal["authenticated", "asserted"]
    enrolled: bool
    trained: bool
    acknowledged: bool
    mask_reply_names: bool = False
    address: str | None = None
    demo: bool = False
    role: str = "staff_member"
    audience: Audience = "staff"
    consented: bool = False
    append_notices: bool = False
    rules_accepted: str | None = None
    drill: str | None = None

    @property
    def unit(self) -> Unit:
        return Unit(self.department, self.section)


@dataclass(frozen=True, slots=True)
class Trace:
    """Where the exchange belongs in the tool's own trace."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What the caller says the request is for. ``purpose`` is free text and is masked like any other."""

    purpose: str | None = field(repr=False)
    category: str
    confidentiality_class: ConfidentialityClass | None
    conversation: str | None = None
    trace: Trace | None = None
    use_case: str | None = None

    @property
    def effective_class(self) -> ConfidentialityClass:
        """A missing declaration counts as class 2 (R25); what is found may raise it (policies/facts.py)."""
        return self.confidentiality_class or "2"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request came with: a key, or a token for a tool that the book of keys knows."""

    key: Key
    identity: Identity | None = None


async def credential_of(
    headers: Mapping[str, str], register: Register, directory: Directory | None, on: date
) -> Credential:
    """The key or the token a request came with, in force on a day. Raises `Problem` 401; 503 where nobody can tell."""
    plain = _plain_key(headers)
    try:
        if directory is not None and plain.count(".") == 2:
            identity, client = await directory.identity(plain)
            key = await register.client(client)
        else:
            identity, key = None, await register.key(plain) if plain else None
    except OfficeUnreadable:
        raise Unavailable("office_unreadable") from None
    if key is None:
        raise _unknown_client() if identity else _no_key()
    if not key.counts(on):
        raise _key_over()
    return Credential(key, identity)


def _no_key() -> Problem:
    return _refused(
        401,
        "invalid_api_key",
        "APIキーがないか、有効なキーではありません。ツールに設定したキーを確かめ、情報システム担当へ連絡してください。",
        "No API key, or one that is not in force. Check the key in your tool or ask the system team.",
    )


def _unknown_client() -> Problem:
    return _refused(
        401,
        "unknown_client",
        "このツールは関所に登録されていません。使うときは、所属長から情報システム担当へ登録を申し込んでください"
        "(担当者は sekisho keys create --oidc-client で登録します)。",
        "This tool is not registered here. Have your section head ask the system team to register it "
        "(sekisho keys create --oidc-client).",
    )


def _key_over() -> Problem:
    return _refused(
        401,
        "api_key_over",
        "このキーは、使える期間ではありません。続けて使うときは、所属長から情報システム担当へ延長を申し込んでください。",
        "This key is outside its dates. To go on, have your section head ask the system team to extend it.",
    )


def _plain_key(headers: Mapping[str, str]) -> str:
    """OpenAI's clients send the key as a bearer token, Anthropic's as x-api-key. Of two different ones neither counts."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    sent = {bearer.strip() if scheme.lower() == "bearer" else "", headers.get("x-api-key", "").strip()} - {""}
    return sent.pop() if len(sent) == 1 else ""


async def caller_of(
    credential: Credential,
    headers: Mapping[str, str],
    address: str | None,
    register: Register,
    on: date,
    needed: Needed,
) -> Caller:
    """The person behind a key or a token, and what that person is on a day.

    Raises `Problem` 401 or 403 when it is not clear who that is, 503 when the book of people cannot be read.
    """
    key, identity = credential.key, credential.identity
    asserted = headers.get("x-sekisho-user")
    if asserted is None and key.person is None and identity is None:
        raise _refused(
            401,
            "user_required",
            "このキーには利用者(X-Sekisho-User)が必要です。",
            "This key needs X-Sekisho-User.",
        )
    if asserted is not None:
        _believe(key, asserted, address)
    person = asserted or (identity.person if identity else key.person) or ""
    try:
        page = await register.page(person)
    except OfficeUnreadable:
        raise Unavailable("office_unreadable") from None
    is_now = standing(page, on, needed) if page else NOBODY
    said = identity or Identity(person)
    return Caller(
        person=person,
        key=key.id,
        tool=key.tool,
        department=said.department or is_now.department or key.department,
        section=said.section or is_now.section or key.section,
        actor=is_now.kind,
        identity="asserted" if asserted else "authenticated",
        enrolled=is_now.enrolled,
        trained=is_now.trained,
        acknowledged=is_now.acknowledged,
        mask_reply_names=key.mask_reply_names,
        address=address_of(address),
        demo=key.created_by == "demo" and key.tool == "demo",
        role=said.role or is_now.role,
        audience=key.audience,
        consented=is_now.consented,
        append_notices=key.append_notices,
        rules_accepted=is_now.rules_accepted,
    )


def address_of(peer: str | None) -> str | None:
    """The address at the other end of the connection, None where it has none: a socket in the file system."""
    try:
        return str(ip_address(peer or ""))
    except ValueError:
        return None


def trace_of(headers: Mapping[str, str]) -> Trace | None:
    """The tool's trace, where its header is a valid one. Nobody's request fails for a wrong one."""
    match = _TRACE.fullmatch(headers.get("traceparent", "").strip())
    if match is None or (match[1] == "00" and match[4]):
        return None
    ids = match[2], match[3]
    return None if any(id.isdigit() for id in ids) else Trace(*ids)  # no letter: zeros, or a number


def declared_by(key: Key, headers: Mapping[str, str]) -> Declared:
    """Purpose, category and 機密性 by header, else the key's own. Raises `Problem` 400 for unknown values."""
    category = headers.get("x-sekisho-category", key.category)
    if category not in CATEGORY_CODES:
        raise _refused(
            400,
            "unknown_category",
            f"業務区分 X-Sekisho-Category が一覧にありません。使えるのは: {', '.join(CATEGORY_CODES)}",
            "X-Sekisho-Category is not on the list.",
        )
    given = headers.get("x-sekisho-class", key.confidentiality_class)
    declared = next((known for known in CLASSES if known == given), None)
    if given is not None and declared is None:
        raise _refused(
            400,
            "unknown_class",
            f"機密性 X-Sekisho-Class は {', '.join(CLASSES)} のどれかにしてください。",
            f"X-Sekisho-Class must be one of {', '.join(CLASSES)}.",
        )
    purpose = _read(headers["x-sekisho-purpose"]) if "x-sekisho-purpose" in headers else key.purpose
    if purpose is not None and len(purpose) > _LONGEST_PURPOSE:
        raise _refused(
            400,
            "purpose_too_long",
            f"利用目的 X-Sekisho-Purpose は{_LONGEST_PURPOSE}字までにしてください。",
            f"X-Sekisho-Purpose must have at most {_LONGEST_PURPOSE} characters.",
        )
    return Declared(
        purpose, category, declared, _conversation(headers), trace_of(headers), _use_case(headers)
    )


def _use_case(headers: Mapping[str, str]) -> str | None:
    """The id of a use case, as a policy may list one. Whether it does is for the policy to say."""
    given = headers.get("x-sekisho-use-case")
    if given is None:
        return None
    if not _USE_CASE.fullmatch(given) or _may_be_a_number(given):
        raise _refused(
            400,
            "use_case_header_malformed",
            "利用案件の番号 X-Sekisho-Use-Case は半角の英数字と . _ - で40字までです。"
            "電話番号や個人番号に見える番号は使えません。登録された番号(例: UC-01)を確かめてください。",
            "X-Sekisho-Use-Case takes up to 40 ASCII letters, digits and . _ - and nothing that looks like a "
            "telephone or personal number. Check the id of the registered use case, such as UC-01.",
        )
    return given


def _may_be_a_number(written: str) -> bool:
    """Whether it holds what may be somebody's number, a card or a telephone."""
    return _LIKE_A_NUMBER.search(written) is not None or may_be_somebodys(written)


def _conversation(headers: Mapping[str, str]) -> str | None:
    """The tool's name for a conversation: it goes into the ledger as it is, so it must be nobody's number."""
    given = headers.get("x-sekisho-conversation")
    if given is None:
        return None
    written = _MADE_BY_CHANCE.sub("", given)
    if not _CONVERSATION.fullmatch(given) or _may_be_a_number(written):
        raise _refused(
            400,
            "conversation_header_malformed",
            "会話の番号 X-Sekisho-Conversation は半角の英数字と . _ - で64字までです。"
            "電話番号や個人番号に見える番号は使えません。UUIDなど、ツールが作った番号にしてください。",
            "X-Sekisho-Conversation takes up to 64 ASCII letters, digits and . _ - and nothing that looks like "
            "a telephone or personal number. Use one that your tool made, such as a UUID.",
        )
    return given


def _read(header: str) -> str:
    """Free text out of a header: percent-encoded, also twice, or UTF-8 as some tools send it bare."""
    with suppress(UnicodeError):
        header = header.encode("latin-1").decode()
    for _ in range(3):
        header = unquote(header)
    return header


def _believe(key: Key, user: str, address: str | None) -> None:
    if not key.may_assert_user:
        raise _refused(
            403,
            "user_header_not_allowed",
            "このキーでは X-Sekisho-User を使えません。ヘッダーを外してください。",
            "This key must not send X-Sekisho-User. Remove the header.",
        )
    if not _from(address, key):
        raise _refused(
            403,
            "user_header_not_trusted",
            "この接続元からの X-Sekisho-User は信用しない設定です。情報システム担当へ連絡してください。",
            "X-Sekisho-User is not believed from this address. Ask the system team.",
        )
    if not is_staff_id(user):
        raise _refused(
            400,
            "user_header_malformed",
            "X-Sekisho-User は半角の英数字と . _ @ - で64字までです。個人番号に見える番号は使えません。",
            "X-Sekisho-User takes up to 64 ASCII letters, digits and . _ @ - and nothing that looks like a personal number.",
        )


def _from(address: str | None, key: Key) -> bool:
    try:
        peer = ip_address(address or "")
    except ValueError:
        return False
    return any(peer in network for network in key.addresses)


def _refused(status: int, code: str, ja: str, en: str) -> Problem:
    return Problem(status, code, Bilingual(ja, en))
