"""Every field of every dialect, and what becomes of it. The words are explained in kinds.py.

A request's field that is not listed is refused; a reply's is dropped, for it could hold a placeholder
that nobody restores. tests/proxy/test_official_types.py walks the official clients' own types and fails
where a field has no entry here.
"""

from typing import Final

from proxy.kinds import (
    COUNTS,
    DEEP,
    DROPPED,
    FREE,
    ID,
    JSON,
    ORIGINAL,
    PIECE,
    REFUSED,
    SCRIPT,
    SEALED,
    TEXT,
    VECTOR,
    WHOLE,
    WORD,
    Either,
    OneOf,
    Spec,
)

# ── chat ──────────────────────────────────────────────────────────────────────────────────────────

_FUNCTION: Spec = {"name": TEXT, "description": TEXT, "parameters": DEEP, "strict": FREE}
_CUSTOM_TOOL: Spec = {"name": TEXT, "description": TEXT, "format": DEEP}
# The official clients' helpers add what they parsed, and send it with the history: parsed, parsed_arguments.
_TOOL_CALL: Spec = {
    "id": ID,
    "index": FREE,
    "type": WORD,
    "function": {"name": TEXT, "arguments": JSON, "parsed_arguments": DEEP},
    "custom": {"name": TEXT, "input": TEXT},
}
_TEXTS: Spec = Either(TEXT, [TEXT])
_CACHE_POINT: Spec = {"mode": WORD, "ttl": WORD}

_CHAT_PART: Spec = OneOf(
    {
        "text": {"type": WORD, "text": TEXT, "prompt_cache_breakpoint": _CACHE_POINT},
        "refusal": {"type": WORD, "refusal": TEXT},
        "image_url": {
            "type": WORD,
            "image_url": {"url": ORIGINAL, "detail": WORD},
            "prompt_cache_breakpoint": _CACHE_POINT,
        },
        "input_audio": {
            "type": WORD,
            "input_audio": {"data": ORIGINAL, "format": WORD},
            "prompt_cache_breakpoint": _CACHE_POINT,
        },
        "file": {
            "type": WORD,
            "file": {"file_data": ORIGINAL, "filename": TEXT, "file_id": REFUSED},
            "prompt_cache_breakpoint": _CACHE_POINT,
        },
    }
)
_CHAT_CONTENT: Spec = Either(TEXT, [Either(TEXT, _CHAT_PART)])

CHAT_REQUEST: Spec = {
    "model": WORD,
    "messages": [
        {
            "role": WORD,
            "content": _CHAT_CONTENT,
            "name": TEXT,
            "parsed": DEEP,
            "refusal": TEXT,
            "reasoning_content": TEXT,
            "reasoning": TEXT,
            "tool_call_id": ID,
            "tool_calls": [_TOOL_CALL],
            "function_call": {"name": TEXT, "arguments": JSON},
            "annotations": DEEP,
            "audio": REFUSED,
        }
    ],
    "stream": FREE,
    "stream_options": {"include_usage": FREE, "include_obfuscation": FREE},
    "n": FREE,
    "max_tokens": FREE,
    "max_completion_tokens": FREE,
    "temperature": FREE,
    "top_p": FREE,
    "top_k": FREE,
    "min_p": FREE,
    "repetition_penalty": FREE,
    "presence_penalty": FREE,
    "frequency_penalty": FREE,
    "seed": FREE,
    "stop": _TEXTS,
    "user": TEXT,
    "safety_identifier": TEXT,
    "prompt_cache_key": TEXT,
    "prompt_cache_options": {"mode": WORD, "ttl": WORD},
    "prompt_cache_retention": WORD,
    "metadata": DEEP,
    "tools": [{"type": WORD, "function": _FUNCTION, "custom": _CUSTOM_TOOL}],
    "functions": [_FUNCTION],
    "tool_choice": DEEP,
    "function_call": DEEP,
    "parallel_tool_calls": FREE,
    "response_format": DEEP,
    "prediction": {"type": WORD, "content": _CHAT_CONTENT},
    "reasoning_effort": WORD,
    "verbosity": WORD,
    "service_tier": WORD,
    "store": REFUSED,
    "modalities": REFUSED,
    "audio": REFUSED,
    "logprobs": REFUSED,
    "top_logprobs": REFUSED,
    "logit_bias": REFUSED,
    "web_search_options": REFUSED,
    "moderation": REFUSED,
}

