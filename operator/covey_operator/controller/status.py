"""The status of a resource, put together from what was planned, written and seen. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from covey_operator import conditions
from covey_operator.conditions import Condition, Refusal, Rollout
from covey_operator.kube.resources import Object
from covey_operator.observed.observation import Observation
from covey_operator.plan import Plan
from covey_operator.runs.jobs import FINAL


def status_of(
    body: Object,
    plan: Plan,
    observation: Observation,
    refusals: Sequence[Refusal],
    *,
    rolls_out: bool,
    now: str,
) -> Object:
    """The status as it should be written; `now` is RFC 3339."""
    said = [conditions.accepted(plan.problems), conditions.resolved(plan.problems)]
    blocked: Condition | Refusal | None = next((each for each in said if each.status == "False"), None)
    if blocked is None and refusals:
        more = f" (and {len(refusals) - 1} more)" if len(refusals) > 1 else ""
        blocked = Refusal(refusals[0].reason, refusals[0].message + more)
    if observation.outcome is not None:
        ending = _ending(observation.outcome, blocked)
        said += [ending, conditions.finished(ending)]
    else:
        if rolls_out:
            said.append(conditions.progressing(blocked, observation.rollout))
        rollout = _with(plan.caveat, observation.rollout)
        said.append(conditions.ready(blocked, rollout, observation.replicas))
    said += observation.more
    generation = body["metadata"].get("generation", 0)
    before = (body.get("status") or {}).get("conditions") or ()
    fields = {**plan.fields, **observation.fields}
    return {
        **fields,
        **_end(body.get("status") or {}, fields, now),
        "observedGeneration": generation,
        "conditions": conditions.merge(before, said, generation, now),
    }


def _end(before: Object, fields: Object, now: str) -> Object:
    """When a run ended, for whichever reason: `run.ttlAfterFinished` counts from then."""
    if (fields.get("phase") or before.get("phase")) not in FINAL or fields.get("finishedAt"):
        return {}
    said = condition_of(before, "Succeeded")
    known = said.get("lastTransitionTime") if said.get("status") in ("True", "False") else None
    return {"finishedAt": before.get("finishedAt") or known or now}


def _with(caveat: str, rollout: Rollout) -> Rollout:
    """What keeps a resource from being ready comes before what is only worth knowing."""
    if not caveat or rollout.state != "Done":
        return rollout
    return replace(rollout, message=f"{rollout.message}; {caveat}")


def _ending(outcome: Condition, blocked: Condition | Refusal | None) -> Condition:
    """A run that cannot start says why instead of only that it has not."""
    if blocked is None or outcome.status != "Unknown":
        return outcome
    return Condition(outcome.type, "Unknown", blocked.reason, blocked.message)


def differs(before: Object, wanted: Object) -> bool:
    """Whether writing `wanted` would change anything; None stands for a field that is absent."""
    return any(before.get(name) != value for name, value in wanted.items())


def condition_of(status: Object, kind: str) -> Object:
    """One condition; an empty one when it is not there."""
    found: Object = next((each for each in status.get("conditions") or () if each["type"] == kind), {})
    return found


def top(status: Object) -> Object:
    """The condition that sums up the others: Ready, or Succeeded of a run."""
    found: Object = next(
        (each for each in status.get("conditions") or () if each["type"] in ("Ready", "Succeeded")), {}
    )
    return found
