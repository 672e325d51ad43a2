"""What a run's processes are made of: a config that never changes, a token, and a Job for each leg."""

from collections.abc import Sequence

import orjson

from agent_runtime.api.base import seconds
from agent_runtime.api.common import PodSettings
from agent_runtime.api.flow import RunSettings
from agent_runtime.api.flowrun import Answer, FlowRunResource, Waiting
from agent_runtime.compile.flows.literal_headers import HEADERS_ENV, concealed, headers_of
from agent_runtime.compile.result import Lookup, SecretEnv
from agent_runtime.config.models import RunConfig
from covey_operator.desired import publishing
from covey_operator.desired.manifests import config_map, manifest, rollout_hash, secret, service_account
from covey_operator.desired.pods import CONFIG_FOLDER, CONFIG_KEY, Part, pod_template, secret_env
from covey_operator.install.installation import Installation
from covey_operator.kube.labels import labels
from covey_operator.kube.resources import Object
from covey_operator.runs.jobs import child_name, headers_name, leg_name, map_name
from covey_operator.runs.waits import is_about

COMPONENT = "run"
FAILED_FOR_GOOD = 1
"""Exit status of a run whose flow failed, or of an item: another pod would fail the same way."""
TOKEN = "token"
"""The key of the Secret with the token for the run store."""
HEADERS = "headers"
"""The key of the Secret with the literal headers: JSON."""
_JOB_KEPT = 3600
"""Seconds that a Job and its pods are kept for their logs, at least."""
_ANSWERS_FIT = 96 * 1024
"""Bytes; Linux takes 128 KiB for one variable."""
_MOST_FAILED = 10_000
_MANY_ITEMS = 100_000
"""A Job of more items may have that many failed ones at most; Kubernetes' own limits."""


def parts(run: FlowRunResource, config: RunConfig, lookup: Lookup, install: Installation) -> list[Object]:
    """What all legs share, in the order in which it is applied."""
    name, labelled = child_name(run.name), labels("FlowRun", run.name, COMPONENT)
    shared = [service_account(name, labelled)]
    account = (run.spec.pod or PodSettings()).service_account_name or name
    who = config.publisher or ""
    tokens = publishing.grants(config.boards, who, config.namespace, account, lookup, install)
    if config.store is not None:
        reads = (config.fork_of.run,) if config.fork_of is not None else ()
        tokens[TOKEN] = install.run_token(config.run_id, reads)
    if tokens:
        shared.append({**secret(name, labelled, tokens), "immutable": True})
    return [*shared, *literal_headers(run, config), frozen_config(run, config)]


def literal_headers(run: FlowRunResource, config: RunConfig) -> list[Object]:
    """The Secret with the headers that stand in the flow as they are sent, when there are any."""
    headers = headers_of(config)
    if not headers:
        return []
    text = orjson.dumps(headers, option=orjson.OPT_SORT_KEYS).decode()
    labelled = labels("FlowRun", run.name, COMPONENT)
    return [{**secret(headers_name(run.name), labelled, {HEADERS: text}), "immutable": True}]


def frozen_config(run: FlowRunResource, config: RunConfig) -> Object:
    """The ConfigMap with the config as it was when the run started."""
    labelled = labels("FlowRun", run.name, COMPONENT)
    return config_map(child_name(run.name), labelled, concealed(config), immutable=True)


def leg_job(run: FlowRunResource, config: RunConfig, leg: int, install: Installation) -> Object:
    """The Job of a leg."""
    name = leg_name(run.name, leg)
    args = ("run", "--config", f"{CONFIG_FOLDER}/{CONFIG_KEY}", "--result", "/dev/termination-log")
    # By it a pod that does a leg once more is told from the next leg.
    own = ({"name": "COVEY_LEG", "value": name},)
    template = _template(run, config, args, install, _waited_for(run), own)
    spec = {
        "backoffLimit": config.flow.run.backoff_limit,
        **_limits(run, config.flow.run),
        "podFailurePolicy": _failure_policy("FailJob"),
        "template": template,
    }
    return manifest("batch/v1", "Job", name, labels("FlowRun", run.name, COMPONENT), spec=spec)


