"""The `Board` of one identity, in process."""

from collections.abc import Sequence

from agent_runtime.api.agent import Consumes
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Delivery, Page, Query
from agent_runtime.blackboard.service.inbox import Inbox
from agent_runtime.blackboard.service.publisher import Publisher
from agent_runtime.blackboard.service.queries import Reader
from agent_runtime.blackboard.service.store_errors import refusals


class LocalBoard:
    """Made by `BlackboardService.board`; costs nothing to make."""

    def __init__(
        self,
        identity: Identity,
        publisher: Publisher,
        reader: Reader,
        inbox: Inbox,
    ) -> None:
        self.identity = identity
        self._publisher = publisher
        self._reader = reader
        self._inbox = inbox

    async def publish(self, drafts: Sequence[Draft]) -> list[Artifact]:
        with refusals():
            return await self._publisher.publish(self.identity, drafts)

    async def get(self, artifact_id: str) -> Artifact | None:
        with refusals():
            return await self._reader.get(self.identity, artifact_id)

    async def query(self, query: Query) -> Page:
        with refusals():
            return await self._reader.query(self.identity, query)

    async def subscribe(self, consumes: Sequence[Consumes]) -> None:
        with refusals():
            await self._inbox.subscribe(self.identity, consumes)

    async def lease(self, limit: int, wait: float) -> list[Delivery]:
        with refusals():
            return await self._inbox.lease(self.identity, limit, wait)

    async def extend(self, delivery_id: str, note: str = "") -> None:
        with refusals():
            await self._inbox.extend(self.identity, delivery_id, note)

    async def acknowledge(self, delivery_id: str, results: Sequence[Draft]) -> list[Artifact]:
        with refusals():
            return await self._inbox.acknowledge(self.identity, delivery_id, results)

    async def fail(self, delivery_id: str, error: str, *, retry_in: float | None = 0.0) -> None:
        with refusals():
            await self._inbox.fail(self.identity, delivery_id, error, retry_in)

    async def release(self, delivery_id: str) -> None:
        with refusals():
            await self._inbox.release(self.identity, delivery_id)

    def release_unread(self, deliveries: Sequence[Delivery]) -> None:
        """Release deliveries that were leased for somebody who did not live to get them."""
        self._inbox.release_unread(self.identity, deliveries)
