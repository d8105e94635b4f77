"""What was found in the texts of a request, counted: by type for the record, by evidence for the policy.

Counts different data, never quotes one. Pure.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from policies.model import EntityFact
from redaction.model import IRREVERSIBLE, Finding

Findings = Sequence[Sequence[Finding]]
"""One sequence of findings for each text."""


def counted(texts: Sequence[str], findings: Findings) -> Counter[str]:
    """How many different data of each type: ``{"PERSON": 3}``. Irreversible ones are counted, not compared."""
    return Counter(label for label, _ in _distinct(texts, findings))


def facts_of(texts: Sequence[str], findings: Findings) -> tuple[EntityFact, ...]:
    """The same by type and evidence, as a policy wants it."""
    counts = Counter(_distinct(texts, findings))
    return tuple(EntityFact(label, evidence, n) for (label, evidence), n in sorted(counts.items()))


def persons(texts: Sequence[str], findings: Findings) -> int:
    """How many different names: 山田 太郎 and 山田太郎 are one, 山田 and 山田太郎 two. An estimate that errs upward."""
    return len({_spelled(value) for value in _values(texts, findings, "PERSON")})


def pairs(texts: Sequence[str], findings: Findings) -> int:
    """How many different facts that the law protects specially stand beside somebody.

    The mask room gives such a fact only where it is told of somebody (redaction/facts/told.py).
    """
    found = counted(texts, findings)
    return sum(found[label] for label in BESIDE_SOMEBODY)


BESIDE_SOMEBODY = ("JP_SENSITIVE", "JP_PROTECTED_PERSON")


def _values(texts: Sequence[str], findings: Findings, label: str) -> Iterator[str]:
    for text, found in zip(texts, findings, strict=True):
        yield from (text[f.start : f.end] for f in found if f.label == label)


def _spelled(name: str) -> str:
    """One spelling for names that differ in width, case or spaces."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


_STRENGTH = {name: rank for rank, name in enumerate(
    ("repeat", "checksum", "context", "dictionary", "pattern", "cue", "both"))}  # fmt: skip


def _distinct(texts: Sequence[str], findings: Findings) -> Iterator[tuple[str, str]]:
    """Type and evidence of every value, the strongest evidence it has anywhere: what is a password in one
    message is one in all. Irreversible ones are not compared."""
    best: dict[tuple[str, str], str] = {}
    for text, found in zip(texts, findings, strict=True):
        for f in found:
            if f.label in IRREVERSIBLE:
                yield f.label, f.evidence
                continue
            value = (f.label, text[f.start : f.end])
            known = best.get(value, f.evidence)
            best[value] = max(known, f.evidence, key=lambda evidence: _STRENGTH.get(evidence, 0))
    for (label, _), evidence in best.items():
        yield label, evidence
