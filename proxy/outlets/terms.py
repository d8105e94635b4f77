"""Where records go all the time: the city's file of outlets (setting SEKISHO_OUTLETS), read once, at start. ::

    outlets:
      - name: siem                      # the outlet's position is kept under this name
        kind: syslog                    # RFC 5424 over TLS (RFC 5425)
        host: siem.example.lg.jp
        port: 6514
        ca: /etc/sekisho/siem-ca.pem    # none: the certificates that the machine trusts
        certificate: /etc/sekisho/client.pem
        key: /etc/sekisho/client.key
        content: json                   # or cef
        begin: now                      # or first: everything that the ledger has
      - name: collector
        kind: otlp
        url: https://otel.example.lg.jp:4318
        headers: {authorization: {file: /etc/sekisho/otlp.token}}
        semconv: "1.41.0"

Read as policies are (policies/files.py): every complaint has its file and line. Secrets never stand in it. docs/exports.md
explains every line.
"""

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from audit.exports.otel import CONVENTIONS, NEWEST
from audit.exports.rfc5424 import FACILITIES
from audit.model import Kind as RecordKind
from policies.complaints import Complaint, PolicyError, Words, not_mapping, unknown
from policies.files import read, read_yaml
from policies.schema import Strict, wrong
from proxy.outlets.named import NamedForm, Variable, each_of
from proxy.settings import Settings

KINDS_OF_RECORDS: tuple[str, ...] = get_args(RecordKind)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _among(what: Words, known: tuple[str, ...]) -> BeforeValidator:
    def check(value: object) -> object:
        if value not in known:
            raise wrong(unknown(what, value, known, {}))
        return value

    return BeforeValidator(check)


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", value):
        raise wrong(
            Words(
                f"「{value}」はサーバーの名前に使えません。siem.example.lg.jp か IPアドレスを、ポートを付けずに書きます。",
                f"'{value}' is no server; write a name or an IP address, without a port.",
            )
        )
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        sound = (
            parts.port != 0 and bool(parts.hostname) and not (parts.username or parts.query or parts.fragment)
        )
    except ValueError:
        sound = False
    if not sound or not value.isascii() or parts.scheme not in ("http", "https"):
        raise wrong(
            Words(
                "url は https://otel.example.lg.jp:4318 の形にします(/v1/logs は付けず、ユーザー名や ? も書きません)。",
                "url is like https://otel.example.lg.jp:4318, without /v1/logs, a user or a query.",
            )
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise wrong(
            Words(
                "ほかの機械へは https:// だけです。http:// は同じ機械(localhost)の中継にだけ使えます。",
                "another machine is reached by https:// alone; http:// is for a relay on localhost.",
            )
        )
    return value.rstrip("/").removesuffix("/v1/logs").removesuffix("/v1/traces")


def _header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", value) or value.lower() in (
        "content-type",
        "content-encoding",
        "host",
    ):
        raise wrong(Words(f"ヘッダー「{value}」は指定できません。", f"the header '{value}' cannot be given."))
    return value


class Secret(Strict):
    """A value that stands in a file or in a variable of the environment."""

    file: str | None = None
    env: Variable | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise wrong(
                Words(
                    "秘密は {file: パス} か {env: 変数名} のどちらか一つで指定します(このファイルには書きません)。",
                    "a secret is named by either {file: path} or {env: NAME}; it never stands here.",
                )
            )
        return self

    def read(self) -> str:
        """Raises OSError, or ValueError for an empty one or one of several lines."""
        raw = Path(self.file).read_text("utf-8") if self.file else os.environ.get(self.env or "", "")
        said = raw.strip()
        if not said or not said.isprintable():
            raise ValueError(self.file or self.env or "")
        return said


