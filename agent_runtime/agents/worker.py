"""The agent itself: takes a message or a delivery through the stages of its life."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from agent_runtime.agents.components.counting import Counting
from agent_runtime.agents.components.events import Events
from agent_runtime.agents.components.retrying import Retrying
from agent_runtime.agents.conversation import Conversation, Step
from agent_runtime.agents.errors import AnswerUnfit, SessionBusy
from agent_runtime.agents.evaluation import evaluate
from agent_runtime.agents.output import Shape, chat_shape, delivery_shape
from agent_runtime.agents.patterns import PATTERNS
from agent_runtime.agents.pipeline import Pipeline
from agent_runtime.agents.prompt import question, sets_of
from agent_runtime.agents.publishing import drafts
from agent_runtime.agents.sessions import Session, Sessions
from agent_runtime.agents.stages import CallNext
from agent_runtime.agents.subscription import (
    Progress,
    Publish,
    Subscription,
    ignore_progress,
    subscription_of,
)
from agent_runtime.agents.work import Answer, Work
from agent_runtime.api.base import seconds
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Delivery
from agent_runtime.config.models import AgentConfig
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.models.port import Message, ModelClient, Usage
from agent_runtime.telemetry.events import Observer, unobserved
from agent_runtime.tools.toolbox import Toolbox


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
        tells_board: bool = True,
    ) -> None:
        """`tells_board`: whether the board is told how far the work is, for who does not see the events."""
        self._tells_board = tells_board
        self.config = config
        self.sessions = Sessions(config.memory, clock)
        self._model = model
        self._tools = tools
        self._events = Events(observer, clock)
        dice = random or Random()
        self._pipeline = Pipeline(
            config.name,
            (Counting(config.name, clock), self._events, Retrying(config.retry, clock, dice)),
            at_once=config.limits.max_concurrency,
            timeout=seconds(config.limits.timeout),
        )
        self._pattern = PATTERNS[config.pattern]
        self._chat_shape = chat_shape(config.output)
        self._delivery_shape = delivery_shape(config.output, config.publishes, config.types, config.consumed)

    @property
    def tools(self) -> Toolbox:
        """What the agent may call."""
        return self._tools

    @cached_property
    def subscription(self) -> Subscription:
        """What the agent takes from its blackboard. Raises ValueError when it has none."""
        return subscription_of(self.config)

    async def chat(
        self, message: str, session: str | None = None, *, new_session: str | None = None
    ) -> Reply:
        """Answer a message of a session; None begins a new one, which may be given its id by `new_session`.

        A message that fails leaves the session as it was, and no new one. Raises SessionNotFound,
        SessionExists, Busy when no slot is free, SessionBusy, WorkTimeout, ModelError, AnswerUnfit,
        StepsExhausted.
        """
        opened = self.sessions.begin(new_session) if session is None else self.sessions.open(session)
        if opened.busy:
            raise SessionBusy(opened.id)
        opened.busy = True
        answered = False
        try:
            reply = await self._answer(message, opened)
            answered = True
            return reply
        finally:
            opened.busy = False
            if session is None and not answered:
                self.sessions.drop(opened)

    async def work(
        self, delivery: Delivery, publish: Publish | None = None, progress: Progress = ignore_progress
    ) -> list[Draft]:
        """Work on a delivery and return what it leads to, after `publish` has put it on the board.

        Waits for a slot. Raises WorkTimeout, ModelError, AnswerUnfit, StepsExhausted, and as `publish` does.
        """
        work = Work(
            self.config.name, "delivery", delivery.id, inputs=delivery.artifacts, sets=sets_of(delivery)
        )
        told = progress if self._tells_board else ignore_progress
        await self._pipeline.run(
            work, _ModelHandler(self, self._delivery_shape, publish=publish, progress=told)
        )
        return work.drafts

    async def close(self) -> None:
        """Let go of the model's connections."""
        await self._model.close()

    async def _answer(self, message: str, session: Session) -> Reply:
        work = Work(self.config.name, "chat", session.id, question=message)
        await self._pipeline.run(work, _ModelHandler(self, self._chat_shape, session.history()))
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

    def converse(
        self, work: Work, shape: Shape, history: Sequence[Message], progress: Progress
    ) -> CallNext[Answer]:
        """Begin a conversation about the work; what is returned takes it on from where it stands."""

        def used(step: Step) -> None:
            self._events.tool(work, step)
            progress(f"called {step.tool}, which failed" if step.failed else f"called {step.tool}")

        parts = (self.config.instructions, shape.instructions())
        conversation = work.conversation = Conversation(
            work.agent,
            self._model,
            self._tools,
            instructions="\n\n".join(part for part in parts if part),
            question=work.question,
            history=history,
            output_schema=shape.schema,
            max_steps=self.config.limits.max_steps,
            on_tool=used,
            on_step=lambda number: progress(f"step {number}"),
        )
        return lambda: evaluate(conversation, self._pattern, shape)


class _ModelHandler:
    """What an agent with a model does with one message or delivery."""

    def __init__(
        self,
        worker: AgentWorker,
        shape: Shape,
        history: Sequence[Message] = (),
        publish: Publish | None = None,
        progress: Progress = ignore_progress,
    ) -> None:
        self._worker = worker
        self._shape = shape
        self._history = history
        self._publish = publish
        self._progress = progress

    def ask(self, work: Work) -> str:
        return question(work)

    def begin(self, work: Work) -> CallNext[Answer]:
        return self._worker.converse(work, self._shape, self._history, self._progress)

    async def publish(self, work: Work) -> list[Artifact]:
        if work.source == "chat" or work.answer is None:
            return []
        work.drafts = drafts(self._worker.config.publishes, work.answer.output)
        if self._publish is None:
            return []
        try:
            return await self._publish(work.drafts)
        except BoardError as error:
            if error.code != "invalid_payload":
                raise
            # The board knows a newer version of the type than this agent was started with.
            faults = [f"{detail['pointer']}: {detail['message']}" for detail in error.details]
            raise AnswerUnfit(work.agent, faults or [str(error)]) from error

    async def published(self, work: Work) -> None:
        """Only components act here."""
