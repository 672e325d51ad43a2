"""An Agent becomes a Deployment behind a Service, with config, tokens and an account without rights."""

from datetime import datetime
from pathlib import PurePosixPath

from agent_runtime.api.agent import AgentResource
from agent_runtime.api.base import seconds
from agent_runtime.api.common import PodSettings
from agent_runtime.auth.tokens import pod_audience
from agent_runtime.compile.agent import compile_agent
from agent_runtime.compile.places import BLACKBOARD_TOKEN_FILE
from agent_runtime.compile.result import Compiled, Lookup, SecretEnv
from agent_runtime.config.models import AgentConfig
from covey_operator.desired.manifests import (
    config_map,
    contents,
    disruption_budget,
    http_service,
    ingress_policy,
    manifest,
    rollout_hash,
    secret,
    service_account,
)
from covey_operator.desired.pods import (
    CONFIG_FOLDER,
    CONFIG_KEY,
    Part,
    Projected,
    http_server,
    pod_template,
    secret_env,
)
from covey_operator.install.installation import Installation
from covey_operator.kube.labels import labels, selector
from covey_operator.kube.resources import Object
from covey_operator.plan import Children, Plan

COMPONENT = "agent"
_LONGEST_GRACE = 600


def child_name(agent: str) -> str:
    """The name of everything that the agent becomes."""
    return f"{agent}-agent"


def plan(
    agent: AgentResource, lookup: Lookup, install: Installation, children: Children, now: datetime
) -> Plan:
    """Compile the agent; where that fails, what runs goes on running."""
    del children, now  # an agent is what its spec says, whatever there was before
    compiled = compile_agent(agent, lookup, install.places())
    if compiled.config is None:
        paused = child_name(agent.name) if agent.spec.suspend else None
        return Plan(None, compiled.problems, compiled.refs, pause=paused)
    return Plan(tuple(desired(agent, compiled, compiled.config, lookup, install)), (), compiled.refs)


def desired(
    agent: AgentResource,
    compiled: Compiled[AgentConfig],
    config: AgentConfig,
    lookup: Lookup,
    install: Installation,
) -> list[Object]:
    """The children of the agent, in the order in which they are applied."""
    name = child_name(agent.name)
    labelled = labels("Agent", agent.name, COMPONENT)
    tokens = _tokens(agent, lookup, install)
    variables = _variables(config, compiled.secrets, name)
    used = {**contents(compiled.secrets, lookup), **tokens}
    children = [
        service_account(name, labelled),
        config_map(name, labelled, config),
        secret(name, labelled, tokens),
        http_service(name, "Agent", agent.name, COMPONENT),
        _deployment(agent, variables, rollout_hash(config, used), install),
    ]
    if agent.spec.serving.replicas > 1:
        children.append(disruption_budget(name, "Agent", agent.name, COMPONENT))
    if install.settings.network_policies:
        children.append(ingress_policy(name, "Agent", agent.name, COMPONENT, "http"))
    return children


def _tokens(agent: AgentResource, lookup: Lookup, install: Installation) -> dict[str, str]:
    """The content of the agent's Secret."""
    namespace = agent.namespace
    tokens = {"token": install.agent_token(namespace, agent.name, agent.metadata.uid)}
    place = agent.spec.blackboard
    board = lookup("Blackboard", place.name) if place else None
    if place is not None and board is not None:
        uid = str(board["metadata"].get("uid", ""))
        account = (agent.spec.pod or PodSettings()).service_account_name or child_name(agent.name)
        tokens["blackboard-token"] = install.agent_grant(namespace, agent.name, place, uid, account)
    return tokens


def _variables(config: AgentConfig, given: tuple[SecretEnv, ...], secret_name: str) -> tuple[SecretEnv, ...]:
    own = []
    if config.token_env is not None:
        own.append(SecretEnv(config.token_env, secret_name, "token"))
    if config.blackboard is not None:
        own.append(SecretEnv(config.blackboard.token_env, secret_name, "blackboard-token"))
    return (*own, *given)


def _proofs(agent: AgentResource) -> tuple[Projected, ...]:
    place = agent.spec.blackboard
    if place is None:
        return ()
    return (Projected(pod_audience(agent.namespace, place.name), PurePosixPath(BLACKBOARD_TOKEN_FILE)),)


def _deployment(
    agent: AgentResource, variables: tuple[SecretEnv, ...], config_hash: str, install: Installation
) -> Object:
    name = child_name(agent.name)
    replicas = 0 if agent.spec.suspend else agent.spec.serving.replicas
    part = Part(
        kind="Agent",
        name=agent.name,
        component=COMPONENT,
        image=install.settings.runtime_image,
        args=("agent", "--config", f"{CONFIG_FOLDER}/{CONFIG_KEY}"),
        config_hash=config_hash,
        service_account=name,
        settings=agent.spec.pod or PodSettings(),
        env=secret_env(variables),
        container=http_server(),
        config_map=name,
        proofs=_proofs(agent),
        grace=min(_LONGEST_GRACE, int(seconds(agent.spec.limits.timeout)) + 10),
        spread=True,
    )
    spec = {
        "replicas": replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": selector("Agent", agent.name, COMPONENT)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": pod_template(part, install.settings),
    }
    return manifest("apps/v1", "Deployment", name, labels("Agent", agent.name, COMPONENT), spec=spec)
