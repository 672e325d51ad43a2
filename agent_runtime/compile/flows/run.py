"""A FlowRun with its Flow, the Models and Agents of its nodes, and its parameters."""

import hashlib
from collections.abc import Mapping
from typing import Any

from agent_runtime.api.base import KeyRef
from agent_runtime.api.flow import FlowResource, Graph
from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.flows.flow import check_flow, check_whole
from agent_runtime.compile.flows.inputs import check_question
from agent_runtime.compile.flows.params import complete_params
from agent_runtime.compile.flows.publisher import publisher_of
from agent_runtime.compile.flows.subflows import every_node, subflows
from agent_runtime.compile.model import resolve_model
from agent_runtime.compile.places import PUBLISHER_TOKENS
from agent_runtime.compile.resolution import Resolution
from agent_runtime.compile.result import Compiled, Lookup, Places, SecretEnv
from agent_runtime.config.models import (
    AgentAccess,
    EnvFromSecret,
    ForkSource,
    ModelConfig,
    PublishAccess,
    RunConfig,
    RunStoreAccess,
    WorkerConfig,
    run_id,
)
from agent_runtime.triggers.naming import TRACE_ANNOTATION


def compile_run(run: FlowRunResource, lookup: Lookup, places: Places) -> Compiled[RunConfig]:
    """The config of one run: frozen, so that a later process of the run needs nothing else.

    `secrets` holds the keys of its Models, secret headers, and of each Agent that it asks the token in
    `NAME-agent`, the Secret that the operator makes for it. They stand in the config too, by name.
    """
    resolution = Resolution(lookup, run.namespace)
    found = _graph(run, lookup, resolution)
    if found is None or resolution.failed:
        return resolution.compiled(None)
    name, graph, flows = found
    params, faults = complete_params(graph, run.spec.params or {})
    for path, message in faults:
        field = f"spec.params.{path}"
        resolution.refuse("InvalidParams", f"{field}: {message}", field)
    needs = _Needs(every_node(graph, flows), lookup, places, run.namespace, resolution)
    url = places.runs()
    return resolution.compiled(
        RunConfig(
            name=run.name,
            namespace=run.namespace,
            uid=run.metadata.uid,
            flow_name=name,
            flow=graph,
            flows=flows,
            params=params,
            models=needs.models,
            agents=needs.agents,
            publisher=publisher_of(run) if needs.boards else None,
            boards=needs.boards or None,
            store=RunStoreAccess(url=url) if url is not None else None,
            fork_of=_fork_source(run, resolution),
            secrets=[EnvFromSecret(env=s.env, secret=s.secret, key=s.key) for s in needs.secrets],
            traceparent=run.metadata.annotations.get(TRACE_ANNOTATION),
        )
    )


def compile_worker(flow: FlowResource, lookup: Lookup, places: Places) -> Compiled[WorkerConfig]:
    """The config of the flow's warm workers. `secrets` holds all that a run of the flow may need."""
    resolution = Resolution(lookup, flow.namespace)
    serve, url = flow.spec.serve, places.runs()
    if serve is None or url is None:
        return resolution.compiled(None)
    needs = _Needs(
        every_node(flow.spec, subflows(flow.spec, "spec", resolution, flow.name)),
        lookup,
        places,
        flow.namespace,
        resolution,
    )
    store = RunStoreAccess(url=url)
    return resolution.compiled(
        WorkerConfig(
            name=flow.name,
            namespace=flow.namespace,
            concurrency=serve.concurrency,
            boards=needs.boards or None,
            store=store,
        )
    )


def grant_env(blackboard: str, tenant: str | None) -> str:
    """The environment variable with the grant by which runs publish on a blackboard for a tenant."""
    digest = hashlib.sha256(f"{blackboard}/{tenant or ''}".encode()).hexdigest()
    return f"COVEY_PUBLISH_{digest[:12].upper()}"


def header_env(source: KeyRef) -> str:
    """The environment variable with a header's secret value."""
    digest = hashlib.sha256(f"{source.name}/{source.key}".encode()).hexdigest()
    return f"COVEY_HEADER_{digest[:12].upper()}"


