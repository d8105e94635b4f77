"""Whoever reads or decides at the terminal with their own key: who it is, what they see of the ledger, and the record.

Whoever may read the ledger's file reads as the user of the machine; to decide takes a person and a role. The key is
SEKISHO_KEY, or is asked for. Exit status: 0 done, 2 it could not be done, with one sentence on stderr.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from proxy.failing import stop
from proxy.office.desk import at_the_desk

if TYPE_CHECKING:
    from audit.model import Draft
    from audit.readers import Reader
    from audit.review import Review
    from proxy.office.desk import Desk
    from proxy.settings import Settings


@contextmanager
def reading() -> "Iterator[tuple[Reader, Desk, Review]]":
    """The person of the key, their desk, and what they see of the ledger. Whatever is in the way ends with status 2."""
    from audit.address import address_of
    from audit.dispositions import BadDisposition
    from audit.glass import NotOpened
    from audit.incidents.steps import NotDone
    from audit.master import CannotOpen, MasterUnavailable
    from audit.paper.press import CannotPrint
    from audit.query import CANNOT_READ
    from audit.readers import NotForThem
    from audit.review import Review
    from audit.wording import BadWording

    with at_the_desk() as desk:
        reader = _reader(desk)
        try:
            with Review(address_of(desk.settings.ledger_location), reader) as review:
                yield reader, desk, review
        except typer.Exit:  # a RuntimeError, too
            raise
        except NotForThem as refused:
            desk.note(
                "office.refused", {"scope": refused.sight, "person": reader.person, "role": reader.role}
            )
            stop("あなたの役割では、この操作はできません / your role does not allow this")
        except (BadWording, BadDisposition, NotOpened, NotDone, CannotOpen, CannotPrint) as error:
            stop(str(error))
        except MasterUnavailable:
            stop("原文の鍵を使えません。後でやり直してください / the master key cannot be used now")
        except CANNOT_READ:
            stop("台帳を読めません / the ledger cannot be read")


def record(desk: "Desk", *drafts: "Draft") -> None:
    """Nothing is shown or done unless this is durable."""
    from audit.model import CannotRecord
    from proxy.evidence import ledger_of

    ledger = ledger_of(desk.settings, sweeping=False)
    ledger.start()
    try:
        for draft in drafts:
            ledger.append_now(replace(draft, body={**draft.body, "os_user": desk.by}))
    except CannotRecord:
        stop("台帳に書けないため、何もしませんでした / nothing was done, because it cannot be recorded")
    finally:
        ledger.stop()


def demand_nothing_personal(desk: "Desk", written: Sequence[str | None]) -> None:
    """What somebody writes stays in the ledger for years: today's detector looks at it first, as over HTTP."""
    from proxy.office.disclose_command import detector_of
    from proxy.pages.sentences import REASON
    from redaction.model import CannotDetect

    texts = [one for one in written if one]
    if not texts:
        return
    detector = detector_of(desk.settings)
    try:
        found = detector.find_now(texts)
    except CannotDetect:
        stop("個人情報を調べられないため、何もしませんでした / nothing was done: the text cannot be searched")
    finally:
        detector.close()
    if any(found):
        stop(f"{REASON['personal'].ja} / {REASON['personal'].en}")


def taking_part() -> "tuple[str, Settings]":
    """The key of whoever takes part in a drill now, and the settings. Ends with status 2 for any other key: what is sent
    for a drill must not be recorded as real."""
    with at_the_desk() as desk:
        plain = _plain()
        key = desk.keys.find(plain) if plain else None
        if key is None or key.drilling(datetime.now(UTC)) is None:
            stop(
                "訓練に参加しているキーを SEKISHO_KEY に入れてください(sekisho drill start の --key)"
                " / put a key that takes part in a drill into SEKISHO_KEY"
            )
        return plain, desk.settings


def _plain() -> str:
    plain = os.environ.get("SEKISHO_KEY", "")
    if not plain and sys.stdin.isatty() and sys.stderr.isatty():
        plain = typer.prompt("あなたのキー / Your key", hide_input=True, err=True)
    return plain.strip()


def _reader(desk: "Desk") -> "Reader":
    """Whoever's personal key it is. Ends with status 2 where it is nobody's who is enrolled today."""
    from audit.readers import reader_of
    from policies.days import day_of
    from proxy.office.roster import Needed, standing

    plain = _plain()
    on = day_of(datetime.now(UTC))
    try:
        key = desk.keys.find(plain) if plain else None
    except (OSError, ValueError):
        stop("関所の秘密を読めません。SEKISHO_HOME を確かめてください / the house's secret cannot be read")
    if key is None or key.person is None or key.oidc_client is not None or not key.counts(on):
        stop(
            "あなた個人のキーを SEKISHO_KEY に入れてください。ツールのキーと、期間の過ぎたキーは使えません"
            " / put your personal key into SEKISHO_KEY; a tool's key, or one that is over, does not count"
        )
    page = desk.people.page(key.person)
    is_now = standing(page, on, Needed((), 0, "")) if page else None
    if is_now is None or not is_now.enrolled or is_now.kind == "robot":
        stop("今日は利用登録がありません。所属長に申し込んでください / you are not enrolled on this day")
    return reader_of(key.person, is_now.role, is_now.department or "", is_now.section or "")
