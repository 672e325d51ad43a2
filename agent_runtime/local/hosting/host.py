"""Runs what the plan says, in this process; when the plan changes, touches only what changed."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from types import MappingProxyType

from agent_runtime.blackboard.board import BoardError
from agent_runtime.config.models import AgentConfig, BlackboardConfig
from agent_runtime.core.background import describe, report
from agent_runtime.embedding.port import EmbeddingError
from agent_runtime.local.hosting.agent import HostedAgent
from agent_runtime.local.hosting.board import HostedBoard
from agent_runtime.local.manifests.plan import Key
from agent_runtime.local.state import StateFolder
from agent_runtime.models.errors import ModelError
from agent_runtime.telemetry.events import Observer
from agent_runtime.tools.port import ToolContext


class Host:
    """The blackboards and agents that are running. One that fails fails alone.

    `on_trouble` is called when the trouble of one that was running comes or goes.
    """

    def __init__(
        self,
        state: StateFolder,
        tools: ToolContext,
        observer: Observer,
        on_trouble: Callable[[], None] = lambda: None,
    ) -> None:
        self._state = state
        self._on_trouble = on_trouble
        self._tools = tools
        self._observer = observer
        self.boards: dict[str, HostedBoard] = {}
        self.agents: dict[str, HostedAgent] = {}
        self.problems: dict[Key, str] = {}
        """Why something that should run does not."""

    async def follow(
        self,
        boards: Mapping[str, tuple[BlackboardConfig, Mapping[str, str]]],
        agents: Mapping[str, tuple[AgentConfig, Mapping[str, str]]],
        subscribers: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        """Stop what is no longer wanted or has changed, then start what is missing.

        Both come with their environment: the keys of their models. `subscribers` names who may have an
        inbox, by blackboard: an agent that cannot run just now keeps what waits for it.
        """
        old_boards = {n for n, board in self.boards.items() if boards.get(n) != (board.config, board.environ)}
        old_agents = {
            name
            for name, agent in self.agents.items()
            if agents.get(name) != (agent.config, agent.environ) or _board_of(agent.config) in old_boards
        }
        await asyncio.gather(*(_ended(f"agent {name}", self.agents.pop(name).stop) for name in old_agents))
        for name in old_boards:
            await _ended(f"blackboard {name}", self.boards.pop(name).close)
        # What keeps running keeps its trouble.
        running = {("Agent", name) for name in self.agents} | {("Blackboard", name) for name in self.boards}
        self.problems = {key: why for key, why in self.problems.items() if key in running}
        for name, (board, environ) in boards.items():
            if name not in self.boards:
                await self._open(name, board, environ)
        for name in self.boards:
            feed = partial(self.boards[name].feed_only, subscribers.get(name, ()))
            await self._watched(("Blackboard", name), feed)
        for name, (config, environ) in agents.items():
            if name not in self.agents:
                await self._start(config, environ)

    async def forget_all_but(self, subscribers: Mapping[str, Collection[str]]) -> None:
        """Let each running board forget who is none of its subscribers, with what waits for them."""
        for name, board in self.boards.items():
            forget = partial(board.forget_all_but, subscribers.get(name, ()))
            await self._watched(("Blackboard", name), forget)

    async def forget(self, agent: str) -> None:
        """Forget what waits for an agent that was deleted."""
        for board in self.boards.values():
            await board.service.forget(agent)

    async def close(self) -> None:
        """Finish the work under way, then stop everything."""
        await asyncio.gather(*(_ended(f"agent {name}", agent.stop) for name, agent in self.agents.items()))
        for name, board in self.boards.items():
            await _ended(f"blackboard {name}", board.close)
        self.agents, self.boards = {}, {}

    async def _open(self, name: str, config: BlackboardConfig, environ: Mapping[str, str]) -> None:
        try:
            board = HostedBoard(config, environ, self._state.board(name), self._observer)
            await board.open()
        except (BoardError, EmbeddingError) as error:
            self.problems["Blackboard", name] = str(error)
            return
        except Exception as error:
            self._unforeseen(("Blackboard", name), error)
            return
        self.boards[name] = board

    async def _start(self, config: AgentConfig, environ: Mapping[str, str]) -> None:
        board = self.boards.get(_board_of(config))
        if config.blackboard is not None and board is None:
            self.problems["Agent", config.name] = f'Blackboard "{config.blackboard.name}" is not running'
            return
        try:
            key = ("Agent", config.name)
            agent = HostedAgent(
                config, environ, self._tools, self._observer, on_trouble=partial(self._trouble, key)
            )
            await agent.start(board.board(agent.identity()) if board is not None else None)
        except (ModelError, BoardError, TimeoutError) as error:
            self.problems["Agent", config.name] = str(error)
            return
        except Exception as error:
            self._unforeseen(("Agent", config.name), error)
            return
        self.agents[config.name] = agent

    def _trouble(self, key: Key, trouble: str) -> None:
        """Why it does not work at the moment; empty when it does again."""
        if self.problems.get(key, "") == trouble:
            return
        self.problems.pop(key, None)
        if trouble:
            self.problems[key] = trouble
        self._on_trouble()

    async def _watched(self, key: Key, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception as error:
            self._unforeseen(key, error)

    def _unforeseen(self, key: Key, error: Exception) -> None:
        report(" ".join(key), error)
        self.problems[key] = f"an unforeseen error: {describe(error)}: see the log for its traceback"


async def _ended(name: str, step: Callable[[], Awaitable[None]]) -> None:
    """What fails on its way out does not keep the others."""
    try:
        await step()
    except Exception as error:
        report(f"end of {name}", error)


def _board_of(config: AgentConfig) -> str:
    return config.blackboard.name if config.blackboard is not None else ""
