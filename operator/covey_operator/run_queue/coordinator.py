"""What runs have in common besides their children: the line in front of the limits, and the runs server."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

import structlog

from agent_runtime.api import Resource
from agent_runtime.api.flowrun import FlowRunResource, NodeState
from agent_runtime.config.models import run_id
from agent_runtime.core.clock import SYSTEM_CLOCK
from agent_runtime.durable.port import NoSuchRun, StoreError, Unavailable
from agent_runtime.runs.records import RunRecords
from agent_runtime.runs.termination import encode
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import Object
from covey_operator.observed.seen import Kept
from covey_operator.plan import Plan
from covey_operator.run_queue.client import RunsServer
from covey_operator.runs.concurrency import Claim, ConcurrencyLimiter, QueuePosition
from covey_operator.runs.jobs import FINAL
from covey_operator.runs.queue_rows import ASK_AGAIN, InQueue

log = structlog.get_logger(__name__)

PROGRESS_EVERY = 5.0
"""Seconds between two writes of how far a run is, at least."""


class RunCoordinator:
    """One for the operator; passes over FlowRuns take part in it. Other kinds have no share in it."""

    def __init__(
        self,
        admission: ConcurrencyLimiter,
        server: RunsServer | None,
        tell: Callable[[Key], None],
        clock: Callable[[], float] = monotonic,
        why_away: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        """`tell` is called for each run that got a slot; `why_away` looks at the pods of the runs server."""
        self._clock = clock
        self._look_why = why_away
        self._away_until, self._why_away = 0.0, ""
        self._shown: dict[Key, float] = {}
        self._admission = admission
        self._server = server
        self._tell = tell
        self._ids: dict[Key, str] = {}
        self._in_queue: set[Key] = set()
        self._in_jobs: set[Key] = set()
        self._moved: set[Key] = set()

    def restore(self, claims: Iterable[tuple[Key, Claim]]) -> None:
        """What was under way and in line when the operator started, before the first slot is given."""
        told = list(claims)
        for key, claim in told:
            if claim.under_way:
                self._admission.hold(key, claim)
        self._admission.line_up((key, claim) for key, claim in told if not claim.under_way)
        self._tell_granted()

    def turn(self, key: Key, plan: Plan) -> QueuePosition | None:
        """Why the plan has to wait for a slot; None when it may be followed."""
        if key.kind != "FlowRun":
            return None
        turn = None
        if plan.claim is None:
            self._admission.leave(key)
        elif plan.claim.under_way:
            self._admission.hold(key, plan.claim)
        else:
            turn = self._admission.ask(key, plan.claim)
        self._tell_granted()
        return turn

    def release(self, key: Key) -> None:
        """It could not be started: others may go meanwhile."""
        if key.kind == "FlowRun":
            self._admission.leave(key)
            self._tell_granted()

    async def look_up(self, run: str) -> Object | None:
        """A run in the queue, as plans see it: see `queueing.QUEUED`."""
        if self._server is None:
            return None
        if self._clock() < self._away_until:
            return {"away": self._why_away}
        try:
            state = await self._server.queue.state(run)
        except StoreError as error:
            return {"away": await self._is_away(error)}
        return None if state is None else {"state": state}

    async def step(self, plan: Plan) -> Plan:
        """Take the plan's step at the server. The plan that comes back says when that could not be done."""
        place, step = plan.queued, plan.step
        if place is None or step is None or self._server is None:
            return plan
        away = self._why_away if self._clock() < self._away_until else ""
        if not away:
            try:
                await self._server.take(place, step)
            except StoreError as error:
                away = await self._is_away(error)
            else:
                log.info("queued" if step.is_new else "told the queue", run=place.run, wanted=step.wanted)
        return replace(plan, queued=replace(place, away=away), again_in=ASK_AGAIN) if away else plan

    def note(self, key: Key, resource: Resource, plan: Plan) -> None:
        """Remember what has to be followed, and forgotten one day."""
        if self._server is None or not isinstance(resource, FlowRunResource):
            return
        self._ids[key] = run_id(key.namespace, key.name, resource.metadata.uid)
        ended = resource.status is not None and resource.status.phase in FINAL
        in_queue = plan.queued is not None and not ended
        in_job = plan.claim is not None and plan.claim.under_way and plan.queued is None
        _put(self._in_queue, key, in_queue)
        _put(self._in_jobs, key, in_job)

    async def nodes(self, key: Key) -> list[NodeState]:
        """How far a run in a Job has come, when it has moved since the last call; else nothing."""
        if key not in self._moved or self._server is None:
            return []
        self._moved.discard(key)
        try:
            history = await self._server.store.history(self._ids[key])
        except StoreError:
            return []  # its pod will tell in the end
        latest = {each.path: each for each in history if each.path}
        return [
            NodeState(
                name=path,
                state="Succeeded",
                action=each.action,
                visits=each.visit,
                finished_at=_stamp(each.at),
            )
            for path, each in latest.items()
        ]

    async def kept(self, key: Key) -> Kept | None:
        """What the run store knows of the end of a run; None when there is no store."""
        run = self._ids.get(key)
        if self._server is None or run is None:
            return None
        try:
            keeping = RunRecords(self._server.store, run, patience=0, clock=SYSTEM_CLOCK)
            outcome = await keeping.outcome()
        except NoSuchRun:
            return Kept()
        except StoreError as error:
            return Kept(away=str(error))
        return Kept(None if outcome is None else encode(outcome, key.name))

    def throttled(self, key: Key, before: Object, seen: Object) -> tuple[Object, float | None]:
        """Fields for the status, and after how many seconds to look again: news of nodes alone are not told
        again within `PROGRESS_EVERY`. `before` is the status as it is.
        """
        if key.kind != "FlowRun" or seen.get("nodes") in (None, before.get("nodes")):
            return seen, None
        now = self._clock()
        due = self._shown.get(key, now - PROGRESS_EVERY) + PROGRESS_EVERY
        if due > now and seen.get("phase") == before.get("phase"):
            return {name: value for name, value in seen.items() if name != "nodes"}, due - now
        self._shown[key] = now
        return seen, None

    async def settle(self, key: Key, place: InQueue | None) -> None:
        """The run's end is in its status: its queue may forget it. What stays is swept later."""
        if self._server is None or place is None:
            return
        self._in_queue.discard(key)
        try:
            await self._server.queue.remove(place.run)
        except StoreError as error:
            log.info("not removed from the queue yet", run=place.run, error=str(error))

    async def forget(self, key: Key) -> None:
        """The FlowRun is gone: so go its slot and all that is kept of it. Raises StoreError: try again."""
        if key.kind != "FlowRun":
            return
        self.release(key)
        for known in (self._in_queue, self._in_jobs, self._moved):
            known.discard(key)
        run = self._ids.get(key)
        if run is not None and self._server is not None:
            await self._server.forget(run)
            log.info("forgot what was kept of a run", run=run)
        self._ids.pop(key, None)
        self._shown.pop(key, None)

    def has_queued(self) -> bool:
        """Whether any run waits for workers or is with one."""
        return bool(self._in_queue)

    def in_jobs(self) -> frozenset[Key]:
        """Runs whose Jobs are at work."""
        return frozenset(self._in_jobs)

    def moved(self, key: Key) -> None:
        """A node of the run has ended: the next pass asks which."""
        self._moved.add(key)
        self._tell(key)

    async def _is_away(self, error: StoreError) -> str:
        """Notes it, so that not every pass has to wait for a server that does not answer; returns why."""
        if not isinstance(error, Unavailable):
            return str(error)
        pods = await self._look_why() if self._look_why is not None else ""
        self._why_away = f"{error}; {pods}" if pods else str(error)
        self._away_until = self._clock() + ASK_AGAIN / 2
        return self._why_away

    def _tell_granted(self) -> None:
        for key in self._admission.granted():
            self._tell(key)


def _put(keys: set[Key], key: Key, there: bool) -> None:
    if there:
        keys.add(key)
    else:
        keys.discard(key)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
