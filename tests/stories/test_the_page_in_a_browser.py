"""What a rule stops is confirmed in a real browser: Chromium opens the link, as a clerk's own would.

One checkpoint, one directory of the city and one browser serve all stories of the file. Of every page that anybody
saw in them it is asked at the end: no script needed and nothing fetched from elsewhere, no complaint of the browser,
no cookie that a script could read, Japanese by name, no scrolling sideways, no personal value and no stack trace.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest

from policies.files import find, read_yaml
from policies.files import read as read_text
from proxy.home import Home
from proxy.office.keys import Key, KeyBook
from proxy.office.people import PeopleBook
from proxy.office.store import office_of
from proxy.settings import read
from tests.approving import approving
from tests.browser import SOURCE, Window, chromium, window
from tests.directory import AUDIENCE, PAGES, TOOL, City, city_directory
from tests.stories.conftest import KEY, Checkpoint, Upstream

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NUMBER, PASSPORT = "7654321", "TK3920471"
TEXT = f"次の文をやわらかく直してください。振込先の口座番号：{NUMBER} に間違いがないか、お知らせください。"
TO_THE_HEAD = f"次の文をやわらかく直してください。旅券番号 {PASSPORT} の写しをお送りください。"
NAME = "山田太郎"
ANOTHER, HEAD, NEWCOMER = "012346", "000001", "000007"
WRONG_KEY = "sk-sekisho-wrong"
REASON = "住所録の確認のため"
RULE = {
    "id": "S-01",
    "title": {
        "ja": "旅券番号は、所属長が確かめてから送ります。",
        "en": "The section head confirms passports.",
    },
    "basis": "試験",
    "when": {"entities": {"any_of": ["JP_PASSPORT"]}},
    "gate": "confirm",
    "consent": "section_head",
    "remedy": {"ja": "所属長に頼んでください。", "en": "Ask your section head."},
}
NEVER = (NUMBER, PASSPORT, NAME, "やわらかく", KEY, WRONG_KEY, "Traceback", "Error", "Exception", ".py")
"""What no page shows: values, texts and keys; what a program would say of itself."""


def key_of(person: str) -> str:
    return f"sk-story-{person}"


@dataclass
class Hall:
    """Where the stories happen."""

    checkpoint: Checkpoint
    upstream: Upstream
    city: City
    browser: "Browser"
    texts: Iterator[int] = field(default_factory=count)

    def text(self, text: str = TEXT) -> str:
        """One that no other story sent: what was confirmed in one of them opens no way in another."""
        return f"{text}({next(self.texts)})"

    def tool(self, key: str = KEY, root: str | None = None) -> Any:
        """The official client, as a tool of whoever's key or token this is."""
        client = self.checkpoint.client(max_retries=0)
        return client.with_options(api_key=key, base_url=f"{root or self.checkpoint.root}/v1")


