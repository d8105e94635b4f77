"""One kind of personal data per file. A file here is found by itself: nothing else is to be changed.

Importing this package imports no recogniser; ``recognizers()`` does, and with them Presidio.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redaction.recognizers.base import Recognizer


def recognizers() -> "list[Recognizer]":
    """One of each recogniser in this folder, by file name."""
    from importlib import import_module
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
            and thing is not Recognizer
            and thing.__module__ == f"{__name__}.{module.name}"
        )
    return made
