"""How much later the first byte and every further chunk of a stream come because of Sekisho.

    make bench-first-byte               or   .venv/bin/python tests/benchmarks/first_byte.py [--out FILE]

An upstream in its own process streams SSE chunks, the first at once, then one every 20 ms. It is asked by eight
callers at a time: directly; through a bare passthrough in its own process, which hands on bytes with the same
server and the same client library as Sekisho's and does nothing else; and through `sekisho demo --policy
mask-only`. The three take turns in short blocks within one run, after a warm-up. Several runs are made and the
quietest is told, for a machine shared with other work says little in milliseconds: look at the differences and
ratios within the run. No text is ever sent twice, but for the earlier turns of the conversations. Judges
nothing; takes about twelve minutes. Linux only (one clock for all processes).
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp

HERE = Path(__file__).resolve()
ROOT = HERE.parent.parent.parent
KEY = "sk-bench"
STREAMS = 8
PAUSE = 0.02
WORDS = ("承知", "しました。", "ご案内の", "文面を", "次の", "ように", "直し", "ました。", "ご確認", "ください。")  # fmt: skip
LONG, BRIEF = 25, 3
"""Pieces of a reply: half a second where eight callers ask, less where only the first byte matters."""
TARGETS = ("direct", "passthrough", "Sekisho")


def pieces(model: str) -> list[str]:
    """What the upstream says to a request for this model, whose name tells how much: `m-25-1234`."""
    return [WORDS[i % len(WORDS)] for i in range(int(model.split("-")[1]))]


# ── the upstream ──────────────────────────────────────────────────────────────────────────────────


async def upstream(port: int) -> None:
    """Streams what `pieces` says and remembers, by model name, when it sent each; `GET /times` tells and forgets."""
    sent: dict[str, list[float]] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _at_once(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"GET"):
                    body = json.dumps(sent).encode()
                    sent.clear()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
                    continue
                asked = json.loads(await reader.readexactly(_length(head)))
                times = sent.setdefault(asked["model"], [])
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                for piece in pieces(asked["model"]):
                    times.append(time.monotonic())
                    writer.write(_event(piece))
                    await writer.drain()
                    await asyncio.sleep(PAUSE)
                writer.write(_event(None) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


def _at_once(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _event(piece: str | None) -> bytes:
    delta = {} if piece is None else {"content": piece}
    choice = {"index": 0, "delta": delta, "finish_reason": "stop" if piece is None else None}
    event = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "choices": [choice],
    }
    return _chunk(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


# ── the bare passthrough ──────────────────────────────────────────────────────────────────────────


def passthrough(port: int, to: int) -> None:
    """uvicorn and aiohttp as Sekisho uses them; every byte handed on as it comes."""
    import uvicorn

    session: list[aiohttp.ClientSession] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not session:
            session.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False))
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {"content-type": "application/json"}
        url = f"http://127.0.0.1:{to}{scope['path']}"
        async with session[0].request(scope["method"], url, data=body, headers=headers) as reply:
            kind = reply.headers.get("content-type", "text/plain").encode()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
            async for part in reply.content.iter_any():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    uvicorn.run(
        app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", lifespan="off",
        log_level="error", access_log=False, server_header=False,
    )  # fmt: skip


# ── what is asked: a new text every time ──────────────────────────────────────────────────────────

_NAMES = ("佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤", "吉田", "山田")
_GIVEN = ("太郎", "花子", "健一", "美咲", "大輔", "陽子", "直樹", "由美", "翔太", "真理", "和夫", "恵子")
_TOWNS = ("桃園町", "城北町", "芥川町", "富田町", "安満中の町", "古曽部町", "天神町", "真上町")
_TOPICS = (
    "夏祭り",
    "図書館",
    "粗大ごみ",
    "健康診断",
    "防災訓練",
    "保育園",
    "水道工事",
    "市民講座",
    "公園",
    "税の窓口",
)
_WAYS = ("やさしい", "短い", "丁寧な", "正確な", "読みやすい", "親しみのある", "公用文らしい", "簡潔な")
_SENTENCES = (
    "先日の窓口でのご相談について、経過をまとめましたのでご確認ください。",
    "申請書の二枚目に記入漏れがあり、受付の担当から補正をお願いしています。",
    "手続きには本人確認のできる書類と、世帯全員の記入がそろっていることが必要です。",
    "来月の広報紙には、受付期間と持ち物を表の形でわかりやすく載せる予定です。",
    "会場の都合により、開始の時刻を三十分遅らせることになりました。",
    "参加の費用は無料ですが、材料を使う講座では実費をいただくことがあります。",
    "ご不明な点がありましたら、平日の午前九時から午後五時までにお尋ねください。",
    "近隣の自治会とも調整を進めており、次回の会議で日程を決めることにしています。",
)


def _someone(dice: random.Random) -> str:
    return dice.choice(_NAMES) + dice.choice(_GIVEN)


def _phone(dice: random.Random) -> str:
    return f"072-{dice.randrange(600, 700)}-{dice.randrange(1000, 10_000)}"


def short(dice: random.Random) -> str:
    """30 characters without personal data."""
    text = f"{dice.choice(_TOPICS)}と{dice.choice(_TOPICS)}の案内を{dice.choice(_WAYS)}文に直してください。"
    return (text + "どうぞよろしくお願いいたします。")[:30]


def mail(dice: random.Random) -> str:
    """A mail of about 300 characters with eight personal data."""
    name, other, number = _someone(dice), _someone(dice), dice.randrange(1000, 10_000)
    return (
        f"担当者様\nいつもお世話になっております。{name}と申します。先日お電話でご相談した件ですが、"
        f"転居の手続きについて、もう一度教えていただけますでしょうか。\n新しい住所は〒569-{dice.randrange(0, 1200):04} "
        f"大阪府高槻市{dice.choice(_TOWNS)}{dice.randrange(1, 30)}番{dice.randrange(1, 20)}号です。"
        f"日中は携帯電話 090-{dice.randrange(1000, 10_000)}-{number} か、自宅 {_phone(dice)} にお願いします。"
        f"メールは user{number}@example.jp でも届きます。生年月日は昭和{dice.randrange(40, 63)}年"
        f"{dice.randrange(1, 13)}月{dice.randrange(1, 29)}日です。\n同居の{other}の分も、あわせて手続きできるでしょうか。"
        "お忙しいところ恐れ入りますが、どうぞよろしくお願いいたします。"
    )


def long(dice: random.Random) -> str:
    """2,000 characters with a name and a telephone number now and then."""
    text = ""
    while len(text) < 2000:
        text += "".join(dice.sample(_SENTENCES, 6)) + f"連絡先は{_someone(dice)}、電話{_phone(dice)}です。\n"
    return text[:2000]


def messages(kind: str, caller: int, dice: random.Random) -> list[dict[str, str]]:
    if kind != "conversation":
        return [{"role": "user", "content": {"short": short, "mail": mail, "long": long}[kind](dice)}]
    past = random.Random(caller)  # the same earlier turns each time, one conversation a caller
    turns = [{"role": ("user", "assistant")[i % 2], "content": mail(past)} for i in range(6)]
    return [*turns, {"role": "user", "content": short(dice) + f"({_someone(dice)}の件)"}]


KINDS = {
    "short": "30 characters",
    "mail": "mail, 8 personal data",
    "long": "2,000 characters",
    "conversation": "conversation, 6 turns seen before",
}

# ── asking ────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Times:
    """Seconds: to the first byte of the reply's body, and between sending and arrival of each piece."""

    first: list[float] = field(default_factory=list)
    pieces: list[float] = field(default_factory=list)


