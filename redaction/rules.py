"""Rules without code: kinds of personal data that a city adds in a YAML file, made into recognisers.

Strict: whatever is not understood is refused with file and line, and a pattern that could take long on any
text is refused before it sees one. Never fetches anything and never runs what stands in the file::

    - kind: CITY_LIBRARY_CARD
      ja: 図書館カード番号
      pattern: "L[0-9]{7}"
      cues: [図書館, 利用カード]
      score: 0.8

``rules.example.yaml`` explains every field.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redaction import cues
from redaction.folding import fold
from redaction.page import Hit, Page
from redaction.patterns import trouble

if TYPE_CHECKING:
    from redaction.recognizers.base import Recognizer

LARGEST = 1_000_000
"""Bytes of a rules file."""

_FIELDS = ("kind", "ja", "pattern", "words", "cues", "score")
_KIND = re.compile(r"[A-Z][A-Z0-9_]{2,39}")
_PATTERN_SCORE, _WORD_SCORE = 0.6, 0.9


class RulesError(ValueError):
    """A rules file cannot be used. ``complaints`` are its lines: "city.yaml:3: 日本語 / English"."""

    def __init__(self, complaints: Iterable[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("\n".join(self.complaints))


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a file. ``pattern`` is compiled from the entry's pattern or words; ``cue`` is None
    where none is asked for."""

    place: str
    kind: str
    ja: str
    pattern: "re.Pattern[str]"
    cue: "re.Pattern[str] | None"
    score: float

    def find(self, page: Page) -> Iterator[Hit]:
        """Where it stands in the folded text: whole words, and beside a cue where one is asked for."""
        for match in self.pattern.finditer(page.text):
            start, end = match.span()
            if _whole(page.text, start, end) and self._cued(page, start, end):
                yield Hit(start, end, self.score, "pattern" if self.cue is None else "cue")

    def _cued(self, page: Page, start: int, end: int) -> bool:
        if self.cue is None:
            return True
        return (
            cues.before(page.text, start, self.cue)
            or cues.after(page.text, end, self.cue)
            or cues.under(page, start, end, self.cue)
        )


def rules(path: Path) -> "list[Recognizer]":
    """Presidio recognisers, one for each entry of a file. Raises RulesError with every complaint."""
    return [_recognizer(rule) for rule in read(path)]


