"""The pod template that all parts share. It passes Pod Security `restricted`, whatever `spec.pod` says;
only volumes are as harmless as people make them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from agent_runtime.api.common import PodSettings
from agent_runtime.auth.metrics_token import DIGEST_ENV
from agent_runtime.compile.places import PORT
from agent_runtime.compile.result import SecretEnv
from covey_operator.install.settings import Settings
from covey_operator.kube.labels import CONFIG_HASH, labels, selector
from covey_operator.kube.resources import Object

USER = 65532
"""The user and group of every process: `nonroot` of distroless images."""
CONFIG_FOLDER = "/etc/covey"
CONFIG_KEY = "config.json"
_PROOF_SECONDS = 3600
"""How long a projected token is good for; the kubelet writes the next one when a fifth of that is left."""
_DEFAULT_RESOURCES: Object = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}


@dataclass(frozen=True, slots=True)
class Projected:
    """A token of the pod's service account, by which the pod proves itself. The kubelet keeps it fresh."""

    audience: str
    """To whom, and to nobody else."""
    file: PurePosixPath


@dataclass(frozen=True, slots=True)
class Part:
    """One process of a resource: what is particular about its pods."""

    kind: str
    name: str
    """Of the resource."""
    component: str
    image: str
    args: tuple[str, ...]
    config_hash: str
    """Of everything that the process reads only once: when it changes, the pods are rolled."""
    service_account: str
    settings: PodSettings
    command: tuple[str, ...] = ()
    env: tuple[Object, ...] = ()
    container: Object | None = None
    """Further fields of the container: ports and probes."""
    config_map: str | None = None
    """Mounted at `/etc/covey`."""
    files: Mapping[str, str] | None = None
    """Keys of the ConfigMap that are also mounted by themselves: key to path."""
    proofs: tuple[Projected, ...] = ()
    """By which it proves itself to other processes; all in one folder."""
    writable: Mapping[str, str] | None = None
    """Volume claims of the workload's own: name to path."""
    grace: int = 30
    """Seconds between SIGTERM and SIGKILL."""
    spread: bool = False
    """Whether there may be several, which are kept on different nodes where that is possible.

    Not how many there are: a template that an autoscaler changes rolls every pod.
    """


def secret_env(variables: Sequence[SecretEnv]) -> tuple[Object, ...]:
    """Environment variables from keys of Secrets."""
    return tuple(
        {"name": each.env, "valueFrom": {"secretKeyRef": {"name": each.secret, "key": each.key}}}
        for each in variables
    )


def http_server() -> Object:
    """Port and probes of every server of the runtime."""

    def get(path: str) -> Object:
        return {"httpGet": {"path": path, "port": "http"}}

    return {
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": {**get("/healthz"), "periodSeconds": 1, "failureThreshold": 60, "timeoutSeconds": 3},
        "livenessProbe": {**get("/healthz"), "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 3},
        "readinessProbe": {**get("/readyz"), "periodSeconds": 5, "failureThreshold": 2, "timeoutSeconds": 3},
    }


def pod_template(part: Part, install: Settings) -> Object:
    """The `template` of a Deployment, StatefulSet or Job."""
    user = part.settings
    ours = labels(part.kind, part.name, part.component)
    spec: Object = {
        "serviceAccountName": user.service_account_name or part.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": part.grace,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(part, install)],
        "volumes": _volumes(part),
        **_scheduling(part, install),
    }
    annotations = {**(user.annotations or {}), CONFIG_HASH: part.config_hash}
    return {"metadata": {"labels": {**(user.labels or {}), **ours}, "annotations": annotations}, "spec": spec}


def _container(part: Part, install: Settings) -> Object:
    user = part.settings
    own = [variable.manifest() for variable in user.env or ()]
    ours = [{"name": "HOME", "value": "/tmp"}]
    if part.image == install.runtime_image:
        ours += _telemetry(part, install)
    env = {each["name"]: each for each in (*ours, *own, *part.env, *_guarded(part, install))}
    container: Object = {
        "name": part.component,
        "image": user.image or part.image,
        "imagePullPolicy": user.image_pull_policy or install.image_pull_policy,
        "args": list(part.args),
        "env": list(env.values()),
        "resources": user.resources or _DEFAULT_RESOURCES,
        "volumeMounts": _mounts(part),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **(part.container or {}),
    }
    if part.command:
        container["command"] = list(part.command)
    if user.env_from:
        container["envFrom"] = user.env_from
    return container


def _telemetry(part: Part, install: Settings) -> list[Object]:
    """What log lines and spans say of where they come from."""
    named = {
        **dict(install.telemetry),
        "COVEY_ENVIRONMENT": install.environment,
        "COVEY_RESOURCE_KIND": part.kind,
        "COVEY_RESOURCE_NAME": part.name,
    }
    here = {"COVEY_NAMESPACE": "metadata.namespace", "COVEY_POD": "metadata.name"}
    return [
        *({"name": name, "value": value} for name, value in named.items()),
        *(
            {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
            for name, path in here.items()
        ),
    ]


def _guarded(part: Part, install: Settings) -> list[Object]:
    """For servers of the runtime image: what their `/metrics` ask for."""
    serves = part.image == install.runtime_image and "ports" in (part.container or {})
    return (
        [{"name": DIGEST_ENV, "value": install.metrics_digest}] if install.metrics_digest and serves else []
    )


def _volumes(part: Part) -> list[Object]:
    ours: list[Object] = [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}]
    if part.config_map is not None:
        ours.append({"name": "config", "configMap": {"name": part.config_map}})
    if part.proofs:
        sources = [{"serviceAccountToken": _token(proof)} for proof in part.proofs]
        ours.append({"name": "proof", "projected": {"sources": sources}})
    return _by("name", part.settings.volumes, ours)


def _token(proof: Projected) -> Object:
    return {
        "audience": proof.audience,
        "expirationSeconds": _PROOF_SECONDS,
        "path": proof.file.name,
    }


def _mounts(part: Part) -> list[Object]:
    ours: list[Object] = [{"name": "tmp", "mountPath": "/tmp"}]
    if part.config_map is not None:
        ours.append({"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True})
    for key, path in (part.files or {}).items():
        ours.append({"name": "config", "mountPath": path, "subPath": key, "readOnly": True})
    for folder in sorted({str(proof.file.parent) for proof in part.proofs}):
        ours.append({"name": "proof", "mountPath": folder, "readOnly": True})
    ours += [{"name": name, "mountPath": path} for name, path in (part.writable or {}).items()]
    return _by("mountPath", part.settings.volume_mounts, ours)


def _by(key: str, theirs: Sequence[Object] | None, ours: Sequence[Object]) -> list[Object]:
    """Both, ours where they meet."""
    taken = {each[key] for each in ours}
    return [*ours, *(each for each in theirs or () if each.get(key) not in taken)]


def _scheduling(part: Part, install: Settings) -> Object:
    user = part.settings
    pull_secrets = user.image_pull_secrets or [{"name": name} for name in install.image_pull_secrets]
    fields: Object = {
        "imagePullSecrets": pull_secrets,
        "nodeSelector": user.node_selector,
        "tolerations": user.tolerations,
        "affinity": user.affinity,
        "runtimeClassName": user.runtime_class_name,
        "priorityClassName": user.priority_class_name,
    }
    if part.spread:
        fields["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(part.kind, part.name, part.component)},
            }
        ]
    return {name: value for name, value in fields.items() if value}
