"""A blackboard in this process, on SQLite."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.service.build import make_service
from agent_runtime.blackboard.service.events import BoardEvent, log
from agent_runtime.blackboard.service.local_board import LocalBoard
from agent_runtime.blackboard.stores.open import terms_of
from agent_runtime.blackboard.stores.sqlite.store import SqliteStore
from agent_runtime.config.models import BlackboardConfig
from agent_runtime.local.hosting.board_events import told
from agent_runtime.server.blackboard.metrics import BlackboardMetrics
from agent_runtime.telemetry.events import Observer

OWNER = Identity("user", "admin")
"""Whoever runs `covey up`: the state folder is theirs, so they see everything."""


class HostedBoard:
    """One blackboard, open until `close`."""

    def __init__(
        self, config: BlackboardConfig, environ: Mapping[str, str], file: Path, observer: Observer
    ) -> None:
        """`environ` holds the key of its embedder. Raises EmbeddingError when there is none to be had."""
        self.config = config
        self.environ = dict(environ)
        self._observer = observer
        self._closing = AsyncExitStack()
        self.metrics = BlackboardMetrics()
        self.service = make_service(config, SqliteStore(file, terms_of(config)), self._tell, environ)

    async def open(self) -> None:
        """Open the store. Raises BoardError when that cannot be."""
        await self._closing.enter_async_context(self.service)

    async def close(self) -> None:
        """Let waiters go and close the store."""
        await self._closing.aclose()

    def board(self, identity: Identity) -> LocalBoard:
        """The board as this identity sees it."""
        return self.service.board(identity)

    async def feed_only(self, subscribers: Collection[str]) -> None:
        """Take back what others had subscribed to: nobody would work on it. What waits for them stays."""
        for member in await self.service.subscriptions():
            if member.identity.name not in subscribers:
                await self.board(member.identity).subscribe([])

    async def forget_all_but(self, subscribers: Collection[str]) -> None:
        """End the subscriptions of others, and remove what waits for them."""
        waiting = (await self.service.stats()).pending
        subscribed = {member.identity.name for member in await self.service.subscriptions()}
        waited_for = {name for name, count in waiting.items() if count}
        for name in (subscribed | waited_for).difference(subscribers):
            await self.service.forget(name)

    def _tell(self, event: BoardEvent) -> None:
        """Count it, log it as the cluster does, and tell people what they want to see."""
        self.metrics.observe(event)
        log(event)
        if (seen := told(event, self.config.name)) is not None:
            self._observer(seen)
