"""The operator: asks what it may do, takes the lease, then watches and works until it is told to stop."""

import asyncio
import gc
import random
import signal
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog

from agent_runtime.api import API_VERSION
from agent_runtime.auth.metrics_token import MetricsToken
from agent_runtime.core.background import keep_running
from covey_operator.boards.subscription_gc import Keep, SubscriptionGC
from covey_operator.boards.trigger_listeners import Connect, TriggerListeners
from covey_operator.controller.claims import claims
from covey_operator.controller.reconcile import Reconciler
from covey_operator.controller.work_queue import WorkQueue
from covey_operator.controller.workers import Workers
from covey_operator.informers.cache import Cache
from covey_operator.informers.lister import Lister
from covey_operator.informers.reflector import Reflector
from covey_operator.informers.watcher import Watcher
from covey_operator.install.install_key import read_or_create
from covey_operator.install.installation import Installation
from covey_operator.install.runs_key import keep_runs_key
from covey_operator.install.settings import Settings
from covey_operator.install.token_issuer import keep_issuer, with_issuer
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.keys import Key
from covey_operator.kube.labels import OPERATOR
from covey_operator.kube.leader_election import Lease
from covey_operator.kube.permissions import complaint, review, watchable
from covey_operator.kube.resources import OWN, OWN_KINDS, ApiKind
from covey_operator.pods.run_store import RunStorePods
from covey_operator.run_queue.client import RunsServer
from covey_operator.run_queue.coordinator import RunCoordinator
from covey_operator.run_queue.follower import RunsFollower
from covey_operator.runs.concurrency import ConcurrencyLimiter
from covey_operator.telemetry.health import HealthServer
from covey_operator.telemetry.metrics import Metrics

T = TypeVar("T")

log = structlog.get_logger(__name__)

_STUCK_AFTER = 300.0
"""Seconds that a key may wait for its turn before the process counts as stuck."""
_RETRY_EVERY = 2.0


