"""An agent in this process: its worker, and the task that takes deliveries for it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from agent_runtime.agents.consumer import consume
from agent_runtime.agents.worker import AgentWorker
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.board import Board, BoardError
from agent_runtime.config.models import AgentConfig
from agent_runtime.core.background import describe, keep_running, spawn
from agent_runtime.models.build import build_model
from agent_runtime.telemetry.events import Observer
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from agent_runtime.tools.toolbox import Toolbox

READY_WITHIN = 10.0
"""Seconds that a subscription may take; it is a write to a local file."""


class HostedAgent:
    """One agent, at work until `stop`."""

    def __init__(
        self,
        config: AgentConfig,
        environ: Mapping[str, str],
        tools: ToolContext,
        observer: Observer,
        *,
        on_trouble: Callable[[str], None] = lambda trouble: None,
    ) -> None:
        """Raises ModelError when its model cannot be called, for example without a key.

        `on_trouble` is called with why it takes no deliveries at the moment, and with "" when it does again.
        """
        self._on_trouble = on_trouble
        self.config = config
        self.environ = dict(environ)
        self._model = build_model(config.model, environ)
        toolbox = Toolbox([BUILTIN[tool.builtin] for tool in config.tools], tools)
        self.worker = AgentWorker(
            config, model=self._model, tools=toolbox, observer=observer, tells_board=False
        )
        self._stop = asyncio.Event()
        self._consumer: asyncio.Task[None] | None = None

    async def start(self, board: Board | None) -> None:
        """Begin to take deliveries, when there is something to consume; returns when it is subscribed.

        Raises BoardError for what the board refuses, and TimeoutError; it is stopped then.
        """
        access = self.config.blackboard
        if board is None or access is None or not access.consumes:
            return
        try:
            await board.subscribe(access.consumes)  # the consumer would ask again and again, and only log why
            await self._begin(board)
        except (BoardError, TimeoutError):
            await self.stop()
            raise

    async def _begin(self, board: Board) -> None:
        ready = asyncio.Event()

        def note(is_ready: bool) -> None:
            if is_ready:
                ready.set()
                self._on_trouble("")

        def failed(failure: Exception) -> None:
            self._on_trouble(f"an unforeseen error, it is started again: {describe(failure)}")

        name = f"agent {self.config.name}"
        self._consumer = spawn(
            keep_running(
                lambda: consume(self.worker, board, self._stop, on_ready=note),
                name=name,
                on_failure=failed,
                sleep=self._pause,
            ),
            name=name,
        )
        try:
            async with asyncio.timeout(READY_WITHIN):
                await ready.wait()
        except TimeoutError:
            raise TimeoutError(f"its subscription was not accepted within {READY_WITHIN:g}s") from None

    async def _pause(self, seconds: float) -> None:
        """Before it is started again; a stop ends the pause."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def stop(self) -> None:
        """Take no more deliveries, finish those under way, let go of the model."""
        self._stop.set()
        try:
            if self._consumer is not None:
                await self._consumer
        finally:
            await self._model.close()

    def identity(self) -> Identity:
        """Who it is on its blackboard; labels and tenant are those of its manifest."""
        access = self.config.blackboard
        if access is None:
            return Identity(self.config.name)
        return Identity(self.config.name, "agent", frozenset(access.labels), access.tenant)
