"""One kind of personal data per file; ``tagged`` alone tells of several. A file here is found by itself: nothing else is to be changed.

Importing this package imports no recogniser; ``recognizers()`` does, and with them Presidio.
``kinds()`` reads the files without running them.
"""

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redaction.recognizers.base import Recognizer

_HERE = Path(__file__).parent


@cache
def kinds() -> dict[str, str]:
    """Every kind that is looked for, with its Japanese name: {"PERSON": "氏名", …}, by file name."""
    found: dict[str, str] = {}
    for file in sorted(_HERE.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                said = dict(filter(None, map(_plain, node.body)))
                if "kind" in said:
                    found.setdefault(said["kind"], said.get("ja", said["kind"]))
    return found


def _plain(statement: ast.stmt) -> tuple[str, str] | None:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
            return name, value
    return None


def recognizers(rules: Path | None = None) -> "list[Recognizer]":
    """One of each recogniser in this folder, by file name; then those of a rules file, where one is given."""
    from importlib import import_module
    from inspect import isabstract
    from pkgutil import iter_modules

    from redaction.recognizers.base import Recognizer

    made: list[Recognizer] = []
    for module in sorted(iter_modules(__path__), key=lambda found: found.name):
        names = vars(import_module(f"{__name__}.{module.name}"))
        made.extend(
            thing()
            for thing in names.values()
            if isinstance(thing, type)
            and issubclass(thing, Recognizer)
            and not isabstract(thing)
            and thing.__module__ == f"{__name__}.{module.name}"
        )
    if rules is not None:
        from redaction.rules import rules as made_of

        made += made_of(rules)
    return made
