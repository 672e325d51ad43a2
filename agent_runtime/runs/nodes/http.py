"""Send an HTTP request; its answer is the output."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx2 as httpx

from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.run import header_env
from agent_runtime.core.retry_after import seconds_of
from agent_runtime.runs.errors import NodeFailed
from agent_runtime.runs.nodes.http_body import Unreadable, read_body
from agent_runtime.runs.nodes.step import PlainWork, StepResult
from agent_runtime.runs.nodes.template_field import Field
from agent_runtime.runs.nodes.text import as_text
from agent_runtime.runs.port import Invocation
from agent_runtime.telemetry import traces

MAX_BYTES = 4 * 1024 * 1024
"""Of an answer."""
MAX_REDIRECTS = 5
_SHOWN = 300
_LATER = frozenset({429, 503})
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})


class HttpWork(PlainWork):
    """The answer as JSON when it says that it is, else as text; None when it is empty."""

    def __init__(
        self,
        node: FlowNode,
        variables: Iterable[str],
        client: httpx.AsyncClient,
        environ: Mapping[str, str],
    ) -> None:
        assert node.http is not None
        self._http = node.http
        variables = tuple(variables)
        self._url = Field("http.url", node.http.url, variables)
        self._headers = [
            (name, Field(f"http.headers.{name}", value, variables))
            for name, value in node.http.headers.items()
        ]
        self._input = Field("input", node.input, variables)
        self._client = client
        self._environ = environ

    def given(self, variables: Mapping[str, object]) -> Any:
        """URL, headers and body; secret headers come later, so that no cache or log sees them."""
        url = as_text(self._url.render(variables))
        if not url.startswith(("http://", "https://")):
            raise NodeFailed(f"http.url: want http://... or https://..., got {url[:200]!r}")
        headers = {name: as_text(value.render(variables)) for name, value in self._headers}
        body = None if self._http.method in _WITHOUT_BODY else self._input.render(variables)
        return {"url": url, "headers": headers, "body": body}

    async def do(self, given: Any, invocation: Invocation) -> StepResult:
        headers = {
            **traces.outgoing_headers(),
            **given["headers"],
            **self._secrets(),
            "Idempotency-Key": invocation.idempotency_key,
        }
        try:
            request = self._client.build_request(
                self._http.method,
                given["url"],
                headers=headers,
                json=given["body"],
                timeout=None,  # the node's timeout is around it
            )
            response, content = await self._exchange(request)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise NodeFailed(
                f"{self._http.method} {given['url'][:200]}: {error or type(error).__name__}"
            ) from error
        return StepResult(self._output(response, content))

    async def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """The answer and its body. Redirects are followed to the same host only: headers may be secret."""
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._client.send(request, stream=True, follow_redirects=False)
            try:
                following = response.next_request
                if following is None or response.status_code in self._http.expect:
                    return response, await self._body(response)
            finally:
                await response.aclose()
            if _origin(following.url) != _origin(request.url):
                raise NodeFailed(
                    f"{self._told(response)} leads to another host, {following.url}, where it is not "
                    "followed: call that URL"
                )
            request = following
        raise NodeFailed(f"{self._told(response)}: more than {MAX_REDIRECTS} redirects")

    async def _body(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_BYTES:
                raise NodeFailed(
                    f"{self._told(response)} has more than {MAX_BYTES // 1024**2} MiB: ask for less, or "
                    "let a python node keep it elsewhere"
                )
        return bytes(content)

    def _output(self, response: httpx.Response, content: bytes) -> Any:
        status = response.status_code
        expected = status in self._http.expect if self._http.expect else 200 <= status < 300
        if not expected:
            shown = content.decode("utf-8", "replace")[:_SHOWN]
            want = ", ".join(map(str, self._http.expect)) or "200 to 299"
            failed = NodeFailed(f"{self._told(response)}, want {want}: {shown or 'no body'}")
            if status in _LATER:
                failed.retry_after = seconds_of(response.headers.get("retry-after"))
            raise failed
        try:
            return read_body(content, response.headers.get("content-type", ""))
        except Unreadable as error:
            shown = content[:_SHOWN].decode("utf-8", "replace")
            raise NodeFailed(f"{self._told(response)}, and what it sent {error}: {shown}") from error

    def _secrets(self) -> dict[str, str]:
        headers = {}
        for source in self._http.headers_from:
            ref = source.secret_key_ref
            value = self._environ.get(header_env(ref))
            if not value:
                raise NodeFailed(
                    f"no value for the header {source.name}: {header_env(ref)}, of key {ref.key} of Secret "
                    f"{ref.name}, is not set"
                )
            headers[source.name] = value.strip()
            if not (headers[source.name].isascii() and headers[source.name].isprintable()):
                # Said here, without the value: the client's own message would hold it.
                raise NodeFailed(
                    f"key {ref.key} of Secret {ref.name} holds characters that no header may have, such as a "
                    f"line break: {source.name} cannot be sent"
                )
        return headers

    def _told(self, response: httpx.Response) -> str:
        return f"{self._http.method} {str(response.request.url)[:200]} answered {response.status_code}"


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
