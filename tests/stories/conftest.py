"""The stories' stage: an upstream that is another process, and the checkpoint as `sekisho demo` starts it."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from audit.verify import verify
from policies.days import JST
from proxy.office.people import PeopleBook
from proxy.office.roster import Page, Person, Posting, Training, fiscal_year
from proxy.office.store import office_of
from proxy.settings import read
from tests.approving import approving
from tests.stories.nursery import Born, Nursery

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEY = "sk-story-key"
NURSERY = Nursery()
KINDS = ("asked", "answered", "refused", "failed", "abandoned", "lost", "viewed", "noted")
RULES = "2026-04"
"""The version of the rules that takatsuki asks for."""
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name == "SEKISHO_REASON" or not name.startswith(("SEKISHO_", "OPENAI_"))
}


def sekisho(
    *arguments: str, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the `sekisho` command to its end; it finds no key of a house that was started in this folder before."""
    if arguments[:1] == ("audit",):
        environment = {"SEKISHO_HOME": str(HERE / "no-house")} | environment
    return subprocess.run(
        [sys.executable, "-m", "proxy", *arguments],
        cwd=ROOT,
        env=ENVIRONMENT | environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )


@dataclass
class Upstream:
    """The model's server: what it got, byte by byte."""

    folder: Path
    port: int
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def received(self) -> bytes:
        return (self.folder / "received.bin").read_bytes()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies of the chat completions it got."""
        return self.bodies("/v1/chat/completions")

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """The bodies of what was posted to ``path``."""
        posts = self.received.split(b"POST ")[1:]
        mine = [post for post in posts if post.startswith(f"{path} ".encode())]
        return [json.loads(post.split(b"\r\n\r\n", 1)[1].split(b"\nGET ", 1)[0]) for post in mine]


@dataclass
class Checkpoint:
    """A running `sekisho demo`: its address, its folder, its process."""

    base_url: str
    dir: str
    ledger: str
    public_key: str
    process: "subprocess.Popen[str] | Born"
    key: str = KEY
    log: Path = field(default_factory=Path)
    clients: list[Any] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.base_url.removesuffix("/v1")

    def ready(self, patience: float = 60) -> None:
        deadline = time.monotonic() + patience
        while self.status("/readyz") != 200:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "never ready"
            time.sleep(0.1)

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.root + path, timeout=30) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def post(
        self, body: Any, path: str = "/chat/completions", **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """POST JSON (or bytes as they are); status, headers, and the reply as JSON where it is JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.base_url + path, data, sent)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, dict(reply.headers), _json_or_text(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), _json_or_text(error.read())

    def say(self, text: str, model: str = "echo", **headers: str) -> tuple[int, dict[str, str], Any]:
        return self.post({"model": model, "messages": [{"role": "user", "content": text}]}, **headers)

    def client(self, **options: Any) -> Any:
        """The official client, as a staff tool would make it."""
        import openai

        client = openai.OpenAI(base_url=self.base_url, api_key=self.key, **options)
        self.clients.append(client)
        return client

    def anthropic(self, **options: Any) -> Any:
        """Anthropic's official client, whose base URL ends before /v1."""
        import anthropic

        client = anthropic.Anthropic(base_url=self.root, api_key=self.key, **options)
        self.clients.append(client)
        return client

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        """Records of the ledger, oldest first, read as an outsider reads a SQLite file.

        Without ``kinds``: those of exchanges. What a house notes of itself, such as its policy, is ``noted``; but the
        alerts that it raises by itself, whenever it does, are told by `alerts` alone.
        """
        return [record for record in self._records(*kinds) if record["body"].get("event") != "alert.raised"]

    def alerts(self) -> list[dict[str, Any]]:
        """The bodies of the alerts, oldest first."""
        noted = [record["body"] for record in self._records("noted")]
        return [body for body in noted if body.get("event") == "alert.raised"]

    def _records(self, *kinds: str) -> list[dict[str, Any]]:
        import sqlite3

        with sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True) as connection:
            rows = connection.execute(
                "SELECT writer, idx, at, kind, exchange, body FROM records ORDER BY at, idx"
            )
            names = ("writer", "index", "at", "kind", "exchange", "body")
            all_records = [dict(zip(names, row, strict=True)) for row in rows]
        for record in all_records:
            record["body"] = json.loads(record["body"])
        return [
            record for record in all_records if (record["kind"] in kinds if kinds else record["exchange"])
        ]

    def verify(self) -> dict[str, Any]:
        done = sekisho("audit", "verify", "--ledger", self.ledger, "--public-key", self.public_key, "--json")
        assert done.returncode in (0, 1), done.stderr
        return dict(json.loads(done.stdout))

    def close_clients(self) -> None:
        while self.clients:
            self.clients.pop().close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@dataclass
