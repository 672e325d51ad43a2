"""The databases of a blackboard: their names, and what the status says of them."""

from typing import Any

import pytest

from agent_runtime.api.blackboard import BlackboardResource
from covey_operator.desired.database import databases_of
from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import Key
from covey_operator.observed.blackboard import observe
from covey_operator.observed.seen import ObservedExtras
from tests.unit.operator.worlds import IDEA, INSTALL, WORLD, Object, manifests, resource

REDIS: Object = {"redis": {"managed": {}}}
POSTGRES: Object = {"postgres": {"managed": {}}}
URL: Object = {"urlFrom": {"secretKeyRef": {"name": "provider", "key": "api-key"}}}


def board(store: Object, pgvector: Object | None = None, name: str = "newsroom") -> Object:
    vector = {"vector": {"pgvector": pgvector}} if pgvector is not None else {}
    return resource("Blackboard", name, {"store": store, **vector, "artifactTypes": [IDEA]})


def children(ready: dict[str, int], body: Object) -> dict[Key, ChildSnapshot]:
    """The workloads of the blackboard, with so many pods that are ready."""
    found = {}
    for each in manifests(body, *WORLD):
        name = each["metadata"]["name"]
        if each["kind"] in ("Deployment", "StatefulSet"):
            count = ready.get(name, 0)
            counts = dict.fromkeys(
                ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count
            )
            metadata = {**each["metadata"], "uid": "u", "resourceVersion": "1", "generation": 1}
            seen = {**each, "metadata": metadata, "status": {"observedGeneration": 1, **counts}}
            found[Key(each["kind"], "news", name)] = ChildSnapshot.of(seen)
    return found


@pytest.mark.parametrize(
    ("body", "ready", "store", "vector", "reason"),
    [
        (board(POSTGRES), {"newsroom-blackboard": 1}, False, None, "RollingOut"),
        (board(POSTGRES), {"newsroom-pg": 1}, True, None, "RollingOut"),
        (board(POSTGRES), {"newsroom-pg": 1, "newsroom-blackboard": 1}, True, None, "RolledOut"),
        (board(POSTGRES, {"sameAsStore": {}}), {"newsroom-blackboard": 1}, False, False, "RollingOut"),
        (board(POSTGRES, {"sameAsStore": {}}), {"newsroom-pg": 1}, True, True, "RollingOut"),
        (
            board(REDIS, {"managed": {}}),
            {"newsroom-redis": 1, "newsroom-blackboard": 1},
            True,
            False,
            "RollingOut",
        ),
        (board({"memory": {}}, {"managed": {}}), {"newsroom-vector": 1}, False, True, "RollingOut"),
        (
            board(REDIS, {"managed": {}}),
            {"newsroom-redis": 1, "newsroom-vector": 1, "newsroom-blackboard": 1},
            True,
            True,
            "RolledOut",
        ),
        (board({"memory": {}}, {"external": URL}), {"newsroom-blackboard": 1}, True, None, "RolledOut"),
        (
            board({"postgres": {"external": URL}}, {"sameAsStore": {}}),
            {"newsroom-blackboard": 1},
            True,
            True,
            "RolledOut",
        ),
    ],
)
def test_the_status_says_which_of_them_answer(
    body: Object, ready: dict[str, int], store: bool, vector: bool | None, reason: str
) -> None:
    observed = observe(BlackboardResource.model_validate(body), children(ready, body), ObservedExtras())
    assert observed.fields["storeReady"] is store
    assert observed.fields["vectorReady"] is vector
    assert observed.rollout.reason == reason


def test_the_longest_name_leaves_room_for_the_hash_in_the_labels_of_pods() -> None:
    longest = "n" * 45
    for body in (board(REDIS, {"managed": {}}, longest), board(POSTGRES, {"managed": {}}, longest)):
        names = [each.name for each in databases_of(BlackboardResource.model_validate(body))]
        assert len(names) == 2
        assert all(len(name) <= 52 for name in names)


def environment(body: Object, kind: str, name: str) -> dict[str, Any]:
    (found,) = [
        each for each in manifests(body, *WORLD) if each["kind"] == kind and each["metadata"]["name"] == name
    ]
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("valueFrom") or each.get("value") for each in container["env"]}


@pytest.mark.parametrize(
    ("body", "variables"),
    [
        (
            board(POSTGRES, {"managed": {}}),
            {
                "COVEY_STORE_URL": ("newsroom-blackboard", "url"),
                "COVEY_VECTORS_URL": ("newsroom-blackboard", "vector-url"),
            },
        ),
        (board(POSTGRES, {"sameAsStore": {}}), {"COVEY_STORE_URL": ("newsroom-blackboard", "url")}),
        (board({"memory": {}}, {"external": URL}), {"COVEY_VECTORS_URL": ("provider", "api-key")}),
    ],
)
def test_the_servers_are_told_where_their_databases_are(
    body: Object, variables: dict[str, tuple[str, str]]
) -> None:
    told = environment(body, "Deployment", "newsroom-blackboard")
    urls = {name: value for name, value in told.items() if name.endswith("_URL")}
    assert urls == {
        name: {"secretKeyRef": {"name": secret, "key": key}} for name, (secret, key) in variables.items()
    }


def test_each_database_has_a_password_of_its_own() -> None:
    place = ("news", "newsroom", "uid")
    passwords = {
        INSTALL.redis_password(*place),
        INSTALL.postgres_password("store", *place),
        INSTALL.postgres_password("vector", *place),
        INSTALL.postgres_password("store", "news", "newsroom", "another"),
    }
    assert len(passwords) == 4
    assert all(password.isalnum() for password in passwords)  # they stand in SQL and in URLs as they are


def test_the_pod_of_postgres_is_stopped_by_what_lets_clients_go() -> None:
    body = board(POSTGRES)
    (found,) = [each for each in manifests(body, *WORLD) if each["kind"] == "StatefulSet"]
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert container["lifecycle"]["preStop"]["exec"]["command"][-1] == "kill -INT 1"
    assert found["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 120
