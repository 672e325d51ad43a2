"""The one boundary for what models say: an answer is whole and valid, or a ModelError."""

from agent_runtime.core.strict_json import all_printable, printable
from agent_runtime.durable.strict_json import NotJson, dumps
from agent_runtime.models.errors import ModelEmpty, Place
from agent_runtime.models.port import ModelClient, ModelRequest, ModelResponse, ToolCall, Usage

_MOST_TOKENS = 2**53


class WholeModel:
    """A ModelClient whose answers can be shown, stored and sent on, whatever the one behind it answers."""

    def __init__(self, inner: ModelClient, place: Place) -> None:
        self._inner = inner
        self._place = place

    async def request(self, request: ModelRequest) -> ModelResponse:
        """Ask the model behind."""
        return whole(await self._inner.request(request), self._place)

    async def close(self) -> None:
        """Close the model behind."""
        await self._inner.close()


def whole(response: ModelResponse, place: Place) -> ModelResponse:
    """The response with text that UTF-8 can hold and arguments that JSON can. Raises ModelEmpty."""
    text = printable(response.text)
    calls = tuple(_call(call) for call in response.tool_calls)
    if not calls and not text.strip():
        raise ModelEmpty(place)
    usage = Usage(_tokens(response.usage.input_tokens), _tokens(response.usage.output_tokens))
    echo = all_printable(dict(response.echo)) if response.echo else None
    return ModelResponse(text, calls, usage, echo)


def _call(call: ToolCall) -> ToolCall:
    arguments = call.arguments
    if isinstance(arguments, str):
        arguments = printable(arguments)
    else:
        try:
            dumps(dict(arguments), "")
        except NotJson as error:
            arguments = f"{error}"
    return ToolCall(printable(call.id), printable(call.tool), arguments)


def _tokens(number: object) -> int:
    """What is counted; a number that is none counts nothing."""
    return number if isinstance(number, int) and 0 <= number <= _MOST_TOKENS else 0
