"""Logs: one JSON object a line on standard output, ours and those of the libraries alike."""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any

import structlog
from structlog.types import EventDict, Processor

from agent_runtime.telemetry.log_lines import log_line
from covey_operator.kube.keys import Key
from covey_operator.kube.labels import OPERATOR

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(level: str, *, environment: str, namespace: str) -> None:
    """Call once, before anything is logged. `level` is a name such as `info`.

    Each line has `service`, `environment`, `namespace`, and within a pass the resource that it is about.
    """
    shared = (*_SHARED, _context(service=OPERATOR, environment=environment, namespace=namespace))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Decides by the level before anything is put together; standard logging would do so only at the end.
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # kopf logs a line for each event of each object, aiohttp one for each probe, httpx one for each request.
    for noisy in ("kopf.objects", "aiohttp.access", "kopf._core.reactor.running", "httpx2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for library in ("asyncio", "kopf._cogs", "kopf._core"):
        logging.getLogger(library).setLevel(max(logging.INFO, logging.getLevelName(level.upper())))


def about(key: Key) -> AbstractContextManager[None]:
    """Lines within the block are about that resource."""
    return structlog.contextvars.bound_contextvars(
        namespace=key.namespace, resource_kind=key.kind, resource_name=key.name
    )


def _context(**fixed: str) -> Processor:
    def add(_logger: object, _method: str, line: MutableMapping[str, Any]) -> EventDict:
        for name, value in fixed.items():
            line.setdefault(name, value)
        return line

    return add


def _json(value: object, **_: object) -> str:
    return log_line(value, repr)
