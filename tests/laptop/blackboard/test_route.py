"""Who works on the way from one artifact type to another."""

import pytest

from agent_runtime.local.hosting.route import Link, route


def link(agent: str, consumes: str, publishes: str) -> Link:
    return Link(agent, frozenset(consumes.split()), frozenset(publishes.split()))


NEWSROOM = [
    link("editor", "Analysis", "Report"),
    link("researcher", "Assignment", "Dossier Claim"),
    link("checker", "Claim", "Verdict"),
    link("analyst", "Dossier", "Analysis"),
]


@pytest.mark.parametrize(
    ("links", "start", "end", "way"),
    [
        (NEWSROOM, "Assignment", "Report", ["researcher", "analyst", "editor"]),
        (NEWSROOM, "Assignment", "Verdict", ["researcher", "checker"]),
        (NEWSROOM, "Analysis", "Report", ["editor"]),
        (NEWSROOM, "Report", "Assignment", []),
        ([link("a", "X", "Y"), link("b", "Y", "X Z")], "X", "Z", ["a", "b"]),
        ([], "X", "Y", []),
    ],
)
def test_the_way(links: list[Link], start: str, end: str, way: list[str]) -> None:
    assert route(links, [start], end) == way
