"""The library's chat model, with what it leaves out: errors within answers, and reasoning that goes back.

Only methods that the library offers to subclasses are overridden.
"""

from dataclasses import dataclass
from typing import Any, cast

from openai.types import chat
from pydantic_ai import exceptions
from pydantic_ai.models.openai import OpenAIChatModel

from agent_runtime.models.completion import echo_of, fault_of, with_echo

ECHO = "covey_echo"
"""In `provider_details`: what the provider wants back."""


class ChatModel(OpenAIChatModel):
    """Refuses an answer that is none, and keeps what must be sent back."""

    def _validate_completion(self, response: chat.ChatCompletion) -> Any:
        fault = fault_of(response.model_dump(warnings=False))
        if fault:
            raise exceptions.UnexpectedModelBehavior(fault)
        return super()._validate_completion(response)

    def _process_provider_details(self, response: chat.ChatCompletion) -> dict[str, Any] | None:
        details = super()._process_provider_details(response) or {}
        echo = echo_of(response.choices[0].message.model_dump(warnings=False))
        return {**details, ECHO: echo} if echo else details

    @dataclass
    class _MapModelResponseContext(OpenAIChatModel._MapModelResponseContext):
        def _into_message_param(self) -> chat.ChatCompletionAssistantMessageParam | None:
            param = super()._into_message_param()
            details = self.message.provider_details if self.message is not None else None
            if param is None or not details or ECHO not in details:
                return param
            echoed = with_echo(cast(dict[str, Any], param), details[ECHO])
            return cast(chat.ChatCompletionAssistantMessageParam, echoed)
