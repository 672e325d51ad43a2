"""Admission: limits hold, what is free is handed out, and the fairest comes first."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey_operator.kube.keys import Key
from covey_operator.runs.concurrency import Claim, ConcurrencyLimiter


def run(name: str, namespace: str = "a") -> Key:
    return Key("FlowRun", namespace, name)


def claim(since: int, flow: str = "report", limit: int | None = None) -> Claim:
    return Claim(f"{since:06}", flow, limit)


def ask_for(admission: ConcurrencyLimiter, *wanted: tuple[str, str]) -> list[bool]:
    """Each (namespace, name) asks, one after the other; whether it may go."""
    return [
        admission.ask(run(name, namespace), claim(since)) is None
        for since, (namespace, name) in enumerate(wanted)
    ]


def test_without_limits_nobody_waits() -> None:
    assert all(ask_for(ConcurrencyLimiter(), *(("a", f"r{number}") for number in range(100))))


@pytest.mark.parametrize(
    ("admission", "limit", "message"),
    [
        (
            ConcurrencyLimiter(),
            2,
            'Flow "report" (spec.run.maxConcurrent) may have 2 runs under way at once, and has',
        ),
        (
            ConcurrencyLimiter(most_per_namespace=2),
            None,
            'namespace "a" (runs.maxConcurrentPerNamespace) may have 2 runs',
        ),
        (
            ConcurrencyLimiter(most=2),
            None,
            "the cluster (runs.maxConcurrent) may have 2 runs under way at once, and has them",
        ),
    ],
    ids=["of the flow", "of the namespace", "of the cluster"],
)
def test_over_a_limit_a_run_hears_which(
    admission: ConcurrencyLimiter, limit: int | None, message: str
) -> None:
    turns = [admission.ask(run(f"r{number}"), claim(number, limit=limit)) for number in range(40)]
    assert turns[:2] == [None, None]
    assert turns[2] is not None
    assert turns[2].message.startswith(message)
    assert turns[2].message.endswith("this one is next")
    assert turns[39] is not None
    assert turns[39].message.endswith("about 30 come before this one")
    assert admission.granted() == []


def test_who_holds_a_slot_keeps_it_and_who_leaves_frees_it() -> None:
    admission = ConcurrencyLimiter(most=1)
    assert ask_for(admission, ("a", "first"), ("a", "second")) == [True, False]
    assert admission.ask(run("first"), claim(0)) is None
    admission.leave(run("first"))
    assert admission.granted() == [run("second")]
    assert admission.granted() == []
    assert admission.ask(run("second"), claim(1)) is None


def test_a_free_slot_goes_to_the_namespace_with_the_fewest_runs_then_to_the_oldest() -> None:
    admission = ConcurrencyLimiter(most=3)
    ask_for(admission, ("busy", "b0"), ("busy", "b1"), ("calm", "c0"), ("busy", "b2"), ("calm", "c1"))
    admission.ask(run("n0", "new"), claim(9))
    order = []
    for done in (run("b0", "busy"), run("b1", "busy"), run("c0", "calm")):
        admission.leave(done)
        order += admission.granted()
    assert order == [run("n0", "new"), run("b2", "busy"), run("c1", "calm")]


def test_a_flow_at_its_limit_does_not_hold_up_the_others_of_its_namespace() -> None:
    admission = ConcurrencyLimiter(most=2)
    assert admission.ask(run("r0"), claim(0, limit=1)) is None
    assert admission.ask(run("r1"), claim(1, limit=1)) is not None
    assert admission.ask(run("other"), claim(2, flow="other", limit=5)) is None


def test_what_is_under_way_counts_even_over_the_limits() -> None:
    admission = ConcurrencyLimiter(most=2)
    for number in range(4):
        admission.hold(run(f"r{number}"), claim(number))
    ask_for(admission, ("a", "late"))
    admission.leave(run("r0"))
    admission.leave(run("r1"))
    assert admission.granted() == []
    admission.leave(run("r2"))
    assert admission.granted() == [run("late")]


def test_a_limit_that_is_raised_lets_others_go_at_once() -> None:
    admission = ConcurrencyLimiter()
    for number in range(4):
        admission.ask(run(f"r{number}"), claim(number, limit=1))
    assert admission.ask(run("r3"), claim(3, limit=3)) is not None
    assert admission.granted() == [run("r1"), run("r2")]


def test_all_who_line_up_after_a_restart_are_weighed_together() -> None:
    admission = ConcurrencyLimiter(most=1)
    admission.line_up([(run("young"), claim(5)), (run("old"), claim(1)), (run("middle"), claim(3))])
    assert admission.granted() == [run("old")]


def test_who_left_the_line_is_granted_nothing() -> None:
    admission = ConcurrencyLimiter(most=1)
    ask_for(admission, ("a", "first"), ("a", "second"))
    admission.leave(run("second"))
    admission.leave(run("first"))
    assert admission.granted() == []
    assert admission.holders() == frozenset()


def test_five_thousand_in_line_cost_little() -> None:
    """Each pass looks at a handful of lines, not at every run: the steps are counted, not the seconds."""
    admission = ConcurrencyLimiter(most=10, most_per_namespace=5)
    looked: Counter[str] = Counter()
    whole = admission._head

    def counting(namespace: str) -> tuple[str, str] | None:
        looked[namespace] += 1
        return whole(namespace)

    admission._head = counting  # type: ignore[method-assign]
    for number in range(5000):
        admission.ask(run(f"r{number}", f"ns{number % 10}"), claim(number, flow=f"f{number % 7}"))
    for key in list(admission.holders()):
        admission.leave(key)
    assert looked.total() < 20 * 10 * 10


@dataclass(frozen=True)
class World:
    """What an oracle remembers: who asked for what, and who is under way."""

    most: int | None
    most_per_namespace: int | None
    limits: dict[str, int | None]

    def deletable(self, key: Key, flow: str, holders: frozenset[tuple[Key, str]]) -> bool:
        limit = self.limits[flow]
        of_flow = sum(1 for other, its in holders if (other.namespace, its) == (key.namespace, flow))
        of_namespace = sum(1 for other, _ in holders if other.namespace == key.namespace)
        return (
            (limit is None or of_flow < limit)
            and (self.most_per_namespace is None or of_namespace < self.most_per_namespace)
            and (self.most is None or len(holders) < self.most)
        )


LIMITS = st.none() | st.integers(1, 4)
STEPS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 11), st.sampled_from("ab"), st.sampled_from(["x", "y"])),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(most=LIMITS, per_namespace=LIMITS, x=LIMITS, y=LIMITS, steps=STEPS)
def test_limits_hold_nothing_lies_idle_and_the_choice_is_the_oracles(
    most: int | None,
    per_namespace: int | None,
    x: int | None,
    y: int | None,
    steps: list[tuple[bool, int, str, str]],
) -> None:
    world = World(most, per_namespace, {"x": x, "y": y})
    admission = ConcurrencyLimiter(most=most, most_per_namespace=per_namespace)
    waiting: dict[Key, tuple[int, str]] = {}
    holding: dict[Key, str] = {}
    for arrives, number, namespace, flow in steps:
        key = run(f"{flow}{number:02}", namespace)
        if arrives and key not in holding:
            waiting[key] = (number, flow)
            turn = admission.ask(key, Claim(f"{number:06}", flow, world.limits[flow]))
            if turn is None:
                assert waiting.pop(key)
                assert world.deletable(key, flow, frozenset(holding.items()))
                holding[key] = flow
        elif not arrives:
            waiting.pop(key, None)
            holding.pop(key, None)
            admission.leave(key)
        for granted in admission.granted():
            able = {
                each: (sum(1 for other in holding if other.namespace == each.namespace), *place, each.name)
                for each, place in waiting.items()
                if world.deletable(each, place[1], frozenset(holding.items()))
            }
            fewest = {each: (at[0], at[1], at[3]) for each, at in able.items()}
            assert fewest[granted] == min(fewest.values())
            holding[granted] = waiting.pop(granted)[1]
        assert admission.holders() == frozenset(holding)
        assert not any(
            world.deletable(each, flow, frozenset(holding.items())) for each, (_, flow) in waiting.items()
        )


@settings(max_examples=50, deadline=None)
@given(crowd=st.integers(0, 30), slots=st.integers(1, 4))
def test_a_namespace_is_not_starved_by_the_crowd_of_another(crowd: int, slots: int) -> None:
    """With several slots the late one has the next; with a single one, only who is older comes before it."""
    admission, at_work = ConcurrencyLimiter(most=slots), list[Key]()
    for number in range(crowd + slots):
        if admission.ask(run(f"c{number}", "crowd"), claim(number)) is None:
            at_work.append(run(f"c{number}", "crowd"))
    late = run("late", "quiet")
    admission.ask(late, claim(500))
    ends = 0
    while late not in admission.holders():
        admission.ask(run(f"more{ends}", "crowd"), claim(600 + ends))
        admission.leave(at_work.pop(0))
        at_work += admission.granted()
        ends += 1
    assert ends == (1 if slots > 1 else crowd + 1)
