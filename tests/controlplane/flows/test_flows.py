"""Flows in a real API server: workers, and runs by the clock, made exactly once whoever dies when."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane import manifests as make
from tests.controlplane.api import Api, Object, says_of, until
from tests.controlplane.played import roll_out
from tests.controlplane.rig import Rig

DAILY: Object = {"cron": {"schedule": "0 6 * * *", "timeZone": "Europe/Berlin"}}
ALWAYS: Object = {"cron": {**DAILY["cron"], "concurrencyPolicy": "Allow"}}


def trigger(api: Api) -> Object:
    """How the schedule stands."""
    found: Object = until(
        "the schedule is in the status",
        lambda: ((api.there("Flow", "report").get("status") or {}).get("triggers") or [None])[0],
    )
    return found


def next_time(api: Api) -> datetime:
    return datetime.fromisoformat(trigger(api)["nextTime"])


def answered(api: Api, time: datetime) -> Object:
    """The status once it has that time."""
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return until(f"{text} is answered", lambda: _if(trigger(api), lastTime=text))


def _if(found: Object, **wanted: object) -> Object | None:
    return found if wanted.items() <= found.items() else None


def runs(api: Api) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in api.list("FlowRun")}


def rest(api: Api, run: str) -> None:
    """Nothing is written about the run any more."""
    until(f"run {run} is started", lambda: (api.there("FlowRun", run).get("status") or {}).get("job"))


def test_a_schedule_makes_its_run_at_its_time_and_then_rests(
    rig: Rig, api: Api, control_plane: ControlPlane
) -> None:
    api.apply(make.model(), make.flow(triggers=[DAILY]))
    time = next_time(api)
    assert runs(api) == {}
    rig.clock(time + timedelta(seconds=1))
    rig.poke("Flow", "report")
    status = answered(api, time)
    assert status["missed"] == 0
    assert next_time(api) > time
    ((name, run),) = runs(api).items()
    assert name == f"report-{int(time.timestamp()) // 60}"
    assert run["spec"]["flow"] == {"name": "report"}
    assert run["metadata"]["labels"]["covey.dev/flow"] == "report"
    (owner,) = run["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Flow", api.there("Flow", "report")["metadata"]["uid"])

    rest(api, name)
    since = len(control_plane.writes("covey-operator"))
    rig.poke("Flow", "report")
    assert runs(api).keys() == {name}
    later = control_plane.writes("covey-operator")[since:]
    assert [each for each in later if each.namespace == api.namespace and each.name == "report"] == []


def test_it_wakes_up_by_itself(rig: Rig, api: Api) -> None:
    api.apply(make.model(), make.flow(triggers=[DAILY]))
    time = next_time(api)
    rig.clock(time - timedelta(seconds=3))
    rig.poke("Flow", "report")
    answered(api, time)
    assert len(runs(api)) == 1


@pytest.mark.parametrize(
    "death",
    ["before create FlowRun", "after create FlowRun", "before status Flow", "after status Flow"],
)
def test_an_operator_that_is_killed_between_two_steps_makes_one_run(rig: Rig, api: Api, death: str) -> None:
    api.apply(make.model(), make.flow(triggers=[DAILY]))
    time = next_time(api)
    rig.clock(time + timedelta(seconds=1))
    rig.die(death)
    rig.touch("Flow", "report")
    until(f"it dies {death}", lambda: not rig.operator.alive())
    rig.operator.start()
    status = answered(api, time)
    rig.poke("Flow", "report")
    assert len(runs(api)) == 1
    assert status["missed"] == 0


def test_two_operators_at_once_make_one_run_for_each_time(
    rig: Rig, api: Api, control_plane: ControlPlane, tmp_path: Path
) -> None:
    """They are told apart by their leases, so both work: the worst that can be."""
    api.apply(make.model(), make.flow(triggers=[ALWAYS]))
    next_time(api)
    with Rig(control_plane.kubeconfig, api, tmp_path / "second", own_namespace="default") as second:
        times = []
        for _ in range(5):
            times.append(next_time(api))
            for each in (rig, second):
                each.clock(times[-1] + timedelta(seconds=1))
            rig.touch("Flow", "report")
            answered(api, times[-1])
            rig.poke("Flow", "report")
            second.poke("Flow", "report")
        assert runs(api).keys() == {f"report-{int(time.timestamp()) // 60}" for time in times}


@pytest.mark.parametrize(
    ("policy", "made", "cancelled", "missed"),
    [("Forbid", 1, [False], 1), ("Replace", 2, [True, False], 0), ("Allow", 2, [False, False], 0)],
)
def test_the_concurrency_policy(
    rig: Rig, api: Api, policy: str, made: int, cancelled: list[bool], missed: int
) -> None:
    schedule = {"cron": {**DAILY["cron"], "concurrencyPolicy": policy}}
    api.apply(make.model(), make.flow(triggers=[schedule]))
    for _ in range(2):
        time = next_time(api)
        rig.clock(time + timedelta(seconds=1))
        rig.touch("Flow", "report")
        status = answered(api, time)
    assert status["missed"] == missed
    found = runs(api)
    assert [found[name]["spec"].get("cancel", False) for name in sorted(found)] == cancelled
    assert len(found) == made
    events = [each for each in api.list("Event") if each["reason"] == "ScheduleSkipped"]
    assert len(events) == missed


def test_a_replacing_operator_that_is_killed_after_it_cancelled_goes_on(rig: Rig, api: Api) -> None:
    schedule = {"cron": {**DAILY["cron"], "concurrencyPolicy": "Replace"}}
    api.apply(make.model(), make.flow(triggers=[schedule]))
    first = next_time(api)
    rig.clock(first + timedelta(seconds=1))
    rig.touch("Flow", "report")
    answered(api, first)
    second = next_time(api)
    rig.die("after patch FlowRun")
    rig.clock(second + timedelta(seconds=1))
    rig.touch("Flow", "report")
    until("it dies", lambda: not rig.operator.alive())
    assert len(runs(api)) == 1
    rig.operator.start()
    assert answered(api, second)["missed"] == 0
    found = runs(api)
    assert [found[name]["spec"].get("cancel", False) for name in sorted(found)] == [True, False]


def test_times_that_were_missed_are_counted_and_the_latest_is_started(rig: Rig, api: Api) -> None:
    api.apply(make.model(), make.flow(triggers=[DAILY]))
    time = next_time(api)
    rig.operator.kill()
    rig.clock(time + timedelta(days=3, hours=1))
    rig.operator.start()
    status = answered(api, time + timedelta(days=3))
    assert (status["missed"], len(runs(api))) == (3, 1)


def test_only_so_many_ended_runs_stay(rig: Rig, api: Api) -> None:
    api.apply(make.model(), make.flow(triggers=[ALWAYS], run={"historyLimit": 2}))
    made = []
    for _ in range(4):
        time = next_time(api)
        rig.clock(time + timedelta(seconds=1))
        rig.touch("Flow", "report")
        answered(api, time)
        made.append(f"report-{int(time.timestamp()) // 60}")
        rest(api, made[-1])
        api.set_status("FlowRun", made[-1], {"phase": "Succeeded", "finishedAt": time.isoformat()})
    until("the oldest are gone", lambda: runs(api).keys() == set(made[2:]))


@pytest.mark.usefixtures("operator")
def test_workers_come_with_serve_and_go_with_it(api: Api) -> None:
    api.apply(make.model(), make.flow(serve={"replicas": 2}, run={"backend": "Queue"}))
    says_of(api, "Flow", "report", "RollingOut")
    assert api.there("Secret", "report-flow")["data"].keys() == {"token"}
    assert api.there("PodDisruptionBudget", "report-flow")
    roll_out(api, "Deployment", "report-flow")
    assert says_of(api, "Flow", "report", "RolledOut")["status"] == "True"
    status = api.there("Flow", "report")["status"]
    assert status["readyWorkers"] == 2
    assert [each["type"] for each in status["conditions"]] == [
        "Accepted",
        "ResolvedRefs",
        "Progressing",
        "Ready",
    ]
    api.apply(make.flow())
    until("the workers are gone", lambda: api.get("Deployment", "report-flow") is None)
    says_of(api, "Flow", "report", "Valid")
    assert "readyWorkers" not in api.there("Flow", "report")["status"]


@pytest.mark.usefixtures("quiet")
def test_without_a_run_store_workers_are_refused_with_the_cure(
    control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    with Rig(control_plane.kubeconfig, api, tmp_path, COVEY_RUN_STORE="false"):
        api.apply(make.model(), make.flow(serve={}))
        said = says_of(api, "Flow", "report", "InvalidSpec", top="Accepted")
        assert "runs.enabled=true" in said["message"]
        assert api.get("Secret", "covey-runs") is None


def test_the_key_of_the_run_store_is_there_and_put_right(rig: Rig, api: Api) -> None:
    first = until("the key", lambda: api.get("Secret", "covey-runs"))["data"]
    api.edit("Secret", "covey-runs", {"data": {"key": os.urandom(8).hex()}})
    until("it is put right", lambda: api.there("Secret", "covey-runs")["data"] == first)
    api.delete("Secret", "covey-runs")
    until("it is made again", lambda: (api.get("Secret", "covey-runs") or {}).get("data") == first)
