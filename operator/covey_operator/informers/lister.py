"""Lists of our own beside the watches: to begin with a whole cache, and to notice what a watch missed.

Nothing is decided on half a cache: a Model whose list comes later must not look missing. And a watch that
begins, or begins anew, starts with a list, which does not name what has gone meanwhile. Our own watches
(`follow`) compare such a list with the cache; for those of kopf it is done now and then, for the first time
soon after the start.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from covey_operator.informers.cache import Cache
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.keys import Key, key_of
from covey_operator.kube.labels import SELECTOR
from covey_operator.kube.resources import OWN_KINDS, REFERENCED, WITH_STATUS, ApiKind

log = structlog.get_logger(__name__)

FIRST_SWEEP = 60.0
EVERY = 600.0
"""Seconds between two sweeps, give or take a quarter."""


def selector_of(kind: ApiKind) -> str:
    """Which objects of the kind are of interest, as a label selector; empty for all of them."""
    return "" if kind.kind in OWN_KINDS or kind.kind in REFERENCED else SELECTOR


def is_needed_whole(kind: ApiKind) -> bool:
    """Whether decisions need more of it than metadata. What Secrets hold is read only where it is used."""
    return kind.kind in OWN_KINDS or kind.kind in WITH_STATUS


class Lister:
    """Lists kinds into the cache."""

    def __init__(self, cluster: KubeClient, cache: Cache) -> None:
        self._cluster = cluster
        self._cache = cache

    async def load(self, kind: ApiKind, namespace: str) -> str:
        """Everything of a kind into the cache, and what has gone out of it; an empty namespace means all.

        Returns the version from which a watch misses nothing. Raises ApiError; may be called again then.
        """
        there, version = set[Key](), ""
        whole = is_needed_whole(kind)
        async for page in self._cluster.list(kind, namespace, selector_of(kind), whole=whole):
            version = page.version
            for obj in page.items:
                there.add(key_of(obj))
                self._cache.put(obj, whole=whole)
        self._forget(kind, namespace, there, version)
        return version

    async def keep_sweeping(
        self, kinds: Iterable[ApiKind], namespaces: Iterable[str], random: Callable[[], float]
    ) -> None:
        """Sweeps until it is cancelled."""
        await asyncio.sleep(FIRST_SWEEP)
        places = [(kind, namespace) for kind in kinds for namespace in namespaces]
        while True:
            for kind, namespace in places:
                try:
                    await self.sweep(kind, namespace)
                except ApiError as error:
                    log.warning("sweep failed", kind=kind.kind, error=str(error))
            await asyncio.sleep(EVERY * (0.75 + random() / 2))

    async def sweep(self, kind: ApiKind, namespace: str) -> None:
        """Forgets what is in the cache and not at the API server. Raises ApiError."""
        there, version = set[Key](), ""
        async for page in self._cluster.list(kind, namespace, selector_of(kind), whole=False):
            version = page.version
            there |= {key_of(obj) for obj in page.items}
        self._forget(kind, namespace, there, version)

    def _forget(self, kind: ApiKind, namespace: str, there: set[Key], version: str) -> None:
        for key in self._cache.listed(kind.kind, namespace, there, int(version)):
            log.info("missed the end of an object", key=str(key))
