"""The operations log: allowed keys only, and no message that could quote somebody."""

import ast
import io
import json
import logging
from pathlib import Path

import structlog

from proxy.logs import KEYS, configure

ROOT = Path(__file__).parents[2]


def logged(what: object) -> dict[str, object]:
    stream = io.StringIO()
    configure("info", stream)
    assert callable(what)
    what()
    return dict(json.loads(stream.getvalue()))


def test_a_key_that_is_not_on_the_list_is_dropped() -> None:
    line = logged(lambda: structlog.get_logger().info("stopped", reason="x", prompt="山田太郎"))
    assert line["reason"] == "x" and "prompt" not in line


def test_an_exception_leaves_its_class_and_place_and_not_its_message() -> None:
    def fail() -> None:
        try:
            raise ValueError("山田太郎")
        except ValueError as error:
            structlog.get_logger().error("accident", exc_info=error)

    line = logged(fail)
    assert line["error"] == "ValueError" and str(line["where"]).startswith("test_logs.py:")
    assert "山田" not in json.dumps(line, ensure_ascii=False)


def test_a_librarys_message_is_not_repeated() -> None:
    line = logged(lambda: logging.getLogger("some.library").warning("request body: %s", "山田太郎"))
    assert line["logger"] == "some.library" and line["level"] == "warning"
    assert "山田" not in json.dumps(line, ensure_ascii=False)


def test_whatever_the_house_tells_the_log_is_on_the_list() -> None:
    """What is not is dropped, and a line that says that something is wrong and not what is of no use to anybody."""
    levels = {"debug", "info", "warning", "error", "critical", "exception"}
    given: dict[str, str] = {}
    for room in ("proxy", "audit", "policies", "redaction"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                if (
                    node.func.attr in levels
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "log"
                ):
                    given |= {word.arg: f"{file.name}:{node.lineno}" for word in node.keywords if word.arg}
    assert {"rule", "follower"} <= given.keys()
    assert {word: place for word, place in given.items() if word not in KEYS | {"exc_info"}} == {}
