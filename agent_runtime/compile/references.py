"""What a resource references directly, as it stands in its spec."""

from collections.abc import Iterator
from functools import singledispatch

from agent_runtime.api import (
    AgentResource,
    BlackboardResource,
    FlowResource,
    FlowRunResource,
    ModelResource,
    Resource,
)
from agent_runtime.api.nodes import FlowNode
from agent_runtime.compile.result import Ref


@singledispatch
def references(resource: Resource) -> tuple[Ref, ...]:
    """The objects that `resource` names, each once, in the order of the spec.

    Found or not: a reference to something that is still to come is one too. Objects that its pods name
    (volumes, `envFrom`) are Kubernetes' own business and are left out.
    """
    raise TypeError(f"{type(resource).__name__} is not a kind of Covey")


@references.register
def _(resource: AgentResource) -> tuple[Ref, ...]:
    spec = resource.spec
    named = [Ref("Model", spec.model.name)]
    if spec.instructions_from is not None:
        named.append(Ref("ConfigMap", spec.instructions_from.config_map_key_ref.name))
    if spec.blackboard is not None:
        named.append(Ref("Blackboard", spec.blackboard.name))
    return tuple(named)


@references.register
def _(resource: BlackboardResource) -> tuple[Ref, ...]:
    external = resource.spec.store.url_from
    return () if external is None else (Ref("Secret", external[1].secret_key_ref.name),)


@references.register
def _(resource: FlowResource) -> tuple[Ref, ...]:
    named: dict[Ref, None] = {}
    for node in resource.spec.nodes:
        named |= dict.fromkeys(_of_node(node))
    for trigger in resource.spec.triggers:
        if trigger.artifact is not None:
            named[Ref("Blackboard", trigger.artifact.blackboard)] = None
    return tuple(named)


@references.register
def _(resource: FlowRunResource) -> tuple[Ref, ...]:
    spec = resource.spec
    named: dict[Ref, None] = {}
    if spec.flow is not None:
        named[Ref("Flow", spec.flow.name)] = None
    if spec.agent is not None:
        named[Ref("Agent", spec.agent.name)] = None
    for node in spec.flow_spec.nodes if spec.flow_spec is not None else ():
        named |= dict.fromkeys(_of_node(node))
    if spec.fork_of is not None:
        named[Ref("FlowRun", spec.fork_of.run)] = None
    return tuple(named)


@references.register
def _(resource: ModelResource) -> tuple[Ref, ...]:
    source = resource.spec.api_key_from
    return () if source is None else (Ref("Secret", source.secret_key_ref.name),)


def _of_node(node: FlowNode) -> Iterator[Ref]:
    if node.agent is not None:
        yield Ref("Agent", node.agent)
    if node.llm is not None:
        yield Ref("Model", node.llm.model.name)
    if node.flow is not None:
        yield Ref("Flow", node.flow)
    if node.publish is not None:
        yield Ref("Blackboard", node.publish.blackboard)
    for source in node.http.headers_from if node.http is not None else ():
        yield Ref("Secret", source.secret_key_ref.name)
