"""What a look at the children of a resource yields."""

from dataclasses import dataclass, field

from covey_operator.conditions import VALID, Condition, Replicas, Rollout
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import Object


@dataclass(frozen=True, slots=True)
class Observation:
    """Fields of the status besides the conditions, and how far the children are."""

    fields: Object = field(default_factory=dict)
    """By their names on the wire. None stands for a field that is to vanish."""
    rollout: Rollout = VALID
    replicas: Replicas = field(default_factory=Replicas)
    """The pods that are there, of whatever version."""
    outcome: Condition | None = None
    """For kinds that end instead of being ready: their `Succeeded`."""
    more: tuple[Condition, ...] = ()
    """Conditions that only this kind has."""
    again: tuple[Key, ...] = ()
    """Children to be deleted as soon as the status is written, so that they are made again."""
    again_in: float | None = None
    """Seconds after which to look again, whatever the plan says."""
