"""How the stories' model answers, dialect by dialect: once as a whole, and once as the events of a stream.

Pure: what was asked goes in, JSON values come out; upstream.py carries them. It says what was said to it last, so
that masking and restoring are seen:

    tools               every tool is called with {"to": what was said}, until a result comes: then that is said
    structured output   {"to": what was said}
    n                   the second answer begins with 案2, the third with 案3
    reasoning, thinking a thought comes first
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from random import Random

IN_ARGUMENTS = 3
"""Characters in a piece of a tool call's arguments."""
SIGNATURE = b64encode(Random(1).randbytes(128)).decode()
"""Long and unreadable, as real ones are."""


@dataclass
class Dialect:
    """``said``: what the caller said last. ``named``: events are sent by name, and no mark ends them."""

    said: Callable[[dict], str]
    reply: Callable[[dict], dict]
    events: Callable[[dict], Iterator[dict]]
    named: bool = True


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def pieces(asked: dict, text: str) -> list[str]:
    """A text in pieces, as the model's name wants them."""
    model = asked["model"]
    size = int(model[4:]) if model.startswith("cut-") else max(1, len(text) // 20) if model == "slow" else 5
    return cut(text, size)


def read(content: str | list | None) -> str:
    """The text of a message's content: a string, or parts one after the other."""
    if not isinstance(content, list):
        return content or ""
    return "".join(read(part.get("text", part.get("content"))) for part in content)


def letter(text: str) -> str:
    return json.dumps({"to": text}, ensure_ascii=False)


def thought(text: str) -> str:
    return f"「{text}」と言われた。"


# ── chat ──────────────────────────────────────────────────────────────────────────────────────────


def chat_said(asked: dict) -> str:
    return read([m for m in asked["messages"] if m["role"] in ("user", "tool")][-1]["content"])


def chat_message(asked: dict, number: int) -> dict:
    text = chat_said(asked) if number == 0 else f"案{number + 1}: {chat_said(asked)}"
    message = {"role": "assistant", "content": letter(text) if asked.get("response_format") else text}
    if asked.get("reasoning_effort"):
        message["reasoning_content"] = thought(text)
    if asked.get("tools") and asked["messages"][-1]["role"] != "tool":
        functions = [{"name": tool["function"]["name"], "arguments": letter(text)} for tool in asked["tools"]]
        message["content"] = None
        message["tool_calls"] = [
            {"id": f"call_{place + 1}", "index": place, "type": "function", "function": function}
            for place, function in enumerate(functions)
        ]
    return message


def chat_reason(asked: dict, message: dict) -> str:
    return "length" if asked["model"] == "short" else "tool_calls" if message.get("tool_calls") else "stop"


def chat_usage(asked: dict) -> dict:
    counted = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return {} if asked["model"] == "no-usage" else {"usage": counted}


def chat(asked: dict) -> dict:
    messages = [chat_message(asked, number) for number in range(asked.get("n") or 1)]
    choices = [
        {"index": number, "message": message, "finish_reason": chat_reason(asked, message)}
        for number, message in enumerate(messages)
    ]
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked["model"]}
    return head | {"choices": choices} | chat_usage(asked)


def chat_deltas(asked: dict, message: dict) -> Iterator[dict]:
    yield {"role": "assistant", "content": ""}
    for name in ("reasoning_content", "content"):
        yield from ({name: piece} for piece in pieces(asked, message.get(name) or ""))
    for call in message.get("tool_calls", []):
        yield {"tool_calls": [call | {"function": call["function"] | {"arguments": ""}}]}
        for piece in cut(call["function"]["arguments"], IN_ARGUMENTS):
            yield {"tool_calls": [{"index": call["index"], "function": {"arguments": piece}}]}


