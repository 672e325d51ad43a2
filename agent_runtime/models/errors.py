"""What can go wrong with a model. Each error names the Model, where it is, and the cure; never a key."""

from dataclasses import dataclass
from typing import ClassVar

from agent_runtime.core.strict_json import printable


@dataclass(frozen=True, slots=True)
class Place:
    """The Model an error speaks of."""

    model: str
    """Name of the Model resource."""
    base_url: str | None = None
    """Where its provider is; None: there is no provider."""

    def __str__(self) -> str:
        return f'Model "{self.model}"' + (f" at {self.base_url}" if self.base_url else "")


class ModelError(Exception):
    """A request to a model failed. `transient` says whether the same request may succeed later."""

    transient: ClassVar[bool] = False
    code: ClassVar[str] = "model_failed"
    """Stable, for programs."""
    retry_after: float | None = None
    """Seconds that the provider asks to wait."""

    def __init__(self, place: Place, what: str, cure: str) -> None:
        super().__init__(printable(f"{place} {what}: {cure}"))
        self.model = place.model


class ModelTimeout(ModelError):
    """No answer in time."""

    transient = True
    code = "model_timeout"

    def __init__(self, place: Place, seconds: float) -> None:
        super().__init__(
            place, f"did not answer within {seconds:g}s", "raise its spec.timeout, or ask less of it"
        )


class ModelUnreachable(ModelError):
    """Nobody answers at the base URL."""

    transient = True
    code = "model_unreachable"

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(
            place, f"cannot be reached ({reason})", "check its spec.baseURL and that the server is up"
        )


class ModelUnavailable(ModelError):
    """The provider failed or is overloaded."""

    transient = True
    code = "model_unavailable"

    def __init__(self, place: Place, reason: str, retry_after: float | None = None) -> None:
        super().__init__(place, f"failed ({reason})", "it is the provider's fault and may pass; try again")
        self.retry_after = retry_after


class ModelRateLimited(ModelError):
    """The provider asks to slow down."""

    transient = True
    code = "model_rate_limited"

    def __init__(self, place: Place, reason: str, retry_after: float | None = None) -> None:
        super().__init__(
            place,
            f"is over its rate limit ({reason})",
            "lower limits.maxConcurrency of its agents, or raise the limit at the provider",
        )
        self.retry_after = retry_after


class ModelUnauthorized(ModelError):
    """The provider does not accept the key."""

    code = "model_unauthorized"

    def __init__(self, place: Place, reason: str, key_env: str | None) -> None:
        cure = (
            f"check the Secret in its spec.apiKeyFrom (it arrives in {key_env})"
            if key_env
            else "give it a key with spec.apiKeyFrom"
        )
        super().__init__(place, f"refused the credentials ({reason})", cure)


class ModelRefused(ModelError):
    """The provider refused the request: an unknown model, a wrong parameter, too long, no quota, filtered."""

    code = "model_refused"

    def __init__(self, place: Place, reason: str, cure: str) -> None:
        super().__init__(place, f"refused the request ({reason})", cure)


class ModelGarbled(ModelError):
    """The provider answered with something that is no chat completion."""

    transient = True
    code = "model_garbled"

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(
            place,
            f"answered with something that is no chat completion ({reason})",
            "check that its spec.baseURL is that of an OpenAI-compatible API, for example ending in /v1",
        )


class ModelEmpty(ModelError):
    """The model said nothing: no text, and no call of a tool."""

    transient = True
    code = "model_empty"

    def __init__(self, place: Place) -> None:
        super().__init__(
            place,
            "answered with neither text nor a call of a tool",
            "it may say something when it is asked again; if it never does, say in the instructions what to "
            "answer, raise its parameters.maxTokens if it spends them on reasoning, or use another model",
        )


class ModelTruncated(ModelError):
    """The answer ends in the middle. Asked again, the model would reach the same bound."""

    code = "model_truncated"

    def __init__(self, place: Place, max_tokens: int | None) -> None:
        bound = f"its parameters.maxTokens of {max_tokens}" if max_tokens else "the provider's own bound"
        super().__init__(
            place,
            f"broke off its answer at {bound}",
            "raise spec.parameters.maxTokens of the Model, ask for a shorter answer, or shorten the input",
        )


class ModelFiltered(ModelError):
    """The provider's content filter stopped the answer. Asked again, it would stop it again."""

    code = "model_filtered"

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(
            place,
            f"was stopped by the provider's content filter ({reason})",
            "rephrase the input or the instructions, or change the filter at the provider",
        )


class ScriptFailed(ModelError):
    """A step of the script asked for this failure."""

    transient = True
    code = "model_script_error"

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(place, "failed as its script says", message)


class ScriptFault(ModelError):
    """The script itself is at fault: no step holds, or an expression fails."""

    code = "model_script_fault"
