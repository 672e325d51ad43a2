"""Secrets on the laptop: from the files that are loaded, or from environment variables."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from agent_runtime.compile.result import Compiled, Lookup, Manifest


class FromSecret(Protocol):
    """A variable that takes its value from a key of a Secret."""

    @property
    def env(self) -> str:
        """The variable."""

    @property
    def secret(self) -> str:
        """The Secret."""

    @property
    def key(self) -> str:
        """The key."""


def variable(secret: str, key: str) -> str:
    """The environment variable that stands for a key of a Secret: `COVEY_SECRET_OPENAI_API_KEY`."""
    return re.sub(r"[^A-Z0-9]", "_", f"covey_secret_{secret}_{key}".upper())


def from_environment(manifests: Iterable[Manifest], environ: Mapping[str, str]) -> dict[str, Manifest]:
    """A Secret for each that `manifests` reference and the environment holds, by name."""
    found: dict[str, dict[str, str]] = {}
    for name, key in _references(list(manifests)):
        if (value := environ.get(variable(name, key))) is not None:
            found.setdefault(name, {})[key] = value
    return {
        name: {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}
        for name, data in found.items()
    }


def environment_of(compiled: Compiled[Any], lookup: Lookup) -> dict[str, str]:
    """The variables that a process would get from its Secrets, which are plain, as the loader leaves them."""
    return environment_for(compiled.secrets, lookup)


def environment_for(variables: Iterable[FromSecret], lookup: Lookup) -> dict[str, str]:
    """The same for variables that are known."""
    found: dict[str, str] = {}
    for item in variables:
        content = (lookup("Secret", item.secret) or {}).get("stringData") or {}
        if item.key in content:
            found[item.env] = str(content[item.key])
    return found


def _references(value: object) -> Iterable[tuple[str, str]]:
    """Each `secretKeyRef` anywhere in the manifests, as (name, key)."""
    if isinstance(value, Mapping):
        ref = value.get("secretKeyRef")
        if isinstance(ref, Mapping) and "name" in ref and "key" in ref:
            yield str(ref["name"]), str(ref["key"])
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
