"""Older payloads read as newer versions of their type. Pure.

The store keeps what was published. Who consumes or looks gets the newest version that can be reached from it,
step by step, as `reads` of the artifact types says. A step that fails leaves the artifact as it was stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent_runtime.api.blackboard import ArtifactType, Reading
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.core.cel import CelError, Expression
from agent_runtime.core.json_pointer import pointer
from agent_runtime.core.schema_faults import Fault, SchemaValidator

VARIABLES = ("payload",)
"""What an expression under `set` may speak of."""


@dataclass(frozen=True, slots=True)
class UpcastStep:
    """From one version of a type to a newer one."""

    version: int
    """The newer one."""
    drop: frozenset[str]
    set_: tuple[tuple[str, Expression], ...]
    fits: SchemaValidator
    """Of the newer version."""

    def take(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The newer version's payload. Raises CelError, or ValueError when it does not fit its schema."""
        read = {name: value for name, value in payload.items() if name not in self.drop}
        if self.set_:
            activation = self.set_[0][1].activation({"payload": payload})
            read |= {name: expression.evaluate_in(activation) for name, expression in self.set_}
        if faults := self.fits.faults(read):
            raise ValueError(_unquoting(faults[0]))
        return read


class Upcasters:
    """The steps between the versions of a board's types."""

    __slots__ = ("_steps",)

    def __init__(
        self,
        types: Mapping[tuple[str, int], ArtifactType],
        fits: Mapping[tuple[str, int], SchemaValidator],
    ) -> None:
        """Raises ValueError for a reading of a version that is not there or not older, and for wrong CEL."""
        self._steps: dict[tuple[str, int], UpcastStep] = {}
        # from the oldest version on, so that of several ways from one version the longest stride remains
        for (name, version), type_ in sorted(types.items()):
            for reading in type_.reads:
                _check(type_, reading, types)
                self._steps[name, reading.version] = _compiled(type_, reading, fits[name, version])

    def read(self, artifact: Artifact) -> tuple[Artifact, str]:
        """The artifact as the newest version that can be reached, and why a step failed; empty: none did."""
        payload, version, fault = artifact.payload, artifact.version, ""
        while (step := self._steps.get((artifact.type, version))) is not None:
            try:
                payload, version = step.take(payload), step.version
            except (CelError, ValueError) as error:
                fault = f"{artifact.type} version {version} cannot be read as version {step.version}: {error}"
                break
        if version == artifact.version:
            return artifact, fault
        return replace(artifact, payload=payload, version=version), fault


def _unquoting(fault: Fault) -> str:
    """Without jsonschema's own words where they quote the payload: this is logged."""
    if fault.keyword[-1:] == ("required",):
        return fault.message
    where = pointer(fault.path) or "the payload"
    return f"{where} breaks {pointer(fault.keyword)} of its schema"


def _check(type_: ArtifactType, reading: Reading, types: Mapping[tuple[str, int], ArtifactType]) -> None:
    where = f"type {type_.name!r} version {type_.version} reads version {reading.version}"
    if reading.version >= type_.version:
        raise ValueError(f"{where}, which is not older")
    if (type_.name, reading.version) not in types:
        raise ValueError(f"{where}, which is not there: keep the older version among the types")
    if both := sorted(set(reading.drop) & set(reading.set_)):
        raise ValueError(
            f"{where} and both sets and drops {', '.join(both)}: a field that is set needs no drop"
        )


def _compiled(type_: ArtifactType, reading: Reading, fits: SchemaValidator) -> UpcastStep:
    set_ = []
    for name, source in reading.set_.items():
        try:
            set_.append((name, Expression(source, VARIABLES)))
        except CelError as error:
            where = f"type {type_.name!r} version {type_.version}"
            raise ValueError(f"{where} reads version {reading.version} with set.{name}: {error}") from error
    return UpcastStep(type_.version, frozenset(reading.drop), tuple(set_), fits)