@pytest.fixture(scope="module")
def hall(open_house: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with chromium() as browser, city_directory() as city:
        rules = read_yaml(read_text(find("takatsuki")), "takatsuki").data["rules"]
        policy = approving(tmp_path_factory.mktemp("policy"), "*", instead={"rules": [*rules, RULE]})
        checkpoint, upstream = open_house(
            policy=str(policy),
            SEKISHO_OIDC_ISSUER=city.issuer,
            SEKISHO_OIDC_AUDIENCE=AUDIENCE,
            SEKISHO_OIDC_CLAIMS="person=staff_id department=org.department section=org.section roles=groups",
            SEKISHO_OIDC_CLIENT_ID=PAGES,
            SEKISHO_OIDC_CLIENT_SECRET=city.pages[0]["secret"],
            SEKISHO_OIDC_SCOPE="openid staff",
        )
        city.stop()  # only now is it known where its sign-in comes back to
        city.pages[0]["redirect_uri"] = f"{elsewhere(checkpoint)}/signin/city/back"
        city.start()
        enrol(checkpoint)
        yield Hall(checkpoint, upstream, city, browser)


def elsewhere(checkpoint: Checkpoint) -> str:
    """The checkpoint by its other name: to a browser, another site than the directory's."""
    return checkpoint.root.replace("127.0.0.1", "localhost")


def enrol(checkpoint: Checkpoint) -> None:
    """Others into the books, as the person of the demo is; the newcomer has not accepted the rules."""
    settings = read(home=Path(checkpoint.dir))
    with closing(office_of(settings)) as office:
        people, keys = PeopleBook(office), KeyBook(office, Home(settings.home).secret())
        key = Key(
            "", None, "文書作成", "部", "課", "mail_draft", purpose="文書の下書き", confidentiality_class="2"
        )
        page = people.page("demo")
        assert page is not None
        for id in ("012345", ANOTHER, HEAD, NEWCOMER):
            person = replace(page.person, id=id, role="section_head" if id == HEAD else page.person.role)
            people.put(replace(page, person=person, acknowledged=() if id == NEWCOMER else page.acknowledged))
            keys.create(replace(key, id=f"k-{id}", person=id), key_of(id))
        keys.create(replace(key, id="k-city", oidc_client=TOOL))


@dataclass
class Clerk:
    """Somebody at the browser, in a window of their own."""

    seen: Window
    root: str
    pages: list[str] = field(default_factory=list)

    @property
    def page(self) -> Any:
        return self.seen.page

    def opens(self, url: str) -> str:
        """Open an address; gives what can be read there."""
        self.page.goto(url if url.startswith("http") else self.root + url)
        return self.reads()

    def signs_in(self, key: str = KEY) -> str:
        self.page.get_by_label("あなた個人のキー").fill(key)
        return self.presses("入る / Sign in")

    def signs_in_at(self, city: City, account: str = "yamada") -> str:
        """By the link of the sign-in page, at the directory's own page."""
        self.page.get_by_role("link", name="市の認証で入る").click()
        assert self.page.url.startswith(city.issuer)
        self.page.locator("[name=login]").fill(account)
        self.page.locator("[name=password]").fill("x")
        self.page.locator("[type=submit]").click()
        self.page.wait_for_url(f"{self.root}/**")
        return self.reads()

    def confirms(self, reason: str = REASON) -> str:
        self.page.get_by_label("理由").fill(reason)
        return self.presses("確かめました")

    def presses(self, name: str) -> str:
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name).click()
        return self.reads()

    def reads(self) -> str:
        """What can be read on the page; how it fits narrow windows and great letters is seen by the way."""
        page = self.page
        self.pages.append(page.content())
        assert page.locator("html").get_attribute("lang") == "ja"
        assert page.locator("h1").count() == 1 and page.title()
        for width, letters in ((320, 100), (640, 100), (1280, 200)):  # 640: what is left of 1280 at 200 %
            assert not self.seen.is_too_wide(width, letters), f"{page.url} at {width}, {letters} %"
        return str(page.locator("body").inner_text())

    def kept_to_itself(self) -> None:
        """What holds of everything that this window showed."""
        assert self.seen.others(self.root) == []
        assert self.seen.complaints_about(self.root) == []
        assert self.page.evaluate("document.cookie") == ""
        for cookie in self.page.context.cookies(self.root):
            assert cookie["httpOnly"] and cookie["sameSite"] == "Lax", cookie["name"]
        for page in self.pages:
            assert "<script" not in page and not [never for never in NEVER if never in page]


Opens = Callable[..., Clerk]


@pytest.fixture
def opens(hall: Hall) -> Iterator[Opens]:
    """Open a window for one more person; ``root``: by which name they reach the checkpoint."""
    with ExitStack() as stack:
        clerks: list[Clerk] = []

        def new(root: str | None = None, **options: Any) -> Clerk:
            seen = stack.enter_context(window(hall.browser, **options))
            clerks.append(Clerk(seen, root or hall.checkpoint.root))
            return clerks[-1]

        yield new
        for clerk in clerks:
            clerk.kept_to_itself()
        hall.checkpoint.close_clients()


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def stopped(tool: Any, *talk: dict[str, Any]) -> dict[str, Any]:
    """The confirmation that the official client is told of."""
    with pytest.raises(openai.PermissionDeniedError) as caught:
        tool.chat.completions.create(model="echo", messages=talk)
    error: Any = caught.value.body
    assert error["code"] == "confirmation_required"
    assert error["confirmation"]["url"] in error["message"]
    return dict(error["confirmation"])


def said(tool: Any, *talk: dict[str, Any]) -> str:
    reply = tool.chat.completions.create(model="echo", messages=talk)
    return str(reply.choices[0].message.content)


