"""Our own watches: for what resources become and name, of which there is too much for kopf.

kopf keeps a record of each object that it has seen, and starts a task for each that has an event. That suits
our resources, but each of them has six children or more. Here a change costs the reading of a line.
"""

import asyncio
import itertools
from collections.abc import Iterator

import structlog

from covey_operator.informers.cache import Cache
from covey_operator.informers.lister import Lister, is_needed_whole, selector_of
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.resources import ApiKind

log = structlog.get_logger(__name__)

_GONE = 410
_PAUSE = 0.2
"""Seconds between two watches, should the server end them at once."""


def backoffs() -> Iterator[float]:
    """Seconds between attempts, without an end."""
    return itertools.chain((0.5, 1, 2, 3, 5, 8), itertools.repeat(10.0))


class Reflector:
    """Keeps one kind in one namespace, or in all, as it is at the API server."""

    def __init__(
        self, cluster: KubeClient, cache: Cache, lists: Lister, kind: ApiKind, namespace: str
    ) -> None:
        self._cluster = cluster
        self._cache = cache
        self._lists = lists
        self._kind = kind
        self._namespace = namespace
        self.version = ""
        """Of the last change that was seen; empty when nobody knows what was missed."""
        self._waits = backoffs()

    @property
    def name(self) -> str:
        """For the log."""
        return f"{self._kind.resource} in {self._namespace}" if self._namespace else self._kind.resource

    def begin_again(self, failure: Exception) -> None:
        """The next run begins with a list: nobody knows what the one that failed has missed."""
        del failure
        self.version = ""

    async def load(self) -> None:
        """Everything into the cache. Raises ApiError."""
        self.version = await self._lists.load(self._kind, self._namespace)

    async def run(self) -> None:
        """Follows until it is cancelled."""
        while True:
            wait = _PAUSE
            try:
                if not self.version:
                    await self.load()
                await self._watch()
            except ApiError as error:
                if error.status == _GONE:
                    self.version = ""
                wait = next(self._waits)
                log.warning("watch failed; will retry", kind=self._kind.resource, error=str(error))
            await asyncio.sleep(wait)

    async def _watch(self) -> None:
        kind, whole = self._kind, is_needed_whole(self._kind)
        changes = self._cluster.watch(kind, self._namespace, self.version, selector_of(kind), whole=whole)
        async for change, obj in changes:
            if change == "DELETED":
                self._cache.drop(obj)
            elif change != "BOOKMARK":
                self._cache.put(obj, whole=whole)
            if obj["metadata"]["resourceVersion"] != self.version:  # a bookmark may say nothing new
                self.version = obj["metadata"]["resourceVersion"]
                self._waits = backoffs()
