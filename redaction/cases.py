"""The detector's cases of one installation: sentences in which something was found that is nobody's datum.

    kind: ALL
    found: []
    free:
    - "駅前広場で[PERSON_2_k7q2]さんと待ち合わせます。"
    taken:
      c-5d41402abc4b: {kind: PERSON, on: "2026-11-28"}

The shape of tests/cases/*.yaml, so that the file can be copied there: ``free`` are texts in which nothing may be found,
``found`` texts with what must be. ``taken`` says of a text, by its id, what it was taken for, and when it came in.

A case holds masked text and public words, never a datum. Finding is handed in; this knows no detector and no ledger.
"""

import fcntl
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from redaction.model import IRREVERSIBLE, Finding
from redaction.vault import LITERAL, PLACEHOLDER

Find = Callable[[str], Sequence[Finding]]

LONGEST_WORD = 50
LONGEST_SENTENCE = 300
MOST = 5_000
LARGEST = 4_000_000
"""Bytes of a file of cases."""

_ENDS = re.compile(r"[。!?！？\n]+")
_CONSTANT = re.compile(rf"\[(?:{'|'.join(sorted(IRREVERSIBLE))})\]")
_ANY = re.compile(rf"{PLACEHOLDER.pattern}|{_CONSTANT.pattern}")
_BRACKETS = frozenset("[]［］〔〕")
_KEYS = frozenset({"kind", "found", "free", "taken"})
_ROUNDS = 5
_HEADER = (
    "# この設置場所の、検出器の例(sekisho redact cases)。free は何も見つかってはいけない文、found は見つけるべき文です。\n"
    "# 手で書き足せますが、# の行は次に書き換えたとき残りません。tests/cases/ にそのまま写せます。\n"
    "# Cases of this installation: nothing may be found in what is free. Comments do not outlive the next change.\n"
)


class BadCase(ValueError):
    """What should become a case cannot be one; `ja` and `en` say why and what to do. Holds no text of anybody."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja} / {en}")
        self.ja, self.en = ja, en


class BadFile(BadCase):
    """A file of cases that cannot be used. Nothing in it is changed."""


@dataclass(frozen=True, slots=True)
class Case:
    """A text in which nothing may be found. ``kind``: what was seen in it wrongly; ``on``: the day it came in."""

    text: str
    kind: str = ""
    on: str = ""

    @property
    def digest(self) -> str:
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def id(self) -> str:
        return f"c-{self.digest[:12]}"


@dataclass(frozen=True, slots=True)
class Cases:
    """What stands in a file. ``found``: texts with the values of each kind that must be found in them."""

    kind: str = "ALL"
    found: tuple[tuple[str, Mapping[str, tuple[str, ...]]], ...] = ()
    free: tuple[Case, ...] = ()

    def find(self, id: str) -> Case | None:
        return next((case for case in self.free if case.id == id), None)


@dataclass(frozen=True, slots=True)
class Checked:
    """What today's detector makes of a case: found although it must not be, missed although it must be found."""

    case: Case
    wrong: tuple[tuple[str, str], ...] = ()
    missed: tuple[tuple[str, str], ...] = ()

    @property
    def holds(self) -> bool:
        return not self.wrong and not self.missed


# ── a case out of a masked text ──────────────────────────────────────────────────────────────────


def placeholders(texts: Iterable[str]) -> list[str]:
    """What a false alarm can have left in masked texts, in order, each once."""
    every = (match.group() for text in texts for match in _ANY.finditer(text))
    return [one for one in dict.fromkeys(every) if not one.startswith(f"[{LITERAL}_")]


def taken(
    texts: Sequence[str], placeholder: str, was: str, find: Find, on: str, kind: str | None = None
) -> Case:
    """The sentence around a placeholder, with what a reviewer says stood there; all others stay masked.

    ``kind``: what today's detector takes it for, where that is another kind than the placeholder's. What is newly found
    in the sentence is masked. Raises `BadCase`.
    """
    demand_public(was)
    if placeholder not in placeholders(texts):
        raise _no_such(placeholders(texts))
    text = next(text for text in texts if placeholder in text)
    label = _label(placeholder)
    sentence = "".join(sign if sign.isprintable() else " " for sign in _around(text, placeholder))
    pieces = sentence.split(placeholder)
    allowed = {label, kind or label}
    for _ in range(_ROUNDS):
        sentence = was.join(pieces)
        findings = find(sentence)
        places = _places(pieces, was)
        _demand_same(findings, places, allowed)
        others = [one for one in findings if not any(_touch(one, place) for place in places)]
        if not others:
            return Case(sentence, kind or label, on)
        begins = [0, *(end for _, end in places)]
        pieces = [_masked(piece, others, begin) for piece, begin in zip(pieces, begins, strict=True)]
    raise BadCase(
        "この文には、まだ個人情報に見えるものが残るため、例にできません。",
        "Something in this sentence still looks like personal data, so that it is no case.",
    )


