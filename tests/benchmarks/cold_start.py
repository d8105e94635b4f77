"""How long a cold start takes until /readyz says 200, and how much memory the server then holds.

    make bench                       or   .venv/bin/python tests/benchmarks/cold_start.py --runs 5

Starts `sekisho demo` on a free port with an upstream that nobody listens at, several times, and prints one
table with the conditions of the machine. Aim: 6 s and 350 MB with litellm not loaded. Judges nothing: a
figure without its date and machine is no figure, so both are printed with it. Linux only (/proc).
"""

import argparse
import contextlib
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0
"""Seconds to wait for one start before giving up."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds to the first answer of any kind and to ready; MB now and at the highest."""

    listening: float
    ready: float
    resident: float
    peak: float
    processes: int
    litellm: bool


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def status(url: str) -> int | None:
    """HTTP status of a GET, None where nobody listens. Asks no web proxy of the machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            code: int = answer.status
            return code
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def tree(pid: int) -> list[int]:
    """The process and all that came from it."""
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in task.read_text().split()]
    return [pid, *(one for child in children for one in tree(child))]


def megabytes(pid: int, field: str) -> float:
    """VmRSS or VmHWM of one process, in MB of 1024 x 1024 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


def has_litellm(pid: int) -> bool:
    """litellm is pure Python and leaves no trace in the maps; the tokenizers it always brings do."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return "/tiktoken/" in maps or "/tokenizers/" in maps


@contextlib.contextmanager
def demo(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`sekisho demo` in a folder of its own; ended and cleared away whatever happens."""
    folder = tempfile.mkdtemp(prefix="sekisho-bench-")
    command = [sys.executable, "-m", "proxy", "demo", "--port", str(port), "--dir", folder]
    command += ["--upstream", f"http://127.0.0.1:{free_port()}/v1", "--key", "sk-bench"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def measure() -> Start:
    """Start once and look. Raises RuntimeError when the server ends or is never ready."""
    port = free_port()
    begin = time.perf_counter()
    listening = None
    with demo(port) as process:
        while time.perf_counter() - begin < PATIENCE:
            code = status(f"http://127.0.0.1:{port}/readyz")
            now = time.perf_counter() - begin
            listening = listening or (now if code else None)
            if code == 200:
                return look(process.pid, listening or now, now)
            if process.poll() is not None:
                raise RuntimeError(f"sekisho demo ended with status {process.returncode}")
            time.sleep(0.02)
    raise RuntimeError(f"not ready after {PATIENCE:.0f} s")


def look(pid: int, listening: float, ready: float) -> Start:
    """Memory of the whole process tree at the moment it is ready."""
    pids = tree(pid)
    return Start(
        listening=listening,
        ready=ready,
        resident=sum(megabytes(one, "VmRSS") for one in pids),
        peak=sum(megabytes(one, "VmHWM") for one in pids),
        processes=len(pids),
        litellm=any(has_litellm(one) for one in pids),
    )


def conditions() -> str:
    """Date, Python, cores and load: without these the figures below say nothing."""
    load = " ".join(f"{one:.2f}" for one in os.getloadavg())
    when = datetime.now().astimezone().isoformat(timespec="minutes")
    cores = len(os.sched_getaffinity(0))
    return f"{when}  Python {platform.python_version()}  {platform.machine()}  {cores} cores  load {load}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5, help="how many starts to measure (default 5)")
    runs = max(1, parser.parse_args().runs)
    print(conditions())
    print("run  listening s  ready s  resident MB  peak MB  processes  litellm")
    starts = []
    for number in range(1, runs + 1):
        try:
            one = measure()
        except RuntimeError as error:
            print(f"測れませんでした。 Could not measure: {error}", file=sys.stderr)
            return 2
        starts.append(one)
        print(
            f"{number:3}  {one.listening:11.2f}  {one.ready:7.2f}  {one.resident:11.0f}  {one.peak:7.0f}"
            f"  {one.processes:9}  {'loaded' if one.litellm else 'no'}"
        )
    ready, resident = [one.ready for one in starts], [one.resident for one in starts]
    print(
        f"中央値 median: ready {statistics.median(ready):.2f} s (最大 worst {max(ready):.2f}), "
        f"resident {statistics.median(resident):.0f} MB"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
