"""The operations log: JSON lines on stderr, with an allow-list of keys. Never personal text.

A key that is not on the list is dropped before anything is written, and an exception leaves its
class and the place it was raised at, never its message: messages may quote what a person wrote.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

KEYS = frozenset(
    {
        "event", "level", "timestamp", "logger",
        "exchange", "kind", "reason", "status", "method", "route", "key", "tool", "department", "section",
        "model", "provider", "policy", "digest", "version", "host", "port", "home", "records", "closed",
        "seconds", "milliseconds", "count", "error", "where", "signal", "rule", "alert", "severity", "follower", "trouble",
        "record", "bytes", "processes", "waiting", "mailboxes", "letters", "confirmation", "field",
    }
)  # fmt: skip


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Set up structlog and send the standard library's records through the same door."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_exception,
            _keep_allowed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Through()]
    root.setLevel(logging.WARNING)


def _name_exception(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    if error is not None:
        event["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        if frames:
            event["where"] = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}"
    return event


def _keep_allowed(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if key in KEYS}


class _Through(logging.Handler):
    """A library's log record: its logger, level and place. Its message is not ours to vouch for."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno,
            "library",
            logger=record.name,
            where=f"{record.filename}:{record.lineno}",
            error=type(error).__name__ if error else None,
        )
