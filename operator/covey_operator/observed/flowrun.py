"""The status of a FlowRun: from its Job, and from the last words of its pod."""

from agent_runtime.api.flowrun import FlowRunResource, FlowRunStatus
from covey_operator.conditions import Rollout, Said
from covey_operator.desired.flowrun import FINAL, child_name, finished
from covey_operator.keys import Key
from covey_operator.observed.observation import Observation
from covey_operator.observed.outcome import Outcome, last_words
from covey_operator.plan import Children
from covey_operator.resources import Object

_WAITING = Rollout("Progressing", "Running")


def observe(run: FlowRunResource, children: Children, pods: list[Object]) -> Observation:
    """`pods` are those of the Job, and are looked at only when it has finished."""
    status = run.status or FlowRunStatus(conditions=[])
    if status.phase in FINAL:
        return _as_it_was(status)
    job = children.get(Key("Job", run.namespace, child_name(run.name)))
    if job is not None and finished(job.state):
        return _ended(job.state, last_words(pods))
    if run.spec.cancel:
        return _end("Cancelled", Said("Succeeded", "False", "Cancelled", "spec.cancel is true"))
    if job is None and status.job is not None:
        message = f"Job {status.job} is gone, and with it its outcome: create another FlowRun to run again"
        return _end("Failed", Said("Succeeded", "False", "JobLost", message))
    if job is None:
        return _going(
            "Pending", None, None, Said("Succeeded", "Unknown", "Pending", "the Job is not there yet")
        )
    started = job.state["status"].get("startTime")
    if job.state["status"].get("active"):
        return _going("Running", job.key.name, started, Said("Succeeded", "Unknown", "Running"))
    waiting = Said("Succeeded", "Unknown", "Pending", "the Job has no pod yet")
    return _going("Pending", job.key.name, started, waiting)


def _going(phase: str, job: str | None, started: str | None, said: Said) -> Observation:
    fields: Object = {"phase": phase, "job": job, "startedAt": started}
    return Observation(fields=fields, rollout=_WAITING, outcome=said, running=phase == "Running")


def _end(phase: str, said: Said, **fields: object) -> Observation:
    return Observation(fields={"phase": phase, **fields}, outcome=said)


def _ended(job: Object, outcome: Outcome) -> Observation:
    status = job["status"]
    how = next(each for each in status["conditions"] if each["type"] == finished(job))
    at = status.get("completionTime") or how.get("lastTransitionTime")
    told = {"startedAt": status.get("startTime"), "finishedAt": at, **outcome.fields}
    if how["type"] == "Complete":
        return _end("Succeeded", Said("Succeeded", "True", "Succeeded", outcome.trouble), **told)
    reason = "FlowFailed" if how.get("reason") == "PodFailurePolicy" else how.get("reason") or "Failed"
    message = outcome.error or how.get("message") or ""
    return _end("Failed", Said("Succeeded", "False", reason, message), **told)


def _as_it_was(status: FlowRunStatus) -> Observation:
    """A run that has ended says the same for ever."""
    said = next((each for each in status.conditions if each.type == "Succeeded"), None)
    if said is None:
        return Observation()
    return Observation(outcome=Said(said.type, said.status, said.reason, said.message))