def read(path: Path) -> tuple[Rule, ...]:
    """The rules of a file, unloaded. Raises RulesError."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise RulesError([_say(path.name, 0, "読めません。", "cannot be read as UTF-8.")]) from None
    if len(content) > LARGEST:
        raise RulesError([_say(path.name, 0, "大きすぎます。", f"larger than {LARGEST:,} bytes.")])
    return parse(text, path.name)


def parse(text: str, file: str = "rules.yaml") -> tuple[Rule, ...]:
    """The rules in a text; ``file`` is its name in complaints. Raises RulesError."""
    complaints: list[str] = []
    found = [_rule(entry, file, complaints) for entry in _entries(text, file)]
    if complaints:
        raise RulesError(complaints)
    return tuple(rule for rule in found if rule is not None)


def _recognizer(rule: Rule) -> "Recognizer":
    from redaction.recognizers.base import Recognizer

    class RuleRecognizer(Recognizer):
        """One rule of a file; named after its file and line."""

        kind = rule.kind
        ja = rule.ja

        def __init__(self) -> None:
            super().__init__()
            self.file = rule.place
            self.name: str = rule.place

        def find(self, page: Page) -> Iterable[Hit]:
            return rule.find(page)

    return RuleRecognizer()


def _entries(text: str, file: str) -> list[Any]:
    """The mappings of the list a file is, as YAML nodes: they know their lines, and their values are text."""
    import yaml

    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken | yaml.TagToken):
                line = token.start_mark.line + 1
                raise RulesError(
                    [_say(file, line, "&、*、! は使えません。", "anchors, aliases and tags are not allowed.")]
                )
            root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 0
        raise RulesError([_say(file, line, "YAMLとして読めません。", "is not YAML.")]) from None
    if root is None:
        return []
    if root.id != "sequence" or any(node.id != "mapping" for node in root.value):
        raise RulesError(
            [
                _say(
                    file,
                    1,
                    "「- kind: …」の並びにしてください。",
                    "must be a list of entries that begin '- kind: …'.",
                )
            ]
        )
    return list(root.value)


def _rule(entry: Any, file: str, complaints: list[str]) -> Rule | None:
    before = len(complaints)
    fields = _fields(entry, file, complaints)
    line = entry.start_mark.line + 1
    kind, ja = _text(fields, "kind"), _text(fields, "ja")
    if not _KIND.fullmatch(kind):
        where = _line(fields, "kind", line)
        complaints.append(
            _say(
                file,
                where,
                "kind は英大文字・数字・_ で3字以上です。",
                "kind must be capitals, digits and _, such as CITY_CARD.",
            )
        )
    if not ja.strip():
        where = _line(fields, "ja", line)
        complaints.append(
            _say(file, where, "ja に日本語の名前を書いてください。", "ja must be the kind's Japanese name.")
        )
    pattern = _pattern(fields, file, line, complaints)
    cue = _words(fields, "cues", file, complaints)
    score = _score(fields, file, complaints)
    if len(complaints) > before or pattern is None:
        return None
    return Rule(f"{file}:{line}", kind, ja.strip(), pattern, cue, score)


def _fields(entry: Any, file: str, complaints: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in entry.value:
        line, name = key.start_mark.line + 1, str(key.value)
        if name not in _FIELDS:
            known = ", ".join(_FIELDS)
            complaints.append(
                _say(
                    file,
                    line,
                    f"「{name}」は知らない項目です({known})。",
                    f"unknown field '{name}'; known: {known}.",
                )
            )
        elif name in fields:
            complaints.append(_say(file, line, f"「{name}」が二度あります。", f"'{name}' stands twice."))
        else:
            fields[name] = value
    return fields


def _pattern(fields: dict[str, Any], file: str, line: int, complaints: list[str]) -> "re.Pattern[str] | None":
    if ("pattern" in fields) == ("words" in fields):
        complaints.append(
            _say(
                file, line, "pattern か words の一方だけを書いてください。", "write either pattern or words."
            )
        )
        return None
    if "words" in fields:
        return _words(fields, "words", file, complaints)
    written, where = _text(fields, "pattern"), _line(fields, "pattern", line)
    wrong = trouble(written)
    if wrong:
        complaints.append(_say(file, where, *wrong))
        return None
    return re.compile(written)


def _words(fields: dict[str, Any], name: str, file: str, complaints: list[str]) -> "re.Pattern[str] | None":
    if name not in fields:
        return None
    node = fields[name]
    words = [str(item.value) for item in node.value] if node.id == "sequence" else []
    scalars = node.id == "sequence" and all(item.id == "scalar" for item in node.value)
    folded = [fold(word.strip()).text for word in words] if scalars else []
    if not folded or not all(folded):
        line = node.start_mark.line + 1
        complaints.append(
            _say(
                file,
                line,
                f"{name} は [語, 語] の形で書いてください。",
                f"{name} must be a list: [word, word].",
            )
        )
        return None
    return re.compile(
        "|".join(re.escape(word) for word in sorted(set(folded), key=lambda word: (-len(word), word)))
    )


def _score(fields: dict[str, Any], file: str, complaints: list[str]) -> float:
    if "score" not in fields:
        return _WORD_SCORE if "words" in fields or "cues" in fields else _PATTERN_SCORE
    written = _text(fields, "score")
    if re.fullmatch(r"(?:0\.[0-9]{1,4}|1(?:\.0{1,4})?)", written) and float(written) > 0:
        return float(written)
    complaints.append(
        _say(
            file,
            _line(fields, "score", 0),
            "score は 0.01 から 1.0 です。",
            "score must be from 0.01 to 1.0.",
        )
    )
    return 0.0


def _text(fields: dict[str, Any], name: str) -> str:
    node = fields.get(name)
    return str(node.value) if node is not None and node.id == "scalar" else ""


def _line(fields: dict[str, Any], name: str, otherwise: int) -> int:
    return fields[name].start_mark.line + 1 if name in fields else otherwise


def _say(file: str, line: int, ja: str, en: str) -> str:
    return f"{file}:{line}: {ja} / {en}" if line else f"{file}: {ja} / {en}"


def _whole(text: str, start: int, end: int) -> bool:
    """Not a part of a longer number or Latin word."""
    return not (_joined(text[start - 1 : start], text[start]) or _joined(text[end : end + 1], text[end - 1]))


def _joined(outside: str, inside: str) -> bool:
    return outside.isascii() and outside.isalnum() and inside.isascii() and inside.isalnum()