_CHAT_MESSAGE: Spec = {
    "role": WORD,
    "content": TEXT,
    "refusal": TEXT,
    "reasoning_content": TEXT,
    "reasoning": TEXT,
    "tool_calls": [_TOOL_CALL],
    "function_call": {"name": TEXT, "arguments": JSON},
    "annotations": DEEP,
    "audio": DROPPED,
}
_CHAT_DELTA: Spec = {
    "role": WORD,
    "content": PIECE,
    "refusal": PIECE,
    "reasoning_content": PIECE,
    "reasoning": PIECE,
    "tool_calls": [
        {
            "id": ID,
            "index": FREE,
            "type": WORD,
            "function": {"name": TEXT, "arguments": SCRIPT},
            "custom": {"name": TEXT, "input": PIECE},
        }
    ],
    "function_call": {"name": TEXT, "arguments": SCRIPT},
    "audio": DROPPED,
}
_CHAT_HEAD: Final = {
    "id": WORD,
    "object": WORD,
    "created": FREE,
    "model": WORD,
    "system_fingerprint": WORD,
    "service_tier": WORD,
    "metadata": DEEP,
    "moderation": DROPPED,
    "obfuscation": DROPPED,
    "usage": COUNTS,
}
_CHOICE: Final = {"index": FREE, "finish_reason": WORD, "logprobs": DROPPED}

CHAT_REPLY: Spec = {**_CHAT_HEAD, "choices": [{**_CHOICE, "message": _CHAT_MESSAGE}]}
CHAT_EVENTS: Spec = {**_CHAT_HEAD, "choices": [{**_CHOICE, "message": _CHAT_MESSAGE, "delta": _CHAT_DELTA}]}

# ── embeddings ────────────────────────────────────────────────────────────────────────────────────

EMBEDDINGS_REQUEST: Spec = {
    "model": WORD,
    "input": WHOLE,
    "dimensions": FREE,
    "encoding_format": WORD,
    "user": TEXT,
}

EMBEDDINGS_REPLY: Spec = {
    "id": WORD,
    "object": WORD,
    "created": FREE,
    "model": WORD,
    "data": [{"object": WORD, "index": FREE, "embedding": VECTOR}],
    "usage": COUNTS,
}

# ── responses ─────────────────────────────────────────────────────────────────────────────────────

_TEXT_PART: dict[str, Spec] = {"type": WORD, "text": TEXT}
_CALLER: dict[str, Spec] = {"type": WORD, "caller_id": ID}
_REASONING: dict[str, Spec] = {
    "context": WORD,
    "effort": WORD,
    "generate_summary": WORD,
    "mode": WORD,
    "summary": WORD,
}
_FORMAT: dict[str, Spec] = {"type": WORD, "name": TEXT, "description": TEXT, "schema": DEEP, "strict": FREE}
_SHELL_ACTION: dict[str, Spec] = {"commands": [TEXT], "max_output_length": FREE, "timeout_ms": FREE}
_LOCAL_SHELL: dict[str, Spec] = {
    "type": WORD,
    "skills": [{"name": TEXT, "description": TEXT, "path": TEXT}],
}
_PATCH: dict[str, Spec] = {"type": WORD, "path": TEXT, "diff": TEXT}
_ANNOTATION: Final = {
    "type": WORD,
    "title": TEXT,
    "url": TEXT,
    "filename": TEXT,
    "index": FREE,
    "start_index": FREE,
    "end_index": FREE,
}

_RESPONSES_PART: Spec = OneOf(
    {
        "input_text": {"type": WORD, "text": TEXT, "prompt_cache_breakpoint": _CACHE_POINT},
        "input_image": {
            "type": WORD,
            "detail": WORD,
            "image_url": ORIGINAL,
            "file_id": REFUSED,
            "prompt_cache_breakpoint": _CACHE_POINT,
        },
        "input_file": {
            "type": WORD,
            "detail": WORD,
            "filename": TEXT,
            "file_data": ORIGINAL,
            "file_url": ORIGINAL,
            "file_id": REFUSED,
            "prompt_cache_breakpoint": _CACHE_POINT,
        },
        "output_text": {
            "type": WORD,
            "text": TEXT,
            "parsed": DEEP,
            "annotations": [{**_ANNOTATION, "file_id": REFUSED, "container_id": REFUSED}],
            "logprobs": REFUSED,
        },
        "refusal": {"type": WORD, "refusal": TEXT},
    }
)
_RESPONSES_CONTENT: Spec = Either(TEXT, [_RESPONSES_PART])

