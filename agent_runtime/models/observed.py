"""Metrics and a span around each request to a model."""

from agent_runtime.core.clock import Clock
from agent_runtime.models.errors import ModelError
from agent_runtime.models.port import ModelClient, ModelRequest, ModelResponse
from agent_runtime.telemetry import metrics, traces


class ObservedModel:
    """A ModelClient that counts, times and traces the requests to another."""

    def __init__(self, inner: ModelClient, name: str, clock: Clock) -> None:
        self._inner = inner
        self._name = name
        self._clock = clock
        self._succeeded = metrics.MODEL_REQUESTS.labels(name, "succeeded")
        self._seconds = metrics.MODEL_SECONDS.labels(name)
        self._input_tokens = metrics.MODEL_TOKENS.labels(name, "input")
        self._output_tokens = metrics.MODEL_TOKENS.labels(name, "output")

    async def request(self, request: ModelRequest) -> ModelResponse:
        """Ask the model behind."""
        begin = self._clock.monotonic()
        with traces.span("chat", {traces.MODEL_NAME: self._name}) as span:
            try:
                response = await self._inner.request(request)
            except ModelError as error:
                metrics.MODEL_REQUESTS.labels(self._name, error.code).inc()
                raise
            finally:
                self._seconds.observe(self._clock.monotonic() - begin)
            span.set_attribute(traces.INPUT_TOKENS, response.usage.input_tokens)
            span.set_attribute(traces.OUTPUT_TOKENS, response.usage.output_tokens)
        self._succeeded.inc()
        self._input_tokens.inc(response.usage.input_tokens)
        self._output_tokens.inc(response.usage.output_tokens)
        return response

    async def close(self) -> None:
        """Close the model behind."""
        await self._inner.close()
