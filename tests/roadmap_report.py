"""Where every item of the city's roadmap has its place: tests/roadmap.yaml read, judged, and written as a page.

    .venv/bin/python -m tests.roadmap_report      writes docs/roadmap.md

The page depends on the table alone. Whether a place is really there is asked of the policy, the vocabulary and
the tests themselves; nothing is taken on the table's word.
"""

import ast
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import yaml

from audit.alerts.rules import RULES
from audit.incidents.model import KINDS as INCIDENTS
from audit.incidents.model import LEVELS
from audit.readers import Sight
from policies import files
from policies.house_rules import HOUSE_RULES
from policies.model import CATEGORY_CODES
from policies.schema import PolicyForm
from policies.vocabulary import ACTORS, ENTITY_WORDS, ROLE_WORDS, VALUE_WORDS

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "tests" / "roadmap.yaml"
PAGE = ROOT / "docs" / "roadmap.md"
CITY = "takatsuki"

KINDS: Mapping[str, str] = {
    "rule": "規則",
    "words": "言葉の一覧",
    "category": "業務区分",
    "entity": "個人情報の種類",
    "role": "役割",
    "actor": "利用者の種類",
    "case": "例",
    "setting": "規則の文書の欄",
    "record": "記録の項目",
    "sight": "見る人の権限",
    "incident": "事案",
    "alert": "警報",
    "later": "あとで",
}

HEAD = """\
# 市の計画と関所 · The city's roadmap and its places in the checkpoint

高槻市のICT戦略と庁内の体制に出てくることがらが、一つずつ、関所のどこに置かれているかの一覧です。
`tests/roadmap.yaml` から書いています。手で直さないでください(`.venv/bin/python -m tests.roadmap_report`)。
[試験](../tests/test_roadmap.py)が、どの行にも置き場所があること、名前の挙がった規則・業務区分・種類・役割・例・試験が
本当にあることを確かめます。「あとで」は、まだない部屋の名前と、そこに置かれるものです。

*Every item of the city's roadmap and where it has its place: a rule, a category, a kind of data, a role, a case, a
setting, a field of the records. Written from `tests/roadmap.yaml`; a test fails when a row has no place, or names
one that is not there. 「あとで」 names the room that is still to come.*

| ことがら | 関所がすること | 置き場所と、確かめる試験 |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Place:
    """One place: ``Place("rule", "P-08", "tests/…::test_…")``; of a later one ``what`` is the row it will have."""

    kind: str
    name: str
    what: str


@dataclass(frozen=True, slots=True)
class Row:
    """One item of the roadmap: its id, its name, what the checkpoint does about it, its places."""

    id: str
    item: str
    does: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Roadmap:
    """All rows, and the rooms that are still to come (id to name)."""

    rows: tuple[Row, ...]
    rooms: Mapping[str, str]


def read(path: Path = TABLE) -> Roadmap:
    """Read the table. Raises ValueError, naming the row, for a place of no kind, of two, or with a key too many."""
    raw = _loaded(path)
    rows = tuple(
        Row(row["id"], row["item"], row["does"], tuple(_place(row["id"], one) for one in row["places"] or ()))
        for row in raw["rows"]
    )
    return Roadmap(rows, raw["rooms"])


def _place(row: str, raw: Mapping[str, str]) -> Place:
    kinds = [kind for kind in KINDS if kind in raw]
    if len(kinds) != 1:
        raise ValueError(f"{row}: a place is one of {', '.join(KINDS)}; not {', '.join(raw)}")
    second = "row" if kinds == ["later"] else "test"
    if set(raw) != {kinds[0], second}:
        raise ValueError(f"{row}: a place has {kinds[0]} and {second}; not {', '.join(raw)}")
    return Place(kinds[0], raw[kinds[0]], raw[second])


def wrong(roadmap: Roadmap) -> Iterator[str]:
    """What is not as a row says, one sentence each: no place, no such place, no such test."""
    known = {**shipped(), "later": roadmap.rooms}
    for row in roadmap.rows:
        if not row.places:
            yield f"{row.id}: has no place"
        for place in row.places:
            if place.name not in known[place.kind]:
                yield f"{row.id}: there is no {place.kind} {place.name}"
            if place.kind != "later" and not there(place.what):
                yield f"{row.id}: there is no test {place.what}"


@lru_cache
def shipped() -> Mapping[str, Container[str]]:
    """Every name there is of each kind but ``later``, asked of what ships."""
    city = files.load(CITY)
    found = {
        *(rule.id for rule in city.rules),
        *(each.id for each in city.raises),
        *(table.id for table in city.tables),
        *(rule.id for rule in HOUSE_RULES),
    }
    return {
        "rule": found,
        "words": {words.id for words in city.word_lists},
        "category": CATEGORY_CODES,
        "entity": ENTITY_WORDS,
        "role": ROLE_WORDS,
        "actor": ACTORS,
        "case": set(themes()),
        "setting": PolicyForm.model_fields,
        "sight": get_args(Sight),
        "incident": (*INCIDENTS, *LEVELS),
        "alert": RULES,
        "record": set(re.findall(r"^\| `([a-z_.]+)`", _text(ROOT / "docs" / "records.md"), re.M)),
    }


@lru_cache
def themes() -> Mapping[str, str]:
    """The themes of tests/cases/programme/texts.yaml, id to title."""
    table = _loaded(ROOT / "tests" / "cases" / "programme" / "texts.yaml")
    return {theme["id"]: theme["theme"] for theme in table["themes"]}


def there(test: str) -> bool:
    """Whether there is such a test: a function of a test file, or a named test of a policy."""
    file, _, name = test.partition("::")
    path = ROOT / file
    return path.is_file() and name in (_cases(path) if path.suffix == ".yaml" else _functions(path))


@lru_cache
def _functions(path: Path) -> frozenset[str]:
    tree = ast.parse(_text(path))
    made = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in made if name.startswith("test_"))


@lru_cache
def _cases(path: Path) -> frozenset[str]:
    return frozenset(case["name"] for case in _loaded(path)["cases"])


def _loaded(path: Path) -> Any:
    return yaml.load(_text(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@lru_cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def page(roadmap: Roadmap) -> str:
    """The whole text of docs/roadmap.md."""
    return HEAD + "".join(_line(row, roadmap) for row in roadmap.rows)


def _line(row: Row, roadmap: Roadmap) -> str:
    places = "<br>".join(_shown(place, roadmap) for place in row.places)
    return f"| {row.item} | {row.does} | {places} |\n"


def _shown(place: Place, roadmap: Roadmap) -> str:
    if place.kind == "later":
        return f"あとで: {roadmap.rooms[place.name]} — {place.what}"
    return f"{KINDS[place.kind]} {_called(place)} — `{place.what}`"


def _called(place: Place) -> str:
    """The name of a place, with what staff call it."""
    words: Mapping[str, Mapping[str, str]] = {
        "category": CATEGORY_CODES,
        "entity": ENTITY_WORDS,
        "role": ROLE_WORDS,
        "actor": VALUE_WORDS,
        "case": themes(),
    }
    word = words.get(place.kind, {}).get(place.name)
    return f"{word}(`{place.name}`)" if word else f"`{place.name}`"


if __name__ == "__main__":
    PAGE.write_text(page(read()), encoding="utf-8")