_RESPONSES_FUNCTION: dict[str, Spec] = {
    "type": WORD,
    "name": TEXT,
    "description": TEXT,
    "parameters": DEEP,
    "output_schema": DEEP,
    "strict": FREE,
    "async": FREE,
    "defer_loading": FREE,
    "allowed_callers": [WORD],
}
_RESPONSES_CUSTOM: dict[str, Spec] = {
    "type": WORD,
    "name": TEXT,
    "description": TEXT,
    "format": DEEP,
    "async": FREE,
    "defer_loading": FREE,
    "allowed_callers": [WORD],
}
_RESPONSES_TOOL: Spec = OneOf(
    {
        "function": _RESPONSES_FUNCTION,
        "custom": _RESPONSES_CUSTOM,
        "namespace": {
            "type": WORD,
            "name": TEXT,
            "description": TEXT,
            "tools": [OneOf({"function": _RESPONSES_FUNCTION, "custom": _RESPONSES_CUSTOM})],
        },
        "local_shell": {"type": WORD},
        "shell": {
            "type": WORD,
            "allowed_callers": [WORD],
            "environment": OneOf(
                {"local": _LOCAL_SHELL, "container_auto": REFUSED, "container_reference": REFUSED}
            ),
        },
        "apply_patch": {"type": WORD, "allowed_callers": [WORD]},
        "code_interpreter": REFUSED,
        "computer": REFUSED,
        "computer_use_preview": REFUSED,
        "file_search": REFUSED,
        "image_generation": REFUSED,
        "mcp": REFUSED,
        "programmatic_tool_calling": REFUSED,
        "tool_search": REFUSED,
        "web_search": REFUSED,
        "web_search_2025_08_26": REFUSED,
        "web_search_preview": REFUSED,
        "web_search_preview_2025_03_11": REFUSED,
    }
)

# Without a type an item is a message, or, where it has an id and nothing else, a reference to a stored item.
_RESPONSES_ITEM: Spec = OneOf(
    {
        "message": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "role": WORD,
            "phase": WORD,
            "content": _RESPONSES_CONTENT,
        },
        "easy_message": {
            "type": REFUSED,
            "id": REFUSED,
            "status": WORD,
            "role": WORD,
            "phase": WORD,
            "content": _RESPONSES_CONTENT,
        },
        "reasoning": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "summary": [_TEXT_PART],
            "content": [_TEXT_PART],
            "encrypted_content": SEALED,
        },
        "function_call": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "call_id": ID,
            "name": TEXT,
            "namespace": TEXT,
            "arguments": JSON,
            "parsed_arguments": DEEP,
            "async": FREE,
            "caller": _CALLER,
        },
        "function_call_output": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "call_id": ID,
            "name": TEXT,
            "namespace": TEXT,
            "output": _RESPONSES_CONTENT,
            "caller": _CALLER,
        },
        "custom_tool_call": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "call_id": ID,
            "name": TEXT,
            "namespace": TEXT,
            "input": TEXT,
            "async": FREE,
            "caller": _CALLER,
        },
        "custom_tool_call_output": {
            "type": WORD,
            "id": ID,
            "call_id": ID,
            "output": _RESPONSES_CONTENT,
            "caller": _CALLER,
        },
        "local_shell_call": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "call_id": ID,
            "action": {
                "type": WORD,
                "command": [TEXT],
                "env": DEEP,
                "timeout_ms": FREE,
                "user": TEXT,
                "working_directory": TEXT,
            },
        },
        "local_shell_call_output": {"type": WORD, "id": ID, "status": WORD, "output": TEXT},
        "shell_call": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "call_id": ID,
            "action": _SHELL_ACTION,
            "environment": OneOf({"local": _LOCAL_SHELL, "container_reference": REFUSED}),
            "caller": _CALLER,
            "created_by": TEXT,
        },
        "shell_call_output": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "call_id": ID,
            "output": [{"stdout": TEXT, "stderr": TEXT, "outcome": {"type": WORD, "exit_code": FREE}}],
            "max_output_length": FREE,
            "caller": _CALLER,
        },
        "apply_patch_call": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "call_id": ID,
            "operation": _PATCH,
            "caller": _CALLER,
            "created_by": TEXT,
        },
        "apply_patch_call_output": {
            "type": WORD,
            "id": ID,
            "status": WORD,
            "call_id": ID,
            "output": TEXT,
            "caller": _CALLER,
        },
        "additional_tools": {"type": WORD, "id": ID, "role": WORD, "tools": [_RESPONSES_TOOL]},
        "configuration_update": {
            "type": WORD,
            "id": ID,
            "reasoning": _REASONING,
            "text": {"format": _FORMAT},
        },
        "compaction": {"type": WORD, "id": ID, "encrypted_content": SEALED, "created_by": TEXT},
        "compaction_trigger": {"type": WORD, "id": ID},
        "code_interpreter_call": REFUSED,
        "computer_call": REFUSED,
        "computer_call_output": REFUSED,
        "file_search_call": REFUSED,
        "image_generation_call": REFUSED,
        "item_reference": REFUSED,
        "mcp_approval_request": REFUSED,
        "mcp_approval_response": REFUSED,
        "mcp_call": REFUSED,
        "mcp_list_tools": REFUSED,
        "program": REFUSED,
        "program_output": REFUSED,
        "tool_search_call": REFUSED,
        "tool_search_output": REFUSED,
        "web_search_call": REFUSED,
    },
    default="easy_message",
)

