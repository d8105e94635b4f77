"""A hall with a person of every role: who asks over HTTP what the office and the ledger know."""

import json
import sqlite3
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from audit.alerts.model import RAISED
from policies.vocabulary import ROLES
from proxy.home import Home
from proxy.office.enrolment import today
from proxy.office.keys import Key, KeyBook, new_id
from proxy.office.people import PeopleBook
from proxy.office.roster import Page, Person, Posting, Training, fiscal_year
from proxy.office.store import office_of
from proxy.settings import Settings

SECTION = "道路課"
OTHERS = {"elsewhere": ("部", "福祉課"), "namesake": ("別の部", SECTION)}
"""Who belongs where, but for those of the section."""
BEGAN = date(2020, 4, 1)


@dataclass
class Hall:
    """A running house with a person of every role in one section, each with a key, and two of other sections.

    ``namesake`` belongs to a 課 of the same name in another 部.
    """

    root: str
    settings: Settings
    keys: dict[str, str] = field(default_factory=dict)

    def ask(self, who: str, method: str, path: str, body: Any = None, accept: str = "*/*") -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.keys[who]}", "accept": accept}
        if data is not None and not isinstance(body, bytes):
            headers["content-type"] = "application/json"
        request = urllib.request.Request(self.root + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                raw = reply.read().decode()
                return reply.status, json.loads(raw) if raw.startswith(("{", "[")) else raw
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def ready(self) -> None:
        """Wait until exchanges pass."""
        while self.ask("demo", "GET", "/readyz")[0] != 200:
            time.sleep(0.05)

    def id(self, who: str) -> str:
        return f"1000{(*ROLES, *OTHERS).index(who):02}"

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of a kind, oldest first; without the alerts that the house raises by itself, whenever it does."""
        return [body for body in self._records(kind) if body.get("event") != RAISED]

    def alerts(self) -> list[dict[str, Any]]:
        """Those."""
        return [body for body in self._records("noted") if body.get("event") == RAISED]

    def _records(self, kind: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.settings.ledger_location)) as ledger:
            rows = ledger.execute("SELECT body FROM records WHERE kind = ? ORDER BY at, idx", (kind,))
            return [json.loads(body) for (body,) in rows]

    def events(self) -> list[str]:
        return [str(body.get("event")) for body in self.records("noted")]


def furnished(root: str, settings: Settings) -> Hall:
    """The hall of a house that serves at ``root``, with its people and their keys."""
    hall = Hall(root, settings, {"demo": "sk-desk"})
    with closing(office_of(settings)) as office:
        people, keys = PeopleBook(office), KeyBook(office, Home(settings.home).secret())
        for role in (*ROLES, *OTHERS):
            id = hall.id(role)
            department, section = OTHERS.get(role, ("部", SECTION))
            year = fiscal_year(today())
            people.enter(
                Page(
                    Person(
                        id,
                        "staff",
                        BEGAN,
                        role="staff_member" if role in OTHERS else role,
                        approved_by="900000",
                    ),
                    (Posting(BEGAN, department, section),),
                    tuple(Training(course, year, BEGAN) for course in ("dx", "security")),
                    ("2026-04",),
                )
            )
            key = Key(new_id(), id, "窓", department, section, "mail_draft", purpose="試験")
            hall.keys[role] = keys.create(key)
        tool = Key(new_id(), None, "道具", "部", SECTION, "mail_draft", may_assert_user=True, purpose="試験")
        hall.keys["tool"] = keys.create(tool)
    return hall
