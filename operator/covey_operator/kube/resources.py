"""The kinds of the Kubernetes API that the operator deals with, and the paths under which they are served."""

from dataclasses import dataclass
from typing import Any

from agent_runtime.api import API_VERSION
from agent_runtime.api import KINDS as OWN_MODELS

Object = dict[str, Any]
"""An object of the API as it goes over the wire: plain JSON."""


@dataclass(frozen=True, slots=True)
class ApiKind:
    """A namespaced kind. `plural` is its name in paths and in RBAC rules."""

    kind: str
    api_version: str
    plural: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version within its group."""
        return self.api_version.rpartition("/")[2]

    @property
    def resource(self) -> str:
        """As RBAC rules and people write it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """The path of an object or of the collection; an empty namespace means all of them."""
        parts = ["apis" if self.group else "api", self.api_version]
        parts += ["namespaces", namespace] if namespace else []
        return "/" + "/".join([*parts, *(part for part in (self.plural, name, subresource) if part)])


OWN = tuple(ApiKind(kind, API_VERSION, model.plural) for kind, model in OWN_MODELS.items())
"""The five kinds of Covey."""

CHILDREN = (
    ApiKind("ServiceAccount", "v1", "serviceaccounts"),
    ApiKind("ConfigMap", "v1", "configmaps"),
    ApiKind("Secret", "v1", "secrets"),
    ApiKind("Service", "v1", "services"),
    ApiKind("Deployment", "apps/v1", "deployments"),
    ApiKind("StatefulSet", "apps/v1", "statefulsets"),
    ApiKind("Job", "batch/v1", "jobs"),
    ApiKind("CronJob", "batch/v1", "cronjobs"),
    ApiKind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets"),
    ApiKind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies"),
)
"""What resources become, in the order in which it is applied: a pod's parts before the pod."""

REFERENCED = ("Secret", "ConfigMap")
"""Kinds of the cluster that people's manifests name: all of them are watched, not only what is ours."""

WORKLOADS = frozenset({"Deployment", "StatefulSet", "Job"})
"""Children with pods: their status is that of what they belong to."""

WITH_STATUS = WORKLOADS | {"CronJob"}
"""Children whose status is looked at."""

POD = ApiKind("Pod", "v1", "pods")
EVENT = ApiKind("Event", "events.k8s.io/v1", "events")
LEASE = ApiKind("Lease", "coordination.k8s.io/v1", "leases")

BY_KIND = {each.kind: each for each in (*OWN, *CHILDREN, POD, EVENT, LEASE)}
OWN_KINDS = frozenset(each.kind for each in OWN)
APPLY_ORDER = {each.kind: position for position, each in enumerate(CHILDREN)}
