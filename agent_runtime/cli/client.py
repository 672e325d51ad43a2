"""The commands' side of the laptop's HTTP API."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx2 as httpx
import orjson

from agent_runtime.cli.target import runtime
from agent_runtime.local.address import START_IT, Address
from agent_runtime.local.errors import UserError

Json = dict[str, Any]
_LONG = httpx.Timeout(10, read=None)


class Client:
    """Calls to one running `covey up`. Every call raises UserError with what the server says is wrong."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._http = httpx.Client(
            base_url=address.url,
            headers={"Authorization": f"Bearer {address.token}"},
            timeout=_LONG,
            trust_env=False,  # the server is on this machine: a proxy has no place in between
        )

    @classmethod
    def connect(cls, state: Path | None) -> Self:
        """To the `covey up` that is meant, which is said. Raises UserError when there is none."""
        return cls(runtime(state))

    def get(self, path: str, **query: str | float) -> Json:
        """The answer's JSON."""
        return self._call("GET", path, query=query)

    def post(self, path: str, body: object) -> Json:
        """The answer's JSON."""
        return self._call("POST", path, body=body)

    def delete(self, path: str) -> Json:
        """The answer's JSON."""
        return self._call("DELETE", path)

    @contextmanager
    def lines(self, path: str, **query: str | float) -> Iterator[Iterator[Json]]:
        """JSON lines as they come, for as long as the server sends them."""
        try:
            with self._http.stream("GET", path, params=_query(query)) as response:
                if response.status_code >= 400:
                    response.read()
                    raise _refused(response)
                yield (self._object(line) for line in _lines(response.iter_bytes()) if line)
        except httpx.RequestError as error:
            raise self._lost(error) from error

    def _call(
        self, method: str, path: str, *, query: Mapping[str, str | float] | None = None, body: object = None
    ) -> Json:
        content = None if body is None else orjson.dumps(body)
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            response = self._http.request(
                method, path, params=_query(query or {}), content=content, headers=headers
            )
        except httpx.RequestError as error:
            raise self._lost(error) from error
        if response.status_code >= 400:
            raise _refused(response)
        return self._object(response.content)

    def _object(self, content: bytes | str) -> Json:
        try:
            answer: Json = orjson.loads(content)
            if isinstance(answer, dict):
                return answer
        except ValueError:
            pass
        shown = content if isinstance(content, str) else content[:800].decode("utf-8", "replace")
        raise UserError(
            f"what answers at {self.address.url} is no covey up: {shown[:200]!r}",
            START_IT.replace("DIR", self.address.folder),
            code=2,
        )

    def _lost(self, error: Exception) -> UserError:
        return UserError(
            f"the covey up of {self.address.folder} does not answer at {self.address.url}: {error}",
            START_IT.replace("DIR", self.address.folder),
            code=2,
        )


def path(*names: str) -> str:
    """`/v1/...` of these names; a name may hold whatever a person typed."""
    return "/v1/" + "/".join(quote(name, safe="") for name in names)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines that end with a line feed: JSON may hold other characters that some take for an end."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    yield rest


def _query(query: Mapping[str, str | float]) -> dict[str, str]:
    return {key: str(value) for key, value in query.items() if value != ""}


def _refused(response: httpx.Response) -> UserError:
    """The one error body as sentences: the message, then each detail on a line of its own."""
    try:
        error = orjson.loads(response.content)["error"]
        message, details = str(error["message"]), [{**one} for one in error.get("details") or []]
    except (ValueError, LookupError, TypeError, AttributeError):
        shown = response.content[:800].decode("utf-8", "replace")[:200]
        message, details = f"the server answered {response.status_code}: {shown}", []
    listed = [
        f"  {detail.get('pointer', '')}: {detail.get('message', '')}"
        for detail in details
        if len(details) > 1 or str(detail.get("message", "")) not in message
    ]
    return UserError("\n".join([message, *listed]))
