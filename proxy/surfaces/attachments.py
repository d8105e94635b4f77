"""What a request holds that cannot be searched, by kind: from the field where it stands, and the type of what is around it.

    messages[0].content[1].image_url.url       https://…/a.png     image, link
    messages[0].content[0].source.data         in a block of type document: file

An address is a link and whatever it leads to. What nothing tells is a file. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policies.model import Attachment
from policies.vocabulary import ATTACHMENTS

_STEP = re.compile(r"[^.\[\]]+")
_SIGNS: Mapping[str, Attachment] = {
    "image": "image",
    "screenshot": "image",
    "audio": "audio",
    "file": "file",
    "document": "file",
}


def attached(body: Mapping[str, Any], paths: Iterable[str]) -> tuple[Attachment, ...]:
    """The kinds of what stands at these places of a request, each once, in the vocabulary's order."""
    found = {kind for path in paths for kind in _kinds(body, path)}
    return tuple(kind for kind in ATTACHMENTS if kind in found)


def _kinds(body: Any, path: str) -> Iterator[Attachment]:
    around: list[str] = []
    value = body
    for step in _STEP.findall(path):
        if isinstance(value, dict):
            around += [str(value.get("type")), step]
            value = value[step]
        else:
            value = value[int(step)]
    if str(value).lower().startswith(("http://", "https://")):
        yield "link"
    nearest = reversed(around)
    yield next((kind for word in nearest for sign, kind in _SIGNS.items() if sign in word), "file")
