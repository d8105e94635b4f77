"""One attempt through the desk with one room broken: nothing is sent, the caller is told, it is recorded."""

import asyncio
import dataclasses
import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from policies.decide import Policy
from policies.files import CITIES, load
from policies.model import Refuse, Verdict
from proxy.house import House, build
from proxy.settings import Settings
from redaction.model import CannotDetect, Finding
from tests.fakes import Detector, Register
from tests.proxy.conftest import PLAIN, post


class BrokenPolicy(Policy):
    def decide(self, ask: Any) -> Verdict:
        raise KeyError("山田太郎")


@dataclasses.dataclass(frozen=True, slots=True)
class Perhaps(Verdict):
    """A kind of verdict that nobody knows."""


class NewPolicy(Policy):
    def decide(self, ask: Any) -> Verdict:
        return Perhaps((), (), frozenset(), (), "new", "digest")


def policy_that(decides: type[Policy]) -> Policy:
    """A real policy but for its decisions."""
    known = load("mask-only")
    return decides(**{f.name: getattr(known, f.name) for f in dataclasses.fields(Policy) if f.init})


def house(**rooms: Any) -> Callable[[Settings], House]:
    """``policy``: this one stays, whatever lies in a file."""
    fixed = {"rulebook": None} if "policy" in rooms else {}
    return lambda settings: dataclasses.replace(build(settings), **{"detector": Detector(), **fixed, **rooms})


def untouched(folder: Path) -> bool:
    return (folder / "received.bin").read_bytes() == b""


@pytest.mark.requirement("R31")
@pytest.mark.parametrize(
    ("rooms", "code"),
    [
        ({"detector": Detector(CannotDetect("detector_broken"))}, "detector_broken"),
        ({"detector": Detector(CannotDetect("detector_busy"))}, "detector_busy"),
        ({"detector": Detector(RuntimeError("山田太郎"))}, "internal_error"),
        ({"policy": policy_that(BrokenPolicy)}, "internal_error"),
    ],
)
def test_a_broken_detector_or_policy_refuses_with_503_and_is_recorded(
    serve: Callable[..., str], records: Any, upstream_folder: Path, rooms: dict[str, Any], code: str
) -> None:
    base_url = serve(house(**rooms))
    status, _, body = post(base_url)
    assert (status, body["error"]["code"]) == (503, code)
    assert "山田" not in json.dumps(body, ensure_ascii=False)
    (asked, _), (ending, facts) = records()
    assert (asked, ending, facts["reason"], facts["egress_state"]) == ("asked", "refused", code, "none")
    assert untouched(upstream_folder)


