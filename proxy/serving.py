"""`sekisho serve` and `sekisho demo`: the checkpoint started, and the first words it says.

Listens at once; answers 503 until the detector is in (`/readyz` tells).
"""

import json
import signal
import socket
import sys
import tempfile
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from proxy.failing import stop

if TYPE_CHECKING:
    from proxy.office.keys import Key
    from proxy.office.roster import Page
    from proxy.settings import Settings


class UnknownFields(StrEnum):
    """What becomes of a request's field that nobody listed: see `Key`."""

    drop = "drop"
    refuse = "refuse"


_GRACE = 10
"""Seconds a running exchange may go on after the server was told to stop."""


def serve(
    host: Annotated[str | None, typer.Option(help="待ち受けるアドレス / Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="待ち受けるポート / Port to listen on.")] = None,
) -> None:
    """関所を動かす / Run the checkpoint."""
    _expect_to_be_stopped()
    settings = _read({name: value for name, value in (("host", host), ("port", port)) if value is not None})
    if settings.upstream is None and settings.models is None:
        settings = settings.model_copy(update={"warm_litellm": True})  # the demo model answers soon
    _inspect(settings)
    listening = _listen(settings.host, settings.port)
    key = _demo_key(settings)
    _greet(settings, listening.getsockname()[1], key)
    _run(settings, listening)


def demo(
    port: Annotated[int, typer.Option(help="待ち受けるポート(0=空き) / Port; 0 takes a free one.")],
    upstream: Annotated[
        str, typer.Option(help="OpenAI互換サーバーのURL(/v1まで) / Upstream base URL, with /v1.")
    ],
    key: Annotated[str, typer.Option(help="受け付けるただ一つのキー / The only key that is accepted.")],
    policy: Annotated[
        str,
        typer.Option(
            help="ポリシーの名前かファイル。なければ、接続先のモデルをすべて承認した takatsuki"
            " / Policy name or file; else takatsuki with every model of the upstream approved."
        ),
    ] = "",
    dir: Annotated[Path | None, typer.Option(help="データを置くフォルダー / Folder for the data.")] = None,
    unknown_fields: Annotated[
        UnknownFields,
        typer.Option(
            help="検査の決まりがない項目: 外して送る・断る / What becomes of fields that nobody listed."
        ),
    ] = UnknownFields.drop,
) -> None:
    """試験用に一つだけのキーで動かす / Run on embedded defaults with one key, for tests and first tries."""
    _expect_to_be_stopped()
    home = dir or Path(tempfile.mkdtemp(prefix="sekisho-demo-"))
    fixed = {"host": "127.0.0.1", "ledger": None, "destination": "D2"}
    policy = policy or _demo_policy(home)
    settings = _read(fixed | {"home": home, "port": port, "upstream": upstream, "policy": policy})
    _inspect(settings)
    listening = _listen(settings.host, settings.port)
    enter_fixture(settings, key, unknown_fields=unknown_fields)
    first = {
        "base_url": f"http://127.0.0.1:{listening.getsockname()[1]}/v1",
        "dir": str(home.resolve()),
        "ledger": str(Path(settings.ledger_location).resolve()),
        "public_key": str((home / "public.pem").resolve()),
    }
    print(json.dumps(first, ensure_ascii=False), flush=True)
    _run(settings, listening, patient=True)


def _demo_policy(home: Path) -> str:
    """A policy of its own: the city's rules, with whatever model the upstream of a trial has approved."""
    from policies import files
    from proxy.office.policy_versions import SHIPPED

    city = files.load(SHIPPED)
    any_model = {
        "name": "*",
        "title": {"ja": "見本の接続先のモデル", "en": "Any model of the demonstration's upstream"},
        "service": "contract",
        "destination": "D2",
        "no_training": True,
        "recorded": True,
        "regions": ["jp"],
        "contract": "見本のため、契約を確かめずに承認したことにしたもの",
    }
    data = {**city.data, "name": f"{city.name}-demo", "models": [*city.data["models"], any_model]}
    file = home / "demo-policy.json"
    home.mkdir(parents=True, exist_ok=True)
    file.write_bytes(files.canonical(data))
    return str(file)


def _read(overrides: dict[str, Any]) -> "Settings":
    from proxy.settings import BadSettings, read

    try:
        return read(**overrides)
    except BadSettings as error:
        stop(str(error))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        stop(
            f"{host}:{port} で待ち受けられません({error.strerror})。--port で別の番号を指定してください。"
            f" / cannot listen on {host}:{port}; choose another --port"
        )
    listening.listen(1024)
    return listening


def _inspect(settings: "Settings") -> None:
    from proxy.house import inspect
    from proxy.settings import BadSettings

    try:
        inspect(settings)
    except BadSettings as error:
        stop(str(error))


def _run(settings: "Settings", listening: socket.socket, patient: bool = False) -> None:
    import uvicorn

    from proxy.app import create_app
    from proxy.logs import configure

    sys.setswitchinterval(0.001)  # the detector's threads give way to the event loop within a millisecond
    configure(settings.log_level)
    config = uvicorn.Config(
        create_app(settings, patient=patient),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a caller's address is the connection's own
        timeout_graceful_shutdown=_GRACE,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _expect_to_be_stopped() -> None:
    for asked_to_stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked_to_stop, _stopped)  # uvicorn ends what runs, then hands the signal on to this


def _stopped(number: int, frame: Any) -> NoReturn:
    """Being told to stop is no error: exit status 0."""
    raise SystemExit(0)


def _demo_key(settings: "Settings") -> str | None:
    """The demo staff key: entered on the first start, kept in HOME/demo.key. None once it is gone or revoked."""
    from proxy.home import Home, create_private
    from proxy.office.keys import KeyBook, new_plain
    from proxy.office.people import PeopleBook, PersonExists
    from proxy.office.store import office_of

    home = Home(settings.home)
    file = home.demo_key
    with closing(office_of(settings)) as office:
        book = KeyBook(office, home.secret())
        if not book.list():
            create_private(file, new_plain().encode())
            book.create(_fixture(), file.read_text())
        plain = file.read_text() if file.exists() else None
        found = book.find(plain) if plain else None
        if found is None or found.person is None:
            return None
        with suppress(PersonExists):  # another process that starts now was quicker
            PeopleBook(office).put(_fixture_person(settings, found.person))
        return plain


def enter_fixture(
    settings: "Settings", plain: str, unknown_fields: UnknownFields = UnknownFields.refuse
) -> None:
    """Make ``plain`` the only key in force, with the fixture caller behind it."""
    from proxy.evidence import has_own_key
    from proxy.home import prepare
    from proxy.office.keys import KeyBook
    from proxy.office.people import PeopleBook
    from proxy.office.store import office_of

    home = prepare(settings.home, own_key=has_own_key(settings))
    with closing(office_of(settings)) as office:
        key = replace(_fixture(), unknown_fields=unknown_fields.value)
        KeyBook(office, home.secret()).keep_only(key, plain)
        PeopleBook(office).put(_fixture_person(settings, str(key.person)))


def _fixture() -> "Key":
    """The key of the fixture caller: class 2, mail drafts. A plain request passes."""
    from proxy.office.keys import Key, new_id

    return Key(
        id=new_id(),
        person="demo",
        tool="demo",
        department="都市創造部",
        section="デモ課",
        category="mail_draft",
        purpose=_PURPOSE,
        confidentiality_class="2",
        created_by="demo",
    )


def _fixture_person(settings: "Settings", id: str) -> "Page":
    """The fixture caller: enrolled, trained for this 年度 and the next, the rules accepted."""
    from policies.days import day_of
    from policies.vocabulary import COURSES
    from proxy.office.roster import Page, Person, Posting, Training, fiscal_year
    from proxy.rulebook import policy_of

    key, today, long_ago = _fixture(), day_of(datetime.now(UTC)), date(2000, 4, 1)
    years = (fiscal_year(today), fiscal_year(today) + 1)
    return Page(
        Person(
            id,
            "staff",
            long_ago,
            approved_by="demo-head",
            approved_at="2000-04-01T00:00:00Z",
            entered_by="demo",
        ),
        (Posting(long_ago, key.department, key.section),),
        tuple(Training(course, year, long_ago) for course in COURSES for year in years),
        (policy_of(settings).rules_version,),
    )


_PURPOSE = "見本の利用"
_SAMPLE = (
    "次の文を丁寧なメールにしてください。都市創造部の山田太郎です。大阪府高槻市城東町9番8-703号にお住まいの鈴木花子様"
    "(昭和58年4月1日生まれ、電話090-1234-5678)から、佐藤次郎様のメールアドレス sato.jiro@example.jp について"
    "お問い合わせがありました。"
)


def _greet(settings: "Settings", port: int, key: str | None) -> None:
    """What a newcomer needs: where to point a tool, one request to try, how to see its record."""
    base_url = f"http://{'127.0.0.1' if settings.host in ('0.0.0.0', '::') else settings.host}:{port}/v1"
    model = "sekisho-demo" if settings.upstream is None else "(上流のモデル名 / a model of your upstream)"
    shown = key or "(sekisho keys create で発行 / issue one with: sekisho keys create)"
    body = json.dumps(
        {"model": model, "messages": [{"role": "user", "content": _SAMPLE}]}, ensure_ascii=False
    )
    file = "postgres" not in settings.ledger_location.partition("://")[0]  # an URL may hold a password
    ledger = f" --ledger {settings.ledger_location}" if file else ""
    command = "sekisho" if sys.prefix == sys.base_prefix else str(Path(sys.prefix, "bin", "sekisho"))
    with suppress(ValueError):
        command = str(Path(command).relative_to(Path.cwd()))
    print(
        f"""
関所が動いています。止めるには Ctrl-C。/ Sekisho is running. Stop it with Ctrl-C.

  ツールに設定するもの / What to put into a tool
    ベースURL / base URL : {base_url}
    APIキー   / API key  : {shown}

  試してみる(個人情報だらけのメール) / Try it with a mail full of personal data
    curl -s {base_url}/chat/completions -H 'Authorization: Bearer {shown}' -H 'Content-Type: application/json' -d '{body}'

  記録を見る / See its record
    {command} audit search --reason ためし{ledger}
    {command} audit show 記録番号 --reason ためし{ledger}     (番号は上の一覧から / the id is in the list above)
    {command} audit verify{ledger}
""",
        flush=True,
    )
