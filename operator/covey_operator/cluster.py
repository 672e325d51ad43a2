"""The only module that talks to the API server: a handful of requests, plain JSON in and out.

The connection is `kubernetes.aio`'s. It says that it is typed, and some of it is not: hence the ignores.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Self

import aiohttp
import orjson
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from agent_runtime import __version__
from covey_operator.labels import OPERATOR
from covey_operator.metrics import Metrics
from covey_operator.resources import ApiKind, Object

_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_NAMES_ONLY = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_PAGE = 500


class ApiError(Exception):
    """The API server refused, or did not answer (status 0). The message is the server's own."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        """The server's word: NotFound, Conflict, Forbidden, Invalid, ..."""


class Cluster:
    """A connection to the API server. Objects are plain JSON with the server's field names."""

    def __init__(self, api: ApiClient, metrics: Metrics) -> None:
        api.user_agent = f"{OPERATOR}/{__version__}"
        self._api = api
        self._metrics = metrics

    @classmethod
    async def connect(cls, metrics: Metrics, kubeconfig: str | None = None) -> Self:
        """By `kubeconfig`; else as the pod's service account, else by KUBECONFIG or ~/.kube/config."""
        configuration = Configuration()
        # Else aiohttp looks for proxies and for a .netrc on each request, in a thread.
        configuration.client_session_kwargs = {"trust_env": False}
        if kubeconfig is not None or not _in_a_pod(configuration):
            await load_kube_config(kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]
        return cls(ApiClient(configuration), metrics)

    async def close(self) -> None:
        """Closes all connections."""
        await self._api.close()  # type: ignore[no-untyped-call]

    async def get(self, kind: ApiKind, namespace: str, name: str) -> Object | None:
        """The object, or None when there is none."""
        try:
            return await self._request("GET", kind, kind.path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(
        self, kind: ApiKind, namespace: str, selector: str = "", *, accept: str = _JSON
    ) -> AsyncIterator[Object]:
        """Every object that the label selector selects, page by page; an empty namespace means all."""
        query = {"limit": str(_PAGE)} | ({"labelSelector": selector} if selector else {})
        while True:
            page = await self._request("GET", kind, kind.path(namespace), query, accept=accept)
            for item in page["items"] or ():  # null where there is none
                yield {"apiVersion": kind.api_version, "kind": kind.kind, **item}
            query["continue"] = page["metadata"].get("continue") or ""
            if not query["continue"]:
                return

    async def names(self, kind: ApiKind, namespace: str, selector: str = "") -> set[tuple[str, str]]:
        """Namespace and name of every object that the label selector selects; their content is not sent."""
        found = set()
        async for item in self.list(kind, namespace, selector, accept=_NAMES_ONLY):
            found.add((item["metadata"]["namespace"], item["metadata"]["name"]))
        return found

    async def apply(self, kind: ApiKind, manifest: Object, uid: str | None = None) -> Object:
        """Server-side apply; what others changed in our fields is taken back.

        With `uid` it holds for that very object: 409 when it has vanished or been replaced meanwhile.
        """
        metadata = manifest["metadata"]
        body = manifest if uid is None else {**manifest, "metadata": {**metadata, "uid": uid}}
        query = {"fieldManager": OPERATOR, "force": "true", "fieldValidation": "Strict"}
        path = kind.path(metadata["namespace"], metadata["name"])
        return await self._request("PATCH", kind, path, query, body, _APPLY)

    async def create(self, kind: ApiKind, manifest: Object) -> Object:
        """A new object; 409 when there is one of that name."""
        path = kind.path(manifest["metadata"]["namespace"])
        return await self._request("POST", kind, path, {"fieldManager": OPERATOR}, manifest)

    async def replace(self, kind: ApiKind, manifest: Object) -> Object:
        """The object anew; 409 when it has changed since it was read."""
        metadata = manifest["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        return await self._request("PUT", kind, path, {"fieldManager": OPERATOR}, manifest)

    async def delete(self, kind: ApiKind, namespace: str, name: str, uid: str) -> None:
        """Deletes that very object and, in the background, what it owns. One that is gone is no error."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._request("DELETE", kind, kind.path(namespace, name), body=body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def scale(self, kind: ApiKind, namespace: str, name: str, replicas: int) -> Object:
        """Sets the number of pods and nothing else."""
        path = kind.path(namespace, name, "scale")
        body = {"spec": {"replicas": replicas}}
        return await self._request("PATCH", kind, path, {"fieldManager": OPERATOR}, body, _MERGE)

    async def patch_status(self, kind: ApiKind, of: Object, status: Object) -> Object:
        """Merges `status` into the status of that very object; fields that are None vanish."""
        metadata = of["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"], "status")
        body = {"metadata": {"uid": metadata["uid"]}, "status": status}
        return await self._request("PATCH", kind, path, {"fieldManager": OPERATOR}, body, _MERGE)

    async def may(self, verb: str, kind: ApiKind, namespace: str, subresource: str = "") -> bool:
        """Whether we are allowed to; an empty namespace asks about all of them."""
        attributes = {
            "verb": verb,
            "group": kind.group,
            "resource": kind.plural,
            "subresource": subresource,
            "namespace": namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = await self._request("POST", _REVIEW, _REVIEW.path(""), body=review)
        return bool(answer["status"]["allowed"])

    async def served(self, group_version: str) -> frozenset[str]:
        """Plural names of what is served under `group_version`; empty when the group is unknown."""
        discovery = ApiKind("APIResourceList", group_version, "")
        try:
            found = await self._request("GET", discovery, discovery.path(""))
        except ApiError as error:
            if error.status == 404:
                return frozenset()
            raise
        return frozenset(resource["name"] for resource in found["resources"])

    async def _request(
        self,
        method: str,
        kind: ApiKind,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
    ) -> Object:
        headers = {"Accept": accept, "Content-Type": content_type}
        parameters = list((query or {}).items())
        _, url, headers, _, _ = await self._api.param_serialize(
            method, path, query_params=parameters, header_params=headers, auth_settings=["BearerToken"]
        )
        status = 0
        try:
            answer = await self._api.rest_client.request(  # type: ignore[no-untyped-call]
                method, url, headers=headers, body=body, _request_timeout=_TIMEOUT
            )
            content = await answer.read()
            status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(
                0, "Unreachable", f"the API server does not answer: {error or type(error).__name__}"
            ) from error
        finally:
            self._metrics.requested(method, kind.plural, status)
        if status >= 400:
            raise _refusal(status, content)
        result: Object = orjson.loads(content)
        return result


_REVIEW = ApiKind("SelfSubjectAccessReview", "authorization.k8s.io/v1", "selfsubjectaccessreviews")


def _in_a_pod(configuration: Configuration) -> bool:
    """Whether there is a service account, which is then configured."""
    try:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except ConfigException:
        return False
    return True


def _refusal(status: int, content: bytes) -> ApiError:
    try:
        answer = orjson.loads(content)
        return ApiError(status, answer.get("reason") or str(status), answer.get("message") or str(answer))
    except (orjson.JSONDecodeError, AttributeError):  # something between us and the API server answered
        return ApiError(status, str(status), content[:200].decode(errors="replace"))
