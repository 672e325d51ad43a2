"""A model that a script plays: deterministic, free and offline.

The first step whose `when` holds speaks. Everything is compiled once, when the model is made.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from agent_runtime.api.base import seconds
from agent_runtime.api.model import SCRIPT_VARIABLES, ScriptedToolCall, ScriptStep
from agent_runtime.config.models import ModelConfig
from agent_runtime.core.cel import CelError, Expression
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.core.template import Template
from agent_runtime.models.errors import ModelTimeout, Place, ScriptFailed, ScriptFault
from agent_runtime.models.port import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)


class ScriptedModel:
    """A ModelClient that answers from `config.script`.

    Raises ScriptFault when made from a script whose expressions do not compile.
    """

    def __init__(self, config: ModelConfig, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._place = Place(config.name)
        self._timeout = config.timeout_seconds
        self._clock = clock
        try:
            self._steps = [_Step.compile(index, step) for index, step in enumerate(config.script)]
        except CelError as error:
            raise ScriptFault(self._place, "has a script that does not compile", str(error)) from error

    async def request(self, request: ModelRequest) -> ModelResponse:
        """What the first step that holds says."""
        variables = script_variables(request)
        step = self._choose(variables)
        await self._take_time(step.delay)
        try:
            if (error := step.fail(variables)) is not None:
                raise ScriptFailed(self._place, error)
            text = step.say(variables)
            calls = tuple(step.calls(variables))
        except CelError as error:
            raise self._fault(step, error) from error
        return ModelResponse(text, calls, Usage(_count_input(request), _count_output(text, calls)))

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _choose(self, variables: Mapping[str, Any]) -> "_Step":
        for step in self._steps:
            try:
                if step.holds(variables):
                    return step
            except CelError as error:
                raise self._fault(step, error) from error
        raise ScriptFault(
            self._place,
            f"has no step for turn {variables['turn']}",
            f"none of the `when` of its {len(self._steps)} steps holds; they saw {_outline(variables)}. "
            "Add a step without `when` at the end",
        )

    async def _take_time(self, delay: float) -> None:
        if delay > self._timeout:
            await self._clock.sleep(self._timeout)
            raise ModelTimeout(self._place, self._timeout)
        if delay:
            await self._clock.sleep(delay)

    def _fault(self, step: "_Step", error: CelError) -> ScriptFault:
        return ScriptFault(self._place, f"has a fault in script[{step.index}]", str(error))


def script_variables(request: ModelRequest) -> dict[str, Any]:
    """What expressions see: `input`, `message`, `turn` and `results`."""
    first, last = request.messages[0], request.messages[-1]
    results: dict[str, list[Any]] = {}
    turn = 0
    for message in request.messages:
        if isinstance(message, ModelMessage):
            turn += 1
        elif isinstance(message, ToolMessage):
            results.setdefault(message.tool, []).append(message.content)
    return {
        "input": _parsed(first.text) if isinstance(first, UserMessage) else None,
        "message": _compact(last.content) if isinstance(last, ToolMessage) else last.text,
        "turn": turn,
        "results": results,
    }


@dataclass(frozen=True, slots=True)
class _Call:
    """A tool call of a step, compiled."""

    tool: str
    arguments: Template
    for_each: Expression | None

    @classmethod
    def compile(cls, call: ScriptedToolCall) -> "_Call":
        if call.for_each is None:
            return cls(call.tool, Template(call.arguments, SCRIPT_VARIABLES), None)
        arguments = Template(call.arguments, (*SCRIPT_VARIABLES, "item"))
        return cls(call.tool, arguments, Expression(call.for_each, SCRIPT_VARIABLES))

    def arguments_of_each(self, variables: Mapping[str, Any]) -> Iterator[Any]:
        """The arguments of each call that it stands for."""
        if self.for_each is None:
            yield self.arguments.render(variables)
            return
        items = self.for_each.evaluate(variables)
        if not isinstance(items, list):
            raise CelError(f"forEach {self.for_each.source!r} must yield a list, got {type(items).__name__}")
        for item in items:
            yield self.arguments.render({**variables, "item": item})


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of the script, compiled."""

    index: int
    when: Expression | None
    reply: Template
    tool_calls: tuple[_Call, ...]
    error: Template | None
    delay: float
    """Seconds."""

    @classmethod
    def compile(cls, index: int, step: ScriptStep) -> "_Step":
        return cls(
            index,
            Expression(step.when, SCRIPT_VARIABLES) if step.when is not None else None,
            Template(step.reply or "", SCRIPT_VARIABLES),
            tuple(_Call.compile(call) for call in step.tool_calls or ()),
            Template(step.error, SCRIPT_VARIABLES) if step.error is not None else None,
            seconds(step.delay) if step.delay is not None else 0.0,
        )

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Whether it is this step's turn to speak."""
        return self.when is None or self.when.holds(variables)

    def fail(self, variables: Mapping[str, Any]) -> str | None:
        """The message to fail with; None: it does not fail."""
        if self.error is None:
            return None
        message = self.error.render(variables)
        return message if isinstance(message, str) else _compact(message)

    def say(self, variables: Mapping[str, Any]) -> str:
        """The reply's text."""
        reply = self.reply.render(variables)
        return reply if isinstance(reply, str) else _compact(reply)

    def calls(self, variables: Mapping[str, Any]) -> Iterator[ToolCall]:
        """The calls, with ids that are the same each time."""
        number = 0
        for call in self.tool_calls:
            for arguments in call.arguments_of_each(variables):
                yield ToolCall(f"call-{variables['turn']}-{number}", call.tool, arguments)
                number += 1


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _outline(variables: Mapping[str, Any]) -> str:
    """The variables' shape, not their content, which may be long or private."""
    given = variables["input"]
    shape = f"an object with {sorted(given)}" if isinstance(given, dict) else f"a {type(given).__name__}"
    counts = {tool: len(results) for tool, results in variables["results"].items()}
    return f"input: {shape}, turn: {variables['turn']}, results: {counts or 'none'}"


def _count_input(request: ModelRequest) -> int:
    """Words stand for tokens: the same each time, and near enough for trying budgets out."""
    words = len(request.instructions.split())
    for message in (*request.history, *request.messages):
        text = _compact(message.content) if isinstance(message, ToolMessage) else message.text
        words += len(text.split())
    return words


def _count_output(text: str, calls: tuple[ToolCall, ...]) -> int:
    return len(text.split()) + sum(1 + len(_compact(call.arguments).split()) for call in calls)
