"""Children brought to what is desired: applied where they differ, deleted where they are no longer wanted."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog

from covey_operator.conditions import Refusal
from covey_operator.informers.cache import Cache
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube import echoes
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.digest import digest
from covey_operator.kube.field_ownership import is_applied
from covey_operator.kube.keys import Key, Owner, key_of, owner_of
from covey_operator.kube.labels import DESIRED_HASH
from covey_operator.kube.owner_refs import owner_refs
from covey_operator.kube.refusals import why_refused
from covey_operator.kube.resources import APPLY_ORDER, BY_KIND, REFERENCED, WORKLOADS, Object
from covey_operator.plan import Plan

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of writing children."""

    refusals: tuple[Refusal, ...] = ()

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(self.refusals + other.refusals)


class Children:
    """Writes the children of resources, and only those that are ours."""

    def __init__(self, cluster: KubeClient, cache: Cache, watched: frozenset[str]) -> None:
        self._cluster = cluster
        self._cache = cache
        self._watched = watched

    async def apply(self, owner: Object, plan: Plan) -> Outcome:
        """Apply and prune. Raises ApiError when the API server is in trouble.

        One child that is refused keeps only those after it from being written that need it: a workload.
        """
        if plan.desired is None:
            return await self._pause(owner, plan)
        wanted = [complete(manifest, owner) for manifest in plan.desired]
        wanted.sort(key=lambda manifest: APPLY_ORDER[manifest["kind"]])
        parts = [manifest for manifest in wanted if manifest["kind"] not in WORKLOADS]
        done = await self._apply_all(parts)
        if not done.refusals:
            done += await self._apply_all(manifest for manifest in wanted if manifest["kind"] in WORKLOADS)
        return done + await self._prune(owner, {key_of(manifest) for manifest in wanted})

    async def make(self, objects: Iterable[Object]) -> Outcome:
        """Create what is not there yet; its watch makes it known. Raises ApiError."""
        done = Outcome()
        for each in objects:
            try:
                await self._cluster.create(BY_KIND[each["kind"]], each)
                log.info("created", key=str(key_of(each)))
            except ApiError as error:
                if error.status != 409:  # else made by an earlier pass, of which we were not told
                    done += Outcome((_refusal(key_of(each), error),))
        return done

    async def cancel(self, runs: Iterable[Key]) -> Outcome:
        """Set `spec.cancel` of runs. One that is gone is no error. Raises ApiError."""
        done = Outcome()
        for key in runs:
            found = self._cache.resource(key)
            try:
                if found is not None:
                    await self._cluster.patch(BY_KIND[key.kind], found, {"spec": {"cancel": True}})
                    log.info("cancelled", key=str(key))
            except ApiError as error:
                if error.status not in (404, 409):
                    done += Outcome((_refusal(key, error),))
        return done

    async def end(self, keys: Iterable[Key]) -> Outcome:
        """Delete resources of ours, and children whose time is over. Raises ApiError."""
        done = Outcome()
        for key in keys:
            found, child = self._cache.resource(key), self._cache.child(key)
            uid = found["metadata"]["uid"] if found is not None else child.uid if child is not None else None
            try:
                if uid is not None:
                    await self._cluster.delete(BY_KIND[key.kind], key.namespace, key.name, uid)
                    log.info("deleted", key=str(key))
            except ApiError as error:
                done += Outcome((_refusal(key, error),))
        return done

    async def hold(self, jobs: Mapping[Key, bool]) -> Outcome:
        """Let Jobs stop for now, or go on. One that is gone is no error. Raises ApiError."""
        done = Outcome()
        for key, held in jobs.items():
            child = self._cache.child(key)
            if child is None or child.owner is None:
                continue
            job = {"metadata": {"namespace": key.namespace, "name": key.name, "uid": child.uid}}
            echo = echoes.of_child(child, child.owner)
            try:
                with self._cache.writing(key, child.owner.key, expects=echo) as answered:
                    answered(await self._cluster.patch(BY_KIND[key.kind], job, {"spec": {"suspend": held}}))
                log.info("held" if held else "let go on", key=str(key))
            except ApiError as error:
                if error.status not in (404, 409):
                    done += Outcome((_refusal(key, error),))
        return done

    async def _apply_all(self, manifests: Iterable[Object]) -> Outcome:
        """All at once; when one raises, the others are let finish before."""
        results = await asyncio.gather(*map(self._apply, manifests), return_exceptions=True)
        done = Outcome()
        for result in results:
            if isinstance(result, BaseException):
                raise result
            done += result
        return done

    async def _apply(self, manifest: Object) -> Outcome:
        key = key_of(manifest)
        owner = _owner(manifest)
        try:
            child = await self._live(key)
            if child is not None and child.owner != owner:
                return Outcome((_name_taken(child, owner),))
            wanted_hash = manifest["metadata"]["annotations"][DESIRED_HASH]
            if child is not None and child.desired_hash == wanted_hash and is_applied(manifest, child.fields):
                return Outcome()
            is_new = child is None
            if child is not None and manifest.get("immutable"):
                await self._cluster.delete(BY_KIND[key.kind], key.namespace, key.name, child.uid)
                child = None
            uid = child.uid if child is not None else None
            with self._cache.writing(key, owner.key, expects=echoes.of_child(child, owner)) as answered:
                answered(await self._cluster.apply(BY_KIND[key.kind], manifest, uid))
        except ApiError as error:
            return Outcome((_refusal(key, error),))
        log.info("applied", key=str(key), new=is_new)
        return Outcome()

    async def _live(self, key: Key) -> ChildSnapshot | None:
        """The child as it is. What the watch cannot show, because it is not ours, is asked for."""
        known = self._cache.child(key)
        if known is not None and key.kind in self._watched:
            return known
        everything_is_known = key.kind in REFERENCED and key.kind in self._watched
        if everything_is_known and not self._cache.is_present(key):
            return None
        found = await self._cluster.get(BY_KIND[key.kind], key.namespace, key.name)
        return None if found is None else ChildSnapshot.of(found)

    async def _prune(self, owner: Object, wanted: set[Key]) -> Outcome:
        refusals = []
        for key, child in self._cache.children(owner["metadata"]["uid"]).items():
            if key in wanted or child.deleting:
                continue
            try:
                await self._cluster.delete(BY_KIND[key.kind], key.namespace, key.name, child.uid)
                log.info("deleted", key=str(key))
            except ApiError as error:
                refusals.append(_refusal(key, error))
        return Outcome(tuple(refusals))

    async def _pause(self, owner: Object, plan: Plan) -> Outcome:
        if plan.pause is None:
            return Outcome()
        key = Key("Deployment", owner["metadata"]["namespace"], plan.pause)
        child = self._cache.children(owner["metadata"]["uid"]).get(key)
        try:
            if child is not None and child.state["replicas"]:
                await self._cluster.scale(BY_KIND[key.kind], key.namespace, key.name, 0)
        except ApiError as error:
            return Outcome((_refusal(key, error),))
        return Outcome()


