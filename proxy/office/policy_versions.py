"""The versions of the policy that this house knows: every one that ever counted, and the list of the activated ones.

    var/policies/5f0c….json       a policy as canonical JSON; its name is the sha256 of its bytes, and the digest
    var/policies/5f0c….yaml       the file as it was written and activated, comments and all
    var/policies/activated.json   {"schema": 1, "versions": [{"digest": "5f0c…", "effective": "2026-12-01", …}]}

In force on a day (JST) is the activated version with the latest effective date that has come; of several with
the same date the one that was activated last. A version is only ever added to the list, or marked as withdrawn.
Safe to add later: a key of a version that has a default. It decides nothing and writes no record.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from audit.numbers import may_be_somebodys
from policies import files
from policies.complaints import CannotRead, Complaint, PolicyError
from policies.decide import Policy
from policies.files import ENTITY_TYPES

SHIPPED = "takatsuki"
"""What counts where nothing was activated and no setting says otherwise."""

State = Literal["in_force", "coming", "past", "withdrawn"]
STATE_WORDS = {"in_force": "施行中", "coming": "施行前", "past": "旧版", "withdrawn": "取下げ"}


@dataclass(frozen=True, slots=True)
class Version:
    """One activated version. ``activated_at`` and ``withdrawn_at`` are UTC, ``2026-11-23T05:21:00Z``."""

    digest: str
    name: str
    version: str
    author: str
    approver: str
    officer: str
    deputy: str
    effective: date
    review: date
    activated_at: str
    by: str
    withdrawn_at: str | None = None
    withdrawn_by: str | None = None
    withdrawn_reason: str | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON values, dates as ``2026-12-01``."""
        return asdict(self) | {"effective": self.effective.isoformat(), "review": self.review.isoformat()}


def in_force(versions: Sequence[Version], on: date) -> Version | None:
    """The version that counts on a day (JST); None where none has begun."""
    begun = [one for one in versions if one.withdrawn_at is None and one.effective <= on]
    return max(reversed(begun), key=lambda one: one.effective, default=None)  # of equals the first: the last


def states(versions: Sequence[Version], on: date) -> list[State]:
    """What each version is on a day, in the order of the list."""
    counting = in_force(versions, on)

    def state(one: Version) -> State:
        if one.withdrawn_at is not None:
            return "withdrawn"
        if one is counting:
            return "in_force"
        return "coming" if one.effective > on else "past"

    return list(map(state, versions))


def withdrawn(versions: Sequence[Version], digest: str, at: str, by: str, reason: str) -> list[Version]:
    """The same list, every activation of this digest that is not withdrawn yet marked as withdrawn."""
    return [
        replace(one, withdrawn_at=at, withdrawn_by=by, withdrawn_reason=reason)
        if one.digest == digest and one.withdrawn_at is None
        else one
        for one in versions
    ]


class Shelf:
    """The folder of one house's versions. Reading makes nothing; writing makes the folder, private to its owner."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "policies"
        self.list_file = self.folder / "activated.json"

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def versions(self) -> tuple[Version, ...]:
        """Every activated version, the oldest activation first. Raises PolicyError for a list that is broken or gone."""
        try:
            written = self.list_file.read_bytes()
        except FileNotFoundError:
            self._demand_none_was_activated()
            return ()
        except OSError as error:
            raise CannotRead(
                [_complaint(self.list_file, f"読めません({error.strerror})。", "cannot be read.")]
            ) from None
        try:
            return tuple(_version_of(one) for one in json.loads(written)["versions"])
        except (ValueError, KeyError, TypeError):
            raise PolicyError([_complaint(self.list_file, *_BROKEN_LIST)]) from None

    def holds(self, digest: str) -> bool:
        """Whether this policy was seen by this house before."""
        return self._file(digest).exists()

    def data(self, digest: str) -> Any:
        """The plain values of a stored policy. Raises PolicyError where it is missing or not what its name says."""
        file = self._file(digest)
        try:
            data = json.loads(files.read(file))
        except ValueError:
            data = None
        if data is None or files.digest_of(data) != digest:
            raise PolicyError([_complaint(file, *_NOT_ITSELF)])
        return data

    def policy(self, digest: str, entity_types: Sequence[str] = ENTITY_TYPES) -> Policy:
        """A stored policy again. Raises PolicyError."""
        return files.remade(self.data(digest), self._file(digest).name, entity_types)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def keep(self, policy: Policy) -> None:
        """Store what a policy says under its digest. Raises OSError."""
        if not self.holds(policy.digest):
            self._write(self._file(policy.digest), files.canonical(policy.data))

    def enter(self, version: Version, policy: Policy, written: bytes) -> None:
        """Add a version to the list: from its effective date on it counts. Raises OSError, PolicyError."""
        self.keep(policy)
        self._write_list([*self._readable(), version])
        self._write(self.folder / f"{policy.digest}.yaml", written)  # last: it says that there is a list

    def replace(self, versions: Sequence[Version]) -> None:
        """Write the list anew, with versions marked. Raises OSError."""
        self._write_list(versions)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes the list meanwhile. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _readable(self) -> tuple[Version, ...]:
        """A list that was lost is begun anew; one that is broken is not written over."""
        return self.versions() if self.list_file.exists() else ()

    def _write_list(self, versions: Sequence[Version]) -> None:
        written = {"schema": 1, "versions": [one.plain() for one in versions]}
        self._write(self.list_file, json.dumps(written, ensure_ascii=False, indent=1).encode())

    def _write(self, path: Path, content: bytes) -> None:
        """Whole or not at all, and still there after the power went."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _file(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"

    def _demand_none_was_activated(self) -> None:
        """The file of an activated version without the list: somebody took the list away, and with it the rules."""
        if next(self.folder.glob("*.yaml"), None) is not None:
            raise CannotRead([_complaint(self.list_file, *_LOST_LIST)])


_BROKEN_LIST = (
    "施行した版の一覧が壊れています。バックアップから戻してください。",
    "the list of activated versions is broken; restore it from a backup.",
)
_LOST_LIST = (
    "施行した版があるのに、その一覧がありません。バックアップから戻すか、sekisho policy activate をもう一度実行してください。",
    "versions were activated but their list is gone; restore it from a backup or activate again.",
)
_NOT_ITSELF = (
    "保存してある方針が、その名前(ダイジェスト)のものではありません。バックアップから戻してください。",
    "the stored policy is not the one that its name says; restore it from a backup.",
)


def _complaint(file: Path, ja: str, en: str) -> Complaint:
    return Complaint(f"policies/{file.name}", None, ja, en)


def _version_of(written: dict[str, Any]) -> Version:
    """Raises ValueError, KeyError or TypeError for what is none. What a later release adds is left out."""
    known = {one.name: written[one.name] for one in fields(Version) if one.name in written}
    days = {name: date.fromisoformat(written[name]) for name in ("effective", "review")}
    if not all(value is None or isinstance(value, str) for value in known.values()):
        raise TypeError("not text")
    return Version(**known | days)


def holds_number(data: Any) -> bool:
    """Whether a text of a policy holds a number that the ledger must not keep (audit/numbers.py)."""
    if isinstance(data, Mapping):
        return any(holds_number(part) for pair in data.items() for part in pair)
    if isinstance(data, list):
        return any(map(holds_number, data))
    return isinstance(data, str) and may_be_somebodys(data)


def moment_of(at: datetime) -> str:
    """UTC to the second, as the list has it. ``at`` is in UTC."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
