"""What cannot run says why."""

from pathlib import Path

import pytest

from agent_runtime.api.agent import Consumes
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.config.models import AgentConfig, BlackboardConfig, BoardAccess, ModelConfig
from agent_runtime.local.hosting.host import Host
from agent_runtime.local.state import StateFolder
from agent_runtime.tools.port import ToolContext

BOARD = BlackboardConfig(
    name="kitchen",
    namespace="default",
    store="sqlite",
    types=[ArtifactType(name="Order", schema_={"type": "object"})],
)
COOK = AgentConfig(
    name="cook",
    namespace="default",
    model=ModelConfig(name="recipes", provider="Scripted"),
    blackboard=BoardAccess(name="kitchen", url="", consumes=[Consumes(types=["Ordre"])], lease_seconds=30),
)
REFUSED = "consumes/0/types/0: there is no type 'Ordre' on this board; it knows Order"


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (b"", {("Agent", "cook"): REFUSED}),
        (
            b"noise" * 1000,
            {
                ("Agent", "cook"): 'Blackboard "kitchen" is not running',
                ("Blackboard", "kitchen"): (
                    "the store does not answer: NotADBError: file is not a database: {file}: "
                    "move it away, or restore a backup: covey board restore"
                ),
            },
        ),
    ],
    ids=["a board that refuses the subscription", "a file that is no database"],
)
async def test_what_does_not_run_is_told_with_the_reason(
    content: bytes, problems: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    with StateFolder.open(tmp_path) as state:
        file = state.board("kitchen")
        file.write_bytes(content)
        host = Host(state, ToolContext(tmp_path), lambda event: None)
        await host.follow({"kitchen": (BOARD, {})}, {"cook": (COOK, {})})
        try:
            assert host.problems == {key: why.format(file=file) for key, why in problems.items()}
            assert host.agents == {}
        finally:
            await host.close()
