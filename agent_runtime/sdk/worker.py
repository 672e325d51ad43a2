"""An agent made of engines, at work: the stages of its life, with the chain of engines in their middle."""

from collections.abc import Callable, Sequence
from inspect import isawaitable

from agent_runtime.agents.pipeline import Pipeline
from agent_runtime.agents.prompt import sets_of
from agent_runtime.agents.stages import CallNext
from agent_runtime.agents.subscription import Progress, Publish, Subscription
from agent_runtime.agents.work import Answer, Work
from agent_runtime.api.agent import Publishes
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Delivery
from agent_runtime.sdk.context import Context
from agent_runtime.sdk.engines import Chain
from agent_runtime.sdk.results import drafts_of
from agent_runtime.telemetry import logs

Call = Callable[[list[Artifact]], object]
"""Told what was published; may be a coroutine function."""

_log = logs.logger("board")


class EngineWorker:
    """One agent, ready to work (`agents.subscription.Worker`); for concurrent use within one event loop."""

    def __init__(
        self,
        agent: str,
        subscription: Subscription,
        pipeline: Pipeline,
        chain: Chain,
        publishes: Sequence[Publishes],
        calls: Sequence[Call],
    ) -> None:
        self.agent = agent
        self.chain = chain
        self.publishes = publishes
        self.calls = calls
        self._subscription = subscription
        self._pipeline = pipeline

    @property
    def subscription(self) -> Subscription:
        """What it takes."""
        return self._subscription

    async def work(self, delivery: Delivery, publish: Publish, progress: Progress, /) -> None:
        """Work on a delivery. Raises WorkTimeout, UndeclaredResult, as its engines and as `publish`."""
        sets = sets_of(delivery) if delivery.sets else ()
        work = Work(self.agent, "delivery", delivery.id, inputs=delivery.artifacts, sets=sets)
        await self._pipeline.run(work, _Handler(self, delivery, publish, progress))


class _Handler:
    """What the agent does with one delivery."""

    __slots__ = ("_delivery", "_progress", "_publish", "_worker")

    def __init__(
        self, worker: EngineWorker, delivery: Delivery, publish: Publish, progress: Progress
    ) -> None:
        self._worker = worker
        self._delivery = delivery
        self._publish = publish
        self._progress = progress

    def ask(self, work: Work) -> str:
        """Engines make their own questions, of what PRE_CONSUME has left of the artifacts."""
        return ""

    def begin(self, work: Work) -> CallNext[Answer]:
        worker = self._worker
        sizes = self._delivery.sets if len(work.inputs) == len(self._delivery.artifacts) else ()

        async def evaluate() -> Answer:
            context = await worker.chain.run(
                lambda: Context(worker.agent, work.inputs, sizes, self._progress)
            )
            return Answer("", drafts_of(worker.agent, worker.publishes, context.output))

        return evaluate

    async def publish(self, work: Work) -> list[Artifact]:
        assert work.answer is not None
        work.drafts = work.answer.output
        return await self._publish(work.drafts)

    async def published(self, work: Work) -> None:
        """What was published stays published, whatever the calls do."""
        for call in self._worker.calls:
            try:
                result = call(list(work.published))
                if isawaitable(result):
                    await result
            except Exception as error:
                _log.warning("a call failed", agent=work.agent, error=str(error), exc_info=error)
