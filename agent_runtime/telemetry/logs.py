"""Logs as JSON, one object a line on stdout, so that Loki and its like need no parsing rules."""

import logging
import sys
from contextlib import suppress
from typing import Any

import orjson
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.exceptions import NoConsoleRendererConfiguredError

from agent_runtime.core.background import plain_json
from agent_runtime.core.visible import visible_json
from agent_runtime.telemetry.context import add_context, resource_of
from agent_runtime.telemetry.events import Event


def configure(service: str, *, level: int = logging.INFO) -> None:
    """Send structlog's and the standard library's records to stdout as JSON lines.

    Each line has `timestamp`, `level`, `event`, and what `context` adds.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_context(service),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=lambda line, **kw: _dumps(line, **kw).decode()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))


def keep_locals_out() -> None:
    """Where nobody has configured structlog: print plain tracebacks.

    Its own, with rich installed, show all local variables: payloads, and keys of models.
    """
    if structlog.is_configured():
        return
    with suppress(NoConsoleRendererConfiguredError):  # its default may be another one some day
        ConsoleRenderer.get_active().exception_formatter = plain_traceback


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A structured logger; `name` says which part of the runtime speaks."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound


class LogEvents:
    """An observer that writes each event as a log line: failures as warnings, the frequent ones as debug."""

    def __init__(self) -> None:
        # Bound once: the lazy logger would be bound anew for each line.
        self._log = logger("events").bind()

    def __call__(self, event: Event) -> None:
        match event.kind:
            case "agent.failed" | "board.warning" | "process.warning" | "run.warning" | "run.interrupted":
                write = self._log.warning
            case "agent.started" | "agent.tool" | "run.cached":
                write = self._log.debug
            case "run.node" if event.data.get("state") == "Running" and "outcome" not in event.data:
                write = self._log.debug  # it begins: its end makes the one line of a visit
            case _:
                write = self._log.info
        write(
            event.message,
            **{**event.data, **resource_of(event.kind, event.subject)},
            kind=event.kind,
            subject=event.subject,
        )


def _dumps(line: object, **options: Any) -> bytes:
    try:
        dumped = orjson.dumps(line, default=options.get("default", str), option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, or integers beyond 64 bits: better in other words than not
        dumped = plain_json(line)
    return dumped if dumped.isascii() and b"\x7f" not in dumped else visible_json(dumped.decode()).encode()
