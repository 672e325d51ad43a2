"""Why the run store's pods do not answer, for the conditions of the runs that wait for it."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic

from agent_runtime.compile.places import RUNS_SERVER
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.resources import BY_KIND
from covey_operator.pods.lookup import look_at
from covey_operator.pods.shortage import is_short

_KEPT = 5.0
"""Seconds for which an answer is good enough: many runs ask at the same time."""


class RunStorePods:
    """Looks at the StatefulSet in the operator's own namespace."""

    def __init__(
        self,
        cluster: KubeClient,
        namespace: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        time: Callable[[], float] = monotonic,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._clock = clock
        self._time = time
        self._until, self._why = 0.0, ""

    async def why(self) -> str:
        """For people; empty when its pods are up, or nobody knows."""
        if self._time() >= self._until:
            self._why = await self._look()
            self._until = self._time() + _KEPT
        return self._why

    async def _look(self) -> str:
        kind, where = BY_KIND["StatefulSet"], f"StatefulSet {RUNS_SERVER} in namespace {self._namespace}"
        try:
            found = await self._cluster.get(kind, self._namespace, RUNS_SERVER)
            if found is None:
                return ""  # it may be anywhere: its address is a setting
            child = ChildSnapshot.of(found)
            if not child.state["replicas"]:
                return f"{where} has 0 replicas"
            pods = await look_at(self._cluster, child, self._clock()) if is_short(child) else None
        except ApiError:
            return ""
        return f"{where}: {pods.trouble.message}" if pods is not None and pods.trouble is not None else ""