class UpstreamSince(Upstream):
    """An upstream that other stories share: what it got since this one began."""

    began: int = 0

    @property
    def received(self) -> bytes:
        return super().received[self.began :]


@dataclass
class CheckpointSince(Checkpoint):
    """A checkpoint that other stories share, as this one sees it: records that came since it began."""

    before: frozenset[tuple[str, int]] = frozenset()

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        return [one for one in super().records(*kinds) if (one["writer"], one["index"]) not in self.before]


@dataclass
class Scene:
    """One story at a checkpoint that other stories share: it sees only what came since it began."""

    checkpoint: Checkpoint
    upstream: Upstream
    began: int = field(init=False)
    before: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.began = len(self.upstream.received)
        self.before = {record["exchange"] for record in self.checkpoint.records()}

    @property
    def received(self) -> bytes:
        return self.upstream.received[self.began :]

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        return [record for record in self.checkpoint.records(*kinds) if record["exchange"] not in self.before]

    def passed(self, *values: str, exchanges: int = 1) -> None:
        """So many exchanges were asked and answered, none of the values arrived, and the ledger is whole."""
        received = self.received.decode()
        for value in values:
            assert value not in received
            assert json.dumps(value)[1:-1] not in received
            assert json.dumps(value, ensure_ascii=False)[1:-1] not in received
        assert received.count("POST ") == exchanges
        assert sorted(record["kind"] for record in self.records()) == sorted(
            ["asked", "answered"] * exchanges
        )
        assert {record["body"]["egress_state"] for record in self.records("answered")} == {"masked"}
        assert verify(Path(self.checkpoint.ledger), Path(self.checkpoint.public_key)).ok

    def refused(self, reason: str) -> None:
        """It was asked once and refused for this reason, and nothing was sent."""
        asked, refused = self.records()
        assert (asked["kind"], refused["kind"], refused["body"]["reason"]) == ("asked", "refused", reason)
        assert self.received == b""
        assert verify(Path(self.checkpoint.ledger), Path(self.checkpoint.public_key)).ok


