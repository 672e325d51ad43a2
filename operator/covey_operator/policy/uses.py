"""What a resource uses of the cluster and the world, and in which field it says so. Pure.

A test walks the schemas of all kinds: a place where a pod, a Secret or a URL may stand, and that is not here,
fails it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Place = tuple[str, Any]
"""A field such as `spec.nodes[2].http.url`, and what stands there."""

PODS = (
    "pod",
    "serve.pod",
    "server.pod",
    "store.redis.managed.pod",
    "store.postgres.managed.pod",
    "vector.pgvector.managed.pod",
)
"""Where the settings of pods stand below `spec`, of every kind."""
KEYS = (
    "apiKeyFrom",
    "store.redis.external.urlFrom",
    "store.postgres.external.urlFrom",
    "vector.pgvector.external.urlFrom",
    "eventLog.nats.urlFrom",
    "eventLog.kafka.urlFrom",
    "eventLog.redis.urlFrom",
)
"""Where a `secretKeyRef` stands below `spec`, besides those of nodes and pods."""
GRAPHS = ("", "flowSpec")
"""Where `nodes` stand below `spec`."""
URLS = ("baseURL", "eventLog.nats.url", "eventLog.kafka.url")
"""Where a URL stands below `spec`, besides those of HTTP nodes."""
_SECRET_NAMES = ("secretName",)


def pods(spec: Mapping[str, Any]) -> Iterator[Place]:
    """The settings of its pods."""
    for path in PODS:
        found = at(spec, path)
        if isinstance(found, Mapping):
            yield f"spec.{path}", found


def nodes(spec: Mapping[str, Any]) -> Iterator[Place]:
    """The nodes of its graph."""
    for path in GRAPHS:
        graph = at(spec, path) if path else spec
        prefix = f"spec.{path}" if path else "spec"
        for index, node in enumerate((graph or {}).get("nodes") or ()):
            yield f"{prefix}.nodes[{index}]", node


def functions(spec: Mapping[str, Any]) -> Iterator[Place]:
    """The functions of its python nodes."""
    for field, node in nodes(spec):
        if node.get("python"):
            yield f"{field}.python.function", str(node["python"].get("function"))


def urls(spec: Mapping[str, Any]) -> Iterator[Place]:
    """The URLs that it calls, as they stand there; each server of a list by itself."""
    for field, node in nodes(spec):
        if node.get("http"):
            yield f"{field}.http.url", str(node["http"].get("url"))
    for path in URLS:
        found = at(spec, path)
        if found:
            yield from ((f"spec.{path}", url) for url in servers(str(found)))
    if spec.get("provider") == "OpenAI" and not spec.get("baseURL"):
        yield "spec.provider", "https://api.openai.com/v1"


def servers(url: str) -> Iterator[str]:
    """`kafka://a:9092,b:9092` as two URLs."""
    scheme, mark, rest = url.partition("://")
    for server in rest.split(","):
        yield f"{scheme}{mark}{server}"


def url_secrets(spec: Mapping[str, Any]) -> Iterator[Place]:
    """The keys of Secrets that hold a URL."""
    for path in KEYS:
        found = at(spec, path)
        if path.endswith("urlFrom") and found and found.get("secretKeyRef"):
            yield f"spec.{path}.secretKeyRef", found["secretKeyRef"]


def secrets(spec: Mapping[str, Any]) -> Iterator[Place]:
    """The names of all Secrets that it or its pods read."""
    for path in KEYS:
        found = at(spec, path)
        if found and found.get("secretKeyRef"):
            yield f"spec.{path}.secretKeyRef.name", found["secretKeyRef"].get("name")
    for field, node in nodes(spec):
        for index, source in enumerate((node.get("http") or {}).get("headersFrom") or ()):
            where = f"{field}.http.headersFrom[{index}].secretKeyRef.name"
            yield where, (source.get("secretKeyRef") or {}).get("name")
    for field, pod in pods(spec):
        yield from pod_secrets(field, pod)


def pod_secrets(field: str, pod: Mapping[str, Any]) -> Iterator[Place]:
    """The names of the Secrets that a pod reads, whatever the type of volume that names them."""
    for index, pull in enumerate(pod.get("imagePullSecrets") or ()):
        yield f"{field}.imagePullSecrets[{index}].name", pull.get("name")
    for part in ("env", "envFrom", "volumes"):
        yield from _within(f"{field}.{part}", pod.get(part))


def _within(field: str, value: Any) -> Iterator[Place]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            names = key == "secret" or key.lower().endswith(("secretref", "secretkeyref"))
            if names and isinstance(inner, Mapping) and inner.get("name"):
                yield f"{field}.{key}.name", inner["name"]
            if key in _SECRET_NAMES and isinstance(inner, str):
                yield f"{field}.{key}", inner
            yield from _within(f"{field}.{key}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _within(f"{field}[{index}]", inner)


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path, or None."""
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
