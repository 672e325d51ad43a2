"""What the API server does in the cluster: manifests that come over HTTP are checked, all or none. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from agent_runtime.api.fault import Fault
from agent_runtime.api.validate import faults, update_faults
from agent_runtime.compile.result import Manifest
from agent_runtime.local.manifests.check import lookup_in
from agent_runtime.local.manifests.inventory import key_of
from agent_runtime.local.manifests.load import REFERENCES
from agent_runtime.local.manifests.plan import Key, plan
from agent_runtime.server.http.errors import ApiError


def admit(manifests: Sequence[Manifest], present: Mapping[Key, Manifest], environ: Mapping[str, str]) -> None:
    """Raises ApiError 422 with every fault of every manifest, by its place in the request."""
    details = [
        {"pointer": f"/manifests/{index}", "message": str(fault)}
        for index, manifest in enumerate(manifests)
        for fault in _faults(manifest)
    ]
    if not details:
        details = list(_faults_together(manifests, present, environ))
    if details:
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        raise ApiError(422, f"{details[0]['message']}{more}", details=details)


def _faults(manifest: Manifest) -> list[Fault]:
    if manifest.get("kind") not in REFERENCES:
        return faults(manifest)
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str):
        return [Fault("metadata.name", "is missing: the name of the object")]
    return [
        Fault(part, "is not a mapping of keys to texts")
        for part in ("data", "stringData")
        if not isinstance(content := manifest.get(part) or {}, Mapping)
        or not all(isinstance(value, str) for value in content.values())
    ]


def _faults_together(
    manifests: Sequence[Manifest], present: Mapping[Key, Manifest], environ: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """Fields that may not change, and what only shows when resources are compiled with the others."""
    together = {**present, **{key_of(manifest): manifest for manifest in manifests}}
    made = plan(together, lookup_in(together, environ))
    for index, manifest in enumerate(manifests):
        key = key_of(manifest)
        compiled = made.compiled(key)
        before = present.get(key)
        changes = update_faults(before, manifest) if before is not None and key[0] not in REFERENCES else []
        problems = [p for p in (compiled.problems if compiled else ()) if p.condition == "Accepted"]
        for message in (*map(str, changes), *(problem.message for problem in problems)):
            yield {"pointer": f"/manifests/{index}", "message": f'{key[0]} "{key[1]}": {message}'}
