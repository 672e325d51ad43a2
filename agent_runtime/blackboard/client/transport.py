"""Calls to a blackboard's server: one pool of connections, one identity, patience with what passes.

What a server refuses for now (429, 503) is tried again after what `Retry-After` asks for, with jitter, until
the patience is over. So is what fails on the way, if the call is safe to repeat; most are, because drafts get
their ids before they are sent, and leases have names. A call that is cancelled is given up at once.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Any, TypeVar

import httpx2
import orjson

from agent_runtime.auth.token_file import TokenUnreadable
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.wire.codec import dumps, from_wire
from agent_runtime.core.retry_after import seconds_of
from agent_runtime.core.strict_json import parse

TIMEOUT = 10.0
"""Seconds for one attempt."""
PATIENCE = 30.0
"""Seconds for all attempts of a call."""
T = TypeVar("T")
_JSON = {"content-type": "application/json"}
_PASSING = frozenset({429, 503})
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_LONGEST_ASKED = 60.0
"""Seconds that a server may ask to wait; longer is not believed."""
_CONNECTIONS = httpx2.Limits(max_connections=100, max_keepalive_connections=20)


_ODD = (LookupError, TypeError, ValueError, AttributeError)
"""What reading an answer of another shape ends in."""


class _NotNow(Exception):
    """A refusal that may pass; `after` is when to ask again, in seconds."""

    def __init__(self, refusal: BoardError, after: float) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.after = after


def pauses(jitter: Callable[[], float] = random.random) -> Iterator[float]:
    """Seconds between attempts: doubling, up to a limit, each shortened at random by up to a half."""
    pause = _FIRST_PAUSE
    while True:
        yield pause * (1 - jitter() / 2)
        pause = min(2 * pause, _LONGEST_PAUSE)


class HttpCalls:
    """Close it when done."""

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
        trace: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`url` is the server's base URL, and `root` the path below which its routes begin.

        `proof` gives the token that proves who bears `token`, asked anew for each call. A call ends after so
        many `attempts`, or when the next one would begin more than `patience` seconds after the first.
        `trace` gives the headers by which the server goes on with the caller's trace; the operator has none,
        and no OpenTelemetry either.
        """
        self.url = url.rstrip("/")
        self._base = self.url + root
        self._token = token
        self._proof = proof
        self._attempts = attempts
        self._patience = patience
        self._trace = trace
        self._client = client or httpx2.AsyncClient(timeout=TIMEOUT, limits=_CONNECTIONS)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        within: float = TIMEOUT,
        repeatable: bool = True,
    ) -> dict[str, Any]:
        """The answer's JSON. Raises BoardError: the server's, or `unreachable` (503).

        Each attempt must be answered `within` so many seconds; `repeatable`: twice is as good as once.
        """
        content = None if body is None else dumps(body)
        deadline = monotonic() + self._patience
        for attempt, pause in enumerate(pauses(), start=1):
            try:
                response = await self._send(method, path, content, parameters, within)
                _check(response)
                with understood(self.url, response):
                    return _object(response.content or b"{}")
            except _NotNow as error:
                wait = error.after + pause
                if attempt == self._attempts or monotonic() + wait > deadline:
                    raise error.refusal from error
            except httpx2.RequestError as error:
                wait = pause
                if not repeatable or attempt == self._attempts or monotonic() + wait > deadline:
                    raise self._unreachable(error) from error
            await asyncio.sleep(wait)
        raise AssertionError("there is always a next pause")

    async def read(
        self, read: Callable[[dict[str, Any]], T], method: str, path: str, *arguments: Any, **more: Any
    ) -> T:
        """As `call`, and what `read` makes of the answer. An answer that it cannot read is a BoardError."""
        answer = await self.call(method, path, *arguments, **more)
        with understood(self.url):
            return read(answer)

    async def _send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        parameters: Mapping[str, str] | None,
        within: float,
    ) -> httpx2.Response:
        headers = self._headers() if content is None else self._headers() | _JSON
        return await self._client.request(
            method, self._base + path, content=content, headers=headers, params=parameters, timeout=within
        )

    @asynccontextmanager
    async def lines(
        self, path: str, *, parameters: Mapping[str, str], silence: float
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of an answer that goes on and on; `silence` in seconds, after which it counts as broken.

        One attempt. Raises BoardError.
        """
        timeout = httpx2.Timeout(TIMEOUT, read=silence)
        try:
            async with self._client.stream(
                "GET", self._base + path, headers=self._headers(), params=parameters, timeout=timeout
            ) as response:
                if not response.is_success:
                    await response.aread()
                    _check(response)
                yield _lines(response.aiter_bytes())
        except _NotNow as error:
            raise error.refusal from error
        except httpx2.RequestError as error:
            raise self._unreachable(error) from error

    def _headers(self) -> dict[str, str]:
        """Who calls, and the trace that the call is part of. Raises BoardError."""
        return {**self._credentials(), **self._trace()}

    def _credentials(self) -> dict[str, str]:
        """Raises BoardError when there should be a proof and is none."""
        if self._proof is None:
            return {"authorization": f"Bearer {self._token}"}
        try:
            return {"authorization": f"Bearer {self._proof()}", "covey-grant": self._token}
        except TokenUnreadable as error:
            raise BoardError("unauthenticated", str(error), status=401) from error

    def _unreachable(self, error: httpx2.RequestError) -> BoardError:
        reason = str(error) or type(error).__name__
        return BoardError(
            "unreachable", f"the blackboard at {self.url} does not answer: {reason}", status=503
        )


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines as streams of events end them: JSON may hold other characters that some take for an end."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode()


def _check(response: httpx2.Response) -> None:
    """Raises BoardError for what is no success, _NotNow for what may become one."""
    if response.is_success:
        return
    refusal = _refusal(response)
    if response.status_code in _PASSING:
        refusal.retry_after = seconds_of(response.headers.get("retry-after"))
        raise _NotNow(refusal, min(refusal.retry_after or 0.0, _LONGEST_ASKED))
    raise refusal


def _refusal(response: httpx2.Response) -> BoardError:
    """The server's error, also when something between us and it answered in its own words."""
    try:
        error = orjson.loads(response.content)["error"]
        details = [{str(k): str(v) for k, v in one.items()} for one in error.get("details", ())]
        return BoardError(
            str(error["code"]), str(error["message"]), status=response.status_code, details=details
        )
    except _ODD:
        text = _shown(response) or response.reason_phrase
        return BoardError("unexpected", f"not a blackboard's answer: {text}", status=response.status_code)


@contextmanager
def understood(url: str, response: httpx2.Response | None = None) -> Iterator[None]:
    """What goes wrong within, with an answer that was a success, is a BoardError: it is no blackboard's."""
    try:
        yield
    except _ODD as error:
        said = f": {_shown(response)}" if response is not None else f" ({type(error).__name__}: {error})"
        raise BoardError(
            "unexpected", f"what answers at {url} is no blackboard, or not of this version{said}", status=502
        ) from error


def _object(content: bytes) -> dict[str, Any]:
    value = parse(content)
    if not isinstance(value, dict):
        raise TypeError(f"want an object, got a {type(value).__name__}")
    return value


def _shown(response: httpx2.Response) -> str:
    """The beginning of an answer, whatever it says of its encoding."""
    return response.content[:800].decode("utf-8", "replace")[:200]


def artifacts_of(answer: Mapping[str, Any]) -> list[Artifact]:
    """The artifacts that an answer carries."""
    return [from_wire(one) for one in answer["artifacts"]]
