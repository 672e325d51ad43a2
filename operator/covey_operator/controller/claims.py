"""Which runs are under way or want to be, for an operator that has just started."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from pydantic import ValidationError

from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.compile.result import Lookup, Manifest
from covey_operator.desired.flowrun import claim_at_start
from covey_operator.informers.cache import Cache
from covey_operator.kube.keys import Key
from covey_operator.runs.concurrency import Claim

FindFlow = Callable[[str, str], Manifest | None]


def claims(cache: Cache) -> Iterator[tuple[Key, Claim]]:
    """From the statuses of runs and from their children, all of which have to be in the cache."""

    @lru_cache(maxsize=1024)
    def flow(namespace: str, name: str) -> Manifest | None:
        return cache.resource(Key("Flow", namespace, name))

    for key in cache.resources():
        body = cache.resource(key) if key.kind == "FlowRun" else None
        if body is None or body["metadata"].get("deletionTimestamp"):
            continue
        try:
            run = FlowRunResource.model_validate(body)
        except ValidationError:
            continue  # its pass will say so
        children = cache.children(run.metadata.uid)
        claim = claim_at_start(run, children, _only(flow, key.namespace))
        if claim is not None:
            yield key, claim


def _only(flow: FindFlow, namespace: str) -> Lookup:
    """A lookup that knows nothing but Flows: claims ask for no more."""
    return lambda kind, name: flow(namespace, name) if kind == "Flow" else None
