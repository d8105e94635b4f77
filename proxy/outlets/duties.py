"""The outlets as duties of the house: each follows the ledger with a position of its own, kept as ``outlet:NAME``."""

from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, Protocol

from audit.address import Address
from audit.exports.rfc5424 import FACILITIES, Sender
from audit.following import Entry
from audit.ledger import Ledger
from policies.complaints import PolicyError, Words
from proxy.followers import Follower, Sink
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from proxy.outlets.otlp import OtlpSink, Receiver
from proxy.outlets.papers import Unusable, context_for
from proxy.outlets.syslog_tls import How, SyslogSink
from proxy.outlets.terms import Listed, OtlpForm, OutletForm, SyslogForm, this_host
from proxy.outlets.tls_line import Server

PREFIX = "outlet:"
"""Of the names under which the positions of outlets are kept."""


class Closing(Sink, Protocol):
    """A sink with a connection."""

    async def greet(self) -> None:
        """Try whether somebody is there who would take records. Raises `NotTaken`."""

    async def close(self) -> None: ...


class Outlet(Follower):
    """A follower whose sink is closed when it stops."""

    def __init__(self, form: OutletForm, ledger: Ledger, book: CursorBook, sink: Closing) -> None:
        super().__init__(
            f"{PREFIX}{form.name}",
            ledger.address,
            book,
            sink,
            wanted=_wanted(form),
            from_first=form.begin == "first",
            own=lambda: ledger.writer,
        )
        self._closing = sink

    async def keep(self) -> NoReturn:
        try:
            await super().keep()
        finally:
            with suppress(Exception):
                await self._closing.close()


def _wanted(form: OutletForm) -> Callable[[Entry], bool]:
    if form.records is None:
        return lambda entry: True
    kinds = frozenset(form.records)
    return lambda entry: entry.record.kind in kinds


def outlets_of(listed: Listed, ledger: Ledger, office: Office) -> tuple[Outlet, ...]:
    """The outlets, not yet begun. Raises PolicyError for what cannot be used: a certificate, a secret."""
    book = CursorBook(office)
    sinks = sinks_of(listed, ledger.address)
    return tuple(Outlet(form, ledger, book, sink) for form, sink in zip(listed.forms, sinks, strict=True))


def sinks_of(listed: Listed, ledger: Address) -> tuple[Closing, ...]:
    """What gives records on; nothing is connected yet. Raises PolicyError with every complaint."""
    complaints, sinks = [], []
    for i, form in enumerate(listed.forms):
        try:
            sinks.append(_sink(form, ledger))
        except Unusable as error:
            complaints.append(listed.complain(i, error.words))
    if complaints:
        raise PolicyError(complaints)
    return tuple(sinks)


def _sink(form: OutletForm, ledger: Address) -> Closing:
    if isinstance(form, SyslogForm):
        server = Server(
            form.host, form.port, context_for(form.ca, form.certificate, form.key), form.server_name or ""
        )
        sender = Sender(this_host(form.hostname), FACILITIES[form.facility], form.enterprise)
        return SyslogSink(server, How(sender, form.content, form.texts, form.confirm, float(form.timeout)))
    assert isinstance(form, OtlpForm), "every form has its sink"
    try:
        form.told()
    except UnicodeDecodeError:
        raise Unusable(
            Words("秘密のファイルがUTF-8ではありません。", "the file of a secret is not UTF-8.")
        ) from None
    except OSError as error:
        raise Unusable(
            Words(
                f"秘密のファイル {error.filename} を読めません({error.strerror})。",
                f"cannot read the secret in {error.filename}: {error.strerror}.",
            )
        ) from None
    except ValueError as error:
        raise Unusable(
            Words(
                f"秘密({error})が空か、一行ではありません。値を一行で入れてください。",
                f"the secret ({error}) is empty or not one line.",
            )
        ) from None
    return OtlpSink(
        Receiver(
            form.url,
            form.told,
            context_for(form.ca, form.certificate, form.key) if form.url.startswith("https:") else None,
            tuple(form.signals),
            form.semconv,
            this_host(form.hostname),
            form.texts,
            float(form.timeout),
        ),
        ledger,
    )
