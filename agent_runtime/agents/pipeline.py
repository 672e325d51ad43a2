"""The life of a piece of work: its slot, its nine stages in order, its time. The same for every agent."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from agent_runtime.agents import spans
from agent_runtime.agents.errors import Busy, WorkTimeout
from agent_runtime.agents.stages import CallNext, Component, Lifecycle, Stage
from agent_runtime.agents.work import Answer, Work
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.telemetry import traces

T = TypeVar("T")


class Handler(Protocol):
    """What one kind of agent does in the stages where agents differ."""

    def ask(self, work: Work) -> str:
        """The question that the artifacts or the message make; PRE_EVALUATE may put another in its place."""

    def begin(self, work: Work) -> CallNext[Answer]:
        """Get ready to evaluate; what it returns evaluates, and is called again when that is tried again."""

    async def publish(self, work: Work) -> list[Artifact]:
        """Put on the board what `work.answer` leads to."""

    async def published(self, work: Work) -> None:
        """What is to be done when `work.published` is there."""


class Pipeline:
    """Takes pieces of work through the stages, as many at once as there are slots."""

    def __init__(
        self,
        agent: str,
        components: Sequence[Component],
        *,
        at_once: int,
        timeout: float,
        shared: asyncio.Semaphore | None = None,
    ) -> None:
        """`timeout` in seconds, from INITIALIZE to POST_EVALUATE; `shared`: slots that agents share."""
        self._agent = agent
        self._lifecycle = Lifecycle(components)
        self._at_once = at_once
        self._timeout = timeout
        own = asyncio.Semaphore(at_once)
        self._slots = (own,) if shared is None else (own, shared)

    async def run(self, work: Work, handler: Handler) -> None:
        """All stages, in order. Raises Busy (chat, no free slot), WorkTimeout, and what `handler` raises."""
        run = self._lifecycle.run
        taken: list[asyncio.Semaphore] = []
        try:
            await run(Stage.ACQUIRE, work, lambda: self._acquire(work, taken))
            with spans.invocation(work):
                try:
                    work.answer = await self._think(work, handler)
                    work.published = await run(Stage.PUBLISH, work, lambda: handler.publish(work))
                    await run(Stage.POST_PUBLISH, work, lambda: handler.published(work))
                except BaseException as error:
                    work.error = error
                    raise
                finally:
                    await run(Stage.TERMINATE, work, noop)
        finally:
            for slot in taken:
                slot.release()

    async def _think(self, work: Work, handler: Handler) -> Answer:
        """From the inputs to the answer, within the time that a piece of work has."""
        run = self._lifecycle.run
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                await run(Stage.INITIALIZE, work, noop)
                work.inputs = await run(Stage.PRE_CONSUME, work, passthrough(lambda: work.inputs))
                work.question = await run(Stage.PRE_EVALUATE, work, passthrough(lambda: handler.ask(work)))
                with traces.span("evaluate"):
                    answer = await run(Stage.EVALUATE, work, handler.begin(work))
                return await run(Stage.POST_EVALUATE, work, passthrough(lambda: answer))
        except TimeoutError as error:
            if not limit.expired():
                raise  # it is the work's own
            raise WorkTimeout(work.agent, self._timeout) from error

    async def _acquire(self, work: Work, taken: list[asyncio.Semaphore]) -> None:
        # A caller who waits for a reply is better told to go elsewhere; a delivery is leased and can wait.
        if work.source == "chat" and self._slots[0].locked():
            raise Busy(self._agent, self._at_once)
        for slot in self._slots:
            await slot.acquire()
            taken.append(slot)


def passthrough(value: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    async def go() -> T:
        return value()

    return go


async def noop() -> None:
    """A stage where only components act."""
