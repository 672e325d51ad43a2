"""What makes runs of a Flow: a clock, or an artifact on a blackboard."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from agent_runtime.api.base import Duration, Expression, Model, Name, Rule, exactly_one_of
from agent_runtime.api.blackboard import Label, TypeName
from agent_runtime.api.nodes import Key, Template


class CronTrigger(Model):
    """Runs by the clock."""

    schedule: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    """Minute, hour, day of month, month, day of week, as in crontab(5): `0 6 * * 1-5`."""
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "Etc/UTC"
    """Whose clock, by its IANA name such as `Europe/Berlin`."""
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] = "Forbid"
    """When the last run has not ended: start another, skip this time, or cancel the last."""
    starting_deadline: Duration | None = None
    """How late a run may start, when its time was missed; none: any time. Older times are skipped."""
    suspend: bool = False
    """Start nothing for now."""


class ArtifactTrigger(Model):
    """A run for each artifact that matches, exactly once."""

    blackboard: Name
    """The Blackboard."""
    type: TypeName
    """The artifact's type."""
    where: Expression | None = None
    """CEL over `payload`, `tags`, `type`, `producer`, `correlation` and `partition`: must hold."""
    from_: Annotated[list[Name], Field(max_length=64)] | None = Field(default=None, alias="from")
    """Producers; none: anybody."""
    tags: Annotated[list[Label], Field(max_length=64)] | None = None
    """Tags of which the artifact has at least one; none: any artifact."""


class Trigger(Model):
    """One reason to run the flow."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one_of("cron", "artifact"),)

    cron: CronTrigger | None = None
    """By the clock."""
    artifact: ArtifactTrigger | None = None
    """By an artifact."""
    params: Annotated[dict[Key, Template], Field(max_length=64)] = Field(default_factory=dict)
    """Parameters of the run; each may hold `${...}` over `schedule` (`time`, RFC 3339) or `artifact` (`id`,
    `type`, `payload`, `tags`, `producer`, `correlation`)."""

    @property
    def label(self) -> str:
        """What the status calls it. Another schedule is another trigger, without the past of this one."""
        if self.cron is not None:
            return f"cron {self.cron.schedule} {self.cron.time_zone}"
        assert self.artifact is not None
        return f"artifact {self.artifact.blackboard}/{self.artifact.type}"