class Operator:
    """One process. `run` returns when it was told to stop; what it raises is the reason for its end."""

    def __init__(
        self,
        settings: Settings,
        cluster: KubeClient,
        metrics: Metrics,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        connect: Connect | None = None,
        keep: Keep | None = None,
    ) -> None:
        """`clock` is what schedules go by.

        `connect` and `keep` reach blackboards, by their Services unless told.
        """
        self._clock = clock
        self._connect = connect
        self._keep = keep
        self._settings = settings
        self._cluster = cluster
        self._metrics = metrics
        self._lease = Lease(cluster, settings.own_namespace, OPERATOR, settings.identity, pod=settings.pod)
        self._workers: Workers | None = None
        self._watching = asyncio.Event()

    async def run(self) -> None:
        """Start to end. Raises LeaseLost, BadInstallKey, and what kopf cannot get over."""
        place = (self._settings.http_host, self._settings.http_port)
        token = MetricsToken(self._settings.metrics_digest)
        async with HealthServer(
            *place, self._metrics, live=self._not_live, ready=self._not_ready, token=token
        ):
            try:
                await first_of(self._told_to_stop(), self._serve())
            finally:
                await self._lease.release()

    async def _told_to_stop(self) -> None:
        """Returns on SIGTERM or SIGINT.

        kopf takes signals over when it starts, and at its end raises what our passes under way raise. So they
        are taken back, and everything ends at once.
        """
        stop = asyncio.Event()
        _on_signals(stop.set)
        await first_of(stop.wait(), self._watching.wait())
        _on_signals(stop.set)
        await stop.wait()

    async def _serve(self) -> None:
        await retried("the API server", self._crds_are_served)
        denied = await retried(
            "a review of permissions", lambda: review(self._cluster, self._settings.namespaces)
        )
        if denied:
            log.error(complaint(denied))
        kinds = watchable(denied)
        key = await retried("the install key", self._install_key)
        await self._lease.acquire()
        install = await retried(
            "the issuer of service accounts' tokens",
            lambda: with_issuer(self._cluster, Installation(self._settings, key)),
        )
        tasks = [self._lease.keep(), self._work(install, kinds)]
        if self._settings.run_store:
            tasks.append(_kept("key of the run store", lambda: keep_runs_key(self._cluster, install)))
        await first_of(*tasks)

    async def _work(self, install: Installation, kinds: list[ApiKind]) -> None:
        cache = Cache(self._look_again)
        watched = frozenset(kind.kind for kind in kinds)
        listening = TriggerListeners(
            self._cluster,
            cache,
            install,
            allowed=self._lease.held,
            tell=self._look_again,
            connect=self._connect,
        )
        server = RunsServer.of(install)
        limits = ConcurrencyLimiter(
            most=self._settings.max_runs, most_per_namespace=self._settings.max_runs_per_namespace
        )
        store = RunStorePods(self._cluster, self._settings.own_namespace)
        runs = RunCoordinator(limits, server, self._look_again, why_away=store.why)
        forgetting = SubscriptionGC(self._cluster, cache, install, allowed=self._lease.held, keep=self._keep)
        reconciler = Reconciler(
            self._cluster,
            cache,
            install,
            listening,
            runs,
            watched,
            self._clock,
            self._metrics.runs.ended,
            forgetting.gone,
        )
        workers = Workers(
            WorkQueue[Key](random.random),
            reconciler.reconcile,
            allowed=self._lease.held,
            metrics=self._metrics,
            random=random.random,
            limit=self._settings.workers,
        )
        self._workers = workers
        namespaces = self._settings.namespaces
        places = namespaces or ("",)
        ours = [kind for kind in kinds if kind.kind in OWN_KINDS]
        lists = Lister(self._cluster, cache)
        followers = [
            Reflector(self._cluster, cache, lists, kind, place)
            for kind in kinds
            for place in places
            if kind not in ours
        ]

        async def load() -> None:
            for follower in followers:
                await follower.load()
            for kind in ours:
                for place in places:
                    await lists.load(kind, place)

        def moved(found: Installation) -> None:
            reconciler.install = found
            for board in cache.versions("Blackboard"):
                workers.add(board)

        await retried("the first lists", load)
        runs.restore(claims(cache))
        # What is there by now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        log.info("watching", kinds=[kind.resource for kind in kinds], namespaces=namespaces)
        await first_of(
            _kept("workers", workers.run),
            *(_kept(f"watch of {each.name}", each.run, each.begin_again) for each in followers),
            _kept("sweeps", lambda: lists.keep_sweeping(ours, places, random.random)),
            Watcher(cache, ours).run(namespaces, self._watching),
            _kept("trigger listeners", listening.run),
            _kept("forgetting of subscribers", forgetting.run),
            _kept("issuer of tokens", lambda: keep_issuer(self._cluster, install, moved)),
            *self._follow_runs(runs, server, cache),
        )

    async def _crds_are_served(self) -> bool:
        """True when every kind of ours is there; waits for those that are not."""
        told: set[str] = set()
        while missing := {kind.plural for kind in OWN} - await self._cluster.served(API_VERSION):
            if missing != told:
                log.error("CRDs are not installed yet: apply the chart covey-crds", missing=sorted(missing))
                told = missing
            await asyncio.sleep(_RETRY_EVERY)
        return True

    def _follow_runs(
        self, runs: RunCoordinator, server: RunsServer | None, cache: Cache
    ) -> list[Coroutine[Any, Any, None]]:
        if server is None:
            return []
        follower = RunsFollower(runs, server, cache, self._settings.namespaces, self._look_again)
        return [_kept("runs follower", follower.run)]

    async def _install_key(self) -> bytes:
        settings = self._settings
        return await read_or_create(self._cluster, settings.own_namespace, settings.install_key_secret)

    def _look_again(self, key: Key) -> None:
        if self._workers is not None:
            self._workers.add(key)

    def _not_live(self) -> str | None:
        waiting = self._workers.oldest() if self._workers is not None and self._lease.held.is_set() else 0.0
        if waiting > _STUCK_AFTER:
            return f"a resource has been waiting for its turn for {waiting:.0f} s"
        return None

    def _not_ready(self) -> str | None:
        if not self._watching.is_set():
            return "not watching yet"
        return None if self._lease.held.is_set() else "the lease is not held"


def _kept(
    name: str, work: Callable[[], Awaitable[None]], on_failure: Callable[[Exception], None] | None = None
) -> Coroutine[Any, Any, None]:
    """Work without an end: an error that nobody foresaw is reported, and ends neither it nor the process."""
    return keep_running(work, name=name, on_failure=on_failure)


def _on_signals(call: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, call)


async def retried(what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of `attempt`, tried again while the API server gives none. `what` is for the log."""
    told = ""
    while True:
        try:
            return await attempt()
        except ApiError as error:
            if str(error) != told:
                log.warning(f"waiting for {what}", error=str(error))
                told = str(error)
            await asyncio.sleep(_RETRY_EVERY)


async def first_of(*coroutines: Awaitable[object]) -> None:
    """Runs all until one ends; ends the others, and raises what it raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