@pytest.mark.parametrize("script", [True, False], ids=["with-javascript", "without-javascript"])
def test_a_clerk_opens_the_link_says_why_and_the_text_passes_once(
    hall: Hall, opens: Opens, script: bool
) -> None:
    tool, text, clerk = hall.tool(), hall.text(), opens(script=script)
    before = len(hall.upstream.received)
    link = stopped(tool, user(text))["url"]
    assert "関所に入る" in clerk.opens(link)
    page = clerk.signs_in()
    assert clerk.page.url == link
    for words in (
        "口座番号",
        "1件",
        "E.JP_BANK_ACCOUNT",
        "口座番号 は確認が要ります",
        "メール・通知文案",
        "文そのものは",
    ):
        assert words in page, words
    assert "送信を許可しました" in clerk.confirms()

    answer = said(tool, user(text))
    assert NUMBER in answer, "restored for the clerk"
    more = user("もう少し短くしてください。")
    assert said(tool, user(text), {"role": "assistant", "content": answer}, more), "not asked again"
    assert "もう使われた確認です" in clerk.opens(link)
    assert stopped(tool, user(text))["url"] != link
    assert NUMBER not in hall.upstream.received[before:].decode()


def test_whoever_comes_by_the_citys_directory_signs_in_there(hall: Hall, opens: Opens) -> None:
    root = elsewhere(hall.checkpoint)
    tool, text, clerk = hall.tool(hall.city.token(), root), hall.text(), opens(root)
    link = stopped(tool, user(text))["url"]
    assert link.startswith(root)
    clerk.opens(link)
    page = clerk.signs_in_at(hall.city)
    assert clerk.page.url == link and "012345 として入っています" in page and "口座番号" in page
    assert "送信を許可しました" in clerk.confirms()
    assert NUMBER in said(tool, user(text))
    granted = [one["body"] for one in hall.checkpoint.records("noted")][-1]
    assert (granted["event"], granted["by"], granted["signed_in"]) == (
        "confirmation.granted",
        "012345",
        "directory",
    )


def test_whom_the_directory_knows_and_the_book_does_not_is_told_so(hall: Hall, opens: Opens) -> None:
    clerk = opens(elsewhere(hall.checkpoint))
    clerk.opens("/me")
    page = clerk.signs_in_at(hall.city, "nobody")
    assert "関所に入る" in page and "市の認証で入れませんでした" in page


def test_the_keyboard_is_enough(hall: Hall, opens: Opens) -> None:
    tool, text, clerk = hall.tool(), hall.text(), opens()
    link = stopped(tool, user(text))["url"]
    keyboard = clerk.page.keyboard

    def enters() -> str:
        with clerk.page.expect_navigation():
            keyboard.press("Enter")
        return clerk.reads()

    def tabs_to(name: str) -> None:
        for _ in range(12):
            keyboard.press("Tab")
            assert clerk.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            if clerk.seen.focused().startswith(name):
                return
        raise AssertionError(f"never came to {name}")

    clerk.opens(link)
    tabs_to("key")
    keyboard.type(KEY)
    enters()
    tabs_to("reason")
    keyboard.type(REASON)
    tabs_to("action")
    assert "送信を許可しました" in enters()
    assert NUMBER in said(tool, user(text))
    tabs_to("/me")
    assert "名簿にあること" in enters()


def test_every_field_and_button_has_a_name(hall: Hall, opens: Opens) -> None:
    clerk = opens()
    clerk.opens(stopped(hall.tool(), user(hall.text()))["url"])
    nameless = """() => [...document.querySelectorAll('input:not([type=hidden]), textarea, select, button, a')]
        .filter(one => !(one.labels?.length ? one.labels[0].textContent : one.textContent).trim()).length"""
    assert clerk.page.evaluate(nameless) == 0
    clerk.signs_in()
    assert clerk.page.evaluate(nameless) == 0
    clerk.opens("/me")
    assert clerk.page.evaluate(nameless) == 0


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("", "理由を書いてください(200字まで)"),
        ("個人番号は123456789018です", "台帳に残せません"),
        (f"{NAME}さんから頼まれたため", "理由に個人情報らしいものがあります"),
    ],
    ids=["empty", "a number", "a name"],
)
def test_a_reason_that_cannot_be_kept_is_said_so_and_the_page_stays(
    hall: Hall, opens: Opens, reason: str, sentence: str
) -> None:
    tool, text, clerk = hall.tool(), hall.text(), opens()
    clerk.opens(stopped(tool, user(text))["url"])
    clerk.signs_in()
    assert sentence in clerk.confirms(reason)
    assert sentence in clerk.page.get_by_role("alert").inner_text()
    assert clerk.seen.focused() == "reason", "right where it is mended"
    stopped(tool, user(text))
    assert "送信を許可しました" in clerk.confirms(), "from the same page"


