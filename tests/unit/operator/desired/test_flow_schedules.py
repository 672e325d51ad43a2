"""Runs by the clock: a story of passes, with the status and the runs of one handed to the next."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from covey_operator.informers.snapshot import ChildSnapshot
from covey_operator.kube.keys import key_of
from covey_operator.plan import Plan
from tests.unit.operator.worlds import FLOW, WORLD, Object, plan

AT_SIX = {"cron": {"schedule": "0 6 * * *", "timeZone": "Europe/Berlin"}}
HOURLY = {"cron": {"schedule": "0 * * * *"}}


def at(text: str) -> datetime:
    """A time of March 2026, UTC: `1 05:00` or `1 05:00:30`."""
    return datetime.fromisoformat(f"2026-03-{int(text.partition(' ')[0]):02}T{text.partition(' ')[2]}Z")


AT_ONE = f"report-{int(at('1 01:00').timestamp()) // 60}"


class Story:
    """A Flow, the runs that its triggers made, and what happens to both."""

    def __init__(self, *triggers: Object, created: str = "1 00:00", **run: object) -> None:
        self.body: Object = {
            **FLOW,
            "metadata": {**FLOW["metadata"], "creationTimestamp": at(created).isoformat()},
            "spec": {**FLOW["spec"], "triggers": list(triggers), "run": run},
        }
        self.runs: dict[str, Object] = {}

    def look(self, when: str) -> Plan:
        """A pass that dies before it writes anything."""
        children = {key_of(each): ChildSnapshot.of(each) for each in self.runs.values()}
        return plan(self.body, *WORLD, children=children, now=at(when))

    def make(self, found: Plan) -> None:
        """Writes all but the status."""
        for key in found.cancels:
            self.runs[key.name]["spec"]["cancel"] = True
        for each in found.creates:
            name = each["metadata"]["name"]
            self.runs.setdefault(name, {**each, "metadata": {**each["metadata"], "uid": f"uid-of-{name}"}})
        for key in found.deletes:
            del self.runs[key.name]

    def go(self, when: str) -> Plan:
        """A pass from its beginning to its end."""
        found = self.look(when)
        self.make(found)
        said = self.body.get("status") or {"conditions": []}
        self.body["status"] = {**said, "observedGeneration": 1, **found.fields}
        return found

    def end(self, *names: str, phase: str = "Succeeded") -> None:
        for name in names or tuple(self.runs):
            self.runs[name]["status"] = {"phase": phase, "finishedAt": "2026-03-01T00:00:00Z"}

    def change(self, **cron: object) -> None:
        (trigger,) = self.body["spec"]["triggers"]
        self.body["spec"]["triggers"] = [{**trigger, "cron": {**trigger["cron"], **cron}}]

    @property
    def status(self) -> list[Object]:
        found: list[Object] = self.body["status"]["triggers"]
        return found


def times(found: Plan) -> list[str]:
    """The times of the schedule for which runs are made."""
    return [each["metadata"]["annotations"]["covey.dev/scheduled-time"] for each in found.creates]


def test_a_run_comes_at_its_time_on_the_clock_of_its_zone() -> None:
    story = Story(AT_SIX)
    waiting = story.go("1 04:00")
    assert (waiting.creates, waiting.again_in) == ((), 3600)
    assert story.status == [
        {"trigger": "cron 0 6 * * * Europe/Berlin", "nextTime": "2026-03-01T05:00:00Z", "missed": 0}
    ]
    due = story.go("1 05:00:01")
    assert times(due) == ["2026-03-01T05:00:00Z"]
    assert due.again_in == 24 * 3600 - 1
    assert story.status == [
        {
            "trigger": "cron 0 6 * * * Europe/Berlin",
            "lastTime": "2026-03-01T05:00:00Z",
            "nextTime": "2026-03-02T05:00:00Z",
            "missed": 0,
        }
    ]


def test_the_run_belongs_to_its_flow_and_says_why_it_is() -> None:
    (run,) = Story(HOURLY).go("1 01:00").creates
    metadata = run["metadata"]
    assert metadata["name"] == f"report-{int(at('1 01:00').timestamp()) // 60}"
    assert metadata["labels"]["covey.dev/flow"] == "report"
    assert metadata["labels"]["covey.dev/trigger"].startswith("cron-")
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "covey.dev/v1alpha1",
            "kind": "Flow",
            "name": "report",
            "uid": "uid-of-report",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert run["spec"] == {"flow": {"name": "report"}, "params": {}}


def test_between_its_times_nothing_is_news() -> None:
    story = Story(HOURLY)
    story.go("1 01:00")
    before = story.body["status"]
    for minute in (1, 20, 59):
        found = story.go(f"1 01:{minute:02}")
        assert (found.creates, story.body["status"]) == ((), before)


@pytest.mark.parametrize("survives", [0, 1])
def test_whoever_dies_at_whatever_point_a_time_has_one_run(survives: int) -> None:
    story = Story(HOURLY)
    story.go("1 00:30")
    lost = story.look("1 01:00")
    if survives:
        story.make(lost)
    again = story.go("1 01:00:20")
    assert {each["metadata"]["name"] for each in (*lost.creates, *again.creates)} == set(story.runs)
    assert len(story.runs) == 1
    assert story.go("1 01:01").creates == ()
    assert story.status[0]["missed"] == 0


def test_a_run_that_was_made_and_not_noted_is_not_missed() -> None:
    story = Story(HOURLY)
    story.go("1 00:30")
    story.make(story.look("1 01:00"))
    story.end()
    assert times(story.go("1 02:00")) == ["2026-03-01T02:00:00Z"]
    assert story.status[0]["missed"] == 0


def test_a_run_that_was_not_noted_is_kept_until_it_is() -> None:
    story = Story(HOURLY, historyLimit=0)
    story.go("1 00:30")
    story.make(story.look("1 01:00"))
    story.end()
    assert story.look("1 01:10").deletes == ()
    assert story.go("1 01:10").again_in == 0
    assert [key.name for key in story.go("1 01:10").deletes] == [AT_ONE]
    assert story.go("1 01:11").creates == ()


def test_of_missed_times_the_latest_is_started_and_the_others_are_counted() -> None:
    story = Story(HOURLY)
    story.go("1 00:30")
    found = story.go("1 05:10")
    assert times(found) == ["2026-03-01T05:00:00Z"]
    assert story.status[0]["missed"] == 4
    assert [(each.reason, "4 times missed" in each.message) for each in found.notices] == [
        ("ScheduleMissed", True)
    ]


def test_what_is_too_late_is_not_started() -> None:
    story = Story({"cron": {**HOURLY["cron"], "startingDeadline": "5m"}})
    story.go("1 00:30")
    assert story.go("1 05:10").creates == ()
    assert story.status[0] == {
        "trigger": "cron 0 * * * * Etc/UTC",
        "lastTime": "2026-03-01T05:00:00Z",
        "nextTime": "2026-03-01T06:00:00Z",
        "missed": 5,
    }
    assert times(story.go("1 06:04")) == ["2026-03-01T06:00:00Z"]


def test_times_count_from_the_flows_creation_or_from_when_a_trigger_was_first_seen() -> None:
    assert times(Story(HOURLY, created="1 00:00").go("1 03:10")) == ["2026-03-01T03:00:00Z"]
    story = Story(HOURLY)
    story.go("1 01:00")
    story.body["spec"]["triggers"] = [{"cron": {"schedule": "30 * * * *"}}]
    assert story.go("1 08:40").creates == ()
    assert story.status[0]["missed"] == 0
    assert times(story.go("1 09:31")) == ["2026-03-01T09:30:00Z"]


def test_a_trigger_that_was_there_before_comes_back_without_its_past() -> None:
    story = Story(HOURLY)
    story.go("1 01:00")
    story.end()
    story.body["spec"]["triggers"] = []
    story.go("1 01:30")
    story.body["spec"]["triggers"] = [HOURLY]
    assert story.go("1 05:10").creates == ()
    assert story.go("1 05:20").creates == ()
    assert story.status[0]["missed"] == 0
    assert times(story.go("1 06:00")) == ["2026-03-01T06:00:00Z"]


POLICIES: list[tuple[str, list[str], list[str], int]] = [
    ("Allow", ["2026-03-01T02:00:00Z"], [], 0),
    ("Forbid", [], [], 1),
    ("Replace", ["2026-03-01T02:00:00Z"], [AT_ONE], 0),
]


@pytest.mark.parametrize(("policy", "started", "cancelled", "missed"), POLICIES)
def test_the_policy_decides_while_a_run_is_under_way(
    policy: str, started: list[str], cancelled: list[str], missed: int
) -> None:
    story = Story({"cron": {**HOURLY["cron"], "concurrencyPolicy": policy}})
    assert [each["metadata"]["name"] for each in story.go("1 01:00").creates] == [AT_ONE]
    found = story.go("1 02:00")
    assert (times(found), [key.name for key in found.cancels]) == (started, cancelled)
    assert story.status[0]["missed"] == missed
    assert [each.reason for each in found.notices] == (["ScheduleSkipped"] if missed else [])


@pytest.mark.parametrize("policy", ["Allow", "Forbid", "Replace"])
def test_the_policy_does_not_matter_once_the_last_run_has_ended(policy: str) -> None:
    story = Story({"cron": {**HOURLY["cron"], "concurrencyPolicy": policy}})
    story.go("1 01:00")
    story.end(phase="Failed")
    found = story.go("1 02:00")
    assert (times(found), found.cancels) == (["2026-03-01T02:00:00Z"], ())


def test_a_suspended_schedule_passes_its_times_over_also_when_it_goes_on() -> None:
    story = Story(HOURLY)
    story.go("1 01:00")
    story.change(suspend=True)
    found = story.go("1 01:30")
    assert (found.again_in, story.status[0].get("nextTime")) == (None, None)
    assert story.go("1 04:00").creates == ()
    story.change(suspend=False)
    story.end()
    assert story.go("1 04:10").creates == ()
    assert story.status[0] == {
        "trigger": "cron 0 * * * * Etc/UTC",
        "lastTime": "2026-03-01T04:00:00Z",
        "nextTime": "2026-03-01T05:00:00Z",
        "missed": 3,
    }
    assert times(story.go("1 05:00")) == ["2026-03-01T05:00:00Z"]


def test_two_schedules_of_one_minute_have_a_run_each() -> None:
    twice = {"cron": {"schedule": "0,30 * * * *", "concurrencyPolicy": "Allow"}}
    story = Story(HOURLY, twice)
    found = story.go("1 01:00")
    assert times(found) == ["2026-03-01T01:00:00Z"] * 2
    assert len(story.runs) == 2
    assert found.again_in == 1800


def test_two_triggers_that_differ_in_their_parameters_only_have_a_past_each() -> None:
    ants = {**HOURLY, "params": {"topic": "ants"}}
    story = Story(HOURLY, ants)
    assert len(story.go("1 01:00").creates) == 2
    assert len(story.status) == 2
    assert story.go("1 01:10").creates == ()


def test_a_parameter_that_fails_costs_its_own_trigger_a_time() -> None:
    bad = {"cron": {"schedule": "0 * * * *"}, "params": {"topic": "${int(schedule.time)}"}}
    good = {"cron": {"schedule": "0 */1 * * *"}}
    story = Story(bad, good)
    found = story.go("1 01:00")
    assert len(found.creates) == 1
    (notice,) = found.notices
    assert notice.reason == "TriggerFailed"
    assert "spec.triggers[0].params.topic" in notice.message
    assert [each["missed"] for each in story.status] == [1, 0]


def test_without_schedules_the_status_has_none() -> None:
    assert Story().go("1 01:00").fields == {"triggers": None}


CHANGES: list[Callable[[Any], None]] = [
    lambda story: story.body["metadata"].update(creationTimestamp=None),
    lambda story: story.body.update(status={"conditions": []}),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_flow_of_which_little_is_known_starts_nothing_of_the_past(change: Callable[[Any], None]) -> None:
    story = Story(HOURLY, created="1 05:00")
    change(story)
    assert story.go("1 05:10").creates == ()
    assert times(story.go("1 06:00")) == ["2026-03-01T06:00:00Z"]


def test_the_clock_going_back_starts_nothing_twice() -> None:
    story = Story(HOURLY)
    story.go("1 03:00")
    assert story.go("1 01:30").creates == ()
    assert story.go("1 03:10").creates == ()
