"""OpenAI and whatever speaks its chat completions: the one module that knows pydantic-ai.

Our own loops stand above it; of the library only the single request is used (`direct.model_request`), which
translates messages, tools and errors. Its own retries are off: retrying is the agent's business.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from openai import APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic_ai import direct, exceptions, messages
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModelSettings
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.providers import Provider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.tools import ToolDefinition

from agent_runtime.config.models import ModelConfig
from agent_runtime.core.retry_after import seconds_of
from agent_runtime.core.strict_json import DEEPEST, TooDeep, parse, printable, without_halves
from agent_runtime.models.bounded import BoundedTransport, TooLong
from agent_runtime.models.completion import End, end_of
from agent_runtime.models.errors import (
    ModelError,
    ModelFiltered,
    ModelGarbled,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelTruncated,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnreachable,
    Place,
)
from agent_runtime.models.openai_chat import ECHO, ChatModel
from agent_runtime.models.port import (
    Message,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from agent_runtime.telemetry import logs

OPENAI_URL = "https://api.openai.com/v1"
_NOT_JSON = "INVALID_JSON"
"""The key under which arguments go back that are no JSON object."""
_MOST_TOKENS = 2**31
"""Of one request; what is said to be more is a fault of the provider's."""
_log = logs.logger("models")
_NO_KEY = "none"  # the SDK insists on one, servers without authentication ignore it


class OpenAIModel:
    """A ModelClient for OpenAI, an OpenAI-compatible server, or Ollama."""

    def __init__(self, config: ModelConfig, key: str | None) -> None:
        self._config = config
        url = config.base_url or OPENAI_URL
        self._place = Place(config.name, url)
        self._provider = _provider(config, url, key or _NO_KEY)
        self._model = ChatModel(config.model, provider=self._provider)
        self._settings = _settings(config)
        # Compatible servers differ in what they make of a schema; OpenAI itself enforces it.
        self._enforces_schema = config.provider == "OpenAI"

    async def request(self, request: ModelRequest) -> ModelResponse:
        """Ask the provider, once."""
        parameters = ModelRequestParameters(
            function_tools=[
                ToolDefinition(
                    name=t.name, description=t.description, parameters_json_schema={**t.parameters}
                )
                for t in request.tools
            ]
        )
        if request.output_schema is not None and self._enforces_schema:
            parameters.output_mode = "native"
            parameters.output_object = OutputObjectDefinition(json_schema={**request.output_schema})
        try:
            answer = await direct.model_request(
                self._model,
                _wire(request),
                model_settings=self._settings,
                model_request_parameters=parameters,
            )
            self._check(answer)
            return _response(answer)
        except ModelError:
            raise
        except (exceptions.AgentRunError, exceptions.UserError) as error:
            raise self._translated(error) from error
        except Exception as error:
            # The library reads what it expects; anything else ends in some exception of its own.
            _log.warning("cannot read an answer", model=self._config.name, error=type(error).__name__)
            reason = f"it cannot be read: {type(error).__name__}: {_reason(error)}"
            raise ModelGarbled(self._place, reason) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._provider.client.close()

    def _check(self, answer: messages.ModelResponse) -> None:
        """Raise when the answer is not whole."""
        details = answer.provider_details or {}
        if refusal := details.get("refusal"):
            raise ModelRefused(
                self._place,
                f"the model says: {' '.join(printable(str(refusal)).split())[:200]}",
                "rephrase the input or the instructions: it declines what it is asked",
            )
        word = details.get("finish_reason") or answer.finish_reason
        match end_of(word):
            case End.TRUNCATED:
                raise ModelTruncated(self._place, self._config.parameters.max_tokens)
            case End.FILTERED:
                raise ModelFiltered(self._place, f"finish_reason {str(word)[:40]}")
            case End.BROKEN:
                raise ModelGarbled(self._place, f"it broke off with finish_reason {str(word)[:40]}")
            case End.WHOLE:
                pass

    def _translated(self, error: Exception) -> ModelError:
        place, reason = self._place, _reason(error)
        if long := _cause_of_kind(error, TooLong):
            return ModelGarbled(place, str(long))
        if (moved := _redirect(error)) is not None:
            return ModelRefused(
                place,
                f"it redirects to {moved}",
                "set spec.baseURL to where the provider is: redirects are not followed",
            )
        match error:
            case exceptions.ModelRequestTimeout() | exceptions.ModelTimeoutError():
                return ModelTimeout(place, self._config.timeout_seconds)
            case exceptions.ModelRateLimitError():
                return ModelRateLimited(place, reason, _retry_after(error))
            case exceptions.ModelQuotaExceededError():
                return ModelRefused(
                    place, reason, "top up the account at the provider, or name another Model"
                )
            case exceptions.ModelAuthenticationError():
                return ModelUnauthorized(place, reason, self._config.api_key_env)
            case exceptions.ModelNotFoundError():
                return ModelRefused(
                    place, reason, f'check its spec.model ("{self._config.model}") and spec.baseURL'
                )
            case exceptions.ModelContextWindowExceededError():
                return ModelRefused(place, reason, "shorten the input, or lower memory.window")
            case exceptions.ModelRequestRejectedError():
                return ModelRefused(place, reason, "check its spec.parameters and the tools' schemas")
            case exceptions.ModelUnavailableError() | exceptions.ModelServerError():
                return ModelUnavailable(place, reason, _retry_after(error))
            case exceptions.ModelConnectionError():
                return ModelUnreachable(place, reason)
            case exceptions.ContentFilterError():
                return ModelFiltered(place, reason)
            case _:
                return ModelGarbled(place, reason)


