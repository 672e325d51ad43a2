"""The Redis of a blackboard: one pod with a volume, that answers only its blackboard's servers."""

from dataclasses import dataclass, field

from agent_runtime.api.blackboard import BlackboardResource, RedisManaged
from agent_runtime.api.common import PodSettings
from agent_runtime.compile.result import SecretEnv
from covey_operator.desired.manifests import ingress_policy, manifest
from covey_operator.hashing import digest
from covey_operator.labels import labels, selector
from covey_operator.pods import Part, pod_template, secret_env
from covey_operator.resources import Object
from covey_operator.settings import Settings

COMPONENT = "store"
PORT = 6379
PASSWORD = "redis-password"  # the name of a key in a Secret
_PASSWORD_ENV = "REDIS_PASSWORD"  # the name of a variable
_FOLDER = "/data"


@dataclass(frozen=True, slots=True)
class Borrowed:
    """What the store shares with its blackboard's server."""

    service_account: str
    secret: str
    password: str = field(repr=False)


def child_name(blackboard: str) -> str:
    """The name of the StatefulSet and its Service."""
    return f"{blackboard}-redis"


def url(board: BlackboardResource, password: str) -> str:
    """Where the servers reach it, with the password."""
    return f"redis://:{password}@{child_name(board.name)}.{board.namespace}.svc:{PORT}/0"


def desired(
    board: BlackboardResource,
    store: RedisManaged,
    borrowed: Borrowed,
    servers: dict[str, str],
    install: Settings,
) -> list[Object]:
    """Its children. `servers` are the labels of the pods that may reach it."""
    name = child_name(board.name)
    children = [_service(name, board.name), _stateful_set(board, store, borrowed, install)]
    if install.network_policies:
        children.append(ingress_policy(name, "Blackboard", board.name, COMPONENT, "redis", servers))
    return children


def _service(name: str, owner: str) -> Object:
    """Headless: there is one pod, and clients keep their connections."""
    port = {"name": "redis", "port": PORT, "targetPort": "redis", "protocol": "TCP", "appProtocol": "redis"}
    spec = {"clusterIP": "None", "selector": selector("Blackboard", owner, COMPONENT), "ports": [port]}
    return manifest("v1", "Service", name, labels("Blackboard", owner, COMPONENT), spec=spec)


def _stateful_set(
    board: BlackboardResource, store: RedisManaged, borrowed: Borrowed, install: Settings
) -> Object:
    name = child_name(board.name)
    labelled = labels("Blackboard", board.name, COMPONENT)
    part = Part(
        kind="Blackboard",
        name=board.name,
        component=COMPONENT,
        image=install.redis_image,
        command=install.redis_command,
        args=_arguments(),
        config_hash=digest([_arguments(), borrowed.password]),
        service_account=borrowed.service_account,
        settings=store.pod or PodSettings(),
        env=secret_env((SecretEnv(_PASSWORD_ENV, borrowed.secret, PASSWORD),)),
        container=_port_and_probes(),
        writable={"data": _FOLDER},
    )
    claim: Object = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": store.storage}},
        "volumeMode": "Filesystem",
    }
    if store.storage_class_name is not None:
        claim["storageClassName"] = store.storage_class_name
    spec = {
        "replicas": 1,
        "serviceName": name,
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": selector("Blackboard", board.name, COMPONENT)},
        "updateStrategy": {"type": "RollingUpdate"},
        # The claim is the data: it belongs to the StatefulSet only when it is to go with it.
        "persistentVolumeClaimRetentionPolicy": {
            "whenDeleted": board.spec.deletion_policy,
            "whenScaled": "Retain",
        },
        "template": pod_template(part, install),
        "volumeClaimTemplates": [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data", "labels": labelled},
                "spec": claim,
            }
        ],
    }
    return manifest("apps/v1", "StatefulSet", name, labelled, spec=spec)


def _arguments() -> tuple[str, ...]:
    """Every write is on disk before it is answered; what does not fit is refused, never evicted."""
    return (
        *("--port", str(PORT), "--dir", _FOLDER, "--requirepass", f"$({_PASSWORD_ENV})"),
        *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
    )


def _port_and_probes() -> Object:
    probe: Object = {"tcpSocket": {"port": "redis"}, "timeoutSeconds": 3}
    return {
        "ports": [{"name": "redis", "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 300},
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 3},
        "readinessProbe": {**probe, "periodSeconds": 5, "failureThreshold": 2},
    }
