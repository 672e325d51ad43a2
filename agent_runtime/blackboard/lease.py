"""Names of deliveries and leases, made so that they are the same wherever and however often they are made."""

from typing import NamedTuple

from agent_runtime.blackboard.board import BoardError

_LONGEST_ATTEMPT = 9
"""Digits."""


class LeaseId(NamedTuple):
    """One attempt at one delivery: `ARTIFACT@AGENT~ATTEMPT`, or `ARTIFACT+ENTRY@AGENT~ATTEMPT`."""

    delivery: str
    attempt: int

    def __str__(self) -> str:
        return f"{self.delivery}~{self.attempt}"

    @property
    def agent(self) -> str:
        """Whose delivery it is."""
        return self.delivery.rpartition("@")[2]


def delivery_name(artifact_id: str, agent: str, entry: str = "") -> str:
    """The delivery of an artifact to an agent, the only one that it gets.

    But for entries with a join or a batch: each makes one of its own, and `entry` is its digest.
    """
    return f"{artifact_id}+{entry}@{agent}" if entry else f"{artifact_id}@{agent}"


def parse(lease_id: str, agent: str) -> LeaseId:
    """The lease, if it can be one of this agent; else BoardError `not_found`: guessing tells nothing."""
    delivery, _, attempt = lease_id.rpartition("~")
    counted = attempt.isascii() and attempt.isdigit() and len(attempt) <= _LONGEST_ATTEMPT
    if not counted or not delivery.isprintable() or delivery.rpartition("@")[2] != agent:
        raise BoardError("not_found", f"{agent} has no lease {lease_id!r}", status=404)
    return LeaseId(delivery, int(attempt))
