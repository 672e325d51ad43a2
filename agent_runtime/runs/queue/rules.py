"""What becomes of a run in the queue: pure rules from one row to the next. The stores apply them."""

from dataclasses import dataclass, replace

from agent_runtime.runs.queue.port import State, TaskLease, TicketLost, Wanted


@dataclass(frozen=True, slots=True)
class Row:
    """A run in the queue, as stores keep it."""

    run: str
    queue: str
    place: int
    """In the queue: the smallest is the next. Microseconds since 1970 of the submission."""
    body: bytes
    state: State = "Waiting"
    wanted: Wanted = "Run"
    generation: int = 0
    attempts: int = 0
    holder: str | None = None
    claim: str | None = None
    """Names the call that took the ticket; see `RunQueue.take`."""
    until: int | None = None
    """When the ticket runs out, microseconds since 1970; None unless Running."""
    settled: int = 0
    """The generation that was finished or given back last: it is over, whoever repeats it."""
    outcome: bytes | None = None
    progress: bytes | None = None

    def ticket(self) -> TaskLease:
        """The ticket that is out."""
        return TaskLease(self.run, self.queue, self.holder or "", self.generation, self.attempts, self.body)


def noteworthy(old: Row, new: Row) -> bool:
    """Whether who follows the queue wants to hear of the change: a longer `until` alone is none."""
    return replace(old, until=None) != replace(new, until=None)


def updated(row: Row, body: bytes | None, wanted: Wanted) -> Row:
    """The operator wants something."""
    if row.state == "Ended":
        return row
    row = replace(row, wanted=wanted, body=row.body if body is None else body)
    if row.state == "Running":
        return row
    if wanted == "Run" and row.state == "Suspended":
        return replace(row, state="Waiting", attempts=0)
    return _at_rest(row)


def taken(row: Row, holder: str, claim: str | None, until: int) -> Row:
    """A waiting run is handed out."""
    return replace(
        row,
        state="Running",
        generation=row.generation + 1,
        attempts=row.attempts + 1,
        holder=holder,
        claim=claim,
        until=until,
    )


def kept(row: Row, ticket: TaskLease, until: int, progress: bytes | None) -> Row:
    """A heartbeat. A ticket that ran out and was not handed out anew is good again. Raises TicketLost."""
    _check(row, ticket)
    if row.state == "Waiting":
        row = replace(row, state="Running", holder=ticket.holder)
    return replace(row, until=until, progress=row.progress if progress is None else progress)


def given_back(row: Row, ticket: TaskLease, progress: bytes | None) -> Row:
    """The worker stops before the run does: the try does not count. Raises TicketLost."""
    if row.settled == ticket.generation:
        return row  # a repetition
    _check(row, ticket)
    row = replace(
        row,
        settled=row.generation,
        attempts=max(0, row.attempts - 1),
        progress=row.progress if progress is None else progress,
    )
    return _at_rest(_without_ticket(row))


def finished(row: Row, ticket: TaskLease, outcome: bytes, suspends: bool) -> Row:
    """The worker is done. Raises TicketLost."""
    if row.settled == ticket.generation and row.outcome == outcome:
        return row  # a repetition
    _check(row, ticket)
    rests: State = "Suspended" if suspends and row.wanted != "Cancel" else "Ended"
    return replace(_without_ticket(row), state=rests, outcome=outcome, settled=row.generation)


def expired(row: Row, now: int) -> Row:
    """Time passed: a ticket that ran out is taken from its holder."""
    if row.state != "Running" or row.until is None or row.until > now:
        return row
    return _at_rest(_without_ticket(row))


def _without_ticket(row: Row) -> Row:
    return replace(row, state="Waiting", holder=None, claim=None, until=None)


def _at_rest(row: Row) -> Row:
    """Nobody works on it: what is wanted takes effect at once."""
    match row.wanted:
        case "Run":
            return row
        case "Suspend":
            return replace(row, state="Suspended")
        case "Cancel":
            return replace(row, state="Ended")


def _check(row: Row, ticket: TaskLease) -> None:
    if row.queue != ticket.queue or row.generation != ticket.generation:
        raise TicketLost(ticket.run, ticket.generation, f"ticket {row.generation} is the last one handed out")
    if row.settled == ticket.generation:
        raise TicketLost(ticket.run, ticket.generation, "it was finished or given back")
    if row.state not in ("Running", "Waiting"):
        raise TicketLost(ticket.run, ticket.generation, f"the run is {row.state} by now")
    if row.holder not in (ticket.holder, None):  # a run that was removed and submitted anew counts from 1
        raise TicketLost(ticket.run, ticket.generation, f"{row.holder!r} has it")
