"""What is decided when a class is defined, and how lenient its constructor may be."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from agent_runtime.flow import AsyncBatchNode, AsyncFlow, AsyncNode, Flow, Node


def test_a_post_that_cannot_be_called_is_refused_with_the_right_signature() -> None:
    with pytest.raises(
        TypeError, match=r"post\(self, shared, exec_res\).* must be post\(self, shared, prep_res, exec"
    ):

        class Short(Node):
            def post(self, shared: Any, exec_res: Any) -> Any:  # type: ignore[override]
                return None

    with pytest.raises(TypeError, match=r"must be post_async\(self, shared, prep_res, exec_res\)"):

        class Long(AsyncNode):
            async def post_async(self, shared: Any, prep_res: Any, exec_res: Any, more: Any) -> Any:  # type: ignore[override]
                return None

    with pytest.raises(TypeError, match=r"must be post\("):

        class Swapped(AsyncNode):
            async def post(self, result: Any, shared_store: Any) -> Any:  # type: ignore[override]
                return None


def with_database(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapper(*args: Any) -> Any:
        return method(*args, "database")

    return wrapper


def test_posts_that_can_be_called_are_left_alone() -> None:
    class Variadic(Node):
        def post(self, *args: Any) -> Any:
            return len(args)

    class Optional(Node):
        def post(self, shared: Any, prep_res: Any = None, exec_res: Any = None, more: str = "more") -> Any:
            return more

    class Decorated(Node):
        @with_database
        def post(self, shared: Any, prep_res: Any, exec_res: Any, database: str) -> Any:
            return database

    assert [Flow(kind()).run({}) for kind in (Variadic, Optional, Decorated)] == [3, "more", "database"]


class Spelled(AsyncNode):
    """The phases without suffix, as coroutines."""

    async def prep(self, shared: Any) -> Any:
        return shared["x"]

    async def exec(self, prep_res: Any) -> Any:
        if prep_res == "bad":
            raise ValueError(prep_res)
        return prep_res * 2

    async def exec_fallback(self, prep_res: Any, exc: Exception) -> Any:
        return f"fell back from {exc}"

    async def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        shared["y"] = exec_res
        return f"done {exec_res}"


class Mixed(AsyncNode):
    """Plain `prep` and `post` around a coroutine."""

    def prep(self, shared: Any) -> Any:
        return shared["x"]

    async def exec_async(self, prep_res: Any) -> Any:
        return prep_res * 2

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return f"done {exec_res}"


class Extended(Spelled):
    """The suffixed spelling over the plain one."""

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return "extended " + await super().post_async(shared, prep_res, exec_res)


class Overridden(Extended):
    """And the plain one over that."""

    async def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return "overridden"


class WithHelper(AsyncNode):
    """`exec` is a helper of `exec_async` here, and must stay one."""

    async def prep_async(self, shared: Any) -> Any:
        return shared["x"]

    def exec(self, prep_res: Any) -> Any:
        return f"helped {prep_res}"

    async def exec_async(self, prep_res: Any) -> Any:
        return self.exec(prep_res) + " once"

    async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        return exec_res


@pytest.mark.parametrize(
    ("kind", "x", "action"),
    [
        (Spelled, "a", "done aa"),
        (Spelled, "bad", "done fell back from bad"),
        (Mixed, "a", "done aa"),
        (Extended, "a", "extended done aa"),
        (Overridden, "a", "overridden"),
        (WithHelper, "a", "helped a once"),
    ],
)
async def test_async_phases_may_lack_the_suffix(kind: type[AsyncNode], x: str, action: str) -> None:
    assert await AsyncFlow(kind()).run_async({"x": x}) == action


async def test_a_batch_and_a_flow_may_be_spelled_so_too() -> None:
    class Double(AsyncBatchNode):
        async def prep(self, shared: Any) -> Any:
            return [1, 2]

        async def exec(self, prep_res: Any) -> Any:
            return prep_res * 2

        async def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            shared["doubled"] = exec_res

    class Own(AsyncFlow):
        async def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return sum(shared["doubled"])

    assert await Own(Double()).run_async({}) == 6


def test_a_sync_run_refuses_to_leave_out_async_phases() -> None:
    class Suffixed(AsyncFlow):
        async def post_async(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return "never left out"

    class Plain(AsyncFlow):
        async def prep(self, shared: Any) -> Any:
            return "never left out"

    for kind in (Suffixed, Plain):
        with pytest.raises(RuntimeError, match=r"Use run_async\."):
            kind(Node()).run({})


def test_subclasses_may_forget_to_call_super() -> None:
    class Storage(Node):
        def __init__(self, backend: str) -> None:
            self.backend = backend

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return self.backend

    class Own(Flow):
        def __init__(self) -> None:
            self.start(first)

    first, last = Storage("json"), Storage("redis")
    first - "json" >> last
    assert Own().run({}) == "redis"
    assert Storage("x").successors is not first.successors


def test_dataclasses_can_be_nodes() -> None:
    @dataclass
    class Say(Node):
        word: str

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return self.word

    first = Say("a")
    first - "a" >> Say("b")
    assert Flow(first).run({}) == "b"
