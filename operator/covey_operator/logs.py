"""Logs: one JSON object a line on standard output, ours and those of the libraries alike."""

import logging
import sys

import orjson
import structlog
from structlog.types import Processor

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(level: str) -> None:
    """Call once, before anything is logged. `level` is a name such as `info`."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Decides by the level before anything is put together; standard logging would do so only at the end.
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
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


def _json(value: object, **_: object) -> str:
    return orjson.dumps(value, default=repr).decode()
