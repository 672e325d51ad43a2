"""One item of a node that is mapped in Jobs.

The leg of the run that ended to wait for the items recorded them, and what their expressions see. Here the
work is done for one of them, and its result, or its failure, recorded as by a writer of that leg.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from agent_runtime.api.base import seconds
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.literal_headers import revealed_from
from agent_runtime.compile.flows.subflows import every_node
from agent_runtime.config.load import ConfigError
from agent_runtime.config.models import RunConfig
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.port import LeaseLost, Record, RunStore, StoreError, Writer
from agent_runtime.durable.retry import RetryPolicy
from agent_runtime.durable.strict_json import dumps
from agent_runtime.models.port import ModelClient
from agent_runtime.runs.build import Builder
from agent_runtime.runs.deadline import Deadline
from agent_runtime.runs.errors import Interrupted
from agent_runtime.runs.execute import PATIENCE, http_client
from agent_runtime.runs.functions import Functions
from agent_runtime.runs.nodes.base import NOT_THE_NODES
from agent_runtime.runs.nodes.mapping.items import Result, failure_of
from agent_runtime.runs.nodes.mapping.jobs import VARIABLES
from agent_runtime.runs.nodes.mapping.mapped import ITEMS
from agent_runtime.runs.port import AskAgent, Invocation, Publish
from agent_runtime.runs.publishing import nowhere
from agent_runtime.runs.scope import Scope
from agent_runtime.runs.state import RunState, Services
from agent_runtime.telemetry.events import Observer, unobserved
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from agent_runtime.tools.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class Place:
    """Which item: what `waiting` of the suspended run says, and the item's index."""

    path: str
    """The mapped node's path."""
    visit: int
    generation: int
    index: int


async def execute_item(
    config: RunConfig,
    place: Place,
    *,
    store: RunStore,
    models: Mapping[str, ModelClient],
    ask_agent: AskAgent,
    publish: Publish = nowhere,
    tools: Toolbox | None = None,
    patience: float = PATIENCE,
    clock: Clock = SYSTEM_CLOCK,
    observer: Observer = unobserved,
    environ: Mapping[str, str] = os.environ,
    functions: Functions | None = None,
) -> Result:
    """Do the work for the item, unless it is done, and record what came of it; returns that.

    See `execute` for the arguments. Raises ConfigError for a place that the run does not have, LeaseLost when
    the run has gone on without this item, Interrupted when the store is away.
    """
    config = revealed_from(config, environ)
    node = node_at(config, place.path)
    toolbox = tools or Toolbox(BUILTIN.values(), ToolContext.from_environ(environ, clock))
    async with http_client(any(each.http for each in every_node(config.flow, config.flows))) as http:
        may_call = functions or Functions.of_image()
        services = Services(
            models,
            ask_agent,
            toolbox,
            http,
            environ,
            clock,
            store,
            observer,
            may_call,
            publish,
            config.publisher or "",
        )
        state = RunState(
            run=config.run_id,
            name=config.name,
            flow=config.flow_name,
            namespace=config.namespace,
            services=services,
            deadline=Deadline(seconds(config.flow.run.deadline), clock),
            may_suspend=False,
        )
        item = _Item(place, node, state, Builder(config.flows, state), RetryPolicy(patience, clock))
        try:
            return await item.settle(store)
        except LeaseLost:
            raise
        except StoreError as error:
            raise Interrupted(str(error)) from error


def node_at(config: RunConfig, path: str) -> FlowNode:
    """The mapped node at a path. Raises ConfigError, which says what there is."""
    *around, name = path.split("/")
    graph = config.flow
    for step in around:
        within = next((node.flow for node in graph.nodes if node.name == step), None)
        if within not in config.flows:
            raise ConfigError(f'--path {path}: "{step}" is no node of run "{config.name}" that runs a flow')
        graph = config.flows[within]
    found = next((node for node in graph.nodes if node.name == name and node.map is not None), None)
    if found is None:
        there = ", ".join(node.name for node in graph.nodes if node.map is not None) or "none"
        raise ConfigError(f'--path {path}: there is no mapped node "{name}"; mapped are: {there}')
    return found


class _Tallies:
    """The attempts at the item, among the records of the visit; see `attempts.Records`."""

    def __init__(self, store: RunStore, writer: Writer, place: Place, persist: RetryPolicy) -> None:
        self._store = store
        self._writer = writer
        self._place = place
        self._persist = persist

    async def fact(self, index: int) -> Any:
        return await self._persist(partial(self._read, index))

    async def put(self, index: int, value: Any) -> None:
        record = Record(self._place.path, self._place.visit, index, orjson.dumps(value))
        await self._persist(partial(self._store.record, self._writer, [record]))

    async def _read(self, index: int) -> Any:
        place = self._place
        records = self._store.records(self._writer.run, place.path, place.visit, after=index - 1)
        async for found, body in records:
            return orjson.loads(body) if found == index else None
        return None


class _Item:
    def __init__(
        self, place: Place, node: FlowNode, state: RunState, builder: Builder, persist: RetryPolicy
    ) -> None:
        self._place = place
        self._state = state
        self._persist = persist
        self._node = builder.item_node(node, Scope())

    async def settle(self, store: RunStore) -> Result:
        place, run = self._place, self._state.run
        known = await self._persist(partial(self._known, store))
        if place.index in known:
            result: Result = known[place.index]
            return result
        if ITEMS not in known or place.index >= len(known[ITEMS]["items"]):
            raise ConfigError(f"--index {place.index}: run {run} waits for no such item of {place.path}")
        here = Invocation(run, place.path, place.visit)
        self._node.begin(known[VARIABLES]["variables"], here)
        writer = Writer(run, known[VARIABLES]["holder"], place.generation)
        self._node.keep_tallies(_Tallies(store, writer, place, self._persist))
        result = await self._work(known[ITEMS]["items"][place.index])
        body = dumps(result, f"{place.path}[{place.index}]")
        record = Record(place.path, place.visit, place.index, body)
        await self._persist(partial(store.record, writer, [record]))
        await self._node.forget(place.index)
        return result

    async def _known(self, store: RunStore) -> dict[int, Any]:
        """What was recorded of the visit, as far as it concerns this item."""
        place, known = self._place, {}
        for first, last in ((VARIABLES, ITEMS), (place.index, place.index)):
            records = store.records(self._state.run, place.path, place.visit, after=first - 1)
            async for index, body in records:
                if index > last:
                    break
                known[index] = orjson.loads(body)
        return known

    async def _work(self, item: Any) -> Result:
        """A failure is a result too: the attempts have been made."""
        index, path = self._place.index, self._place.path
        begin = self._state.services.clock.monotonic()
        result: Result
        try:
            result = await self._node.one(index, item)
        except NOT_THE_NODES:
            raise
        except Exception as error:
            result = failure_of(error)
            result["error"] = str(result["error"]).removeprefix(f"item {index}: ")
        outcome = "failed" if "error" in result else "succeeded"
        self._state.tell(
            "run.item",
            f"item {index} of {path} {outcome}",
            node=path,
            visit=self._place.visit,
            index=index,
            seconds=round(self._state.services.clock.monotonic() - begin, 6),
            outcome=outcome,
            error=result.get("error"),
        )
        return result
