"""A Blackboard becomes its servers, and the databases that are ours to run."""

from datetime import datetime

from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.api.common import PodSettings
from agent_runtime.compile.blackboard import STORE_URL_ENV, compile_blackboard
from agent_runtime.compile.result import Compiled, Lookup, Problem, SecretEnv
from agent_runtime.config.models import BlackboardConfig
from covey_operator.desired import backup, postgres, redis
from covey_operator.desired.database import Borrowed, Database, databases_of
from covey_operator.desired.manifests import (
    config_map,
    contents,
    disruption_budget,
    http_service,
    ingress_policy,
    manifest,
    operators_pod,
    rollout_hash,
    secret,
    service_account,
)
from covey_operator.desired.pods import CONFIG_FOLDER, CONFIG_KEY, Part, http_server, pod_template, secret_env
from covey_operator.install.installation import Installation
from covey_operator.kube.labels import labels, selector
from covey_operator.kube.resources import Object
from covey_operator.plan import Children, Plan

COMPONENT = "server"


def child_name(blackboard: str) -> str:
    """The name of the server and of what belongs to it."""
    return f"{blackboard}-blackboard"


def plan(
    board: BlackboardResource, lookup: Lookup, install: Installation, children: Children, now: datetime
) -> Plan:
    """Compile the blackboard; where that fails, what runs goes on running."""
    del children, now  # a blackboard is what its spec says, whatever there was before
    compiled = compile_blackboard(board, lookup, install.places())
    problems = (*compiled.problems, *_one_memory(board))
    if compiled.config is None or problems:
        return Plan(None, problems, compiled.refs)
    config = compiled.config.model_copy(update={"issuer": install.issuer})
    children_wanted = tuple(desired(board, compiled, config, lookup, install))
    return Plan(children_wanted, (), compiled.refs, caveat=_caveat(install))


def _caveat(install: Installation) -> str:
    if install.issuer is not None:
        return ""
    return (
        "agents are let in by their grants alone, which do not expire, as the API server does not say who "
        f"signs the tokens of service accounts: {install.issuer_fault}"
    )


def _one_memory(board: BlackboardResource) -> tuple[Problem, ...]:
    """Two servers, each with a memory of its own, would be two blackboards."""
    replicas = board.spec.server.replicas
    if board.spec.store.memory is None or replicas < 2:
        return ()
    message = (
        f"spec.server.replicas: {replicas} servers cannot share a store in memory: "
        "set it to 1, or take spec.store.redis or spec.store.postgres"
    )
    return (Problem("Accepted", "InvalidSpec", message, "spec.server.replicas"),)


def desired(
    board: BlackboardResource,
    compiled: Compiled[BlackboardConfig],
    config: BlackboardConfig,
    lookup: Lookup,
    install: Installation,
) -> list[Object]:
    """The children of the blackboard, in the order in which they are applied."""
    name = child_name(board.name)
    labelled = labels("Blackboard", board.name, COMPONENT)
    databases = databases_of(board)
    keys = _keys(board, databases, install)
    variables = _variables(config, databases, compiled.secrets, name)
    used = {**contents(compiled.secrets, lookup), **keys}
    children = [
        service_account(name, labelled),
        config_map(name, labelled, config),
        secret(name, labelled, keys),
        http_service(name, "Blackboard", board.name, COMPONENT),
        _deployment(board, variables, rollout_hash(config, used), install),
    ]
    if board.spec.server.replicas > 1:
        children.append(disruption_budget(name, "Blackboard", board.name, COMPONENT))
    if install.settings.network_policies:
        listens = operators_pod(install.settings.own_namespace)  # for the artifact triggers of flows
        children.append(ingress_policy(name, "Blackboard", board.name, COMPONENT, "http", also=(listens,)))
    servers = selector("Blackboard", board.name, COMPONENT)
    for database in databases:
        copies = _copying(board) if database.component == "store" else ()
        borrowed = Borrowed(name, name, keys[database.password_key], servers, copies)
        run = redis.desired if database.kind == "redis" else postgres.desired
        children += run(board, database, borrowed, install.settings)
    if board.spec.backup is not None:
        (store_url,) = (each for each in variables if each.env == STORE_URL_ENV)
        children += backup.desired(board, board.spec.backup, name, store_url, install.settings)
    return children


def _copying(board: BlackboardResource) -> tuple[Object, ...]:
    """The pods that make backups, as peers of a NetworkPolicy."""
    if board.spec.backup is None:
        return ()
    return ({"podSelector": {"matchLabels": selector("Blackboard", board.name, backup.COMPONENT)}},)


def _keys(
    board: BlackboardResource, databases: tuple[Database, ...], install: Installation
) -> dict[str, str]:
    """The content of the blackboard's Secret."""
    place = (board.namespace, board.name, board.metadata.uid)
    keys = {"key": install.blackboard_key(*place), "token": install.user_token(*place)}
    for database in databases:
        if database.kind == "redis":
            password, url = install.redis_password(*place), redis.url
        else:
            password, url = install.postgres_password(database.component, *place), postgres.url
        keys[database.password_key] = password
        keys[database.url_key] = url(board, database, password)
    return keys


def _variables(
    config: BlackboardConfig,
    databases: tuple[Database, ...],
    given: tuple[SecretEnv, ...],
    secret_name: str,
) -> tuple[SecretEnv, ...]:
    urls = (SecretEnv(each.url_env, secret_name, each.url_key) for each in databases)
    return (SecretEnv(config.key_env, secret_name, "key"), *urls, *given)


def _deployment(
    board: BlackboardResource, variables: tuple[SecretEnv, ...], config_hash: str, install: Installation
) -> Object:
    name = child_name(board.name)
    server = board.spec.server
    part = Part(
        kind="Blackboard",
        name=board.name,
        component=COMPONENT,
        image=install.settings.runtime_image,
        args=("blackboard", "--config", f"{CONFIG_FOLDER}/{CONFIG_KEY}"),
        config_hash=config_hash,
        service_account=name,
        settings=server.pod or PodSettings(),
        env=secret_env(variables),
        container=http_server(),
        config_map=name,
        spread=True,
    )
    in_memory = board.spec.store.memory is not None
    rolling: Object = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    spec = {
        "replicas": server.replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": selector("Blackboard", board.name, COMPONENT)},
        # A second server beside the first would have a memory of its own.
        "strategy": {"type": "Recreate"} if in_memory else rolling,
        "template": pod_template(part, install.settings),
    }
    return manifest("apps/v1", "Deployment", name, labels("Blackboard", board.name, COMPONENT), spec=spec)
