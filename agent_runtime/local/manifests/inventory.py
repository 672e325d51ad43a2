"""All resources: those that stand in files, and those that were applied over HTTP."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent_runtime.api import KINDS
from agent_runtime.api.base import Condition
from agent_runtime.api.schema import structural_schema
from agent_runtime.api.structure import completed
from agent_runtime.compile.result import Manifest
from agent_runtime.core.background import encodable, report
from agent_runtime.local.manifests.files import write_private
from agent_runtime.local.manifests.plan import Key

Now = Callable[[], str]
"""The time, RFC 3339."""


class InFile(ValueError):
    """The resource stands in a file, and is changed there; the message says in which."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource."""

    manifest: Manifest
    origin: str
    """`agents.yaml:12`; empty when it was applied."""
    generation: int
    created_at: str
    conditions: tuple[Condition, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the status says besides."""


class Inventory:
    """Resources by key. Those that were applied are kept in a folder, one file each."""

    def __init__(self, folder: Path, now: Now) -> None:
        self._folder = folder
        self._now = now
        self._entries: dict[Key, Entry] = {}
        for file in sorted(folder.glob("*.json")):
            try:
                self._put(json.loads(file.read_text()), "")
            except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
                report(f"resource in {encodable(str(file))}: it is left out; apply it again", error)

    @property
    def entries(self) -> Mapping[Key, Entry]:
        """Everything there is."""
        return self._entries

    @property
    def manifests(self) -> dict[Key, Manifest]:
        """The manifests by key."""
        return {key: entry.manifest for key, entry in self._entries.items()}

    def set_files(self, manifests: Iterable[tuple[Manifest, str]]) -> None:
        """What the files hold now, with where each stands. It wins over what was applied under the name."""
        found = {key_of(manifest): (manifest, origin) for manifest, origin in manifests}
        for key in [k for k, entry in self._entries.items() if entry.origin and k not in found]:
            del self._entries[key]
        for manifest, origin in found.values():
            self._put(manifest, origin)

    def apply(self, manifest: Manifest) -> str:
        """Keep it, and say whether it was `created`, `configured` or is `unchanged`.

        Raises InFile, and UserError when it cannot be kept.
        """
        key = key_of(manifest)
        before = self._entries.get(key)
        self.refuse_in_file(key)
        if before is not None and before.manifest == manifest:
            return "unchanged"
        write_private(self._file(key), json.dumps(manifest))
        self._put(manifest, "")
        return "configured" if before else "created"

    def delete(self, key: Key) -> None:
        """Forget it. Raises KeyError when it is not there, and InFile."""
        self.refuse_in_file(key)
        del self._entries[key]
        self._file(key).unlink(missing_ok=True)

    def refuse_in_file(self, key: Key) -> None:
        """Raises InFile when the resource stands in a file."""
        entry = self._entries.get(key)
        if entry is not None and entry.origin:
            kind, name = key
            raise InFile(f'{kind} "{name}" stands in {entry.origin}: change it there')

    def set_status(self, key: Key, conditions: Iterable[Condition], details: Mapping[str, Any]) -> None:
        """Its state, as it is shown."""
        self._entries[key] = replace(self._entries[key], conditions=tuple(conditions), details=details)

    def shown(self, key: Key) -> dict[str, Any] | None:
        """The resource as the API shows it, with its status; None when it is not there."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        metadata = {
            **(entry.manifest.get("metadata") or {}),
            "generation": entry.generation,
            "creationTimestamp": entry.created_at,
        }
        status = {
            "observedGeneration": entry.generation,
            **entry.details,
            "conditions": [condition.manifest() for condition in entry.conditions],
        }
        return {**with_defaults(entry.manifest), "metadata": metadata, "status": status}

    def _put(self, manifest: Manifest, origin: str) -> None:
        key = key_of(manifest)
        before = self._entries.get(key)
        if before is None:
            self._entries[key] = Entry(manifest, origin, 1, self._now())
            return
        changed = before.manifest.get("spec") != manifest.get("spec")
        self._entries[key] = replace(
            before, manifest=manifest, origin=origin, generation=before.generation + changed
        )

    def _file(self, key: Key) -> Path:
        kind, name = key
        return self._folder / f"{kind}.{name}.json"


def with_defaults(manifest: Manifest) -> dict[str, Any]:
    """The manifest with the defaults of its kind written out, as the API server does it."""
    kind = KINDS.get(str(manifest["kind"]))
    full = completed(structural_schema(kind), dict(manifest)) if kind is not None else manifest
    assert isinstance(full, Mapping), "what is completed keeps its shape"
    return dict(full)


def key_of(manifest: Manifest) -> Key:
    """(kind, name) of a manifest."""
    return str(manifest["kind"]), str(manifest["metadata"]["name"])
