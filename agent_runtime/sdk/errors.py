"""What is wrong with how the API is used; each message names the culprit and the cure."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from agent_runtime.agents.errors import WorkError


class UsageError(Exception):
    """Something was put together, or called, in a way that cannot work."""


class UndeclaredResult(WorkError):
    """An engine returned what its agent does not publish."""

    code = "undeclared_result"


class UnfitInput(WorkError):
    """A context was asked for artifacts that it does not have, or that its class does not take."""

    code = "unfit_input"


def as_tuple(what: str, given: Iterable[str]) -> tuple[str, ...]:
    """The texts; `what` says whose they are. Raises UsageError for one text, which is a row of letters."""
    if isinstance(given, str):
        raise UsageError(f"{what} wants a list, not {given!r}: write [{given!r}]")
    return tuple(given)


@contextmanager
def usage_errors(what: str) -> Iterator[None]:
    """Turns what pydantic finds wrong with values into UsageError; `what` says whose they are."""
    try:
        yield
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}" for fault in error.errors()
        )
        raise UsageError(f"{what}: {faults}") from error
