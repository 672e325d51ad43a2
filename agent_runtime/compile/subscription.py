"""What an agent asks of its blackboard and puts there, checked by the rules of the board itself."""

from agent_runtime.api.agent import AgentResource, Consumes, OnBlackboard
from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.matching.subscriptions import VARIABLES, faults
from agent_runtime.blackboard.schema.validation import check_visibility
from agent_runtime.compile.resolution import Resolution

_EXPRESSIONS = ("/where", "/join/by")


def check_place(
    agent: AgentResource, place: OnBlackboard, board: BlackboardResource | None, resolution: Resolution
) -> None:
    """Refuse what the board would refuse, of which it is asked later only: when the agent subscribes and
    publishes. The types are not looked at. A board that is not there is taken for one that can do all.
    """
    embeds = board is None or board.spec.embedding is not None
    for index, one in enumerate(place.consumes):
        check_entry(one, f"spec.blackboard.consumes[{index}]", resolution, embeds=embeds)
    producer = Identity(agent.name, "agent", frozenset(place.labels), place.tenant)
    strict = board is not None and board.spec.isolation == "Strict"
    for index, published in enumerate(agent.spec.publishes):
        if published.visibility is None:
            continue
        try:
            check_visibility(published.visibility, producer, strict=strict)
        except BoardError as error:
            detail = error.details[0]
            field = f"spec.publishes[{index}]{_dotted(detail['pointer'])}"
            resolution.refuse("InvalidSpec", f"{field}: {detail['message']}", field)


def check_entry(one: Consumes, field: str, resolution: Resolution, *, embeds: bool = True) -> None:
    """Refuse what is wrong with the entry of a subscription that stands at `field`."""
    for pointer, message in faults(one, embeds=embeds):
        place = f"{field}{_dotted(pointer)}"
        if pointer in _EXPRESSIONS:
            resolution.refuse_expression(message, VARIABLES, place)
        else:
            resolution.refuse("InvalidSpec", f"{place}: {message}", place)


def _dotted(pointer: str) -> str:
    """A JSON pointer as manifests are spoken of: `/types/1` is `.types[1]`."""
    return "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in pointer.split("/")[1:])