def demand_public(was: str) -> None:
    """Raises `BadCase` for what cannot be a public word: too long, not printable, or a placeholder's bracket in it."""
    if not was or was != was.strip() or len(was) > LONGEST_WORD:
        raise BadCase(
            f"そこに書かれていた公の言葉を、前後の空白なしで1字から{LONGEST_WORD}字で書いてください。",
            f"Write the public words that stood there: 1 to {LONGEST_WORD} characters, no space around them.",
        )
    if not was.isprintable() or _BRACKETS & set(was):
        raise BadCase(
            "そこに書かれていた言葉に、改行などの見えない文字や [ ] は書けません。",
            "The words that stood there hold no line ends, no control characters and no brackets.",
        )


def _no_such(known: Sequence[str]) -> BadCase:
    if not known:
        return BadCase(
            "この文章には伏せ字がありません。規則や警報の誤りは、検出器の例にはなりません。規則なら規則の試験(sekisho policy test)に、"
            "だます文の警報なら tests/cases/attacks/tuning.yaml に {text: 文, kind: harmless か about, language: ja, how: どんな文か} の一行を足してください。",
            "There is no placeholder in this text. A rule or an alarm that was wrong is no case of the detector: add a test to the"
            " rules (sekisho policy test), or for an alarm of an attack a line to tests/cases/attacks/tuning.yaml:"
            " {text, kind: harmless or about, language, how}.",
        )
    return BadCase(
        f"その伏せ字は、この文章にありません。あるのは: {' '.join(known)}",
        f"No such placeholder is in this text. There are: {' '.join(known)}",
    )


def _demand_same(findings: Iterable[Finding], places: Sequence[tuple[int, int]], allowed: set[str]) -> None:
    """What is still found where the word stands is the false alarm, and nothing but it."""
    for one in findings:
        for place in places:
            if not _touch(one, place):
                continue
            if one.label not in allowed:
                raise BadCase(
                    f"その言葉は、いまの検出器では {one.label} に見えます。公の言葉にまちがいなければ --kind {one.label} を付けてください。",
                    f"Today's detector takes these words for {one.label}: if they are public words all the same, add --kind {one.label}.",
                )
            if one.start < place[0] or one.end > place[1]:
                raise BadCase(
                    f"前後の文字とつながって {one.label} に見えるため、例にできません。前後の文字も伏せ字にすべきでないか、確かめてください。",
                    f"Together with what stands beside them the words look like {one.label}: see whether that should be masked as well.",
                )


def _around(text: str, placeholder: str) -> str:
    """The sentence in which a placeholder stands; where it is a long one, what is near, and no placeholder cut in two."""
    at = text.index(placeholder)
    end = at + len(placeholder)
    start = max((match.end() for match in _ENDS.finditer(text, 0, at)), default=0)
    stop = next((match.end() for match in _ENDS.finditer(text, end)), len(text))
    room = max(0, LONGEST_SENTENCE - len(placeholder)) // 2
    first, last = max(start, at - room), min(stop, end + room)
    for match in _ANY.finditer(text, start, stop):
        if match.start() < first < match.end():
            first = match.end()
        if match.start() < last < match.end():
            last = match.start()
    return text[first:last].strip()


def _places(pieces: Sequence[str], was: str) -> list[tuple[int, int]]:
    """Where the words stand between the pieces."""
    places, at = [], 0
    for piece in pieces[:-1]:
        at += len(piece)
        places.append((at, at + len(was)))
        at += len(was)
    return places


def _touch(one: Finding, place: tuple[int, int]) -> bool:
    return one.start < place[1] and one.end > place[0]


def _label(placeholder: str) -> str:
    match = PLACEHOLDER.fullmatch(placeholder)
    return match["label"] if match else placeholder.strip("[]")


def _masked(piece: str, findings: Iterable[Finding], begin: int) -> str:
    """A kind alone stands where something was found in it: that says nothing of anybody."""
    parts, done = [], 0
    for one in sorted(findings, key=lambda one: one.start):
        if begin <= one.start and one.end <= begin + len(piece):
            parts += [piece[done : one.start - begin], f"[{one.label}]"]
            done = one.end - begin
    return "".join([*parts, piece[done:]])


# ── checking ─────────────────────────────────────────────────────────────────────────────────────


def check(cases: Cases, find: Find) -> list[Checked]:
    """What today's detector makes of every case, in the order of the file."""
    checked = []
    for case in cases.free:
        found = ((one.label, case.text[one.start : one.end]) for one in find(case.text))
        checked.append(Checked(case, wrong=tuple(found)))
    for text, finds in cases.found:
        seen = Counter((one.label, text[one.start : one.end]) for one in find(text))
        wanted = Counter((kind, value) for kind, values in finds.items() for value in values)
        checked.append(
            Checked(Case(text), tuple((seen - wanted).elements()), tuple((wanted - seen).elements()))
        )
    return checked