@dataclass
class Bench:
    """The three addresses, and everything measured, by target and kind of prompt."""

    session: aiohttp.ClientSession
    bases: dict[str, str]
    dice: random.Random
    times: dict[tuple[str, str], Times] = field(default_factory=dict)
    arrivals: dict[str, tuple[str, str, list[float]]] = field(default_factory=dict)
    asked: int = 0

    async def ask(self, target: str, kind: str, caller: int, many: int) -> None:
        self.asked += 1
        model = f"m-{many}-{self.asked}"
        says = pieces(model)
        body = {"model": model, "stream": True, "messages": messages(kind, caller, self.dice)}
        payload = json.dumps(body, ensure_ascii=False).encode()
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        began, first, seen, text = time.monotonic(), 0.0, [], ""
        async with self.session.post(
            f"{self.bases[target]}/chat/completions", data=payload, headers=headers
        ) as reply:
            if reply.status != 200:
                raise RuntimeError(f"{target}: {reply.status} {await reply.text()}")
            async for part in reply.content.iter_any():
                now = time.monotonic()
                first = first or now
                for line in part.split(b"\n"):
                    if line.startswith(b"data: {"):
                        for choice in json.loads(line[6:])["choices"]:
                            text += choice["delta"].get("content") or ""
                while len(seen) < many and len(text) >= sum(map(len, says[: len(seen) + 1])):
                    seen.append(now)
        if text != "".join(says):
            raise RuntimeError(f"{target}: another text came: {text!r}")
        self.times.setdefault((target, kind), Times()).first.append(first - began)
        self.arrivals[model] = (target, kind, seen)

    async def block(self, target: str, kind: str, how: "How") -> None:
        """Some callers at a time, each with some requests one after another."""

        async def caller(number: int) -> None:
            await asyncio.sleep(self.dice.random() * how.apart)
            for _ in range(how.each):
                await self.ask(target, kind, number, how.pieces)

        await asyncio.gather(*(caller(number) for number in range(how.callers)))

    async def collect(self) -> None:
        """Match what arrived with when the upstream had sent it."""
        async with self.session.get(f"{self.bases['direct'].removesuffix('/v1')}/times") as reply:
            sent: dict[str, list[float]] = json.loads(await reply.read())
        for model, (target, kind, seen) in self.arrivals.items():
            times = self.times[target, kind]
            times.pieces += [there - gone for gone, there in zip(sent[model], seen, strict=True)]
        self.arrivals.clear()

    def forget(self) -> None:
        self.times.clear()


