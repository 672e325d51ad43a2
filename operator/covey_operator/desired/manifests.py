"""Manifests that several kinds need."""

from collections.abc import Mapping

import orjson

from agent_runtime.api.base import Model
from agent_runtime.compile.places import PORT
from agent_runtime.compile.result import Lookup, SecretEnv
from covey_operator.desired.pods import CONFIG_KEY
from covey_operator.install.installation import encoded
from covey_operator.kube.digest import digest
from covey_operator.kube.labels import COMPONENT, labels, owner_label, selector
from covey_operator.kube.resources import Object


def manifest(
    api_version: str, kind: str, name: str, labelled: Mapping[str, str], **content: object
) -> Object:
    """An object; `content` are its further top-level fields."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "labels": dict(labelled)},
        **content,
    }


def service_account(name: str, labelled: Mapping[str, str]) -> Object:
    """A service account that gives its pods no token."""
    return manifest("v1", "ServiceAccount", name, labelled, automountServiceAccountToken=False)


def config_map(name: str, labelled: Mapping[str, str], config: Model, *, immutable: bool = False) -> Object:
    """The config of a process, under the key `config.json`."""
    text = orjson.dumps(config.manifest(), option=orjson.OPT_SORT_KEYS).decode()
    frozen = {"immutable": True} if immutable else {}
    return manifest("v1", "ConfigMap", name, labelled, data={CONFIG_KEY: text}, **frozen)


def secret(name: str, labelled: Mapping[str, str], values: Mapping[str, str]) -> Object:
    """A Secret with `values` in the clear."""
    return manifest("v1", "Secret", name, labelled, type="Opaque", data=encoded(values))


def http_service(name: str, kind: str, owner: str, component: str) -> Object:
    """A Service in front of servers of the runtime."""
    port = {"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    spec = {"type": "ClusterIP", "selector": selector(kind, owner, component), "ports": [port]}
    return manifest("v1", "Service", name, labels(kind, owner, component), spec=spec)


def disruption_budget(name: str, kind: str, owner: str, component: str) -> Object:
    """All but one pod stay during voluntary disruptions."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": selector(kind, owner, component)}}
    return manifest("policy/v1", "PodDisruptionBudget", name, labels(kind, owner, component), spec=spec)


def ingress_policy(
    name: str,
    kind: str,
    owner: str,
    component: str,
    port: str,
    peer: Object | None = None,
    *,
    also: tuple[Object, ...] = (),
) -> Object:
    """Nothing reaches the pods but `port`, from the pods of the namespace that `peer` selects (None: all).

    `also` are peers of other namespaces, as a NetworkPolicy has them.
    """
    spec = {
        "podSelector": {"matchLabels": selector(kind, owner, component)},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [{"podSelector": {"matchLabels": peer} if peer else {}}, *also],
                "ports": [{"port": port, "protocol": "TCP"}],
            }
        ],
    }
    labelled = labels(kind, owner, component)
    return manifest("networking.k8s.io/v1", "NetworkPolicy", name, labelled, spec=spec)


def operators_pod(namespace: str) -> Object:
    """The operator's pod, in its namespace, as a peer of a NetworkPolicy."""
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "covey", COMPONENT: "operator"}},
    }


def seclusion_policy(name: str, kind: str, owner: str, component: str) -> Object:
    """Nothing reaches the pods; the kubelet's probes come from their own node and always do."""
    spec = {
        "podSelector": {"matchLabels": selector(kind, owner, component)},
        "policyTypes": ["Ingress"],
        "ingress": [],
    }
    labelled = labels(kind, owner, component)
    return manifest("networking.k8s.io/v1", "NetworkPolicy", name, labelled, spec=spec)


def pods_of(kind: str, owner: str, component: str) -> dict[str, str]:
    """The labels that select the pods of one part of a resource."""
    return {owner_label(kind): owner, COMPONENT: component}


def rollout_hash(config: Model, secrets: Mapping[str, str]) -> str:
    """Changes with everything that a process reads at its start."""
    return digest([config.manifest(), dict(secrets)])


def contents(variables: tuple[SecretEnv, ...], lookup: Lookup) -> dict[str, str]:
    """The encoded values of keys of Secrets, by variable; empty where there is none yet."""
    values = {}
    for each in variables:
        found = lookup("Secret", each.secret) or {}
        values[each.env] = str((found.get("data") or {}).get(each.key, ""))
    return values
