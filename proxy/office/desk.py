"""The desk at which a book is changed: the office, the ledger that notes each change, and who is at work.

A change is noted before it is made; one that cannot be noted is not made. What cannot be done is a `Fault`: a
command tells it in one sentence and ends, the admin API tells it as an error.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from policies.model import Bilingual
from proxy.failing import stop

if TYPE_CHECKING:
    from audit.ledger import Ledger
    from proxy.home import Home
    from proxy.office.keys import KeyBook
    from proxy.office.people import PeopleBook
    from proxy.office.store import Office
    from proxy.settings import Settings

FaultKind = Literal["wrong", "missing", "taken", "forbidden", "unavailable"]


class Fault(Exception):
    """What was asked of a book cannot be done: why, and what to do instead. Never holds what is personal.

    ``kind``: the request is ``wrong``, what it speaks of is ``missing`` or ``taken``, whoever asks is ``forbidden``
    to, or the books or the ledger are ``unavailable``.
    """

    def __init__(self, ja: str, en: str, kind: FaultKind = "wrong") -> None:
        super().__init__(f"{ja} / {en}")
        self.says = Bilingual(ja, en)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Desk:
    """An open office. ``by`` is who is at work; ``ledger`` the running house's, None at a terminal."""

    settings: "Settings"
    office: "Office"
    home: "Home"
    by: str
    ledger: "Ledger | None" = None

    @property
    def keys(self) -> "KeyBook":
        """Raises OSError or ValueError where the house's secret cannot be read."""
        from proxy.office.keys import KeyBook

        return KeyBook(self.office, self.home.secret())

    @property
    def people(self) -> "PeopleBook":
        from proxy.office.people import PeopleBook

        return PeopleBook(self.office)

    def note(self, event: str, facts: Mapping[str, Any]) -> None:
        """Note a change in the ledger before it is made. Raises `Fault` where that cannot be done."""
        from audit.model import CannotRecord, Draft
        from proxy.office.noting import note

        try:
            if self.ledger is None:
                note(self.settings, event, {"by": self.by, **facts})
            else:
                self.ledger.append_now(Draft("noted", None, {"event": event, "by": self.by, **facts}))
        except CannotRecord:
            raise Fault(
                "台帳に書けないため変更しませんでした。",
                "the ledger cannot be written, so nothing was changed.",
                "unavailable",
            ) from None
        except (OSError, ValueError) as error:
            raise Fault("台帳を開けません。", f"cannot open the ledger: {error}", "unavailable") from None


@contextmanager
def at_the_desk() -> Iterator[Desk]:
    """The office of the settings, for a command. Whatever cannot be done ends it with one sentence and status 2."""
    from audit.commands.desk import os_user
    from proxy.evidence import has_own_key
    from proxy.home import prepare
    from proxy.office.store import office_of
    from proxy.office.tables import SQLAlchemyError
    from proxy.settings import BadSettings, read

    try:
        settings = read()
        home = prepare(settings.home, own_key=has_own_key(settings))
        home.secret()
        office = office_of(settings)
    except (BadSettings, RuntimeError) as error:
        stop(str(error))
    except (OSError, ValueError, SQLAlchemyError):
        stop(_NO_BOOKS)
    try:
        yield Desk(settings, office, home, os_user())
    except Fault as fault:
        stop(str(fault))
    except SQLAlchemyError:
        stop(_NO_BOOKS)
    finally:
        office.close()


_NO_BOOKS = (
    "帳簿を開けません。SEKISHO_HOME と SEKISHO_OFFICE を確かめてください"
    " / cannot use the office's books; check SEKISHO_HOME and SEKISHO_OFFICE"
)
