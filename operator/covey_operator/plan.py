"""What a pass over a resource decided before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_runtime.compile.result import Problem, Ref
from covey_operator.kept import Child
from covey_operator.keys import Key
from covey_operator.resources import Object

Children = Mapping[Key, Child]


@dataclass(frozen=True, slots=True)
class Plan:
    """The children wanted, or why there are none."""

    desired: tuple[Object, ...] | None
    """Without `metadata.namespace`, owner and hash, which are the same for all. None: leave what is there."""
    problems: tuple[Problem, ...] = ()
    refs: tuple[Ref, ...] = ()
    """Everything whose change is a reason for another pass."""
    pause: str | None = None
    """A Deployment to scale to nothing although `desired` is None: of a suspended, broken agent."""
    pods_of: str | None = None
    """A finished Job whose pods' last words belong into the status."""
