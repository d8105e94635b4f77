"""Where a ledger lies: a SQLite file or a PostgreSQL database. Opens nothing.

var/ledger.sqlite                          a path
sqlite:///var/ledger.sqlite                three slashes: a relative path; four: an absolute one
postgresql://user@host:5432/sekisho        as libpq writes it; a password is better kept in ~/.pgpass
"""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Address:
    """One of the two. ``str()`` is fit for people and logs: it never shows a password."""

    path: Path | None = None
    url: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        if self.url is None:
            return str(self.path)
        where, _, settings = self.url.partition("://")[2].partition("?")
        if "@" in settings:
            return "postgresql://…"  # a "?" in a password, or an "@" in a setting: nobody can tell
        return f"postgresql://{where.rpartition('@')[2]}"


def address_of(address: "str | Path | Address") -> Address:
    """Raises ValueError, with a sentence, for what is neither a SQLite file nor a PostgreSQL database."""
    if isinstance(address, Address):
        return address
    if isinstance(address, Path):
        return Address(address)
    scheme, separator, rest = address.partition("://")
    if not separator:
        return Address(Path(address))
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return Address(Path(unquote(rest[1:])))
    if scheme in {"postgresql", "postgres"} and rest:
        return Address(url=f"postgresql://{rest}")
    raise ValueError(f"{scheme}:// is no address of a ledger: use a path, sqlite:///PATH or postgresql://…")
