"""The agent itself: takes a message or a delivery through the stages of its life."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from agent_runtime.agents.components.counting import Counting
from agent_runtime.agents.components.events import Events
from agent_runtime.agents.components.retrying import Retrying
from agent_runtime.agents.conversation import Conversation, Step
from agent_runtime.agents.errors import Busy, SessionBusy, WorkTimeout
from agent_runtime.agents.lifecycle import Lifecycle, Stage
from agent_runtime.agents.output import Shape, chat_shape, delivery_shape, evaluate
from agent_runtime.agents.patterns import PATTERNS
from agent_runtime.agents.publishing import drafts
from agent_runtime.agents.sessions import Session, Sessions
from agent_runtime.agents.work import Answer, Work
from agent_runtime.api.base import seconds
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Delivery
from agent_runtime.clock import SYSTEM_CLOCK, Clock
from agent_runtime.compile.config import AgentConfig
from agent_runtime.models.port import Message, ModelClient, Usage
from agent_runtime.telemetry import traces
from agent_runtime.telemetry.events import Observer, unobserved
from agent_runtime.tools.toolbox import Toolbox

Publish = Callable[[Sequence[Draft]], Awaitable[list[Artifact]]]
"""Puts the results of a delivery on the board, and finishes the delivery, in one step."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a message."""

    text: str
    session: str
    output: Any
    """JSON, when the agent's output has a type."""
    usage: Usage
    steps: tuple[Step, ...]


class AgentWorker:
    """One agent, ready to work; safe for concurrent use within one event loop."""

    def __init__(
        self,
        config: AgentConfig,
        *,
        model: ModelClient,
        tools: Toolbox,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer = unobserved,
        random: Random | None = None,
    ) -> None:
        self.config = config
        self.sessions = Sessions(config.memory, clock)
        self._model = model
        self._tools = tools
        self._events = Events(observer, clock)
        dice = random or Random()
        self._lifecycle = Lifecycle(
            (Counting(config.name, clock), self._events, Retrying(config.retry, clock, dice))
        )
        self._pattern = PATTERNS[config.pattern]
        self._timeout = seconds(config.limits.timeout)
        self._slots = asyncio.Semaphore(config.limits.max_concurrency)
        self._chat_shape = chat_shape(config.output)
        self._delivery_shape = delivery_shape(config.output, config.publishes)

    @property
    def tools(self) -> Toolbox:
        """What the agent may call."""
        return self._tools

    async def chat(self, message: str, session: str | None = None) -> Reply:
        """Answer a message of a session; None begins a new one.

        Raises Busy when no slot is free, SessionBusy, WorkTimeout, ModelError, AnswerUnfit, StepsExhausted.
        """
        opened = self.sessions.open(session)
        if opened.busy:
            raise SessionBusy(opened.id)
        opened.busy = True
        try:
            return await self._answer(message, opened)
        finally:
            opened.busy = False

    async def work(self, delivery: Delivery, publish: Publish | None = None) -> list[Draft]:
        """Work on a delivery and return what it leads to, after `publish` has put it on the board.

        Waits for a slot. Raises WorkTimeout, ModelError, AnswerUnfit, StepsExhausted, and as `publish` does.
        """
        work = Work(self.config.name, "delivery", delivery.id, inputs=delivery.artifacts)
        await self._live(work, self._delivery_shape, publish=publish)
        return work.drafts

    async def close(self) -> None:
        """Let go of the model's connections."""
        await self._model.close()

    async def _answer(self, message: str, session: Session) -> Reply:
        work = Work(self.config.name, "chat", session.id, question=message)
        await self._live(work, self._chat_shape, history=session.history())
        assert work.answer is not None
        assert work.conversation is not None
        self.sessions.add(session, message, work.answer.text)
        return Reply(
            work.answer.text,
            session.id,
            work.answer.output,
            work.conversation.usage,
            tuple(work.conversation.steps),
        )

    async def _live(
        self, work: Work, shape: Shape, *, history: Sequence[Message] = (), publish: Publish | None = None
    ) -> None:
        """All stages, in order."""
        run = self._lifecycle.run
        await run(Stage.ACQUIRE, work, lambda: self._acquire(work))
        try:
            with traces.span(f"invoke_agent {work.agent}", {traces.AGENT_NAME: work.agent}):
                try:
                    work.answer = await self._think(work, shape, history)
                    work.published = await run(Stage.PUBLISH, work, lambda: self._publish(work, publish))
                    await run(Stage.POST_PUBLISH, work, _nothing)
                except BaseException as error:
                    work.error = error
                    raise
                finally:
                    await run(Stage.TERMINATE, work, _nothing)
        finally:
            self._slots.release()

    async def _think(self, work: Work, shape: Shape, history: Sequence[Message]) -> Answer:
        """From the inputs to the answer, within the time that a piece of work has."""
        run = self._lifecycle.run
        try:
            async with asyncio.timeout(self._timeout):
                await run(Stage.INITIALIZE, work, _nothing)
                work.inputs = await run(Stage.PRE_CONSUME, work, lambda: _value(work.inputs))
                work.question = await run(Stage.PRE_EVALUATE, work, lambda: _value(_question(work)))
                conversation = work.conversation = self._conversation(work, shape, history)
                answer = await run(Stage.EVALUATE, work, lambda: evaluate(conversation, self._pattern, shape))
                return await run(Stage.POST_EVALUATE, work, lambda: _value(answer))
        except TimeoutError as error:
            raise WorkTimeout(work.agent, self._timeout) from error

    async def _acquire(self, work: Work) -> None:
        # A caller who waits for a reply is better told to go elsewhere; a delivery is leased and can wait.
        if work.source == "chat" and self._slots.locked():
            raise Busy(work.agent, self.config.limits.max_concurrency)
        await self._slots.acquire()

    async def _publish(self, work: Work, publish: Publish | None) -> list[Artifact]:
        if work.source == "chat" or work.answer is None:
            return []
        work.drafts = drafts(work.agent, work.inputs, self.config.publishes, work.answer.output)
        return await publish(work.drafts) if publish is not None else []

    def _conversation(self, work: Work, shape: Shape, history: Sequence[Message]) -> Conversation:
        parts = (self.config.instructions, shape.instructions())
        return Conversation(
            work.agent,
            self._model,
            self._tools,
            instructions="\n\n".join(part for part in parts if part),
            question=work.question,
            history=history,
            output_schema=shape.schema,
            max_steps=self.config.limits.max_steps,
            on_tool=lambda step: self._events.tool(work, step),
        )


def _question(work: Work) -> str:
    """What the model is asked: the message, or the artifacts as JSON."""
    if work.source == "chat":
        return work.question
    artifacts = [_shown(artifact) for artifact in work.inputs]
    return json.dumps(
        {"artifacts": artifacts, "payload": artifacts[0]["payload"] if artifacts else None},
        ensure_ascii=False,
    )


def _shown(artifact: Artifact) -> Mapping[str, Any]:
    return {
        "id": artifact.id,
        "type": artifact.type,
        "payload": dict(artifact.payload),
        "producer": artifact.producer,
        "tags": list(artifact.tags),
    }


async def _nothing() -> None:
    """A stage where only components act."""


async def _value(value: Any) -> Any:
    return value
