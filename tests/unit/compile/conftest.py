"""A namespace in memory, from YAML."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from agent_runtime.api import API_VERSION, KINDS, Resource
from agent_runtime.compile import Lookup

Add = Callable[..., Any]


@dataclass
class Namespace:
    """Objects by kind and name; `lookup` is what compile is given."""

    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def add(self, kind: str, name: str, content: str = "", **metadata: str) -> Any:
        """An object of Covey (`content` is its spec) or of Kubernetes (`content` is its data)."""
        ours = kind in KINDS
        manifest = {
            "apiVersion": API_VERSION if ours else "v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": "news", **metadata},
            "spec" if ours else "data": yaml.safe_load(content) or {},
        }
        self.objects[kind, name] = manifest
        return self.typed(kind, name) if ours else manifest

    def typed(self, kind: str, name: str) -> Resource:
        return KINDS[kind].model_validate(self.objects[kind, name])

    @property
    def lookup(self) -> Lookup:
        return lambda kind, name: self.objects.get((kind, name))


@pytest.fixture
def news() -> Namespace:
    """With a Model that can be used, and a Blackboard with two types."""
    namespace = Namespace()
    namespace.add("Model", "fast", "{provider: Scripted, script: [{reply: hello}]}")
    namespace.add(
        "Blackboard",
        "newsroom",
        """
        store: {redis: {managed: {}}}
        lease: {ttl: 45s}
        artifactTypes:
          - {name: Idea, schema: {type: object}}
          - {name: Report, version: 2, schema: {type: object, required: [text]}}
          - {name: Report, version: 1, schema: {type: object}}
        """,
    )
    return namespace
