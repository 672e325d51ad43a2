"""Sessions: what was said before, within bounds, in memory."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from agent_runtime.agents.errors import SessionExists, SessionNotFound
from agent_runtime.api.agent import Memory
from agent_runtime.api.base import seconds
from agent_runtime.core.clock import Clock
from agent_runtime.models.port import Message, ModelMessage, UserMessage


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a session."""

    role: str
    """`user` or `agent`."""
    text: str
    at: datetime


@dataclass(slots=True)
class Session:
    """An exchange of messages with one user."""

    id: str
    created_at: datetime
    messages: list[Said] = field(default_factory=list)
    """The last ones, oldest first."""
    used: float = 0.0
    """When it was used last, by the monotonic clock."""
    busy: bool = False
    """Whether a message is being answered."""

    def history(self) -> tuple[Message, ...]:
        """What the model is shown; it begins with the user."""
        shown = [
            UserMessage(said.text) if said.role == "user" else ModelMessage(said.text)
            for said in self.messages
        ]
        return tuple(shown[1:] if shown and isinstance(shown[0], ModelMessage) else shown)


class Sessions:
    """The sessions of one replica. The one silent for longest goes first when there are too many."""

    def __init__(
        self, memory: Memory, clock: Clock, *, new_id: Callable[[], str] = lambda: secrets.token_urlsafe(16)
    ) -> None:
        self._window = memory.window
        self._ttl = seconds(memory.ttl)
        self._limit = memory.max_sessions
        self._clock = clock
        self._new_id = new_id
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, session_id: str) -> Session:
        """The session of that id. Raises SessionNotFound: nothing is begun again in silence."""
        session = self.get(session_id)
        if session is None:
            raise self.missing(session_id)
        self._touch(session)
        return session

    def begin(self, session_id: str | None = None) -> Session:
        """A new session, with an id made here when None is given. Raises SessionExists."""
        if session_id is not None and self.get(session_id) is not None:
            raise SessionExists(session_id)
        session = Session(session_id or self._new_id(), self._clock.now())
        self._sessions[session.id] = session
        self._touch(session)
        while len(self._sessions) > self._limit:
            self._sessions.popitem(last=False)
        return session

    def missing(self, session_id: str) -> SessionNotFound:
        """The error that says why there may be no such session."""
        return SessionNotFound(session_id, self._ttl)

    def drop(self, session: Session) -> None:
        """Forget a session."""
        if self._sessions.get(session.id) is session:
            del self._sessions[session.id]

    def get(self, session_id: str) -> Session | None:
        """The session, without making it younger; None when there is none any more."""
        self._forget_silent()
        return self._sessions.get(session_id)

    def add(self, session: Session, question: str, answer: str) -> None:
        """Note an exchange; what is outside the window is forgotten."""
        now = self._clock.now()
        session.messages += [Said("user", question, now), Said("agent", answer, now)]
        del session.messages[: max(0, len(session.messages) - self._window)]
        if self._sessions.get(session.id) is session:
            self._touch(session)

    def _touch(self, session: Session) -> None:
        session.used = self._clock.monotonic()
        self._sessions.move_to_end(session.id)

    def _forget_silent(self) -> None:
        """In order of use, so that only those that go are looked at."""
        oldest = self._clock.monotonic() - self._ttl
        while self._sessions:
            session = next(iter(self._sessions.values()))
            if session.used >= oldest:
                return
            del self._sessions[session.id]
