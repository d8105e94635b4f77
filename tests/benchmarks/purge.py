"""How long everybody else waits while a SQLite ledger is purged: each figure is one transaction.

    .venv/bin/python tests/benchmarks/purge.py

Two chains of 200,000 records of about 800 bytes; one has 20,000 masked texts of 1.8 kB, which go before its
records. Rows are put in past the ledger (their hashes are none), for only removing is measured. Bringing the log
into the file comes after each transaction and makes nobody wait: it is measured apart. Judges nothing; takes about a
minute and 1 GB.
"""

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from audit.address import Address
from audit.names import exchange_id
from audit.stores import install, place_of, shredder
from tests.audit.ledgers import LAWS, asked

RECORDS, TEXTS, PORTION = 200_000, 20_000, 5_000

FIRST = datetime(2021, 10, 1, tzinfo=UTC)


def fill(path: Path) -> None:
    """Without the laws that look at what is put in; those against removing stay."""
    body = json.dumps(asked(), ensure_ascii=False)
    with closing(sqlite3.connect(path, isolation_level=None)) as sql:
        for law in LAWS:
            if not law.endswith(("deleted", "changed")):
                sql.execute(f"DROP TRIGGER IF EXISTS {law}")
        sql.execute("BEGIN")
        for writer in ("a", "b"):
            rows = (
                (writer, i, f"2021-10-01T03:00:00.{i:06}Z", ("answered", "asked")[i % 2],
                 exchange_id(FIRST + timedelta(seconds=i)), 2 - i % 2, body, "a" * 64, "0" * 64, f"{i:064}")
                for i in range(1, RECORDS + 1)
            )  # fmt: skip
            sql.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        texts = (("a", i, f"{i:064}", "本文" * 300) for i in range(1, TEXTS + 1))
        sql.executemany("INSERT INTO texts VALUES (?, ?, ?, ?)", texts)
        sql.execute("COMMIT")


@contextmanager
def measured(what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"{what:60} {time.perf_counter() - began:6.2f} s")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.sqlite")
        place = place_of(Address(path))
        with place.writer(create=True).connect() as connection, connection.begin():
            install(place, connection, create=True)
        fill(path)
        with place.writer(create=False).connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 0")
            connection.commit()
            for portion in range(TEXTS // PORTION):
                with measured(f"{PORTION} texts"), connection.begin():
                    shredder.permit(connection, ["a"], "texts", "now")
                    shredder.erase_texts(
                        connection, "a", range(1 + PORTION * portion, PORTION * (portion + 1) + 1)
                    )
            with measured(f"a chain of {RECORDS} records"), connection.begin():
                shredder.permit(connection, ["a"], "records", "now")
                shredder.remove_chains(connection, ["a"])
            with measured("the log emptied into the file"):
                shredder.wipe_log(place)


if __name__ == "__main__":
    main()
