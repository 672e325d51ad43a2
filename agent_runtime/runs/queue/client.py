"""The queue of runs over HTTP: what the operator and warm workers hold in their hands."""

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httpx2
import orjson

from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.client.transport import PATIENCE, HttpCalls
from agent_runtime.runs.queue.port import QueueState, TaskLease, Wanted

_LONGEST_WAIT = 30.0
"""Of one call, in seconds; longer waits are several."""


class HttpQueue:
    """See `port.RunQueue`. May also raise `durable.client.transport.Refused`: 401, 403, 413."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        patience: float = PATIENCE,
        clock: Clock = SYSTEM_CLOCK,
        client: httpx2.AsyncClient | None = None,
        new_claim: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        """`url` is the server's base URL; a server that is away is asked again for `patience` seconds."""
        self._calls = HttpCalls(url, token, patience=patience, clock=clock, client=client)
        self._clock = clock
        self._new_claim = new_claim

    async def close(self) -> None:
        """Let go of the connections."""
        await self._calls.close()

    async def submit(self, run: str, queue: str, body: bytes) -> bool:
        """See `RunQueue.submit`. When an answer was lost on the way, False although it is new."""
        answer = await self._calls.json("POST", "/v1/queue", {"run": run, "queue": queue}, body)
        with self._calls.understood():
            return bool(answer["new"])

    async def update(self, run: str, body: bytes | None, wanted: Wanted) -> None:
        """See `RunQueue.update`."""
        await self._calls.call("PUT", "/v1/queue", {"run": run, "wanted": wanted}, body or b"")

    async def take(
        self, queue: str, holder: str, ttl: float, *, wait: float = 0.0, claim: str | None = None
    ) -> TaskLease | None:
        """See `RunQueue.take`. Without a claim, one is made."""
        claim = claim or self._new_claim()
        query: dict[str, str | float] = {"queue": queue, "holder": holder, "ttl": ttl, "claim": claim}
        deadline = self._clock.monotonic() + wait
        while True:
            left = min(max(0.0, deadline - self._clock.monotonic()), _LONGEST_WAIT)
            response = await self._calls.call("POST", "/v1/tickets", {**query, "wait": left}, wait=left)
            if response.status_code == 200:
                with self._calls.understood():
                    return _ticket(response, queue, holder)
            if self._clock.monotonic() >= deadline:
                return None

    async def heartbeat(self, ticket: TaskLease, ttl: float, progress: bytes | None = None) -> Wanted:
        """See `RunQueue.heartbeat`."""
        query = {**_named(ticket), "ttl": ttl}
        answer = await self._calls.json("PUT", "/v1/tickets", query, progress or b"")
        with self._calls.understood():
            wanted: Wanted = answer["wanted"]
            return wanted

    async def finish(self, ticket: TaskLease, outcome: bytes) -> None:
        """See `RunQueue.finish`."""
        await self._calls.call("POST", "/v1/tickets/finish", _named(ticket), outcome)

    async def state(self, run: str) -> QueueState | None:
        """See `RunQueue.state`."""
        answer = await self._calls.json("GET", "/v1/queue", {"run": run})
        if answer is None:
            return None
        with self._calls.understood():
            kept = {name: _bytes(answer[name]) for name in ("outcome", "progress")}
            return QueueState(**{**answer, **kept})

    async def remove(self, run: str) -> None:
        """See `RunQueue.remove`."""
        await self._calls.call("DELETE", "/v1/queue", {"run": run})

    async def changes(self, after: int, limit: int, *, wait: float = 0.0) -> list[tuple[int, str]]:
        """See `RunQueue.changes`; waits 30 seconds at most."""
        wait = min(wait, _LONGEST_WAIT)
        query = {"after": after, "limit": limit, "wait": wait}
        response = await self._calls.call("GET", "/v1/changes", query, wait=wait)
        with self._calls.understood(response):
            return [(int(sequence), str(run)) for sequence, run in orjson.loads(response.content)["changes"]]


def _ticket(response: httpx2.Response, queue: str, holder: str) -> TaskLease:
    headers = response.headers
    return TaskLease(
        run=unquote(headers["covey-run"]),
        queue=queue,
        holder=holder,
        generation=int(headers["covey-generation"]),
        attempt=int(headers["covey-attempt"]),
        body=response.content,
    )


def _named(ticket: TaskLease) -> dict[str, str | int]:
    return {
        "run": ticket.run,
        "queue": ticket.queue,
        "holder": ticket.holder,
        "generation": ticket.generation,
    }


def _bytes(value: Any) -> bytes | None:
    return None if value is None else orjson.dumps(value)