def items_job(
    run: FlowRunResource, config: RunConfig, leg: int, waiting: Waiting, install: Installation
) -> Object:
    """The Job with a pod for each item of the mapped node for which the leg ended. Every item is tried."""
    count = waiting.count or 0
    args = (
        *("item", "--config", f"{CONFIG_FOLDER}/{CONFIG_KEY}", "--path", waiting.node),
        *("--visit", str(waiting.visit), "--generation", str(waiting.generation or 0)),
        *("--result", "/dev/termination-log"),
    )
    spec = {
        "completions": count,
        "parallelism": min(count, waiting.parallelism or 1),
        "completionMode": "Indexed",
        "backoffLimitPerIndex": config.flow.run.backoff_limit,
        "maxFailedIndexes": min(count, _MOST_FAILED if count > _MANY_ITEMS else count),
        **_limits(run, config.flow.run),
        "podFailurePolicy": _failure_policy("FailIndex"),
        "template": _template(run, config, args, install, None),
    }
    name = map_name(run.name, leg)
    return manifest("batch/v1", "Job", name, labels("FlowRun", run.name, COMPONENT), spec=spec)


def _template(
    run: FlowRunResource,
    config: RunConfig,
    args: tuple[str, ...],
    install: Installation,
    waiting: Waiting | None,
    own: tuple[Object, ...] = (),
) -> Object:
    name = child_name(run.name)
    env = secret_env([SecretEnv(each.env, each.secret, each.key) for each in config.secrets])
    if config.store is not None:
        env += secret_env([SecretEnv(config.store.token_env, name, TOKEN)])
    env += secret_env(publishing.variables(config.boards, name))
    if headers_of(config):
        env += secret_env([SecretEnv(HEADERS_ENV, headers_name(run.name), HEADERS)])
    env += own
    answers = _answers(run.spec.answers or (), waiting)
    if answers:
        env += ({"name": "COVEY_ANSWERS", "value": answers},)
    part = Part(
        kind="FlowRun",
        name=run.name,
        component=COMPONENT,
        image=install.settings.runtime_image,
        args=args,
        config_hash=rollout_hash(config, {}),
        service_account=name,
        settings=run.spec.pod or PodSettings(),
        env=env,
        container={"terminationMessagePolicy": "FallbackToLogsOnError"},
        config_map=name,
        proofs=publishing.proofs(config.boards, config.namespace),
    )
    template = pod_template(part, install.settings)
    template["spec"]["restartPolicy"] = "Never"
    return template


def _limits(run: FlowRunResource, settings: RunSettings) -> Object:
    """How long it may work, after what legs before it worked, and how long it is kept."""
    worked = run.status.worked_seconds or 0 if run.status is not None else 0
    kept = seconds(settings.ttl_after_finished) if settings.ttl_after_finished is not None else 0
    return {
        "activeDeadlineSeconds": max(1, int(seconds(settings.deadline)) - worked),
        "ttlSecondsAfterFinished": max(_JOB_KEPT, int(kept)),
        "podReplacementPolicy": "Failed",
    }


def _failure_policy(action: str) -> Object:
    """A pod that was evicted does not count as an attempt; one that failed for good ends the attempts."""
    disruption = {"type": "DisruptionTarget", "status": "True"}
    for_good = {"containerName": COMPONENT, "operator": "In", "values": [FAILED_FOR_GOOD]}
    return {
        "rules": [
            {"action": "Ignore", "onPodConditions": [disruption]},
            {"action": action, "onExitCodes": for_good},
        ]
    }


def _waited_for(run: FlowRunResource) -> Waiting | None:
    return run.status.waiting if run.status is not None else None


def _answers(given: Sequence[Answer], waiting: Waiting | None) -> str:
    """As JSON, the one that was waited for first, then as many as fit; empty when there is none."""
    room, chosen = _ANSWERS_FIT, []
    for answer in sorted(given, key=lambda each: waiting is None or not is_about(each, waiting)):
        text = orjson.dumps(answer.manifest()).decode()
        room -= len(text.encode()) + 1
        if room < 0:
            break
        chosen.append(text)
    return f"[{','.join(chosen)}]" if chosen else ""
