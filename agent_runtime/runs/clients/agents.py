"""Asks agents over HTTP."""

from collections.abc import Mapping
from random import Random
from typing import Any

import httpx2 as httpx

from agent_runtime.config.models import AgentAccess
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.core.retry_after import seconds_of
from agent_runtime.core.strict_json import DEEPEST, parse
from agent_runtime.models.port import Usage
from agent_runtime.runs.clients.asking import PATIENCE, Asking, NotTaken
from agent_runtime.runs.errors import AgentFailed
from agent_runtime.runs.port import AgentAnswer
from agent_runtime.telemetry import traces

_NOT_NOW = frozenset({429, 502, 503})
_NOT_TAKEN = frozenset(
    {"", "agent_busy", "draining", "not_ready", "overloaded", "too_many_requests", "unavailable"}
)
"""Codes of refusals before the agent began; a proxy gives none. Others come after the agent's own retries."""


class HttpAgents:
    """An AskAgent. The caller bounds how long an answer may take."""

    def __init__(
        self,
        agents: Mapping[str, AgentAccess],
        environ: Mapping[str, str],
        *,
        clock: Clock = SYSTEM_CLOCK,
        random: Random | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._agents = agents
        self._environ = environ
        self._asking = Asking(clock, random, patience)
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=5.0))

    async def __call__(self, agent: str, message: str, key: str) -> AgentAnswer:
        """Ask, and ask again while the agent cannot be reached or has no slot free. Raises AgentFailed.

        `key` goes along as the Idempotency-Key.
        """
        access = self._agents[agent]
        who = f'agent "{agent}" at {access.url}'
        return await self._asking(key, who, lambda: self._once(agent, access, message, key))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _once(self, agent: str, access: AgentAccess, message: str, key: str) -> AgentAnswer:
        headers = {**traces.outgoing_headers(), "Idempotency-Key": key}
        if access.token_env is not None:
            token = self._environ.get(access.token_env)
            if not token:
                raise AgentFailed(f'no token for agent "{agent}": {access.token_env} is not set')
            headers["Authorization"] = f"Bearer {token}"
        try:
            response = await self._client.post(
                f"{access.url}/v1/chat", json={"message": message}, headers=headers
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotTaken(str(error) or type(error).__name__) from error
        except httpx.HTTPError as error:
            raise AgentFailed(
                f'the connection to agent "{agent}" at {access.url} broke: {error or type(error).__name__}'
            ) from error
        body = _json(response)
        if response.status_code in _NOT_NOW and _code(body) in _NOT_TAKEN:
            raise NotTaken(_reason(response, body), seconds_of(response.headers.get("retry-after")))
        if response.status_code != 200:
            failed = AgentFailed(f'agent "{agent}" at {access.url} failed: {_reason(response, body)}')
            failed.retry_after = seconds_of(response.headers.get("retry-after"))
            raise failed
        if not isinstance(body.get("reply"), str):
            raise AgentFailed(
                f'agent "{agent}" at {access.url} failed: {_reason(response, body)} is no agent\'s answer'
            )
        return AgentAnswer(body["reply"], body.get("output"), _usage(body.get("usage")))


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = parse(response.content, deepest=DEEPEST)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _usage(usage: object) -> Usage:
    """What is no number counts nothing."""
    counts = [
        usage.get(name) if isinstance(usage, dict) else None for name in ("inputTokens", "outputTokens")
    ]
    return Usage(*(count if isinstance(count, int) and count >= 0 else 0 for count in counts))


def _code(body: dict[str, Any]) -> str:
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else ""


def _reason(response: httpx.Response, body: dict[str, Any]) -> str:
    error = body.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    shown = response.content[:800].decode("utf-8", "replace")[:200]
    return str(message or f"HTTP {response.status_code}: {shown!r}")
