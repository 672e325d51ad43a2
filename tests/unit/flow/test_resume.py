"""A run that ends at any boundary goes on from what an observer wrote down there."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from agent_runtime.flow import (
    BatchFlow,
    Flow,
    Frame,
    Node,
    Observer,
    ResumeError,
    StepLimitExceeded,
    Visit,
    current_visit,
    observe,
)


class Killed(Exception):
    """The process went away."""


class Notebook(Observer):
    """Keeps the last snapshot as JSON; at boundary number `die_after` the process ends."""

    def __init__(self, saved: str | None = None, die_after: int | None = None) -> None:
        state = json.loads(saved) if saved else {"shared": {}, "frames": {}, "visits": {}}
        self.shared: dict[str, Any] = state["shared"]
        self.visits: dict[str, int] = state["visits"]
        self.frames = {walk: Frame(**frame) for walk, frame in state["frames"].items()}
        self.saved = saved
        self._boundaries_left = die_after

    def resume(self, walk: str) -> Frame | None:
        return self.frames.get(walk)

    def boundary(self, visit: Visit) -> None:
        # What lay beneath this visit is done with; passes of a batch remain until the batch itself is.
        beneath = (f"{visit.path}/", f"{visit.path}[")
        self.frames = {walk: frame for walk, frame in self.frames.items() if not walk.startswith(beneath)}
        self.frames |= {frame.walk: frame for frame in visit.cursor()}
        self.saved = json.dumps({
            "shared": visit.shared,
            "frames": {walk: asdict(frame) for walk, frame in self.frames.items()},
            "visits": visit.walk.run.visits,
        })  # fmt: skip
        if self._boundaries_left is not None:
            self._boundaries_left -= 1
            if not self._boundaries_left:
                raise Killed


class Step(Node):
    """Writes its path, visit number and params down; loops once on its first visit when told to."""

    def __init__(self, name: str, loops: bool = False) -> None:
        super().__init__(name=name)
        self.loops = loops

    def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
        visit = current_visit()
        assert visit is not None
        shared.setdefault("log", []).append([visit.path, visit.number, self.params])
        return "again" if self.loops and visit.number % 2 else None


class Passes(BatchFlow):
    def prep(self, shared: Any) -> Any:
        return [{"pass": 1}, {"pass": 2}]


def graph() -> Flow:
    """plan -> passes over (write, review twice) -> nested flow -> publish, and all of it twice."""
    plan, publish = Step("plan"), Step("publish", loops=True)
    write, review = Step("write"), Step("review", loops=True)
    write >> review
    review - "again" >> write
    passes = Passes(write, name="passes")
    nested = Flow(Step("inside"), name="nested")
    plan >> passes >> nested >> publish
    publish - "again" >> plan
    publish >> None
    review >> None
    return Flow(plan)


def run(notebook: Notebook) -> tuple[Any, dict[str, Any]]:
    with observe(notebook, visits=notebook.visits):
        return graph().run(notebook.shared), notebook.shared


def boundaries() -> int:
    class Count(Observer):
        seen = 0

        def boundary(self, visit: Visit) -> None:
            self.seen += 1

    count = Count()
    with observe(count):
        graph().run({})
    return count.seen


def test_a_run_killed_at_any_boundary_ends_as_one_that_was_not() -> None:
    whole = run(Notebook())
    assert len(whole[1]["log"]) == 2 * (1 + 2 * 4 + 1 + 1)
    for boundary in range(1, boundaries() + 1):
        killed = Notebook(die_after=boundary)
        with pytest.raises(Killed):
            run(killed)
        assert run(Notebook(killed.saved)) == whole, f"killed at boundary {boundary}"


def test_a_run_killed_at_every_boundary_ends_too() -> None:
    whole = run(Notebook())
    notebook, result = Notebook(die_after=1), None
    for _ in range(boundaries() + 1):
        try:
            result = run(notebook)
        except Killed:
            notebook = Notebook(notebook.saved, die_after=1)
    assert result == whole


def test_a_resumed_run_goes_on_counting_its_steps() -> None:
    def chain(max_steps: int) -> Flow:
        first = Step("first")
        first >> Step("second") >> Step("third")
        return Flow(first, max_steps=max_steps)

    killed = Notebook(die_after=1)
    with observe(killed), pytest.raises(Killed):
        chain(3).run(killed.shared)
    with observe(Notebook(killed.saved)):
        chain(3).run({})
    with observe(Notebook(killed.saved)), pytest.raises(StepLimitExceeded):
        chain(2).run({})


def test_a_place_that_the_graph_does_not_have_is_named() -> None:
    class Stale(Observer):
        def resume(self, walk: str) -> Frame | None:
            return Frame(walk, next="gone", action=None, params={}, steps=1)

    with (
        observe(Stale()),
        pytest.raises(ResumeError, match="no node 'gone' to go on from; it has: plan, passes"),
    ):
        graph().run({})
