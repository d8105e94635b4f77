"""Reads policy files: the only place where YAML becomes values. Strict, and every complaint has its line.

Never decides anything and never fetches anything: a policy is a local file. Refused besides broken YAML:
duplicate keys, aliases, tags, empty values, and scalars that YAML reads otherwise than people do (yes, 010).
"""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from policies import complaints as say
from policies.complaints import CannotRead, Complaint, PolicyError, Words
from policies.conditions import conditions_of, conjunction
from policies.decide import Policy, Reveal, Rule
from policies.document import Document, Place
from policies.model import Bilingual
from policies.schema import PolicyForm, RuleForm, SentencePair
from policies.vocabulary import ENTITY_TYPES as ENTITY_TYPES

CITIES = Path(__file__).parent / "cities"
LARGEST = 1_000_000
DEEPEST = 30
"""A policy is read by people: what is larger (bytes) or deeper (levels) than this is not one."""


def load(source: str | Path, entity_types: Sequence[str] = ENTITY_TYPES) -> Policy:
    """Load a policy by name (``takatsuki``) or by path. Raises PolicyError with every complaint found.

    ``entity_types`` are the types that rules may name; an ask that holds any other will be refused.
    """
    path = find(source)
    return parse(read(path), str(path), entity_types)


def parse(
    content: bytes | str,
    file: str = "policy.yaml",
    entity_types: Sequence[str] = ENTITY_TYPES,
) -> Policy:
    """Compile the text of a policy file; ``file`` is its name in complaints. Raises PolicyError."""
    document = read_yaml(content, file)
    form = document.checked(PolicyForm, {"entity_types": tuple(entity_types)})
    repeated = _repeated_ids(document, form)
    if repeated:
        raise PolicyError(repeated)
    return Policy(
        name=form.name,
        version=form.version,
        digest=digest_of(document.data),
        title=_bilingual(form.title),
        rules=tuple(_rule(rule) for rule in form.rules),
        entity_types=frozenset(entity_types),
        effective=form.effective,
        author=form.author,
        approver=form.approver,
        originals_days=form.originals.keep_days if form.originals else 0,
    )


def city_names() -> tuple[str, ...]:
    """The policies that ship, by name."""
    return tuple(sorted(path.stem for path in CITIES.glob("*.yaml") if not path.name.endswith(".tests.yaml")))


def find(source: str | Path) -> Path:
    """The file meant by a name or a path. Whatever has a suffix or a slash is a path. Raises CannotRead."""
    if isinstance(source, Path) or "/" in source or "\\" in source or "." in source:
        return Path(source)
    if source not in city_names():
        words = say.unknown(Words("方針の名前", "policy name"), source, city_names(), {})
        ja = f"{words.ja} ファイルなら、.yaml まで書いてください。"
        en = f"{words.en} For a file, write its name with .yaml."
        raise CannotRead([Complaint(source, None, ja, en)])
    return CITIES / f"{source}.yaml"


