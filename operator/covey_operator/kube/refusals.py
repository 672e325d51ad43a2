"""Why the API server refuses to create or change an object, by its own words. Pure.

A 403 says little: RBAC, quotas, limit ranges, Pod Security, webhooks, policies and a namespace that is being
deleted all answer with it, and each has a cure of its own. The same words stand in the conditions of
Deployments and in the events of StatefulSets and Jobs, whose controllers create pods and claims.
"""

import re
from dataclasses import dataclass

_SERVER_IN_TROUBLE = frozenset({0, 401, 404, 408, 409, 410, 425, 429})
"""Statuses below 500 that another attempt cures, or the watch: not the object's fault."""


@dataclass(frozen=True, slots=True)
class Why:
    """A reason for a condition, and what to do about it."""

    reason: str
    cure: str


_RULES: tuple[tuple[re.Pattern[str], Why], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), Why(reason, cure))
    for pattern, reason, cure in (
        (
            r"denied (the )?request",
            "AdmissionDenied",
            "change what that webhook or policy objects to, or ask who runs it for an exception",
        ),
        (
            r"failed calling webhook|failed to call webhook",
            "WebhookUnavailable",
            "start the server behind that webhook again, or delete its webhook configuration",
        ),
        (
            r"violates PodSecurity",
            "PodSecurityDenied",
            "change spec.pod, or the level in the namespace's label pod-security.kubernetes.io/enforce",
        ),
        (
            r"exceeded quota|insufficient quota",
            "QuotaExceeded",
            "raise that ResourceQuota, or delete something that it counts",
        ),
        (
            r"failed quota|status unknown for quota",
            "QuotaExceeded",
            "give the resources that the ResourceQuota demands in spec.pod.resources, or set a LimitRange",
        ),
        (
            r"(minimum|maximum) [\w./-]+ (usage|limit|request) per |limit to request ratio per ",
            "LimitRangeExceeded",
            "change the resources of spec.pod or the storage, or the LimitRange of the namespace",
        ),
        (
            r"because it is being terminated",
            "NamespaceTerminating",
            "the namespace is being deleted: create the resource in another one",
        ),
        (
            r'service ?account "[^"]*" not found|error looking up service account',
            "ServiceAccountNotFound",
            "create that service account, or change spec.pod.serviceAccountName",
        ),
        (
            r"User \".*\" cannot |cannot set blockOwnerDeletion|attempting to grant RBAC permissions",
            "Forbidden",
            "grant it to the role of the operator's service account",
        ),
    )
)
_OF_ANOTHER_TYPE = re.compile(
    r"failed to create typed patch object|failed to convert new object|unable to convert unstructured object",
    re.IGNORECASE,
)
"""What stands in a free-form part of `spec.pod`, such as `cpu: abc`: the API server answers with a 500."""
_NO_ADDRESS = re.compile(r"failed to allocate .* range is full", re.IGNORECASE | re.DOTALL)
_IMMUTABLE = re.compile(
    r"is immutable|immutable after creation|may not change once set|for fields other than", re.IGNORECASE
)


def why(words: str) -> Why | None:
    """What stands behind an API server's words; None for none of the kinds that are known here."""
    return next((found for pattern, found in _RULES if pattern.search(words)), None)


def why_refused(status: int, words: str, what: str) -> Why | None:
    """As `why`, of an answer to a write of the operator: None when the operator has to try again.

    `what` names the object that was refused: `Secret x`.
    """
    if _OF_ANOTHER_TYPE.search(words):
        return Why("ChildRejected", "correct that field, most likely in spec.pod")
    if _NO_ADDRESS.search(words):
        return Why("ChildRejected", "delete a Service, or let the cluster have more addresses for Services")
    if status in _SERVER_IN_TROUBLE or (status >= 500 and "webhook" not in words):
        return None
    found = why(words)
    if found is not None:
        return found
    if status >= 500:
        return None
    if _IMMUTABLE.search(words):
        return Why("ChildRejected", f"delete {what}: it is created again with the new value")
    return Why("ChildRejected", "")
