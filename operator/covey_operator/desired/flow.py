"""A Flow becomes warm workers when it has `serve`, and its schedules become runs."""

from datetime import datetime

from agent_runtime.api.common import PodSettings
from agent_runtime.api.flow import FlowResource, Serve
from agent_runtime.compile.flows.flow import check_flow
from agent_runtime.compile.flows.publisher import publisher_of_flow
from agent_runtime.compile.flows.run import compile_worker
from agent_runtime.compile.result import Compiled, Lookup, Problem, SecretEnv
from agent_runtime.config.models import WorkerConfig
from agent_runtime.triggers.due_runs import surplus, turn
from covey_operator.desired import publishing
from covey_operator.desired.manifests import (
    config_map,
    contents,
    disruption_budget,
    manifest,
    rollout_hash,
    seclusion_policy,
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
from covey_operator.kube.keys import Key
from covey_operator.kube.labels import labels, selector
from covey_operator.kube.owner_refs import owner_refs
from covey_operator.kube.resources import Object
from covey_operator.plan import Children, Notice, Plan

COMPONENT = "worker"


def child_name(flow: str) -> str:
    """The name of everything that belongs to the flow's workers."""
    return f"{flow}-flow"


def plan(
    flow: FlowResource, lookup: Lookup, install: Installation, children: Children, now: datetime
) -> Plan:
    """Check it; where that fails, workers go on working, and times pass until it is mended.

    `children` holds besides the workers' parts the runs that its triggers made.
    """
    checked = check_flow(flow, lookup)
    problems = (*checked.problems, *_needs_run_store(flow, install))
    if problems:
        return Plan(None, problems, checked.refs)
    compiled = compile_worker(flow, lookup, install.places())
    refs = tuple(dict.fromkeys((*checked.refs, *compiled.refs)))
    if compiled.problems:
        return Plan(None, compiled.problems, refs)
    runs = [child.state for key, child in children.items() if key.kind == "FlowRun"]
    due = turn(flow, runs, now)
    gone, more_will_go = surplus(flow, runs, now)
    return Plan(
        tuple(_workers(flow, compiled, lookup, install)),
        (),
        refs,
        cancels=tuple(Key("FlowRun", flow.namespace, name) for name in due.cancels),
        creates=tuple(owner_refs(run, flow.manifest()) for run in due.creates),
        deletes=tuple(Key("FlowRun", flow.namespace, name) for name in gone),
        again_in=0.0 if more_will_go else _until(due.next, now),
        fields={"triggers": [each.manifest() for each in due.remembered] or None},
        notices=tuple(Notice(notice.reason, notice.message) for notice in due.notices),
        listens_for=flow,
    )


def _until(time: datetime | None, now: datetime) -> float | None:
    return None if time is None else max(0.0, (time - now).total_seconds())


def _needs_run_store(flow: FlowResource, install: Installation) -> tuple[Problem, ...]:
    """Workers take their runs from it."""
    if flow.spec.serve is None or install.settings.run_store:
        return ()
    message = (
        "spec.serve: workers take runs from the run store, and Covey was installed without one: "
        "install the chart with runs.enabled=true, or remove serve and take the backend Job"
    )
    return (Problem("Accepted", "InvalidSpec", message, "spec.serve"),)


def _workers(
    flow: FlowResource, compiled: Compiled[WorkerConfig], lookup: Lookup, install: Installation
) -> list[Object]:
    """The workers' parts, in the order in which they are applied; none without `serve`."""
    serve, config = flow.spec.serve, compiled.config
    if serve is None or config is None:
        return []
    name = child_name(flow.name)
    labelled = labels("Flow", flow.name, COMPONENT)
    account = (serve.pod or PodSettings()).service_account_name or name
    who = publisher_of_flow(flow.name)
    token = {
        "token": install.worker_token(config.queue),
        **publishing.grants(config.boards, who, flow.namespace, account, lookup, install),
    }
    used = {**contents(compiled.secrets, lookup), **token}
    variables = (
        SecretEnv(config.store.token_env, name, "token"),
        *publishing.variables(config.boards, name),
        *compiled.secrets,
    )
    proofs = publishing.proofs(config.boards, flow.namespace)
    parts = [
        service_account(name, labelled),
        config_map(name, labelled, config),
        secret(name, labelled, token),
        _deployment(flow, serve, variables, proofs, rollout_hash(config, used), install),
    ]
    if serve.replicas > 1:
        parts.append(disruption_budget(name, "Flow", flow.name, COMPONENT))
    if install.settings.network_policies:
        parts.append(seclusion_policy(name, "Flow", flow.name, COMPONENT))
    return parts


def _deployment(
    flow: FlowResource,
    serve: Serve,
    variables: tuple[SecretEnv, ...],
    proofs: tuple[Projected, ...],
    config_hash: str,
    install: Installation,
) -> Object:
    name = child_name(flow.name)
    part = Part(
        kind="Flow",
        name=flow.name,
        component=COMPONENT,
        image=install.settings.runtime_image,
        args=("worker", "--config", f"{CONFIG_FOLDER}/{CONFIG_KEY}"),
        config_hash=config_hash,
        service_account=name,
        settings=serve.pod or PodSettings(),
        env=secret_env(variables),
        container=http_server(),
        config_map=name,
        proofs=proofs,
        spread=True,
    )
    spec = {
        "replicas": serve.replicas,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": selector("Flow", flow.name, COMPONENT)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": pod_template(part, install.settings),
    }
    return manifest("apps/v1", "Deployment", name, labels("Flow", flow.name, COMPONENT), spec=spec)
