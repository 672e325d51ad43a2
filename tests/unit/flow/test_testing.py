"""Each phase of a node can be tested alone."""

import asyncio
from typing import Any

import pytest

from agent_runtime.flow import AsyncBatchNode, AsyncFlow, AsyncNode, BaseNode, Flow, Node
from agent_runtime.flow.testing import PhaseBench, Phases


class Summarize(Node):
    def prep(self, shared: Any) -> Any:
        self.words = len(shared["text"].split())
        return shared["text"]

    def exec(self, prep_res: str) -> str:
        if not prep_res:
            raise ValueError("no text")
        return f"{prep_res.split()[0]}{self.params.get('suffix', '')}"

    def exec_fallback(self, prep_res: str, exc: Exception) -> str:
        return f"nothing: {exc}"

    def post(self, shared: Any, prep_res: str, exec_res: str) -> str:
        shared["summary"] = exec_res
        return "done"


class Lengths(AsyncBatchNode):
    async def prep_async(self, shared: Any) -> Any:
        return shared["texts"]

    async def exec_async(self, prep_res: str) -> int:
        return len(prep_res)

    async def exec_fallback_async(self, prep_res: str, exc: Exception) -> int:
        return -1

    async def post_async(self, shared: Any, prep_res: Any, exec_res: list[int]) -> str:
        shared["lengths"] = exec_res
        return "done"


def test_the_phases_of_a_plain_node() -> None:
    node, shared = Summarize(max_retries=2), {"text": "a b"}
    bench = PhaseBench(node, params={"suffix": "!"})
    assert bench.prep(shared) == "a b"
    assert bench.node.words == 2  # type: ignore[attr-defined]
    assert bench.exec("c d") == "c!"
    assert bench.exec("") == "nothing: no text"
    assert bench.exec_fallback("", KeyError("x")) == "nothing: 'x'"
    assert bench.post(shared, "a b", "a") == "done"
    assert shared == {"text": "a b", "summary": "a"}
    assert not hasattr(node, "words")


def test_the_phases_of_an_async_batch_node() -> None:
    bench, shared = PhaseBench(Lengths()), {"texts": ["a", "bb"]}
    assert bench.prep(shared) == ["a", "bb"]
    assert bench.exec(["a", "bb"]) == [1, 2]
    assert bench.exec_fallback("a", ValueError()) == -1
    assert bench.visit(shared) == Phases(["a", "bb"], [1, 2], "done")


@pytest.mark.parametrize("node", [BaseNode(), Flow(), AsyncFlow()], ids=lambda node: type(node).__name__)
def test_what_has_no_fallback_says_so(node: BaseNode) -> None:
    with pytest.raises(TypeError, match=f"{type(node).__name__} has no fallback"):
        PhaseBench(node).exec_fallback(None, ValueError())


async def test_in_a_coroutine_the_phases_are_awaited() -> None:
    for node, texts, result in ((Summarize(), "a b", "a"), (Lengths(), ["a", "bb"], [1, 2])):
        bench, shared = PhaseBench(node), {"text": texts, "texts": texts}
        assert await bench.prep_async(shared) == texts
        assert await bench.exec_async(texts) == result
        assert await bench.exec_fallback_async("", ValueError("x")) in ("nothing: x", -1)
        assert await bench.post_async(shared, texts, result) == "done"
        assert await bench.visit_async(shared) == Phases(texts, result, "done")


async def test_a_coroutine_that_does_not_await_is_told_how() -> None:
    bench = PhaseBench(Lengths())
    with pytest.raises(RuntimeError, match="await the bench's prep_async"):
        bench.prep({"texts": []})
    assert PhaseBench(Summarize()).exec("plain nodes need no loop") == "plain"


def test_attempts_are_made_without_waiting() -> None:
    class Flaky(Node):
        def exec(self, prep_res: Any) -> int:
            if self.cur_retry < 2:
                raise TimeoutError
            return self.cur_retry

    node = Flaky(max_retries=3, wait=3600)
    assert PhaseBench(node).exec(None) == 2
    assert node.wait == 3600


async def test_what_a_phase_opens_lives_in_the_loop_of_the_whole_visit() -> None:
    class Loops(AsyncNode):
        async def prep_async(self, shared: Any) -> Any:
            return asyncio.get_running_loop()

        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return str(prep_res is asyncio.get_running_loop())

    phases = await asyncio.to_thread(PhaseBench(Loops()).visit, {})
    assert phases.action == "True"


@pytest.mark.parametrize("kind", [Flow, AsyncFlow])
def test_a_flow_on_a_bench_has_prep_and_post_but_no_exec(kind: type[Flow]) -> None:
    bench = PhaseBench(kind(Summarize()))
    assert bench.prep({}) is None
    assert bench.post({}, None, "last action") == "last action"
    for phase in (lambda: bench.exec(None), lambda: bench.visit({})):
        with pytest.raises(TypeError, match=f"{kind.__name__} is a flow and has no exec"):
            phase()
