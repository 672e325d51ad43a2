"""Names that follow from the reason: what is made twice is one, and what is two never is."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent_runtime.api.triggers import Trigger
from agent_runtime.triggers.naming import artifact_run_name, scheduled_run_name, trigger_key
from tests.unit.triggers.builders import cron, on

SIX = datetime(2026, 11, 21, 6, tzinfo=UTC)


def triggers(*manifests: dict[str, object]) -> list[Trigger]:
    return [Trigger.model_validate(manifest) for manifest in manifests]


@pytest.mark.parametrize(
    ("flow", "name"),
    [
        ("report", "report-29920680"),
        ("r" * 32, f"{'r' * 32}-29920680"),
        ("r" * 33, f"{'r' * 24}-qmkf4qpg-29920680"),
        ("r" * 45, f"{'r' * 24}-mhgnr3bd-29920680"),
    ],
)
def test_a_scheduled_run_is_named_by_the_minute(flow: str, name: str) -> None:
    assert scheduled_run_name(flow, triggers(on(), cron()), 1, SIX) == name


def test_two_schedules_that_fall_on_one_minute_make_two_runs() -> None:
    both = triggers(cron("0 6 * * *"), on(), cron("0 6 * * 6"))
    assert scheduled_run_name("report", both, 0, SIX) == "report-29920680"
    assert scheduled_run_name("report", both, 2, SIX) == "report-29920680-2"


def test_a_run_for_an_artifact_is_named_by_flow_trigger_and_artifact() -> None:
    name = artifact_run_name("report", "u1", "artifact-k1", "a1")
    assert name == "report-jascicumg3"
    assert name == artifact_run_name("report", "u1", "artifact-k1", "a1")
    others = {
        artifact_run_name("report", "u2", "artifact-k1", "a1"),
        artifact_run_name("report", "u1", "artifact-k2", "a1"),
        artifact_run_name("report", "u1", "artifact-k1", "a2"),
        artifact_run_name("report", "u1", "artifact-k", "1a1"),
    }
    assert len(others | {name}) == 5


FLOW_NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,43}[a-z0-9])?", fullmatch=True)
IDS = st.text(st.characters(codec="utf-8"), max_size=128)
MINUTES = st.integers(1_577_836_800, 5_680_281_600).map(lambda second: datetime.fromtimestamp(second, UTC))
"""From 2020 to 2150."""
SIXTEEN = triggers(*[cron()] * 16)


@st.composite
def runs(draw: st.DrawFn, flow: str) -> str:
    if draw(st.booleans()):
        return artifact_run_name(flow, draw(IDS), draw(IDS), draw(IDS))
    return scheduled_run_name(flow, SIXTEEN, draw(st.integers(0, 15)), draw(MINUTES))


@given(st.data(), FLOW_NAMES)
def test_every_name_is_one_that_a_resource_may_have(data: st.DataObject, flow: str) -> None:
    name = data.draw(runs(flow))
    assert len(name) <= 45
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)


@given(st.data(), FLOW_NAMES, FLOW_NAMES)
def test_no_two_flows_ever_share_a_name(data: st.DataObject, one: str, other: str) -> None:
    """Nor a flow with one that is named like its own runs, or like it is when cut."""
    own = data.draw(runs(one))
    other = data.draw(st.sampled_from([other, own[:-2], own.rpartition("-")[0], own.partition("-")[0], own]))
    assume(one != other)
    assume(re.fullmatch(r"[a-z]([-a-z0-9]{0,43}[a-z0-9])?", other))
    assert own != data.draw(runs(other))


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        (cron("0 6 * * *"), True),
        (cron("0 6 * * *", suspend=True, concurrencyPolicy="Replace", startingDeadline="5m"), True),
        (cron("0 6 * * *", params={"day": "${schedule.time}"}), True),
        (cron("0 7 * * *"), False),
        (cron("0 6 * * *", timeZone="Europe/Berlin"), False),
    ],
)
def test_a_schedule_by_another_time_is_another_trigger(changed: dict[str, object], same: bool) -> None:
    before = trigger_key(triggers(cron("0 6 * * *")), 0)
    assert re.fullmatch(r"cron-[a-z2-7]{8}", before)
    assert (trigger_key(triggers(changed), 0) == before) is same


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        (on(params={"order": "${artifact.id}"}), True),
        (on("Invoice"), False),
        (on(where="payload.total > 3"), False),
        (on(tags=["big"]), False),
        ({"artifact": {"blackboard": "shop", "type": "Order", "from": ["till"]}}, False),
    ],
)
def test_an_artifact_trigger_for_others_is_another_trigger(changed: dict[str, object], same: bool) -> None:
    before = trigger_key(triggers(on()), 0)
    assert re.fullmatch(r"artifact-[a-z2-7]{8}", before)
    assert (trigger_key(triggers(changed), 0) == before) is same


def test_keys_do_not_depend_on_the_order_unless_triggers_are_alike() -> None:
    one, other = on(), on("Invoice")
    assert trigger_key(triggers(one, other), 1) == trigger_key(triggers(other, one), 0)
    alike = triggers(on(params={"case": "a"}), cron(), on(params={"case": "b"}))
    assert trigger_key(alike, 2) == f"{trigger_key(alike, 0)}-2"
