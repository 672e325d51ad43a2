"""Labels and names of what the operator makes."""

from collections.abc import Mapping

MANAGED_BY = "app.kubernetes.io/managed-by"
OPERATOR = "covey-operator"
COMPONENT = "app.kubernetes.io/component"
SELECTOR = f"{MANAGED_BY}={OPERATOR}"
"""Selects everything that the operator made."""
DESIRED_HASH = "covey.dev/desired-hash"
"""Annotation of a child: the hash of what was applied, so that applying it again can be left out."""
CONFIG_HASH = "covey.dev/config-hash"
"""Annotation of a pod template: the hash of config and Secrets, so that a change of either rolls the pods."""


def owner_label(kind: str) -> str:
    """The label that names the resource of `kind` that something belongs to: `covey.dev/agent`."""
    return f"covey.dev/{kind.lower()}"


def labels(kind: str, name: str, component: str) -> dict[str, str]:
    """All labels of a child of the resource; `component` tells its parts apart: agent, server, store, run."""
    return {
        "app.kubernetes.io/name": kind.lower(),
        "app.kubernetes.io/instance": name,
        COMPONENT: component,
        MANAGED_BY: OPERATOR,
        "app.kubernetes.io/part-of": "covey",
        owner_label(kind): name,
    }


def selector(kind: str, name: str, component: str) -> dict[str, str]:
    """The labels by which its pods are found. They can never change: a Deployment's selector is immutable."""
    return {owner_label(kind): name, COMPONENT: component}


def as_text(selected: Mapping[str, str]) -> str:
    """A selector as the API takes it in a query."""
    return ",".join(f"{key}={value}" for key, value in sorted(selected.items()))