def chat_events(asked: dict) -> Iterator[dict]:
    """The choices by turns: a piece of each, then the next piece of each."""
    whole = chat(asked)
    head = {name: whole[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    for deltas in zip_longest(*(chat_deltas(asked, choice["message"]) for choice in whole["choices"])):
        for number, delta in enumerate(deltas):
            if delta is not None:
                yield head | {"choices": [{"index": number, "delta": delta, "finish_reason": None}]}
    for number, choice in enumerate(whole["choices"]):
        end = {"index": number, "delta": {}, "finish_reason": choice["finish_reason"]}
        yield head | {"choices": [end]}
    if (asked.get("stream_options") or {}).get("include_usage") and "usage" in whole:
        yield head | {"choices": [], "usage": whole["usage"]}


# ── responses ─────────────────────────────────────────────────────────────────────────────────────

ECHOED = ("instructions", "tools", "text", "reasoning", "metadata", "tool_choice")
"""What a response repeats of its request."""


def responses_said(asked: dict) -> str:
    if isinstance(asked["input"], str):
        return asked["input"]
    said = [item for item in asked["input"] if item.get("role") == "user" or "output" in item]
    return read(said[-1].get("content", said[-1].get("output")))


def responses_items(asked: dict) -> Iterator[dict]:
    text = responses_said(asked)
    done = {"status": "completed"}
    if asked.get("reasoning"):
        summary = [{"type": "summary_text", "text": thought(text)}]
        yield {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": SIGNATURE}
    if asked.get("tools") and not (isinstance(asked["input"], list) and "output" in asked["input"][-1]):
        for place, tool in enumerate(asked["tools"], 1):
            call = {"type": "function_call", "id": f"fc_{place}", "call_id": f"call_{place}"}
            yield call | {"name": tool["name"], "arguments": letter(text)} | done
        return
    wanted = (asked.get("text") or {}).get("format") or {}
    said = letter(text) if wanted.get("type") == "json_schema" else text
    part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
    yield {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]} | done


def responses(asked: dict) -> dict:
    short = asked["model"] == "short"
    counted = {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 18,
    }
    defaults = {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "metadata": {}}
    return {
        **defaults,
        **{name: asked[name] for name in ECHOED if name in asked},
        **{"id": "resp_1", "object": "response", "created_at": 1, "model": asked["model"]},
        "status": "incomplete" if short else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if short else None,
        "error": None,
        "output": list(responses_items(asked)),
        "usage": None if asked["model"] == "no-usage" else counted,
    }


def responses_events(asked: dict) -> Iterator[dict]:
    whole = responses(asked)
    begun = {"status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    steps: list[dict] = [
        {"type": f"response.{name}", "response": whole | begun} for name in ("created", "in_progress")
    ]
    for place, item in enumerate(whole["output"]):
        at = {"output_index": place}
        begins, running = RUNNING[item["type"]](asked, item)
        begins |= {"status": "in_progress"}
        steps.append({"type": "response.output_item.added", "item": begins, **at})
        steps += [{"item_id": item["id"], **at, **step} for step in running]
        steps.append({"type": "response.output_item.done", "item": item, **at})
    steps.append({"type": f"response.{whole['status']}", "response": whole})
    yield from (step | {"sequence_number": number} for number, step in enumerate(steps))


def running_message(asked: dict, item: dict) -> tuple[dict, list[dict]]:
    (part,) = item["content"]
    at = {"content_index": 0}
    text = "response.output_text"
    deltas = [
        {"type": f"{text}.delta", "delta": piece, "logprobs": [], **at}
        for piece in pieces(asked, part["text"])
    ]
    return item | {"content": []}, [
        {"type": "response.content_part.added", "part": part | {"text": ""}, **at},
        *deltas,
        {"type": f"{text}.done", "text": part["text"], "logprobs": [], **at},
        {"type": "response.content_part.done", "part": part, **at},
    ]


def running_call(asked: dict, item: dict) -> tuple[dict, list[dict]]:
    arguments = "response.function_call_arguments"
    deltas = [
        {"type": f"{arguments}.delta", "delta": piece} for piece in cut(item["arguments"], IN_ARGUMENTS)
    ]
    done = {"type": f"{arguments}.done", "name": item["name"], "arguments": item["arguments"]}
    return item | {"arguments": ""}, [*deltas, done]


def running_thought(asked: dict, item: dict) -> tuple[dict, list[dict]]:
    (part,) = item["summary"]
    at = {"summary_index": 0}
    summary = "response.reasoning_summary"
    deltas = [
        {"type": f"{summary}_text.delta", "delta": piece, **at} for piece in pieces(asked, part["text"])
    ]
    return item | {"summary": []}, [
        {"type": f"{summary}_part.added", "part": part | {"text": ""}, **at},
        *deltas,
        {"type": f"{summary}_text.done", "text": part["text"], **at},
        {"type": f"{summary}_part.done", "part": part, **at},
    ]


RUNNING = {"message": running_message, "function_call": running_call, "reasoning": running_thought}
"""An item as it begins, and the events until it is done."""


# ── messages ──────────────────────────────────────────────────────────────────────────────────────


def messages_said(asked: dict) -> str:
    return read([m for m in asked["messages"] if m["role"] == "user"][-1]["content"])


def messages_blocks(asked: dict) -> Iterator[dict]:
    text = messages_said(asked)
    last = asked["messages"][-1]["content"]
    if (asked.get("thinking") or {}).get("type") == "enabled":
        yield {"type": "thinking", "thinking": thought(text), "signature": SIGNATURE}
    if asked.get("tools") and not any(isinstance(part, dict) and "tool_use_id" in part for part in last):
        for place, tool in enumerate(asked["tools"], 1):
            yield {"type": "tool_use", "id": f"toolu_{place}", "name": tool["name"], "input": {"to": text}}
        return
    as_json = (asked.get("output_config") or {}).get("format")
    yield {"type": "text", "text": letter(text) if as_json else text}


def messages(asked: dict) -> dict:
    blocks = list(messages_blocks(asked))
    reason = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
    return {
        **{"id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"]},
        "content": blocks,
        "stop_reason": "max_tokens" if asked["model"] == "short" else reason,
        "stop_sequence": None,
        **({} if asked["model"] == "no-usage" else {"usage": {"input_tokens": 11, "output_tokens": 7}}),
    }


def messages_events(asked: dict) -> Iterator[dict]:
    whole = messages(asked)
    usage = {"usage": {"input_tokens": 11, "output_tokens": 1}} if "usage" in whole else {}
    yield {"type": "message_start", "message": whole | {"content": [], "stop_reason": None} | usage}
    yield {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        begins, deltas = messages_deltas(asked, block)
        yield {"type": "content_block_start", "index": index, "content_block": begins}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stopped = {name: whole[name] for name in ("stop_reason", "stop_sequence")}
    usage = {"usage": {"output_tokens": 7}} if "usage" in whole else {}
    yield {"type": "message_delta", "delta": stopped, **usage}
    yield {"type": "message_stop"}


def messages_deltas(asked: dict, block: dict) -> tuple[dict, list[dict]]:
    """A block as it begins, and its pieces."""
    match block["type"]:
        case "text":
            text = [{"type": "text_delta", "text": piece} for piece in pieces(asked, block["text"])]
            return block | {"text": ""}, text
        case "thinking":
            thinking = [
                {"type": "thinking_delta", "thinking": piece} for piece in pieces(asked, block["thinking"])
            ]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return block | {"thinking": "", "signature": ""}, [*thinking, signed]
        case _:
            written = ["", *cut(json.dumps(block["input"], ensure_ascii=False), IN_ARGUMENTS)]
            return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": p} for p in written]


# ── transcriptions: the sound of these stories is text, and is heard as what it says ───────────────


def transcript_said(asked: dict) -> str:
    return str(asked["file"])


def transcript(asked: dict) -> dict:
    text = transcript_said(asked)
    if asked.get("response_format") != "verbose_json":
        counted = {"type": "tokens", "input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
        return {"text": text, "usage": counted}
    segment = {"id": 0, "seek": 0, "start": 0.0, "end": 2.5, "text": text, "tokens": [1, 2]}
    segment |= {"temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0}
    whole = {"task": "transcribe", "language": "japanese", "duration": 2.5, "text": text}
    return whole | {"segments": [segment], "usage": {"type": "duration", "seconds": 3}}


def transcript_events(asked: dict) -> Iterator[dict]:
    for piece in pieces(asked, transcript_said(asked)):
        yield {"type": "transcript.text.delta", "delta": piece}
    yield {"type": "transcript.text.done", **transcript(asked)}


DIALECTS = {
    "/v1/chat/completions": Dialect(chat_said, chat, chat_events, named=False),
    "/v1/responses": Dialect(responses_said, responses, responses_events),
    "/v1/messages": Dialect(messages_said, messages, messages_events),
    "/v1/messages/count_tokens": Dialect(messages_said, lambda asked: {"input_tokens": 11}, messages_events),
    "/v1/audio/transcriptions": Dialect(transcript_said, transcript, transcript_events),
}
