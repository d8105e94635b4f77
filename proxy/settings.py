"""Every setting of the house: name, type, default and a sentence. Read once, at start.

The environment name is ``SEKISHO_`` and the name in capitals. A value may also stand in
``SEKISHO_HOME/settings.env``, which the environment overrides. Nothing here opens a connection.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "SEKISHO_"


class Settings(BaseSettings):
    """The settings, checked. An unknown ``SEKISHO_…`` name is an error: see `read`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    home: Path = Field(
        Path("var"), description="鍵・台帳・帳簿を置くフォルダー / Folder of keys, ledger and books."
    )
    host: str = Field("127.0.0.1", description="待ち受けるアドレス / Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="待ち受けるポート / Port to listen on.")
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/?#@]+(?:/[^\s?#]*)?$",
        description="職員がブラウザーで開く関所のURL(確認のページなど)。空なら、ツールが接続したとおり / URL at which staff open the checkpoint's pages; none: as the tool reached it.",
    )
    upstream: str | None = Field(
        None,
        description="OpenAI互換サーバーのURL(/v1まで)。空ならデモ応答 / OpenAI-compatible base URL, with /v1.",
    )
    upstream_key: SecretStr | None = Field(
        None, description="上流サーバーのAPIキー / API key sent to the upstream."
    )
    destination: Literal["D1", "D2", "D3", "D4"] = Field(
        "D2", description="上流の送信先区分 D1〜D4 / Destination tier of the upstream."
    )
    models: Path | None = Field(
        None,
        description="モデル一覧(YAML)。空なら上流をそのまま使う / Model list in YAML; none: any name goes upstream.",
    )
    policy: str = Field(
        "",
        description="利用ポリシーの名前かファイル。空なら施行中の版、それもなければ takatsuki / Policy name or file; none: the activated version in force, else takatsuki.",
    )
    ledger: str | None = Field(
        None,
        description="台帳のファイルかURL。空なら HOME/ledger.sqlite / Ledger path or URL; default HOME/ledger.sqlite.",
    )
    office: str | None = Field(
        None,
        description="帳簿(職員・キー・上限など)のファイルかURL。空なら HOME/office.sqlite / Office path or URL; default HOME/office.sqlite.",
    )
    allow: Path | None = Field(
        None, description="伏せ字にしない公開情報の一覧 / File of published values that are never masked."
    )
    rules: Path | None = Field(
        None, description="市独自の検出規則(YAML) / The city's own detection rules, in YAML."
    )
    detector_workers: int = Field(1, ge=1, le=64, description="検出の並列数 / Detection threads.")
    detector_queue: int = Field(
        256,
        ge=1,
        description="検出待ちの上限。超えると503 / Requests that may wait for detection; more get 503.",
    )
    detector_timeout: float = Field(
        20.0,
        gt=0,
        description="検出の制限時間(秒) / Seconds detection may take before the request is refused.",
    )
    connect_timeout: float = Field(
        10.0, gt=0, description="上流への接続の制限時間(秒) / Seconds to connect upstream."
    )
    silence_timeout: float = Field(
        120.0, gt=0, description="上流の無応答の制限時間(秒) / Seconds the upstream may stay silent."
    )
    reply_timeout: float = Field(
        1200.0,
        gt=0,
        description="上流の応答全体の制限時間(秒) / Seconds a whole reply may take, however steady.",
    )
    retries: int = Field(
        1,
        ge=0,
        le=5,
        description="返事の最初の1バイトより前に失敗したとき、上流へ送り直す回数 / Times a request is sent again upstream when it failed before the first byte of the reply.",
    )
    max_body: int = Field(
        4_000_000, ge=1_000, description="受け付ける要求の上限(バイト) / Largest request body in bytes."
    )
    max_upload: int = Field(
        26_000_000, ge=1_000, description="受け付ける録音の上限(バイト) / Largest recording in bytes."
    )
    max_reply: int = Field(
        50_000_000, ge=1_000, description="上流の応答の上限(バイト) / Largest upstream reply in bytes."
    )
    lease: float = Field(
        10.0, ge=2, description="台帳の書き手の有効期限(秒) / Seconds a silent writer counts as alive."
    )
    note_every: float = Field(
        60.0,
        ge=1,
        description="署名つきの控えの間隔(秒) / Seconds between signed notes, at most.",
    )
    signing_key: Path | None = Field(
        None,
        description="控えに署名する秘密鍵。空なら HOME/signing.pem / Private key under the notes; default HOME/signing.pem.",
    )
    signing_hook: str | None = Field(
        None,
        description="控えに署名する別の担当者のコマンド(docs/anchors.md) / A second owner's command that signs the notes.",
    )
    signing_timeout: float = Field(
        15.0, gt=0, description="署名のコマンドを待つ時間(秒) / Seconds to wait for that command."
    )
    anchors: str = Field(
        "",
        description="控えの写しの届け先(フォルダー、https://…、mailto:…。空白で区切る) / Where copies of the notes go: folders, https://…, mailto:….",
    )
    anchor_every: float = Field(
        3600.0,
        ge=60,
        description="写しをメールやWebhookで届ける間隔(秒) / Seconds between copies by mail or webhook.",
    )
    smtp: str = Field("127.0.0.1:25", description="メールを渡すサーバー host:port / Mail server, host:port.")
    outlets: Path | None = Field(
        None,
        description="記録を送り続ける先(YAML、docs/exports.md)。空なら送らない / Where records go all the time, in YAML; none: nowhere.",
    )
    metrics: str | None = Field(
        None,
        description="監視用の数値(Prometheus)を出すアドレス 127.0.0.1:9464。空なら出さない / Address for Prometheus figures; none: nowhere.",
    )
    alerts: Path | None = Field(
        None,
        description="警報のしきい値と知らせる先(YAML、docs/alerts.md)。空なら付属のもの / Thresholds and channels of alerts, in YAML; none: those that ship.",
    )
    keep_records: str = Field("5y", description="記録の保存期間(5y、18m、400d) / How long records are kept.")
    keep_texts: str = Field("1y", description="伏せ字の文章の保存期間 / How long masked text is kept.")
    closed_days: str = Field(
        "",
        description="漏えい等報告の最終日を次の開庁日に送る日(土日・祝日・年末年始のほか): 2026-08-14 08-13..08-15 / Further days on which no report is taken, beside week-ends, holidays and 12-29 to 1-3.",
    )
    master_key: SecretStr | None = Field(
        None,
        description="原文の鍵を包むマスター鍵(32バイトをbase64で)。空ならコマンド、それも空なら HOME/master.key / Master key over the keys of originals, 32 bytes in base64; else the hook, else HOME/master.key.",
    )
    master_hook: str | None = Field(
        None,
        description="鍵管理サービスに代わりに包ませるコマンド(wrap・unwrap を付けて呼ぶ) / Command that wraps and unwraps with a master key kept elsewhere.",
    )
    master_timeout: float = Field(
        10.0,
        gt=0,
        description="原文を封じる制限時間(秒)。超えると503 / Seconds sealing an original may take before the request is refused.",
    )
    oidc_issuer: str | None = Field(
        None,
        description="市の認証(OpenID Connect)の発行者のURL。トークンの iss と一字一句同じもの。空なら使わない / Issuer of the city's directory (OpenID Connect), exactly as in its tokens; none: no tokens.",
    )
    oidc_audience: str | None = Field(
        None,
        description="関所あてのトークンの aud の値 / The audience that tokens for the checkpoint are issued for.",
    )
    oidc_claims: str = Field(
        "person=sub",
        description="トークンのどの項目が何か: person=staff_id department=org.department section=org.section roles=groups / Which claim holds what: person, department, section, roles.",
    )
    oidc_roles: str = Field(
        "",
        description="認証側のグループと役割の対応: csirt-team=csirt_reviewer …。先に書いたものが優先 / The directory's groups and the role each stands for; the first that applies counts.",
    )
    oidc_client_id: str | None = Field(
        None,
        description="関所のページへサインインするときのクライアントID。空ならキーで入る / Our client id for signing in on our pages; none: by key only.",
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="そのクライアントの秘密 / The secret of that client."
    )
    oidc_scope: str = Field(
        "openid",
        description="サインインで求めるスコープ(openid を含める) / Scopes asked for at sign-in, openid among them.",
    )
    oidc_origins: str = Field(
        "",
        description="鍵やサインインのURLが発行者と別のサーバーにあるとき、そのURL(空白で区切る) / Other servers, by URL, that the directory's keys and pages may lie on.",
    )
    warm_litellm: bool = Field(
        False, description="起動後すぐlitellmを読み込む / Load litellm in the background right after start."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="運用ログの詳しさ / Detail of the operations log."
    )

    @property
    def ledger_location(self) -> str:
        return self.ledger or str(self.home / "ledger.sqlite")

    @property
    def office_location(self) -> str:
        return self.office or str(self.home / "office.sqlite")


