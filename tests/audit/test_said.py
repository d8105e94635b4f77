"""What was said in an exchange: the words and who said them, whatever dialect it was in; no name of a field's."""

import json
from typing import Any

import pytest

from audit.said import Said, said


def asked(request: dict[str, Any], purpose: str | None = None) -> list[tuple[str | None, str]]:
    kept = json.dumps({"purpose": purpose, "request": request}, ensure_ascii=False)
    return [(one.by, one.text) for one in said(kept)]


def test_a_chat_is_told_turn_by_turn() -> None:
    request = {
        "model": "m",
        "user": "100456",
        "metadata": {"who": "100456"},
        "messages": [
            {"role": "system", "content": "丁寧に"},
            {"role": "user", "name": "yamada", "content": [{"type": "text", "text": "一"}, {"type": "image_url", "image_url": {"url": "u"}}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "find_100456", "arguments": '{"q": "二"}'}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "三"},
        ],
    }  # fmt: skip
    assert asked(request, "回答案") == [
        ("利用目的", "回答案"),
        ("前提", "丁寧に"),
        ("利用者", "一"),
        ("道具の呼び出し", '{"q": "二"}'),
        ("道具の結果", "三"),
    ]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"instructions": "前", "input": "問い"}, [("前提", "前"), ("利用者", "問い")]),
        ({"system": [{"type": "text", "text": "前"}], "messages": [{"role": "user", "content": "問い"}]},
         [("前提", "前"), ("利用者", "問い")]),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {"q": {"r": "x"}}}]}]},
         [("道具の呼び出し", "q\nr\nx")]),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "結果"}]}, [(None, "結果")]),
        ({"input": ["一", "二"]}, [("利用者", "一"), ("利用者", "二")]),
        ({"prompt": "文字起こし", "file": "f"}, [("利用者", "文字起こし")]),
        ({"messages": [{"role": "100456", "content": "x"}]}, [(None, "x")]),
        ({"messages": [{"role": ["user"], "content": "x"}]}, [(None, "x")]),
        ({"tools": [{"function": {"description": "d"}}]}, []),
    ],
)  # fmt: skip
def test_other_dialects(request_: dict[str, Any], told: list[tuple[str | None, str]]) -> None:
    assert asked(request_) == told


def test_an_answer_is_told_and_what_is_no_json_is_told_as_it_is() -> None:
    kept = json.dumps([{"content": "はい", "tool_calls.0.arguments": "{}"}], ensure_ascii=False)
    assert said(kept) == (Said("AI", "はい"), Said("道具の呼び出し", "{}"))
    assert said("ただの文\n二行目") == (Said(None, "ただの文\n二行目"),)
    assert said("") == said("[]") == said("null") == said("12") == ()
    assert "文" not in repr(said("ただの文")), "no text in a repr"
