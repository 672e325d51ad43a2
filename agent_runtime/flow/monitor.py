"""Ready-made observers: what flows and nodes did and how long it took, as numbers and as log records.

    monitor = Monitor()
    with observe(monitor, log_record_observer()):
        flow.run(shared)
    print(monitor.report())

What they print is shown in docs/flows-in-python.md.
"""

import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from agent_runtime.flow.names import given_name
from agent_runtime.flow.observe import Observer, Visit
from agent_runtime.flow.observed import ObservedWalk
from agent_runtime.flow.report import Kind, Outcome, Report, Tally

LOGGER = "agent_runtime.flow"
_PASS = re.compile(r"\[\d+\]")

Seconds = Callable[[], float]
"""A clock: seconds since some moment."""


class Monitor(Observer):
    """Counts the passes of flows and the visits to nodes, their failures and retries, and takes their time.

    One monitor may watch many runs, also at once, in tasks and in threads. It grows with the number of
    different nodes, not with that of visits.
    """

    def __init__(self, clock: Seconds = time.perf_counter) -> None:
        self._clock = clock
        self._tallies: dict[tuple[Kind, str], Tally] = {}
        self._lock = threading.Lock()

    def walk(self, walk: ObservedWalk) -> AbstractContextManager[object]:
        def end(outcome: Outcome, seconds: float) -> None:
            self._add("flow", _path(walk, walk.path.removesuffix("/")), outcome, seconds, 0)

        return _Watch(self._clock, end)

    def visit(self, visit: Visit) -> AbstractContextManager[object]:
        def end(outcome: Outcome, seconds: float) -> None:
            self._add("node", _path(visit.walk, visit.path), outcome, seconds, visit.retries)

        return _Watch(self._clock, end)

    def report(self) -> Report:
        """What has ended so far; what is under way is not in it."""
        with self._lock:
            rows = [tally.row(path, kind) for (kind, path), tally in sorted(self._tallies.items())]
        return Report(
            flows=tuple(row for row in rows if row.kind == "flow"),
            nodes=tuple(row for row in rows if row.kind == "node"),
        )

    def _add(self, kind: Kind, path: str, outcome: Outcome, seconds: float, retries: int) -> None:
        if "[" in path:
            path = _PASS.sub("[]", path)
        with self._lock:
            tally = self._tallies.get((kind, path))
            if tally is None:
                tally = self._tallies[kind, path] = Tally()
            tally.add(outcome, seconds, retries)


def log_record_observer(logger: logging.Logger | None = None, clock: Seconds = time.perf_counter) -> Observer:
    """An observer that logs one record for each visit to a node, when it ends.

    The record's fields (`extra`): `flow`, the name of the run's own flow; `node`, the node's path in it;
    `visit`, its number; `attempts`; `action`; `seconds`; `outcome` (see `report.Outcome`); `error`, what
    ended the visit, or what its last retry was for, as text. The level is INFO, for a failure WARNING; the
    logger is "agent_runtime.flow" unless one is given.
    """
    return _LogRecords(logger or logging.getLogger(LOGGER), clock)


class _LogRecords(Observer):
    def __init__(self, logger: logging.Logger, clock: Seconds) -> None:
        self._logger = logger
        self._clock = clock

    def visit(self, visit: Visit) -> AbstractContextManager[object]:
        def end(outcome: Outcome, seconds: float) -> None:
            self._log(visit, outcome, seconds)

        return _Watch(self._clock, end)

    def _log(self, visit: Visit, outcome: Outcome, seconds: float) -> None:
        error = visit.error or visit.retried_after
        fields = {
            "flow": _flow(visit.walk),
            "node": visit.path,
            "visit": visit.number,
            "attempts": visit.attempts,
            "action": visit.action,
            "seconds": seconds,
            "outcome": outcome,
            "error": None if error is None else f"{type(error).__name__}: {error}",
        }
        level = logging.WARNING if outcome == "failed" else logging.INFO
        self._logger.log(level, "%s %s", visit.path, outcome, extra=fields)


class _Watch:
    """Around a block: tells how it ended, and after how many seconds."""

    __slots__ = ("_begin", "_clock", "_end")

    def __init__(self, clock: Seconds, end: Callable[[Outcome, float], None]) -> None:
        self._clock = clock
        self._end = end

    def __enter__(self) -> None:
        self._begin = self._clock()

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        outcome: Outcome = "succeeded"
        if error is not None:
            outcome = "failed" if isinstance(error, Exception) else "interrupted"
        self._end(outcome, self._clock() - self._begin)


def _flow(walk: ObservedWalk) -> str:
    """The name of the run's own flow."""
    while walk.parent is not None:
        walk = walk.parent.walk
    return given_name(walk.flow) or type(walk.flow).__name__


def _path(walk: ObservedWalk, within: str) -> str:
    """With the run's own flow in front; its passes, when it is a batch flow, are written without a slash."""
    joint = "/" if within and not within.startswith("[") else ""
    return f"{_flow(walk)}{joint}{within}"
