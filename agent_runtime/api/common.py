"""Parts that several kinds share: pods, retries and references."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from agent_runtime.api.base import Duration, JsonObject, Model, seconds
from agent_runtime.core.retry import Backoff


class Retry(Model):
    """How often and how soon something that failed is tried again."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """Attempts in all, the first one included."""
    backoff: Literal["Fixed", "Exponential"] = "Exponential"
    """Whether the wait stays the same or doubles."""
    initial_delay: Duration = "1s"
    """The wait after the first failure."""
    max_delay: Duration = "60s"
    """The longest wait."""
    jitter: bool = True
    """Whether a wait is drawn at random from half to the whole of it, so that many do not retry at once."""

    def waits(self) -> Backoff:
        """The waits between attempts, in seconds."""
        return Backoff(
            seconds(self.initial_delay),
            seconds(self.max_delay),
            exponential=self.backoff == "Exponential",
            jitter=self.jitter,
        )


class EnvVar(Model):
    """An environment variable of the container, as in a Pod."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """The variable's name."""
    value: str | None = None
    """Its value."""
    value_from: JsonObject | None = None
    """Where the value comes from, as in a Pod."""


PodPart = Annotated[dict[str, Any], Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]


class PodSettings(Model):
    """What a person may set on the pods; each field has its name and its meaning from Kubernetes."""

    image: Annotated[str, StringConstraints(max_length=512)] | None = None
    """The image to run instead of the one that the operator was installed with."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """When the image is pulled."""
    image_pull_secrets: Annotated[list[PodPart], Field(max_length=16)] | None = None
    """Secrets for the image's registry."""
    resources: PodPart | None = None
    """Requests and limits of the container."""
    env: Annotated[list[EnvVar], Field(max_length=64)] | None = None
    """Environment of the container."""
    env_from: Annotated[list[PodPart], Field(max_length=16)] | None = None
    """Whole Secrets or ConfigMaps as environment."""
    volumes: Annotated[list[PodPart], Field(max_length=32)] | None = None
    """Volumes of the pod."""
    volume_mounts: Annotated[list[PodPart], Field(max_length=32)] | None = None
    """Where the container sees them."""
    node_selector: Annotated[dict[str, str], Field(max_length=32)] | None = None
    """Labels that a node must have."""
    tolerations: Annotated[list[PodPart], Field(max_length=32)] | None = None
    """Taints that the pod bears."""
    affinity: PodPart | None = None
    """Nodes and pods that it is near to or far from."""
    labels: Annotated[dict[str, str], Field(max_length=32)] | None = None
    """Further labels of the pod."""
    annotations: Annotated[dict[str, str], Field(max_length=32)] | None = None
    """Further annotations of the pod."""
    service_account_name: Annotated[str, StringConstraints(max_length=253)] | None = None
    """A service account of your own instead of the generated one."""
    runtime_class_name: Annotated[str, StringConstraints(max_length=253)] | None = None
    """A sandboxed runtime such as gVisor."""
    priority_class_name: Annotated[str, StringConstraints(max_length=253)] | None = None
    """How important the pod is to the scheduler."""