RESPONSES_REQUEST: Spec = {
    "model": WORD,
    "input": Either(TEXT, [_RESPONSES_ITEM]),
    "instructions": TEXT,
    "stream": FREE,
    "stream_options": {"include_obfuscation": FREE},
    "max_output_tokens": FREE,
    "max_tool_calls": FREE,
    "temperature": FREE,
    "top_p": FREE,
    "top_k": FREE,
    "min_p": FREE,
    "repetition_penalty": FREE,
    "truncation": WORD,
    "user": TEXT,
    "safety_identifier": TEXT,
    "prompt_cache_key": TEXT,
    "prompt_cache_options": {"mode": WORD, "ttl": WORD, "prewarm": FREE, "comparison_response_id": REFUSED},
    "prompt_cache_retention": WORD,
    "metadata": DEEP,
    "tools": [_RESPONSES_TOOL],
    "tool_choice": DEEP,
    "parallel_tool_calls": FREE,
    "text": {"format": _FORMAT, "verbosity": WORD},
    "reasoning": _REASONING,
    "include": [WORD],
    "service_tier": WORD,
    "image": {"context_compression": WORD},
    "access_programs": {"cyber": WORD},
    "store": REFUSED,
    "previous_response_id": REFUSED,
    "conversation": REFUSED,
    "background": REFUSED,
    "background_options": REFUSED,
    "context_management": REFUSED,
    "prompt": REFUSED,
    "moderation": REFUSED,
    "top_logprobs": REFUSED,
}

_OUTPUT_ANNOTATION: dict[str, Spec] = {**_ANNOTATION, "file_id": WORD, "container_id": WORD}
_OUTPUT_PART: Spec = OneOf(
    {
        "output_text": {
            "type": WORD,
            "text": TEXT,
            "annotations": [_OUTPUT_ANNOTATION],
            "logprobs": DROPPED,
        },
        "refusal": {"type": WORD, "refusal": TEXT},
        "reasoning_text": _TEXT_PART,
    }
)
_OUTPUT_ITEM: Spec = OneOf(
    {
        "message": {
            "type": WORD,
            "id": WORD,
            "status": WORD,
            "role": WORD,
            "phase": WORD,
            "content": [_OUTPUT_PART],
        },
        "reasoning": {
            "type": WORD,
            "id": WORD,
            "status": WORD,
            "summary": [_TEXT_PART],
            "content": [_TEXT_PART],
            "encrypted_content": SEALED,
        },
        "function_call": {
            "type": WORD,
            "id": WORD,
            "status": WORD,
            "call_id": ID,
            "name": TEXT,
            "namespace": TEXT,
            "arguments": JSON,
            "async": FREE,
            "caller": _CALLER,
        },
        "custom_tool_call": {
            "type": WORD,
            "id": WORD,
            "status": WORD,
            "call_id": ID,
            "name": TEXT,
            "namespace": TEXT,
            "input": TEXT,
            "async": FREE,
            "caller": _CALLER,
        },
        "local_shell_call": {
            "type": WORD,
            "id": WORD,
            "status": WORD,
            "call_id": ID,
            "action": DEEP,
        },
        "shell_call": {
            "type": WORD,
            "id": WORD,
            "status": WORD,
            "call_id": ID,
            "action": _SHELL_ACTION,
            "environment": DEEP,
            "caller": _CALLER,
            "created_by": TEXT,
        },
        "apply_patch_call": {
            "type": WORD,
            "id": WORD,
            "status": WORD,
            "call_id": ID,
            "operation": _PATCH,
            "caller": _CALLER,
            "created_by": TEXT,
        },
        "compaction": {"type": WORD, "id": WORD, "encrypted_content": SEALED, "created_by": TEXT},
        "additional_tools": DEEP,
        "apply_patch_call_output": DEEP,
        "code_interpreter_call": DEEP,
        "computer_call": DEEP,
        "computer_call_output": DEEP,
        "custom_tool_call_output": DEEP,
        "file_search_call": DEEP,
        "function_call_output": DEEP,
        "image_generation_call": DEEP,
        "local_shell_call_output": DEEP,
        "mcp_approval_request": DEEP,
        "mcp_approval_response": DEEP,
        "mcp_call": DEEP,
        "mcp_list_tools": DEEP,
        "program": DEEP,
        "program_output": DEEP,
        "shell_call_output": DEEP,
        "tool_search_call": DEEP,
        "tool_search_output": DEEP,
        "web_search_call": DEEP,
    }
)