def _provider(config: ModelConfig, url: str, key: str) -> Provider[AsyncOpenAI]:
    # A redirect would take the key and the conversation to a place that nobody has named.
    client = DefaultAsyncHttpxClient(transport=BoundedTransport(), follow_redirects=False)
    match config.provider:
        case "Ollama":
            return OllamaProvider(base_url=url, api_key=key, http_client=client)
        case "OpenAICompatible":
            return OpenAICompatibleProvider(
                "openai-compatible", base_url=url, api_key=key, http_client=client
            )
        case _:
            return OpenAIProvider(base_url=url, api_key=key, http_client=client)


def _settings(config: ModelConfig) -> OpenAIChatModelSettings:
    """The request's parameters; what the Model leaves out is left to the provider."""
    settings = OpenAIChatModelSettings(
        max_retries=0, timeout=config.timeout_seconds, request_timeout=config.timeout_seconds
    )
    given = config.parameters
    if given.temperature is not None:
        settings["temperature"] = given.temperature
    if given.top_p is not None:
        settings["top_p"] = given.top_p
    if given.max_tokens is not None:
        settings["max_tokens"] = given.max_tokens
    if given.seed is not None:
        settings["seed"] = given.seed
    return settings


def _wire(request: ModelRequest) -> list[messages.ModelMessage]:
    """The conversation in the library's words: what the model said, and in between what it was told."""
    wire: list[messages.ModelMessage] = []
    told: list[messages.ModelRequestPart] = []

    def tell() -> None:
        if told:
            wire.append(messages.ModelRequest(parts=list(told), instructions=request.instructions or None))
            told.clear()

    for message in (*request.history, *request.messages):
        if isinstance(message, ModelMessage):
            tell()
            details = {ECHO: {**message.echo}} if message.echo else None
            wire.append(messages.ModelResponse(parts=list(_said(message)), provider_details=details))
        else:
            told.append(_told(message))
    tell()
    return wire


def _told(message: UserMessage | ToolMessage) -> messages.ModelRequestPart:
    if isinstance(message, UserMessage):
        return messages.UserPromptPart(message.text)
    return messages.ToolReturnPart(message.tool, message.content, message.call_id)


def _said(message: Message) -> Iterable[messages.TextPart | messages.ToolCallPart]:
    if not isinstance(message, ModelMessage):
        return
    if message.text:
        yield messages.TextPart(message.text)
    for call in message.tool_calls:
        # Servers parse the arguments of earlier calls, and refuse the request when they cannot.
        arguments = {_NOT_JSON: call.arguments} if isinstance(call.arguments, str) else {**call.arguments}
        yield messages.ToolCallPart(call.tool, arguments, call.id)


def _response(response: messages.ModelResponse) -> ModelResponse:
    text = "".join(part.content for part in response.parts if isinstance(part, messages.TextPart))
    calls: dict[str, ToolCall] = {}
    for part in response.parts:
        if isinstance(part, messages.ToolCallPart):
            own = _not_in(calls, part.tool_call_id)
            calls[own] = ToolCall(own, part.tool_name, _arguments(part.args))
    usage = Usage(_counted(response.usage.input_tokens), _counted(response.usage.output_tokens))
    echo = (response.provider_details or {}).get(ECHO)
    return ModelResponse(text, tuple(calls.values()), usage, _kept(echo) if echo else None)


def _not_in(calls: Mapping[str, ToolCall], given: str) -> str:
    """An id that no other call of the answer has: some servers give the same one twice."""
    if given not in calls:
        return given
    return next(own for number in count(2) if (own := f"{given[:32]}-{number}") not in calls)


def _counted(tokens: int | None) -> int:
    """What can be added up and kept, whatever the provider counts."""
    return min(max(tokens or 0, 0), _MOST_TOKENS)


def _kept(echo: Mapping[str, Any]) -> dict[str, Any]:
    """What goes back to the provider. Raises ValueError for what could not be sent."""
    kept: dict[str, Any] = parse(without_halves(json.dumps(echo)), deepest=DEEPEST)
    return kept


def _arguments(args: str | Mapping[str, Any] | None) -> dict[str, Any] | str:
    """The arguments as they are used; text that is no JSON object stays text, and the tool says so.

    Raises TooDeep: nothing could keep them.
    """
    if not isinstance(args, str):
        return {**(args or {})}
    try:
        parsed = parse(without_halves(printable(args)) or "{}", deepest=DEEPEST)
    except TooDeep:
        raise
    except ValueError:
        return args
    return parsed if isinstance(parsed, dict) else args


def _cause_of_kind(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first of that kind in the chain of what caused the error."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause


def _redirect(error: Exception) -> str | None:
    """Where a redirect leads; None when there is none."""
    cause = _cause_of_kind(error, APIStatusError)
    if not isinstance(cause, APIStatusError) or not 300 <= cause.status_code < 400:
        return None
    return printable(cause.response.headers.get("location", "nowhere"))[:200]


def _retry_after(error: Exception) -> float | None:
    """What the provider asks for, whatever it wrote: the library takes an absurd number for none."""
    cause = _cause_of_kind(error, APIStatusError)
    if not isinstance(cause, APIStatusError):
        return None
    return seconds_of(cause.response.headers.get("retry-after"))


def _reason(error: Exception) -> str:
    """What the provider says, in one line of bounded length; connection errors hide it in their cause."""
    text = " ".join(str(error).split())
    cause = error.__cause__.__cause__ if error.__cause__ is not None else None
    if isinstance(error, exceptions.ModelConnectionError) and cause is not None:
        text = f"{text} {cause}"
    return text if len(text) <= 300 else f"{text[:297]}..."
