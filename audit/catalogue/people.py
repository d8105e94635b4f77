"""Everybody whom the catalogue knows by an id: who asked, who looked, who did something. Shown to nobody as it is.

It is asked so that ids of other people can be taken out of what is given to one person (audit/disclosed.py).
"""

from audit.address import Address
from audit.catalogue.filling import catch_up
from audit.stores.shelf import text

_EVERYBODY = (
    "SELECT DISTINCT person AS id FROM cards WHERE person IS NOT NULL"
    " UNION SELECT DISTINCT who FROM events WHERE who IS NOT NULL"
    " UNION SELECT DISTINCT subject FROM events WHERE subject IS NOT NULL"
)


def everybody(ledger: Address) -> frozenset[str]:
    """Their ids, and the names of machines' users. Raises one of query.CANNOT_READ without a ledger."""
    engine = catch_up(ledger).reader()
    try:
        with engine.connect() as connection:
            return frozenset(row.id for row in connection.execute(text(_EVERYBODY)))
    finally:
        engine.dispose()
