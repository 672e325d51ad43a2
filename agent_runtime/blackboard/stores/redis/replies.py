"""What the scripts in `lua/` answer, in our terms."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.lease import LeaseId
from agent_runtime.blackboard.stores.errors import IdTaken, LeaseLost
from agent_runtime.blackboard.stores.records import DeadLetter, ExpiryReport, Incomplete, Leased, Publication
from agent_runtime.blackboard.wire.codec import decode, same_content
from agent_runtime.core.times import moment


def same(publications: Sequence[Publication], bodies: Sequence[str | None]) -> dict[str, Artifact]:
    """The artifacts that are there already. Raises IdTaken when one has other content."""
    known: dict[str, Artifact] = {}
    for publication, body in zip(publications, bodies, strict=True):
        if body is not None:
            artifact = decode(body)
            if not same_content(artifact, publication.artifact):
                raise IdTaken(artifact.id)
            known[artifact.id] = artifact
    return known


def decoded(bodies: Sequence[str | None]) -> list[Artifact]:
    """The artifacts that are there."""
    return [decode(body) for body in bodies if body is not None]


def raise_if_lost(lease: LeaseId, outcome: str, details: Sequence[str]) -> None:
    """Raises LeaseLost, with the reason that the script gave."""
    if outcome == "lost":
        raise LeaseLost(f"lease {lease} {details[0]}")


def leased(row: Sequence[Any], until: datetime) -> Leased:
    """A row of lease.lua."""
    name, attempt, sets, bodies = row
    counts = () if sets is None else tuple(orjson.loads(sets))
    return Leased(LeaseId(name, attempt), tuple(decoded(bodies)), until, counts)


def swept(answer: Sequence[Any]) -> ExpiryReport:
    """The answer of sweep.lua."""
    ready, expired, dead, incomplete, next_due = answer
    return ExpiryReport(
        tuple(ready),
        tuple(expired),
        tuple(dead_letter(letter) for letter in dead),
        tuple(Incomplete(*one) for one in incomplete),
        None if next_due is None else moment(int(float(next_due))),
    )


def dead_letter(document: str | bytes) -> DeadLetter:
    """A dead letter from its JSON."""
    letter = orjson.loads(document)
    return DeadLetter(
        letter["delivery"],
        letter["agent"],
        tuple(orjson.loads(letter["artifacts"])),
        letter["attempts"],
        letter["error"],
        moment(int(letter["at"])),
    )
