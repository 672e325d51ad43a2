"""The legs of a run: each wait ends a process, and the next leg is a Job of its own. Pure.

Nothing but the names of the Jobs and two fields of the status say how far a run is, so that an operator that
dies between any two writes finds its way: `status.leg` is the last leg that was seen, `status.waiting` what
that leg ended with.
"""

import re
from dataclasses import dataclass

from agent_runtime.api.flowrun import FlowRunResource, Waiting
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import Object
from covey_operator.plan import Children

FINAL = frozenset({"Succeeded", "Failed", "Cancelled"})
"""Phases that nothing follows."""


def child_name(run: str) -> str:
    """The name of what all legs of the run share, and of the first leg's Job."""
    return f"{run}-run"


def headers_name(run: str) -> str:
    """The name of the Secret with the headers that stand in the run's flow as they are sent."""
    return f"{run}-run-headers"


def leg_name(run: str, leg: int) -> str:
    """The name of a leg's Job; legs count from 1."""
    return child_name(run) if leg == 1 else f"{run}-run-{leg}"


def map_name(run: str, leg: int) -> str:
    """The name of the Job with a pod for each item, for which the leg ended."""
    return f"{run}-run-{leg}-map"


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where a run stands, as far as its children and its status say."""

    leg: int
    """The latest leg that there was; 0: none yet."""
    job: ChildSnapshot | None
    """Its Job, if it is there."""
    waiting: Waiting | None
    """What that leg ended with, as soon as the status says so."""
    items: ChildSnapshot | None
    """The Job of the mapped node that it waits for, if it is there."""
    stale: tuple[Key, ...]
    """Jobs of legs before it."""

    @property
    def unread(self) -> bool:
        """Whether the leg has ended and its last words are not in the status yet."""
        return self.waiting is None and self.job is not None and finished(self.job.state) is not None

    @property
    def at_work(self) -> ChildSnapshot | None:
        """The Job, held or not, that has not ended."""
        job = self.items if self.waiting is not None else self.job
        return job if job is not None and finished(job.state) is None else None


def standing(run: FlowRunResource, children: Children) -> RunProgress:
    """Looks at names and at the status; costs no request."""
    jobs = {key: child for key, child in children.items() if key.kind == "Job" and not child.deleting}
    legs: dict[int, ChildSnapshot] = {}
    for key, child in jobs.items():
        number = _leg_of(run.name, key.name)
        if number is not None:
            legs[number] = child
    known = run.status.leg or 0 if run.status is not None else 0
    leg = max([known, *legs])
    waiting = run.status.waiting if run.status is not None and known == leg else None
    items = Key("Job", run.namespace, map_name(run.name, leg))
    keep = {items} | ({legs[leg].key} if leg in legs else set())
    return RunProgress(leg, legs.get(leg), waiting, jobs.get(items), tuple(sorted(jobs.keys() - keep)))


def finished(job: Object) -> str | None:
    """`Complete` or `Failed` for a Job that has ended, by its state; else None."""
    for condition in job["status"].get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return None


def _leg_of(run: str, job: str) -> int | None:
    found = re.fullmatch(rf"{re.escape(run)}-run(?:-(\d+))?", job)
    return None if found is None else int(found[1] or 1)
