"""Keep results: the same work on the same input is not done again for a while."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from agent_runtime.api.base import seconds
from agent_runtime.api.nodes import FlowNode
from agent_runtime.durable.port import RunStore, StoreError
from agent_runtime.runs.nodes.step import Step, StepResult
from agent_runtime.runs.port import Invocation
from agent_runtime.runs.state import RunState
from agent_runtime.telemetry import logs

_log = logs.logger("runs")


class CachedWork:
    """Around another kind of work. A cache that is away is a miss, no failure."""

    def __init__(self, work: Step, node: FlowNode, state: RunState, store: RunStore) -> None:
        assert node.cache is not None
        self.bounded = work.bounded
        self._work = work
        self._spec = node.model_dump(mode="json", by_alias=True, include={node.work})
        # Shared by the flows of a namespace: the key says what the work is.
        self._scope = f"{state.namespace}/nodes"
        self._ttl = seconds(node.cache.ttl)
        self._state = state
        self._store = store

    def given(self, variables: Mapping[str, object]) -> Any:
        return self._work.given(variables)

    async def do(self, given: Any, invocation: Invocation) -> StepResult:
        key = hashlib.sha256(orjson.dumps([self._spec, given], option=orjson.OPT_SORT_KEYS)).hexdigest()
        found = await self._found(key)
        if found is not None:
            where = {"node": invocation.node, "visit": invocation.visit, "index": invocation.index}
            self._state.tell("run.cached", f"{invocation.node} took its result from the cache", **where)
            return StepResult(orjson.loads(found))
        done = await self._work.do(given, invocation)
        await self._keep(key, orjson.dumps(done.value))
        return done

    async def settled(self, invocation: Invocation) -> None:
        await self._work.settled(invocation)

    async def _found(self, key: str) -> bytes | None:
        try:
            return await self._store.cached(self._scope, key)
        except StoreError as error:
            _log.warning("the cache does not answer", error=str(error))
            return None

    async def _keep(self, key: str, body: bytes) -> None:
        try:
            await self._store.cache(self._scope, key, body, self._ttl)
        except StoreError as error:
            _log.warning("the cache does not take a result", error=str(error))