def test_wrong_keys_open_nothing(hall: Hall, opens: Opens) -> None:
    clerk, link = opens(), stopped(hall.tool(), user(hall.text()))["url"]
    clerk.opens(link)
    assert "キーが正しくない" in clerk.signs_in(WRONG_KEY)
    assert clerk.page.get_by_label("あなた個人のキー").input_value() == ""
    assert "関所に入る" in clerk.opens(clerk.page.url), "the address that the browser shows now"
    assert clerk.page.url == link
    page = clerk.signs_in(key_of(ANOTHER))
    assert "あなたが確かめるものではありません" in page and "口座番号" not in page


def test_a_link_that_is_over_says_so(hall: Hall, opens: Opens) -> None:
    tool, text, clerk = hall.tool(), hall.text(), opens()
    confirmation = stopped(tool, user(text))
    clerk.opens(confirmation["url"])
    clerk.signs_in()
    with closing(sqlite3.connect(Path(hall.checkpoint.dir) / "office.sqlite")) as office, office:
        passed = ("2026-01-01T00:00:00.000Z", confirmation["id"])
        office.execute("UPDATE confirmations SET deadline = ? WHERE id = ?", passed)
    assert "期限が過ぎた確認です" in clerk.confirms(), "it ran out while the page was open"
    assert "期限が過ぎた確認です" in clerk.opens(confirmation["url"])
    assert "この確認のページはありません" in clerk.opens("/confirm/no-such-one")
    stopped(tool, user(text))


def test_a_refused_text_stays_refused(hall: Hall, opens: Opens) -> None:
    clerk = opens()
    link = stopped(hall.tool(), user(hall.text()))["url"]
    clerk.opens(link)
    clerk.signs_in()
    assert "送信しないことにしました" in clerk.presses("送信しません")
    assert "送信しないことにしました" in clerk.opens(link)


def test_the_head_of_the_section_finds_it_in_the_queue_and_consents(hall: Hall, opens: Opens) -> None:
    tool, text, clerk, head = hall.tool(), hall.text(TO_THE_HEAD), opens(), opens()
    link = stopped(tool, user(text))["url"]
    clerk.opens(link)
    page = clerk.signs_in()
    assert "所属長の同意を待っています" in page and "確かめました" not in page

    head.opens("/consents")
    queue = head.signs_in(key_of(HEAD))
    assert "あなたの同意を待っているもの" in queue and "demo" in queue and "旅券番号" in queue
    head.page.get_by_role("link", name="開く").last.click()
    page = head.reads()
    assert head.page.url == link and RULE["title"]["ja"] in page and "送った人(demo)に" in page  # type: ignore[index]
    page = head.confirms("送る先を本人に聞いて確かめたため")
    assert (
        "送信を許可しました" in page and "送った人(demo)に知らせて" in page and "ツールに戻って" not in page
    )
    assert "いまはありません" in head.opens("/consents")
    assert PASSPORT in said(tool, user(text))


def test_ones_own_page_says_what_is_kept_and_takes_a_confirmation_back(hall: Hall, opens: Opens) -> None:
    tool, text, clerk = hall.tool(key_of(ANOTHER)), hall.text(), opens()
    link = stopped(tool, user(text))["url"]
    clerk.opens(link)
    clerk.signs_in(key_of(ANOTHER))
    clerk.confirms()
    page = clerk.opens("/me")
    for words in ("記録は5年", "伏せ字の文章は1年", "CSIRTの審査者", ANOTHER, "同意済み", "一度送れます"):
        assert words in page, words
    assert "確認を取り消しました" in clerk.presses("取り消す")
    assert stopped(tool, user(text))["url"] != link
    assert "関所に入る" in clerk.presses("出る")
    assert clerk.page.context.cookies() == []


def test_a_newcomer_accepts_the_rules(hall: Hall, opens: Opens) -> None:
    clerk = opens()
    clerk.opens("/me")
    assert "まだ同意していません" in clerk.signs_in(key_of(NEWCOMER))
    assert "利用ルールへの同意を記録しました" in clerk.presses("に同意します")
    assert "同意済み" in clerk.opens("/me")


def test_nothing_was_written_that_should_not_be_and_the_ledger_is_whole(hall: Hall) -> None:
    kept = json.dumps(hall.checkpoint.records() + hall.checkpoint.records("noted"), ensure_ascii=False)
    kept += hall.checkpoint.log.read_text()
    assert not [never for never in (NUMBER, PASSPORT, NAME, KEY, WRONG_KEY, "Traceback") if never in kept]
    assert hall.checkpoint.verify()["ok"]


def test_the_lock_names_no_address() -> None:
    assert "resolved" not in (SOURCE / "package-lock.json").read_text()
