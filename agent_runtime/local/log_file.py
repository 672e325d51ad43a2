"""Logs of `covey up`: JSON lines in the state folder, so that the terminal stays for people.

What is a warning or worse is told to people too, by way of an observer.
"""

import logging
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict

from agent_runtime.telemetry.context import add_context
from agent_runtime.telemetry.events import Event, Observer
from agent_runtime.telemetry.log_lines import log_line

LOG_FILE = "covey.log"
_LARGEST = 10 * 1024 * 1024
_WARNINGS = frozenset({"warning", "error", "critical", "exception"})
_RETRIED = "tries again"
"""What an agent logs when its model throttles it or fails in passing: news for a person, too."""
_UNTOLD = frozenset({"timestamp", "level", "event", "part", "exception", "exc_info", "logger"})


def log_to(folder: Path, observer: Observer | None = None) -> Path:
    """Send structlog's and the standard library's records to the folder's log file; returns which it is.

    A file that has grown past 10 MiB is put aside first, in place of the one put aside before.
    """
    path = folder / LOG_FILE
    if path.exists() and path.stat().st_size > _LARGEST:
        path.replace(path.with_suffix(".log.1"))
    file = path.open("a", encoding="utf-8", buffering=1)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _telling(observer),
        add_context("covey up"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file),
    )
    handler = logging.StreamHandler(file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    return path


def _telling(observer: Observer | None) -> Callable[[object, str, MutableMapping[str, Any]], EventDict]:
    def tell(_logger: object, _method: str, line: MutableMapping[str, Any]) -> EventDict:
        event = str(line.get("event", ""))
        worth = line.get("level") in _WARNINGS or event == _RETRIED
        # what happens on a board has its own event
        if observer is not None and worth and not event.startswith("blackboard: "):
            observer(_event(event, line))
        return dict(line)

    return tell


def _event(event: str, line: MutableMapping[str, Any]) -> Event:
    details = {key: value for key, value in line.items() if key not in _UNTOLD and not key.startswith("_")}
    subject = str(details.pop("agent", "") or details.pop("run", "") or "covey up")
    listed = ", ".join(f"{key} {value}" for key, value in details.items() if value not in (None, ""))
    error = line.get("exc_info")
    if isinstance(error, BaseException):
        listed = ", ".join(filter(None, (listed, f"{type(error).__name__}: {error}")))
    message = f"{event}: {listed}" if listed else event
    data = {"what": "logged", "level": str(line.get("level", ""))}
    return Event(datetime.now(UTC), "process.warning", subject, message, data)


def _dumps(line: EventDict, **_: object) -> str:
    return log_line(line)
