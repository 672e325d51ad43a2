"""How the backups of a blackboard are: a condition of their own, since the board serves without them."""

from collections.abc import Mapping, Sequence

from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.api.reasons import POD_REASONS
from covey_operator.conditions import Condition
from covey_operator.desired.backup import child_name
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import Object
from covey_operator.plan import Children
from covey_operator.pods.shortage import Pods
from covey_operator.runs.jobs import finished

CONDITION = "BackedUp"


def backed_up(
    board: BlackboardResource, children: Children, jobs: Sequence[ChildSnapshot], short: Mapping[Key, Pods]
) -> Condition | None:
    """`jobs` are those of the CronJob. None: the board has no backup."""
    cron = children.get(Key("CronJob", board.namespace, child_name(board.name)))
    if cron is None:
        return None
    pods = short.get(cron.key)
    if pods is not None and pods.trouble is not None:
        why = f"CronJob {cron.key.name} cannot create a Job: {pods.trouble.message}"
        return Condition(CONDITION, "False", pods.trouble.reason, why)
    ordered = sorted(jobs, key=_number, reverse=True)
    for job in ordered:
        pods = short.get(job.key)
        if finished(job.state) is None and pods is not None and pods.trouble is not None:
            return Condition(
                CONDITION, "False", pods.trouble.reason, f"Job {job.key.name}: {pods.trouble.message}"
            )
    ended = next((job for job in ordered if finished(job.state) is not None), None)
    if ended is not None and finished(ended.state) == "Failed":
        return Condition(CONDITION, "False", "BackupFailed", f"{_failure(ended)}{_last_trouble(board)}")
    last = cron.state["status"].get("lastSuccessfulTime")
    none = "; spec.backup.suspend is true: no other is made" if cron.state.get("suspend") else ""
    if last is None:
        return Condition(CONDITION, "Unknown", "BackupPending", f"no backup has ended yet{none}")
    return Condition(CONDITION, "True", "BackupSucceeded", f"the last backup ended at {last}{none}")


def _failure(job: ChildSnapshot) -> str:
    conditions = job.state["status"].get("conditions") or ()
    said: Object = next((each for each in conditions if each["type"] == "Failed"), {})
    return f"Job {job.key.name} failed: {said.get('message') or said.get('reason') or 'no reason given'}"


def _last_trouble(board: BlackboardResource) -> str:
    """What was said while its pods were still there."""
    conditions = board.status.conditions if board.status is not None else ()
    said = next((each for each in conditions if each.type == CONDITION), None)
    if said is None:
        return ""
    if said.reason in POD_REASONS:
        return f"; last was {said.reason}: {said.message}"
    _, found, before = said.message.partition("; last was ")
    return f"; last was {before}" if found else ""


def _number(job: ChildSnapshot) -> int:
    """The end of a Job's name is the minute for which it was created."""
    end = job.key.name.rpartition("-")[2]
    return int(end) if end.isdecimal() else 0
