"""What the laptop finds around it."""

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_runtime.config.models import ModelConfig
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.local.hosting.real_model import RealModel
from agent_runtime.runs.functions import Functions
from agent_runtime.tools.port import ToolContext


def local_user() -> str:
    """The name of the user whose process this is; its number when it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment, the input folder, and whether scripted models are replaced."""

    environ: Mapping[str, str]
    tools: ToolContext
    real_model: RealModel | None = None
    """In place of every scripted model."""
    clock: Clock = SYSTEM_CLOCK
    user: str = field(default_factory=local_user)
    """Who answers approvals: everybody with the token is the user of the machine."""
    functions: Functions = field(default_factory=Functions.of_image)
    """What python nodes may call."""

    def model(self, config: ModelConfig) -> ModelConfig:
        """The model that is called when the manifests say `config`."""
        return self.real_model.instead_of(config) if self.real_model is not None else config
