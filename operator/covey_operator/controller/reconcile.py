"""One pass over a resource, the same for every kind: look, plan, apply, prune, observe, say how it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from pydantic import ValidationError

from agent_runtime.api import Resource
from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.api.reasons import POD_REASONS
from agent_runtime.compile.result import Problem
from covey_operator.boards.trigger_listeners import TriggerListeners
from covey_operator.conditions import Refusal
from covey_operator.controller.apply import Children, Outcome
from covey_operator.controller.events import event_about, event_of
from covey_operator.controller.kinds import KINDS, Kind
from covey_operator.controller.lookup import Reader
from covey_operator.controller.status import condition_of, differs, status_of, top
from covey_operator.informers.cache import Cache
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.install.installation import Installation
from covey_operator.kube import echoes
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.keys import Key, key_of
from covey_operator.kube.labels import as_text
from covey_operator.kube.resources import BY_KIND, EVENT, POD, Object
from covey_operator.observed.flow import heard
from covey_operator.observed.flowrun import says_nothing
from covey_operator.observed.observation import Observation
from covey_operator.observed.seen import ObservedExtras
from covey_operator.plan import Plan
from covey_operator.pods.watch import PodWatch
from covey_operator.policy.check import restricted
from covey_operator.run_queue.coordinator import RunCoordinator
from covey_operator.runs.jobs import FINAL

log = structlog.get_logger(__name__)

_MOST_READS = 8
"""Rounds of reading what compiling asked for; each reference of a reference takes one."""
_WORKERS_AGAIN = 10.0
_REFUSED_AGAIN = (1.0, 30.0)
"""Seconds, at least and at most, until what was refused is tried again, should nobody touch it."""


class Reconciler:
    """Brings the cluster to what resources say. One key at a time is in one pass only: see `workers`."""

    def __init__(
        self,
        cluster: KubeClient,
        cache: Cache,
        install: Installation,
        listening: TriggerListeners,
        runs: RunCoordinator,
        watched: frozenset[str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        ended: Callable[[Object], None] = lambda run: None,
        gone: Callable[[Key], None] = lambda key: None,
    ) -> None:
        """`watched` are the kinds of which the cache is kept up to date.

        `ended` hears of runs' ends, and `gone` of resources that are no more.
        """
        self._cluster = cluster
        self._cache = cache
        self.install = install
        """What all plans go by; may be replaced between passes, when the cluster has changed."""
        self._listening = listening
        self._runs = runs
        self._watched = watched
        self._clock = clock
        self._ended = ended
        self._gone = gone
        self._children = Children(cluster, cache, watched)
        self._pod_watch = PodWatch(cluster)

    async def reconcile(self, key: Key) -> float | None:
        """Returns after how many seconds it is worth another look, None when only an event makes it so.

        Raises ApiError when the pass could not be finished.
        """
        body = self._cache.resource(key)
        if body is None:
            self._cache.refer(key, frozenset())
            self._listening.forget(key)
            self._pod_watch.forget(key)
            self._gone(key)
            await self._runs.forget(key)
            return None
        if body["metadata"].get("deletionTimestamp"):
            return None  # its children go with it, by their owner reference
        kind = KINDS[key.kind]
        try:
            resource = kind.model.model_validate(body)
        except ValidationError as error:
            await self._say(body, kind, _unreadable(error), Observation(), [])
            return None
        plan = await self._plan(key, kind, resource, body)
        turn = self._runs.turn(key, plan)
        if turn is not None:
            plan = replace(plan, desired=None, held={}, step=None, notices=(), again_in=turn.again_in)
        self._runs.note(key, resource, plan)
        if plan.listens_for is not None:
            self._listening.hear(key, plan.listens_for)
        done = await self._make(plan)
        if done.refusals:
            plan = replace(plan, fields={}, notices=())
        done += await self._children.apply(body, plan)
        free, later = self._listening.deletable(plan.deletes)
        done += await self._children.end(free)
        done += await self._children.hold(plan.held)
        if done.refusals:
            self._runs.release(key)
        else:
            plan = await self._runs.step(plan)
        children = self._cache.children(body["metadata"]["uid"])
        in_trouble = top(body.get("status") or {}).get("reason") in POD_REASONS
        jobs = self._jobs_of_cron_jobs(children)
        look = await self._pod_watch.look(key, children | jobs, self._clock(), in_trouble=in_trouble)
        pods = await self._pods(key, plan)
        asks = isinstance(resource, FlowRunResource) and says_nothing(resource, children, pods)
        seen = ObservedExtras(
            short=look.pods,
            jobs=tuple(jobs.values()),
            pods=pods,
            kept=await self._runs.kept(key) if asks else None,
            turn=turn,
            queued=plan.queued,
            verdict=plan.verdict,
            workers=self._why_no_workers(key, plan),
            nodes=await self._runs.nodes(key),
        )
        trouble = self._listening.trouble(key, was_ready=_is_ready(body))
        observation = heard(kind.observe(resource, children, seen), trouble)
        fields, later_still = self._runs.throttled(key, body.get("status") or {}, observation.fields)
        await self._say(body, kind, plan, replace(observation, fields=fields), done.refusals)
        for notice in look.notices:
            await self._tell(event_of(body, notice, self._clock()))
        if observation.outcome is not None and observation.outcome.status != "Unknown":
            await self._runs.settle(key, plan.queued)
        await self._children.end(observation.again)
        if observation.again_in is not None:
            return observation.again_in
        if done.refusals:
            return patience(top(body.get("status") or {}), self._clock())
        times = (plan.again_in, later, later_still, look.again_in, _WORKERS_AGAIN if seen.workers else None)
        return min((time for time in times if time is not None), default=None)

    async def _make(self, plan: Plan) -> Outcome:
        """Cancel, then create; nothing is created in place of what could not be cancelled."""
        done = await self._children.cancel(plan.cancels)
        return done if done.refusals else await self._children.make(plan.creates)

    async def _plan(self, key: Key, kind: Kind, resource: Resource, body: Object) -> Plan:
        reader = Reader(self._cache, self._cluster, self._watched, key.namespace, self._runs.look_up)
        for _ in range(_MOST_READS):
            uid = body["metadata"]["uid"]
            children = self._cache.children(uid) | self._cache.made(uid)
            plan = kind.plan(resource, reader, self.install, children, self._clock())
            plan = restricted(plan, body, reader, self.install.settings.policy)
            users = frozenset(Key(ref.kind, key.namespace, ref.name) for ref in plan.refs)
            self._cache.refer(key, users)
            if not await reader.fetch():
                return plan
        raise RuntimeError(f"{key}: references nest more than {_MOST_READS} deep")

    async def _pods(self, key: Key, plan: Plan) -> list[Object] | None:
        if plan.pods_of is None:
            return None
        selector = as_text({"batch.kubernetes.io/job-name": plan.pods_of})
        return [pod async for page in self._cluster.list(POD, key.namespace, selector) for pod in page.items]

    def _jobs_of_cron_jobs(self, children: Mapping[Key, ChildSnapshot]) -> dict[Key, ChildSnapshot]:
        """They are children of children."""
        found: dict[Key, ChildSnapshot] = {}
        for key, child in children.items():
            if key.kind == "CronJob":
                found |= self._cache.children(child.uid)
        return found

    def _why_no_workers(self, key: Key, plan: Plan) -> str:
        """What the Flow's status says of its workers. It changes without being news for runs."""
        if plan.queued is None or plan.queued.away:
            return ""
        if plan.queued.state is not None and plan.queued.state.state != "Waiting":
            return ""
        flow = self._cache.resource(Key("Flow", key.namespace, plan.queued.queue.partition("/")[2]))
        said = top((flow or {}).get("status") or {})
        return f"{said['reason']}: {said['message']}" if said.get("status") == "False" else ""

    async def _say(
        self, body: Object, kind: Kind, plan: Plan, observation: Observation, refusals: Sequence[Refusal]
    ) -> None:
        """Write the status, if it is news, and tell what has happened as an event."""
        now = self._clock()
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        status = status_of(body, plan, observation, refusals, rolls_out=kind.rolls_out(body), now=stamp)
        before = body.get("status") or {}
        if not differs(before, status):
            return
        try:
            key, echo = key_of(body), echoes.of_status(body, status)
            with self._cache.writing(key, key, expects=echo) as answered:
                answered(await self._cluster.patch_status(BY_KIND[body["kind"]], body, status))
        except ApiError as error:
            if error.status == 404 or (error.status in (409, 422) and "uid" in str(error).lower()):
                return  # deleted (or recreated) during the pass: the watch puts its key on the queue
            raise
        if status.get("phase") in FINAL and before.get("phase") not in FINAL:
            self._ended({**body, "status": {**before, **status}})
        event = event_about(body, top(before), top(status), now)
        if event is not None:
            await self._tell(event)
        for said in observation.more:
            change = event_about(body, condition_of(before, said.type), condition_of(status, said.type), now)
            if change is not None:
                await self._tell(change)
        for notice in plan.notices:
            await self._tell(event_of(body, notice, now))

    async def _tell(self, event: Object) -> None:
        try:
            await self._cluster.create(EVENT, event)
        except ApiError as error:  # an event is a courtesy: the condition already says it
            log.warning("event not written", about=event["regarding"]["name"], error=str(error))


def _is_ready(body: Object) -> bool:
    """Whether the status says so, of the spec as it is now."""
    status = body.get("status") or {}
    is_current = status.get("observedGeneration") == body["metadata"].get("generation")
    return is_current and top(status).get("status") == "True"


def patience(said: Object, now: datetime) -> float:
    """Seconds until a resource that is refused is tried again: as many as it has not been ready for.

    `said` is the condition that sums it up. People who are just about to clear things away need not wait.
    """
    least, most = _REFUSED_AGAIN
    if said.get("status") == "True" or not said.get("lastTransitionTime"):
        return least
    since = datetime.fromisoformat(said["lastTransitionTime"])
    return min(most, max(least, (now - since).total_seconds()))


def _unreadable(error: ValidationError) -> Plan:
    """An object that the CRD of another version let in."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return Plan(None, (Problem("Accepted", "InvalidSpec", f"{place}: {first['msg']}", place),))
