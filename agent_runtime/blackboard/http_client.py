"""The board over HTTP: what agents in their own pods, and users' programs, hold in their hands.

Every call is safe to repeat, because drafts get their ids here and leases have names; so what fails on the
way, or meets a server that is draining, is tried again for a while.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx2
import orjson
import stamina

from agent_runtime.api.agent import Consumes
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import BoardError, Delivery, Page, Query
from agent_runtime.blackboard.codec import draft_to_wire, dumps, from_wire

_JSON = {"content-type": "application/json"}
_TIMEOUT = 10.0
_LONGEST_PAUSE = 5.0


class _TryAgain(Exception):
    """The server said 503; `pause` is its Retry-After in seconds."""

    def __init__(self, refusal: BoardError, pause: float) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.pause = min(pause, _LONGEST_PAUSE)


class HttpBoard:
    """The `Board` of whom the token speaks for. Close it when done, or use it as a context manager."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        attempts: int = 5,
        client: httpx2.AsyncClient | None = None,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        """`url` is the server's base URL; `attempts` of each call in all, some seconds altogether."""
        self._url = url.rstrip("/")
        self._attempts = attempts
        self._new_id = new_id
        self._client = client or httpx2.AsyncClient(timeout=_TIMEOUT)
        self._headers = {"authorization": f"Bearer {token}"}

    async def __aenter__(self) -> "HttpBoard":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def publish(self, drafts: Sequence[Draft]) -> list[Artifact]:
        body = {"artifacts": self._named(drafts)}
        return _artifacts(await self._call("POST", "/v1/artifacts", body))

    async def get(self, artifact_id: str) -> Artifact | None:
        try:
            return from_wire(await self._call("GET", f"/v1/artifacts/{quote(artifact_id, safe='')}"))
        except BoardError as error:
            if error.status == 404:
                return None
            raise

    async def query(self, query: Query) -> Page:
        filters = {
            "type": query.type,
            "correlation": query.correlation,
            "producer": query.producer,
            "tag": query.tag,
            "limit": str(query.limit),
            "cursor": query.cursor,
        }
        parameters = {name: value for name, value in filters.items() if value is not None}
        answer = await self._call("GET", "/v1/artifacts", parameters=parameters)
        return Page(tuple(_artifacts(answer)), answer["cursor"])

    async def subscribe(self, consumes: Sequence[Consumes]) -> None:
        await self._call("PUT", "/v1/subscriptions", {"consumes": [one.manifest() for one in consumes]})

    async def lease(self, limit: int, wait: float) -> list[Delivery]:
        body = {"limit": limit, "wait": wait}
        answer = await self._call("POST", "/v1/leases", body, patience=_TIMEOUT + wait)
        return [_delivery(one) for one in answer["deliveries"]]

    async def extend(self, delivery_id: str) -> None:
        await self._call("PUT", _lease(delivery_id))

    async def acknowledge(self, delivery_id: str, results: Sequence[Draft]) -> list[Artifact]:
        body = {"results": self._named(results)}
        return _artifacts(await self._call("POST", f"{_lease(delivery_id)}/acknowledge", body))

    async def fail(self, delivery_id: str, error: str, *, retry_in: float | None = 0.0) -> None:
        body = {"error": error[:4096], "retryIn": retry_in}
        await self._call("POST", f"{_lease(delivery_id)}/fail", body)

    def _named(self, drafts: Sequence[Draft]) -> list[dict[str, Any]]:
        """With ids made here, so that an answer that was lost does not publish twice."""
        return [draft_to_wire(draft if draft.id else replace(draft, id=self._new_id())) for draft in drafts]

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        patience: float = _TIMEOUT,
    ) -> dict[str, Any]:
        """The answer's JSON. Raises BoardError: the server's, or `unreachable` (503)."""
        content = None if body is None else dumps(body)
        headers = self._headers if body is None else self._headers | _JSON
        try:
            async for attempt in stamina.retry_context(on=_pause, attempts=self._attempts, timeout=None):
                with attempt:
                    response = await self._client.request(
                        method,
                        self._url + path,
                        content=content,
                        headers=headers,
                        params=parameters,
                        timeout=patience,
                    )
                    if response.is_success:
                        answer: dict[str, Any] = orjson.loads(response.content or b"{}")
                        return answer
                    refusal = _refusal(response)
                    if response.status_code == 503:
                        raise _TryAgain(refusal, _retry_after(response))
                    raise refusal
        except _TryAgain as error:
            raise error.refusal from error
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
            message = f"the blackboard at {self._url} does not answer: {reason}"
            raise BoardError("unreachable", message, status=503) from error
        raise AssertionError("a retry context ends by returning or raising")


def _pause(error: Exception) -> bool | float:
    """Whether to try again; as a number: after so many seconds."""
    if isinstance(error, _TryAgain):
        return error.pause
    return isinstance(error, httpx2.TransportError)


def _retry_after(response: httpx2.Response) -> float:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else 1.0


def _refusal(response: httpx2.Response) -> BoardError:
    """The server's error, also when something between us and it answered in its own words."""
    try:
        error = orjson.loads(response.content)["error"]
        return BoardError(
            error["code"], error["message"], status=response.status_code, details=error.get("details", ())
        )
    except (orjson.JSONDecodeError, KeyError, TypeError):
        text = response.text[:200] or response.reason_phrase
        return BoardError("unexpected", f"not a blackboard's answer: {text}", status=response.status_code)


def _artifacts(answer: Mapping[str, Any]) -> list[Artifact]:
    return [from_wire(one) for one in answer["artifacts"]]


def _delivery(wire: Mapping[str, Any]) -> Delivery:
    artifacts = tuple(_artifacts(wire))
    return Delivery(wire["id"], artifacts, wire["attempt"], datetime.fromisoformat(wire["until"]))


def _lease(delivery_id: str) -> str:
    return f"/v1/leases/{quote(delivery_id, safe='')}"
