"""What goes wrong in users' flows is refused with a message that names the culprit and the cure."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest

from agent_runtime.flow import (
    AsyncBatchFlow,
    AsyncFlow,
    AsyncNode,
    AsyncParallelBatchFlow,
    AsyncParallelBatchNode,
    BatchFlow,
    BatchNode,
    Flow,
    Node,
    StepLimitExceeded,
)


class Again(Node):
    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> str:
        return "again"


class AsyncAgain(AsyncNode):
    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> str:
        return "again"


class Passes(BatchFlow):
    def prep(self, shared: Any) -> Any:
        return [{}]


class AsyncPasses(AsyncBatchFlow):
    async def prep_async(self, shared: Any) -> Any:
        return [{}]


class ParallelPasses(AsyncParallelBatchFlow):
    async def prep_async(self, shared: Any) -> Any:
        return [{}, {}]


def endless(kind: Callable[..., Flow], node: Node) -> Flow:
    """A flow whose node leads to itself."""
    node - "again" >> node
    return kind(node, max_steps=5)


def endless_pair() -> Flow:
    """Two flows that lead to each other, each of which ends."""
    there, back = Flow(Again()), Flow(Again())
    there - "again" >> back
    back - "again" >> there
    return Flow(there, max_steps=5)


ENDLESS: dict[str, tuple[Callable[[], Flow], str]] = {
    "sync": (lambda: endless(Flow, Again()), r"Flow took 5 steps .* 'again', leads to Again\..* max_steps"),
    "async": (lambda: endless(AsyncFlow, AsyncAgain()), "AsyncFlow took 5 steps .* leads to AsyncAgain"),
    "a plain node in an async flow": (
        lambda: endless(AsyncFlow, Again()),
        "AsyncFlow took 5 .* leads to Again",
    ),
    "nested": (lambda: Flow(endless(Flow, Again())), "Flow took 5 steps"),
    "async in async": (lambda: AsyncFlow(endless(AsyncFlow, AsyncAgain())), "AsyncFlow took 5 steps"),
    "sync in async": (lambda: AsyncFlow(endless(Flow, Again())), "Flow took 5 steps"),
    "flows that lead to each other": (endless_pair, "Flow took 5 steps .* leads to Flow"),
    "a pass of a batch": (lambda: endless(Passes, Again()), "Passes took 5 steps"),
    "a pass of an async batch": (lambda: endless(AsyncPasses, AsyncAgain()), "AsyncPasses took 5 steps"),
    "parallel passes": (lambda: endless(ParallelPasses, AsyncAgain()), "ParallelPasses took 5 steps"),
}


async def run(flow: Flow) -> Any:
    return await flow.run_async({}) if isinstance(flow, AsyncFlow) else flow.run({})


@pytest.mark.parametrize(("build", "message"), ENDLESS.values(), ids=ENDLESS.keys())
async def test_a_cycle_without_end_reaches_the_step_limit(build: Callable[[], Flow], message: str) -> None:
    with pytest.raises(StepLimitExceeded, match=message):
        await run(build())


class Returns(Node):
    def __init__(self, action: Any) -> None:
        self.action = action

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return self.action


class AsyncReturns(AsyncNode):
    def __init__(self, action: Any) -> None:
        self.action = action

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return self.action


NONSENSE: list[Any] = [{"result": 1}, ["a", "b"], {"a"}, bytearray(b"x")]


@pytest.mark.parametrize("action", NONSENSE, ids=lambda action: type(action).__name__)
@pytest.mark.parametrize(
    ("flow", "node", "post"), [(Flow, Returns, "post"), (AsyncFlow, AsyncReturns, "post_async")]
)
async def test_an_action_that_cannot_be_one_is_the_nodes_fault(
    flow: Any, node: Any, post: str, action: Any
) -> None:
    first = node(action)
    first >> Node()
    with pytest.raises(
        TypeError, match=rf"{node.__name__}\.{post} returned .* must be hashable.* shared store"
    ):
        await run(flow(first))


@pytest.mark.parametrize("action", ["aproved", 7, ("a", 1), object()], ids=repr)
async def test_an_action_without_a_successor_ends_the_flow_with_a_warning_that_lists_them(
    action: Any,
) -> None:
    for flow, node in ((Flow, Returns), (AsyncFlow, AsyncReturns)):
        first = node(action)
        first - "approved" >> Node()
        first - "rejected" >> Node()
        with pytest.warns(UserWarning, match=r"Flow ends: '.*' not found in \['approved', 'rejected'\]"):
            assert await run(flow(first)) is action


def refused_class(base: type, phase: str, function: Any) -> pytest.ExceptionInfo[TypeError]:
    with pytest.raises(TypeError) as caught:
        type("Draft", (base,), {phase: function})
    return caught


async def coroutine(self: Any, *args: Any) -> None: ...


WRONG: dict[str, tuple[type, str, Any, str]] = {
    "prep without shared": (Node, "prep", lambda self: 1, "must be prep(self, shared)"),
    "exec without its input": (Node, "exec", lambda self: 1, "must be exec(self, prep_res)"),
    "exec of a batch": (BatchNode, "exec", lambda self, shared, item: 1, "must be exec(self, prep_res)"),
    "post without exec_res": (
        Node, "post", lambda self, shared, prep_res: 1, "Draft.post(self, shared, prep_res) cannot be called",
    ),
    "no self": (Node, "exec", lambda: 1, "must be exec(self, prep_res)"),
    "async prep": (AsyncNode, "prep_async", lambda self: 1, "must be prep_async(self, shared)"),
    "async exec": (AsyncNode, "exec_async", lambda self: 1, "must be exec_async(self, prep_res)"),
    "async post": (AsyncNode, "post_async", lambda self, s, p: 1, "must be post_async(self, shared, "),
    "async exec, spelled plainly": (AsyncNode, "exec", lambda self: 1, "must be exec(self, prep_res)"),
    "a flow's prep": (Flow, "prep", lambda self: 1, "must be prep(self, shared)"),
    "an async flow's post": (AsyncFlow, "post_async", lambda self, r: 1, "must be post_async(self, shared,"),
    "a coroutine nobody awaits": (Node, "exec", coroutine, "derive Draft from AsyncNode, or make it a plain"),
    "a coroutine post": (Node, "post", coroutine, "phases of a Node are not awaited"),
    "a coroutine in a batch": (BatchNode, "exec", coroutine, "derive Draft from AsyncBatchNode"),
    "a coroutine in a flow": (Flow, "post", coroutine, "derive Draft from AsyncFlow"),
}  # fmt: skip


@pytest.mark.parametrize(("base", "phase", "function", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_phase_that_cannot_be_called_is_refused_when_the_class_is_defined(
    base: type, phase: str, function: Any, message: str
) -> None:
    told = str(refused_class(base, phase, function).value)
    assert told.startswith(f"Draft.{phase}")
    assert message in told


UNCALLED: dict[str, tuple[type, dict[str, Any]]] = {
    "a flow's exec": (Flow, {"exec": lambda self: 1}),
    "an async flow's exec": (AsyncFlow, {"exec_async": lambda self: 1}),
    "exec that helps exec_async": (AsyncNode, {"exec": lambda self, a, b: 1, "exec_async": coroutine}),
    "exec under an _exec of one's own": (Node, {"exec": coroutine, "_exec": lambda self, prep_res: 1}),
    "post under a _run of one's own": (Node, {"post": lambda self: 1, "_run": lambda self, shared: 1}),
    "a fallback as of older PocketFlow": (Node, {"exec_fallback": lambda self, shared, prep_res, exc: 1}),
    "a static method": (Node, {"exec": staticmethod(len)}),
    "a callable object": (Node, {"exec": max}),
}


@pytest.mark.parametrize(("base", "phases"), UNCALLED.values(), ids=UNCALLED.keys())
def test_what_the_core_does_not_call_itself_is_its_authors_business(
    base: type, phases: dict[str, Any]
) -> None:
    assert issubclass(type("Draft", (base,), phases), Node | Flow)


def test_an_async_node_in_a_plain_flow_says_what_to_call() -> None:
    with pytest.raises(RuntimeError, match=r"Use run_async\."):
        Flow(AsyncAgain()).run({})


@pytest.mark.parametrize(
    "node", [AsyncAgain(), AsyncFlow(AsyncAgain()), AsyncPasses()], ids=lambda n: type(n).__name__
)
def test_an_async_node_that_is_not_awaited_is_named(node: Node) -> None:
    with pytest.raises(RuntimeError, match=r"Use run_async\.") as caught:
        node.run({})
    (note,) = caught.value.__notes__
    assert "is async: await its run_async, or visit it from an AsyncFlow" in note


class Counted(BatchNode):
    def prep(self, shared: Any) -> Any:
        return 5


class CountedPasses(BatchFlow):
    def prep(self, shared: Any) -> Any:
        return [{"n": 1}, "n=2"]


class ParallelItems(AsyncParallelBatchNode):
    async def prep_async(self, shared: Any) -> Any:
        return self.items()

    async def items(self) -> Any:
        yield 1


class SplitPasses(AsyncParallelBatchFlow):
    async def prep_async(self, shared: Any) -> Any:
        return [["n", 1]]


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (
            Flow(Counted()),
            "The items of Counted are what its prep returned, 5, which is no iterable: return a list",
        ),
        (
            AsyncFlow(ParallelItems()),
            "The items of ParallelItems are .*async_generator .* another plain iterable",
        ),
        (
            CountedPasses(Node()),
            "CountedPasses.prep returned 'n=2' as number 1 of its passes; each must be a dict",
        ),
        (SplitPasses(Node()), r"SplitPasses.prep returned \['n', 1\] as number 0 of its passes"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_batch_of_what_is_none_names_its_node(flow: Flow, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        await run(flow)


def test_the_step_limit_tells_nodes_of_one_class_apart_by_their_names() -> None:
    node = Again(name="review")
    node - "again" >> node
    with pytest.raises(StepLimitExceeded, match="leads to Again 'review'"):
        Flow(node, max_steps=2).run({})


def test_a_flow_without_a_start_ends_at_once() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Flow().run({}) is None