def read(path: Path) -> bytes:
    """The bytes of a file, or CannotRead that says why not."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        ja = f"このファイルは読めません({reason})。名前と置き場所、読む権限を確かめてください。"
        en = f"cannot read this file ({reason}); check its name, place and permissions."
        raise CannotRead([Complaint(str(path), None, ja, en)]) from error


def digest_of(data: Any) -> str:
    """sha256 (64 hex digits) of the canonical JSON: sorted keys, no spaces, UTF-8. Comments do not count."""
    canonical = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_yaml(content: bytes | str, file: str) -> Document:
    """YAML as plain values with their lines. Raises PolicyError; what is refused stands at the top."""
    text = _decoded(content, file)
    try:
        node = _Composer(text).get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyError([Complaint(file, line, *UNREADABLE)]) from None
    except yaml.MarkedYAMLError as error:
        raise PolicyError([_broken(error, file)]) from None
    if node is None:
        raise PolicyError([Complaint(file, 1, "このファイルは空です。", "this file is empty.")])
    reader = _Reader(file)
    data = reader.value(node, (), node.start_mark.line + 1)
    if reader.complaints:
        raise PolicyError(reader.complaints)
    return Document(file, data, reader.lines)


UNREADABLE = (
    "使えない制御文字があります。この行を打ち直してください。",
    "there is a control character that cannot be used; type this line again.",
)


def _decoded(content: bytes | str, file: str) -> str:
    if len(content) > LARGEST:
        ja, en = "ファイルが大きすぎます(1 MB まで)。", "this file is too large (1 MB at most)."
        raise PolicyError([Complaint(file, 1, ja, en)])
    if isinstance(content, str):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        ja = "文字コードが UTF-8 ではありません。エディタで UTF-8 を選び、保存し直してください。"
        en = "this is not UTF-8; save the file again as UTF-8."
        raise PolicyError([Complaint(file, line, ja, en)]) from None


def _broken(error: yaml.MarkedYAMLError, file: str) -> Complaint:
    mark = error.problem_mark
    if error.problem in NOTICED_LATE:
        mark = error.context_mark
    ja = "ここで YAML の形が崩れています。字下げ、引用符、全角の「：」「－」や空白、タブを確かめてください。"
    if isinstance(error, _Refused):
        ja = error.ja
    return Complaint(file, mark.line + 1 if mark else None, ja, f"{error.problem}.")


NOTICED_LATE = ("could not find expected ':'", "found unexpected end of stream")
"""Slips that YAML notices lines after they were made: a full-width colon, a quote that is never closed."""


class _Refused(yaml.MarkedYAMLError):
    """Good YAML that has no place in a policy."""

    def __init__(self, mark: yaml.Mark, ja: str, en: str) -> None:
        super().__init__(problem=en, problem_mark=mark)
        self.ja = ja


class _Composer(yaml.SafeLoader):
    """Composes nodes, never objects. An alias would make one line speak for two places, so it is refused."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            ja = '「&」「*」での引用は使えません。文字としての「*」なら引用符を付けて "*" と書きます。'
            en = 'anchors (&) and aliases (*) cannot be used; write it out, or quote "*" if text is meant'
            raise _Refused(event.start_mark, ja, en)
        if getattr(event, "tag", None) is not None:
            ja = "「!」で始まる型の指定は使えません。消すか、文字としての「!」なら引用符を付けてください。"
            raise _Refused(event.start_mark, ja, "tags (!) cannot be used; remove it, or quote the text")
        if self.depth >= DEEPEST:
            raise _Refused(event.start_mark, "入れ子が深すぎます。", "this is nested too deeply")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Reader:
    """Turns nodes into plain values; collects every complaint instead of stopping at the first."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.complaints: list[Complaint] = []

    def value(self, node: yaml.Node, place: Place, line: int) -> Any:
        """The plain value of a node. ``line`` is where its key or list item stands."""
        self.lines[place] = line
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self.value(item, (*place, i), item.start_mark.line + 1) for i, item in items]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, line)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            line, name = key.start_mark.line + 1, self._key(key)
            if name in found:
                first = self.lines[(*place, name)]
                ja = f"項目「{name}」が二度あります(一度目は {first} 行目)。どちらかを消してください。"
                self._complain(line, ja, f"'{name}' appears twice (first on line {first}); delete one.")
            elif name is not None:
                found[name] = self.value(value, (*place, name), line)
        return found

    def _key(self, node: yaml.Node) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == STR:
            return str(node.value)
        raw = node.value if isinstance(node, yaml.ScalarNode) else "…"
        ja = f'項目の名前「{raw}」は文字ではありません。引用符を付けて "{raw}" と書いてください。'
        en = f'the key {raw} is not text; write it in quotes: "{raw}".'
        self._complain(node.start_mark.line + 1, ja, en)
        return None

    def _scalar(self, node: yaml.ScalarNode, line: int) -> str | int | bool | None:
        raw, tag = str(node.value), node.tag
        if tag == BOOL and raw in ("true", "false"):
            return raw == "true"
        if tag == INT and re.fullmatch(r"-?(0|[1-9][0-9]{0,8})", raw):
            return int(raw)
        if tag in TEXTS:
            return raw
        words = say.misread(raw, tag.rpartition(":")[2])
        self._complain(node.start_mark.line + 1 if raw else line, words.ja, words.en)
        return None

    def _complain(self, line: int, ja: str, en: str) -> None:
        self.complaints.append(Complaint(self.file, line, ja, en))


STR, BOOL, INT = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "bool", "int"))
TEXTS = (STR, "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
"""A date stays text here; the schema reads it where a date belongs."""


def _repeated_ids(document: Document, form: PolicyForm) -> list[Complaint]:
    first: dict[str, int] = {}
    repeated = []
    for i, rule in enumerate(form.rules):
        if rule.id in first:
            line = document.lines[("rules", first[rule.id], "id")]
            words = Words(
                f"規則の番号「{rule.id}」は {line} 行目でも使われています。別の番号にしてください。",
                f"rule id '{rule.id}' is already used on line {line}; choose another.",
            )
            repeated.append(document.complaint(("rules", i, "id"), words))
        first.setdefault(rule.id, i)
    return repeated


def _rule(form: RuleForm) -> Rule:
    conditions = conditions_of(form.when.model_dump(by_alias=True, exclude_unset=True))
    reveal = form.reveal
    return Rule(
        id=form.id,
        title=_bilingual(form.title),
        basis=form.basis,
        owner=form.owner,
        conditions=conditions,
        matches=conjunction(conditions),
        gate=form.gate,
        reveal=Reveal(frozenset(reveal.types), frozenset(reveal.destinations)) if reveal else None,
        strict=form.search == "strict",
        notice=_bilingual(form.notice) if form.notice else None,
        remedy=_bilingual(form.remedy) if form.remedy else None,
    )


def _bilingual(form: SentencePair) -> Bilingual:
    return Bilingual(form.ja, form.en)
