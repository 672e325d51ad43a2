"""Takes a conversation to an answer of the right shape, with a bounded number of repairs."""

from agent_runtime.agents.conversation import Conversation
from agent_runtime.agents.errors import AnswerUnfit, StepsExhausted
from agent_runtime.agents.output import Check, Shape, no_check
from agent_runtime.agents.patterns import Pattern
from agent_runtime.agents.work import Answer

REPAIRS = 2
"""How often an answer that does not fit is sent back with its faults, in one evaluation."""


async def evaluate(
    conversation: Conversation, pattern: Pattern, shape: Shape, check: Check = no_check
) -> Answer:
    """Take the conversation to an answer that fits; one that does not is sent back with its faults.

    Raises AnswerUnfit when the last repair does not fit either. Called again on the same conversation, it
    goes on from there: the model has been sent the faults of its last answer.
    """
    for _ in range(REPAIRS + 1):
        try:
            text = await pattern(conversation)
        except StepsExhausted as error:
            if conversation.faults:
                raise AnswerUnfit(conversation.agent, conversation.faults) from error
            raise
        output, conversation.faults = shape.fit(text, check)
        if not conversation.faults:
            return Answer(text, output)
        conversation.tell(_sent_back(conversation.faults))
    raise AnswerUnfit(conversation.agent, conversation.faults)


def _sent_back(faults: list[str]) -> str:
    listed = "\n".join(f"- {fault}" for fault in faults)
    return (
        f"Your answer cannot be used. What is wrong, by JSON pointer:\n{listed}\n"
        "Answer again with the corrected JSON only."
    )
