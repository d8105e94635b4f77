"""How many personal names of public annotated Japanese text the detector covers, and what it covers besides.

    python tests/benchmarks/public_names.py FOLDER

FOLDER holds `stockmark-ner.json` (Stockmark Inc., CC BY-SA 3.0) and `ud-japanese-gsd-ner/*.bio` (UD Japanese
GSD, Megagon Labs, CC BY-SA 4.0); neither is part of this repository. Encyclopaedia and web text: many names
of foreign and historic persons, none of what a clerk writes. A leak is a name of which one character at
least is not covered by PERSON; precision and recall count characters. CPU seconds of this process.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from redaction.detector import Detector

Sentence = tuple[str, list[tuple[int, int]]]


def stockmark(folder: Path) -> Iterator[Sentence]:
    for entry in json.loads((folder / "stockmark-ner.json").read_text("utf-8")):
        yield entry["text"], [tuple(e["span"]) for e in entry["entities"] if e["type"] == "人名"]


def gsd(folder: Path) -> Iterator[Sentence]:
    for name in ("dev", "test"):
        for block in (folder / "ud-japanese-gsd-ner" / f"{name}.bio").read_text("utf-8").split("\n\n"):
            text, spans = "", []
            for line in filter(None, block.split("\n")):
                token, tag = line.split("\t")
                if tag.upper() == "B-PERSON":
                    spans.append((len(text), len(text) + len(token)))
                elif tag.upper() == "I-PERSON" and spans:
                    spans[-1] = (spans[-1][0], len(text) + len(token))
                text += token
            yield text, spans


def main() -> None:
    folder = Path(sys.argv[1])
    detector = Detector()
    detector.load()
    print(
        f"{date.today()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"
    )
    print("| set | sentences | names | leak | precision | recall | CPU ms / 1,000 characters |")
    print("|---|---|---|---|---|---|---|")
    for name, sentences in (("Stockmark", list(stockmark(folder))), ("UD GSD dev+test", list(gsd(folder)))):
        row(name, sentences, detector)


def row(name: str, sentences: list[Sentence], detector: Detector) -> None:
    began = time.process_time()
    found = [detector.find_now([text])[0] for text, _ in sentences]
    spent = time.process_time() - began
    right = marked = covered = leaks = names = 0
    for (_, spans), findings in zip(sentences, found, strict=True):
        gold = {at for start, end in spans for at in range(start, end)}
        ours = {at for f in findings if f.label == "PERSON" for at in range(f.start, f.end)}
        right, marked, covered = right + len(gold & ours), marked + len(gold), covered + len(ours)
        names += len(spans)
        leaks += sum(not ours.issuperset(range(start, end)) for start, end in spans)
    characters = sum(len(text) for text, _ in sentences)
    print(
        f"| {name} | {len(sentences)} | {names} | {leaks / names:.2f} | {right / covered:.2f} "
        f"| {right / marked:.2f} | {spent * 1e6 / characters:.1f} |"
    )


if __name__ == "__main__":
    main()
