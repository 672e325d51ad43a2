"""From a Model's config to a client."""

from collections.abc import Mapping

from agent_runtime.config.models import ModelConfig
from agent_runtime.core.clock import SYSTEM_CLOCK, Clock
from agent_runtime.models.errors import ModelUnauthorized, Place
from agent_runtime.models.observed import ObservedModel
from agent_runtime.models.port import ModelClient
from agent_runtime.models.whole import WholeModel


def build_model(
    config: ModelConfig, environ: Mapping[str, str], *, clock: Clock = SYSTEM_CLOCK
) -> ModelClient:
    """A client for the model. `environ` holds its key; raises ModelUnauthorized when it does not.

    A provider's library is imported here and not before: it takes a second or two.
    """
    place = Place(config.name, config.base_url)
    return ObservedModel(WholeModel(_client(config, environ, clock), place), config.name, clock)


def _client(config: ModelConfig, environ: Mapping[str, str], clock: Clock) -> ModelClient:
    if config.provider == "Scripted":
        from agent_runtime.models.scripted import ScriptedModel

        return ScriptedModel(config, clock=clock)
    from agent_runtime.models.openai import OpenAIModel

    key = environ.get(config.api_key_env) if config.api_key_env else None
    if config.api_key_env and not key:
        reason = f"the environment variable {config.api_key_env} is not set"
        raise ModelUnauthorized(Place(config.name, config.base_url), reason, config.api_key_env)
    return OpenAIModel(config, key)