RESPONSES_REPLY: Spec = {
    "id": WORD,
    "object": WORD,
    "created_at": FREE,
    "completed_at": FREE,
    "status": WORD,
    "model": WORD,
    "output": [_OUTPUT_ITEM],
    "error": {"code": WORD, "type": WORD, "message": TEXT, "param": TEXT, "misalignment": DEEP},
    "incomplete_details": {"reason": WORD},
    "instructions": DEEP,
    "max_output_tokens": FREE,
    "max_tool_calls": FREE,
    "temperature": FREE,
    "top_p": FREE,
    "top_logprobs": FREE,
    "truncation": WORD,
    "user": TEXT,
    "safety_identifier": TEXT,
    "prompt_cache_key": TEXT,
    "prompt_cache_options": DEEP,
    "prompt_cache_retention": WORD,
    "prompt_cache_diagnostics": DEEP,
    "metadata": DEEP,
    "tools": DEEP,
    "tool_choice": DEEP,
    "tool_usage": DEEP,
    "parallel_tool_calls": FREE,
    "text": DEEP,
    "reasoning": DEEP,
    "service_tier": WORD,
    "image": DEEP,
    "input_transformations": DEEP,
    "access_programs": DEEP,
    "store": FREE,
    "background": FREE,
    "previous_response_id": WORD,
    "conversation": DEEP,
    "prompt": DEEP,
    "moderation": DROPPED,
    "usage": COUNTS,
}

_STEP: dict[str, Spec] = {
    "type": WORD,
    "sequence_number": FREE,
    "item_id": WORD,
    "output_index": FREE,
    "content_index": FREE,
    "summary_index": FREE,
    "command_index": FREE,
    "annotation_index": FREE,
    "logprobs": DROPPED,
    "obfuscation": DROPPED,
}
_WITH_RESPONSE: dict[str, Spec] = {**_STEP, "response": RESPONSES_REPLY}
_WITH_ITEM: dict[str, Spec] = {**_STEP, "item": _OUTPUT_ITEM}
_WITH_PART: dict[str, Spec] = {**_STEP, "part": _OUTPUT_PART}
_WITH_SUMMARY: dict[str, Spec] = {**_STEP, "part": _TEXT_PART, "status": WORD}
_WITH_TEXT: dict[str, Spec] = {**_STEP, "text": TEXT}
_WITH_COMMAND: dict[str, Spec] = {**_STEP, "command": TEXT}
_WITH_ARGUMENTS: dict[str, Spec] = {**_STEP, "name": TEXT, "arguments": JSON}
_TEXT_DELTA: dict[str, Spec] = {**_STEP, "delta": PIECE}
_JSON_DELTA: dict[str, Spec] = {**_STEP, "delta": SCRIPT}

