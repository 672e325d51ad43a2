"""What a flow's artifact triggers ask of a blackboard. Pure.

A flow has one inbox on a board, however many triggers it has there: the board says that an artifact is for
the flow, and the flow's triggers as they are by then say which runs it makes. So nothing that waits in the
inbox is lost when triggers are edited, and two triggers that want one artifact each get their run.
"""

from collections.abc import Sequence

from agent_runtime.api.agent import Consumes
from agent_runtime.api.triggers import ArtifactTrigger, Trigger
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.access.tenants import AccessPolicy
from agent_runtime.blackboard.artifact import Artifact
from agent_runtime.blackboard.matching.checks import Predicates, first_refusal, prepare
from agent_runtime.blackboard.matching.subscriptions import Subscriber

_SIGHT = AccessPolicy()
"""Without tenancy: the board has asked for it when it delivered the artifact."""


def identity(flow: str) -> Identity:
    """Who a flow is on a board. No agent can be called so: names of resources have no dots."""
    return Identity(f"flow.{flow}")


def boards_of(triggers: Sequence[Trigger]) -> tuple[str, ...]:
    """The blackboards that the triggers listen to, each once."""
    return tuple(dict.fromkeys(trigger.artifact.blackboard for trigger in triggers if trigger.artifact))


def consumes_of(triggers: Sequence[Trigger], blackboard: str) -> list[Consumes]:
    """What the flow subscribes to on the board."""
    return [_consumes(trigger.artifact) for _, trigger in _on(triggers, blackboard) if trigger.artifact]


def matching(flow: str, triggers: Sequence[Trigger], blackboard: str, artifact: Artifact) -> list[int]:
    """Indexes of the triggers that the artifact sets off, by the checks that the board itself makes."""
    predicates = Predicates(artifact, None)
    found = []
    for index, trigger in _on(triggers, blackboard):
        assert trigger.artifact is not None
        consumes = _consumes(trigger.artifact)
        candidate = prepare(Subscriber(identity(flow), (consumes,), order=0), consumes, {})
        if first_refusal(candidate, artifact, predicates, _SIGHT) is None:
            found.append(index)
    return found


def _on(triggers: Sequence[Trigger], blackboard: str) -> list[tuple[int, Trigger]]:
    return [
        (index, trigger)
        for index, trigger in enumerate(triggers)
        if trigger.artifact is not None and trigger.artifact.blackboard == blackboard
    ]


def _consumes(trigger: ArtifactTrigger) -> Consumes:
    return Consumes(
        types=[trigger.type],
        where=trigger.where,
        from_=trigger.from_,
        tags=trigger.tags,
        delivery="Shared",
        mode="Events",
    )
