"""Reads policy files: the only place where YAML becomes values. Strict, and every complaint has its line.

Never decides anything and never fetches anything: a policy is a local file. Refused besides broken YAML:
duplicate keys, aliases, tags, empty values, and scalars that YAML reads otherwise than people do (yes, 010).
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from policies import complaints as say
from policies.complaints import CannotRead, Complaint, PolicyError, Words
from policies.decide import Policy
from policies.document import Document, Place
from policies.making import policy_of
from policies.schema import IncludeForm, ListsForm, PolicyForm
from policies.vocabulary import ENTITY_TYPES as ENTITY_TYPES

CITIES = Path(__file__).parent / "cities"
INCLUDE = "include_words"
LISTS = ".words.yaml"
"""A file of word lists alone, which several policies may include."""
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
    with suppress(PolicyError, _NotPlain):  # whatever is wrong is said below, with its line
        return _made(read_policy(content, file, _quickly), entity_types)
    return _made(read_policy(content, file), entity_types)


def remade(data: Any, file: str = "policy.json", entity_types: Sequence[str] = ENTITY_TYPES) -> Policy:
    """The very same policy again from its plain values, as `Policy.data` holds them. Raises PolicyError."""
    return _made(Document(file, data, {}), entity_types)


def _made(document: Document, entity_types: Sequence[str]) -> Policy:
    form = document.checked(PolicyForm, {"entity_types": tuple(entity_types)})
    return policy_of(document, form, digest_of(document.data), entity_types)


def city_names() -> tuple[str, ...]:
    """The policies that ship, by name."""
    return tuple(sorted(path.stem for path in CITIES.glob("*.yaml") if "." not in path.stem))


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
    """sha256 (64 hex digits) of the canonical JSON. Comments do not count."""
    return hashlib.sha256(canonical(data)).hexdigest()


def canonical(data: Any) -> bytes:
    """A policy's plain values as JSON with sorted keys, without spaces, in UTF-8."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


Reader = Callable[[bytes | str, str], Document]


def read_policy(content: bytes | str, file: str, read_one: Reader | None = None) -> Document:
    """The YAML of a policy with the word lists laid in that it asks for: ``include_words: [attacks]``.

    ``attacks.words.yaml`` is looked for beside the file, then among those that ship. What is laid in belongs to
    the policy and to its digest from then on. Raises PolicyError. ``read_one``: how each file is read, `read_yaml`.
    """
    document = (read_one or read_yaml)(content, file)
    if not isinstance(document.data, dict) or INCLUDE not in document.data:
        return document
    data = {key: value for key, value in document.data.items() if key != INCLUDE}
    own = data.get("words", [])
    data["words"] = [*(own if isinstance(own, list) else []), *_included(document, read_one or read_yaml)]
    lines = {("words",): document.lines[(INCLUDE,)], **document.lines} if document.lines else {}
    return Document(file, data, lines)


def lists_near(file: Path) -> bytes:
    """The content of every word list that a policy in this place may include: changes when one of them does."""
    lists = sorted({*file.parent.glob(f"*{LISTS}"), *CITIES.glob(f"*{LISTS}")})
    return b"\0".join(read(path) for path in lists)


def _included(document: Document, read_one: Reader) -> list[Any]:
    """The lists of every file that is included, each file checked by itself. Raises PolicyError."""
    names = document.data[INCLUDE]
    asked = Document(document.file, {INCLUDE: names}, document.lines).checked(IncludeForm, {})
    lists: list[Any] = []
    for i, name in enumerate(asked.include_words):
        path = _list_file(document, name, (INCLUDE, i))
        included = read_one(read(path), str(path))
        included.checked(ListsForm, {})
        lists += included.data["words"]
    return lists


def _list_file(document: Document, name: str, place: Place) -> Path:
    beside, shipped = (folder / f"{name}{LISTS}" for folder in (Path(document.file).parent, CITIES))
    for path in (beside, shipped):
        if path.is_file():
            return path
    words = Words(
        f"言葉の一覧のファイル {name}{LISTS} が、この文書と同じ場所にも、付属のものにもありません。",
        f"there is no file of word lists {name}{LISTS}, neither beside this file nor among those that ship.",
    )
    raise PolicyError([document.complaint(place, words)])


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


def _quickly(content: bytes | str, file: str) -> Document:
    """The same as `read_yaml` ten times faster, without lines. Raises `_NotPlain` where it is not sure.

    libyaml reads the events; where it is missing, or anything is odd, nothing is said here.
    """
    loader, text = getattr(yaml, "CSafeLoader", None), _decoded(content, file)
    if loader is None or _ODD.search(text):
        raise _NotPlain
    try:
        return Document(file, _Plain(yaml.parse(text, loader)).document(), {})
    except (yaml.YAMLError, StopIteration):
        raise _NotPlain from None


_ODD = re.compile("[\t\r\x85\u2028\u2029\ufeff]")
"""What libyaml takes otherwise for a space or the end of a line."""


class _NotPlain(Exception):
    """Something is odd in a file: only `read_yaml` can say what and where."""


class _Plain:
    """Plain values out of events. Raises `_NotPlain` for what `_Composer` and `_Reader` refuse."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._resolver: Any = yaml.resolver.Resolver()

    def document(self) -> Any:
        next(self._events), next(self._events)  # the beginning of the stream and of the document
        value = self._value(next(self._events), 0)
        next(self._events)
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise _NotPlain
        return value

    def _value(self, event: Any, depth: int) -> Any:
        if (
            depth >= DEEPEST
            or getattr(event, "anchor", None) is not None
            or getattr(event, "tag", None) is not None
        ):
            raise _NotPlain
        match event:
            case yaml.ScalarEvent():
                return self._scalar(event)
            case yaml.SequenceStartEvent():
                return [self._value(one, depth + 1) for one in self._until(yaml.SequenceEndEvent)]
            case yaml.MappingStartEvent():
                return self._mapping(depth)
            case _:
                raise _NotPlain

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._value(event, depth + 1)
            if not isinstance(key, str) or key in found or self._tag(event) != STR:
                raise _NotPlain
            found[key] = self._value(next(self._events), depth + 1)
        return found

    def _until(self, end: type) -> Iterator[Any]:
        return iter(lambda: None if isinstance(event := next(self._events), end) else event, None)

    def _scalar(self, event: Any) -> str | int | bool:
        if event.style in ("|", ">"):  # libyaml takes some of these that are refused here
            raise _NotPlain
        value = _meant(str(event.value), self._tag(event))
        if value is None:
            raise _NotPlain
        return value

    def _tag(self, event: Any) -> str:
        return str(self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit))


def _meant(raw: str, tag: str) -> str | int | bool | None:
    """What a scalar means; None for one that YAML reads otherwise than people do."""
    if tag == BOOL and raw in ("true", "false"):
        return raw == "true"
    if tag == INT and re.fullmatch(r"-?(0|[1-9][0-9]{0,8})", raw):
        return int(raw)
    return raw if tag in TEXTS else None


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
        value = _meant(raw, tag)
        if value is not None:
            return value
        words = say.misread(raw, tag.rpartition(":")[2])
        self._complain(node.start_mark.line + 1 if raw else line, words.ja, words.en)
        return None

    def _complain(self, line: int, ja: str, en: str) -> None:
        self.complaints.append(Complaint(self.file, line, ja, en))


STR, BOOL, INT = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "bool", "int"))
TEXTS = (STR, "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
"""A date stays text here; the schema reads it where a date belongs."""
