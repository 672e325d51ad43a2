"""A Model, checked and compiled."""

from agent_runtime.api.base import seconds
from agent_runtime.api.model import SCRIPT_VARIABLES, ModelParameters, ModelResource, ScriptStep
from agent_runtime.compile.resolution import Resolution
from agent_runtime.compile.result import Compiled, Lookup
from agent_runtime.config.models import ModelConfig


def check_model(model: ModelResource, lookup: Lookup) -> Compiled[ModelConfig]:
    """The Model as the runtime calls it. Its Secret and its script are checked."""
    resolution = Resolution(lookup, model.namespace)
    spec = model.spec
    key_env = None
    if spec.api_key_from is not None:
        key_env = f"COVEY_MODEL_{model.name.upper().replace('-', '_')}_API_KEY"
        resolution.secret(spec.api_key_from.secret_key_ref, key_env, "spec.apiKeyFrom.secretKeyRef")
    for index, step in enumerate(spec.script or []):
        _check_step(step, f"spec.script[{index}]", resolution)
    return resolution.compiled(
        ModelConfig(
            name=model.name,
            provider=spec.provider,
            model=spec.model or "",
            base_url=spec.base_url,
            api_key_env=key_env,
            parameters=spec.parameters or ModelParameters(),
            timeout_seconds=seconds(spec.timeout),
            script=spec.script or [],
        )
    )


def resolve_model(
    name: str, field: str, lookup: Lookup, namespace: str, resolution: Resolution
) -> ModelConfig | None:
    """The config of the Model, or None and a problem that says why it cannot be used."""
    model = resolution.resource(ModelResource, name, field)
    if model is None:
        return None
    compiled = check_model(model, lookup)
    resolution.include(compiled)
    if compiled.problems:
        resolution.not_ready("Model", name, compiled.problems[0].message, field)
    return compiled.config


def _check_step(step: ScriptStep, field: str, resolution: Resolution) -> None:
    if step.when is not None:
        resolution.expression(step.when, SCRIPT_VARIABLES, f"{field}.when")
    if step.reply is not None:
        resolution.template(step.reply, SCRIPT_VARIABLES, f"{field}.reply")
    if step.error is not None:
        resolution.template(step.error, SCRIPT_VARIABLES, f"{field}.error")
    for index, call in enumerate(step.tool_calls or []):
        variables = SCRIPT_VARIABLES
        if call.for_each is not None:
            resolution.expression(call.for_each, SCRIPT_VARIABLES, f"{field}.toolCalls[{index}].forEach")
            variables = (*SCRIPT_VARIABLES, "item")
        resolution.template(call.arguments, variables, f"{field}.toolCalls[{index}].arguments")
