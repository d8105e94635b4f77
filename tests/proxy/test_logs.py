"""The operations log: allowed keys only, and no message that could quote somebody."""

import io
import json
import logging

import structlog

from proxy.logs import configure


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
