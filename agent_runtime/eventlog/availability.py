"""Whether the log is there: said once when it goes, and once when it comes back."""

import structlog

from agent_runtime.core.retry import Backoff

_log = structlog.get_logger(__name__)

RETRY = Backoff(0.2, 5.0)
"""Waits between attempts to write to the log."""


class Availability:
    """What is wrong with the log, as those see it who write to it."""

    def __init__(self) -> None:
        self._faults: dict[str, str] = {}

    def away(self, who: str, error: Exception) -> None:
        """`who` could not write."""
        if not self._faults:
            _log.warning(
                "the event log is away: the board goes on, and the log catches up later", error=str(error)
            )
        self._faults[who] = str(error)

    def back(self, who: str) -> None:
        """`who` has just written, or seen that there is nothing to write."""
        if self._faults.pop(who, None) is not None and not self._faults:
            _log.info("the event log is back")

    @property
    def fault(self) -> str:
        """Empty when all is well."""
        return next(iter(self._faults.values()), "")
