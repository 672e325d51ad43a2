"""Calls of the runs server: repeated while it is away, and its refusals made the port's errors again.

Every call is safe to repeat; see `durable.port` and `runs.queue.port`.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any

import httpx2
import orjson

from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.durable.port import (
    LeaseLost,
    NoSuchRun,
    RunExists,
    RunHeld,
    StoreError,
    StoreFull,
    Unavailable,
)
from agent_runtime.durable.retry import RetryPolicy

PATIENCE = 30.0
"""Seconds for which a server that is away is asked again: its pod may be on the move."""
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
_AWAY = frozenset({502, 503, 504})

Query = Mapping[str, str | int | float | bool | None]


_ODD = (LookupError, TypeError, ValueError, AttributeError)
"""What reading an answer of another shape ends in."""


class Refused(StoreError):
    """The runs server will not do it, however often it is asked; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HttpCalls:
    """The server at a base URL, as whom the token speaks for."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        patience: float = PATIENCE,
        clock: Clock = SYSTEM_CLOCK,
        client: httpx2.AsyncClient | None = None,
    ) -> None:
        """`patience` in seconds; 0: every call is made once."""
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"}
        self._client = client or httpx2.AsyncClient()
        self.patience = RetryPolicy(patience, clock)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def call(
        self, method: str, path: str, query: Query, content: bytes | None = None, *, wait: float = 0.0
    ) -> httpx2.Response:
        """The answer, in the end. `wait` seconds are asked for in the query. Raises StoreError."""
        return await self.patience(lambda: self.once(method, path, query, content, wait=wait))

    async def json(self, method: str, path: str, query: Query, content: bytes | None = None) -> Any:
        """The answer's JSON; None when there is none. Raises StoreError."""
        response = await self.call(method, path, query, content)
        with self.understood(response):
            return orjson.loads(response.content) if response.content else None

    @contextmanager
    def understood(self, response: httpx2.Response | None = None) -> Iterator[None]:
        """What goes wrong within, on reading an answer that was a success, is Unavailable."""
        try:
            yield
        except _ODD as error:
            said = f": {_shown(response)}" if response is not None else f" ({type(error).__name__}: {error})"
            raise Unavailable(
                f"what answers at {self._url} is no runs server, or not of this version{said}"
            ) from error

    async def once(
        self, method: str, path: str, query: Query, content: bytes | None = None, *, wait: float = 0.0
    ) -> httpx2.Response:
        """One attempt. Raises Unavailable when the server may answer another."""
        async with self.stream(method, path, query, content, wait=wait) as response:
            await response.aread()
            return response

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, query: Query, content: bytes | None = None, *, wait: float = 0.0
    ) -> AsyncIterator[httpx2.Response]:
        """One attempt, whose body is read in the block. Raises Unavailable, also when the body breaks off."""
        try:
            async with self._client.stream(
                method,
                self._url + path,
                params={name: _word(value) for name, value in query.items() if value is not None},
                content=content,
                headers=self._headers,
                timeout=httpx2.Timeout(_ANSWER_SECONDS + wait, connect=_CONNECT_SECONDS),
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise self._error(response, query)
                yield response
        except httpx2.RequestError as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"the runs server at {self._url} does not answer: {reason}") from error

    def _error(self, response: httpx2.Response, query: Query) -> StoreError:
        try:
            fault = orjson.loads(response.content)["error"]
            code, message, details = str(fault["code"]), str(fault["message"]), fault["details"]
        except _ODD:  # something between us and it answered
            code, message, details = "", f"HTTP {response.status_code}: {_shown(response)!r}", []
        if response.status_code in _AWAY:
            return Unavailable(f"the runs server at {self._url} cannot do it now: {message}")
        try:
            known = _known(code, message, details, query)
        except _ODD:
            known = None
        return known or Refused(response.status_code, f"the runs server at {self._url} refused: {message}")


def _known(code: str, message: str, details: list[dict[str, str]], query: Query) -> StoreError | None:
    """The error that `server.runs.errors` wrote; None for any other refusal."""
    run = str(query.get("run", ""))
    number = query.get("number")
    match code:
        case "run_held":
            held = {detail["pointer"]: detail["message"] for detail in details}
            return RunHeld(run, held["/holder"], datetime.fromisoformat(held["/until"]))
        case "lease_lost" | "no_ticket":
            return LeaseLost(run, int(query.get("generation") or 0))
        case "no_such_run":
            known = [int(detail["message"]) for detail in details]
            return NoSuchRun(run, None if number is None else int(number), known)
        case "run_exists":
            return RunExists(str(query.get("into", "")))
        case "store_full":
            return StoreFull(message)
        case _:
            return None


def _shown(response: httpx2.Response) -> str:
    """The beginning of an answer, whatever it says of its encoding."""
    return response.content[:800].decode("utf-8", "replace")[:200]


def _word(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
