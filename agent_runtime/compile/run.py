"""A FlowRun with its Flow, the Models and Agents of its nodes, and its parameters."""

from collections.abc import Mapping
from typing import Any

from agent_runtime.api.flow import FlowResource, FlowSpec
from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.compile.config import AgentAccess, ModelConfig, RunConfig
from agent_runtime.compile.flow import check_flow
from agent_runtime.compile.model import resolve_model
from agent_runtime.compile.resolution import Resolution
from agent_runtime.compile.result import Compiled, Lookup, Places, SecretEnv
from agent_runtime.compile.schemas import faults_in


def compile_run(run: FlowRunResource, lookup: Lookup, places: Places) -> Compiled[RunConfig]:
    """The config of one run.

    `secrets` holds the keys of its Models, and of each Agent that it asks the token in `NAME-agent`, the
    Secret that the operator makes for it.
    """
    resolution = Resolution(lookup, run.namespace)
    flow = resolution.resource(FlowResource, run.spec.flow.name, "spec.flow.name")
    if flow is None:
        return resolution.compiled(None)
    checked = check_flow(flow, lookup)
    resolution.include(checked)
    if checked.config is None:
        resolution.not_ready("Flow", flow.name, checked.problems[0].message, "spec.flow.name")
        return resolution.compiled(None)
    return resolution.compiled(
        RunConfig(
            name=run.name,
            namespace=run.namespace,
            flow_name=flow.name,
            flow=flow.spec,
            params=_params(flow.spec, run.spec.params or {}, resolution),
            models=_models(flow.spec, lookup, run.namespace, resolution),
            agents=_agents(flow.spec, lookup, places, run.namespace, resolution),
        )
    )


def _params(flow: FlowSpec, given: Mapping[str, Any], resolution: Resolution) -> dict[str, Any]:
    """What was given and fits, completed with defaults."""
    for name in sorted(given.keys() - flow.params.keys()):
        there = ", ".join(flow.params) or "none"
        _refuse(resolution, f"spec.params.{name}", f"the flow has no such parameter, it has {there}")
    complete: dict[str, Any] = {}
    for name, schema in flow.params.items():
        if name in given:
            complete[name] = given[name]
            for place, message in faults_in(schema, given[name]):
                _refuse(resolution, f"spec.params.{name}{place}", message)
        elif "default" in schema:
            complete[name] = schema["default"]
        else:
            _refuse(resolution, f"spec.params.{name}", "the parameter is missing and has no default: set it")
    return complete


def _refuse(resolution: Resolution, field: str, message: str) -> None:
    resolution.refuse("InvalidParams", f"{field}: {message}", field)


def _models(flow: FlowSpec, lookup: Lookup, namespace: str, resolution: Resolution) -> dict[str, ModelConfig]:
    names = dict.fromkeys(node.llm.model.name for node in flow.nodes if node.llm is not None)
    configs = {name: resolve_model(name, "spec.flow.name", lookup, namespace, resolution) for name in names}
    return {name: config for name, config in configs.items() if config is not None}


def _agents(
    flow: FlowSpec, lookup: Lookup, places: Places, namespace: str, resolution: Resolution
) -> dict[str, AgentAccess]:
    access: dict[str, AgentAccess] = {}
    for name in dict.fromkeys(node.agent for node in flow.nodes if node.agent is not None):
        manifest = resolution.find("Agent", name, "spec.flow.name") or {}
        token_env = None
        if _asks_for_token(manifest):
            token_env = f"COVEY_AGENT_{name.upper().replace('-', '_')}_TOKEN"
            resolution.environment(SecretEnv(token_env, f"{name}-agent", "token"))
        access[name] = AgentAccess(url=places.agent(namespace, name), token_env=token_env)
    return access


def _asks_for_token(agent: Mapping[str, Any]) -> bool:
    """Only the one field is read: a run need not wait for the rest of the Agent to be in order."""
    auth = ((agent.get("spec") or {}).get("serving") or {}).get("auth") or {}
    return auth.get("none") is None
