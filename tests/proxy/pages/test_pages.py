"""The pages in a running house: who may sign in, who consents for whom, what is noted, what is accepted on one's own page."""

import dataclasses
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from audit import glass
from audit.address import address_of
from audit.ledger import Ledger
from audit.readers import reader_of
from proxy.home import Home
from proxy.house import House, build
from proxy.office.keys import Key, KeyBook
from proxy.office.people import PeopleBook
from proxy.office.roster import Page, Person, Posting
from proxy.office.store import office_of
from proxy.oidc import Identity
from proxy.settings import Settings
from redaction.model import Finding
from tests import fakes
from tests.proxy.conftest import post

LONG_AGO = date(2000, 4, 1)
CARD = {"model": "echo", "messages": [{"role": "user", "content": "番号はC4111です"}]}
BOTH = {"model": "echo", "messages": [{"role": "user", "content": "番号はC4111とB4111です"}]}
RULE = """
  - id: {id}
    title: {{ja: 題, en: Title}}
    basis: 試験
    when: {{entities: {{any_of: [{label}]}}}}
    gate: confirm
    consent: {consent}
    remedy: {{ja: "{id}を確かめる。", en: Check it.}}"""
POLICY = """
name: consenting
version: "1"
rules_version: "2026-04"
title: {ja: 同意の方針, en: A policy of consent}
rules:
  - {id: A, title: {ja: 可, en: Fine}, basis: 試験, when: {always: true}, gate: allow}""" + "".join(
    RULE.format(id=id, label=label, consent=consent)
    for id, label, consent in (
        ("CARD", "CREDIT_CARD", "section_head"),
        ("IBAN", "IBAN_CODE", "csirt"),
        ("ACCOUNT", "JP_BANK_ACCOUNT", "self"),
    )
)
LABELS = {"C": "CREDIT_CARD", "B": "IBAN_CODE", "A": "JP_BANK_ACCOUNT"}


class Finds(fakes.Detector):
    """C, B or A and figures."""

    async def find(self, texts: Sequence[str], strict: bool = False) -> list[tuple[Finding, ...]]:
        await super().find(texts, strict)
        return [
            tuple(
                Finding(LABELS[match[1]], *match.span(), 0.9, "test", "cue")
                for match in re.finditer(r"([CBA])[0-9]+", text)
            )
            for text in texts
        ]


class Directory:
    """A city's directory that says whoever its name is."""

    signs_in = True
    says = Identity("000003", section="デモ課", role="section_head")

    async def begin(self, redirect_uri: str) -> tuple[str, str]:
        return f"{redirect_uri}?code=c&state=s", "sealed"

    async def finish(self, code: str, sealed: str, redirect_uri: str, state: str | None = None) -> Identity:
        assert (code, sealed, state) == ("c", "sealed", "s")
        return self.says

    async def close(self) -> None: ...


PEOPLE = (
    ("000001", "staff", "section_head", "デモ課"),
    ("000002", "staff", "section_head", "道路課"),
    ("000003", "staff", "staff_member", "デモ課"),
    ("000009", "staff", "csirt_reviewer", "情報課"),
    ("night", "robot", "staff_member", "デモ課"),
)


@pytest.fixture
def root(serve: Callable[..., str], settings: Settings, tmp_path: Path) -> str:
    """A house with a few people, each with a key of their name."""
    policy = tmp_path / "consenting.yaml"
    policy.write_text(POLICY, "utf-8")

    def make(settings: Settings) -> House:
        made = build(settings.model_copy(update={"policy": str(policy)}))
        return dataclasses.replace(made, detector=Finds(), directory=Directory())  # type: ignore[arg-type]

    url = serve(make)
    with closing(office_of(settings)) as office:
        keys = KeyBook(office, Home(settings.home).secret())
        for id, kind, role, section in PEOPLE:
            person = Person(id, kind, LONG_AGO, role=role, approved_by="000000")  # type: ignore[arg-type]
            PeopleBook(office).enter(Page(person, (Posting(LONG_AGO, "都市創造部", section),)))
            keys.create(Key(f"k-{id}", id, "チャット", "部", section, "mail_draft"), f"sk-{id}")
        keys.create(Key("k-gone", "999999", "チャット", "部", "課", "mail_draft"), "sk-gone")
    return url.removesuffix("/v1")


@pytest.fixture
def person(root: str) -> Iterator[Callable[..., "Visitor"]]:
    made: list[httpx.Client] = []

    def new(key: str | None = None) -> Visitor:
        made.append(httpx.Client(base_url=root, follow_redirects=True, headers={"origin": root}, timeout=30))
        visitor = Visitor(made[-1])
        if key:
            assert visitor.http.post("/signin", data={"to": "/me", "key": key}).status_code == 200
        return visitor

    yield new
    for client in made:
        client.close()


@dataclasses.dataclass
class Visitor:
    http: httpx.Client

    def opens(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def presses(self, path: str, page: str, **form: str) -> httpx.Response:
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.opens(page).text)
        return self.http.post(path, data={"token": found[1] if found else "", **form})

    def decides(self, path: str, action: str = "grant") -> httpx.Response:
        return self.presses(path, path, action=action, reason="内容を確かめたため")