RESPONSES_EVENTS: Spec = OneOf(
    {
        "response.created": _WITH_RESPONSE,
        "response.queued": _WITH_RESPONSE,
        "response.in_progress": _WITH_RESPONSE,
        "response.completed": _WITH_RESPONSE,
        "response.incomplete": _WITH_RESPONSE,
        "response.failed": _WITH_RESPONSE,
        "response.output_item.added": _WITH_ITEM,
        "response.output_item.done": _WITH_ITEM,
        "response.content_part.added": _WITH_PART,
        "response.content_part.done": _WITH_PART,
        "response.output_text.delta": _TEXT_DELTA,
        "response.output_text.done": _WITH_TEXT,
        "response.output_text.annotation.added": {**_STEP, "annotation": _OUTPUT_ANNOTATION},
        "response.refusal.delta": _TEXT_DELTA,
        "response.refusal.done": {**_STEP, "refusal": TEXT},
        "response.reasoning_text.delta": _TEXT_DELTA,
        "response.reasoning_text.done": _WITH_TEXT,
        "response.reasoning_summary_part.added": _WITH_SUMMARY,
        "response.reasoning_summary_part.done": _WITH_SUMMARY,
        "response.reasoning_summary_text.delta": _TEXT_DELTA,
        "response.reasoning_summary_text.done": _WITH_TEXT,
        "response.function_call_arguments.delta": _JSON_DELTA,
        "response.function_call_arguments.done": _WITH_ARGUMENTS,
        "response.custom_tool_call_input.delta": _TEXT_DELTA,
        "response.custom_tool_call_input.done": {**_STEP, "input": TEXT},
        "response.shell_call_command.added": _WITH_COMMAND,
        "response.shell_call_command.delta": _TEXT_DELTA,
        "response.shell_call_command.done": _WITH_COMMAND,
        "response.shell_call_output_content.delta": {**_STEP, "delta": {"stdout": PIECE, "stderr": PIECE}},
        "response.shell_call_output_content.done": {**_STEP, "output": DEEP},
        "response.apply_patch_call_operation_diff.delta": _TEXT_DELTA,
        "response.apply_patch_call_operation_diff.done": {**_STEP, "diff": TEXT},
        "response.mcp_call_arguments.delta": _JSON_DELTA,
        "response.mcp_call_arguments.done": _WITH_ARGUMENTS,
        "response.mcp_call.in_progress": _STEP,
        "response.mcp_call.completed": _STEP,
        "response.mcp_call.failed": _STEP,
        "response.mcp_list_tools.in_progress": _STEP,
        "response.mcp_list_tools.completed": _STEP,
        "response.mcp_list_tools.failed": _STEP,
        "response.code_interpreter_call_code.delta": _TEXT_DELTA,
        "response.code_interpreter_call_code.done": {**_STEP, "code": TEXT},
        "response.code_interpreter_call.in_progress": _STEP,
        "response.code_interpreter_call.interpreting": _STEP,
        "response.code_interpreter_call.completed": _STEP,
        "response.file_search_call.in_progress": _STEP,
        "response.file_search_call.searching": _STEP,
        "response.file_search_call.completed": _STEP,
        "response.web_search_call.in_progress": _STEP,
        "response.web_search_call.searching": _STEP,
        "response.web_search_call.completed": _STEP,
        "response.image_generation_call.in_progress": _STEP,
        "response.image_generation_call.generating": _STEP,
        "response.image_generation_call.partial_image": DROPPED,
        "response.image_generation_call.completed": _STEP,
        "response.compaction.compacting": _STEP,
        "response.audio.delta": DROPPED,
        "response.audio.done": _STEP,
        "response.audio.transcript.delta": _TEXT_DELTA,
        "response.audio.transcript.done": _STEP,
        "error": {**_STEP, "code": WORD, "message": TEXT, "param": TEXT},
        "keepalive": _STEP,
    }
)

# ── messages ──────────────────────────────────────────────────────────────────────────────────────

_CACHE_CONTROL: dict[str, Spec] = {"type": WORD, "ttl": WORD}
_CITED: dict[str, Spec] = {"enabled": FREE}
_TOOL_CALLER: dict[str, Spec] = {"type": WORD, "tool_id": ID}
_CITATION: Final = {
    "type": WORD,
    "cited_text": TEXT,
    "document_title": TEXT,
    "title": TEXT,
    "url": TEXT,
    "source": TEXT,
    "encrypted_index": SEALED,
    "document_index": FREE,
    "search_result_index": FREE,
    "start_char_index": FREE,
    "end_char_index": FREE,
    "start_page_number": FREE,
    "end_page_number": FREE,
    "start_block_index": FREE,
    "end_block_index": FREE,
}

