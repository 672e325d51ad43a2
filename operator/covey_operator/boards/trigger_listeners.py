"""Artifact triggers: the flows whose triggers are listened for, on the boards of their namespaces.

Passes over Flows say which flows there are (`hear`, `forget`); `run` lets the listeners follow. A flow whose
spec breaks is heard as it last was, because to stop would give up what waits for it on its board.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from agent_runtime.api.base import seconds
from agent_runtime.api.blackboard import Lease
from agent_runtime.api.flow import FlowResource
from agent_runtime.blackboard.board import Board
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.triggers.flow_runs import is_for_artifact
from agent_runtime.triggers.listener import ApiUnavailable
from agent_runtime.triggers.listeners import Listeners, Place
from agent_runtime.triggers.naming import FLOW_LABEL
from agent_runtime.triggers.subscription import boards_of
from covey_operator.informers.cache import Cache
from covey_operator.install.installation import Installation
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.keys import Key
from covey_operator.kube.owner_refs import owner_refs
from covey_operator.kube.resources import BY_KIND

Connect = Callable[[str, str, str], AbstractAsyncContextManager[Board]]
"""(namespace, blackboard, token) -> the board, for the bearer of the token."""

_COMES_BACK_WITHIN = 60.0
"""Seconds, besides its lease, within which a board hands out anew what an earlier process left unsettled."""


def over_http(install: Installation) -> Connect:
    """Boards by the names of their Services."""
    places = install.places()
    return lambda namespace, name, token: HttpBoard(places.blackboard(namespace, name), token)


class TriggerListeners:
    """Starts, changes and ends listeners as flows come and go."""

    def __init__(
        self,
        cluster: KubeClient,
        cache: Cache,
        install: Installation,
        *,
        allowed: asyncio.Event,
        tell: Callable[[Key], None],
        connect: Connect | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """No run is made while `allowed` is not set. `tell` is called for each Flow that must look again."""
        self._cluster = cluster
        self._cache = cache
        self._install = install
        self._allowed = allowed
        self._connect = connect or over_http(install)
        self._clock = clock
        self._flows: dict[Key, FlowResource] = {}
        self._changed = asyncio.Event()
        self._started = clock.monotonic()
        self._quiet_since: dict[Place, float] = {}
        self._listeners = Listeners(self._board, self._create, tell=self._troubled, clock=clock)
        self._tell = tell

    async def run(self) -> None:
        """Listens until it is cancelled; subscriptions stay for the next process."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._listeners.follow(list(self._flows.values()))
        finally:
            await self._listeners.close()

    def hear(self, key: Key, flow: FlowResource) -> None:
        """From now on listen for this flow as it is."""
        before = self._flows.get(key)
        if before is not None and _asks_for(before) == _asks_for(flow):
            return
        if boards_of(flow.spec.triggers):
            self._flows[key] = flow
        elif self._flows.pop(key, None) is None:
            return
        self._changed.set()

    def forget(self, key: Key) -> None:
        """The flow is gone."""
        flow = self._flows.pop(key, None)
        if flow is not None:
            for place in _places(flow):
                self._quiet_since.pop(place, None)
            self._changed.set()

    def trouble(self, key: Key, *, was_ready: bool) -> str:
        """Why the flow does not hear what it should, for people; empty when it does.

        A flow that was ready before this process began has its subscription, renewed or not.
        """
        flow = self._flows.get(key)
        told = [self._trouble_at(place, was_ready) for place in _places(flow)] if flow is not None else []
        return "; ".join(filter(None, told))

    def _trouble_at(self, place: Place, was_ready: bool) -> str:
        known = self._listeners.problems.get(place, "")
        if known or was_ready or place in self._listeners.heard:
            return known
        return f'Blackboard "{place.blackboard}" has not answered yet'

    def deletable(self, keys: Iterable[Key]) -> tuple[tuple[Key, ...], float | None]:
        """Those of `keys` that can be deleted now, and after how many seconds the others; None: no others.

        An artifact whose run was made by a process that died before it could acknowledge comes again. It
        must find its run, or it would run a second time.
        """
        waits = {key: self._unsettled_for(key) for key in keys}
        free = tuple(key for key, wait in waits.items() if not wait)
        return free, max(waits.values()) if len(free) < len(waits) else None

    def _unsettled_for(self, key: Key) -> float:
        """Seconds until the artifact of a run, if it is for one, has come back should it ever."""
        run = self._cache.resource(key) if key.kind == "FlowRun" else None
        if run is None or not is_for_artifact(run):
            return 0.0
        flow = self._flows.get(Key("Flow", key.namespace, run["metadata"]["labels"][FLOW_LABEL]))
        if flow is None:  # it may not have had its first pass yet
            return max(0.0, self._started + _COMES_BACK_WITHIN - self._clock.monotonic())
        return max(map(self._unsettled_at, _places(flow)))

    def _unsettled_at(self, place: Place) -> float:
        board = self._cache.resource(Key("Blackboard", place.namespace, place.blackboard))
        if board is None:
            return 0.0  # what waited there is gone with it
        lease = seconds(board["spec"].get("lease", {}).get("ttl") or Lease().ttl)
        if place in self._listeners.problems:
            return lease + _COMES_BACK_WITHIN
        since = self._quiet_since.get(place, self._started)
        return max(0.0, since + lease + _COMES_BACK_WITHIN - self._clock.monotonic())

    def _troubled(self, place: Place) -> None:
        self._quiet_since[place] = self._clock.monotonic()
        self._tell(Key("Flow", place.namespace, place.flow))

    def _board(self, place: Place) -> AbstractAsyncContextManager[Board]:
        board = self._cache.resource(Key("Blackboard", place.namespace, place.blackboard))
        if board is None:
            raise LookupError("there is no such Blackboard")
        uid = board["metadata"]["uid"]
        token = self._install.flow_token(place.namespace, place.flow, place.blackboard, uid)
        return self._connect(place.namespace, place.blackboard, token)

    async def _create(self, manifest: Mapping[str, Any]) -> None:
        """A FlowRun that belongs to its Flow. Raises ApiUnavailable, or the API server's refusal."""
        if not self._allowed.is_set():
            raise ApiUnavailable("another operator may be at work: the lease is in doubt")
        metadata = manifest["metadata"]
        flow = self._cache.resource(Key("Flow", metadata["namespace"], metadata["labels"][FLOW_LABEL]))
        if flow is None or "deletionTimestamp" in flow["metadata"]:
            raise ApiUnavailable("its Flow is being deleted")
        try:
            await self._cluster.create(BY_KIND["FlowRun"], owner_refs(dict(manifest), flow))
        except ApiError as error:
            if error.status in (0, 429) or error.status >= 500:
                raise ApiUnavailable(str(error)) from error
            if error.status != 409:
                raise


def _asks_for(flow: FlowResource) -> tuple[object, ...]:
    return flow.metadata.uid, flow.spec.triggers


def _places(flow: FlowResource) -> list[Place]:
    return [Place(flow.namespace, flow.name, board) for board in boards_of(flow.spec.triggers)]
