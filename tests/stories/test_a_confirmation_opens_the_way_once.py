"""A rule asks for confirmation: the clerk's own tool, the official client, is stopped with a link; the clerk opens it,
signs in, says why, and the same text passes once. It is not asked about again; new personal data is.
"""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.stories.conftest import KEY, Checkpoint, Upstream, enrolled, sekisho

NUMBER, OTHER = "7654321", "2345678"
TEXT = f"次の文をやわらかく直してください。振込先の口座番号：{NUMBER} に間違いがないか、お知らせください。"
MORE = f"もう一つの振込先の口座は普通預金{OTHER}です。同じように直してください。"
YES = "確かめました"


class Clerk:
    """Somebody at a browser: no script, cookies, our own forms."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.root = checkpoint.root
        self.http = httpx.Client(follow_redirects=True, timeout=30)
        checkpoint.clients.append(self.http)  # closed as the checkpoint ends
        self.pages: list[str] = []

    def opens(self, url: str) -> httpx.Response:
        return self._saw(self.http.get(url if url.startswith("http") else self.root + url))

    def signs_in(self, to: str, key: str = KEY) -> httpx.Response:
        return self.presses("/signin", to=to.removeprefix(self.root), key=key)

    def presses(self, path: str, origin: str | None = None, **form: str) -> httpx.Response:
        headers = {"origin": origin or self.root}
        return self._saw(self.http.post(self.root + path, data=form, headers=headers))

    def decides(self, url: str, action: str = "grant", reason: str = "住所録の確認のため") -> httpx.Response:
        page = self.opens(url)
        return self.presses(url.removeprefix(self.root), token=token_of(page), action=action, reason=reason)

    def _saw(self, response: httpx.Response) -> httpx.Response:
        self.pages.append(response.text)
        return response


def token_of(page: httpx.Response) -> str:
    found = re.search(r'name="token" value="([0-9a-f]+)"', page.text)
    assert found, page.text
    return found[1]


def stopped(tool: Any, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What the official client is told when it is stopped."""
    with pytest.raises(openai.PermissionDeniedError) as caught:
        tool.chat.completions.create(model="echo", messages=messages)
    assert caught.value.response.headers["x-should-retry"] == "false"
    error = dict(caught.value.body)  # type: ignore[arg-type]
    assert error["code"] == "confirmation_required"
    return error


def said(tool: Any, messages: list[dict[str, Any]]) -> str:
    reply = tool.chat.completions.create(model="echo", messages=messages)
    return str(reply.choices[0].message.content)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@pytest.mark.requirement("R32")
