"""Lists and watches against a real API server: a whole cache to begin with, and nothing missed later."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from covey_operator.informers.cache import Cache
from covey_operator.informers.lister import Lister
from covey_operator.informers.reflector import Reflector
from covey_operator.kube.client import ApiError, KubeClient
from covey_operator.kube.keys import Key
from covey_operator.kube.resources import BY_KIND
from covey_operator.telemetry.metrics import Metrics
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api


@pytest_asyncio.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[KubeClient]:
    cluster = await KubeClient.connect(Metrics(), str(control_plane.kubeconfig))
    yield cluster
    await cluster.close()


class Told:
    """Notes for whom there was news; `whenever` waits for it."""

    def __init__(self) -> None:
        self.keys: set[Key] = set()
        self._something = asyncio.Event()

    def __call__(self, key: Key) -> None:
        self.keys.add(key)
        self._something.set()

    async def whenever(self, wanted: Key) -> None:
        async with asyncio.timeout(60):
            while wanted not in self.keys:
                self._something.clear()
                await self._something.wait()
        self.keys.clear()


async def test_everything_is_loaded_and_what_has_gone_is_noticed(api: Api, cluster: KubeClient) -> None:
    api.apply(make.model(), make.agent(), make.secret())
    told = Told()
    cache = Cache(told)
    lists = Lister(cluster, cache)
    for kind in ("Model", "Agent", "Secret"):
        await lists.load(BY_KIND[kind], api.namespace)
    model, agent = Key("Model", api.namespace, "fast"), Key("Agent", api.namespace, "researcher")
    assert set(cache.resources()) == {model, agent} == told.keys
    assert cache.is_present(Key("Secret", api.namespace, "provider"))

    cache.refer(agent, frozenset({model}))
    told.keys.clear()
    await lists.sweep(BY_KIND["Model"], api.namespace)
    assert told.keys == set()
    api.delete("Model", "fast")
    await lists.sweep(BY_KIND["Model"], api.namespace)
    assert told.keys == {model, agent}
    assert cache.resource(model) is None


async def test_pages_are_followed_to_the_end(
    api: Api, cluster: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("covey_operator.kube.client._PAGE", 2)
    for number in range(5):
        api.apply(make.model(f"m{number}"))
    pages = [page async for page in cluster.list(BY_KIND["Model"], api.namespace)]
    names = [obj["metadata"]["name"] for page in pages for obj in page.items]
    assert [len(page.items) for page in pages] == [2, 2, 1]
    assert sorted(names) == [f"m{number}" for number in range(5)]


async def test_a_follower_sees_every_change_and_keeps_no_content_of_secrets(
    api: Api, cluster: KubeClient
) -> None:
    api.apply(make.secret())
    told = Told()
    cache = Cache(told)
    agent, secret = Key("Agent", api.namespace, "researcher"), Key("Secret", api.namespace, "provider")
    cache.refer(agent, frozenset({secret}))
    follower = Reflector(cluster, cache, Lister(cluster, cache), BY_KIND["Secret"], api.namespace)
    await follower.load()
    following = asyncio.create_task(follower.run())
    try:
        await told.whenever(agent)
        version = cache.version(secret)
        api.apply(make.secret(value="another"))
        await told.whenever(agent)
        assert cache.version(secret) > version
        assert cache.content(secret) is None
        api.delete("Secret", "provider")
        await told.whenever(agent)
        assert not cache.is_present(secret)
    finally:
        following.cancel()


async def test_a_follower_whose_version_is_too_old_begins_anew_and_notices_what_has_gone(
    api: Api, cluster: KubeClient
) -> None:
    api.apply(make.secret("old"))
    told = Told()
    cache = Cache(told)
    agent, old, new = (
        Key("Agent", api.namespace, "a"),
        *(Key("Secret", api.namespace, name) for name in ("old", "new")),
    )
    follower = Reflector(cluster, cache, Lister(cluster, cache), BY_KIND["Secret"], api.namespace)
    await follower.load()
    cache.refer(agent, frozenset({new}))
    api.delete("Secret", "old")
    api.apply(make.secret("new"))
    follower.version = "1"  # compacted long ago
    following = asyncio.create_task(follower.run())
    try:
        await told.whenever(agent)
        assert set(cache.versions("Secret")) == {new}
        assert not cache.is_present(old)
    finally:
        following.cancel()


async def test_apply_for_an_object_that_was_replaced_is_a_conflict(api: Api, cluster: KubeClient) -> None:
    api.apply(make.secret())
    uid = api.there("Secret", "provider")["metadata"]["uid"]
    api.delete("Secret", "provider")
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "provider", "namespace": api.namespace},
    }
    with pytest.raises(ApiError) as refused:
        await cluster.apply(BY_KIND["Secret"], manifest, uid)
    assert refused.value.status == 409
    assert api.get("Secret", "provider") is None
