"""What compiling yields: a config, or the reasons why not, and everything that was looked at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

T = TypeVar("T")

Manifest = Mapping[str, Any]
Lookup = Callable[[str, str], Manifest | None]
"""(kind, name) -> the object of the same namespace as a plain manifest, or None when it is not there."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to an object of the same namespace, by kind and name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a resource cannot be used: a condition, a stable reason and a sentence with the cure."""

    condition: Literal["Accepted", "ResolvedRefs"]
    reason: str
    message: str
    field: str = ""
    """Where in the manifest, as `spec.nodes[2].next.default`."""


@dataclass(frozen=True, slots=True)
class SecretEnv:
    """An environment variable that takes its value from a key of a Secret."""

    env: str
    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class Compiled(Generic[T]):
    """The config, or the problems because of which there is none.

    `refs` holds every object that was looked up, found or not, directly or through another: when one of
    them changes, compile again. `secrets` holds the variables that the process needs besides the config.
    """

    config: T | None
    problems: tuple[Problem, ...] = ()
    refs: tuple[Ref, ...] = ()
    secrets: tuple[SecretEnv, ...] = ()


class Places(Protocol):
    """Where things are reached: by Service names in the cluster, in the same process on the laptop."""

    def agent(self, namespace: str, name: str) -> str:
        """Base URL of an agent."""

    def blackboard(self, namespace: str, name: str) -> str:
        """Base URL of a blackboard's server."""

    def blackboard_token_file(self) -> str | None:
        """Where an agent finds the token that proves it to its blackboard; None: it need not prove itself."""

    def runs(self) -> str | None:
        """Base URL of the run store; None: runs are not durable, and nothing is queued."""
