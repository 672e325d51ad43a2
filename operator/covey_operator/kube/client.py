"""The only module that asks the API server: a handful of requests, plain JSON in and out."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Self

import orjson

from covey_operator.kube.connection import Connection, Silent, Unreachable
from covey_operator.kube.labels import OPERATOR
from covey_operator.kube.resources import ApiKind, Object
from covey_operator.telemetry.metrics import Metrics

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_PAGE = 200
"""Objects of one answer: it is in memory whole, and what is once taken for it stays with the process."""
_WATCH = 290
"""Seconds after which the server ends a watch."""
_SILENCE = 100.0
"""Seconds without a byte after which a watch may be dead: its other end can be gone without a word."""


class ApiError(Exception):
    """The API server refused, or did not answer (status 0). The message is the server's own."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        """The server's word: NotFound, Conflict, Forbidden, Invalid, ..."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    items: list[Object]
    version: str
    """Of the list as a whole: a watch from there on misses nothing."""


class KubeClient:
    """A connection to the API server. Objects are plain JSON with the server's field names."""

    def __init__(self, connection: Connection, metrics: Metrics) -> None:
        self._connection = connection
        self._metrics = metrics

    @classmethod
    async def connect(cls, metrics: Metrics, kubeconfig: str | None = None) -> Self:
        """By `kubeconfig`; else as the pod's service account, else by KUBECONFIG or ~/.kube/config."""
        return cls(await Connection.open(kubeconfig), metrics)

    async def close(self) -> None:
        """Closes all connections."""
        await self._connection.close()

    async def get(self, kind: ApiKind, namespace: str, name: str) -> Object | None:
        """The object, or None when there is none."""
        try:
            return await self._request("GET", kind, kind.path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(
        self, kind: ApiKind, namespace: str, selector: str = "", *, fields: str = "", whole: bool = True
    ) -> AsyncIterator[Page]:
        """Every object that the label and field selectors select, page by page; an empty namespace means all.

        Unless they are wanted `whole`, only their metadata is sent.
        """
        query = {"limit": str(_PAGE)} | ({"labelSelector": selector} if selector else {})
        query |= {"fieldSelector": fields} if fields else {}
        accept = _JSON if whole else _METADATA_LIST
        while True:
            page = await self._request("GET", kind, kind.path(namespace), query, accept=accept)
            items = [_of_kind(kind, item) for item in page["items"] or ()]  # null where there is none
            yield Page(items, page["metadata"].get("resourceVersion") or "")
            query["continue"] = page["metadata"].get("continue") or ""
            if not query["continue"]:
                return

    async def watch(
        self,
        kind: ApiKind,
        namespace: str,
        version: str,
        selector: str = "",
        *,
        name: str = "",
        whole: bool = True,
    ) -> AsyncIterator[tuple[str, Object]]:
        """(type, object) of what changes after `version`: ADDED, MODIFIED, DELETED, or BOOKMARK.

        An empty `version`: what there is comes first, as ADDED.
        With `name`, of that object only, for which the right to watch just it suffices.

        Ends when the server has had enough, or is silent for long. Raises ApiError, with status 410 when
        `version` is too long ago.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH),
        }
        query |= {"resourceVersion": version} if version else {}
        query |= {"labelSelector": selector} if selector else {}
        query |= {"fieldSelector": f"metadata.name={name}"} if name else {}
        headers, status = {"Accept": _JSON if whole else _METADATA}, 0
        try:
            async with self._connection.stream(
                kind.path(namespace), query, headers, silence=_SILENCE
            ) as answer:
                status = answer.status
                if status >= 400:
                    raise _refusal(status, await answer.read())
                async for line in answer.content:
                    event = orjson.loads(line)
                    if not isinstance(event, dict) or "type" not in event or "object" not in event:
                        raise _odd(line)
                    if event["type"] == "ERROR":
                        raise _refusal(event["object"].get("code") or 500, orjson.dumps(event["object"]))
                    yield event["type"], _of_kind(kind, event["object"])
        except Silent:
            return  # where nothing happens there may be no bookmarks: ask again
        except Unreachable as error:
            raise ApiError(0, "Unreachable", str(error)) from error
        except orjson.JSONDecodeError as error:
            raise ApiError(0, "Unreachable", f"the API server broke off: {error}") from error
        finally:
            self._metrics.requested("WATCH", kind.plural, status)

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

    async def patch(self, kind: ApiKind, of: Object, changes: Object) -> Object:
        """Merges `changes` into that very object."""
        metadata = of["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        body = {**changes, "metadata": {**changes.get("metadata", {}), "uid": metadata["uid"]}}
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

    async def document(self, path: str) -> Object:
        """What the API server tells about itself under a path that is no resource, as JSON."""
        return await self._request("GET", _DOCUMENT, path, accept="*/*")

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
        status = 0
        try:
            status, content = await self._connection.answer(
                method, path, query or {}, headers, None if body is None else orjson.dumps(body)
            )
        except Unreachable as error:
            raise ApiError(0, "Unreachable", str(error)) from error
        finally:
            self._metrics.requested(method, kind.plural, status)
        if status >= 400:
            raise _refusal(status, content)
        try:
            result: Object = orjson.loads(content)
        except orjson.JSONDecodeError as error:  # something between us and the API server answered
            raise _odd(content) from error
        if not isinstance(result, dict):
            raise _odd(content)
        return result


_DOCUMENT = ApiKind("Document", "", "")
_REVIEW = ApiKind("SelfSubjectAccessReview", "authorization.k8s.io/v1", "selfsubjectaccessreviews")


def _of_kind(kind: ApiKind, item: Object) -> Object:
    """Items of lists do not say what they are, and metadata alone says that it is metadata."""
    return {**item, "apiVersion": kind.api_version, "kind": kind.kind}


def _odd(content: bytes) -> ApiError:
    """Something between us and the API server answered."""
    return ApiError(502, "NotJson", content[:200].decode(errors="replace"))


def _refusal(status: int, content: bytes) -> ApiError:
    try:
        answer = orjson.loads(content)
        return ApiError(status, answer.get("reason") or str(status), answer.get("message") or str(answer))
    except (orjson.JSONDecodeError, AttributeError):  # something between us and the API server answered
        return ApiError(status, str(status), content[:200].decode(errors="replace"))
