"""Chat: one request, one answer."""

from agent_runtime.agents.conversation import Conversation
from agent_runtime.agents.errors import ToolsNotOffered


async def chat(conversation: Conversation) -> str:
    """The model's answer. Raises ToolsNotOffered when it wants a tool instead."""
    response = await conversation.ask(with_tools=False)
    if response.tool_calls:
        raise ToolsNotOffered(conversation.agent, response.tool_calls[0].tool)
    return response.text
