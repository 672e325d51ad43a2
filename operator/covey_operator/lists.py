"""Lists of our own beside the watches: to begin with a whole cache, and to notice what a watch missed.

Nothing is decided on half a cache: a Model whose list comes later must not look missing. And a watch that
begins, or begins anew, starts with a list, which does not name what has gone meanwhile: so now and then the
names of all objects are compared with the cache, for the first time soon after the start.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from covey_operator.cache import Cache
from covey_operator.cluster import ApiError, Cluster
from covey_operator.keys import Key
from covey_operator.labels import SELECTOR
from covey_operator.resources import OWN_KINDS, REFERENCED, ApiKind

log = structlog.get_logger(__name__)

FIRST_SWEEP = 60.0
EVERY = 600.0
"""Seconds between two sweeps, give or take a quarter."""


def selector_of(kind: ApiKind) -> str:
    """Which objects of the kind are of interest, as a label selector; empty for all of them."""
    return "" if kind.kind in OWN_KINDS or kind.kind in REFERENCED else SELECTOR


class Lists:
    """Lists the kinds that are watched; tells for whom what they show is news."""

    def __init__(
        self,
        cluster: Cluster,
        cache: Cache,
        kinds: Iterable[ApiKind],
        namespaces: tuple[str, ...],
        tell: Callable[[Key], None],
    ) -> None:
        self._cluster = cluster
        self._cache = cache
        self._kinds = tuple(kinds)
        self._namespaces = namespaces or ("",)
        self._tell = tell

    async def load(self) -> None:
        """Everything into the cache. Raises ApiError; may be called again then."""
        for kind in self._kinds:
            for namespace in self._namespaces:
                async for obj in self._cluster.list(kind, namespace, selector_of(kind)):
                    self._news(self._cache.put(obj))

    async def keep_sweeping(self, random: Callable[[], float]) -> None:
        """Sweeps until it is cancelled."""
        await asyncio.sleep(FIRST_SWEEP)
        while True:
            for kind in self._kinds:
                try:
                    await self.sweep(kind)
                except ApiError as error:
                    log.warning("sweep failed", kind=kind.kind, error=str(error))
            await asyncio.sleep(EVERY * (0.75 + random() / 2))

    async def sweep(self, kind: ApiKind) -> None:
        """Forgets what is in the cache and not at the API server. Raises ApiError."""
        known = self._cache.versions(kind.kind)
        there: set[Key] = set()
        for namespace in self._namespaces:
            names = await self._cluster.names(kind, namespace, selector_of(kind))
            there |= {Key(kind.kind, *place) for place in names}
        now = self._cache.versions(kind.kind)
        for key, version in known.items():
            if key not in there and now.get(key) == version:
                log.info("missed the end of an object", key=str(key))
                self._news(self._cache.vanish(key))

    def _news(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if key.kind in OWN_KINDS:
                self._tell(key)
