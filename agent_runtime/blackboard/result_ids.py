"""Ids of results: a delivery's own, the same however often it is worked on, and nobody else's to take. Pure.

Who acknowledges a delivery need not name what it publishes: the board does, by the delivery. The name of a
delivery stands for its first artifact, the entry of `consumes` and the agent, so that one agent that gets the
same inputs by two entries publishes two results. Ids of this form are refused to all but the acknowledgement
of their delivery: that somebody can foresee one is of no use then.
"""

import hashlib
import re
from collections.abc import Callable, Sequence

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.core.times import micros

_FORM = re.compile(r"result:[0-9a-f]{40}:[0-9]+")


def is_reserved(artifact_id: str) -> bool:
    """Whether it has the form of a result's id."""
    return _FORM.fullmatch(artifact_id) is not None


def ids_of_results(delivery: str, causes: Sequence[Artifact]) -> Callable[[int], str]:
    """The id of the n-th result of a delivery of these artifacts.

    When they were published is in it: one that was pruned and published again leads to other results. It
    comes first, so that what is published at one time lies side by side in a store's indexes.
    """
    digest = hashlib.sha256(delivery.encode())
    for cause in causes:
        digest.update(f"\0{cause.id}\0{micros(cause.created_at)}".encode())
    at = micros(causes[0].created_at) // 1000 if causes else 0
    stem = f"result:{at:012x}{digest.hexdigest()[:28]}"
    return lambda number: f"{stem}:{number}"
