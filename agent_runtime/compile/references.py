"""What a resource references directly, as it stands in its spec."""

from functools import singledispatch

from agent_runtime.api import (
    AgentResource,
    BlackboardResource,
    FlowResource,
    FlowRunResource,
    ModelResource,
    Resource,
)
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
    redis = resource.spec.store.redis
    if redis is None or redis.external is None:
        return ()
    return (Ref("Secret", redis.external.url_from.secret_key_ref.name),)


@references.register
def _(resource: FlowResource) -> tuple[Ref, ...]:
    named: dict[Ref, None] = {}
    for node in resource.spec.nodes:
        if node.agent is not None:
            named[Ref("Agent", node.agent)] = None
        if node.llm is not None:
            named[Ref("Model", node.llm.model.name)] = None
    return tuple(named)


@references.register
def _(resource: FlowRunResource) -> tuple[Ref, ...]:
    return (Ref("Flow", resource.spec.flow.name),)


@references.register
def _(resource: ModelResource) -> tuple[Ref, ...]:
    source = resource.spec.api_key_from
    return () if source is None else (Ref("Secret", source.secret_key_ref.name),)
