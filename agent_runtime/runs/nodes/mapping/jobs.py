"""Do a node's work for each item of a list, in pods of their own.

The process ends with what the orchestrator needs to start the pods; each runs one item and records its result
(`runs/item.py`). The next process of the run collects them.
"""

from dataclasses import dataclass

from agent_runtime.api.nodes import FlowNode
from agent_runtime.durable.records import VisitRecords, records_of
from agent_runtime.durable.suspend import Suspend
from agent_runtime.flow import current_visit
from agent_runtime.models.port import NO_USAGE
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.nodes.base import NodeBase
from agent_runtime.runs.nodes.mapping.items import Items, Result, failure_from, item_failed, usage_of
from agent_runtime.runs.nodes.mapping.mapped import ITEMS
from agent_runtime.runs.nodes.step import StepResult
from agent_runtime.runs.outcome import Waiting
from agent_runtime.runs.scope import Scope, Shared
from agent_runtime.runs.state import RunState

VARIABLES = -2
"""The index under which is recorded what the items' expressions see, and who asked for the pods."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was recorded when the pods were asked for."""

    count: int
    leg: str | None


class MapJobNode(NodeBase):
    """A missing or failed item gets the fallback; without one it fails the node."""

    def __init__(self, node: FlowNode, scope: Scope, state: RunState) -> None:
        super().__init__(name=node.name)
        self.declare(node, scope, state)
        assert node.map is not None
        self._parallelism = node.map.parallelism
        self._items = Items(node.map)

    async def prep_async(self, shared: Shared) -> int:
        records = self._records()
        asked = await self._asked(records)
        # The same leg as now: a process before this one died on its way out, and the pods have not run.
        if asked is None or (asked.leg is not None and asked.leg == self.state.leg):
            asked = await self._ask(records, shared)
            if asked.count:
                here = self.invocation()
                most = self._parallelism
                raise Suspend(
                    Waiting("Map", here.node, here.visit, count=asked.count, parallelism=most).wire()
                )
        return asked.count

    async def exec_async(self, prep_res: int) -> list[Result]:
        results: list[Result] = []
        async for index, result in self._records().items():
            results += [self._missing(place) for place in range(len(results), index)]
            results.append(self._failed(index, failure_from(result)) if "error" in result else result)
        return results + [self._missing(place) for place in range(len(results), prep_res)]

    async def post_async(self, shared: Shared, prep_res: int, exec_res: list[Result]) -> str:
        usage = sum((usage_of(result) for result in exec_res), NO_USAGE)
        return self.settle(shared, StepResult([result["value"] for result in exec_res], usage=usage))

    async def _asked(self, records: VisitRecords) -> _Asked | None:
        kept = await records.fact(VARIABLES)
        return None if kept is None else _Asked(kept["count"], kept["leg"])

    async def _ask(self, records: VisitRecords, shared: Shared) -> _Asked:
        variables = self.variables(shared)
        items = self._items.evaluate(variables)
        asked = _Asked(len(items), self.state.leg)
        if items:
            await records.put(ITEMS, {"items": items})
            told = {"count": asked.count, "leg": asked.leg, "holder": self.state.holder}
            await records.put(VARIABLES, {**told, "variables": variables})
        return asked

    def _records(self) -> VisitRecords:
        visit = current_visit()
        records = None if visit is None else records_of(visit)
        if records is None:
            raise NodeFailed(
                "a map in Jobs needs a run store, where its items find each other: "
                "set map.isolation to Inline"
            )
        return records

    def _missing(self, index: int) -> Result:
        return self._failed(index, NodeFailed("its pod ended without a result; see the pod's log"))

    def _failed(self, index: int, error: NodeFailed) -> Result:
        fallback = self.declared.fallback
        if fallback is None:
            raise item_failed(index, error)
        return {"value": fallback.value}
