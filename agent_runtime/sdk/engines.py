"""Engines in a chain: what one returns, and leaves in the state of the context, the next one finds."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from agent_runtime.api.agent import Publishes
from agent_runtime.sdk.context import Context
from agent_runtime.sdk.errors import UsageError

Step = Callable[[Context], Awaitable[Any]]
Score = Callable[[Context], float]


@dataclass(frozen=True, slots=True)
class Role:
    """The agent that an engine works for."""

    agent: str
    publishes: tuple[Publishes, ...]
    models: tuple[type[BaseModel], ...]
    """The classes of what it publishes, in the same order."""


@runtime_checkable
class Engine(Protocol):
    """An engine that is an object; a function of a context is one as well, `async` or not."""

    def evaluate(self, context: Context, /) -> Any:
        """The agent's output: an artifact or several, None to leave it as it is. May be a coroutine."""


@runtime_checkable
class Bound(Protocol):
    """An engine that must know whom it works for."""

    def bind(self, role: Role) -> Step:
        """The engine for one agent; asked when the board opens."""

    async def close(self) -> None:
        """The board was closed."""


def check(engine: object, agent: str) -> None:
    """Raises UsageError for what cannot be called with a context alone."""
    if isinstance(engine, type):
        raise UsageError(f"agent {agent!r}: the class {engine.__name__} is no engine: give an instance of it")
    if isinstance(engine, Bound):
        return
    function = _function(engine)
    if not callable(function):
        raise UsageError(
            f"agent {agent!r}: {engine!r} is no engine: want a function of a context, or an object "
            "with evaluate(context)"
        )
    name = _name(engine)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(f"agent {agent!r}: engine {name} yields: let it return a list of its artifacts")
    signature = inspect.signature(function)
    try:
        signature.bind(None)
    except TypeError as error:
        raise UsageError(
            f"agent {agent!r}: engine {name}{signature} cannot be called with a context alone ({error}): "
            f"write `async def {name}(context)`"
        ) from error


def step_of(engine: object, role: Role) -> Step:
    """The engine as a coroutine function. A plain function runs in a thread, so that it may block."""
    if isinstance(engine, Bound):
        return engine.bind(role)
    function = _function(engine)
    assert callable(function)
    if inspect.iscoroutinefunction(function):
        return function

    async def in_a_thread(context: Context) -> Any:
        result = await asyncio.to_thread(function, context)
        return await result if inspect.isawaitable(result) else result

    return in_a_thread


def _function(engine: object) -> object:
    return engine.evaluate if isinstance(engine, Engine) else engine


def _name(engine: object) -> str:
    name: str = getattr(engine, "__name__", type(engine).__name__)
    return name


class Chain:
    """An agent's engines, in order, and how many attempts there are to choose the best from."""

    def __init__(self, steps: Sequence[Step], attempts: int = 1, score: Score | None = None) -> None:
        """`score` is needed for more than one attempt: the highest wins, the earlier of equals."""
        self._steps = tuple(steps)
        self._attempts = attempts
        self._score = score

    async def run(self, begin: Callable[[], Context]) -> Context:
        """The attempt that counts. Those that fail are left out; raises the first one's error when all do."""
        if self._score is None:
            return await self._run(begin())
        runs = [self._scored(begin(), self._score) for _ in range(self._attempts)]
        ended = await asyncio.gather(*runs, return_exceptions=True)
        best: tuple[float, Context] | None = None
        for one in ended:
            if not isinstance(one, BaseException) and (best is None or one[0] > best[0]):
                best = one
        if best is not None:
            return best[1]
        first = next(one for one in ended if isinstance(one, BaseException))
        first.add_note(f"all {self._attempts} attempts failed; this is the first one's error")
        raise first

    async def _scored(self, context: Context, score: Score) -> tuple[float, Context]:
        context = await self._run(context)
        return score(context), context

    async def _run(self, context: Context) -> Context:
        for step in self._steps:
            output = await step(context)
            if output is not None:
                context.output = output
        return context