class OutletForm(NamedForm):
    """What every outlet says. ``records``: which kinds; none: all. ``texts``: with the masked texts, where they fit."""

    begin: Annotated[Literal["now", "first"], _among(Words("始め方", "beginning"), ("now", "first"))] = "now"
    records: list[Annotated[str, _among(Words("記録の種類", "kind of record"), KINDS_OF_RECORDS)]] | None = (
        None
    )
    texts: bool = False
    timeout: Annotated[int, Field(ge=1, le=300)] = 10
    hostname: Annotated[str, AfterValidator(_host)] | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise wrong(
                Words(
                    "key だけでは使えません。certificate(こちらの証明書)も書きます。",
                    "key goes with certificate, our own.",
                )
            )
        return self


Host = Annotated[str, AfterValidator(_host)]
Enterprise = Annotated[str, Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,10}){0,5}$")]
Facility = Annotated[str, _among(Words("facility", "facility"), tuple(FACILITIES))]


class SyslogForm(OutletForm):
    """``server_name``: what stands in its certificate, where that is not ``host``."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65_535)] = 6514
    server_name: Host | None = None
    content: Annotated[Literal["json", "cef"], _among(Words("形", "content"), ("json", "cef"))] = "json"
    facility: Facility = "audit"
    enterprise: Enterprise = "32473"
    confirm: Annotated[
        Literal["closed", "sent"], _among(Words("確かめ方", "confirmation"), ("closed", "sent"))
    ] = "closed"


_Signal = Annotated[Literal["logs", "traces"], _among(Words("信号", "signal"), ("logs", "traces"))]


class OtlpForm(OutletForm):
    """``semconv``: the version of OpenTelemetry's conventions whose names are used."""

    url: Annotated[str, AfterValidator(_url)]
    headers: Annotated[dict[Annotated[str, AfterValidator(_header)], Secret], Field(default_factory=dict)]
    signals: Annotated[list[_Signal], Field(min_length=1, default_factory=lambda: ["logs", "traces"])]
    semconv: Annotated[
        Literal["1.36.0", "1.37.0", "1.41.0"], _among(Words("版", "version"), tuple(CONVENTIONS))
    ] = NEWEST

    def told(self) -> Mapping[str, str]:
        """The headers with their secrets. Raises OSError or ValueError."""
        return {name: secret.read() for name, secret in self.headers.items()}


FORMS: Mapping[str, type[OutletForm]] = {"syslog": SyslogForm, "otlp": OtlpForm}


@dataclass(frozen=True, slots=True)
class Listed:
    """The outlets of a file; ``file`` is its name in complaints."""

    forms: tuple[OutletForm, ...] = ()
    complain: Callable[[int, Words], Complaint] = lambda i, words: Complaint(
        "outlets.yaml", None, words.ja, words.en
    )


def listed_in(settings: Settings) -> Listed:
    """The outlets of a house. Raises PolicyError with every complaint."""
    if settings.outlets is None:
        return Listed()
    return parse(read(settings.outlets), str(settings.outlets))


def parse(content: bytes | str, file: str = "outlets.yaml") -> Listed:
    """The outlets in a text. Raises PolicyError."""
    document = read_yaml(content, file)
    data = document.data
    if not isinstance(data, dict):
        raise PolicyError([document.complaint((), not_mapping())])
    complaints = [document.complaint((name,), _UNKNOWN) for name in data if name != "outlets"]
    listed = data.get("outlets")
    if not isinstance(listed, list):
        raise PolicyError([*complaints, document.complaint(("outlets",), _NO_LIST)])
    forms: list[OutletForm] = []
    try:
        one, kind = Words("出口", "outlets"), Words("出口の種類", "kind of outlet")
        forms = each_of(document, "outlets", listed, FORMS, one, kind)
    except PolicyError as error:
        complaints += error.complaints
    if complaints:
        raise PolicyError(complaints)
    return Listed(tuple(forms), lambda i, words: document.complaint(("outlets", i), words))


def this_host(hostname: str | None) -> str:
    """What we call ourselves."""
    return hostname or socket.gethostname() or "sekisho"


_UNKNOWN = Words("このファイルにあるのは outlets: だけです。", "this file has nothing but outlets:.")
_NO_LIST = Words(
    "outlets: の下に、出口を「- name: …」の形で並べます。", "outlets: is a list, each with '- name: …'."
)
