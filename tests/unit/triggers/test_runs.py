"""The FlowRun that a trigger makes, and what is said when it cannot."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from agent_runtime.api import validate
from agent_runtime.triggers.naming import trigger_key
from agent_runtime.triggers.runs import TriggerError, artifact_run, scheduled_run
from tests.unit.triggers.builders import NOON, artifact, cron, flow, on


def test_the_run_of_a_schedule() -> None:
    daily = flow(
        cron("0 13 * * *", timeZone="Europe/Berlin", params={"day": "${schedule.time}", "case": "daily"})
    )
    manifest = scheduled_run(daily, 0, NOON)
    assert manifest == {
        "apiVersion": "covey.dev/v1alpha1",
        "kind": "FlowRun",
        "metadata": {
            "name": "report-29921040",
            "namespace": "news",
            "labels": {
                "covey.dev/flow": "report",
                "covey.dev/trigger": trigger_key(daily.spec.triggers, 0),
            },
            "annotations": {"covey.dev/scheduled-time": "2026-11-21T12:00:00Z"},
        },
        "spec": {
            "flow": {"name": "report"},
            "params": {"day": "2026-11-21T13:00:00+01:00", "case": "daily"},
        },
    }
    assert validate.faults(manifest) == []


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("${artifact.payload}", {"total": 3, "items": ["bee"]}),
        ("${artifact.payload.total * 2}", 6),
        ("${artifact.id} of ${artifact.producer}", "a1 of till"),
        ("${artifact.tags}", ["big"]),
        ("${artifact.correlation}", "c1"),
        ("${artifact.type} ${artifact.version} ${artifact.partition}", "Order 1 null"),
        ("${artifact.createdAt}", "2026-11-21T12:00:00Z"),
        ("$${literally}", "${literally}"),
    ],
)
def test_what_the_run_of_an_artifact_is_told(template: str, value: object) -> None:
    order = artifact({"total": 3, "items": ["bee"]}, tags=("big",))
    manifest = artifact_run(flow(on(params={"order": template})), 0, order)
    assert manifest["spec"]["params"] == {"order": value}
    assert manifest["metadata"]["annotations"] == {"covey.dev/artifact": "a1"}
    assert validate.faults(manifest) == []


def test_the_run_of_an_artifact_goes_on_with_its_trace() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    manifest = artifact_run(flow(on()), 0, artifact(traceparent=trace))
    assert manifest["metadata"]["annotations"] == {"covey.dev/artifact": "a1", "covey.dev/traceparent": trace}
    assert validate.faults(manifest) == []


def test_the_correlation_is_told_only_when_asked_for() -> None:
    assert "c1" not in str(artifact_run(flow(on()), 0, artifact()))


@pytest.mark.parametrize(
    ("template", "payload", "why"),
    [
        ("${artifact.payload.total}", {}, "expression 'artifact.payload.total' failed"),
        ("${1 / artifact.payload.total}", {"total": 0}, "expression '1 / artifact.payload.total' failed"),
        ("for ${artifact.payload.total.size()}", {"total": 1}, "'artifact.payload.total.size()' failed"),
        ("${b'abc'}", {}, "which has no place in JSON"),
    ],
)
def test_a_poisoned_expression_is_named_with_its_place(
    template: str, payload: dict[str, Any], why: str
) -> None:
    poisoned = flow(cron(), on(params={"order": template}))
    with pytest.raises(TriggerError) as error:
        artifact_run(poisoned, 1, artifact(payload))
    assert str(error.value).startswith('Flow "report", spec.triggers[1].params.order: expression ')
    assert why in str(error.value)


def test_a_template_cannot_speak_of_what_there_is_not() -> None:
    with pytest.raises(TriggerError, match=r"spec.triggers\[0\].params.day: .*undeclared reference"):
        scheduled_run(flow(cron(params={"day": "${artifact.id}"})), 0, NOON)


def test_the_kind_of_the_trigger_is_held_to() -> None:
    with pytest.raises(ValueError, match=r'spec.triggers\[0\] of Flow "report" is no cron trigger'):
        scheduled_run(flow(on()), 0, NOON)
    with pytest.raises(ValueError, match="is no artifact trigger"):
        artifact_run(flow(cron()), 0, artifact())


def test_making_it_again_makes_the_same() -> None:
    both = flow(cron(), on())
    again = flow(cron(), on())
    later = NOON + timedelta(seconds=59)
    assert scheduled_run(both, 0, NOON) == scheduled_run(again, 0, NOON)
    assert scheduled_run(both, 0, later)["metadata"]["name"] == "report-29921040"
    assert artifact_run(both, 1, artifact()) == artifact_run(again, 1, artifact())
    assert artifact_run(both, 1, artifact()) != artifact_run(flow(cron(), on(), uid="u2"), 1, artifact())


def test_the_time_may_come_on_any_clock() -> None:
    kathmandu = datetime.fromisoformat("2026-11-21T17:45:00+05:45")
    assert scheduled_run(flow(cron()), 0, kathmandu) == scheduled_run(flow(cron()), 0, NOON)