def test_a_policy_that_asks_for_it_has_the_texts_searched_strictly(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    rule = """
  - id: S-01
    title: {ja: 厳しく探す, en: strict}
    basis: 試験
    when: {category: hr}
    search: strict
"""
    policy = tmp_path / "city.yaml"
    policy.write_text((CITIES / "mask-only.yaml").read_text("utf-8") + rule, "utf-8")
    detector = Detector()
    url = serve(house(detector=detector, policy=load(policy)))

    post(url)
    post(url, x_sekisho_category="hr")

    assert detector.strict == [False, True]


def test_a_verdict_of_a_kind_that_nobody_knows_is_not_sent(
    serve: Callable[..., str], records: Any, upstream_folder: Path
) -> None:
    status, headers, body = post(serve(house(policy=policy_that(NewPolicy))))
    assert (status, body["error"]["code"]) == (403, "verdict_unknown")
    assert headers["x-should-retry"] == "false"
    assert [kind for kind, _ in records()] == ["asked", "refused"]
    assert untouched(upstream_folder)


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ({"key": "sk-unknown"}, 401, "invalid_api_key"),
        ({"body": b"{"}, 400, "invalid_json"),
        ({"body": {"model": "echo", "messages": [], "x": 1}}, 400, "unknown_field"),
        ({"path": "/images/generations"}, 404, "unknown_route"),
        ({"path": "/images/generations", "key": "sk-unknown"}, 401, "invalid_api_key"),
        ({"x_sekisho_category": "gossip"}, 400, "unknown_category"),
        ({"x_sekisho_class": "9"}, 400, "unknown_class"),
        ({"x_sekisho_purpose": "a" * 201}, 400, "purpose_too_long"),
        ({"x_sekisho_user": "012345"}, 403, "user_header_not_allowed"),
        ({"body": b" " * 4_000_001}, 413, "body_too_large"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_accident_is_told_and_recorded_without_text(
    serve: Callable[..., str],
    settings: Settings,
    records: Any,
    upstream_folder: Path,
    what: dict[str, Any],
    status: int,
    code: str,
) -> None:
    told, headers, body = post(serve(house()), **what)
    assert (told, body["error"]["code"]) == (status, code)
    assert headers["x-should-retry"] == "false"
    assert body["error"]["request_id"] == headers["x-request-id"]
    (asked, account), (ending, facts) = records()
    assert (asked, ending, facts["reason"]) == ("asked", "refused", code)
    assert account["caller"]["key"] is None if status == 401 else account["caller"]["key"]
    with sqlite3.connect(settings.ledger_location) as connection:
        assert connection.execute("SELECT count(*) FROM texts").fetchone() == (0,)
    assert untouched(upstream_folder)


@pytest.mark.parametrize(
    ("model", "stream", "status", "code", "egress"),
    [
        ("error", False, 502, "upstream_status_500", "masked"),
        ("error-200", False, 502, "upstream_error", "masked"),
        ("error", True, 502, "upstream_status_500", "masked"),
        ("error-200", True, 502, "upstream_incomplete", "masked"),
    ],
)
def test_a_failing_upstream_gives_an_error_and_a_failed_ending(
    serve: Callable[..., str],
    records: Any,
    model: str,
    stream: bool,
    status: int,
    code: str,
    egress: str,
) -> None:
    told, _, body = post(serve(house()), PLAIN | {"model": model, "stream": stream})
    assert (told, body["error"]["code"]) == (status, code)
    _, (ending, facts) = records()
    assert (ending, facts["reason"], facts["egress_state"]) == ("failed", code, egress)


def test_an_upstream_that_is_not_there_got_nothing_and_the_record_says_so(
    serve: Callable[..., str], settings: Settings, records: Any
) -> None:
    nowhere = settings.model_copy(update={"upstream": "http://127.0.0.1:9/v1"})
    told, _, body = post(serve(lambda _: house()(nowhere)))
    assert (told, body["error"]["code"]) == (502, "upstream_unreachable")
    _, (ending, facts) = records()
    assert (ending, facts["egress_state"]) == ("failed", "none")


def test_tokens_that_nobody_counted_are_an_upper_bound_that_says_so(
    serve: Callable[..., str], records: Any
) -> None:
    assert post(serve(house()), PLAIN | {"model": "no-usage"})[0] == 200
    _, (_, facts) = records()
    assert facts["tokens"]["tokens_estimated"] is True
    assert facts["tokens"]["output"] >= len("山田太郎さん、こんにちは")


def test_no_header_of_the_caller_reaches_the_upstream(
    serve: Callable[..., str], upstream_folder: Path
) -> None:
    assert (
        post(serve(house()), x_secret="canary-1", cookie="canary-2", openai_organization="canary-3")[0] == 200
    )
    received = (upstream_folder / "received.bin").read_bytes()
    assert b"canary" not in received and b"sk-desk" not in received


def test_a_plain_request_without_any_sekisho_header_passes(serve: Callable[..., str]) -> None:
    status, headers, body = post(serve(house()))
    assert status == 200 and headers["x-request-id"]
    assert body["choices"][0]["message"]["content"] == "山田太郎さん、こんにちは"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "reply",
    [
        '{"choices":[null]}',
        '{"choices":["x"]}',
        '{"choices":{}}',
        '{"choices":[{"message":"x"}]}',
        '{"choices":[{"message":{"content":5}}]}',
        '{"choices":[{"message":{"tool_calls":[null]}}]}',
        '{"choices":[{"message":{"tool_calls":[{"function":"f"}]}}]}',
        '{"choices":[{"index":[],"message":{"content":"x"}}]}',
        '{"choices":[{"message":{"content":"x"}}],"created":1e999}',
        "[]",
        "{",
    ],
)
def test_a_reply_of_no_known_shape_is_told_once_and_is_a_failed_ending(
    serve: Callable[..., str], records: Any, reply: str, stream: bool
) -> None:
    sent = f"data: {reply}\n\ndata: [DONE]\n\n" if stream else reply
    body = {"model": "raw", "stream": stream, "messages": [{"role": "user", "content": sent}]}
    told, headers, said = post(serve(house()), body)
    assert (told, said["error"]["code"]) == (502, "upstream_malformed")
    assert headers["x-should-retry"] == "false"
    (_, _), (ending, facts) = records()
    assert (ending, facts["reason"], facts["egress_state"]) == ("failed", "upstream_malformed", "masked")


def test_what_servers_leave_out_is_filled_in(serve: Callable[..., str]) -> None:
    parts = '{"choices":[{"index":null,"message":{"content":[{"type":"text","text":"a"},"b"]}}]}'
    status, _, body = post(serve(house()), {"model": "raw", "messages": [{"role": "user", "content": parts}]})
    assert status == 200
    assert body["choices"][0]["message"]["content"] == "ab" and body["choices"][0]["index"] == 0


def test_an_empty_stream_is_an_empty_stream(serve: Callable[..., str], records: Any) -> None:
    body = {"model": "raw", "stream": True, "messages": [{"role": "user", "content": "data: [DONE]\n\n"}]}
    request = urllib.request.Request(
        serve(house()) + "/chat/completions", json.dumps(body).encode(), {"authorization": "Bearer sk-desk"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        assert (reply.status, reply.read()) == (200, b"data: [DONE]\n\n")
    assert [kind for kind, _ in records()] == ["asked", "answered"]


def test_what_the_upstream_calls_itself_carries_no_text_into_the_records(
    serve: Callable[..., str], records: Any
) -> None:
    reply = '{"model":{"a":"山田"},"id":["x"],"choices":[{"message":{"content":"x"},"finish_reason":"山田"}]}'
    assert post(serve(house()), {"model": "raw", "messages": [{"role": "user", "content": reply}]})[0] == 200
    _, (_, facts) = records()
    assert (facts["model_served"], facts["response_id"], facts["finish_reasons"]) == (None, None, ["?"])


def test_after_the_model_was_asked_a_lost_ledger_is_not_called_nothing_sent(
    serve: Callable[..., str], settings: Settings, upstream_folder: Path
) -> None:
    """The clerk's tool must not ask twice for what was sent once."""
    base_url = serve(house())
    replies: list[Any] = []
    asking = threading.Thread(target=lambda: replies.append(post(base_url, PLAIN | {"model": "slow"})))
    asking.start()
    while not (upstream_folder / "received.bin").read_bytes():
        time.sleep(0.02)
    Path(settings.ledger_location).chmod(0o444)
    asking.join()
    Path(settings.ledger_location).chmod(0o600)
    ((status, headers, body),) = replies
    assert (status, headers["x-should-retry"]) == (500, "false")
    assert "送信しました" in body["error"]["message"]


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "PURGE", "OPTIONS", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", ["/chat/completions", "/nowhere"])
def test_every_method_on_every_path_is_an_attempt_with_a_record(
    serve: Callable[..., str], records: Any, method: str, path: str
) -> None:
    url = serve(house()) + path
    request = urllib.request.Request(url, headers={"authorization": "Bearer sk-desk"}, method=method)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 404
    said = refused.value.read()
    refused.value.close()
    assert method == "HEAD" or json.loads(said)["error"]["code"] == "unknown_route"
    assert [kind for kind, _ in records()] == ["asked", "refused"]


@pytest.mark.parametrize(
    "purpose", ["山田太郎様への回答".encode().decode("latin-1"), quote(quote("山田太郎様への回答"))]
)
def test_a_purpose_is_read_however_it_is_written(
    serve: Callable[..., str], settings: Settings, purpose: str
) -> None:
    assert post(serve(house()), x_sekisho_purpose=purpose)[0] == 200
    with sqlite3.connect(settings.ledger_location) as connection:
        ((text,), _) = connection.execute("SELECT text FROM texts ORDER BY idx").fetchall()
    assert json.loads(text)["purpose"] == "山田太郎様への回答"  # this detector finds nothing


def test_a_header_that_comes_twice_is_refused(serve: Callable[..., str]) -> None:
    import http.client

    address = serve(house()).removeprefix("http://").removesuffix("/v1")
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.putrequest("POST", "/v1/chat/completions")
    data = json.dumps(PLAIN).encode()
    for name, value in [
        ("authorization", "Bearer sk-desk"),
        ("x-sekisho-class", "1"),
        ("x-sekisho-class", "3A"),
    ]:
        connection.putheader(name, value)
    connection.putheader("content-length", str(len(data)))
    connection.endheaders(data)
    reply = connection.getresponse()
    assert (reply.status, json.loads(reply.read())["error"]["code"]) == (400, "duplicate_header")
    connection.close()


@pytest.mark.parametrize("user", ["123456789018", "1234-5678-9018", "12345678901"])
def test_a_number_of_somebody_is_no_user(serve: Callable[..., str], settings: Settings, user: str) -> None:
    from proxy.callers import Credential, caller_of
    from proxy.errors import Problem
    from proxy.office.keys import Key, networks
    from proxy.office.roster import Needed

    key = Key("k", None, "t", "d", "s", "research", may_assert_user=True, addresses=networks("127.0.0.1"))
    books: Any = Register()
    day, needed = date(2027, 5, 1), Needed((), 0, "1")
    with pytest.raises(Problem) as refused:
        asyncio.run(caller_of(Credential(key), {"x-sekisho-user": user}, "127.0.0.1", books, day, needed))
    assert refused.value.code == "user_header_malformed"


class UndecidedPolicy(Policy):
    def decide(self, ask: Any) -> Verdict:
        return Refuse((), (), frozenset(), (), "undecided", "digest", error="policy_not_in_force")


def test_a_house_is_not_ready_when_it_finds_nothing_or_cannot_decide(serve: Callable[..., str]) -> None:
    def readyz(**rooms: Any) -> tuple[int, Any]:
        url = serve(house(**rooms)).removesuffix("/v1") + "/readyz"
        with pytest.raises(urllib.error.HTTPError) as not_ready:
            urllib.request.urlopen(url, timeout=30)
        with not_ready.value as reply:
            return reply.code, json.loads(reply.read())["reason"]

    assert readyz() == (503, "detector_broken")  # this detector never finds anything

    class Finds(Detector):
        async def find(self, texts: Sequence[str], strict: bool = False) -> list[tuple[Finding, ...]]:
            return [(Finding("JP_MY_NUMBER", 0, 1, 1.0, "test", "both"),) for _ in texts]

    assert readyz(detector=Finds(), policy=policy_that(UndecidedPolicy)) == (503, "policy_error")
    assert readyz(detector=Finds(), policy=policy_that(BrokenPolicy)) == (503, "internal_error")


def test_a_policy_may_speak_of_a_kind_that_a_rules_file_adds(tmp_path: Path) -> None:
    from policies.complaints import PolicyError
    from proxy.rulebook import policy_of
    from proxy.settings import read

    city = tmp_path / "city.yaml"
    city.write_text(
        "name: city\nversion: '1'\ntitle: {ja: 市, en: City}\nrules:\n"
        "  - id: A\n    title: {ja: 止める, en: Stop}\n    basis: 試験\n"
        "    when: {entities: {any_of: [CITY_LIBRARY_CARD]}}\n    gate: deny\n"
        "    remedy: {ja: 番号を消してください。, en: Remove it.}\n"
    )
    with pytest.raises(PolicyError):
        policy_of(read(policy=str(city)))
    example = Path(__file__).parent.parent.parent / "redaction" / "rules.example.yaml"
    assert policy_of(read(policy=str(city), rules=example)).name == "city"


VECTORS = {"model": "echo", "input": ["山田太郎さん、こんにちは", "晴れ"]}


def embed(base_url: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
    return post(base_url, body or VECTORS, path="/embeddings", **headers)


def test_vectors_come_back_and_the_record_has_the_texts_and_no_vector(
    serve: Callable[..., str], settings: Settings, records: Any
) -> None:
    status, headers, body = embed(serve(house()))
    assert status == 200 and headers["x-request-id"]
    assert [part["embedding"] for part in body["data"]] == [[12.0, 0.0], [2.0, 1.0]]
    (_, account), (ending, facts) = records()
    assert (account["operation"], account["dialect"], ending) == ("embeddings", "embeddings", "answered")
    assert facts["tokens"] == {"input": 11, "output": 0, "tokens_estimated": False}
    assert (facts["vectors"], facts["egress_state"]) == (2, "masked")
    with sqlite3.connect(settings.ledger_location) as connection:
        ((text,),) = connection.execute("SELECT text FROM texts").fetchall()
    assert json.loads(text)["request"] == VECTORS  # this detector finds nothing


@pytest.mark.parametrize(
    ("model", "code"), [("error", "upstream_status_500"), ("error-200", "upstream_error")]
)
def test_vectors_that_did_not_come_are_a_failed_ending(
    serve: Callable[..., str], records: Any, model: str, code: str
) -> None:
    told, _, body = embed(serve(house()), VECTORS | {"model": model})
    assert (told, body["error"]["code"]) == (502, code)
    _, (ending, facts) = records()
    assert (ending, facts["reason"], facts["egress_state"]) == ("failed", code, "masked")


@pytest.mark.parametrize(
    "reply",
    [
        '{"choices":[]}',
        '{"data":[null]}',
        '{"data":[{"embedding":"山田"}]}',
        '{"data":[{"embedding":[1e999]}]}',
    ],
)
def test_vectors_of_no_known_shape_are_told_once_and_are_a_failed_ending(
    serve: Callable[..., str], records: Any, reply: str
) -> None:
    told, headers, body = embed(serve(house()), {"model": "raw", "input": reply})
    assert (told, body["error"]["code"]) == (502, "upstream_malformed")
    assert headers["x-should-retry"] == "false"
    _, (ending, facts) = records()
    assert (ending, facts["reason"]) == ("failed", "upstream_malformed")


def test_tokens_of_vectors_that_nobody_counted_are_an_upper_bound(
    serve: Callable[..., str], records: Any
) -> None:
    assert embed(serve(house()), VECTORS | {"model": "no-usage"})[0] == 200
    _, (_, facts) = records()
    assert facts["tokens"]["tokens_estimated"] is True and facts["tokens"]["output"] == 0
    assert facts["tokens"]["input"] >= len("山田太郎さん、こんにちは")


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ({"body": {"model": "echo", "input": [[1, 2]]}}, 400, "token_ids"),
        ({"body": {"model": "echo", "input": "x", "y": 1}}, 400, "unknown_field"),
        ({"body": b"{"}, 400, "invalid_json"),
        ({"x_sekisho_category": "gossip"}, 400, "unknown_category"),
    ],
)
def test_an_accident_before_any_vector_is_recorded_without_text(
    serve: Callable[..., str], records: Any, upstream_folder: Path, what: Any, status: int, code: str
) -> None:
    told, _, body = embed(serve(house()), **what)
    assert (told, body["error"]["code"]) == (status, code)
    (_, account), (ending, facts) = records()
    assert (account["operation"], ending, facts["reason"]) == ("embeddings", "refused", code)
    assert untouched(upstream_folder)


def test_without_a_record_no_vector_is_asked_for(
    serve: Callable[..., str], settings: Settings, upstream_folder: Path
) -> None:
    base_url = serve(house())
    Path(settings.ledger_location).chmod(0o444)
    status, _, _ = embed(base_url)
    Path(settings.ledger_location).chmod(0o600)
    assert status == 503 and untouched(upstream_folder)


def test_the_policy_is_told_which_dialect_it_decides_on(serve: Callable[..., str]) -> None:
    asked: list[str] = []

    class Listens(NewPolicy):
        def decide(self, ask: Any) -> Verdict:
            asked.append(ask.dialect)
            return super().decide(ask)

    assert embed(serve(house(policy=policy_that(Listens))))[0] == 403
    assert asked == ["embeddings"]