_USERINFO = re.compile(r"//[^/@]+@")
_WEBHOOK = re.compile(r"(https?://[^/\s]+)/\S+")


class BadSettings(Exception):
    """The settings cannot be used. Each line says which setting, what is wrong and what to do."""


def read(**overrides: Any) -> Settings:
    """Read the environment and ``HOME/settings.env``, the environment first; ``overrides`` win over both.

    Raises `BadSettings` for an unknown name or an unusable value; never quotes a secret.
    """
    home = Path(overrides.get("home") or os.environ.get(f"{PREFIX}HOME") or "var")
    file = home / "settings.env"
    unknown = sorted(_named(os.environ) - known_names() - _OTHERS)
    if unknown:
        raise BadSettings(
            f"設定名が違います / unknown setting: {', '.join(unknown)} "
            "(一覧: sekisho settings / run 'sekisho settings' for the list)"
        )
    try:
        return Settings(_env_file=file if file.is_file() else None, **overrides)
    except UnicodeDecodeError:
        raise BadSettings(f"{file}: UTF-8のファイルではありません / is not a UTF-8 file") from None
    except ValidationError as error:
        lines = [
            f"{PREFIX}{'.'.join(map(str, fault['loc'])).upper().removeprefix(PREFIX)}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise BadSettings("; ".join(lines)) from None


def known_names() -> frozenset[str]:
    return frozenset(PREFIX + name.upper() for name in Settings.model_fields)


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as `sekisho settings` shows it. A secret's value is starred."""

    name: str
    value: str
    origin: Literal["default", "environment", "file"]
    meaning: str


def shown(settings: Settings) -> list[Shown]:
    """Every setting with its value, where it came from, and its sentence."""
    return [
        Shown(
            PREFIX + name.upper(),
            "" if (value := getattr(settings, name)) is None else _without_secrets(name, str(value)),
            _origin(name, settings),
            str(field.description),
        )
        for name, field in Settings.model_fields.items()
    ]


def _without_secrets(name: str, value: str) -> str:
    """No password of a URL, and no token in the address of a webhook."""
    value = _USERINFO.sub("//***@", value)
    return _WEBHOOK.sub(r"\1/***", value) if name == "anchors" else value


def _origin(name: str, settings: Settings) -> Literal["default", "environment", "file"]:
    if os.environ.get(PREFIX + name.upper()):
        return "environment"
    return "file" if name in settings.model_fields_set else "default"


def _named(environment: Any) -> set[str]:
    return {name for name in environment if name.startswith(PREFIX)}


_OTHERS = frozenset({f"{PREFIX}{name}" for name in ("PUBLIC_KEY", "REASON", "KEY")})
"""Names read by commands and not by the server."""
