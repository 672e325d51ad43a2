"""Runs what the plan says, in this process; when the plan changes, touches only what changed."""

import asyncio
from collections.abc import Collection, Mapping
from types import MappingProxyType

from agent_runtime.blackboard.board import BoardError
from agent_runtime.compile.config import AgentConfig, BlackboardConfig
from agent_runtime.embedding.port import EmbeddingError
from agent_runtime.local.hosted_agent import HostedAgent
from agent_runtime.local.hosted_board import HostedBoard
from agent_runtime.local.plan import Key
from agent_runtime.local.state import StateFolder
from agent_runtime.models.errors import ModelError
from agent_runtime.telemetry.events import Observer
from agent_runtime.tools.port import ToolContext


class Host:
    """The blackboards and agents that are running."""

    def __init__(self, state: StateFolder, tools: ToolContext, observer: Observer) -> None:
        self._state = state
        self._tools = tools
        self._observer = observer
        self.boards: dict[str, HostedBoard] = {}
        self.agents: dict[str, HostedAgent] = {}
        self.troubles: dict[Key, str] = {}
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
        await asyncio.gather(*(self.agents.pop(name).stop() for name in old_agents))
        for name in old_boards:
            await self.boards.pop(name).close()
        self.troubles = {}
        for name, (board, environ) in boards.items():
            if name not in self.boards:
                await self._open(name, board, environ)
        for name in self.boards:
            await self.boards[name].feed_only(subscribers.get(name, ()))
        for name, (config, environ) in agents.items():
            if name not in self.agents:
                await self._start(config, environ)

    async def forget_all_but(self, subscribers: Mapping[str, Collection[str]]) -> None:
        """Let each running board forget who is none of its subscribers, with what waits for them."""
        for name, board in self.boards.items():
            await board.forget_all_but(subscribers.get(name, ()))

    async def forget(self, agent: str) -> None:
        """Forget what waits for an agent that was deleted."""
        for board in self.boards.values():
            await board.service.forget(agent)

    async def close(self) -> None:
        """Finish the work under way, then stop everything."""
        await asyncio.gather(*(agent.stop() for agent in self.agents.values()))
        for board in self.boards.values():
            await board.close()
        self.agents, self.boards = {}, {}

    async def _open(self, name: str, config: BlackboardConfig, environ: Mapping[str, str]) -> None:
        try:
            board = HostedBoard(config, environ, self._state.board(name), self._observer)
            await board.open()
        except (BoardError, EmbeddingError) as error:
            self.troubles["Blackboard", name] = str(error)
            return
        self.boards[name] = board

    async def _start(self, config: AgentConfig, environ: Mapping[str, str]) -> None:
        board = self.boards.get(_board_of(config))
        if config.blackboard is not None and board is None:
            self.troubles["Agent", config.name] = f'Blackboard "{config.blackboard.name}" is not running'
            return
        try:
            agent = HostedAgent(config, environ, self._tools, self._observer)
            await agent.start(board.board(agent.identity()) if board is not None else None)
        except (ModelError, BoardError, TimeoutError) as error:
            self.troubles["Agent", config.name] = str(error)
            return
        self.agents[config.name] = agent


def _board_of(config: AgentConfig) -> str:
    return config.blackboard.name if config.blackboard is not None else ""
