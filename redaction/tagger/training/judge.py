"""Judge a model on marked documents, together with the rules, at several thresholds.

    python -m redaction.tagger.training.judge FOLDER [--model names.npz] [--hold 0/5] [--misses | --alarms]

Prints, for rules alone and for rules with the tagger at each threshold: names of which a character is
left uncovered, precision of PERSON by characters, harmless documents in which anything is found.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from redaction import allowed
from redaction.detector import Detector
from redaction.model import Finding
from redaction.tagger import tagger
from redaction.tagger.training import corpora
from redaction.tagger.training.swaps import Marked
from redaction.tagger.training.train import held

THRESHOLDS = (2.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
"""2.0: the tagger says nothing."""


@dataclass(slots=True)
class Judged:
    """``leaked`` of ``names``; ``right`` of ``found`` characters; ``touched`` of ``harmless`` documents."""

    names: int = 0
    leaked: int = 0
    found: int = 0
    right: int = 0
    harmless: int = 0
    touched: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=tagger.MODEL)
    parser.add_argument("--hold", default="")
    parser.add_argument("--at", type=float, nargs="*", default=THRESHOLDS)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--alarms", action="store_true")
    given = parser.parse_args()

    from redaction.recognizers import person_tagged

    learnt, kept = held(given.folder, given.hold)
    texts = [marked for file in (kept or learnt) for marked in corpora.municipal(file)]
    tagger.MODEL = given.model
    detector = Detector(allow=allowed.read_allowed(), remember=0)
    detector.load()
    for threshold in given.at:
        person_tagged.BELIEVED = threshold
        began = time.process_time()
        judged = Judged()
        for marked in texts:
            findings = detector.find_now([marked.text])[0]
            _count(judged, marked, findings, given)
        cost = (time.process_time() - began) * 1e6 / sum(len(marked.text) for marked in texts)
        print(f"{threshold:4.2f}  leak {judged.leaked / judged.names:.3f} of {judged.names}  "
              f"precision {judged.right / judged.found:.3f}  touched {judged.touched} of {judged.harmless}  "
              f"{cost:.1f} ms/1k")  # fmt: skip
    detector.close()


def _count(judged: Judged, marked: Marked, findings: tuple[Finding, ...], given: argparse.Namespace) -> None:
    covered = {at for f in findings for at in range(f.start, f.end)}
    for begin, end in marked.names:
        judged.names += 1
        places = {at for at in range(begin, end) if not marked.text[at].isspace()}
        if not places <= covered:
            judged.leaked += 1
            if given.misses:
                print("-", _shown(marked.text, begin, end))
    marks = {at for begin, end in marked.names for at in range(begin, end)}
    persons = [f for f in findings if f.label == "PERSON"]
    for f in persons:
        judged.found += f.end - f.start
        judged.right += len(marks.intersection(range(f.start, f.end)))
        if given.alarms and not marks.intersection(range(f.start, f.end)):
            print("+", f.source, f.score, _shown(marked.text, f.start, f.end))
    if marked.harmless:
        judged.harmless += 1
        judged.touched += bool(findings)


def _shown(text: str, begin: int, end: int) -> str:
    return repr(f"{text[max(0, begin - 12) : begin]}⟪{text[begin:end]}⟫{text[end : end + 12]}")


if __name__ == "__main__":
    main()
