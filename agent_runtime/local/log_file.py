"""Logs of `covey up`: JSON lines in the state folder, so that the terminal stays for people."""

import logging
from pathlib import Path

import orjson
import structlog
from structlog.typing import EventDict

from agent_runtime.telemetry.context import add_context

LOG_FILE = "covey.log"
_LARGEST = 10 * 1024 * 1024


def log_to(folder: Path) -> Path:
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


def _dumps(line: EventDict, **_: object) -> str:
    return orjson.dumps(line, default=str).decode()
