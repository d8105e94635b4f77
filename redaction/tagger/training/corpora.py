"""Corpora: marked texts from the folders they lie in. Training only; keeps no copy.

The three public corpora (see the README of the tagger) and this repository's own marked documents.
"""

import json
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from random import Random

from redaction.measure import parse
from redaction.names.past import HISTORY
from redaction.tagger.training.swaps import Marked

_PERSONS = re.compile("(?i)author|copyright|written by|contributed|@|thanks")


def public(folder: Path) -> Iterator[Marked]:
    """Sentences of the public corpora. Raises OSError when one is not there."""
    yield from _stockmark(folder / "stockmark-ner.json")
    yield from _gsd(folder / "ud-japanese-gsd-ner" / "train.bio")
    yield from _wikipedia(folder / "wikipedia-annotated-corpus" / "train.jsonl")


def municipal(file: Path) -> Iterator[Marked]:
    """The documents of one YAML file."""
    import yaml

    for entry in yaml.safe_load(file.read_text("utf-8")):
        read = parse(str(entry["id"]), str(entry["genre"]), str(entry["text"]))
        names = [(datum.start, datum.end) for datum in read.data if datum.label == "PERSON"]
        data = [(datum.start, datum.end, datum.label) for datum in read.data if datum.label != "PERSON"]
        yield Marked(read.text, tuple(names), tuple(data), harmless=not read.data)


def cases(folder: Path) -> Iterator[Marked]:
    """The sentences of this repository's cases, those in which nothing is to be found three times."""
    import yaml

    for file in sorted(folder.glob("*.yaml")):
        table = yaml.safe_load(file.read_text("utf-8"))
        for case in table["found"]:
            text = str(case["text"])
            names: list[tuple[int, int]] = []
            data: list[tuple[int, int, str]] = []
            for kind, values in case["finds"].items():
                last = 0
                for value in map(str, values):
                    at = text.find(value, last)
                    if at >= 0:
                        last = at + len(value)
                        if kind == "PERSON":
                            names.append((at, last))
                        else:
                            data.append((at, last, kind))
            yield Marked(text, tuple(sorted(names)), tuple(sorted(data)))
        for text in table["free"]:
            yield from [Marked(str(text), (), harmless=True)] * 3


def code(random: Random, pieces: int = 250) -> Iterator[Marked]:
    """Pieces of Python's own library: Latin words that are nobody's name."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    for file in random.sample(files, min(pieces, len(files))):
        text = file.read_text("utf-8", "replace")
        at = random.randrange(max(1, len(text) - 500))
        if not _PERSONS.search(text[at : at + 500]):
            yield Marked(text[at : at + 500], ())


def _stockmark(file: Path) -> Iterator[Marked]:
    for entry in json.loads(file.read_text("utf-8")):
        spans = [(int(e["span"][0]), int(e["span"][1])) for e in entry["entities"] if e["type"] == "人名"]
        yield _marked(entry["text"], spans)


def _gsd(file: Path) -> Iterator[Marked]:
    for sentence in file.read_text("utf-8").split("\n\n"):
        text = ""
        spans: list[tuple[int, int]] = []
        for line in sentence.splitlines():
            word, _, tag = line.partition("\t")
            if tag == "B-PERSON":
                spans.append((len(text), len(text) + len(word)))
            elif tag == "I-PERSON" and spans:
                spans[-1] = (spans[-1][0], len(text) + len(word))
            text += word
        if text:
            yield _marked(text, spans)


def _wikipedia(file: Path) -> Iterator[Marked]:
    for line in file.read_text("utf-8").splitlines():
        entry = json.loads(line)
        spans = [(int(e["start"]), int(e["end"])) for e in entry["entities"] if e["type"] == "PERSON"]
        yield _marked(entry["text"], spans)


def _marked(text: str, spans: list[tuple[int, int]]) -> Marked:
    if HISTORY.search(text):
        return Marked(text, ())  # persons of the past are to be left alone
    kept: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if not kept or begin >= kept[-1][1]:
            kept.append((begin, end))
    return Marked(text, tuple(kept))
