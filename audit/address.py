"""Where a ledger lies: a path, or a URL such as ``sqlite:///var/ledger.sqlite``. Opens nothing."""

from pathlib import Path
from urllib.parse import unquote


def ledger_path(address: str | Path) -> Path:
    """The file of a ledger. Three slashes: a relative path; four: an absolute one (as sqlalchemy has it).

    Raises ValueError, with a sentence, for a ledger that does not lie in a SQLite file.
    """
    if isinstance(address, Path):
        return address
    scheme, separator, rest = address.partition("://")
    if not separator:
        return Path(address)
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return Path(unquote(rest[1:]))
    if scheme.startswith("postgres"):
        raise ValueError("a ledger in PostgreSQL is not supported yet: use a path or sqlite:///PATH")
    raise ValueError(f"{scheme}:// is no address of a ledger: use a path or sqlite:///PATH")
