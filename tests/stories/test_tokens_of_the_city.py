"""A clerk's tool comes with a token of the city's directory: who it is, what is recorded, and what is refused."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.office.people import PeopleBook
from proxy.office.store import office_of
from proxy.settings import read
from tests.directory import AUDIENCE, TOOL, City, city_directory

SETTINGS = {
    "SEKISHO_OIDC_AUDIENCE": AUDIENCE,
    "SEKISHO_OIDC_CLAIMS": "person=staff_id department=org.department section=org.section roles=groups",
    "SEKISHO_OIDC_ROLES": "heads=section_head csirt-team=csirt_reviewer",
}


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    with city_directory() as city:
        yield city


@pytest.fixture(scope="module")
def house(open_house: Any, city: City) -> Any:
    checkpoint, upstream = open_house(SEKISHO_OIDC_ISSUER=city.issuer, **SETTINGS)
    enrol(checkpoint)
    register(checkpoint, TOOL)
    return checkpoint, upstream


def enrol(checkpoint: Any, id: str = "012345") -> None:
    """Into the book of people: as the person of the demo, who may use AI, but in another section."""
    with closing(office_of(read(home=Path(checkpoint.dir)))) as office:
        book = PeopleBook(office)
        page = book.page("demo")
        assert page is not None
        book.put(replace(page, person=replace(page.person, id=id)))


def register(checkpoint: Any, client: str, *options: str) -> str:
    from tests.stories.conftest import sekisho

    done = sekisho(
        "keys", "create", "--oidc-client", client, "--tool", "文書作成", "--department", "総務部", "--section",
        "DX推進課", "--category", "mail_draft", "--purpose", "文書の下書き", "--class", "2", "--json", *options,
        SEKISHO_HOME=checkpoint.dir,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["id"])


def says(checkpoint: Any, token: str, **headers: str) -> tuple[int, dict[str, str], Any]:
    return checkpoint.say("山田太郎さんへ", authorization=f"Bearer {token}", **headers)  # type: ignore[no-any-return]


@pytest.mark.requirement("R16")
def test_the_token_says_who_and_where_and_the_tool_is_the_registered_one(scene: Any, city: City) -> None:
    token = city.token()
    status, _, body = says(scene.checkpoint, token)
    assert status == 200 and "山田太郎" in body["choices"][0]["message"]["content"]
    caller = scene.records("asked")[0]["body"]["caller"]
    assert (caller["person"], caller["identity"], caller["tool"]) == ("012345", "authenticated", "文書作成")
    assert (caller["department"], caller["section"], caller["role"]) == (
        "都市創造部",
        "道路課",
        "section_head",
    )
    assert (caller["enrolled"], caller["trained"], caller["acknowledged"]) == (True, True, True)
    scene.passed("山田太郎", "道路課", token)


@pytest.mark.requirement("R9")
def test_what_somebody_reads_of_the_ledger_follows_the_groups_of_the_token(scene: Any, city: City) -> None:
    assert says(scene.checkpoint, city.token())[0] == 200
    root = scene.checkpoint.base_url.removesuffix("/v1")

    def reads(path: str, **token: Any) -> tuple[int, Any]:
        asked = urllib.request.Request(
            f"{root}/audit/v1/{path}", headers={"authorization": f"Bearer {city.forged(**token)}"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=30) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    csirt, head, nobody = {"groups": ["csirt-team"]}, {"groups": ["heads"]}, {"groups": []}
    status, found = reads("exchanges?person=012345&reason=x", **csirt)
    assert status == 200 and {card["person"] for card in found["exchanges"]} == {"012345"}
    assert [reads("exchanges?reason=x", **one)[0] for one in (head, nobody)] == [403, 403]
    status, counted = reads("counts/section", **head)
    assert status == 200 and {cell["name"] for cell in counted["cells"]} <= {"都市創造部 道路課"}
    assert reads("counts/section", **nobody)[0] == 403 and reads("me/exchanges", **nobody)[0] == 200


def test_the_official_client_takes_a_token_for_its_key(scene: Any, city: City) -> None:
    scene.checkpoint.key = city.token(alg="ES256")
    try:
        client = scene.checkpoint.client()
        answer = client.chat.completions.create(
            model="echo", messages=[{"role": "user", "content": "鈴木花子様へ"}], stream=True
        )
        assert "鈴木花子" in "".join(chunk.choices[0].delta.content or "" for chunk in answer)
    finally:
        scene.checkpoint.key = type(scene.checkpoint).key
    scene.passed("鈴木花子")


def test_anthropics_client_sends_it_as_its_own_kind_of_key(scene: Any, city: City) -> None:
    body = {"model": "echo", "max_tokens": 50, "messages": [{"role": "user", "content": "こんにちは"}]}
    checkpoint = scene.checkpoint
    status, _, _ = checkpoint.post(body, "/messages", authorization="", x_api_key=city.token())
    assert status == 200
    status, headers, refused = checkpoint.post(
        body, "/messages", authorization="", x_api_key=city.forged(aud="other")
    )
    assert (status, headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert refused["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(
    ("forged", "code"),
    [({"aud": "other"}, "invalid_token"), ({"exp": 1}, "invalid_token"), ({"staff_id": None}, "invalid_token"),
     ({"client_id": "bare-tool"}, "unknown_client")],
)  # fmt: skip
def test_a_token_that_does_not_count_is_recorded_as_a_refusal_and_nothing_is_sent(
    scene: Any, city: City, forged: dict[str, Any], code: str
) -> None:
    status, headers, body = says(scene.checkpoint, city.forged(**forged))
    assert (status, body["error"]["code"]) == (401, code)
    assert headers["x-should-retry"] == "false"
    scene.refused(code)
    assert "情報システム担当" in body["error"]["message"] or "もう一度サインイン" in body["error"]["message"]


@pytest.mark.requirement("R12")
@pytest.mark.requirement("R13")
def test_who_may_use_ai_is_for_the_book_of_people_to_say_and_never_for_the_token(
    scene: Any, city: City
) -> None:
    token = city.forged(staff_id="000999", enrolled=True, trained=True, acknowledged=True)
    status, _, body = says(scene.checkpoint, token)
    assert (status, body["error"]["code"]) == (403, "policy_denied")
    caller = scene.records("asked")[0]["body"]["caller"]
    assert (caller["enrolled"], caller["trained"], caller["acknowledged"]) == (False, False, False)
    scene.refused("verdict")


def test_a_token_speaks_for_its_own_person_only(scene: Any, city: City) -> None:
    status, _, body = says(scene.checkpoint, city.token(), X_Sekisho_User="099999")
    assert (status, body["error"]["code"]) == (403, "user_header_not_allowed")
    scene.refused("user_header_not_allowed")


def test_a_token_is_kept_nowhere(house: Any, city: City) -> None:
    checkpoint, upstream = house
    good, bad = city.token(), city.forged(aud="other")
    says(checkpoint, good)
    says(checkpoint, bad)
    kept = b"".join(path.read_bytes() for path in Path(checkpoint.dir).rglob("*") if path.is_file())
    kept += checkpoint.log.read_bytes() + upstream.received
    for token in (good, bad):
        assert not any(part.encode() in kept for part in token.split("."))


def test_a_tool_that_is_struck_off_the_book_is_unknown_within_a_second(
    house: Any, city: City, sekisho: Any
) -> None:
    checkpoint, _ = house
    enrol(checkpoint, "099999")
    id = register(checkpoint, "bare-tool")
    time.sleep(1.1)
    assert says(checkpoint, city.token("bare-tool"))[0] == 200
    assert sekisho("keys", "revoke", id, SEKISHO_HOME=checkpoint.dir).returncode == 0
    time.sleep(1.1)
    status, _, body = says(checkpoint, city.token("bare-tool"))
    assert (status, body["error"]["code"]) == (401, "unknown_client")


def test_while_the_directory_is_down_known_keys_count_and_where_none_is_known_nothing_passes(
    start_checkpoint: Any, upstream: Any, tmp_path: Path
) -> None:
    with city_directory() as city:
        token = city.token()
        options = {"SEKISHO_OIDC_ISSUER": city.issuer, **SETTINGS}
        knows, knows_not = (
            start_checkpoint(upstream.url, dir=tmp_path / name, **options) for name in ("knows", "knows-not")
        )
        for checkpoint in (knows, knows_not):
            enrol(checkpoint)
            register(checkpoint, TOOL)
        assert says(knows, token)[0] == 200
        city.stop()
        assert says(knows, token)[0] == 200
        before = len(upstream.received)
        status, headers, body = says(knows_not, token)
        assert (status, body["error"]["code"]) == (503, "directory_unreachable")
        assert headers["retry-after"] and len(upstream.received) == before
        assert knows_not.records("refused")[0]["body"]["reason"] == "directory_unreachable"
        assert knows_not.say("こんにちは")[0] == 200, "keys need no directory"
        city.start()
        time.sleep(1.1)
        assert says(knows_not, token)[0] == 200
        for checkpoint in (knows, knows_not):
            assert checkpoint.verify()["ok"]


def test_settings_that_do_not_go_together_stop_the_start(sekisho: Any, tmp_path: Path) -> None:
    done = sekisho("serve", SEKISHO_HOME=str(tmp_path), SEKISHO_OIDC_ISSUER="https://login.city.example")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "SEKISHO_OIDC_AUDIENCE" in done.stderr