@dataclass(frozen=True, slots=True)
class How:
    """How many callers at a time, how many requests each, begun how many seconds apart at most."""

    callers: int
    each: int
    apart: float
    pieces: int


HOWS = {
    "steady": How(STREAMS, 3, LONG * PAUSE, LONG),
    "burst": How(STREAMS, 1, 0.0, BRIEF),
    "alone": How(1, 6, 0.0, BRIEF),
}


@dataclass
class Run:
    """One run: everything measured, by way of asking, target and kind."""

    told: dict[str, dict[tuple[str, str], Times]]
    load: float

    @property
    def unrest(self) -> float:
        """How much the machine was disturbed: the passthrough's p95 has nothing of ours in it."""
        return sum(quantile(self.told["steady"]["passthrough", kind].first, 95) for kind in KINDS)


async def one_run(bench: Bench, rounds: int) -> Run:
    load = os.getloadavg()[0]
    for kind in KINDS:  # warm-up: connections, caches, the conversations' earlier turns
        for target in TARGETS:
            await bench.block(target, kind, How(STREAMS, 2, PAUSE, BRIEF))
    await bench.collect()
    told = {}
    for name, how in HOWS.items():
        bench.forget()
        for _ in range(rounds):
            for kind in KINDS:
                for target in TARGETS:
                    await bench.block(target, kind, how)
            await bench.collect()
        told[name] = dict(bench.times)
    return Run(told, load)


def quantile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


