"""A blackboard in this process, on SQLite."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from agent_runtime.blackboard.board import Identity
from agent_runtime.blackboard.configured import make_service
from agent_runtime.blackboard.events import BoardEvent
from agent_runtime.blackboard.local_board import LocalBoard
from agent_runtime.blackboard.stores.open import terms_of
from agent_runtime.blackboard.stores.sqlite import SqliteStore
from agent_runtime.compile.config import BlackboardConfig
from agent_runtime.telemetry.events import Event, Observer

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
        """Board events that people want to see, as events of the runtime."""
        if event.kind == "published" and event.artifact is not None:
            artifact = event.artifact
            data = {
                "blackboard": self.config.name,
                "artifact": artifact.id,
                "type": artifact.type,
                "correlation": artifact.correlation,
            }
            message = f"published {artifact.type} {artifact.id}"
            self._observer(Event(event.at, "artifact.published", artifact.producer, message, data))
        elif event.kind == "progress":
            about = {"blackboard": self.config.name, "delivery": event.delivery}
            self._observer(Event(event.at, "agent.progress", event.agent, event.message, about))
        elif event.kind == "dead":
            failure = {"blackboard": self.config.name, "final": True, "error": event.message}
            message = f"gives up: {event.message}"
            self._observer(Event(event.at, "agent.failed", event.agent, message, failure))