def _graph(
    run: FlowRunResource, lookup: Lookup, resolution: Resolution
) -> tuple[str, Graph, dict[str, Graph]] | None:
    """What is run: the flow's name, its graph, and the flows within it."""
    spec = run.spec
    if spec.flow is None:
        graph = spec.flow_spec or _question(run)
        if spec.agent is not None:
            name = next(iter(spec.params or ()), None)
            such_as = f"params.{name}" if name is not None else "'hello'"
            check_question(spec.agent.input, "spec.agent.input", resolution, such_as=such_as)
        field = "spec.flowSpec" if spec.flow_spec is not None else "spec.agent"
        return run.name, graph, check_whole(graph, field, lookup, run.namespace, resolution, name=run.name)
    flow = resolution.resource(FlowResource, spec.flow.name, "spec.flow.name")
    if flow is None:
        return None
    checked = check_flow(flow, lookup)
    resolution.include(checked)
    if checked.config is None:
        resolution.not_ready("Flow", flow.name, checked.problems[0].message, "spec.flow.name")
        return None
    return flow.name, flow.spec.graph, subflows(flow.spec, "spec.flow.name", resolution, flow.name)


def _question(run: FlowRunResource) -> Graph:
    """One node that asks the agent."""
    assert run.spec.agent is not None
    asked = run.spec.agent
    params: dict[str, dict[str, Any]] = {name: {} for name in run.spec.params or {}}
    return Graph(
        params=params, start="ask", nodes=[FlowNode(name="ask", agent=asked.name, input=asked.input)]
    )


def _fork_source(run: FlowRunResource, resolution: Resolution) -> ForkSource | None:
    fork = run.spec.fork_of
    if fork is None:
        return None
    source = resolution.resource(FlowRunResource, fork.run, "spec.forkOf.run")
    if source is None:
        return None
    return ForkSource(run=run_id(source.namespace, source.name, source.metadata.uid), at=fork.at)


class _Needs:
    """What the nodes need from outside, by name."""

    def __init__(
        self, nodes: list[FlowNode], lookup: Lookup, places: Places, namespace: str, resolution: Resolution
    ) -> None:
        self._lookup = lookup
        self._places = places
        self._namespace = namespace
        self._resolution = resolution
        self.models = self._models(nodes)
        self.agents = {
            name: self._agent(name)
            for name in dict.fromkeys(node.agent for node in nodes if node.agent is not None)
        }
        self.boards = [
            self._board(*place)
            for place in dict.fromkeys(
                (node.publish.blackboard, node.publish.tenant) for node in nodes if node.publish is not None
            )
        ]
        for node in nodes:
            for source in node.http.headers_from if node.http else ():
                ref = source.secret_key_ref
                resolution.environment(SecretEnv(header_env(ref), ref.name, ref.key))
        self.secrets = resolution.compiled(None).secrets

    def _models(self, nodes: list[FlowNode]) -> dict[str, ModelConfig]:
        configs = {
            name: resolve_model(name, "spec.flow.name", self._lookup, self._namespace, self._resolution)
            for name in dict.fromkeys(node.llm.model.name for node in nodes if node.llm is not None)
        }
        return {name: config for name, config in configs.items() if config is not None}

    def _agent(self, name: str) -> AgentAccess:
        manifest = self._resolution.find("Agent", name, "spec.flow.name") or {}
        token_env = None
        if _asks_for_token(manifest):
            token_env = f"COVEY_AGENT_{name.upper().replace('-', '_')}_TOKEN"
            self._resolution.environment(SecretEnv(token_env, f"{name}-agent", "token"))
        return AgentAccess(url=self._places.agent(self._namespace, name), token_env=token_env)

    def _board(self, name: str, tenant: str | None) -> PublishAccess:
        """The grant is not among the secrets: the operator makes it, and the laptop needs none."""
        self._resolution.find("Blackboard", name, "spec.flow.name")
        return PublishAccess(
            blackboard=name,
            tenant=tenant,
            url=self._places.blackboard(self._namespace, name),
            token_env=grant_env(name, tenant),
            token_file=f"{PUBLISHER_TOKENS}/{name}" if self._places.blackboard_token_file() else None,
        )


def _asks_for_token(agent: Mapping[str, Any]) -> bool:
    """Only the one field is read: a run need not wait for the rest of the Agent to be in order."""
    auth = ((agent.get("spec") or {}).get("serving") or {}).get("auth") or {}
    return auth.get("none") is None
