"""Scripted models replaced by a real one, so that an example can be tried with both. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_runtime.api.base import seconds
from agent_runtime.config.models import ModelConfig
from agent_runtime.local.errors import UserError

KEY, URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
_TIMEOUT = seconds("5m")


@dataclass(frozen=True, slots=True)
class RealModel:
    """An OpenAI-compatible model. Where it is and its key come from the environment."""

    name: str
    base_url: str | None
    has_key: bool = True

    @classmethod
    def from_environment(cls, name: str, environ: Mapping[str, str]) -> "RealModel":
        """Raises UserError when the environment says neither where a model is nor with which key."""
        if not environ.get(KEY) and not environ.get(URL):
            raise UserError(
                f"--real-model needs {KEY} or {URL}, and neither is set",
                f"Set {KEY} to a key of OpenAI, or {URL} to a server that speaks its API, "
                "for example http://localhost:11434/v1.",
                code=2,
            )
        return cls(name, environ.get(URL) or None, bool(environ.get(KEY)))

    def instead_of(self, model: ModelConfig) -> ModelConfig:
        """The real model under the same name, when `model` is scripted; else `model`."""
        if model.provider != "Scripted":
            return model
        return ModelConfig(
            name=model.name,
            provider="OpenAICompatible" if self.base_url else "OpenAI",
            model=self.name,
            base_url=self.base_url,
            api_key_env=KEY if self.has_key else None,
            parameters=model.parameters,
            timeout_seconds=_TIMEOUT,
        )
