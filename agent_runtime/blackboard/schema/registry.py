"""The type registry: which types of artifacts there are, and whether a payload fits.

Schemas are compiled once. They cannot reach outside themselves: a `$ref` to another document is refused,
because resolving it would let a manifest make the server fetch addresses of its choice.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import jsonschema_rs

from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.schema.upcasting import Upcasters
from agent_runtime.core.json_pointer import pointer
from agent_runtime.core.schema_faults import Fault, SchemaValidator


class InvalidType(ValueError):
    """A type that cannot be registered; the message names it and says why."""


class TypeRegistry:
    """The types of one board, each with its versions."""

    __slots__ = ("_newest", "_readings", "_validators")

    def __init__(self, types: Iterable[ArtifactType]) -> None:
        """Raises InvalidType for a schema or a reading that is none, and for one version given twice."""
        self._validators: dict[tuple[str, int], SchemaValidator] = {}
        self._newest: dict[str, int] = {}
        known: dict[tuple[str, int], ArtifactType] = {}
        for type_ in types:
            key = (type_.name, type_.version)
            if key in self._validators:
                raise InvalidType(f"type {type_.name!r} version {type_.version} is given twice")
            known[key] = type_
            self._validators[key] = _compile(type_)
            self._newest[type_.name] = max(type_.version, self._newest.get(type_.name, 0))
        try:
            self._readings = Upcasters(known, self._validators)
        except ValueError as error:
            raise InvalidType(str(error)) from error

    @property
    def names(self) -> list[str]:
        """The known types' names, sorted."""
        return sorted(self._newest)

    def __contains__(self, name: object) -> bool:
        return name in self._newest

    def check(self, name: str, version: int | None, payload: Mapping[str, Any]) -> int:
        """The version that the payload was checked against and fits.

        Raises BoardError, status 422: `unknown_type` names the types there are; `invalid_payload` has one
        detail for each fault, with its JSON pointer below `/payload`.
        """
        resolved = self._resolve(name, version)
        if faults := self._validators[name, resolved].faults(payload):
            _refuse(name, resolved, faults)
        return resolved

    def is_newest(self, artifact: Artifact) -> bool:
        """Whether it is of the newest version of its type, so that `read` would return it as it is."""
        return artifact.version == self._newest.get(artifact.type)

    def read(self, artifact: Artifact) -> tuple[Artifact, str]:
        """The artifact as the newest version of its type that it can be read as; see `upcasting`.

        And why it could not be read as a newer one, empty when nothing went wrong.
        """
        if self.is_newest(artifact):
            return artifact, ""
        return self._readings.read(artifact)

    def _resolve(self, name: str, version: int | None) -> int:
        newest = self._newest.get(name)
        if newest is None:
            raise BoardError(
                "unknown_type",
                f"there is no type {name!r} on this board; it knows {', '.join(self.names)}",
                status=422,
                details=[{"pointer": "/type", "message": f"unknown type {name!r}"}],
            )
        if version is None:
            return newest
        if (name, version) not in self._validators:
            known = ", ".join(str(v) for n, v in sorted(self._validators) if n == name)
            raise BoardError(
                "unknown_type",
                f"type {name!r} has no version {version}; it has {known}",
                status=422,
                details=[{"pointer": "/version", "message": f"unknown version {version}"}],
            )
        return version


def _compile(type_: ArtifactType) -> SchemaValidator:
    try:
        return SchemaValidator(type_.schema_, _no_other_documents)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidType(f"the schema of type {type_.name!r} is not a JSON Schema: {reason}") from error


def _no_other_documents(uri: str) -> NoReturn:
    raise ValueError(f"$ref {uri!r} leaves the schema: put what it names under $defs")


def _refuse(name: str, version: int, faults: Sequence[Fault]) -> NoReturn:
    details = [{"pointer": "/payload" + pointer(fault.path), "message": fault.message} for fault in faults]
    first = details[0]
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    raise BoardError(
        "invalid_payload",
        f"the payload does not fit type {name!r} version {version}: "
        f"{first['pointer']}: {first['message']}{more}",
        status=422,
        details=details,
    )
