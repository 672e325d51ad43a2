"""A FlowRun becomes one Job, once. Its config is frozen in an immutable ConfigMap when it starts."""

from agent_runtime.api.base import seconds
from agent_runtime.api.common import PodSettings
from agent_runtime.api.flow import RunSettings
from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.compile.config import RunConfig
from agent_runtime.compile.places import ClusterPlaces
from agent_runtime.compile.result import Compiled, Lookup
from agent_runtime.compile.run import compile_run
from covey_operator.desired.manifests import config_map, manifest, rollout_hash, service_account
from covey_operator.installation import Installation
from covey_operator.keys import Key
from covey_operator.labels import labels
from covey_operator.plan import Children, Plan
from covey_operator.pods import CONFIG_FOLDER, CONFIG_KEY, Part, pod_template, secret_env
from covey_operator.resources import Object
from covey_operator.settings import Settings

COMPONENT = "run"
FINAL = frozenset({"Succeeded", "Failed", "Cancelled"})
"""Phases that nothing follows."""
FAILED_FOR_GOOD = 1
"""Exit status of a run whose flow failed: another pod would fail the same way."""


def child_name(run: str) -> str:
    """The name of everything that the run becomes."""
    return f"{run}-run"


def plan(run: FlowRunResource, lookup: Lookup, install: Installation, children: Children) -> Plan:
    """Start it, leave it alone, or take it away.

    Once there was a Job, the Flow is not looked at again: an edit of it does not change a run under way,
    and a run never starts twice, not even when its Job is gone.
    """
    status = run.status
    if status is not None and status.phase in FINAL:
        return Plan(() if status.phase == "Cancelled" else None)
    job = children.get(Key("Job", run.namespace, child_name(run.name)))
    if job is not None and finished(job.state):
        return Plan(None, pods_of=job.key.name)
    if run.spec.cancel:
        return Plan(())
    if job is not None:
        return Plan(None)
    if status is not None and status.job is not None:
        lookup("Job", status.job)  # asks the API server itself: a watch that lags must not make it look lost
        return Plan(None)
    compiled = compile_run(run, lookup, ClusterPlaces())
    if compiled.config is None:
        return Plan(None, compiled.problems, compiled.refs)
    return Plan(tuple(desired(run, compiled, compiled.config, install.settings)), (), compiled.refs)


def finished(job: Object) -> str | None:
    """`Complete` or `Failed` for a Job that has ended, by its state; else None."""
    for condition in job["status"].get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return None


def desired(
    run: FlowRunResource, compiled: Compiled[RunConfig], config: RunConfig, install: Settings
) -> list[Object]:
    """The children of the run, in the order in which they are applied."""
    name = child_name(run.name)
    labelled = labels("FlowRun", run.name, COMPONENT)
    part = Part(
        kind="FlowRun",
        name=run.name,
        component=COMPONENT,
        image=install.runtime_image,
        args=(
            *("run", "--config", f"{CONFIG_FOLDER}/{CONFIG_KEY}"),
            *("--result", "/dev/termination-log"),
        ),
        config_hash=rollout_hash(config, {}),
        service_account=name,
        settings=run.spec.pod or PodSettings(),
        env=secret_env(compiled.secrets),
        container={"terminationMessagePolicy": "FallbackToLogsOnError"},
        config_map=name,
    )
    template = pod_template(part, install)
    template["spec"]["restartPolicy"] = "Never"
    return [
        service_account(name, labelled),
        config_map(name, labelled, config, immutable=True),
        manifest("batch/v1", "Job", name, labelled, spec={**_job(config.flow.run), "template": template}),
    ]


def _job(settings: RunSettings) -> Object:
    """How often and how long it is tried. A pod that was evicted does not count as an attempt."""
    disruption = {"type": "DisruptionTarget", "status": "True"}
    for_good = {"containerName": COMPONENT, "operator": "In", "values": [FAILED_FOR_GOOD]}
    return {
        "backoffLimit": settings.backoff_limit,
        "activeDeadlineSeconds": max(1, int(seconds(settings.deadline))),
        "ttlSecondsAfterFinished": int(seconds(settings.ttl_after_finished)),
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [disruption]},
                {"action": "FailJob", "onExitCodes": for_good},
            ]
        },
    }
