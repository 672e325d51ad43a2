"""Parameters and bodies of the runs server's HTTP API, checked. The models describe themselves, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from agent_runtime.api.base import Model
from agent_runtime.durable.client.frames import NotFrames, frames
from agent_runtime.durable.port import Boundary, Entry, Record
from agent_runtime.server.http.errors import ApiError

LONGEST_WAIT = 30.0
MAX_LIST = 1000
MAX_QUEUE_BODY = 1024 * 1024
"""Bytes of what is submitted, and of an outcome or a progress."""

_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
_DAY = 86_400.0
_LARGEST = 2**53
Name = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=_ONE_LINE)]
Text = Annotated[str, StringConstraints(max_length=1024, pattern=_ONE_LINE)]
Number = Annotated[int, Field(ge=0, le=_LARGEST)]
Index = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
Ttl = Annotated[float, Field(gt=0, le=_DAY, allow_inf_nan=False)]
Wait = Annotated[float, Field(ge=0, le=LONGEST_WAIT, allow_inf_nan=False)]


class RunQuery(Model):
    """One run."""

    run: Name


class AcquireQuery(RunQuery):
    """Who wants to write a run, and for how many seconds without a sign of life."""

    holder: Name
    ttl: Ttl
    take_over: bool = False


class WriterQuery(RunQuery):
    """Who writes: what acquiring the run gave."""

    holder: Name
    generation: Number


class RenewQuery(WriterQuery):
    """Seconds from now on."""

    ttl: Ttl


class CommitQuery(WriterQuery):
    """How many boundaries of the history remain."""

    keep: Annotated[int, Field(ge=1, le=10_000)]


class EntryQuery(RunQuery):
    """Which boundary; left out: the latest."""

    number: Number | None = None


class VisitQuery(RunQuery):
    """A visit to a node."""

    path: Text
    visit: Number


class RecordsQuery(VisitQuery):
    """Records with a larger index; left out: all."""

    after: Index | None = None


class ForkQuery(EntryQuery):
    """The new run."""

    into: Name


class RunsQuery(Model):
    """Runs whose id starts with `prefix`, at most `limit`."""

    prefix: Text = ""
    limit: Annotated[int, Field(ge=1, le=MAX_LIST)] = 100


class CachedQuery(Model):
    """A value that was kept."""

    scope: Name
    key: Name


class CacheQuery(CachedQuery):
    """For how many seconds."""

    ttl: Annotated[float, Field(gt=0, le=3660 * _DAY, allow_inf_nan=False)]


class SubmitQuery(RunQuery):
    """`NAMESPACE/FLOW`."""

    queue: Name


class UpdateQuery(RunQuery):
    """What is wanted of the run."""

    wanted: Literal["Run", "Suspend", "Cancel"]


class TakeQuery(Model):
    """Who takes the run that waits longest, for `ttl` seconds; `claim` makes the call safe to repeat."""

    queue: Name
    holder: Name
    ttl: Ttl
    wait: Wait = 0.0
    claim: Name | None = None


class TicketQuery(SubmitQuery):
    """A ticket, as taking it gave it."""

    holder: Name
    generation: Number


class HeartbeatQuery(TicketQuery):
    """Seconds from now on; 0 gives the ticket back."""

    ttl: Annotated[float, Field(ge=0, le=_DAY, allow_inf_nan=False)]


class ChangesQuery(Model):
    """Where the last look ended, how many at most, and how many seconds to wait for the first."""

    after: Number = 0
    limit: Annotated[int, Field(ge=1, le=MAX_LIST)] = 100
    wait: Wait = 0.0


_Boundary = tuple[Number, Text, Number, Annotated[str, Field(max_length=1024)] | None, datetime]
_entry_head = TypeAdapter(_Boundary)
_record_head = TypeAdapter(tuple[Text, Number, Index])
_drop_head = TypeAdapter(list[tuple[Text, Number]])


def commit_from_wire(content: bytes) -> tuple[list[Entry], list[tuple[str, int]]]:
    """What `client.wire.commit_to_wire` wrote: (entries, visits whose records go). Raises ApiError."""
    with _refused():
        heads = list(frames(content))
        if len(heads) < 2:
            raise NotFrames("nothing to commit: want a frame of the visits whose records go, then boundaries")
        drop = _drop_head.validate_python([tuple(one) for one in heads[0][0]])
        entries = [
            Entry(Boundary(*_entry_head.validate_python(tuple(head))), body) for head, body in heads[1:]
        ]
        return entries, drop


def records_from_wire(content: bytes) -> list[Record]:
    """What `durable.client.wire.records_to_wire` wrote. Raises ApiError."""
    with _refused():
        return [Record(*_record_head.validate_python(tuple(head)), body) for head, body in frames(content)]


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except NotFrames as error:
        raise ApiError(400, f"the body is not frames: {error}", code="not_frames") from error
    except ValidationError as error:
        fault = error.errors()[0]
        raise ApiError(422, f"the head of a frame: {fault['msg']}, not {fault['input']!r}") from error
    except TypeError as error:
        raise ApiError(422, f"the head of the first frame: want [path, visit] of each: {error}") from error
