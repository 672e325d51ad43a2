"""A person at the API server: applies, reads, edits and deletes objects, as the tests need it."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from kubernetes import config

from covey_operator.kube.resources import BY_KIND, ApiKind

T = TypeVar("T")
Object = dict[str, Any]
DEADLINE = 120.0
"""Seconds that anything may take: no test is about speed."""
_KINDS = {**BY_KIND, "Namespace": ApiKind("Namespace", "v1", "namespaces")}


class Refused(Exception):
    """The API server said no."""


class Api:
    """Objects of one namespace by kind and name."""

    def __init__(self, kubeconfig: Path, namespace: str = "default") -> None:
        self._kubeconfig = kubeconfig
        self.namespace = namespace
        api = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
        self._host = api.configuration.host
        self._pool = api.rest_client.pool_manager

    def within(self, namespace: str) -> "Api":
        """The same for a new namespace."""
        api = Api(self._kubeconfig, namespace)
        api.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        return api

    def apply(self, *manifests: Object) -> None:
        """Server-side apply, as `kubectl apply --server-side` does it."""
        for manifest in manifests:
            path = self._path(manifest["kind"], manifest["metadata"]["name"])
            query = "?fieldManager=person&fieldValidation=Strict&force=true"
            self.request("PATCH", path + query, manifest, "application/apply-patch+yaml")

    def get(self, kind: str, name: str) -> Object | None:
        """The object, or None."""
        try:
            return self.request("GET", self._path(kind, name))
        except Refused as error:
            if "NotFound" in str(error):
                return None
            raise

    def there(self, kind: str, name: str) -> Object:
        """The object, which has to be there."""
        found = self.get(kind, name)
        assert found is not None, f"{kind} {name} is not there"
        return found

    def list(self, kind: str) -> list[Object]:
        """Every object of a kind in the namespace."""
        items: list[Object] = self.request("GET", self._path(kind, ""))["items"]
        return items

    def edit(self, kind: str, name: str, changes: Object) -> None:
        """A merge patch, as somebody with an editor would make it."""
        self._patch(kind, name, "", changes)

    def set_status(self, kind: str, name: str, status: Object) -> None:
        """Plays the controller that would write this status."""
        self._patch(kind, name, "/status", {"status": status})

    def delete(self, kind: str, name: str) -> None:
        """Deletes it; its children go in the background."""
        self.request("DELETE", self._path(kind, name))

    def request(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json"
    ) -> Object:
        """The answer; raises Refused with the server's words."""
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type}
        answer = self._pool.request(method, self._host + path, body=content, headers=headers)
        found: Object = json.loads(answer.data)
        if answer.status >= 400:
            raise Refused(f"{found.get('reason')}: {found.get('message')}")
        return found

    def _patch(self, kind: str, name: str, subresource: str, body: Object) -> None:
        path = f"{self._path(kind, name)}{subresource}?fieldManager=somebody"
        self.request("PATCH", path, body, "application/merge-patch+json")

    def _path(self, kind: str, name: str) -> str:
        return _KINDS[kind].path(self.namespace, name)


def condition(obj: Object | None, kind: str) -> Mapping[str, Any]:
    """One condition of an object; an empty one when it has not been said yet."""
    said = ((obj or {}).get("status") or {}).get("conditions") or ()
    return next((each for each in said if each["type"] == kind), {})


def until(what: str, probe: Callable[[], T | None], deadline: float = DEADLINE) -> T:
    """The first answer of `probe` that is not false; fails naming `what` when none comes."""
    end = time.monotonic() + deadline
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < end, f"not within {deadline:.0f} s: {what}"
        time.sleep(0.2)


def says_of(api: Api, kind: str, name: str, reason: str, *, top: str = "Ready") -> Object:
    """The condition that sums up the others, as soon as it has this reason."""

    def found() -> Object | None:
        said = condition(api.get(kind, name), top)
        return dict(said) if said.get("reason") == reason else None

    return until(f"{kind} {name} says {reason}", found)