_TEXT_BLOCK: dict[str, Spec] = {
    "type": WORD,
    "text": TEXT,
    "citations": [{**_CITATION, "file_id": REFUSED}],
    "cache_control": _CACHE_CONTROL,
}
_SOURCES: dict[str, dict[str, Spec]] = {
    "base64": {"type": WORD, "media_type": WORD, "data": ORIGINAL},
    "url": {"type": WORD, "url": ORIGINAL},
}
_IMAGE_BLOCK: dict[str, Spec] = {
    "type": WORD,
    "source": OneOf({**_SOURCES, "file": REFUSED}),
    "transformations": {"oversized_image": WORD},
    "cache_control": _CACHE_CONTROL,
}
_DOCUMENT_BLOCK: dict[str, Spec] = {
    "type": WORD,
    "source": OneOf(
        {
            "text": {"type": WORD, "media_type": WORD, "data": TEXT},
            "content": {
                "type": WORD,
                "content": Either(TEXT, [OneOf({"text": _TEXT_BLOCK, "image": _IMAGE_BLOCK})]),
            },
            **_SOURCES,
            "file": REFUSED,
        }
    ),
    "title": TEXT,
    "context": TEXT,
    "citations": _CITED,
    "cache_control": _CACHE_CONTROL,
}
_SEARCH_RESULT_BLOCK: dict[str, Spec] = {
    "type": WORD,
    "source": TEXT,
    "title": TEXT,
    "content": [_TEXT_BLOCK],
    "citations": _CITED,
    "cache_control": _CACHE_CONTROL,
}
_RESULT_BLOCK: Spec = OneOf(
    {
        "text": _TEXT_BLOCK,
        "image": _IMAGE_BLOCK,
        "document": _DOCUMENT_BLOCK,
        "search_result": _SEARCH_RESULT_BLOCK,
        "tool_reference": {"type": WORD, "tool_name": TEXT, "cache_control": _CACHE_CONTROL},
        "browser_state": REFUSED,
    }
)
_THOUGHTS: dict[str, dict[str, Spec]] = {
    "thinking": {"type": WORD, "thinking": TEXT, "signature": SEALED},
    "redacted_thinking": {"type": WORD, "data": SEALED},
}
_TOOL_USE: dict[str, Spec] = {
    "type": WORD,
    "id": ID,
    "name": TEXT,
    "input": DEEP,
    "toolset_name": TEXT,
    "caller": _TOOL_CALLER,
}
_BLOCK: Spec = OneOf(
    {
        "text": _TEXT_BLOCK,
        "image": _IMAGE_BLOCK,
        "document": _DOCUMENT_BLOCK,
        "search_result": _SEARCH_RESULT_BLOCK,
        **_THOUGHTS,
        "tool_use": {**_TOOL_USE, "cache_control": _CACHE_CONTROL},
        "tool_result": {
            "type": WORD,
            "tool_use_id": ID,
            "content": Either(TEXT, [_RESULT_BLOCK]),
            "is_error": FREE,
            "toolset_name": TEXT,
            "cache_control": _CACHE_CONTROL,
        },
        "bash_code_execution_tool_result": REFUSED,
        "code_execution_tool_result": REFUSED,
        "container_upload": REFUSED,
        "server_tool_use": REFUSED,
        "text_editor_code_execution_tool_result": REFUSED,
        "tool_search_tool_result": REFUSED,
        "web_fetch_tool_result": REFUSED,
        "web_search_tool_result": REFUSED,
    }
)

_CLIENT_TOOL: dict[str, Spec] = {
    "type": WORD,
    "name": TEXT,
    "description": TEXT,
    "input_schema": DEEP,
    "input_examples": DEEP,
    "max_characters": FREE,
    "strict": FREE,
    "defer_loading": FREE,
    "eager_input_streaming": FREE,
    "allowed_callers": [WORD],
    "cache_control": _CACHE_CONTROL,
}
_MESSAGES_TOOL: Spec = OneOf(
    {
        "custom": _CLIENT_TOOL,
        "bash_20250124": _CLIENT_TOOL,
        "memory_20250818": _CLIENT_TOOL,
        "text_editor_20250124": _CLIENT_TOOL,
        "text_editor_20250429": _CLIENT_TOOL,
        "text_editor_20250728": _CLIENT_TOOL,
        "browser_toolset_20260801": REFUSED,
        "code_execution_20250522": REFUSED,
        "code_execution_20250825": REFUSED,
        "code_execution_20260120": REFUSED,
        "code_execution_20260521": REFUSED,
        "computer_toolset_20260801": REFUSED,
        "tool_search_tool_bm25": REFUSED,
        "tool_search_tool_bm25_20251119": REFUSED,
        "tool_search_tool_regex": REFUSED,
        "tool_search_tool_regex_20251119": REFUSED,
        "web_fetch_20250910": REFUSED,
        "web_fetch_20260209": REFUSED,
        "web_fetch_20260309": REFUSED,
        "web_fetch_20260318": REFUSED,
        "web_search_20250305": REFUSED,
        "web_search_20260209": REFUSED,
        "web_search_20260318": REFUSED,
    },
    default="custom",
)

COUNT_REQUEST: dict[str, Spec] = {
    "model": WORD,
    "messages": [{"role": WORD, "content": Either(TEXT, [_BLOCK])}],
    "system": Either(TEXT, [_TEXT_BLOCK]),
    "tools": [_MESSAGES_TOOL],
    "tool_choice": {"type": WORD, "name": TEXT, "disable_parallel_tool_use": FREE},
    "thinking": {"type": WORD, "budget_tokens": FREE, "display": WORD},
    "output_config": {"effort": WORD, "format": {"type": WORD, "schema": DEEP}},
    "speed": WORD,
    "cache_control": _CACHE_CONTROL,
    "user_profile_id": REFUSED,
    "workspace_id": REFUSED,
    "context_management": REFUSED,
    "mcp_servers": REFUSED,
}
COUNT_REPLY: Spec = {"input_tokens": FREE}

MESSAGES_REQUEST: Spec = {
    **COUNT_REQUEST,
    "max_tokens": FREE,
    "metadata": {"user_id": TEXT},
    "stop_sequences": [TEXT],
    "stream": FREE,
    "temperature": FREE,
    "top_p": FREE,
    "top_k": FREE,
    "service_tier": WORD,
    "inference_geo": WORD,
    "container": REFUSED,
    "diagnostics": {"previous_message_id": REFUSED},
}

