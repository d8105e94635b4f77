"""Make the model of the tagger: one command, needs PyTorch beside the project (see the README above).

    python -m redaction.tagger.training.train CORPORA --documents FOLDER … [--hold 0/5] --out tagger.npz

CORPORA is the folder of the three public corpora; each FOLDER holds this repository's marked documents.
``--hold 0/5`` leaves every fifth file of the documents out, from file 0 on, for judging.
"""

import argparse
import re
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from redaction.tagger.network import read
from redaction.tagger.training import corpora
from redaction.tagger.training.examples import CLASSES, Example, variants
from redaction.tagger.training.fit import distance, fit, write
from redaction.tagger.training.names import Names
from redaction.tagger.training.swaps import Marked

if TYPE_CHECKING:
    from redaction.nlp import SudachiEngine

_NAMES = frozenset({"surname", "given", "person"})


def main() -> None:
    given = _arguments()
    began = time.monotonic()
    examples, common = _gather(given)
    count = sum(len(one.labels) for one in examples)
    print(f"{len(examples)} examples, {count} words, {time.monotonic() - began:.0f} s", flush=True)
    weights = fit(examples, len(CLASSES), given.width, given.layers, given.epochs, given.seed)
    write(weights, CLASSES, common, given.out)
    apart = distance(weights, read(given.out), [one for one in examples[:200] if len(one.labels)])
    print(f"PyTorch and numpy differ by at most {apart:.4f}")
    print(f"{given.out}: {given.out.stat().st_size} bytes, {time.monotonic() - began:.0f} s")


def _arguments() -> argparse.Namespace:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("--documents", type=Path, nargs="+", required=True)
    parser.add_argument("--cases", type=Path, help="folder of the cases of single kinds")
    parser.add_argument("--hold", default="", help="k/n: leave file k, k+n, … of each folder out")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variants", type=int, default=6, help="how often a document is told again")
    parser.add_argument("--width", type=int, default=80)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--harmless", type=float, default=3.0, help="weight of texts without data")
    parser.add_argument("--public", type=float, default=0.25, help="weight of the public corpora")
    return parser.parse_args()


def _gather(given: argparse.Namespace) -> tuple[list[Example], list[str]]:
    """All there is to learn from, and the usual words."""
    from redaction.nlp import SudachiEngine

    engine = SudachiEngine()
    engine.load()
    random = Random(given.seed)
    files = [file for folder in given.documents for file in held(folder, given.hold)[0]]
    town = [marked for file in files for marked in corpora.municipal(file)]
    if given.cases:
        town += corpora.cases(given.cases)
    public = [*corpora.public(given.corpora), *corpora.code(random)]
    names = Names(engine._opened(), _heard(engine, public), random)
    facts = _facts(town)
    examples = list(variants(engine, town, names, facts, random, given.variants, (1.0, given.harmless)))
    examples += variants(engine, public, names, facts, random, 1, (given.public, given.public))
    return examples, _common(engine, [*town, *public])


def _facts(texts: list[Marked]) -> dict[str, list[str]]:
    facts: dict[str, list[str]] = {"JP_SENSITIVE": [], "JP_PROTECTED_PERSON": []}
    for marked in texts:
        for begin, end, kind in marked.data:
            if kind in facts:
                facts[kind].append(marked.text[begin:end])
    return facts


def held(folder: Path, hold: str) -> tuple[list[Path], list[Path]]:
    """The YAML files of a folder: to learn from, and held out."""
    files = sorted(folder.rglob("*.yaml"))
    if not hold:
        return files, []
    which, every = (int(number) for number in hold.split("/"))
    return ([f for i, f in enumerate(files) if i % every != which],
            [f for i, f in enumerate(files) if i % every == which])  # fmt: skip


def _heard(engine: "SudachiEngine", texts: list[Marked]) -> frozenset[str]:
    words: set[str] = set()
    for marked in texts:
        for begin, end in marked.names:
            words.update(re.split("[・ 　]", marked.text[begin:end]))
            words.update(word.text for word in engine.words(marked.text[begin:end]))
    return frozenset(words)


def _common(engine: "SudachiEngine", texts: list[Marked], most: int = 4_000) -> list[str]:
    """The words that are met oftenest and may be nobody's name, with their kinds."""
    met: Counter[tuple[str, str]] = Counter()
    for marked in texts:
        for word in engine.words(marked.text):
            if not word.unknown and word.kind not in _NAMES:
                met[word.text, word.kind] += 1
    return [f"{text}\t{kind}" for (text, kind), _ in met.most_common(most) if "\t" not in text]


if __name__ == "__main__":
    main()
