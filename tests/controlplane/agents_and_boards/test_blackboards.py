"""Blackboards in a real API server: the server, the managed store and its volume."""

import base64

import pytest

from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Refused, says_of, until
from tests.controlplane.played import roll_out

pytestmark = pytest.mark.usefixtures("operator")

MANAGED = {"redis": {"managed": {"storage": "2Gi"}}}
POSTGRES: make.Object = {"postgres": {"managed": {}}}
STORES = [(MANAGED, "newsroom-redis"), (POSTGRES, "newsroom-pg")]


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


def test_a_managed_postgres_is_a_stateful_set_with_what_starts_it(api: Api) -> None:
    api.apply(make.blackboard(store=POSTGRES, vector={"pgvector": {"sameAsStore": {}}}))
    store = until("the store", lambda: api.get("StatefulSet", "newsroom-pg"))
    assert len(api.list("StatefulSet")) == 1
    claim = store["spec"]["volumeClaimTemplates"][0]["spec"]
    assert claim["resources"]["requests"]["storage"] == "5Gi"
    owner = store["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Blackboard", "newsroom", True)
    assert api.there("ConfigMap", "newsroom-pg")["data"].keys() >= {"start.sh", "postgresql.conf"}
    secret = decoded(api, "newsroom-blackboard")
    place = f"newsroom-pg.{api.namespace}.svc:5432/covey"
    assert secret["url"] == f"postgresql://covey:{secret['postgres-password']}@{place}"
    policy = api.there("NetworkPolicy", "newsroom-pg")["spec"]["ingress"][0]
    peer = {"covey.dev/blackboard": "newsroom", "app.kubernetes.io/component": "server"}
    assert policy["from"] == [{"podSelector": {"matchLabels": peer}}]


def test_vectors_may_have_a_database_of_their_own_and_move(api: Api) -> None:
    api.apply(make.blackboard(vector={"pgvector": {"managed": {}}}, deletionPolicy="Delete"))
    vectors = until("the database", lambda: api.get("StatefulSet", "newsroom-vector"))
    assert vectors["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
    roll_out(api, "Deployment", "newsroom-blackboard")
    says_of(api, "Blackboard", "newsroom", "RollingOut")
    assert api.there("Blackboard", "newsroom")["status"]["vectorReady"] is False
    roll_out(api, "StatefulSet", "newsroom-vector")
    says_of(api, "Blackboard", "newsroom", "RolledOut")
    assert api.there("Blackboard", "newsroom")["status"]["vectorReady"] is True
    api.apply(make.blackboard())
    until("it is gone", lambda: api.list("StatefulSet") == [])
    until("nobody asks", lambda: "vectorReady" not in api.there("Blackboard", "newsroom")["status"])
    assert "vector-url" not in decoded(api, "newsroom-blackboard")


def test_copies_are_made_by_a_cron_job_that_reaches_the_store(api: Api) -> None:
    backup = {"schedule": "0 3 * * *", "to": {"pvc": {"claimName": "copies"}}}
    api.apply(make.blackboard(store=POSTGRES, backup=backup))
    job = until("the CronJob", lambda: api.get("CronJob", "newsroom-backup"))["spec"]
    assert (job["schedule"], job["concurrencyPolicy"], job["suspend"]) == ("0 3 * * *", "Forbid", False)
    pod = job["jobTemplate"]["spec"]["template"]
    assert pod["spec"]["containers"][0]["args"][-4:] == ["--to", "/backup", "--keep", "7"]
    policy = until("the policy", lambda: api.get("NetworkPolicy", "newsroom-pg"))
    peers = [peer["podSelector"]["matchLabels"] for peer in policy["spec"]["ingress"][0]["from"]]
    labels = pod["metadata"]["labels"].items()
    assert [peer.items() <= labels for peer in peers] == [False, True]
    api.apply(make.blackboard(store=POSTGRES, backup={**backup, "suspend": True}))
    until("it pauses", lambda: api.there("CronJob", "newsroom-backup")["spec"]["suspend"])
    api.apply(make.blackboard(store=POSTGRES, backup={**backup, "schedule": "0 25 * * *"}))
    assert "spec.backup: " in says_of(api, "Blackboard", "newsroom", "InvalidSpec")["message"]
    api.apply(make.blackboard(store=POSTGRES))
    until("it is gone", lambda: api.get("CronJob", "newsroom-backup") is None)


def test_the_kind_of_store_and_whose_it_is_cannot_change(api: Api) -> None:
    api.apply(make.blackboard(store=POSTGRES))
    source = {"urlFrom": {"secretKeyRef": {"name": "postgres", "key": "url"}}}
    for store, says in (
        (MANAGED, "the kind of store cannot change"),
        ({"postgres": {"external": source}}, "a managed store stays managed"),
    ):
        with pytest.raises(Refused, match=says):
            api.apply(make.blackboard(store=store))


@pytest.mark.parametrize(("store", "name"), STORES)
def test_it_is_ready_when_both_the_store_and_the_server_are_rolled_out(
    api: Api, store: make.Object, name: str
) -> None:
    api.apply(make.blackboard(store=store))
    says_of(api, "Blackboard", "newsroom", "RollingOut")
    roll_out(api, "Deployment", "newsroom-blackboard")
    until("the server counts", lambda: api.there("Blackboard", "newsroom")["status"].get("replicas") == 1)
    assert api.there("Blackboard", "newsroom")["status"]["storeReady"] is False
    roll_out(api, "StatefulSet", name)
    says_of(api, "Blackboard", "newsroom", "RolledOut")
    status = api.there("Blackboard", "newsroom")["status"]
    assert status["storeReady"] is True
    assert status["url"] == f"http://newsroom-blackboard.{api.namespace}.svc:8080"


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
@pytest.mark.parametrize(("store", "name"), STORES)
def test_the_volume_follows_the_deletion_policy(api: Api, store: make.Object, name: str, policy: str) -> None:
    api.apply(make.blackboard(store=store, deletionPolicy=policy))
    stateful_set = until("the store", lambda: api.get("StatefulSet", name))
    assert stateful_set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == policy


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


@pytest.mark.parametrize(("store", "name"), STORES)
def test_deleting_it_leaves_nothing_of_ours(api: Api, store: make.Object, name: str) -> None:
    api.apply(make.blackboard(store=store, vector={"pgvector": {"managed": {}}}))
    says_of(api, "Blackboard", "newsroom", "RollingOut")
    until("the store", lambda: api.get("StatefulSet", name))
    api.delete("Blackboard", "newsroom")
    kinds = ("Deployment", "StatefulSet", "Service", "Secret", "NetworkPolicy")
    until("nothing is left", lambda: not any(api.list(kind) for kind in kinds))