# ── processes ─────────────────────────────────────────────────────────────────────────────────────


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def process(command: list[str], cwd: Path, ready: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server of our own, from the moment it answers; ended whatever happens."""
    running = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), opener.open(ready, timeout=2):
                break
            if running.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"did not start: {' '.join(command)}")
            time.sleep(0.05)
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextlib.contextmanager
def servers(root: Path) -> Iterator[tuple[dict[str, str], int]]:
    """Upstream, passthrough and Sekisho; their addresses, and Sekisho's process id."""
    behind, bare, ours = free_port(), free_port(), free_port()
    folder = Path(tempfile.mkdtemp(prefix="first-byte-"))
    me = [sys.executable, str(HERE)]
    demo = [sys.executable, "-m", "proxy", "demo", "--port", str(ours), "--key", KEY, "--dir", str(folder)]
    demo += ["--policy", "mask-only", "--upstream", f"http://127.0.0.1:{behind}/v1"]
    bases = dict(zip(TARGETS, (f"http://127.0.0.1:{port}/v1" for port in (behind, bare, ours)), strict=True))
    try:
        with (
            process([*me, "--upstream", str(behind)], ROOT, f"http://127.0.0.1:{behind}/times"),
            process([*me, "--passthrough", str(bare), str(behind)], ROOT, f"http://127.0.0.1:{bare}/times"),
            process(demo, root, f"http://127.0.0.1:{ours}/readyz") as sekisho,
        ):
            yield bases, sekisho.pid
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def opened(bases: dict[str, str]) -> AsyncIterator[Bench]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False) as session:
        yield Bench(session, bases, random.Random())


# ── the document ──────────────────────────────────────────────────────────────────────────────────


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="runs, of which the quietest is told (default 3)")
    parser.add_argument("--rounds", type=int, default=8, help="blocks of each kind in a run (default 8)")
    parser.add_argument("--root", type=Path, default=ROOT, help="the Sekisho to measure")
    parser.add_argument("--out", type=Path, help="write the document here instead of printing it")
    parser.add_argument("--upstream", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--passthrough", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.upstream:
        _run_loop(lambda: upstream(given.upstream))
        return 0
    if given.passthrough:
        passthrough(*given.passthrough)
        return 0
    runs: list[Run] = []

    async def measure(bases: dict[str, str]) -> None:
        async with opened(bases) as bench:
            runs.append(await one_run(bench, given.rounds))

    for number in range(given.runs):
        print(
            f"[{time.strftime('%H:%M:%S')}] run {number + 1}, load {os.getloadavg()[0]:.1f}", file=sys.stderr
        )
        with servers(given.root) as (bases, _):
            _run_loop(lambda bases=bases: measure(bases))  # type: ignore[misc]
    text = document(runs, given)
    if given.out:
        given.out.write_text(text)
    else:
        print(text)
    return 0


def _run_loop(work: Callable[[], Awaitable[None]]) -> None:
    import uvloop

    async def all_of_it() -> None:
        await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(all_of_it())


def document(runs: list[Run], given: argparse.Namespace) -> str:
    quiet = min(runs, key=lambda run: run.unrest)
    others = [
        f"- load {run.load:.1f}: "
        + ", ".join(f"{KINDS[k]} {_added(run.told['steady'], k, 50):.1f}" for k in KINDS)
        for run in runs
        if run is not quiet
    ]
    count = {name: len(told["Sekisho", "short"].first) for name, told in quiet.told.items()}
    return TEMPLATE.format(
        date=date.today(),
        commit=_commit(given.root),
        python=sys.version.split()[0],
        cores=len(os.sched_getaffinity(0)),
        load=f"{quiet.load:.1f}",
        runs=len(runs),
        count=count,
        steady=_table(quiet.told["steady"]),
        burst=_table(quiet.told["burst"]),
        alone=_table(quiet.told["alone"]),
        pieces=_pieces(quiet.told["steady"]),
        others="\n".join(others) or "- none",
    )


def _commit(root: Path) -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True
    )
    return told.stdout.strip() or "a copy without history"


def _added(times: dict[tuple[str, str], Times], kind: str, percent: int) -> float:
    ours, bare = (quantile(times[name, kind].first, percent) for name in ("Sekisho", "passthrough"))
    return 1000 * (ours - bare)


