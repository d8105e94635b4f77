"""Judge a model on marked documents, together with the rules, at several thresholds.

    python -m redaction.tagger.training.judge FOLDER [--model FILE] [--hold 0/5]

Prints, for rules alone and for rules with the tagger at each pair of thresholds (what is believed, and what
is believed on a page that surely tells of somebody): data of which a character is left uncovered, documents
with nothing left uncovered, and harmless documents in which anything is found.
"""

import argparse
from pathlib import Path

from redaction import allowed
from redaction.detector import Detector
from redaction.measure import Measure, documents, measure, pooled
from redaction.tagger import tagger
from redaction.tagger.training.train import held

THRESHOLDS = ((2.0, 2.0), (0.9, 0.9), (0.8, 0.6), (0.8, 0.4), (0.7, 0.3), (0.7, 0.1), (0.5, 0.1))
"""2.0: the tagger says nothing."""


def main() -> None:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=tagger.MODEL)
    parser.add_argument("--hold", default="")
    given = parser.parse_args()

    from redaction.recognizers import tagged

    learnt, kept = held(given.folder, given.hold)
    files = set(kept or learnt)
    read = [document for file in sorted(files) for document in documents(file)]
    tagger.MODEL = given.model
    detector = Detector(allow=allowed.read_allowed(), remember=0)
    detector.load()
    for tagged.BELIEVED, tagged.BELIEVED_IN_COMPANY in THRESHOLDS:
        result = measure(read, lambda text: detector.find_now([text])[0])
        print(f"{tagged.BELIEVED} {tagged.BELIEVED_IN_COMPANY}  {_line(result)}")
    detector.close()


def _line(result: Measure) -> str:
    kinds = ("PERSON", "JP_ADDRESS", "JP_SENSITIVE", "JP_PROTECTED_PERSON")
    told = [f"{kind} {result.types[kind].leak or 0:.1%}" for kind in kinds if kind in result.types]
    found = sum(tally.found for tally in result.types.values())
    right = sum(tally.right for tally in result.types.values())
    told += [
        f"pooled {pooled(result).leak or 0:.1%}",
        f"closed {result.closed} of {result.documents}",
        f"touched {len(result.touched)} of {result.harmless}",
        f"precision {right / max(1, found):.2f}",
    ]
    return ", ".join(told)


if __name__ == "__main__":
    main()
