"""However events and answers to writes are interleaved: the last state is looked at, and then it is quiet.

The machine plays people, controllers, the network and the watches around one operator: see `small_cluster`.
"""

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.unit.operator.small_cluster import AGENT, DEPLOYMENT, MODEL, OWN, Operator, Refused, Server, seen

KINDS = st.sampled_from(["Model", "Agent", "Deployment"])
RESOURCES = st.sampled_from(OWN)
_MOST_PASSES = 200


class Interleavings(RuleBasedStateMachine):
    """Every rule is something that may happen at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.operator = Operator(self.server)
        self.number = 0

    @initialize(there=st.booleans())
    def it_may_have_been_at_work_before(self, there: bool) -> None:
        if there:
            self.server.create(MODEL)
            self.server.create(AGENT)
            self._run_dry()

    @rule(key=RESOURCES)
    def somebody_creates_or_edits(self, key: Any) -> None:
        self.number += 1
        if key in self.server.objects:
            self.server.patch(key, spec={"text": self.number})
        else:
            self.server.create(key, spec={"text": self.number})

    @rule(key=RESOURCES, label=st.sampled_from(["a", "b"]))
    def somebody_annotates(self, key: Any, label: str) -> None:
        with suppress(Refused):
            self.server.patch(key, metadata={"annotations": {"note": label}})

    @rule(key=RESOURCES)
    def somebody_writes_a_status(self, key: Any) -> None:
        with suppress(Refused):
            self.server.patch(key, status={"observedGeneration": -1})

    @rule(key=st.sampled_from([*OWN, DEPLOYMENT]))
    def somebody_deletes(self, key: Any) -> None:
        self.server.delete(key)

    @rule(replicas=st.integers(0, 3))
    def a_controller_scales_the_child(self, replicas: int) -> None:
        with suppress(Refused):
            self.server.patch(DEPLOYMENT, status={"replicas": replicas})

    @rule(kind=KINDS, count=st.integers(1, 4), merging=st.booleans())
    def a_watch_delivers(self, kind: str, count: int, merging: bool) -> None:
        self.operator.deliver(kind, count=count, merging=merging)

    @rule(kind=KINDS)
    def a_watch_breaks(self, kind: str) -> None:
        self.operator.list_again(kind)

    @rule()
    def a_pass_begins(self) -> None:
        self.operator.start()

    @precondition(lambda self: self.operator.open)
    @rule(data=st.data())
    def a_pass_goes_on(self, data: st.DataObject) -> None:
        self.operator.step(data.draw(st.sampled_from(sorted(self.operator.open))))

    @precondition(lambda self: self.operator.open)
    @rule(data=st.data())
    def an_answer_gets_lost(self, data: st.DataObject) -> None:
        self.operator.step(data.draw(st.sampled_from(sorted(self.operator.open))), Refused)

    @rule(key=RESOURCES, replicas=st.integers(0, 3), which=st.sampled_from([*OWN, DEPLOYMENT]))
    def much_happens_while_an_edit_is_looked_at(self, key: Any, replicas: int, which: Any) -> None:
        self.somebody_creates_or_edits(key)
        self.operator.deliver(key.kind, count=10)
        self.operator.start()
        if which == DEPLOYMENT:
            self.a_controller_scales_the_child(replicas)
        else:
            self.somebody_creates_or_edits(which)
        for each in list(self.operator.open):
            self.operator.step(each)

    @rule(key=RESOURCES, kind=KINDS, count=st.integers(0, 3))
    def an_answer_is_older_than_what_the_watch_shows(self, key: Any, kind: str, count: int) -> None:
        with self.operator.reading(key) as answered:
            self.operator.deliver(kind, count=count)
            answered()

    def teardown(self) -> None:
        """Everything that is under way arrives."""
        self._run_dry()
        for key in OWN:
            assert self.operator.looked.get(key) == self._as_it_is(key), key
            found = self.server.objects.get(key)
            if found is not None:
                assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
        writes = self.server.writes
        for key in OWN:
            self.operator.queue.add(key, 0)
        assert self._run_dry() == len(OWN)
        assert self.server.writes == writes, "a settled resource costs a write"

    def _run_dry(self) -> int:
        """Returns how many passes that took."""
        before = self.operator.passes
        while self.operator.is_busy():
            for kind, events in self.server.events.items():
                self.operator.deliver(kind, count=len(events))
            self._collect_garbage()
            for key in list(self.operator.open):
                self.operator.step(key)
            self.operator.start()
            assert self.operator.passes - before < _MOST_PASSES, "passes without an end"
        return self.operator.passes - before

    def _collect_garbage(self) -> None:
        """As the cluster does it with children of owners that are gone."""
        child, owner = self.server.objects.get(DEPLOYMENT), self.server.objects.get(AGENT)
        if child is not None:
            references = child["metadata"].get("ownerReferences") or ()
            uids = {each["uid"] for each in references}
            if owner is None or owner["metadata"]["uid"] not in uids:
                self.server.delete(DEPLOYMENT)

    def _as_it_is(self, key: Any) -> object:
        body = self.server.objects.get(key)
        if body is None:
            return None
        if key == MODEL:
            return seen(body, None, None)
        child = self.server.objects.get(DEPLOYMENT, {})
        return seen(body, self.server.objects.get(MODEL), child.get("status", {}).get("replicas"))


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
