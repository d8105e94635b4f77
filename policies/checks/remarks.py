"""What may be wrong with a policy that can be loaded: where, what it means, what to do, and how bad it is. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from policies.decide import Policy
from policies.document import Document, Place
from policies.proofs import World
from policies.schema import PolicyForm

Severity = Literal["error", "warning", "note"]
"""error: it cannot be meant so; warning: look at it; note: good to know, never counted as a failure."""
SEVERITY_WORDS: dict[Severity, str] = {"error": "誤り", "warning": "注意", "note": "参考"}


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing found; ``code`` is its stable name (``never-holds``)::

    city.yaml:14: 誤り: 条件が互いに矛盾し、… → … / error: its conditions contradict each other; …
    """

    file: str
    line: int | None
    severity: Severity
    code: str
    ja: str
    en: str
    remedy_ja: str
    remedy_en: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        ja = f"{SEVERITY_WORDS[self.severity]}: {self.ja} → {self.remedy_ja}"
        return f"{where}: {ja} / {self.severity}: {self.en} {self.remedy_en}"

    def plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "file": self.file,
            "line": self.line,
            "severity": self.severity,
            "code": self.code,
            "ja": self.ja,
            "en": self.en,
            "remedy": {"ja": self.remedy_ja, "en": self.remedy_en},
        }


class Checked:
    """A policy with the file that it was read from, on one day (JST): what every check looks at.

    ``own`` is a world in which the policy's lists may say anything, ``listed`` one with its lists as they are,
    ``registered`` one in which only the models it lists are asked for.
    """

    def __init__(self, document: Document, form: PolicyForm, policy: Policy, today: date) -> None:
        self.document = document
        self.form = form
        self.policy = policy
        self.today = today
        self.own = World(today)
        self.listed = World(today, policy)
        self.registered = World(today, policy, registered=True) if policy.registered else self.listed

    def remark(
        self, place: Place, severity: Severity, code: str, said: tuple[str, str], remedy: tuple[str, str]
    ) -> Remark:
        """A remark at the nearest line there is; ``said`` and ``remedy`` in Japanese and English."""
        at = place
        while at and at not in self.document.lines:
            at = at[:-1]
        line = self.document.lines.get(at)
        return Remark(self.document.file, line, severity, code, *said, *remedy)
