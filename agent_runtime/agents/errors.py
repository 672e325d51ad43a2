"""Why a piece of work failed, apart from the model's own errors."""

from typing import ClassVar


class WorkError(Exception):
    """A piece of work failed. `transient` says whether the same work may succeed later."""

    transient: ClassVar[bool] = False
    code: ClassVar[str] = "work_failed"
    """Stable, for programs."""


class Busy(WorkError):
    """All slots are taken."""

    transient = True
    code = "agent_busy"

    def __init__(self, agent: str, limit: int) -> None:
        super().__init__(
            f'agent "{agent}" has {limit} pieces of work under way, which is its limits.maxConcurrency: '
            "try again later, or add replicas"
        )


class SessionBusy(WorkError):
    """The session has a message under way."""

    transient = True
    code = "session_busy"

    def __init__(self, session: str) -> None:
        super().__init__(f"session {session!r} is answering another message: wait for that answer")


class SessionNotFound(WorkError):
    """The session is not kept here: it never was, or it is gone."""

    code = "session_not_found"

    def __init__(self, session: str, ttl: float) -> None:
        super().__init__(
            f"there is no session {session!r} here: sessions are kept in the memory of one process, until "
            f"{ttl:g}s (memory.ttl) after their last message, and are gone when it restarts. Leave `session` "
            "out to begin a new one, or name a new one with `newSession` (--new-session)"
        )


class SessionExists(WorkError):
    """A new session cannot have that id."""

    code = "session_exists"

    def __init__(self, session: str) -> None:
        super().__init__(f"there is a session {session!r} already: go on with `session`, or name another")


class WorkTimeout(WorkError):
    """The work took longer than it may."""

    transient = True
    code = "work_timeout"

    def __init__(self, agent: str, seconds: float) -> None:
        super().__init__(
            f'agent "{agent}" did not finish within its limits.timeout of {seconds:g}s: raise it, or ask less'
        )


class StepsExhausted(WorkError):
    """The model went on calling tools."""

    code = "steps_exhausted"

    def __init__(self, agent: str, limit: int, tools: list[str]) -> None:
        super().__init__(
            f'agent "{agent}" used its {limit} model calls (limits.maxSteps) without an answer; '
            f"the last tools called: {', '.join(tools[-3:]) or 'none'}. "
            "Raise limits.maxSteps, or tell it in its instructions when to stop"
        )


class ToolsNotOffered(WorkError):
    """The model asked for a tool although the pattern offers none."""

    code = "tools_not_offered"

    def __init__(self, agent: str, tool: str) -> None:
        super().__init__(
            f'the model of agent "{agent}" called {tool}, but pattern Chat offers no tools: use pattern ReAct'
        )


class AnswerUnfit(WorkError):
    """The answer does not have the shape that it must have, even after it was sent back.

    A model may do better when it is asked again.
    """

    transient = True
    code = "answer_unfit"

    def __init__(self, agent: str, faults: list[str]) -> None:
        super().__init__(
            f'the answer of agent "{agent}" does not fit its output: {"; ".join(faults)}. '
            "Say in its instructions what the output must hold, relax the type's schema, or use another model"
        )
        self.faults = faults


def is_transient(error: BaseException) -> bool:
    """Whether the work that ended with this error may succeed when it is tried again."""
    return bool(getattr(error, "transient", False))
