"""Looks at the pods of workloads that are short of them, and tells what was lost.

The kubelet's words are in pods and events, of which a cluster has far too many to watch: most pods come up
without a word. So nothing is asked while a workload has what it should. One that has not is looked at two
seconds later, and then less and less often; events are listed only of what does not explain itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import structlog

from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import WITH_STATUS
from covey_operator.plan import Notice
from covey_operator.pods.lookup import look_at
from covey_operator.pods.shortage import (
    Level,
    Pods,
    is_known_to_its_controller,
    is_short,
    late_in,
    level,
    lost,
    notice,
)

log = structlog.get_logger(__name__)

_PAUSES = (2.0, 2.0, 3.0, 5.0, 8.0, 13.0)
"""Seconds between two looks at the same workload; from the start again when another trouble comes."""
_PAUSES_UNKNOWN = (2.0, 8.0, 30.0, 60.0)
"""The same, while its controller has not even seen it."""
_AT_MOST_EVERY = 1.0


@dataclass(slots=True)
class _Known:
    due: float
    looks: int = 0
    pods: Pods = field(default_factory=Pods)


@dataclass(frozen=True, slots=True)
class Look:
    """What a pass sees of pods."""

    pods: Mapping[Key, Pods]
    """Of workloads that are short of pods."""
    notices: tuple[Notice, ...]
    again_in: float | None


class PodWatch:
    """One for the operator."""

    def __init__(self, cluster: KubeClient, clock: Callable[[], float] = monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._short: dict[Key, _Known] = {}
        self._levels: dict[Key, Level] = {}
        self._of: dict[Key, set[Key]] = {}
        self._complained = False

    async def look(
        self, owner: Key, children: Mapping[Key, ChildSnapshot], now: datetime, *, in_trouble: bool
    ) -> Look:
        """`in_trouble`: the status tells of pods that do not come up, and must not forget it meanwhile."""
        workloads = {key: child for key, child in children.items() if key.kind in WITH_STATUS}
        for gone in self._of.get(owner, set()) - workloads.keys():
            self._forget(gone)
        self._of[owner] = set(workloads)
        seen: dict[Key, Pods] = {}
        notices: list[Notice] = []
        waits: list[float] = []
        for key, child in workloads.items():
            if key.kind == "CronJob":
                wait = await self._look_at_cron_job(child, now, seen)
                waits += [wait] if wait is not None else []
                continue
            loss = lost(child, self._levels.get(key))
            self._levels[key] = level(child)
            if not is_short(child):
                self._short.pop(key, None)
                if loss:
                    notices.append(notice(loss, None))
                continue
            known = await self._look_at(child, now, at_once=bool(loss) or in_trouble)
            seen[key] = known.pods
            waits.append(max(0.1, known.due - self._clock()))
            if loss:
                notices.append(notice(loss, known.pods.trouble))
        return Look(seen, tuple(notices), min(waits, default=None))

    def forget(self, owner: Key) -> None:
        """The resource is gone."""
        for key in self._of.pop(owner, set()):
            self._forget(key)

    def _forget(self, key: Key) -> None:
        self._short.pop(key, None)
        self._levels.pop(key, None)

    async def _look_at_cron_job(
        self, child: ChildSnapshot, now: datetime, seen: dict[Key, Pods]
    ) -> float | None:
        """When to look again. Its controller says by events alone that it cannot create a Job."""
        late = late_in(child, now)
        if late is None or late > 0:
            self._short.pop(child.key, None)
            return late
        known = await self._look_at(child, now, at_once=True)
        seen[child.key] = known.pods
        return max(0.1, known.due - self._clock())

    async def _look_at(self, child: ChildSnapshot, now: datetime, *, at_once: bool) -> _Known:
        time = self._clock()
        known = self._short.get(child.key)
        if known is None:
            known = self._short[child.key] = _Known(time if at_once else time + _PAUSES[0])
        if time < known.due:
            return known
        pauses = _PAUSES if is_known_to_its_controller(child) else _PAUSES_UNKNOWN
        before, known.pods = known.pods, await self._pods(child, now)
        if before.trouble != known.pods.trouble:
            known.looks = 0
        known.due = self._clock() + max(_AT_MOST_EVERY, pauses[min(known.looks, len(pauses) - 1)])
        known.looks += 1
        return known

    async def _pods(self, child: ChildSnapshot, now: datetime) -> Pods:
        """A look that is denied or fails costs the words of the kubelet, and nothing else."""
        try:
            return await look_at(self._cluster, child, now)
        except ApiError as error:
            self._complain(error)
            return self._short[child.key].pods

    def _complain(self, error: ApiError) -> None:
        if not self._complained:
            log.warning("cannot tell why pods wait", error=str(error))
        self._complained = True
