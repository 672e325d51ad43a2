"""What every database of a blackboard becomes that is ours to run: one pod with a volume behind a name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.api.databases import Managed
from agent_runtime.compile.blackboard import STORE_URL_ENV, VECTORS_URL_ENV
from agent_runtime.compile.result import SecretEnv
from covey_operator.desired.manifests import ingress_policy, manifest
from covey_operator.kube.labels import labels, selector
from covey_operator.kube.resources import Object

FOLDER = "/data"
"""Where its volume is."""


@dataclass(frozen=True, slots=True)
class Database:
    """One of them, and what it is called."""

    name: str
    """Of the StatefulSet and its Service. With a hash its pods' labels hold it: at most 52 characters."""
    component: Literal["store", "vector"]
    kind: Literal["redis", "postgres"]
    managed: Managed
    url_env: str
    """The variable by which the servers are told its URL."""

    @property
    def url_key(self) -> str:
        """The key of the blackboard's Secret with its URL."""
        return "url" if self.component == "store" else "vector-url"

    @property
    def password_key(self) -> str:
        """The key of the blackboard's Secret with its password."""
        return f"{self.kind}-password" if self.component == "store" else "vector-password"


@dataclass(frozen=True, slots=True)
class Borrowed:
    """What a database shares with its blackboard's servers."""

    service_account: str
    secret: str
    password: str = field(repr=False)
    servers: Mapping[str, str]
    """The labels of their pods, which may reach it."""
    also: tuple[Object, ...] = ()
    """Further pods that may, as peers of a NetworkPolicy."""

    def policy(self, board: BlackboardResource, database: Database) -> Object:
        """Nobody else may reach it."""
        return ingress_policy(
            database.name,
            "Blackboard",
            board.name,
            database.component,
            database.kind,
            dict(self.servers),
            also=self.also,
        )

    def password_env(self, variable: str, database: Database) -> SecretEnv:
        """A variable with the password."""
        return SecretEnv(variable, self.secret, database.password_key)


def store_of(board: BlackboardResource) -> Database | None:
    """The store, if it is ours to run."""
    redis, postgres = board.spec.store.redis, board.spec.store.postgres
    if redis is not None and redis.managed is not None:
        return Database(f"{board.name}-redis", "store", "redis", redis.managed, STORE_URL_ENV)
    if postgres is not None and postgres.managed is not None:
        return Database(f"{board.name}-pg", "store", "postgres", postgres.managed, STORE_URL_ENV)
    return None


def vector_of(board: BlackboardResource) -> Database | None:
    """The database of vectors, if it is ours to run and not the store."""
    vector = board.spec.vector
    if vector is None or vector.pgvector.managed is None:
        return None
    return Database(f"{board.name}-vector", "vector", "postgres", vector.pgvector.managed, VECTORS_URL_ENV)


def databases_of(board: BlackboardResource) -> tuple[Database, ...]:
    """All that are ours to run."""
    return tuple(each for each in (store_of(board), vector_of(board)) if each is not None)


def headless_service(board: BlackboardResource, database: Database, port: int) -> Object:
    """There is one pod, and clients keep their connections."""
    protocol = database.kind
    named = {
        "name": protocol,
        "port": port,
        "targetPort": protocol,
        "protocol": "TCP",
        "appProtocol": protocol,
    }
    chosen = selector("Blackboard", board.name, database.component)
    spec = {"clusterIP": "None", "selector": chosen, "ports": [named]}
    labelled = labels("Blackboard", board.name, database.component)
    return manifest("v1", "Service", database.name, labelled, spec=spec)


def stateful_set(board: BlackboardResource, database: Database, template: Object) -> Object:
    """One pod of `template`, with a volume called `data`."""
    labelled = labels("Blackboard", board.name, database.component)
    claim: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": database.managed.storage}},
        "volumeMode": "Filesystem",
    }
    if database.managed.storage_class_name is not None:
        claim["storageClassName"] = database.managed.storage_class_name
    spec = {
        "replicas": 1,
        "serviceName": database.name,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": selector("Blackboard", board.name, database.component)},
        "updateStrategy": {"type": "RollingUpdate"},
        # The claim is the data: it belongs to the StatefulSet only when it is to go with it.
        "persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": board.spec.deletion_policy,
            "whenScaled": "Retain",
        },
        "template": template,
        "volumeClaimTemplates": [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data", "labels": labelled},
                "spec": claim,
            }
        ],
    }
    return manifest("apps/v1", "StatefulSet", database.name, labelled, spec=spec)
