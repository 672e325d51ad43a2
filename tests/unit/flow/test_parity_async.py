"""Async scenarios, run by PocketFlow 0.0.3 and by ours, with the same result, error and warnings."""

import asyncio
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.unit.flow.conftest import Outcome, Scenario


def note(m: ModuleType, text: str, action: Any = None) -> Any:
    """An async node that writes `text` into shared["log"] and returns `action`."""

    class Note(m.AsyncNode):  # type: ignore[misc,name-defined]
        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            await asyncio.sleep(0)
            shared.setdefault("log", []).append((text, dict(self.params)))
            return action

    return Note()


def run(flow: Any, **shared: Any) -> tuple[Any, dict[str, Any]]:
    return asyncio.run(flow.run_async(shared)), shared


def phases(m: ModuleType) -> Any:
    class Full(m.AsyncNode):  # type: ignore[misc,name-defined]
        async def prep_async(self, shared: Any) -> Any:
            self.kept = shared["x"]
            return 1

        async def exec_async(self, prep_res: Any) -> Any:
            return prep_res + 1

        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return self.kept, prep_res, exec_res

    return run(Full(), x="x"), run(m.AsyncFlow(Full()), x="y")


def the_hierarchy(m: ModuleType) -> Any:
    names = [
        "BaseNode", "Node", "BatchNode", "Flow", "BatchFlow", "AsyncNode", "AsyncBatchNode",
        "AsyncParallelBatchNode", "AsyncFlow", "AsyncBatchFlow", "AsyncParallelBatchFlow",
    ]  # fmt: skip
    return {
        name: [base.__name__ for base in getattr(m, name).__mro__ if base.__name__ in names] for name in names
    }


def run_of_an_async_node(m: ModuleType) -> Any:
    return m.AsyncNode().run({})


def an_async_node_in_a_sync_flow(m: ModuleType) -> Any:
    return m.Flow(note(m, "a")).run({})


def an_async_flow_run_in_sync(m: ModuleType) -> Any:
    class Own(m.AsyncFlow):  # type: ignore[misc,name-defined]
        def prep(self, shared: Any) -> Any:
            return "plain prep"

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return prep_res, exec_res

    return m.AsyncFlow(m.Node()).run({}), Own(m.Node()).run({})


def a_lone_node_warns_of_successors(m: ModuleType) -> Any:
    a = note(m, "a")
    a >> note(m, "b")
    return run(a)


def mixed_graph(m: ModuleType) -> Any:
    class Plain(m.Node):  # type: ignore[misc,name-defined]
        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            shared["plain"] = True
            return "on"

    a, plain = note(m, "a"), Plain()
    a >> plain
    plain - "on" >> note(m, "b", "nowhere")
    return run(m.AsyncFlow(a))


def unknown_action(m: ModuleType) -> Any:
    a = note(m, "a", "nowhere")
    a - "x" >> note(m, "b")
    return run(m.AsyncFlow(a))


def nested_flows(m: ModuleType) -> Any:
    inner = m.AsyncFlow(note(m, "inner", "out"))
    plain = m.Flow(m.Node())
    inner - "out" >> plain >> note(m, "after")
    outer = m.AsyncFlow(inner)
    outer.set_params({"p": 1})
    return run(outer)


def flow_hooks(m: ModuleType) -> Any:
    class Own(m.AsyncFlow):  # type: ignore[misc,name-defined]
        async def prep_async(self, shared: Any) -> Any:
            return "prepared"

        async def _orch_async(self, shared: Any, params: Any = None) -> Any:
            return ("orch", await super()._orch_async(shared, {"forced": 1}))

        def get_next_node(self, curr: Any, action: Any) -> Any:
            return super().get_next_node(curr, str(action).lower())

        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return prep_res, exec_res

    a = note(m, "a", "X")
    a - "x" >> note(m, "b")
    return run(Own(a))


def node_hooks(m: ModuleType) -> Any:
    class Wrapped(m.AsyncNode):  # type: ignore[misc,name-defined]
        async def _exec(self, prep_res: Any) -> Any:
            return ("_exec", await super()._exec(prep_res))

        async def _run_async(self, shared: Any) -> Any:
            return ("_run", await super()._run_async(shared))

        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return exec_res

    return run(m.AsyncFlow(Wrapped()))


def retries(m: ModuleType) -> Any:
    class Flaky(m.AsyncNode):  # type: ignore[misc,name-defined]
        async def prep_async(self, shared: Any) -> Any:
            return shared

        async def exec_async(self, prep_res: Any) -> Any:
            prep_res["tries"] += 1
            if prep_res["tries"] <= prep_res["failures"]:
                raise ValueError(f"try {prep_res['tries']}")
            return "fine"

        async def exec_fallback_async(self, prep_res: Any, exc: Exception) -> Any:
            return f"fallback after {exc}"

        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return exec_res

    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "sleep", sleep)
        results = [
            run(Flaky(max_retries=tries, wait=7), tries=0, failures=failures)
            for tries in (0, 1, 3)
            for failures in (0, 1, 2, 3)
        ]
    return results, waits


def failures_propagate(m: ModuleType) -> Any:
    class Failing(m.AsyncNode):  # type: ignore[misc,name-defined]
        async def exec_async(self, prep_res: Any) -> Any:
            raise LookupError("no such thing")

    return run(m.AsyncFlow(Failing(max_retries=2)))


def batches(m: ModuleType) -> Any:
    def doubling(base: Any) -> Any:
        class Double(base):  # type: ignore[misc]
            async def prep_async(self, shared: Any) -> Any:
                return shared["items"]

            async def exec_async(self, prep_res: Any) -> Any:
                for _ in range(5 - prep_res):  # later items are ready earlier
                    await asyncio.sleep(0)
                if prep_res == 3:
                    raise ValueError("three")
                return prep_res * 2

            async def exec_fallback_async(self, prep_res: Any, exc: Exception) -> Any:
                return f"{prep_res}: {exc}"

            async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
                return str(exec_res)

        return Double(max_retries=2)

    return [
        run(m.AsyncFlow(doubling(base)), items=items)
        for base in (m.AsyncBatchNode, m.AsyncParallelBatchNode)
        for items in ([1, 2, 3, 4], (5,), [])
    ]


def batch_flows(m: ModuleType) -> Any:
    def over(base: Any) -> Any:
        class Over(base):  # type: ignore[misc]
            async def prep_async(self, shared: Any) -> Any:
                return shared["over"]

            async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
                return prep_res, exec_res

        flow = Over(note(m, "a"))
        flow.set_params({"own": 1})
        return flow

    batches: list[Any] = [[{"n": 1}, {"n": 2}], [{}], [], None]
    return [
        run(over(base), over=batch)
        for base in (m.AsyncBatchFlow, m.AsyncParallelBatchFlow)
        for batch in batches
    ]


def many_runs_at_once(m: ModuleType) -> Any:
    a = note(m, "a")
    a >> note(m, "b") >> note(m, "c")
    flow = m.AsyncFlow(a)

    async def together() -> Any:
        stores: list[dict[str, Any]] = [{} for _ in range(10)]
        await asyncio.gather(*(flow.run_async(shared) for shared in stores))
        return stores

    return asyncio.run(together())


SCENARIOS: list[Scenario] = [
    value
    for name, value in list(globals().items())
    if callable(value) and getattr(value, "__module__", "") == __name__ and name not in ("note", "run")
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_alike(scenario: Scenario, alike: Callable[[Scenario], Outcome]) -> None:
    alike(scenario)
