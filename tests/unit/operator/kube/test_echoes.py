"""Which answers to a write show nothing but the write."""

import pytest

from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube import echoes
from covey_operator.kube.keys import Owner, key_of
from tests.unit.operator.worlds import AGENT, Object, child

READ: Object = {
    **AGENT,
    "metadata": {**AGENT["metadata"], "resourceVersion": "7", "generation": 3},
    "status": {"url": "u", "replicas": 1, "conditions": [{"type": "Ready", "status": "False"}]},
}
SAID: Object = {"url": None, "replicas": 2, "conditions": [{"type": "Ready", "status": "True"}]}
WRITTEN: Object = {
    **READ,
    "metadata": {**READ["metadata"], "resourceVersion": "9", "managedFields": [{"manager": "m"}]},
    "status": {"replicas": 2, "conditions": [{"type": "Ready", "status": "True"}]},
}


def test_a_status_comes_back_as_it_was_written() -> None:
    assert echoes.of_status(READ, SAID)(WRITTEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"generation": 4}},
        {"metadata": {"deletionTimestamp": "2026-01-05T12:00:00Z"}},
        {"metadata": {"annotations": {"covey.dev/paused": "true"}}},
        {"metadata": {"uid": "another"}},
        {"spec": {"suspend": True}},
        {"status": {"replicas": 3}},
        {"status": {"readyReplicas": 1}},
    ],
)
def test_whatever_else_a_resource_shows_is_no_echo(changes: Object) -> None:
    answer = {name: echoes.merged(value, changes.get(name, {})) for name, value in WRITTEN.items()}
    assert not echoes.of_status(READ, SAID)(answer)


def test_a_merge_patch_is_that_of_the_rfc() -> None:
    target = {"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 3}
    patch = {"a": {"b": None, "f": {"g": None}}, "d": [None], "e": {"h": 1}}
    assert echoes.merged(target, patch) == {"a": {"c": 2, "f": {}}, "d": [None], "e": {"h": 1}}


def live(status: Object | None, **metadata: object) -> Object:
    deployment = child(AGENT, "Deployment")
    live = {**deployment, "metadata": {**deployment["metadata"], "uid": "1", **metadata}}
    return live if status is None else {**live, "status": status}


OWNER = Owner(key_of(AGENT), AGENT["metadata"]["uid"])


@pytest.mark.parametrize(
    ("read", "answer", "is_echo"),
    [
        (None, live(None), True),
        (None, live({"replicas": 0, "availableReplicas": 0}), True),
        (None, live({"replicas": 1}), False),
        (None, live(None, deletionTimestamp="2026-01-05T12:00:00Z"), False),
        (None, live(None, ownerReferences=[]), False),
        (live({"replicas": 1}), live({"replicas": 1}, generation=2), True),
        (live({"replicas": 1}), live({"replicas": 1, "readyReplicas": 1}), False),
        (live({"replicas": 1}), live({"replicas": 1}, uid="2"), False),
    ],
)
def test_a_child_comes_back_as_it_was_applied(read: Object | None, answer: Object, is_echo: bool) -> None:
    before = ChildSnapshot.of(read) if read is not None else None
    assert echoes.of_child(before, OWNER)(answer) is is_echo


def test_a_child_that_is_no_workload_has_no_status_to_look_at() -> None:
    secret = child(AGENT, "Secret")
    answer = {**secret, "metadata": {**secret["metadata"], "uid": "1"}}
    assert echoes.of_child(None, OWNER)(answer)
    assert echoes.of_child(ChildSnapshot.of(answer), OWNER)(answer)