_REPLY_CITATION: dict[str, Spec] = {**_CITATION, "file_id": WORD}
_REPLY_BLOCK: Spec = OneOf(
    {
        "text": {"type": WORD, "text": TEXT, "citations": [_REPLY_CITATION]},
        **_THOUGHTS,
        "tool_use": _TOOL_USE,
        "bash_code_execution_tool_result": DEEP,
        "code_execution_tool_result": DEEP,
        "container_upload": DEEP,
        "server_tool_use": DEEP,
        "text_editor_code_execution_tool_result": DEEP,
        "tool_search_tool_result": DEEP,
        "web_fetch_tool_result": DEEP,
        "web_search_tool_result": DEEP,
    }
)
_STOPPED: dict[str, Spec] = {
    "stop_reason": WORD,
    "stop_sequence": TEXT,
    "stop_details": {"type": WORD, "category": WORD, "explanation": TEXT},
    "container": DEEP,
}

MESSAGES_REPLY: Spec = {
    **_STOPPED,
    "id": WORD,
    "type": WORD,
    "role": WORD,
    "model": WORD,
    "content": [_REPLY_BLOCK],
    "diagnostics": DEEP,
    "usage": COUNTS,
}

MESSAGES_EVENTS: Spec = OneOf(
    {
        "message_start": {"type": WORD, "message": MESSAGES_REPLY},
        "message_delta": {"type": WORD, "delta": _STOPPED, "usage": COUNTS},
        "message_stop": {"type": WORD},
        "content_block_start": {"type": WORD, "index": FREE, "content_block": _REPLY_BLOCK},
        "content_block_delta": {
            "type": WORD,
            "index": FREE,
            "delta": OneOf(
                {
                    "text_delta": {"type": WORD, "text": PIECE},
                    "thinking_delta": {"type": WORD, "thinking": PIECE},
                    "input_json_delta": {"type": WORD, "partial_json": SCRIPT},
                    "citations_delta": {"type": WORD, "citation": _REPLY_CITATION},
                    "signature_delta": {"type": WORD, "signature": SEALED},
                }
            ),
        },
        "content_block_stop": {"type": WORD, "index": FREE},
        "error": {"type": WORD, "error": {"type": WORD, "message": TEXT}, "request_id": WORD},
        "ping": {"type": WORD},
    }
)

# ── transcriptions ────────────────────────────────────────────────────────────────────────────────

TRANSCRIPTIONS_REQUEST: Spec = {
    "file": ORIGINAL,
    "model": WORD,
    "prompt": TEXT,
    "keywords": [TEXT],
    "known_speaker_names": [TEXT],
    "known_speaker_references": [ORIGINAL],
    "language": WORD,
    "languages": [WORD],
    "response_format": WORD,
    "timestamp_granularities": [WORD],
    "temperature": FREE,
    "chunking_strategy": Either(
        WORD, {"type": WORD, "prefix_padding_ms": FREE, "silence_duration_ms": FREE, "threshold": FREE}
    ),
    "stream": FREE,
    "include": REFUSED,
}

_LANGUAGES: Spec = [{"code": WORD}]

TRANSCRIPTIONS_REPLY: Spec = {
    "text": TEXT,
    "task": WORD,
    "language": WORD,
    "languages": _LANGUAGES,
    "duration": FREE,
    "segments": [
        {
            "type": WORD,
            "id": Either(FREE, WORD),
            "speaker": TEXT,
            "text": TEXT,
            "start": FREE,
            "end": FREE,
            "seek": FREE,
            "tokens": VECTOR,
            "temperature": FREE,
            "avg_logprob": FREE,
            "compression_ratio": FREE,
            "no_speech_prob": FREE,
        }
    ],
    "words": [{"word": TEXT, "start": FREE, "end": FREE}],
    "logprobs": DROPPED,
    "usage": COUNTS,
}

TRANSCRIPTIONS_EVENTS: Spec = OneOf(
    {
        "transcript.text.segment": {
            "type": WORD,
            "id": WORD,
            "speaker": TEXT,
            "text": TEXT,
            "start": FREE,
            "end": FREE,
        },
        "transcript.text.delta": {
            "type": WORD,
            "segment_id": WORD,
            "delta": PIECE,
            "logprobs": DROPPED,
        },
        "transcript.text.done": {
            "type": WORD,
            "text": TEXT,
            "languages": _LANGUAGES,
            "logprobs": DROPPED,
            "usage": COUNTS,
        },
    }
)
