"""The offline demo model: a litellm custom provider that quotes what it received. No language model.

It shows masking and restoring at work: first what arrived, with the placeholders in other brackets
so that nothing is restored in them; then the same as a quotation, in which everything is restored.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from policies.model import Bilingual

CAN = ("chat", "responses", "messages")
"""The dialects it answers in: litellm turns its chat into the other two."""

SAYS_NO = Bilingual(
    "デモ用のモデルは文章の引用だけができます。この機能を使うには、モデル一覧に別のモデルを加えてください。",
    "The demo model only quotes texts. For this use, put another model on the model list.",
)
NOTICE = "【デモ応答】これは言語モデルではありません。届いた文章を引用するだけです。 / This is no language model; it only quotes."
_PIECE = 7


def quoted(messages: Sequence[Mapping[str, Any]]) -> str:
    """The demo's answer to the last user message."""
    received = next((_text(m.get("content")) for m in reversed(messages) if m.get("role") == "user"), "")
    as_received = received.replace("[", "⟦").replace("]", "⟧")
    return (
        f"{NOTICE}\n\n"
        f"■ 届いた文章(伏せ字のまま) / As received, masked:\n{as_received}\n\n"
        f"■ 引用(伏せ字を戻したもの) / Quoted, restored:\n{received}\n"
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content or [] if isinstance(part, Mapping))


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))


def demo_handler() -> Any:
    """The handler as litellm wants it. Called once litellm is loaded."""
    from litellm.llms.custom_llm import CustomLLM
    from litellm.types.utils import Choices, GenericStreamingChunk, Message, ModelResponse, Usage

    def counted(given: Mapping[str, Any], answer: str) -> Any:
        asked = sum(len(_text(message.get("content"))) for message in given["messages"])
        return {"prompt_tokens": asked, "completion_tokens": len(answer), "total_tokens": asked + len(answer)}

    def piece(text: str, finish: str = "", usage: Any = None) -> Any:
        return GenericStreamingChunk(
            text=text, is_finished=bool(finish), finish_reason=finish, index=0, tool_use=None, usage=usage
        )

    class DemoModel(CustomLLM):
        async def acompletion(self, *args: Any, **given: Any) -> Any:
            answer = quoted(given["messages"])
            message = Message(role="assistant", content=answer)
            reply = ModelResponse(
                model=given["model"], choices=[Choices(finish_reason="stop", message=message)]
            )
            reply.usage = Usage(**counted(given, answer))  # type: ignore[attr-defined]
            return reply

        async def astreaming(self, *args: Any, **given: Any) -> AsyncIterator[Any]:  # type: ignore[override]
            answer = quoted(given["messages"])
            for text in _pieces(answer):
                yield piece(text)
            yield piece("", "stop", counted(given, answer))

    return DemoModel()
