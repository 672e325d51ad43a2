"""Copies of a blackboard, made by the clock."""

from typing import Annotated

from pydantic import Field, StringConstraints

from agent_runtime.api.base import Model


class BackupClaim(Model):
    """A volume claim that is there already, in the blackboard's namespace."""

    claim_name: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """The claim's name. It stays when the Blackboard goes."""


class BackupTarget(Model):
    """Where the copies go."""

    pvc: BackupClaim
    """A volume claim."""


class Backup(Model):
    """Copies of all that is on the blackboard, which can be restored into any kind of store."""

    schedule: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    """Minute, hour, day of month, month, day of week, as in crontab(5): `0 3 * * *`."""
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "Etc/UTC"
    """Whose clock, by its IANA name such as `Europe/Berlin`."""
    to: BackupTarget
    """Where the copies go."""
    keep: Annotated[int, Field(ge=1, le=1000)] = 7
    """How many copies are kept; older ones are deleted."""
    suspend: bool = False
    """Make none for now."""
