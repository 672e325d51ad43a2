"""What compiling may look at: the cache, and the API server for what the cache does not hold whole."""

from collections.abc import Awaitable, Callable

from agent_runtime.compile.result import Manifest
from covey_operator.informers.cache import Cache
from covey_operator.kube.client import KubeClient
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import BY_KIND, OWN_KINDS, REFERENCED, Object
from covey_operator.runs.queue_rows import QUEUED


class Reader:
    """Looks objects of one namespace up for one pass.

    Compiling is pure and cannot wait, so what is not at hand is noted and reads as absent; `fetch` gets it,
    and compiling is done once more.
    """

    __slots__ = ("_cache", "_cluster", "_fetched", "_in_queue", "_namespace", "_wanted", "_watched")

    def __init__(
        self,
        cache: Cache,
        cluster: KubeClient,
        watched: frozenset[str],
        namespace: str,
        in_queue: Callable[[str], Awaitable[Object | None]],
    ) -> None:
        """`watched` are the kinds of which the cache knows every object; `in_queue` looks runs up."""
        self._in_queue = in_queue
        self._cache = cache
        self._cluster = cluster
        self._watched = watched
        self._namespace = namespace
        self._fetched: dict[Key, Object | None] = {}
        self._wanted: set[Key] = set()

    def __call__(self, kind: str, name: str) -> Manifest | None:
        """The object without its status, or None; see the class for what None may mean."""
        key = Key(kind, self._namespace, name)
        if key in self._fetched:
            return self._fetched[key]
        found: Object | None = None
        if kind in self._watched and kind in OWN_KINDS:
            found = self._cache.resource(key)
        elif kind in self._watched and kind in REFERENCED:
            found = self._cache.content(key)
            if found is None and self._cache.is_present(key):
                self._wanted.add(key)
        else:
            self._wanted.add(key)
        return found and {name: value for name, value in found.items() if name != "status"}

    async def fetch(self) -> bool:
        """Get what was wanted; False when nothing was. Raises ApiError."""
        wanted, self._wanted = self._wanted, set()
        for key in wanted:
            if key.kind == QUEUED:
                self._fetched[key] = await self._in_queue(key.name)
                continue
            with self._cache.asking(key):
                found = await self._cluster.get(BY_KIND[key.kind], key.namespace, key.name)
                self._fetched[key] = found
                if found is not None:
                    self._cache.put(found)
        return bool(wanted)