def complete(manifest: Object, owner: Object) -> Object:
    """With namespace, owner reference and the hash of all that."""
    whole = owner_refs(manifest, owner)
    metadata = whole["metadata"]
    annotations = {**(metadata.get("annotations") or {}), DESIRED_HASH: digest(whole)}
    return {**whole, "metadata": {**metadata, "annotations": annotations}}


def _owner(manifest: Object) -> Owner:
    owner = owner_of(manifest)
    assert owner is not None, "a manifest is completed before it is applied"
    return owner


def _name_taken(child: ChildSnapshot, owner: Owner) -> Refusal:
    key = child.key
    if child.owner is not None and child.owner.key == owner.key:
        # Left by an earlier resource of the same name, and about to be collected: its end wakes us.
        raise ApiError(409, "Conflict", f"{key.kind} {key.name} of the earlier {owner.key} is not gone yet")
    whose = f"belongs to {child.owner.key.kind} {child.owner.key.name}" if child.owner else "is not ours"
    message = (
        f"{key.kind} {key.name} exists already in namespace {key.namespace} and {whose}: "
        "it is left alone; delete or rename it, or give this resource another name"
    )
    return Refusal("NameTaken", message)


def _refusal(key: Key, error: ApiError) -> Refusal:
    """What somebody has to change; raises the error again when waiting is the cure."""
    what = f"{key.kind} {key.name}"
    why = why_refused(error.status, str(error), what)
    if why is None:
        raise error
    cure = f": {why.cure}" if why.cure else ""
    if why.reason == "Forbidden":
        return Refusal("Forbidden", f"the operator may not write {what}: {error}{cure}")
    return Refusal(why.reason, f"the API server refuses {what}: {error}{cure}")
