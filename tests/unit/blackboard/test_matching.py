"""Which agents an artifact sets to work, and why the others are left alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_runtime.api.agent import Consumes, Visibility
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.board import Identity
from agent_runtime.blackboard.checks import Check
from agent_runtime.blackboard.matching import Index
from agent_runtime.blackboard.subscriptions import Subscriber

MADE = datetime(2026, 11, 1, 12, tzinfo=UTC)


def artifact(visibility: dict[str, Any] | None = None, **fields: Any) -> Artifact:
    known: dict[str, Any] = {
        "id": "1",
        "type": "Finding",
        "version": 1,
        "payload": {"score": 7},
        "producer": "scout",
        "correlation": "story",
        "created_at": MADE,
    }
    seen_by = Visibility.model_validate(visibility or {"public": {}})
    return Artifact(**(known | {"visibility": seen_by} | fields))


def subscriber(name: str, *entries: dict[str, Any], order: int = 0, **identity: Any) -> Subscriber:
    consumes = tuple(Consumes.model_validate({"types": ["Finding"]} | entry) for entry in entries or ({},))
    return Subscriber(Identity(name, **identity), consumes, order)


def fed(subscribers: list[Subscriber], of: Artifact) -> list[str]:
    return sorted(match.agent for match in Index(subscribers).match(of).matches)


@pytest.mark.parametrize(
    ("entry", "fields", "refused_by"),
    [
        ({}, {}, None),
        ({"types": ["Report", "Finding"]}, {}, None),
        ({"types": ["Report"]}, {}, Check.TYPE),
        ({"mode": "Events"}, {}, None),
        ({"mode": "Direct"}, {}, Check.MODE),
        ({"from": ["scout"]}, {}, None),
        ({"from": ["writer"]}, {}, Check.PRODUCER),
        ({"tags": ["x", "y"]}, {"tags": ("y", "z")}, None),
        ({"tags": ["x"]}, {"tags": ("z",)}, Check.TAGS),
        ({"tags": ["x"]}, {}, Check.TAGS),
        ({"from": ["scout"], "tags": ["x"]}, {}, Check.TAGS),
        ({}, {"producer": "editor"}, Check.SELF),
        ({}, {"visibility": {"private": {"agents": ["writer"]}}}, Check.VISIBILITY),
        ({"where": "payload.score > 5"}, {}, None),
        ({"where": "payload.score > 9"}, {}, Check.PREDICATE),
        ({"where": "payload.absent > 9"}, {}, Check.PREDICATE),
        ({"where": "payload.score"}, {}, Check.PREDICATE),
        ({"where": "'x' in tags && producer == 'scout' && correlation == 'story'"}, {"tags": ("x",)}, None),
        ({"where": "partition == null && type == 'Finding'"}, {}, None),
        ({}, {"depth": 99}, None),
        ({}, {"depth": 100}, Check.DEPTH),
    ],
    ids=str,
)
def test_matching_and_explaining_agree(
    entry: dict[str, Any], fields: dict[str, Any], refused_by: Check | None
) -> None:
    index = Index([subscriber("editor", entry)])
    of = artifact(**fields)
    assert bool(index.match(of).matches) is (refused_by is None)
    [verdict] = index.explain(of, "editor")
    assert verdict.refused_by is refused_by
    assert verdict.message


def test_an_agent_gets_an_artifact_once_with_its_highest_priority() -> None:
    index = Index([subscriber("editor", {"priority": 1}, {"tags": ["a", "b"], "priority": 5})])
    [match] = index.match(artifact(tags=("a", "b"))).matches
    assert (match.agent, match.priority) == ("editor", 5)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"a": {"delivery": "Exclusive"}, "b": {"delivery": "Exclusive"}}, ["a"]),
        ({"a": {"delivery": "Exclusive"}, "b": {"delivery": "Exclusive", "priority": 1}}, ["b"]),
        ({"a": {"delivery": "Exclusive"}, "b": {}}, ["a", "b"]),
        ({"a": {"delivery": "Exclusive", "where": "false"}, "b": {"delivery": "Exclusive"}}, ["b"]),
        ({"a": {}, "b": {}}, ["a", "b"]),
    ],
    ids=str,
)
def test_exclusive_is_one_by_priority_then_standing(
    entries: dict[str, dict[str, Any]], expected: list[str]
) -> None:
    subscribers = [subscriber(name, entry, order=at) for at, (name, entry) in enumerate(entries.items())]
    assert fed(subscribers, artifact()) == expected
    assert fed(subscribers[::-1], artifact()) == expected


def test_who_lost_an_exclusive_artifact_is_told_so() -> None:
    index = Index([subscriber(name, {"delivery": "Exclusive"}, order=at) for at, name in enumerate("ab")])
    assert [verdict.refused_by for verdict in index.explain(artifact(), "b")] == [Check.EXCLUSIVE]


def test_denials_and_failing_predicates_are_reported_each_once() -> None:
    index = Index(
        [
            subscriber("blind", {}, {"priority": 3}),
            subscriber("broken", {"where": "payload.absent > 1"}, labels=frozenset({"desk"})),
            subscriber("picky", {"where": "false"}, labels=frozenset({"desk"})),
            subscriber("fine", labels=frozenset({"desk"})),
        ]
    )
    matched = index.match(artifact({"labelled": {"labels": ["desk"]}}))
    assert [match.agent for match in matched.matches] == ["fine"]
    assert matched.denied == ("blind",)
    [(agent, message)] = matched.faults
    assert agent == "broken"
    assert "absent" in message


def test_a_predicate_is_not_asked_about_what_its_agent_may_not_see() -> None:
    matched = Index([subscriber("blind", {"where": "payload.absent > 1"})]).match(
        artifact({"private": {"agents": []}})
    )
    assert (matched.denied, matched.faults) == (("blind",), ())


def test_a_loop_that_is_cut_is_told_from_nobody_being_there() -> None:
    assert Index([subscriber("editor")]).match(artifact(depth=100)).looped
    assert not Index([subscriber("editor", {"where": "false"})]).match(artifact(depth=100)).looped


def test_an_embargoed_artifact_is_due_when_it_opens() -> None:
    [match] = Index([subscriber("editor")]).match(artifact({"after": {"ttl": "1h"}})).matches
    assert match.due == MADE + timedelta(hours=1)


def test_nobody_is_explained_by_nothing() -> None:
    assert Index([]).explain(artifact(), "stranger") == ()
