"""ReAct: reason, act by tools, observe, and again, until the model answers (Yao et al., 2023)."""

from agent_runtime.agents.conversation import Conversation


async def react(conversation: Conversation) -> str:
    """The model's answer. Raises StepsExhausted when it keeps calling tools."""
    while True:
        response = await conversation.ask(with_tools=True)
        if not response.tool_calls:
            return response.text
        await conversation.use(response.tool_calls)
