"""kopf's HTTP session: its watches of our kinds outlive whatever the API server refuses.

kopf lists anew when an event says 410. Any other refusal of a watch or of a page of a list ends kopf, and
with it the process: the status 410 instead of an event, as proxies and some API servers say it, a list that
took longer than etcd remembers, 404 while the definitions are replaced. Here each of them comes to kopf as
what it lists anew for, after a pause that grows until a watch brings something again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import kopf
import structlog

from agent_runtime.api import GROUP
from covey_operator.informers.reflector import backoffs

log = structlog.get_logger(__name__)

GONE = b'{"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "list anew"}}\n'
"""The event for which kopf lists anew."""
_ERROR = b'{"type":"ERROR"'
_KOPF_RETRIES = frozenset({401, 403, 429})


class Relisting:
    """A middleware of a client session."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._waits: dict[str, Iterator[float]] = {}

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """The answer; one that would end kopf makes it list anew."""
        answer = await handler(request)
        watches = request.url.query.get("watch") == "true"
        if request.method != "GET" or not _is_of_ours(request.url.path):
            return answer
        if not 400 <= answer.status < 500 or answer.status in _KOPF_RETRIES:
            if watches and answer.status == 200:
                _replace_content(answer, self._watched(answer.content, request.url.path))
            return answer
        said = (await answer.read())[:200].decode(errors="replace")
        await self._pause(request.url.path, f"{answer.status}: {said}")
        if not watches:
            raise aiohttp.ClientPayloadError(f"the list was refused with {answer.status}: {said}")
        answer.status = 200
        _replace_content(answer, _only(GONE))
        return answer

    async def _watched(self, content: aiohttp.StreamReader, path: str) -> AsyncIterator[bytes]:
        """What the watch brings, up to an error. An event is a line, wherever the network cuts."""
        rest = b""
        async for data in content.iter_chunked(2**20):
            lines = (rest + data).splitlines(keepends=True)
            rest = lines.pop() if not data.endswith(b"\n") else b""
            for line in lines:
                if line.startswith(_ERROR):
                    await self._pause(path, line[:300].decode(errors="replace"))
                    yield GONE
                    return
                self._waits.pop(path, None)
                yield line
        if rest:
            yield rest

    async def _pause(self, path: str, error: str) -> None:
        wait = next(self._waits.setdefault(path, backoffs()))
        log.warning("watch failed; will retry", path=path, error=error, retry_in=wait)
        await self._sleep(wait)


class _Content:
    """In place of an answer's content, of which kopf reads chunks. The rest, for aiohttp, is as it was."""

    def __init__(self, content: aiohttp.StreamReader, chunks: AsyncIterator[bytes]) -> None:
        self._content = content
        self._chunks = chunks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        del size
        return self._chunks


async def login(
    known: dict[kopf.ConnectionInfo, kopf.AiohttpSession], **kwargs: Any
) -> kopf.AiohttpSession | None:
    """As the pod's service account, else by KUBECONFIG.

    `known`: the latest login and its session. The same again is the same session, by which kopf sees that
    credentials that were refused have not changed.
    """
    found = kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
    if found is None:
        return None
    if found not in known:
        connector = aiohttp.TCPConnector(limit=0, ssl=found.as_ssl_context())
        session = aiohttp.ClientSession(
            connector=connector,
            headers=found.as_http_headers(),
            proxy=found.proxy_url,
            trust_env=bool(found.trust_env),
            middlewares=(Relisting(),),
        )
        known.clear()
        known[found] = kopf.AiohttpSession(
            server=found.server,
            default_namespace=found.default_namespace,
            priority=found.priority,
            expiration=found.expiration,
            aiohttp_session=session,
        )
    return known[found]


def _is_of_ours(path: str) -> bool:
    """Whether it lists or watches a kind of ours: behind the group's version there is more."""
    parts = path.strip("/").split("/")
    return parts[:2] == ["apis", GROUP] and len(parts) > 3


def _replace_content(answer: aiohttp.ClientResponse, chunks: AsyncIterator[bytes]) -> None:
    answer.content = _Content(answer.content, chunks)  # type: ignore[assignment]  # it does for StreamReader


async def _only(line: bytes) -> AsyncIterator[bytes]:
    yield line