def asked(root: str, body: dict[str, Any] = CARD, key: str = "sk-desk") -> tuple[int, str]:
    """The status, and the path of the page where it can be confirmed."""
    status, _, reply = post(f"{root}/v1", body, key)
    if status == 200:
        return status, ""
    return status, str(reply["error"]["confirmation"]["url"]).removeprefix(root)


def noted(settings: Settings) -> list[dict[str, Any]]:
    with sqlite3.connect(settings.ledger_location) as connection:
        rows = connection.execute("SELECT body FROM records WHERE kind = 'noted' ORDER BY at, idx")
        bodies = [json.loads(body) for (body,) in rows]
    return [body for body in bodies if body["event"].split(".")[0] in ("confirmation", "signin", "rules")]


# ── who consents ──────────────────────────────────────────────────────────────────────────────────


def test_the_head_of_the_section_consents_and_nobody_else(
    root: str, person: Callable[..., Visitor], settings: Settings
) -> None:
    status, path = asked(root)
    assert status == 403
    head, other_head, colleague, csirt = (
        person(f"sk-{id}") for id in ("000001", "000002", "000003", "000009")
    )
    clerk = person("sk-desk")
    waits = clerk.opens(path)
    assert "所属長の同意を待っています" in waits.text and "送信を許可します" not in waits.text
    assert clerk.decides(path).status_code == 400, "nobody consents for themselves"
    for stranger in (other_head, colleague, csirt):
        assert stranger.opens(path).status_code == 403
        assert path not in stranger.opens("/consents").text
        assert stranger.presses(path, "/me", action="grant", reason="x").status_code == 403
    queue = head.opens("/consents").text
    assert path in queue and "クレジットカード番号 1件" in queue and "C4111" not in queue
    assert "送信を許可しました" in head.decides(path).text
    assert "送信を許可しました" in clerk.opens(path).text
    assert path not in head.opens("/consents").text
    assert asked(root)[0] == 200
    (granted,) = noted(settings)
    assert (granted["event"], granted["by"], granted["as"]) == (
        "confirmation.granted",
        "000001",
        "section_head",
    )
    assert (granted["person"], granted["found"], granted["rules"]) == ("demo", {"CREDIT_CARD": 1}, ["CARD"])


@pytest.mark.requirement("R46")
def test_the_head_of_the_section_is_told_which_originals_were_opened(
    root: str, person: Callable[..., Visitor], settings: Settings
) -> None:
    card = {"exchange": "01X", "person": "000003", "department": "都市創造部", "section": "デモ課"}
    reviewer, advisor = (
        reader_of("000009", "csirt_reviewer", "", ""),
        reader_of("000008", "cio_advisor", "", ""),
    )
    now = datetime.now(UTC)
    grant, asking = glass.asked(reviewer, card, "INC-2026-014", "<b>申立て</b>の確認", 1, now)
    given, allowing = glass.allowed(advisor, grant, now)
    ledger = Ledger(address_of(settings.ledger_location), create=False)
    ledger.start()
    for draft in (asking, allowing, glass.viewed(reviewer, given)):
        ledger.append_now(draft)
    ledger.stop()
    for other in ("000002", "000003", "000009"):
        assert "INC-2026-014" not in person(f"sk-{other}").opens("/consents").text, other
    head = person("sk-000001")
    told = head.opens("/consents").text
    assert "原文が開かれたもの" in told and "INC-2026-014" in told and "1回" in told
    assert "000009、000008" in told and "<b>" not in told
    head.opens("/consents")
    with sqlite3.connect(settings.ledger_location) as connection:
        rows = connection.execute("SELECT body FROM records WHERE kind IN ('noted', 'viewed')")
        bodies = [json.loads(body) for (body,) in rows]
    (heard,) = (body for body in bodies if body.get("event") == "glass.told")
    assert (heard["by"], heard["grant"]) == ("000001", grant.id)
    looks = [body["person"] for body in bodies if body.get("what") == "openings" and body["rows"]]
    assert looks == ["000001", "000001"]


def test_where_both_are_asked_both_have_to_consent(root: str, person: Callable[..., Visitor]) -> None:
    _, path = asked(root, BOTH)
    head, csirt = person("sk-000001"), person("sk-000009")
    assert "もう一人の同意" in head.decides(path).text
    assert asked(root, BOTH) == (403, path)
    assert path in csirt.opens("/consents").text and "同意済み: 所属長 000001" in csirt.opens(path).text
    assert "送信を許可しました" in csirt.decides(path).text
    assert asked(root, BOTH)[0] == 200


def test_a_head_does_not_consent_to_what_they_sent_themselves(
    root: str, person: Callable[..., Visitor]
) -> None:
    body = {**CARD, "model": "echo"}
    status, path = asked(root, body, "sk-000001")
    head = person("sk-000001")
    assert status == 403 and head.decides(path).status_code == 400
    assert "所属長の同意を待っています" in head.opens(path).text and path not in head.opens("/consents").text
    assert "送信しないことにしました" in head.decides(path, "refuse").text


# ── signing in ────────────────────────────────────────────────────────────────────────────────────


