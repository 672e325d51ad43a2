"""Lists against a real API server: a whole cache to begin with, and what a watch missed."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from covey_operator.cache import Cache
from covey_operator.cluster import ApiError, Cluster
from covey_operator.keys import Key
from covey_operator.lists import Lists
from covey_operator.metrics import Metrics
from covey_operator.resources import BY_KIND
from hack.cluster.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api


@pytest_asyncio.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    cluster = await Cluster.connect(Metrics(), str(control_plane.kubeconfig))
    yield cluster
    await cluster.close()


async def test_everything_is_loaded_and_what_has_gone_is_noticed(api: Api, cluster: Cluster) -> None:
    api.apply(make.model(), make.agent(), make.secret())
    cache, told = Cache(), list[Key]()
    kinds = [BY_KIND["Model"], BY_KIND["Agent"], BY_KIND["Secret"]]
    lists = Lists(cluster, cache, kinds, (api.namespace,), told.append)
    await lists.load()
    model, agent = Key("Model", api.namespace, "fast"), Key("Agent", api.namespace, "researcher")
    assert set(cache.resources()) == {model, agent}
    assert cache.is_present(Key("Secret", api.namespace, "provider"))
    assert set(told) == {model, agent}

    cache.refer(agent, frozenset({model}))
    told.clear()
    await lists.sweep(BY_KIND["Model"])
    assert told == []
    api.delete("Model", "fast")
    await lists.sweep(BY_KIND["Model"])
    assert set(told) == {model, agent}
    assert cache.resource(model) is None


async def test_pages_are_followed_to_the_end(
    api: Api, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("covey_operator.cluster._PAGE", 2)
    for number in range(5):
        api.apply(make.model(f"m{number}"))
    names = await cluster.names(BY_KIND["Model"], api.namespace)
    assert names == {(api.namespace, f"m{number}") for number in range(5)}


async def test_apply_for_an_object_that_was_replaced_is_a_conflict(api: Api, cluster: Cluster) -> None:
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
