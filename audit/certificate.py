"""Deletion certificates (廃棄証明書): what was removed, when, by whom, under which rule. Read from the ledger itself.

A certificate is all ``noted`` records that bear its number. The removal and the record of it were one transaction,
so none says more or less than what was done; the signed note it names calls the same chains purged, for good.

It holds no content of what was removed, writes nothing and removes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audit import tables, verify
from audit.holds import Body, events_of
from audit.months import JST
from audit.periods import read_period

EVENTS = ("originals.erased", "texts.erased", "records.purged", "purge.verified")


def verdict(report: verify.Report) -> Body:
    """What is kept of a verification."""
    return {
        "ok": report.ok,
        "records": report.records,
        "notes": report.checkpoints,
        "purged_chains": report.purged_chains,
        "texts_erased": report.texts_erased,
        "signatures": report.signatures,
        "first_bad": report.first_bad.code if report.first_bad else None,
    }


@dataclass(frozen=True, slots=True)
class Certificate:
    """One purge. ``told``: (moment, body) of its records, in order."""

    id: str
    by: str
    told: tuple[tuple[str, Body], ...]

    @property
    def at(self) -> str:
        return self.told[0][0]

    def bodies(self, event: str) -> list[Body]:
        return [body for _, body in self.told if body["event"] == event]

    def texts(self) -> dict[str, Body]:
        """Chain → its span, with how many texts were erased and how many a hold kept."""
        chains: dict[str, Body] = {}
        for body in self.bodies("texts.erased"):
            for writer, count in body["chains"].items():
                chain = chains.setdefault(writer, {**body["spans"].get(writer, {}), "erased": 0})
                chain["erased"] += count
        return chains

    def records(self) -> dict[str, Body]:
        """Chain → its span, its texts, and the number of the note that calls it purged."""
        return {
            writer: {**span, "note": body["note"]}
            for body in self.bodies("records.purged")
            for writer, span in body["chains"].items()
        }

    def originals(self) -> Body:
        """How many keys and originals."""
        bodies = self.bodies("originals.erased")
        total: Body = {name: sum(body[name] for body in bodies) for name in ("keys", "originals")}
        return total | {"held": max((body["held"] for body in bodies), default=0)}

    def held(self) -> Body:
        """How much of what was due stayed for holds, in all; empty where it is not said."""
        return dict(self.told[0][1].get("held_in_all", {}))

    @property
    def sound_after(self) -> bool:
        """Whether the ledger was verified afterwards, and nothing was wrong."""
        said = self.bodies("purge.verified")
        return bool(said) and bool(said[-1]["after"]["ok"])

    @property
    def log_emptied(self) -> bool:
        """Whether no copy of what was erased stayed in the file and its log, as far as it says."""
        said = self.bodies("purge.verified")
        return bool(said) and bool(said[-1].get("log_emptied", True))

    def as_json(self) -> Body:
        rules = {
            body["event"]: {k: body[k] for k in ("period", "until") if k in body} for _, body in self.told
        }
        verified = self.bodies("purge.verified")
        return {
            "certificate": self.id,
            "by": self.by,
            "at": self.at,
            "rules": {event: rule for event, rule in rules.items() if rule},
            "holds": sorted({hold for _, body in self.told for hold in body["holds"]}),
            "held": self.held(),
            "originals": self.originals(),
            "texts": self.texts(),
            "records": self.records(),
            "log_emptied": self.log_emptied,
            "verified": {name: verified[-1][name] for name in ("before", "after")} if verified else None,
        }


def certificates(connection: tables.Connection) -> list[Certificate]:
    """All of them, oldest first."""
    by_id: dict[str, list[tuple[str, Body]]] = {}
    for _, at, body in events_of(connection, *EVENTS):
        if isinstance(body.get("certificate"), str):
            by_id.setdefault(body["certificate"], []).append((at, body))
    return [Certificate(id, str(told[0][1]["by"]), tuple(told)) for id, told in by_id.items()]


# ── for people ───────────────────────────────────────────────────────────────────────────────────


def words(certificate: Certificate) -> str:
    """To be printed and filed: Japanese first, English beside it."""
    return "\n".join(_lines(certificate))


def _lines(certificate: Certificate) -> Iterator[str]:
    whole = certificate.as_json()
    yield f"廃棄証明書 / Deletion certificate  {certificate.id}"
    yield ""
    yield f"実施日時 when      {local(certificate.at)} (日本時間 / JST)"
    yield f"実施者 by          {certificate.by}"
    yield f"保全の指定 holds   {'、'.join(whole['holds']) or 'なし / none'}"
    if held := whole["held"]:
        yield (
            f"保全で残す held    原文 originals {held['originals']}、本文 texts {held['texts']}、"
            f"記録 records {held['records']}(鎖 chains {held['chains']})"
        )
    originals = whole["originals"]
    if originals["keys"]:
        yield ""
        yield f"■ 原文 originals: 鍵 {originals['keys']} 個と原文 {originals['originals']} 件を消去 / keys and originals erased"
        yield f"  保全のため残したもの kept for holds: {originals['held']}"
    if texts := whole["texts"]:
        erased, held = (sum(chain.get(key, 0) for chain in texts.values()) for key in ("erased", "held"))
        yield ""
        yield f"■ 本文(伏せ字) masked texts: {erased} 件を消去 / erased"
        yield f"  規則 rule: {_rule(whole['rules']['texts.erased'])}"
        yield f"  保全のため残したもの kept for holds: {held}"
        for writer, chain in texts.items():
            yield f"  {writer}: 消去 erased {chain['erased']} / 保全 held {chain.get('held', 0)}"
            yield from _span(chain)
    if records := whole["records"]:
        total = sum(chain["records"] for chain in records.values())
        yield ""
        yield f"■ 記録 records: {len(records)} 本の鎖、{total} 件を消去 / chains and records removed"
        yield f"  規則 rule: {_rule(whole['rules']['records.purged'])}"
        for writer, chain in records.items():
            yield f"  {writer}: 記録 records {chain['records']} / 本文 texts {chain['texts']} / 控え note {chain['note']}"
            yield from _span(chain)
    yield ""
    yield from _verdicts(whole["verified"])
    if whole["verified"] and not whole["log_emptied"]:
        yield "このとき、消したものの写しが台帳のファイルか -wal に残っていました / Copies were still in the file or its -wal then"


def _span(chain: Body) -> Iterator[str]:
    if "first_at" in chain:
        yield f"    {local(chain['first_at'])} 〜 {local(chain['last_at'])}"
        yield f"    先頭 first {chain['first_hash']}"
        yield f"    末尾 last  {chain['last_hash']}"


def _rule(rule: Body) -> str:
    period = read_period(rule["period"])
    day = date.fromisoformat(rule["until"])
    return f"保存期間 {period.japanese}、{day:%Y-%m-%d} までのもの / kept {period}, up to {day:%Y-%m-%d}"


def _verdicts(verified: Body | None) -> Iterator[str]:
    if verified is None:
        yield "検証の結果がありません(途中で止まりました) / There is no verdict: it was stopped on the way"
        return
    for name, label in (("before", "実施前の検証 before"), ("after", "実施後の検証 after ")):
        said = verified[name]
        result = "正しい / sound" if said["ok"] else f"異常あり / NOT sound ({said['first_bad']})"
        signed = (
            "署名も確認 / with signatures" if said["signatures"] else "署名は未確認 / signatures not checked"
        )
        yield f"{label}  {result}  記録 records {said['records']}、控え notes {said['notes']}、{signed}"


def local(at: str) -> str:
    """A moment as people here read it."""
    return f"{datetime.fromisoformat(at).astimezone(JST):%Y-%m-%d %H:%M:%S}"


def plain(value: Any) -> str:
    """Nothing that could steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in str(value))