def _json_or_text(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()


@pytest.fixture(scope="session", autouse=True)
def nursery() -> Iterator[None]:
    """Checkpoints are started by it at the first need; it ends with the last story."""
    yield
    NURSERY.close()


@pytest.fixture
def stage() -> Iterator[ExitStack]:
    """Everything a story starts is stopped when it ends."""
    with ExitStack() as stack:
        yield stack


def begin_upstream(stage: ExitStack, folder: Path, port: int = 0) -> Upstream:
    """Start an upstream that keeps what it gets in ``folder``."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(HERE / "upstream.py"), str(folder), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    stage.callback(_end, process)
    assert process.stdout
    return Upstream(folder, int(process.stdout.readline()), process)


@pytest.fixture
def start_upstream(stage: ExitStack, tmp_path: Path) -> Callable[..., Upstream]:
    def start(name: str = "upstream", port: int = 0) -> Upstream:
        return begin_upstream(stage, tmp_path / name, port)

    return start


@pytest.fixture
def upstream(request: pytest.FixtureRequest, start_upstream: Callable[..., Upstream]) -> Upstream:
    """The story's own; the file's, where it says ``SHARED = True``."""
    if getattr(request.module, "SHARED", False):
        return _since(*request.getfixturevalue("house"))[1]
    return start_upstream()


def begin(
    arguments: list[str], environment: dict[str, str], log: Path, wrap: tuple[str, ...] = ()
) -> "subprocess.Popen[str] | Born":
    """Start `sekisho` with these arguments; what it complains of is in ``log``. ``wrap``: a command in front."""
    with log.open("w") as err:
        if not wrap:
            return NURSERY.start(arguments, environment, err)
        command = [*wrap, sys.executable, "-m", "proxy", *arguments]
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=err, text=True
        )


def begin_checkpoint(
    stage: ExitStack,
    folder: Path,
    upstream_url: str,
    dir: Path | None = None,
    policy: str | None = None,
    wait: bool = True,
    wrap: tuple[str, ...] = (),
    unknown_fields: str = "drop",
    **environment: str,
) -> Checkpoint:
    """Start `sekisho demo` with takatsuki, all models of the stage approved. ``wait=False``: do not wait until it is ready; ``wrap``: a command in front."""
    policy = policy or str(approving(folder, "*"))
    log = folder / f"checkpoint-{time.monotonic_ns()}.log"
    arguments = ["demo", "--port", "0", "--upstream", upstream_url, "--key", KEY, "--policy", policy]
    arguments += ["--dir", str(dir or folder / "home"), "--unknown-fields", unknown_fields]
    process = begin(arguments, ENVIRONMENT | environment, log, wrap)
    stage.callback(_end, process)
    assert process.stdout
    line = process.stdout.readline()
    assert line, log.read_text()
    checkpoint = Checkpoint(**json.loads(line), process=process, log=log)
    stage.callback(checkpoint.close_clients)
    if wait:
        checkpoint.ready()
    return checkpoint


@pytest.fixture
def start_steady(stage: ExitStack) -> Callable[..., str]:
    """Start a server that always says the same words; gives its base URL."""

    def start(*words: str) -> str:
        command = [sys.executable, str(HERE / "steady_upstream.py"), *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        stage.callback(_end, process)
        assert process.stdout
        return f"http://127.0.0.1:{int(process.stdout.readline())}/v1"

    return start


@pytest.fixture
def start_checkpoint(stage: ExitStack, tmp_path: Path) -> Callable[..., Checkpoint]:
    """Start `sekisho demo`; what may be said of it: see `begin_checkpoint`."""

    def start(upstream_url: str, dir: Path | None = None, **options: Any) -> Checkpoint:
        return begin_checkpoint(stage, tmp_path, upstream_url, dir, **options)

    return start


@pytest.fixture(scope="module")
def open_house(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., tuple[Checkpoint, Upstream]]]:
    """One checkpoint and one upstream for the stories of a file; ``models``: a list of them, see routes.py."""
    folder = tmp_path_factory.mktemp("house")

    def start(models: list[dict[str, Any]] | None = None, **options: Any) -> tuple[Checkpoint, Upstream]:
        upstream = begin_upstream(stage, folder / "upstream")
        if models:
            listed = [{"via": "direct", "base_url": upstream.url, **model} for model in models]
            (folder / "models.yaml").write_text(json.dumps({"models": listed}))
            options["SEKISHO_MODELS"] = str(folder / "models.yaml")
        return begin_checkpoint(stage, folder, upstream.url, **options), upstream

    with ExitStack() as stage:
        yield start


@pytest.fixture(scope="module")
def house(open_house: Callable[..., tuple[Checkpoint, Upstream]]) -> tuple[Checkpoint, Upstream]:
    """The file's checkpoint and upstream; a file that needs another one makes its own."""
    return open_house()


@pytest.fixture
def scene(house: tuple[Checkpoint, Upstream]) -> Iterator[Scene]:
    """What this story alone does at the file's ``house``, which is made by `open_house`."""
    checkpoint, upstream = house
    yield Scene(checkpoint, upstream)
    checkpoint.close_clients()


@pytest.fixture
def checkpoint(
    request: pytest.FixtureRequest, start_checkpoint: Callable[..., Checkpoint], upstream: Upstream
) -> Iterator[Checkpoint]:
    """The story's own. Where its file says ``SHARED = True``, the file's, as if it were new: such a story only asks, and
    neither stops it nor touches its files."""
    if not getattr(request.module, "SHARED", False):
        yield start_checkpoint(upstream.url)
        return
    seen = _since(*request.getfixturevalue("house"))[0]
    yield seen
    seen.close_clients()


def _since(checkpoint: Checkpoint, upstream: Upstream) -> tuple[Checkpoint, Upstream]:
    """A checkpoint and an upstream that other stories share, with nothing of what came before."""
    before = frozenset((record["writer"], record["index"]) for record in checkpoint.records(*KINDS))
    seen = CheckpointSince(
        checkpoint.base_url, checkpoint.dir, checkpoint.ledger, checkpoint.public_key, checkpoint.process,
        log=checkpoint.log, before=before,
    )  # fmt: skip
    began = len(upstream.received)
    return seen, UpstreamSince(upstream.folder, upstream.port, upstream.process, began=began)


def _end(process: "subprocess.Popen[str] | Born") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def enrolled(
    id: str, home: str, *lacking: str, department: str = "都市創造部", section: str = "道路課"
) -> None:
    """Somebody who may use AI this year, into the books; ``lacking``: courses that they did not complete."""
    today = datetime.now(JST).date()
    began = date(2020, 4, 1)
    page = Page(
        Person(id, "staff", began, approved_by="000001"),
        (Posting(began, department, section),),
        tuple(
            Training(course, fiscal_year(today), today)
            for course in sorted({"dx", "security"} - set(lacking))
        ),
        (RULES,),
    )
    with closing(office_of(read(home=Path(home)))) as office:
        PeopleBook(office).enter(page)


@pytest.fixture(name="sekisho")
def sekisho_command() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The `sekisho` command, run to its end."""
    return sekisho
