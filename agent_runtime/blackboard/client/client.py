"""The board over HTTP: what agents in their own pods, and users' programs, hold in their hands."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

import httpx2

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Delivery, Page, Query
from agent_runtime.blackboard.client.stream import follow
from agent_runtime.blackboard.client.transport import PATIENCE, TIMEOUT, HttpCalls, artifacts_of
from agent_runtime.blackboard.ids import new_id
from agent_runtime.blackboard.wire.codec import draft_to_wire, from_wire


class HttpBoard:
    """The `Board` of whom the token speaks for. Close it when done, or use it as a context manager."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        proof: Callable[[], str] | None = None,
        root: str = "/v1",
        attempts: int | None = None,
        patience: float = PATIENCE,
        client: httpx2.AsyncClient | None = None,
        new_id: Callable[[], str] = new_id,
        trace: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """As `HttpCalls`; `new_id` names the artifacts that have no id yet."""
        self._calls = HttpCalls(
            url,
            token,
            proof=proof,
            root=root,
            attempts=attempts,
            patience=patience,
            client=client,
            trace=trace,
        )
        self._new_id = new_id

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._calls.close()

    async def publish(self, drafts: Sequence[Draft]) -> list[Artifact]:
        body = {"artifacts": [self._named(draft) for draft in drafts]}
        return await self._calls.read(artifacts_of, "POST", "/artifacts", body)

    async def invoke(self, agent: str, draft: Draft) -> Artifact:
        """Publish a draft that sets this agent to work, and no other."""
        path = f"/agents/{quote(agent, safe='')}/invocations"
        return await self._calls.read(_artifact, "POST", path, self._named(draft))

    async def get(self, artifact_id: str) -> Artifact | None:
        try:
            return await self._calls.read(from_wire, "GET", f"/artifacts/{quote(artifact_id, safe='')}")
        except BoardError as error:
            if error.status == 404:
                return None
            raise

    async def query(self, query: Query) -> Page:
        parameters = {**filters(query), "limit": str(query.limit)}
        return await self._calls.read(_page, "GET", "/artifacts", parameters=parameters)

    def follow(self, query: Query) -> AsyncIterator[tuple[str, Artifact]]:
        """Artifacts from the query's cursor on, and on as they are published, each with its cursor.

        Does not end by itself: a stream that breaks is taken up again where it was. Raises BoardError for
        what does not pass. The query's limit does not matter.
        """
        return follow(self._calls, filters(query))

    async def subscribe(self, consumes: Sequence[Consumes]) -> None:
        body = {"consumes": [one.manifest() for one in consumes]}
        await self._calls.call("PUT", "/subscriptions", body)

    async def unsubscribe(self) -> int:
        """End the subscription; what waits in the inbox is gone: so many deliveries."""
        return await self._calls.read(_deliveries, "DELETE", "/subscriptions")

    async def lease(self, limit: int, wait: float) -> list[Delivery]:
        body = {"limit": limit, "wait": wait}
        return await self._calls.read(_leased, "POST", "/leases", body, within=TIMEOUT + wait)

    async def extend(self, delivery_id: str, note: str = "") -> None:
        await self._calls.call("PUT", _lease(delivery_id), {"note": note} if note else None)

    async def acknowledge(self, delivery_id: str, results: Sequence[Draft]) -> list[Artifact]:
        body = {"results": [self._named(draft) for draft in results]}
        path = f"{_lease(delivery_id)}/acknowledge"
        return await self._calls.read(artifacts_of, "POST", path, body)

    async def fail(self, delivery_id: str, error: str, *, retry_in: float | None = 0.0) -> None:
        body = {"error": error[:4096], "retryIn": retry_in}
        await self._calls.call("POST", f"{_lease(delivery_id)}/fail", body)

    async def release(self, delivery_id: str) -> None:
        await self._calls.call("POST", f"{_lease(delivery_id)}/release")

    def _named(self, draft: Draft) -> dict[str, Any]:
        """With an id made here, so that an answer that was lost does not publish twice."""
        return draft_to_wire(draft if draft.id else replace(draft, id=self._new_id()))


def filters(query: Query) -> dict[str, str]:
    """The query as parameters of a URL, without its limit."""
    values = {
        "type": query.type,
        "correlation": query.correlation,
        "producer": query.producer,
        "tag": query.tag,
        "partition": query.partition,
        "since": None if query.since is None else query.since.isoformat(),
        "until": None if query.until is None else query.until.isoformat(),
        "cursor": query.cursor,
    }
    return {name: value for name, value in values.items() if value is not None}


def _artifact(answer: Mapping[str, Any]) -> Artifact:
    return from_wire(answer["artifact"])


def _page(answer: Mapping[str, Any]) -> Page:
    return Page(tuple(artifacts_of(answer)), answer["cursor"])


def _deliveries(answer: Mapping[str, Any]) -> int:
    return int(answer["deliveries"])


def _leased(answer: Mapping[str, Any]) -> list[Delivery]:
    return [_delivery(one) for one in answer["deliveries"]]


def _delivery(wire: Mapping[str, Any]) -> Delivery:
    until = datetime.fromisoformat(wire["until"])
    return Delivery(wire["id"], tuple(artifacts_of(wire)), wire["attempt"], until, tuple(wire["sets"]))


def _lease(delivery_id: str) -> str:
    return f"/leases/{quote(delivery_id, safe='')}"
