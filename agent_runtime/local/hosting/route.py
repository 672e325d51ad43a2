"""Who works on the way from one artifact type to another. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent_runtime.config.models import AgentConfig


@dataclass(frozen=True, slots=True)
class Link:
    """What one agent turns into what."""

    agent: str
    consumes: frozenset[str]
    publishes: frozenset[str]


def links(agents: Mapping[str, AgentConfig], board: str) -> list[Link]:
    """The agents on one board that are set to work by artifacts."""
    return [
        Link(
            name,
            frozenset(type_ for one in config.blackboard.consumes for type_ in one.types),
            frozenset(published.type for published in config.publishes),
        )
        for name, config in agents.items()
        if config.blackboard is not None and config.blackboard.name == board and config.blackboard.consumes
    ]


def route(all_links: Iterable[Link], start: Iterable[str], end: str) -> list[str]:
    """The agents through which an artifact of type `end` can come of those of `start`, nearest first.

    Empty when there is no way.
    """
    known = list(all_links)
    reached, ahead = set(start), []
    while fresh := [link for link in known if link not in ahead and link.consumes & reached]:
        ahead += fresh
        reached |= set().union(*(link.publishes for link in fresh))
    wanted, found = {end}, set()
    while fresh_back := [link for link in ahead if link.agent not in found and link.publishes & wanted]:
        found |= {link.agent for link in fresh_back}
        wanted |= set().union(*(link.consumes for link in fresh_back))
    return [link.agent for link in ahead if link.agent in found]
