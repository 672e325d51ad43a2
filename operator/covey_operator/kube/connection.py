"""The HTTP beneath `cluster`: where the API server is, who we are, and answers as bytes.

`kubernetes` finds and refreshes the credentials. It says that it is typed, and some of it is not: hence the
ignores. Its own client is left out: plain requests take less of the processor.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Self

import aiohttp
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from agent_runtime import __version__
from covey_operator.kube.labels import OPERATOR

_HEADERS = {
    "User-Agent": f"{OPERATOR}/{__version__}",
    # The API server is near: packing large lists costs both ends more than sending them.
    "Accept-Encoding": "identity",
}
_LONGEST_LINE = 2**21
"""Bytes; an object in etcd has at most 1.5 MB."""
_AT_ONCE = 32
"""Answers waited for at the same time. Streams are not counted: they never end."""


class Unreachable(Exception):
    """The API server does not answer, or stopped in the middle of it."""


class Silent(Unreachable):
    """Nothing came for so long that nobody knows whether the other end is still there."""


class Connection:
    """A pool of connections to the API server."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        tls = RESTClientObject(configuration).ssl_context
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls), headers=_HEADERS, read_bufsize=_LONGEST_LINE
        )
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @classmethod
    async def open(cls, kubeconfig: str | None = None) -> Self:
        """By `kubeconfig`; else as the pod's service account, else by KUBECONFIG or ~/.kube/config."""
        configuration = Configuration()
        if kubeconfig is not None or not _in_a_pod(configuration):
            await load_kube_config(kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]
        return cls(configuration)

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()

    async def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        """Status and content. Raises Unreachable."""
        limits = aiohttp.ClientTimeout(total=30, sock_connect=5)
        async with self._slots, self._asked(method, path, query, headers, body, limits) as answer:
            return answer.status, await answer.read()

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str], *, silence: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that goes on; Silent is raised after `silence` seconds without a byte."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=silence)
        async with self._asked("GET", path, query, headers, None, limits) as answer:
            yield answer

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None,
        limits: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        configuration = self._configuration
        # Tokens of service accounts change about every hour: asking for it reads it anew when it is due.
        token = await configuration.get_api_key_with_prefix("BearerToken")
        try:
            async with self._session.request(
                method,
                f"{configuration.host}{path}",
                params=query,
                headers={**headers, "Authorization": token} if token else headers,
                data=body,
                timeout=limits,
                proxy=configuration.proxy,
                server_hostname=configuration.tls_server_name,
            ) as answer:
                yield answer
        except aiohttp.SocketTimeoutError as error:
            raise Silent(f"the API server does not answer: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"the API server does not answer: {error or type(error).__name__}") from error


def _in_a_pod(configuration: Configuration) -> bool:
    """Whether there is a service account, which is then configured."""
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except ConfigException:
        return False
    return True
