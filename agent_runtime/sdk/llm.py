"""An engine that asks a language model: artifacts as JSON in, artifacts of the published classes out."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from agent_runtime.agents.conversation import Conversation
from agent_runtime.agents.evaluation import evaluate
from agent_runtime.agents.output import Shape, delivery_shape
from agent_runtime.agents.patterns import PATTERNS
from agent_runtime.agents.prompt import asked
from agent_runtime.agents.publishing import payloads
from agent_runtime.config.models import ModelConfig
from agent_runtime.core.json_pointer import pointer
from agent_runtime.models.build import build_model
from agent_runtime.sdk.artifacts import type_of
from agent_runtime.sdk.context import Context
from agent_runtime.sdk.engines import Role, Step
from agent_runtime.sdk.errors import UsageError
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from agent_runtime.tools.toolbox import Toolbox


class Llm:
    """Made of the same parts as an Agent of a manifest, and may work for several agents.

    The model is shown the artifacts, what engines before it left in `context.state`, and their output so far.
    What it answers must fit the classes that the agent publishes; what does not
    is sent back to it with the faults, up to twice.
    """

    def __init__(
        self,
        model: ModelConfig | Mapping[str, Any],
        *,
        instructions: str = "",
        tools: Sequence[str] = (),
        max_steps: int = 12,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`tools` are names of the runtime's own tools; `max_steps` bounds the model calls of one work item.

        `environ` holds the model's key. Raises ModelError when the model cannot be called, for example
        without a key, and UsageError for a tool that there is not.
        """
        unknown = sorted(set(tools) - set(BUILTIN))
        if unknown:
            raise UsageError(f"there is no tool {unknown[0]!r}: there are {', '.join(BUILTIN)}")
        config = ModelConfig.model_validate({"name": "llm", **model}) if isinstance(model, Mapping) else model
        self._model = build_model(config, environ)
        self._tools = Toolbox([BUILTIN[tool] for tool in tools], ToolContext.from_environ(environ))
        self._pattern = PATTERNS["ReAct" if tools else "Chat"]
        self._instructions = instructions
        self._max_steps = max_steps

    def bind(self, role: Role) -> Step:
        """See `engines.Bound`. Raises UsageError when the agent publishes nothing that could be asked for."""
        if not role.publishes:
            raise UsageError(f"agent {role.agent!r} has an Llm and publishes nothing: add .publishes(...)")
        shape = delivery_shape(None, role.publishes, [type_of(model) for model in role.models])
        instructions = "\n\n".join(part for part in (self._instructions, shape.instructions()) if part)

        def check(output: Any) -> list[str]:
            return _faults(role, output)

        async def ask(context: Context) -> list[BaseModel]:
            conversation = self._conversation(context, instructions, shape)
            answer = await evaluate(conversation, self._pattern, shape, check)
            return _read(role, answer.output)

        return ask

    async def close(self) -> None:
        """Let go of the model's connections."""
        await self._model.close()

    def _conversation(self, context: Context, instructions: str, shape: Shape) -> Conversation:
        sets = [[artifact.id for artifact in part.artifacts] for part in context.sets]
        question = asked(context.artifacts, sets if len(sets) > 1 else ())
        if context.state:
            question["state"] = to_jsonable_python(context.state, fallback=str)
        if context.output is not None:
            question["output"] = to_jsonable_python(context.output, fallback=str)
        return Conversation(
            context.agent,
            self._model,
            self._tools,
            instructions=instructions,
            question=json.dumps(question, ensure_ascii=False),
            output_schema=shape.schema,
            max_steps=self._max_steps,
            on_tool=lambda step: context.on_progress(f"called {step.tool}"),
            on_step=lambda number: context.on_progress(f"step {number}"),
        )


def _read(role: Role, output: Any) -> list[BaseModel]:
    """The answer as instances. Raises ValidationError: what fits a schema may still not be one."""
    models = {published.type: model for published, model in zip(role.publishes, role.models, strict=True)}
    return [
        models[published.type].model_validate(payload)
        for published, payload in payloads(role.publishes, output)
    ]


def _faults(role: Role, output: Any) -> list[str]:
    """What the classes say against an answer that fits their schemas."""
    try:
        _read(role, output)
    except ValidationError as error:
        return [
            f"{pointer(fault['loc']) or 'the answer'} of a {error.title}: {fault['msg']}"
            for fault in error.errors()
        ]
    return []
