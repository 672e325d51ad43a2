"""Every agent of the examples, compiled as the laptop compiles it, with something to work on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent_runtime.agents.worker import AgentWorker
from agent_runtime.api.blackboard import ArtifactType
from agent_runtime.blackboard.artifact import Artifact, Draft
from agent_runtime.blackboard.board import Delivery
from agent_runtime.config.models import AgentConfig, BlackboardConfig
from agent_runtime.local.manifests.check import lookup_in
from agent_runtime.local.manifests.inventory import key_of
from agent_runtime.local.manifests.load import load
from agent_runtime.local.manifests.plan import plan
from agent_runtime.tools.builtin import BUILTIN
from agent_runtime.tools.port import ToolContext
from agent_runtime.tools.toolbox import Toolbox
from tests.clocks import START, SteppingClock
from tests.paths import ROOT
from tests.reading_model import ReadingModel, value_of

EXAMPLES = ROOT / "examples"
NAMES = sorted(folder.name for folder in EXAMPLES.iterdir() if list(folder.glob("*.yaml")))


@dataclass(frozen=True, slots=True)
class ExampleAgent:
    """An agent of an example, and its board."""

    example: str
    config: AgentConfig
    board: BlackboardConfig | None

    @property
    def name(self) -> str:
        """Of its golden file."""
        return f"{self.example}-{self.config.name}"

    def types(self) -> dict[str, ArtifactType]:
        """The newest version of each type of its board."""
        types = sorted(self.board.types if self.board else (), key=lambda type_: type_.version)
        return {type_.name: type_ for type_ in types}

    async def work(self, model: ReadingModel) -> list[Draft]:
        """Give it what it consumes, or a message; returns what it would publish."""
        tools = Toolbox([BUILTIN[tool.builtin] for tool in self.config.tools], ToolContext(Path("/nowhere")))
        worker = AgentWorker(self.config, model=model, tools=tools, clock=SteppingClock())
        access = self.config.blackboard
        if access is None or not access.consumes:
            await worker.chat("What do you know?")
            return []
        artifacts = tuple(self._artifact(name) for name in access.consumes[0].types)
        return await worker.work(Delivery("d1", artifacts, 1, datetime(2100, 1, 1, tzinfo=UTC)))

    def _artifact(self, name: str) -> Artifact:
        type_ = self.types()[name]
        return Artifact(
            id=f"{name.lower()}-1",
            type=name,
            version=type_.version,
            payload=value_of(type_.schema_, type_.schema_),
            producer="user",
            correlation="c1",
            created_at=START,
        )


def example_agents() -> list[ExampleAgent]:
    """All of them, by example and name."""
    found = []
    for example in NAMES:
        loaded = load([EXAMPLES / example])
        assert not loaded.faults, loaded.faults
        manifests = {key_of(source.manifest): source.manifest for source in loaded.resources}
        made = plan(manifests, lookup_in(manifests, {}))
        for _, compiled in sorted(made.agents.items()):
            config = compiled.config
            assert config is not None, compiled.problems
            board = made.blackboards[config.blackboard.name].config if config.blackboard else None
            found.append(ExampleAgent(example, config, board))
    return found
