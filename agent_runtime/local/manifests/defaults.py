"""What a manifest may leave out on the laptop, though a cluster needs it. Pure."""

from collections.abc import Mapping
from typing import Any

from agent_runtime.api import GROUP

NO_STORE = (
    "spec.store is left out: covey up keeps the artifacts in SQLite, whatever stands there; "
    "a cluster needs it, {memory: {}}, {redis: ...} or {postgres: ...}"
)


def lacks_store(manifest: object) -> bool:
    """Whether it is a Blackboard that does not say where artifacts are kept."""
    if not isinstance(manifest, Mapping) or manifest.get("kind") != "Blackboard":
        return False
    spec = manifest.get("spec")
    ours = str(manifest.get("apiVersion", "")).startswith(f"{GROUP}/")
    return ours and isinstance(spec, Mapping) and "store" not in spec


def with_laptop_defaults(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest with what a cluster needs and the laptop does not."""
    if not lacks_store(manifest):
        return manifest
    return {**manifest, "spec": {**manifest["spec"], "store": {"memory": {}}}}
