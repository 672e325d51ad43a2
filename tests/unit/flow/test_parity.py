"""The same scenario, run by PocketFlow 0.0.3 and by ours, has the same result, error and warnings."""

import copy
import pickle
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.unit.flow.conftest import Outcome, Scenario


def note(m: ModuleType, text: str, action: Any = None, **options: Any) -> Any:
    """A node that writes `text` into shared["log"] and returns `action`."""

    class Note(m.Node):  # type: ignore[misc,name-defined]
        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            shared.setdefault("log", []).append(text)
            return action

    return Note(**options)


def run(flow: Any, **shared: Any) -> tuple[Any, dict[str, Any]]:
    return flow.run(shared), shared


def phases_share_one_instance(m: ModuleType) -> Any:
    class Keeper(m.Node):  # type: ignore[misc,name-defined]
        def prep(self, shared: Any) -> Any:
            self.kept = shared["x"]
            return self.kept + 1

        def exec(self, prep_res: Any) -> Any:
            return (self.kept, prep_res)

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return (self.kept, prep_res, exec_res)

    node = Keeper()
    return node.run({"x": 1}), node.kept


def a_node_runs_no_successors(m: ModuleType) -> Any:
    first = note(m, "a")
    first >> note(m, "b")
    return run(first)


def chain(m: ModuleType) -> Any:
    a = note(m, "a")
    a >> note(m, "b") >> note(m, "c", "last")
    return run(m.Flow(start=a))


def branch(m: ModuleType) -> Any:
    a, flow = note(m, "a", "right"), m.Flow()
    a - "left" >> note(m, "l")
    a - "right" >> note(m, "r")
    returned = flow.start(a)
    return returned is a, run(flow)


def wiring_returns_the_successor(m: ModuleType) -> Any:
    a, b, c = m.Node(), m.Node(), m.Node()
    return (a >> b) is b, (a - "x" >> c) is c, a.next(b, "y") is b, list(a.successors)


def loop(m: ModuleType) -> Any:
    class Count(m.Node):  # type: ignore[misc,name-defined]
        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            shared["n"] += 1
            return "again" if shared["n"] < 5 else "enough"

    count = Count()
    count - "again" >> count
    count - "enough" >> note(m, "done")
    return run(m.Flow(count), n=0)


def unknown_action_with_successors(m: ModuleType) -> Any:
    a = note(m, "a", "elsewhere")
    a >> note(m, "b")
    a - "x" >> note(m, "c")
    return run(m.Flow(a))


def missing_default_with_successors(m: ModuleType) -> Any:
    a = note(m, "a")
    a - "x" >> note(m, "b")
    return run(m.Flow(a))


def unknown_action_at_a_leaf(m: ModuleType) -> Any:
    return run(m.Flow(note(m, "a", "whatever")))


def falsy_actions_are_default(m: ModuleType) -> Any:
    results = []
    empties: list[Any] = [None, "", 0, False, [], {}]
    for falsy in empties:
        a = note(m, "a", falsy)
        a >> note(m, "b", falsy)
        results.append(run(m.Flow(a)))
    return results


def any_hashable_action(m: ModuleType) -> Any:
    results = []
    for action in (7, ("t", 1), frozenset({1}), True):
        a = note(m, "a", action)
        a.next(note(m, "b"), action)
        results.append(run(m.Flow(a)))
    return results


def overwriting_a_successor(m: ModuleType) -> Any:
    a = note(m, "a")
    a >> note(m, "old")
    a >> note(m, "new")
    a - "x" >> note(m, "1")
    a - "x" >> note(m, "2")
    return run(m.Flow(a))


def empty_flow(m: ModuleType) -> Any:
    return run(m.Flow()), run(m.Flow(start=None))


def retries(m: ModuleType) -> Any:
    class Flaky(m.Node):  # type: ignore[misc,name-defined]
        def prep(self, shared: Any) -> Any:
            return shared

        def exec(self, prep_res: Any) -> Any:
            prep_res.setdefault("tries", []).append(self.cur_retry)
            if self.cur_retry < prep_res["failures"]:
                raise ValueError(f"try {self.cur_retry}")
            return "fine"

        def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
            return f"fallback after {exc}"

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return exec_res

    return [
        run(m.Flow(Flaky(max_retries=tries)), failures=failures)
        for tries in (-1, 0, 1, 3)
        for failures in (0, 1, 2, 3)
    ]