def test_the_clerk_confirms_once_and_goes_on_talking(start_checkpoint: Any, upstream: Upstream) -> None:
    checkpoint: Checkpoint = start_checkpoint(upstream.url)
    tool, clerk = checkpoint.client(max_retries=2), Clerk(checkpoint)
    talk = [user(TEXT)]

    error = stopped(tool, talk)
    link = error["confirmation"]["url"]
    assert link.startswith(f"{checkpoint.root}/confirm/") and link in error["message"]
    assert set(error["confirmation"]) == {"id", "url", "expires_at"}
    assert upstream.requests == []
    assert stopped(tool, talk)["confirmation"]["id"] == error["confirmation"]["id"], (
        "the same one still waits"
    )

    assert "関所に入る" in clerk.opens(link).text
    page = clerk.signs_in(link)
    assert page.status_code == 200 and YES in page.text
    assert "口座番号" in page.text and "E.JP_BANK_ACCOUNT" in page.text and "1件" in page.text
    assert "もう一度送ってください" in clerk.decides(link).text

    answer = said(tool, talk)
    assert NUMBER in answer, "restored for the clerk"
    assert NUMBER not in upstream.received.decode()

    # a second turn: the earlier one is known, and what the model repeated of it is nothing new
    talk += [{"role": "assistant", "content": answer}, user("もう少し短くしてください。")]
    answer = said(tool, talk)
    talk += [{"role": "assistant", "content": answer}]
    assert len(upstream.requests) == 2

    # the same text again as a new one is a second use
    assert stopped(tool, [user(TEXT)])["confirmation"]["id"] != error["confirmation"]["id"]

    # new personal data in a later turn is asked about
    talk += [user(MORE)]
    again = stopped(tool, talk)["confirmation"]
    assert again["id"] != error["confirmation"]["id"]
    clerk.decides(again["url"])
    assert OTHER in said(tool, talk)
    assert len(upstream.requests) == 3

    received = upstream.received.decode()
    assert NUMBER not in received and OTHER not in received, "what was confirmed is still masked"
    records = checkpoint.records()
    written = json.dumps(records, ensure_ascii=False) + checkpoint.log.read_text() + "".join(clerk.pages)
    for value in (NUMBER, OTHER, "やわらかく", KEY):
        assert value not in written
    asked = [record["body"] for record in records if record["kind"] == "asked"]
    assert {body["verdict"] for body in asked} == {"confirm"}
    assert [("confirmations" in body, "confirmation" in body) for body in asked] == [
        (False, True), (False, True), (True, False), (True, False), (False, True), (False, True), (True, False),
    ]  # fmt: skip
    assert [body["actions"]["JP_BANK_ACCOUNT"] for body in asked] == [
        "refused", "refused", "masked", "masked", "refused", "refused", "masked",
    ]  # fmt: skip
    endings = [record["kind"] for record in records if record["kind"] != "asked"]
    assert endings == ["refused", "refused", "answered", "answered", "refused", "refused", "answered"]
    events = [record["body"] for record in checkpoint.records("noted")]
    granted = [body for body in events if body["event"] == "confirmation.granted"]
    assert [body["confirmation"] for body in granted] == [error["confirmation"]["id"], again["id"]]
    assert granted[0]["by"] == "demo" and granted[0]["reason"] == "住所録の確認のため"
    assert granted[0]["rules"] == ["E.JP_BANK_ACCOUNT"] and granted[0]["found"] == {"JP_BANK_ACCOUNT": 1}
    assert checkpoint.verify()["ok"]


@pytest.mark.requirement("R32")
def test_a_confirmation_is_nobody_elses_and_no_tools(start_checkpoint: Any, upstream: Upstream) -> None:
    checkpoint: Checkpoint = start_checkpoint(upstream.url)
    tool, clerk = checkpoint.client(max_retries=0), Clerk(checkpoint)
    enrolled("012345", checkpoint.dir)
    enrolled("012346", checkpoint.dir)
    keys = {
        name: new_key(checkpoint, *words)
        for name, words in {
            "other": ("--person", "012346"),
            "tool": ("--may-assert-user", "--addresses", "127.0.0.0/8"),
        }.items()
    }
    messages = [user(TEXT)]
    link = stopped(tool, messages)["confirmation"]["url"]

    wrong = clerk.signs_in(link, "sk-sekisho-wrong")
    assert wrong.status_code == 401 and "キーが正しくない" in wrong.text
    by_tool = clerk.signs_in(link, keys["tool"])
    assert by_tool.status_code == 403 and "ツールのキーでは入れません" in by_tool.text
    other = clerk.signs_in(link, keys["other"])
    assert other.status_code == 403 and "あなたが確かめるものではありません" in other.text
    assert YES not in "".join(clerk.pages)

    # the clerk confirms; another person with the same text, another key of one's own: both are asked themselves
    clerk.signs_in(link)
    clerk.decides(link)
    for key in (keys["other"], new_key(checkpoint, "--person", "demo")):
        status, _, body = checkpoint.post(
            {"model": "echo", "messages": messages}, authorization=f"Bearer {key}"
        )
        assert (status, body["error"]["code"]) == (403, "confirmation_required")
    status, _, body = checkpoint.post({"model": "echo", "messages": [user(TEXT + "お願いします。")]})
    assert (status, body["error"]["code"]) == (403, "confirmation_required"), "another text"
    assert upstream.requests == []
    assert NUMBER in said(tool, messages)

    refused = [r["body"] for r in checkpoint.records("noted") if r["body"]["event"] == "signin.refused"]
    assert [body["reason"] for body in refused] == ["wrong_key", "tool_key"]


