"""Why the API server refuses: told by its words, since one status stands for many things."""

import pytest

from covey_operator.kube.refusals import why_refused

RBAC = (
    'secrets "x" is forbidden: User "system:serviceaccount:covey-system:covey-operator" cannot patch '
    'resource "secrets" in API group "" in the namespace "z"'
)


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        (403, RBAC, "Forbidden"),
        (403, 'secrets "x" is forbidden: exceeded quota: q, requested: count/secrets=1', "QuotaExceeded"),
        (403, 'pods "x" is forbidden: failed quota: q: must specify limits.cpu for: agent', "QuotaExceeded"),
        (
            403,
            'pods "x" is forbidden: insufficient quota to match these scopes: [{PriorityClass}]',
            "QuotaExceeded",
        ),
        (403, 'persistentvolumeclaims "d" is forbidden: status unknown for quota: q', "QuotaExceeded"),
        (
            403,
            'pods "x" is forbidden: violates PodSecurity "restricted:latest": hostPath',
            "PodSecurityDenied",
        ),
        (403, 'admission webhook "a.b" denied the request: no', "AdmissionDenied"),
        (400, 'admission webhook "a.b" denied the request: no', "AdmissionDenied"),
        (
            422,
            "services \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            "AdmissionDenied",
        ),
        (500, 'failed calling webhook "a.b": connection refused', "WebhookUnavailable"),
        (
            403,
            "unable to create new content in namespace z because it is being terminated",
            "NamespaceTerminating",
        ),
        (403, "minimum cpu usage per Container is 100m, but request is 50m", "LimitRangeExceeded"),
        (
            403,
            "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 5Gi",
            "LimitRangeExceeded",
        ),
        (
            403,
            'pods "x" is forbidden: error looking up service account z/x: serviceaccount "x" not found',
            "ServiceAccountNotFound",
        ),
        (
            403,
            "cannot set blockOwnerDeletion if an ownerReference refers to a resource you cannot finalize",
            "Forbidden",
        ),
        (
            500,
            "failed to create typed patch object (/d; apps/v1, Kind=Deployment): "
            '.spec.template.spec.volumes[name="x"].projected: expected map, got &{abc}',
            "ChildRejected",
        ),
        (
            500,
            "failed to convert new object (/d; apps/v1, Kind=Deployment) to proper version: unable to "
            "convert unstructured object to apps/v1, Kind=Deployment: quantities must match",
            "ChildRejected",
        ),
        (500, "Internal error occurred: failed to allocate a serviceIP: range is full", "ChildRejected"),
        (403, "something that nobody has seen", "ChildRejected"),
        (422, "spec.type: Unsupported value", "ChildRejected"),
        (413, "Request entity too large", "ChildRejected"),
    ],
)
def test_a_refusal_is_told_by_its_words(status: int, words: str, reason: str) -> None:
    found = why_refused(status, words, "Secret x")
    assert found is not None
    assert found.reason == reason
    assert ("role" in found.cure) == (reason == "Forbidden")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "no route"),
        (409, "the object has been modified"),
        (429, "slow down"),
        (500, "etcd"),
        (503, "away"),
    ],
)
def test_what_another_attempt_cures_is_no_refusal(status: int, words: str) -> None:
    assert why_refused(status, words, "Secret x") is None


def test_a_field_that_cannot_change_is_told_with_what_to_delete() -> None:
    found = why_refused(422, "spec.selector: Invalid value: field is immutable", "Deployment x")
    assert found is not None
    assert "delete Deployment x" in found.cure