def wait_is_between_attempts_only(m: ModuleType) -> Any:
    waits: list[float] = []

    class Failing(m.Node):  # type: ignore[misc,name-defined]
        def exec(self, prep_res: Any) -> Any:
            raise ValueError

        def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
            return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", waits.append)
        Failing(max_retries=3, wait=2.5).run({})
        Failing(3, 0).run({})
    return waits


def failures_propagate(m: ModuleType) -> Any:
    class Failing(m.Node):  # type: ignore[misc,name-defined]
        def exec(self, prep_res: Any) -> Any:
            raise LookupError("no such thing")

    return m.Flow(Failing(max_retries=2)).run({})


def base_exceptions_are_not_retried(m: ModuleType) -> Any:
    tries = []

    class Stopping(m.Node):  # type: ignore[misc,name-defined]
        def exec(self, prep_res: Any) -> Any:
            tries.append(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Stopping(max_retries=3).run({})
    return tries


def stop_iteration_is_a_failure_like_any(m: ModuleType) -> Any:
    class Exhausted(m.BaseNode):  # type: ignore[misc,name-defined]
        def exec(self, prep_res: Any) -> Any:
            return next(iter(()))

    return m.Flow(Exhausted()).run({})


def a_visit_is_to_a_copy(m: ModuleType) -> Any:
    class Counter(m.Node):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rebound = 0
            self.mutated: list[int] = []

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            self.rebound += 1
            self.mutated.append(self.rebound)
            return "again" if len(self.mutated) < 3 else None

    node = Counter()
    node - "again" >> node
    node >> note(m, "end")
    m.Flow(node).run({})
    return node.rebound, node.mutated, node.params


def the_top_flow_is_not_copied(m: ModuleType) -> Any:
    class Own(m.Flow):  # type: ignore[misc,name-defined]
        def prep(self, shared: Any) -> Any:
            self.seen = True

    flow = Own(note(m, "a"))
    flow.run({})
    return flow.seen


def overrides_on_the_instance_survive(m: ModuleType) -> Any:
    node = m.Node()
    node.exec = lambda prep_res: "mine"
    node.post = lambda shared, prep_res, exec_res: exec_res
    return m.Flow(node).run({})


def custom_copies(m: ModuleType) -> Any:
    class Copied(m.Node):  # type: ignore[misc,name-defined]
        generation = 0

        def __copy__(self) -> Any:
            twin = type(self).__new__(type(self))
            twin.__dict__.update(self.__dict__, generation=self.generation + 1)
            return twin

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return self.generation

    class Slotted(m.Node):  # type: ignore[misc,name-defined]
        __slots__ = ("extra",)

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return self.extra

    slotted = Slotted()
    slotted.extra = "kept in a slot"
    return m.Flow(Copied()).run({}), m.Flow(slotted).run({})


def params_are_the_flows(m: ModuleType) -> Any:
    seen: list[Any] = []

    class Show(m.Node):  # type: ignore[misc,name-defined]
        def prep(self, shared: Any) -> Any:
            seen.append(dict(self.params))
            self.params["by"] = "earlier node"

    a, b = Show(), Show()
    a.set_params({"own": 1})
    flow = m.Flow(a)
    a >> b
    flow.run({})
    flow.set_params({"flow": 2})
    flow.run({})
    a.run({})
    return seen, flow.params, a.params


def nested_flow(m: ModuleType) -> Any:
    seen: list[Any] = []

    class Show(m.Node):  # type: ignore[misc,name-defined]
        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            seen.append(self.params)
            return "inner action"

    inner = m.Flow(Show())
    inner.set_params({"lost": True})
    inner - "inner action" >> note(m, "routed on the inner action", "end")
    outer = m.Flow(inner)
    outer.set_params({"outer": 1})
    return run(outer), seen


def flow_hooks(m: ModuleType) -> Any:
    class Shouting(m.Flow):  # type: ignore[misc,name-defined]
        def prep(self, shared: Any) -> Any:
            return "prepared"

        def exec(self, prep_res: Any) -> Any:
            raise AssertionError("never called")

        def get_next_node(self, curr: Any, action: Any) -> Any:
            return super().get_next_node(curr, action.lower())

        def _orch(self, shared: Any, params: Any = None) -> Any:
            return ("orch", super()._orch(shared, {"forced": 1}))

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return prep_res, exec_res

    a = note(m, "a", "X")
    a - "x" >> note(m, "b", "NOPE")
    return run(Shouting(a))


def node_hooks(m: ModuleType) -> Any:
    class Wrapped(m.Node):  # type: ignore[misc,name-defined]
        def set_params(self, params: Any) -> None:
            super().set_params({"wrapped": params})

        def _exec(self, prep_res: Any) -> Any:
            return ("_exec", super()._exec(prep_res))

        def _run(self, shared: Any) -> Any:
            return ("_run", super()._run(shared))

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return str((self.params, exec_res))

    return m.Flow(Wrapped()).run({})


def falsy_next_node_ends(m: ModuleType) -> Any:
    class Stopping(m.Flow):  # type: ignore[misc,name-defined]
        def get_next_node(self, curr: Any, action: Any) -> Any:
            return False

    a = note(m, "a", "x")
    a - "x" >> note(m, "b")
    return run(Stopping(a))


def batch_node(m: ModuleType) -> Any:
    class Halve(m.BatchNode):  # type: ignore[misc,name-defined]
        def prep(self, shared: Any) -> Any:
            return shared["items"]

        def exec(self, prep_res: Any) -> Any:
            if prep_res % 2 and not self.cur_retry:
                raise ValueError("odd at first")
            if prep_res == 5:
                raise ValueError("five always")
            return prep_res / 2

        def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
            return f"{prep_res}: {exc}"

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return str(exec_res)

    class OldSequence:
        def __getitem__(self, index: int) -> int:
            return [8, 9][index]

    makes: list[Callable[[], Any]] = [
        OldSequence,
        lambda: [1, 2, 5],
        lambda: (i for i in (4, 3)),
        lambda: None,
        list,
        int,
    ]
    return [m.Flow(Halve(max_retries=2)).run({"items": make()}) for make in makes]


def batch_flow(m: ModuleType) -> Any:
    class Files(m.BatchFlow):  # type: ignore[misc,name-defined]
        def prep(self, shared: Any) -> Any:
            return shared["files"]

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return prep_res, exec_res

    class Read(m.Node):  # type: ignore[misc,name-defined]
        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            shared.setdefault("read", []).append(dict(self.params))

    flow = Files(Read())
    flow.set_params({"mode": "r", "file": "overridden"})
    batches: list[Any] = [[{"file": "a"}, {"file": "b"}], [{}], [], None]
    return [run(flow, files=files) for files in batches]


def batch_flow_stops_at_the_first_failure(m: ModuleType) -> Any:
    done = []

    class Files(m.BatchFlow):  # type: ignore[misc,name-defined]
        def prep(self, shared: Any) -> Any:
            return [{"n": 1}, {"n": 2}, {"n": 3}]

    class Read(m.Node):  # type: ignore[misc,name-defined]
        def exec(self, prep_res: Any) -> Any:
            done.append(self.params["n"])
            if self.params["n"] == 2:
                raise ValueError("two")

    with pytest.raises(ValueError, match="two"):
        Files(Read()).run({})
    return done


def reuse_and_copies_of_a_flow(m: ModuleType) -> Any:
    a = note(m, "a")
    a >> note(m, "b")
    flow = m.Flow(a)
    return run(flow), run(flow), run(copy.copy(flow)), run(copy.deepcopy(flow))


def pickles(m: ModuleType) -> Any:
    a = m.Node(max_retries=3, wait=1)
    a - "x" >> m.BatchNode()
    flow = pickle.loads(pickle.dumps(m.Flow(a)))
    start = flow.start_node
    return start.max_retries, start.wait, list(start.successors), flow.run({})


SCENARIOS: list[Scenario] = [
    value
    for name, value in list(globals().items())
    if callable(value) and getattr(value, "__module__", "") == __name__ and name not in ("note", "run")
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_alike(scenario: Scenario, alike: Callable[[Scenario], Outcome]) -> None:
    alike(scenario)


def test_the_comparison_sees_differences(alike: Callable[[Scenario], Outcome]) -> None:
    with pytest.raises(AssertionError):
        alike(lambda module: module.__name__)
