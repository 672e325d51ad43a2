"""What a chat completion says beyond its text: why it ended, and what must be sent back. Pure.

The answer is a plain value as a server sent it; nothing about its shape is taken for granted.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any

_REASONING = ("reasoning_content", "reasoning", "reasoning_details")
_EXTRA = "extra_content"
TOOL_CALLS = "tool_calls"


class End(Enum):
    """Why a model stopped."""

    WHOLE = auto()
    TRUNCATED = auto()
    FILTERED = auto()
    BROKEN = auto()


_ENDS = {
    "length": End.TRUNCATED,
    "max_tokens": End.TRUNCATED,
    "model_length": End.TRUNCATED,
    "content_filter": End.FILTERED,
    "content_filtered": End.FILTERED,
    "guardrail_intervened": End.FILTERED,
    "safety": End.FILTERED,
    "recitation": End.FILTERED,
    "blocklist": End.FILTERED,
    "prohibited_content": End.FILTERED,
    "error": End.BROKEN,
    "abort": End.BROKEN,
    "cancelled": End.BROKEN,
    "insufficient_system_resource": End.BROKEN,
}
"""Words of providers; any other word, and none, is a whole answer."""


def end_of(finish_reason: object) -> End:
    """Why it stopped, in whatever case a provider writes it."""
    return _ENDS.get(str(finish_reason).lower(), End.WHOLE)


def fault_of(answer: Mapping[str, Any]) -> str:
    """Why the answer is no chat completion, in a few words; empty when it may be one."""
    choices = answer.get("choices")
    if error := _error_in(answer):
        return f"it holds an error: {error}"
    if not isinstance(choices, Sequence) or isinstance(choices, str) or not choices:
        return "it holds no choices"
    first = choices[0]
    if not isinstance(first, Mapping):
        return "its choice is no object"
    if error := _error_in(first):
        return f"its choice holds an error: {error}"
    return _fault_of_calls(first.get("message"))


def _fault_of_calls(message: object) -> str:
    calls = message.get(TOOL_CALLS) if isinstance(message, Mapping) else None
    for call in calls if isinstance(calls, Sequence) else ():
        kind = call.get("type") if isinstance(call, Mapping) else None
        if kind not in ("function", None):
            return f"it calls a tool of type {str(kind)[:40]!r}, and none was offered"
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not function.get("name"):
            return "it calls a tool without a name"
    return ""


def _error_in(value: Mapping[str, Any]) -> str:
    error = value.get("error")
    if not error:
        return ""
    said = error.get("message") if isinstance(error, Mapping) else None
    return " ".join(str(said or error).split())[:200]


def echo_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """What must go back with the results of the message's tool calls: reasoning, and signatures of calls.

    A message without calls has none: some servers refuse its reasoning.
    """
    calls = message.get(TOOL_CALLS)
    if not calls:
        return {}
    echo = {name: message[name] for name in _REASONING if message.get(name)}
    extras = [call.get(_EXTRA) if isinstance(call, Mapping) else None for call in calls]
    return {**echo, TOOL_CALLS: extras} if any(extras) else echo


def with_echo(message: dict[str, Any], echo: Mapping[str, Any]) -> dict[str, Any]:
    """The message as it goes back to the provider."""
    for name in _REASONING:
        if name in echo:
            message[name] = echo[name]
    for call, extra in zip(message.get(TOOL_CALLS, ()), echo.get(TOOL_CALLS, ()), strict=False):
        if extra:
            call[_EXTRA] = extra
    return message
