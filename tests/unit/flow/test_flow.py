"""What flows do better than the original: a step limit, and errors that name the culprit."""

from typing import Any

import pytest

from agent_runtime.flow import AsyncFlow, AsyncNode, Flow, Node, StepLimitExceeded


class Again(Node):
    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared["n"] = shared.get("n", 0) + 1
        return "again"


class Returns(Node):
    def __init__(self, action: Any) -> None:
        self.action = action

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return self.action


def endless(flow: Flow) -> Flow:
    node = flow.start(Again())
    node - "again" >> node
    return flow


def test_an_endless_loop_ends_with_an_error_that_names_it() -> None:
    shared: dict[str, Any] = {}
    with pytest.raises(
        StepLimitExceeded, match=r"Flow took 10000 steps.* 'again', leads to Again.* max_steps"
    ):
        endless(Flow()).run(shared)
    assert shared == {"n": 10_000}


async def test_an_endless_async_loop_too() -> None:
    shared: dict[str, Any] = {}
    with pytest.raises(StepLimitExceeded):
        await endless(AsyncFlow(max_steps=7)).run_async(shared)  # type: ignore[attr-defined]
    assert shared == {"n": 7}


def test_a_pass_of_exactly_the_limit_is_allowed() -> None:
    first = Node()
    first >> Node() >> Node()
    assert Flow(first, max_steps=3).run({}) is None
    with pytest.raises(StepLimitExceeded):
        Flow(first, max_steps=2).run({})


def test_nested_flows_count_their_own_steps() -> None:
    inner = Node()
    inner >> Node()
    outer = Flow(inner, max_steps=2)
    outer >> Flow(inner, max_steps=2)
    assert Flow(outer, max_steps=2).run({}) is None


def test_an_action_that_cannot_be_one_names_its_node() -> None:
    with pytest.raises(
        TypeError, match=r"Returns\.post returned \{'a': 1\} as its action; it must be hashable"
    ):
        Flow(Returns({"a": 1})).run({})


def test_a_next_node_that_is_none_names_the_flow() -> None:
    class Wrong(Flow):
        def get_next_node(self, curr: Any, action: Any) -> Any:
            return "draft"

    with pytest.raises(TypeError, match="Wrong cannot visit 'draft'"):
        Wrong(Node()).run({})


def test_a_node_that_is_false_is_visited_all_the_same() -> None:
    class Empty(Returns):
        def __len__(self) -> int:
            return 0

    first = Node()
    first >> Empty("was visited")
    assert Flow(first).run({}) == "was visited"


def test_runs_do_not_change_the_graph() -> None:
    node = Again()
    before = dict(vars(node))
    Flow(node).run({})
    assert vars(node) == before


async def test_an_async_flow_runs_async_and_plain_nodes() -> None:
    class Last(AsyncNode):
        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return "last"

    first = Again()
    first - "again" >> Last()
    assert await AsyncFlow(first).run_async({}) == "last"
