"""Queries by somebody who may see next to nothing."""

from agent_runtime.api.agent import PrivateVisibility, Visibility
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.auth.identity import Identity
from agent_runtime.blackboard.artifact import Draft
from agent_runtime.blackboard.board import Query
from agent_runtime.blackboard.schema.registry import TypeRegistry
from agent_runtime.blackboard.service.service import BlackboardService
from agent_runtime.blackboard.stores.memory.store import MemoryStore
from agent_runtime.blackboard.stores.records import Limits

HIDDEN = Draft(type="Note", payload={}, visibility=Visibility(private=PrivateVisibility(agents=[])))
AT_ONCE = 1000


async def test_thousands_of_hidden_artifacts_take_several_calls_and_lose_nothing_behind_them() -> None:
    types = TypeRegistry([ArtifactType(name="Note", schema_={"type": "object"})])
    async with BlackboardService(MemoryStore(Limits()), types) as service:
        for _ in range(10):
            await service.board(Identity("scout")).publish([HIDDEN] * AT_ONCE)
        await service.board(Identity("scout")).publish([Draft(type="Note", payload={}, id="open")])
        reader = service.board(Identity("reader"))
        first = await reader.query(Query(limit=1))
        assert (first.artifacts, first.cursor is None) == ((), False)
        second = await reader.query(Query(limit=1, cursor=first.cursor))
        assert [artifact.id for artifact in second.artifacts] == ["open"]