def new_key(checkpoint: Checkpoint, *words: str) -> str:
    done = sekisho(
        "keys", "create", *words, "--tool", "別のツール", "--department", "都市創造部", "--section", "デモ課",
        "--category", "mail_draft", "--class", "2", "--purpose", "見本の利用", "--json",
        SEKISHO_HOME=checkpoint.dir,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["key"])


def test_a_page_keeps_itself_to_itself(start_checkpoint: Any, upstream: Upstream) -> None:
    checkpoint: Checkpoint = start_checkpoint(upstream.url)
    clerk = Clerk(checkpoint)
    link = stopped(checkpoint.client(max_retries=0), [user(TEXT)])["confirmation"]["url"]
    page = clerk.signs_in(link)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert page.headers["cache-control"] == "no-store" and "script" not in page.text
    cookie = clerk.http.cookies.jar
    assert [(one.name, one.path) for one in cookie] == [("sekisho_session", "/")]

    path = link.removeprefix(checkpoint.root)
    elsewhere = clerk.presses(
        path, "https://elsewhere.example", token=token_of(page), action="grant", reason="x"
    )
    assert elsewhere.status_code == 403
    assert clerk.presses(path, token="00", action="grant", reason="x").status_code == 403
    for reason, sentence in (
        ("", "理由を書いてください"),
        ("あ" * 201, "理由を書いてください"),
        ("個人番号は123456789018です", "台帳に残せません"),
        ("山田太郎さんから頼まれたため", "個人情報らしいもの"),
    ):
        answer = clerk.decides(link, reason=reason)
        assert answer.status_code == 400 and sentence in answer.text, reason
    assert "送信しないことにしました" in clerk.decides(link, "refuse", "").text
    assert "送信しないことにしました" in clerk.opens(link).text
    events = [r["body"]["event"] for r in checkpoint.records("noted") if "confirmation" in r["body"]]
    assert events == ["confirmation.refused"]
    assert "山田太郎" not in json.dumps([r["body"] for r in checkpoint.records("noted")], ensure_ascii=False)


def test_what_was_confirmed_is_given_back_where_nothing_left(start_checkpoint: Any, tmp_path: Path) -> None:
    checkpoint: Checkpoint = start_checkpoint("http://127.0.0.1:9/v1")  # nobody listens
    tool, clerk = checkpoint.client(max_retries=0), Clerk(checkpoint)
    link = stopped(tool, [user(TEXT)])["confirmation"]["url"]
    clerk.signs_in(link)
    clerk.decides(link)
    for _ in range(2):
        with pytest.raises(openai.InternalServerError):
            said(tool, [user(TEXT)])
    endings = [r["body"]["egress_state"] for r in checkpoint.records("failed")]
    assert endings == ["none", "none"]


@pytest.mark.requirement("R19")
def test_ones_own_page_says_what_is_kept_and_takes_a_confirmation_back(
    start_checkpoint: Any, upstream: Upstream
) -> None:
    checkpoint: Checkpoint = start_checkpoint(upstream.url)
    tool, clerk = checkpoint.client(max_retries=0), Clerk(checkpoint)
    confirmation = stopped(tool, [user(TEXT)])["confirmation"]
    clerk.signs_in(confirmation["url"])
    clerk.decides(confirmation["url"])
    page = clerk.opens("/me")
    for words in (
        "記録は5年",
        "伏せ字の文章は1年",
        "CSIRTの審査者",
        "デモ課",
        "修了",
        "同意済み",
        "一度送れます",
    ):
        assert words in page.text, words
    gone = clerk.presses("/me/revoke", token=token_of(page), id=confirmation["id"])
    assert "取り消しました" in gone.text
    assert stopped(tool, [user(TEXT)])["confirmation"]["id"] != confirmation["id"]
    assert "取り消された" in clerk.opens(confirmation["url"]).text
    assert upstream.requests == []
