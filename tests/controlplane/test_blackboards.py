"""Blackboards in a real API server: the server, the managed store and its volume."""

import base64

import pytest

from tests.controlplane import manifests as make
from tests.controlplane.api import Api, says_of, until
from tests.controlplane.played import roll_out

pytestmark = pytest.mark.usefixtures("operator")

MANAGED = {"redis": {"managed": {"storage": "2Gi"}}}


def decoded(api: Api, name: str) -> dict[str, str]:
    data = api.there("Secret", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def test_a_managed_store_is_a_stateful_set_with_a_volume_and_a_password(api: Api) -> None:
    api.apply(make.blackboard(store=MANAGED))
    store = until("the store", lambda: api.get("StatefulSet", "newsroom-redis"))
    claim = store["spec"]["volumeClaimTemplates"][0]["spec"]
    assert claim["resources"]["requests"]["storage"] == "2Gi"
    secret = decoded(api, "newsroom-blackboard")
    place = f"newsroom-redis.{api.namespace}.svc:6379/0"
    assert secret["url"] == f"redis://:{secret['redis-password']}@{place}"
    assert len(secret["key"]) == 64
    assert api.there("Service", "newsroom-redis")["spec"]["clusterIP"] == "None"


def test_it_is_ready_when_both_the_store_and_the_server_are_rolled_out(api: Api) -> None:
    api.apply(make.blackboard(store=MANAGED))
    says_of(api, "Blackboard", "newsroom", "RollingOut")
    roll_out(api, "Deployment", "newsroom-blackboard")
    until("the server counts", lambda: api.there("Blackboard", "newsroom")["status"].get("replicas") == 1)
    assert api.there("Blackboard", "newsroom")["status"]["storeReady"] is False
    roll_out(api, "StatefulSet", "newsroom-redis")
    says_of(api, "Blackboard", "newsroom", "RolledOut")
    status = api.there("Blackboard", "newsroom")["status"]
    assert status["storeReady"] is True
    assert status["url"] == f"http://newsroom-blackboard.{api.namespace}.svc:8080"


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_the_volume_follows_the_deletion_policy(api: Api, policy: str) -> None:
    api.apply(make.blackboard(store=MANAGED, deletionPolicy=policy))
    store = until("the store", lambda: api.get("StatefulSet", "newsroom-redis"))
    assert store["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == policy


def test_memory_needs_no_store_and_refuses_a_second_server(api: Api) -> None:
    api.apply(make.blackboard())
    until("the server", lambda: api.get("Deployment", "newsroom-blackboard"))
    assert api.list("StatefulSet") == []
    api.apply(make.blackboard(server={"replicas": 2}))
    said = says_of(api, "Blackboard", "newsroom", "InvalidSpec")
    assert "2 servers cannot share a store in memory" in said["message"]
    assert api.there("Deployment", "newsroom-blackboard")["spec"]["replicas"] == 1


def test_an_external_store_waits_for_its_secret(api: Api) -> None:
    source = {"urlFrom": {"secretKeyRef": {"name": "redis", "key": "url"}}}
    api.apply(make.blackboard(store={"redis": {"external": source}}))
    says_of(api, "Blackboard", "newsroom", "SecretNotFound")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "redis"}}
    api.apply({**secret, "stringData": {"other": "x"}})
    says_of(api, "Blackboard", "newsroom", "SecretKeyNotFound")
    api.apply({**secret, "stringData": {"url": "redis://somewhere:6379/0"}})
    says_of(api, "Blackboard", "newsroom", "RollingOut")
    pod = api.there("Deployment", "newsroom-blackboard")["spec"]["template"]["spec"]
    env = {each["name"]: each for each in pod["containers"][0]["env"]}
    assert env["COVEY_STORE_URL"]["valueFrom"]["secretKeyRef"] == {"name": "redis", "key": "url"}


def test_deleting_it_leaves_nothing_of_ours(api: Api) -> None:
    api.apply(make.blackboard(store=MANAGED))
    says_of(api, "Blackboard", "newsroom", "RollingOut")
    api.delete("Blackboard", "newsroom")
    kinds = ("Deployment", "StatefulSet", "Service", "Secret", "NetworkPolicy")
    until("nothing is left", lambda: not any(api.list(kind) for kind in kinds))
