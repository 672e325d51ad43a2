"""Each phase of a node can be tested alone."""

from typing import Any

import pytest

from agent_runtime.flow import AsyncBatchNode, BaseNode, Node
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


def test_a_base_node_has_no_fallback() -> None:
    with pytest.raises(TypeError, match="BaseNode has no fallback"):
        PhaseBench(BaseNode()).exec_fallback(None, ValueError())


async def test_a_coroutine_is_told_to_await_instead() -> None:
    with pytest.raises(RuntimeError, match="await the node's own phases"):
        PhaseBench(Lengths()).prep({"texts": []})
