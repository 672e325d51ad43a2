"""Which agents an artifact sets to work, and why the others are left alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_runtime.api.agent import Consumes, Visibility
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.tenants import Isolation
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.checks import Check
from agent_runtime.blackboard.matching.joins import JoinSpec
from agent_runtime.blackboard.matching.matcher import Index, Match
from agent_runtime.blackboard.matching.subscriptions import Subscriber

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
        ({"join": {"window": "1m"}}, {}, None),
        ({"join": {"window": "1m", "by": "payload.absent"}}, {}, Check.PREDICATE),
        ({"join": {"window": "1m", "by": "payload"}}, {}, Check.PREDICATE),
        ({"join": {"window": "1m", "by": "partition"}}, {}, Check.PREDICATE),
        ({"join": {"window": "1m", "by": "0.0 / 0.0"}}, {}, Check.PREDICATE),
        ({"join": {"window": "1m"}, "where": "payload.score > 9"}, {}, Check.PREDICATE),
        ({"batch": {"size": 3, "within": "1m"}}, {}, None),
        ({"similarTo": {"text": "bees"}}, {}, Check.PREDICATE),
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
            subscriber(
                "broken",
                {"where": "payload.absent > 1"},
                {"where": "payload.absent > 1", "priority": 1},
                {"where": "payload.missing"},
                labels=frozenset({"desk"}),
            ),
            subscriber("picky", {"where": "false"}, labels=frozenset({"desk"})),
            subscriber("fine", labels=frozenset({"desk"})),
        ]
    )
    matched = index.match(artifact({"labelled": {"labels": ["desk"]}}))
    assert [match.agent for match in matched.matches] == ["fine"]
    assert [(who.name, check) for who, check in matched.denied] == [("blind", Check.VISIBILITY)]
    assert [agent for agent, _ in matched.faults] == ["broken", "broken"]
    assert ["absent" in message for _, message in matched.faults] == [True, False]


def test_a_predicate_is_not_asked_about_what_its_agent_may_not_see() -> None:
    matched = Index([subscriber("blind", {"where": "payload.absent > 1"})]).match(
        artifact({"private": {"agents": []}})
    )
    assert ([who.name for who, _ in matched.denied], matched.faults) == (["blind"], ())


def test_a_loop_that_is_cut_is_told_from_nobody_being_there() -> None:
    assert Index([subscriber("editor")]).match(artifact(depth=100)).looped
    assert not Index([subscriber("editor", {"where": "false"})]).match(artifact(depth=100)).looped


def test_an_embargoed_artifact_is_due_when_it_opens() -> None:
    [match] = Index([subscriber("editor")]).match(artifact({"after": {"ttl": "1h"}})).matches
    assert match.due == MADE + timedelta(hours=1)


def test_nobody_is_explained_by_nothing() -> None:
    assert Index([]).explain(artifact(), "stranger") == ()


JOIN: dict[str, Any] = {
    "types": ["Finding", "Review"],
    "join": {"window": "30s", "by": "payload.score", "counts": [{"type": "Review", "count": 2}]},
}
BATCH: dict[str, Any] = {"batch": {"size": 3, "within": "1m"}}


def place_of(entry: dict[str, Any], **fields: Any) -> JoinSpec:
    [match] = Index([subscriber("editor", entry)]).match(artifact(**fields)).matches
    assert match.join is not None
    return match.join


def test_a_join_is_a_group_with_a_slot_for_each_type() -> None:
    assert place_of(JOIN, type="Review") == JoinSpec(
        group=place_of(JOIN).group,
        slot=1,
        needs=(1, 2),
        names=("Finding", "Review"),
        window=timedelta(seconds=30),
        expiry="DeadLetter",
    )


def test_a_batch_is_a_group_with_one_slot() -> None:
    place = place_of(BATCH)
    assert place == JoinSpec(place.group, 0, (3,), ("artifact",), timedelta(minutes=1), "Deliver")


def test_the_batch_behind_a_join_counts_sets_of_all_keys() -> None:
    one, other = (place_of(JOIN | BATCH, payload={"score": score}).then for score in (1, 2))
    assert one is not None
    assert one == other
    assert one.needs == (3,)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"payload": {"score": 1}}, {"payload": {"score": 1, "more": 2}}, True),
        ({"payload": {"score": 1}}, {"payload": {"score": 1.0}}, True),
        ({"payload": {"score": 1}}, {"payload": {"score": 2}}, False),
        ({"payload": {"score": 1}}, {"payload": {"score": "1"}}, False),
        ({"payload": {"score": 1}}, {"payload": {"score": True}}, False),
        ({"payload": {"score": ""}}, {"payload": {"score": ""}}, True),
        ({"tenant": "acme"}, {"tenant": "acme"}, True),
        ({"tenant": "acme"}, {"tenant": None}, False),
        ({"tenant": "acme"}, {"tenant": "other"}, False),
    ],
    ids=str,
)
def test_what_has_the_same_key_and_tenant_belongs_together(
    one: dict[str, Any], other: dict[str, Any], together: bool
) -> None:
    assert (place_of(JOIN, **one).group == place_of(JOIN, **other).group) is together


def test_a_join_without_a_key_goes_by_correlation() -> None:
    join = {"join": {"window": "1m"}}
    assert place_of(join).group == place_of(join, payload={}, id="2").group
    assert place_of(join).group != place_of(join, correlation="other").group


def test_each_entry_that_waits_makes_a_match_of_its_own_beside_the_plain_one() -> None:
    index = Index([subscriber("editor", {}, {"priority": 3}, JOIN, BATCH, BATCH)])
    matches = index.match(artifact()).matches
    assert [(match.priority, bool(match.entry), bool(match.join)) for match in matches] == [
        (3, False, False),
        (0, True, True),
        (0, True, True),
    ]
    assert len({match.entry for match in matches}) == 3


def test_an_entry_that_changes_makes_other_groups() -> None:
    longer = JOIN | {"join": JOIN["join"] | {"window": "31s"}}
    assert place_of(JOIN).group != place_of(longer).group


def test_exclusive_entries_that_wait_are_those_of_one_agent() -> None:
    entries = [one | {"delivery": "Exclusive"} for one in (JOIN, BATCH)]
    index = Index([subscriber("a", *entries, order=1), subscriber("b", *entries, order=0)])
    assert [match.agent for match in index.match(artifact()).matches] == ["b", "b"]
    assert {verdict.refused_by for verdict in index.explain(artifact(), "a")} == {Check.EXCLUSIVE}


def test_who_waits_is_told_for_what() -> None:
    [verdict] = Index([subscriber("editor", JOIN | BATCH)]).explain(artifact(), "editor")
    assert verdict.message == (
        f"it matches: it waits in group {place_of(JOIN | BATCH).group}, by 7, "
        "until it holds 1 Finding, 2 Review, for up to 30s, then for a batch of 3 such sets"
    )


@pytest.mark.parametrize(
    ("isolation", "tenant", "refused_by", "told"),
    [
        (None, "other", None, False),
        ("Strict", "acme", None, False),
        ("Strict", "other", Check.TENANCY, False),
        ("Strict", None, Check.TENANCY, False),
        ("Log", "acme", None, False),
        ("Log", "other", None, True),
        ("Log", None, None, True),
    ],
)
def test_tenancy_fences_off_what_is_public(
    isolation: Isolation | None, tenant: str | None, refused_by: Check | None, told: bool
) -> None:
    index = Index([subscriber("editor", tenant=tenant)], isolation=isolation)
    of = artifact(tenant="acme")
    matched = index.match(of)
    assert [check for _, check in matched.denied] == ([refused_by] if refused_by else [])
    assert [who.name for who in matched.foreign] == (["editor"] if told else [])
    assert [verdict.refused_by for verdict in index.explain(of, "editor")] == [refused_by]


@pytest.mark.parametrize(
    ("entries", "fields", "expected"),
    [
        ([{}], {}, 0),
        ([{"mode": "Direct", "priority": 4}, {"priority": 2}], {}, 4),
        ([{"mode": "Direct", "where": "false", "tags": ["x"], "from": ["nobody"]}], {}, 0),
        ([{"mode": "Direct"}], {"producer": "editor"}, 0),
        ([JOIN], {}, 0),
        ([{"mode": "Events"}], {}, Check.MODE),
        ([{"types": ["Report"]}], {}, Check.TYPE),
        ([{"types": ["Report"]}, {"mode": "Events"}], {}, Check.MODE),
        ([{}], {"visibility": {"private": {"agents": ["writer"]}}}, Check.VISIBILITY),
        ([{}], {"tenant": "other"}, Check.TENANCY),
        ([{"types": ["Report"]}], {"tenant": "other"}, Check.TENANCY),
    ],
    ids=str,
)
def test_an_agent_that_is_asked_by_name(
    entries: list[dict[str, Any]], fields: dict[str, Any], expected: int | Check
) -> None:
    index = Index([subscriber("editor", *entries)], isolation="Strict")
    match = index.invoked(artifact(**fields), "editor")
    assert (match.priority if isinstance(match, Match) else match) == expected
    assert index.invoked(artifact(), "stranger") is None


@pytest.mark.parametrize(
    ("words", "where", "matches"),
    [
        (100, "payload.words.all(w, w in payload.words)", True),
        (5000, "payload.words.all(w, w in payload.words)", False),
        (5000, "payload.words.all(w, w != 'x')", True),
        (5000, "payload.words[7] in payload.words", True),
    ],
)
def test_a_loop_that_looks_at_everything_is_done_for_small_payloads_only(
    words: int, where: str, matches: bool
) -> None:
    of = replace(artifact(), payload={"words": ["ab"] * words})
    matched = Index([subscriber("editor", {"where": where})]).match(of)
    assert bool(matched.matches) is matches
    assert [("up to 8192 bytes, this one has" in message) for _, message in matched.faults] == (
        [] if matches else [True]
    )


def test_an_exclusive_entry_that_lost_is_no_match_beside_a_shared_one_that_is() -> None:
    exclusive = {"delivery": "Exclusive"}
    index = Index([subscriber("a", exclusive, order=0), subscriber("b", {}, exclusive, order=1)])
    assert [match.agent for match in index.match(artifact()).matches] == ["a", "b"]
    shared, lost = index.explain(artifact(), "b")
    assert (shared.refused_by, lost.refused_by) == (None, Check.EXCLUSIVE)
    assert lost.message.endswith(" got it: a")


def test_all_subscribers_are_explained_at_once() -> None:
    index = Index(
        [subscriber("a", {"where": "false"}, order=0), subscriber("b", {}, {"mode": "Direct"}, order=1)]
    )
    found = index.explain_all(artifact())
    assert {agent: [verdict.refused_by for verdict in verdicts] for agent, verdicts in found.items()} == {
        "a": [Check.PREDICATE],
        "b": [None, Check.MODE],
    }
    assert found == {agent: index.explain(artifact(), agent) for agent in "ab"}
    assert Index([]).explain_all(artifact()) == {}
