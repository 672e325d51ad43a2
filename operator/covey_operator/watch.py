"""kopf as the shell: its watches keep the cache up to date and put keys on the queue; it does nothing else.

The cache is filled by lists of our own before (see `lists`). `kopf.index` would hold events back until all
is listed, too, but wakes every waiting object for each object that arrives: 500 Agents took minutes.
"""

import asyncio
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import kopf

from covey_operator.cache import Cache
from covey_operator.keys import Key
from covey_operator.labels import OPERATOR
from covey_operator.lists import selector_of
from covey_operator.resources import OWN_KINDS, ApiKind, Object


class Watches:
    """A handler for each of the kinds that are watched."""

    def __init__(self, cache: Cache, kinds: Collection[ApiKind], tell: Callable[[Key], None]) -> None:
        """`tell` is called for each resource for which an event is news."""
        self.registry = kopf.OperatorRegistry()
        self.settings = _settings(kinds)
        self._cache = cache
        self._tell = tell
        kopf.on.login(registry=self.registry)(_login)
        for kind in kinds:
            place = (kind.group, kind.version, kind.plural)
            kopf.on.event(*place, id=kind.plural, registry=self.registry)(self._happened)

    async def run(self, namespaces: tuple[str, ...], ready: asyncio.Event) -> None:
        """Watches until it is cancelled or stopped by a signal."""
        options: dict[str, Any] = {"namespaces": namespaces} if namespaces else {"clusterwide": True}
        # Else kopf asks who the user is, and the bare number that a pod runs as has no name.
        options["identity"] = OPERATOR
        await kopf.operator(
            registry=self.registry, settings=self.settings, standalone=True, ready_flag=ready, **options
        )

    async def _happened(self, event: kopf.RawEvent, **_: object) -> None:
        obj: Object = dict(event["object"])
        for key in self._cache.drop(obj) if event["type"] == "DELETED" else self._cache.put(obj):
            if key.kind in OWN_KINDS:
                self._tell(key)


class Backoffs:
    """Seconds between attempts, without an end: kopf dies when they run out."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1, 2, 3, 5, 8), itertools.repeat(10.0))


class NoDiffBase(kopf.DiffBaseStorage):
    """kopf copies each object on each event to tell what changed in it; nobody asks that here."""

    def build(self, **_: object) -> kopf.BodyEssence:
        """Nothing of the object."""
        return kopf.BodyEssence()

    def fetch(self, **_: object) -> kopf.BodyEssence | None:
        """Nothing was kept."""
        return None

    def store(self, **_: object) -> None:
        """Nothing is kept."""


def _settings(kinds: Iterable[ApiKind]) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # the CRDs are there before kopf starts; namespaces are given
    settings.watching.chunk_size = 500
    settings.queueing.idle_timeout = 1.0  # so long each object that had an event has a task of its own
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = Backoffs()
    settings.persistence.finalizer = "covey.dev/operator"
    settings.persistence.diffbase_storage = NoDiffBase()
    for kind in kinds:
        if selector := selector_of(kind):
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = selector
    return settings


def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """As the pod's service account, else by KUBECONFIG."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
