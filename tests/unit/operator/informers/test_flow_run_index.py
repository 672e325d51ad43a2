"""The index of runs: a Flow hears of its own runs, and only when triggers care."""

import pytest

from covey_operator.informers.cache import Cache
from covey_operator.kube.keys import Key, key_of
from tests.unit.operator.worlds import FLOW, RUN, Object, resource

FLOW_KEY = key_of(FLOW)
OWNER = {"kind": "Flow", "name": "report", "uid": "uid-of-report", "controller": True}


def run(version: int, name: str = "report-1", **changes: object) -> Object:
    """One that a trigger made."""
    metadata = {
        "resourceVersion": str(version),
        "labels": {"covey.dev/flow": "report", "covey.dev/trigger": "cron-x"},
        "annotations": {"covey.dev/scheduled-time": "2026-03-01T05:00:00Z"},
        "ownerReferences": [OWNER],
    }
    return {**resource("FlowRun", name, {"flow": {"name": "report"}}, **metadata), **changes}


KEY = key_of(run(1))


def test_a_run_is_news_for_the_flow_that_made_it() -> None:
    cache = Cache()
    assert cache.put(run(1)) == {KEY, FLOW_KEY}
    assert list(cache.made("uid-of-report")) == [KEY]
    assert cache.made("uid-of-another") == {}


def test_a_run_that_a_person_made_is_not() -> None:
    cache = Cache()
    assert cache.put(RUN) == {key_of(RUN)}
    assert cache.made("uid-of-report") == {}


@pytest.mark.parametrize(
    ("changes", "news"),
    [
        ({"status": {"phase": "Queued"}}, False),
        ({"status": {"phase": "Running", "nodes": [{"name": "ask", "state": "Running"}]}}, False),
        ({"status": {"phase": "Succeeded", "finishedAt": "2026-03-01T06:00:00Z"}}, True),
        ({"status": {"phase": "Failed"}}, True),
        ({"spec": {"flow": {"name": "report"}, "cancel": True}}, True),
    ],
)
def test_its_progress_is_no_news_and_its_end_is(changes: Object, news: bool) -> None:
    cache = Cache()
    cache.put(run(1))
    assert (FLOW_KEY in cache.put(run(2, **changes))) is news


def test_its_end_is_news_for_the_flow_also_when_the_operator_itself_wrote_it() -> None:
    told: list[Key] = []
    cache = Cache(told.append)
    cache.put(run(1))
    told.clear()
    with cache.writing(KEY, KEY, expects=lambda answer: True) as answered:
        answered({**run(2), "status": {"phase": "Succeeded", "finishedAt": "2026-03-01T06:00:00Z"}})
    assert told == [FLOW_KEY]


def test_what_is_kept_is_what_triggers_read() -> None:
    cache = Cache()
    cache.put(run(1, status={"phase": "Succeeded", "finishedAt": "2026-03-01T06:00:00Z", "nodes": []}))
    (kept,) = cache.made("uid-of-report").values()
    assert kept.state == {
        "metadata": {
            "name": "report-1",
            "labels": {"covey.dev/flow": "report", "covey.dev/trigger": "cron-x"},
            "annotations": {"covey.dev/scheduled-time": "2026-03-01T05:00:00Z"},
        },
        "spec": {"cancel": False},
        "status": {"phase": "Succeeded", "finishedAt": "2026-03-01T06:00:00Z"},
    }


def test_a_run_that_is_gone_is_forgotten() -> None:
    cache = Cache()
    cache.put(run(1))
    cache.put(run(2, "report-2"))
    assert cache.drop(run(3)) == {KEY, FLOW_KEY}
    assert list(cache.made("uid-of-report")) == [Key("FlowRun", "news", "report-2")]
    cache.vanish(Key("FlowRun", "news", "report-2"))
    assert cache.made("uid-of-report") == {}


def test_a_run_that_is_given_away_is_its_flows_no_longer() -> None:
    cache = Cache()
    cache.put(run(1))
    orphan = run(2)
    del orphan["metadata"]["ownerReferences"]
    assert cache.put(orphan) == {KEY, FLOW_KEY}
    assert cache.made("uid-of-report") == {}
