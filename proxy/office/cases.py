"""A false alarm becomes a case of the detector: out of a masked text that a reviewer disposed as 誤検出. Faults are `Fault`.

What stood there the reviewer says; everything else stays masked. It is noted in the ledger, by its digest, before the file
is changed. The file itself: redaction/cases.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from audit.months import JST
from audit.numbers import may_be_somebodys
from audit.review import Timeline
from audit.said import said
from audit.wording import BadWording
from audit.wording import reason as sound_reason
from proxy.home import Home
from proxy.office.desk import Desk, Fault
from redaction import cases
from redaction.cases import BadCase, BadFile, Case, Find

Note = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reviewer says of one placeholder. ``kind``: what it is taken for today, where that is another kind."""

    placeholder: str
    was: str
    reason: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A case, whether it is ``new``, and whether today's detector still ``finds`` something in it."""

    case: Case
    new: bool
    finds: bool

    def plain(self) -> dict[str, Any]:
        case = self.case
        told = {"case": case.id, "kind": case.kind, "text": case.text, "sha256": case.digest, "on": case.on}
        return told | {"added": self.new, "still_found": self.finds}


def file_of(home: Home) -> Path:
    """The cases of an installation."""
    return home.path / "cases.yaml"


def demand_words(asked: Asked) -> None:
    """Raises `Fault` for words that are none to be kept, before anything is looked at."""
    try:
        sound_reason(asked.reason)
        cases.demand_public(asked.was)
    except (BadWording, BadCase) as error:
        raise Fault(error.ja, error.en) from None
    if may_be_somebodys(asked.was):
        raise Fault(
            "そこに書かれていた言葉が、個人番号・住民票コードに見えます。公の言葉だけを例にできます。",
            "What stood there looks like a My Number or a resident code: only public words become a case.",
        )


def take(shown: Timeline, asked: Asked, find: Find, file: Path, now: datetime, note: Note) -> Taken:
    """Take a false alarm over into the cases; ``note`` records it before the file is changed. Raises `Fault`, CannotDetect."""
    demand_words(asked)
    texts = _texts(shown)
    try:
        on = now.astimezone(JST).date().isoformat()
        case = cases.taken(texts, asked.placeholder, asked.was, find, on, asked.kind)
        if may_be_somebodys(case.text):
            raise Fault(
                "この文には、個人番号・住民票コードに見える数字が残っているため、例にできません。",
                "A number in this sentence looks like a My Number or a resident code, so that it is no case.",
            )
        facts = {
            "exchange": shown.asked.exchange,
            "subject": shown.card["person"],
            "kind": case.kind,
            "case": case.id,
            "sha256": case.digest,
            "reason": sound_reason(asked.reason),
        }
        finds = bool(find(case.text))
        new = cases.add(file, case, lambda: note("case.taken", facts))
    except (BadCase, BadWording) as error:
        raise _fault(error) from None
    except OSError as error:
        raise _cannot_write(error) from None
    return Taken(case, new, finds)


def drop(desk: Desk, id: str) -> Case:
    """Take a case out again; noted before. Raises `Fault`."""
    facts: dict[str, Any] = {"case": id}
    try:
        gone = cases.remove(
            file_of(desk.home), id, lambda case: desk.note("case.removed", facts | {"sha256": case.digest})
        )
    except BadFile as error:
        raise _fault(error) from None
    except OSError as error:
        raise _cannot_write(error) from None
    if gone is None:
        raise Fault(
            f"{id} という例はありません。sekisho redact cases list で確かめてください。",
            f"there is no case {id}: see sekisho redact cases list.",
            "missing",
        )
    return gone


def _texts(shown: Timeline) -> list[str]:
    """What was asked and answered, of an exchange of which a reviewer said that it was a false alarm. Raises `Fault`."""
    if shown.card["disposition"] != "false_alarm":
        raise Fault(
            "このやり取りの扱いは誤検出(false_alarm)ではありません。先に審査者が扱いを決めてください(docs/review.md)。",
            "this exchange is not disposed as a false alarm: a reviewer does that first (docs/review.md).",
            "forbidden",
        )
    both = [text for text in (shown.asked_text, shown.answer_text) if text is not None]
    if not both:
        raise Fault(
            "このやり取りの文章は、保存期間が過ぎて消去されたか、はじめからありません。例にできません。",
            "the texts of this exchange were erased, or there never were any: nothing is left to make a case of.",
            "missing",
        )
    return [one.text for text in both for one in said(text)]


def _fault(error: BadCase | BadWording) -> Fault:
    return Fault(error.ja, error.en, "unavailable" if isinstance(error, BadFile) else "wrong")


def _cannot_write(error: OSError) -> Fault:
    return Fault(
        "例のファイル cases.yaml に書けません。SEKISHO_HOME の権限と空きを確かめてください。",
        f"cases.yaml cannot be written ({error.strerror}): check SEKISHO_HOME.",
        "unavailable",
    )