def _pair(values: list[float]) -> str:
    return f"{1000 * quantile(values, 50):.1f} / {1000 * quantile(values, 95):.1f}"


def _table(times: dict[tuple[str, str], Times]) -> str:
    lines = [
        "| prompt | direct | passthrough | Sekisho | added to passthrough | ratio of p50 |",
        "|---" * 6 + "|",
    ]
    for kind, name in KINDS.items():
        direct, bare, ours = (times[target, kind].first for target in TARGETS)
        ratio = quantile(ours, 50) / quantile(bare, 50)
        added = f"{_added(times, kind, 50):.1f} / {_added(times, kind, 95):.1f}"
        lines.append(f"| {name} | {_pair(direct)} | {_pair(bare)} | {_pair(ours)} | {added} | {ratio:.1f} |")
    return "\n".join(lines)


def _pieces(times: dict[tuple[str, str], Times]) -> str:
    lines = ["| prompt | direct | passthrough | Sekisho |", "|---" * 4 + "|"]
    for kind, name in KINDS.items():
        lines.append(f"| {name} | {' | '.join(_pair(times[target, kind].pieces) for target in TARGETS)} |")
    return "\n".join(lines)


TEMPLATE = """\
# Time to first byte, and every chunk as it comes

Written by `make bench-first-byte` (tests/benchmarks/first_byte.py). {date}, Sekisho at {commit}
(`sekisho demo --policy mask-only`), Python {python}, {cores} cores, which callers, upstream, passthrough, Sekisho and
other people's work shared; the quietest of {runs} runs (load {load} at its beginning). So trust the differences and
ratios, which were taken in turn within one run, more than the milliseconds.

A loopback upstream that sends its first chunk at once and one more every 20 ms; a bare passthrough with the same server
and client library as Sekisho. No text was sent twice but for the earlier turns of the conversations. Milliseconds,
p50 / p95; "added" is Sekisho's p50 and p95 less the passthrough's.

## Time to first byte, eight streams under way

{count[steady]} requests a cell. Each stream lasts half a second and the next follows at once: sixteen new requests a second,
more than eight people bring about. Aim: at most 5 ms added.

{steady}

## Time to first byte, one request after another

{count[alone]} requests a cell: what a request costs when nobody is before it.

{alone}

## Time to first byte, eight requests at the same instant

{count[burst]} requests a cell. One thread searches them in turns, so most of the time is waiting for the others.

{burst}

## Every chunk: from being sent by the upstream to the caller

Where nothing is collected, a chunk comes long before the next one is sent (20 ms later). What the guard on the reply
must hold back (the beginning of a placeholder or of a number) would show here; this reply has neither.

{pieces}

## The other runs: milliseconds added to the passthrough's p50

{others}

## Where the milliseconds are, and what was tried

For a short prompt, one after another: the record made durable before a byte leaves 1.4 to 5 (most of it the disk's own
fsync), the search on its thread 1 to 2.5, the upstream's connection and first chunk 0.7 to 1.5, all else about 1. For
longer prompts the search is nearly everything; one thread is busy to the brim with eight long prompts a second.

- The ledger on a disk of memory, to see what the disk costs: 9.9 became 6.6 (short), 21 became 18 (mail). The promise
  "no record, no call" is worth these milliseconds.
- A shorter turn between threads (0.2 ms instead of 1): slower.
- No search of finished answers: no clear gain.
- Connections kept open to the upstream: about 1.5 less. Given up, because on a shared connection what a server says
  once too often is taken for the answer to the next person (proxy/providers/line.py).
- The reply's path was cut to a third of its CPU time a chunk (proxy/walk.py): less waiting with many streams.

## Again

```
make bench-first-byte ARGS="--out docs/time-to-first-byte.md"    # three runs, about twelve minutes
make bench-first-byte ARGS="--runs 1 --rounds 2"                 # about one minute
```
"""


if __name__ == "__main__":
    sys.exit(main())
