"""A blackboard in this process, on SQLite."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from agent_runtime.api.base import seconds
from agent_runtime.blackboard.board import Identity
from agent_runtime.blackboard.events import BoardEvent
from agent_runtime.blackboard.local_board import LocalBoard
from agent_runtime.blackboard.service import BlackboardService
from agent_runtime.blackboard.stores.port import Terms
from agent_runtime.blackboard.stores.sqlite import SqliteStore
from agent_runtime.blackboard.types import TypeRegistry
from agent_runtime.compile.config import BlackboardConfig
from agent_runtime.telemetry.events import Event, Observer

OWNER = Identity("user", "admin")
"""Whoever runs `covey up`: the state folder is theirs, so they see everything."""


class HostedBoard:
    """One blackboard, open until `close`."""

    def __init__(self, config: BlackboardConfig, file: Path, observer: Observer) -> None:
        self.config = config
        self._observer = observer
        self._closing = AsyncExitStack()
        terms = Terms(
            lease=timedelta(seconds=seconds(config.lease.ttl)),
            max_deliveries=config.lease.max_deliveries,
            max_pending=config.limits.pending,
        )
        self.service = BlackboardService(
            SqliteStore(file, terms),
            TypeRegistry(config.types),
            max_payload=config.limits.max_payload,
            observer=self._tell,
        )

    async def open(self) -> None:
        """Open the store. Raises BoardError when that cannot be."""
        await self._closing.enter_async_context(self.service)

    async def close(self) -> None:
        """Let waiters go and close the store."""
        await self._closing.aclose()

    def board(self, identity: Identity) -> LocalBoard:
        """The board as this identity sees it."""
        return self.service.board(identity)

    async def forget_all_but(self, subscribers: Iterable[str]) -> None:
        """Take back what agents and flows that are gone had subscribed to: nobody would work on it."""
        wanted = set(subscribers)
        for member in (await self.service.store.subscribers()).members:
            if member.identity.name not in wanted:
                await self.board(member.identity).subscribe([])

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
        elif event.kind == "dead":
            failure = {"blackboard": self.config.name, "final": True, "error": event.message}
            message = f"gives up: {event.message}"
            self._observer(Event(event.at, "agent.failed", event.agent, message, failure))
