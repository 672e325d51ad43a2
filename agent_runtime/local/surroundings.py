"""What the laptop finds around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_runtime.clock import SYSTEM_CLOCK, Clock
from agent_runtime.compile.config import ModelConfig
from agent_runtime.local.real_model import RealModel
from agent_runtime.runs.functions import Functions
from agent_runtime.tools.port import ToolContext


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment, the input folder, and whether scripted models are replaced."""

    environ: Mapping[str, str]
    tools: ToolContext
    real_model: RealModel | None = None
    """In place of every scripted model."""
    clock: Clock = SYSTEM_CLOCK
    functions: Functions = field(default_factory=Functions.of_image)
    """What python nodes may call."""

    def model(self, config: ModelConfig) -> ModelConfig:
        """The model that is called when the manifests say `config`."""
        return self.real_model.instead_of(config) if self.real_model is not None else config
