"""How many deliveries the agents of a board have under way."""

import asyncio


class Load:
    """Told by each agent's consumer whenever it changes."""

    def __init__(self) -> None:
        self._by_agent: dict[str, int] = {}
        self._none = asyncio.Event()
        self._none.set()

    def note(self, agent: str, deliveries: int) -> None:
        """So many are under way at this agent now."""
        if deliveries:
            self._by_agent[agent] = deliveries
            self._none.clear()
            return
        self._by_agent.pop(agent, None)
        if not self._by_agent:
            self._none.set()

    async def none(self) -> None:
        """Return when nothing is under way."""
        await self._none.wait()