def test_neither_a_robot_nor_somebody_who_is_not_enrolled_signs_in(
    root: str, person: Callable[..., Visitor], settings: Settings
) -> None:
    visitor = person()
    for key, words in (("sk-night", "ロボットは確かめられません"), ("sk-gone", "利用登録がありません")):
        answer = visitor.http.post("/signin", data={"to": "/me", "key": key})
        assert answer.status_code == 403 and words in answer.text
    assert [(one["by"], one["reason"]) for one in noted(settings)] == [
        ("night", "robot"),
        ("999999", "not_enrolled"),
    ]
    assert "関所に入る" in visitor.opens("/me").text


def test_after_five_wrong_keys_a_page_lets_nobody_in_for_a_while(
    root: str, person: Callable[..., Visitor], settings: Settings
) -> None:
    _, path = asked(root)
    visitor = person()
    answers = [visitor.http.post("/signin", data={"to": path, "key": f"sk-wrong-{n}"}) for n in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 5
    late = visitor.http.post("/signin", data={"to": path, "key": "sk-desk"})
    assert late.status_code == 429 and "5分ほど待って" in late.text
    assert len(noted(settings)) == 5 and "sk-wrong" not in json.dumps(noted(settings))


def test_the_citys_directory_lets_in_whom_the_book_knows_and_says_their_role(
    root: str, person: Callable[..., Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = asked(root)
    visitor = person()
    assert f"/signin/city?to={path}" in visitor.opens(path).text
    page = visitor.opens(f"/signin/city?to={path}")
    assert page.status_code == 200 and page.url.path == path, "back where it began"
    assert "送信を許可しました" in visitor.decides(path).text, "000003 is a head by the directory"
    monkeypatch.setattr(Directory, "says", Identity("777777"))
    stranger = person()
    assert stranger.opens("/signin/city?to=/me").status_code == 403
    assert person().opens("/signin/city/back?code=c&state=s").status_code == 401, "not begun here"


def test_a_sign_in_leads_to_our_own_pages_alone(root: str, person: Callable[..., Visitor]) -> None:
    for to in (
        "https://elsewhere.example/",
        "//elsewhere.example",
        "/v1/models",
        "/me/revoke",
        "/confirm/a/b",
    ):
        visitor = person()
        answer = visitor.http.post("/signin", data={"to": to, "key": "sk-desk"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/me")


def test_a_sealed_session_is_no_other_and_ends(root: str, person: Callable[..., Visitor]) -> None:
    visitor = person("sk-desk")
    cookie = visitor.http.cookies["sekisho_session"]
    assert "自分の利用" in visitor.opens("/me").text
    said, _, seal = cookie.partition(".")
    for wrong in (f"{said}x.{seal}", f"{said}.{seal[:-1]}", said, "", "."):
        answer = httpx.get(f"{root}/me", headers={"cookie": f"sekisho_session={wrong}"})
        assert "関所に入る" in answer.text
    assert "関所に入る" in visitor.presses("/signout", "/me").text


def test_a_form_from_elsewhere_is_not_accepted(root: str, person: Callable[..., Visitor]) -> None:
    visitor = person("sk-desk")
    for origin in ({"origin": "https://elsewhere.example"}, {"origin": "null"}):
        answer = visitor.http.post("/me/accept", data={"rules": "2026-04"}, headers=origin)
        assert answer.status_code == 403 and "SEKISHO_PUBLIC_URL" in answer.text
    answer = httpx.post(f"{root}/signin", data={"to": "/me", "key": "sk-desk"})
    assert answer.status_code == 403, "a browser says where a form came from"
    assert visitor.http.post("/me/accept", content=b"x" * 9_000).status_code == 413


# ── one's own page ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.requirement("R3")
def test_somebody_accepts_the_rules_once_and_it_is_noted(
    root: str, person: Callable[..., Visitor], settings: Settings
) -> None:
    visitor = person("sk-000003")
    page = visitor.opens("/me").text
    assert "版 2026-04 にまだ同意していません" in page and "今年度はまだです" in page
    assert "記録しました" in visitor.presses("/me/accept", "/me", rules="2026-04").text
    assert "版 2026-04 に同意済み" in visitor.opens("/me").text
    assert noted(settings) == [
        {"event": "rules.acknowledged", "by": "000003", "person": "000003", "rules": "2026-04"}
    ]


def test_nobody_takes_back_what_is_another_persons(root: str, person: Callable[..., Visitor]) -> None:
    _, path = asked(root)
    id = path.rpartition("/")[2]
    assert person("sk-000003").presses("/me/revoke", "/me", id=id).status_code == 404
    assert asked(root) == (403, path)
    assert "取り消しました" in person("sk-desk").presses("/me/revoke", "/me", id=id).text
    assert asked(root)[1] != path


def test_the_pages_are_not_in_the_openapi_and_the_style_is_ours(root: str) -> None:
    assert httpx.get(f"{root}/pages.css").headers["content-type"].startswith("text/css")
    paths = httpx.get(f"{root}/openapi.json").json()["paths"]
    assert not any(path.startswith(("/confirm", "/me", "/signin")) for path in paths)