# ── the file ─────────────────────────────────────────────────────────────────────────────────────


def read(path: Path) -> Cases:
    """The cases of a file; none where there is none. Raises `BadFile`."""
    import yaml

    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Cases()
    except OSError as error:
        raise _bad(path, f"読めません({error.strerror})", f"cannot be read ({error.strerror})") from None
    if len(raw) > LARGEST:
        raise _bad(path, f"大きすぎます({LARGEST:,}バイトまで)", f"is larger than {LARGEST:,} bytes")
    try:
        value = yaml.load(raw.decode("utf-8"), Loader=yaml.BaseLoader)
    except UnicodeDecodeError:
        raise _bad(path, "UTF-8のファイルではありません", "is not UTF-8") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{mark.line + 1}行目: " if mark else ""
        raise _bad(
            path, f"{line}YAMLとして読めません", f"is not YAML{f', line {mark.line + 1}' if mark else ''}"
        ) from None
    return _cases(value, path)


def add(path: Path, case: Case, first: Callable[[], None] = lambda: None) -> bool:
    """Put a case behind the others; False where this very text is there already. ``first`` is called before the file is
    changed: what cannot be recorded is not done.

    Raises `BadFile`, OSError, and whatever ``first`` raises.
    """
    with _alone(path):
        cases = read(path)
        if cases.find(case.id) is not None:
            return False
        if len(cases.free) >= MOST:
            raise _bad(
                path,
                f"例は{MOST:,}件までです。古いものを取り除いてください",
                f"holds {MOST:,} cases, which is all it may",
            )
        first()
        _write(path, replace(cases, free=(*cases.free, case)))
        return True


def remove(path: Path, id: str, first: Callable[[Case], None] = lambda case: None) -> Case | None:
    """Take a case out; None where there is none of this id. Raises as `add` does."""
    with _alone(path):
        cases = read(path)
        case = cases.find(id)
        if case is not None:
            first(case)
            _write(path, replace(cases, free=tuple(one for one in cases.free if one.id != id)))
        return case


def _cases(value: Any, path: Path) -> Cases:
    if value in (None, ""):
        return Cases()
    if not isinstance(value, dict) or not value.keys() <= _KEYS:
        raise _bad(
            path,
            "kind・found・free・taken のほかに何かあります",
            "holds something besides kind, found, free and taken",
        )
    told = value.get("taken") or {}
    free = value.get("free") or []
    if not isinstance(free, list) or not all(isinstance(text, str) and text for text in free):
        raise _bad(path, "free は文の並びです", "free is a list of texts")
    if not isinstance(told, dict) or not all(isinstance(one, dict) for one in told.values()):
        raise _bad(path, "taken は番号ごとの kind と on です", "taken has kind and on for each id")
    cases = []
    for case in map(Case, free):
        about = told.get(case.id, {})
        cases.append(replace(case, kind=str(about.get("kind", "")), on=str(about.get("on", ""))))
    found = tuple(_found(value.get("found") or [], path))
    return Cases(str(value.get("kind") or "ALL"), found, tuple(cases))


def _found(entries: Any, path: Path) -> Iterator[tuple[str, Mapping[str, tuple[str, ...]]]]:
    for number, entry in enumerate(entries if isinstance(entries, list) else [None], 1):
        match entry:
            case {"text": str(text), "finds": dict(finds)} if all(map(_is_list, finds.values())):
                yield text, {kind: tuple(values) for kind, values in finds.items()}
            case _:
                raise _bad(
                    path,
                    f"found の{number}番目は {{text: 文, finds: {{種類: [値]}}}} の形です",
                    f"entry {number} of found is not of the form {{text, finds: {{KIND: [value]}}}}",
                )


def _is_list(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _write(path: Path, cases: Cases) -> None:
    """The whole file or the one before it, for its owner and their group."""
    import yaml

    written = {
        "kind": cases.kind,
        "found": [
            {"text": text, "finds": {kind: list(values) for kind, values in finds.items()}}
            for text, finds in cases.found
        ],
        "free": [case.text for case in cases.free],
        "taken": {case.id: {"kind": case.kind, "on": case.on} for case in cases.free if case.kind},
    }
    # Quoted, for plain YAML makes one space of some line ends.
    body = yaml.safe_dump(written, allow_unicode=True, sort_keys=False, width=1_000_000, default_style='"')
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o640)
            file.write(f"{_HEADER}{body}".encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    _sync(path.absolute().parent)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else of this house changes the file meanwhile: the server and a command may want to at once."""
    handle = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _bad(path: Path, ja: str, en: str) -> BadFile:
    return BadFile(
        f"{path.name}: {ja}。ファイルを直すか、よけて(別の名前にして)ください。何も変えていません。",
        f"{path.name} {en}: mend it, or move it away. Nothing was changed.",
    )
