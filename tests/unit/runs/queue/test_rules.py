"""What becomes of a run in the queue, one rule after the other."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent_runtime.runs.queue import rules
from agent_runtime.runs.queue.port import TaskLease, TicketLost
from agent_runtime.runs.queue.rules import Row

WAITING = Row("news/a/1", "news/brief", place=1, body=b"{}")
RUNNING = rules.taken(WAITING, "worker-1", "claim-1", until=100)
TICKET = RUNNING.ticket()
SUSPENDED = rules.finished(RUNNING, TICKET, b'{"waiting": {}}', suspends=True)
ENDED = rules.finished(RUNNING, TICKET, b"{}", suspends=False)


def test_a_ticket_says_what_a_worker_needs() -> None:
    assert TaskLease("news/a/1", "news/brief", "worker-1", 1, 1, b"{}") == TICKET


@pytest.mark.parametrize(
    ("row", "wanted", "state"),
    [
        (WAITING, "Run", "Waiting"),
        (WAITING, "Suspend", "Suspended"),
        (WAITING, "Cancel", "Ended"),
        (RUNNING, "Run", "Running"),
        (RUNNING, "Suspend", "Running"),
        (RUNNING, "Cancel", "Running"),
        (SUSPENDED, "Run", "Waiting"),
        (SUSPENDED, "Suspend", "Suspended"),
        (SUSPENDED, "Cancel", "Ended"),
        (ENDED, "Run", "Ended"),
    ],
    ids=lambda value: getattr(value, "state", value),
)
def test_what_is_wanted_takes_effect_at_once_unless_a_worker_must_be_told(
    row: Row, wanted: str, state: str
) -> None:
    assert rules.updated(row, None, wanted).state == state  # type: ignore[arg-type]


def test_an_update_brings_a_new_body_and_begins_to_count_anew() -> None:
    on = rules.updated(SUSPENDED, b"answers", "Run")
    assert (on.body, on.attempts, on.outcome) == (b"answers", 0, SUSPENDED.outcome)
    again = rules.taken(on, "worker-2", None, until=200).ticket()
    assert (again.generation, again.attempt, again.body) == (2, 1, b"answers")


def test_an_ended_run_stays_as_it_is() -> None:
    assert rules.updated(ENDED, b"late", "Cancel") == ENDED


@pytest.mark.parametrize(("now", "state"), [(99, "Running"), (100, "Waiting"), (101, "Waiting")])
def test_a_ticket_runs_out_at_its_time(now: int, state: str) -> None:
    assert rules.expired(RUNNING, now).state == state


@pytest.mark.parametrize(("wanted", "state"), [("Suspend", "Suspended"), ("Cancel", "Ended")])
def test_when_a_worker_is_gone_what_is_wanted_takes_effect(wanted: str, state: str) -> None:
    told = rules.updated(RUNNING, None, wanted)  # type: ignore[arg-type]
    assert rules.expired(told, 100).state == state
    assert rules.given_back(told, TICKET, None).state == state


def test_a_try_that_ran_out_counts_and_one_that_was_given_back_does_not() -> None:
    second = rules.taken(rules.expired(RUNNING, 100), "worker-2", None, until=200)
    assert second.attempts == 2
    third = rules.taken(rules.given_back(second, second.ticket(), None), "worker-3", None, until=300)
    assert (third.attempts, third.generation) == (2, 3)


def test_a_ticket_that_ran_out_is_good_until_another_is_handed_out() -> None:
    late = rules.expired(RUNNING, 100)
    assert rules.kept(late, TICKET, 300, None) == replace(RUNNING, until=300, claim=None)
    assert rules.finished(late, TICKET, b"{}", suspends=False).state == "Ended"


LATER = rules.taken(rules.expired(RUNNING, 100), "worker-2", None, until=200)
ANEW = rules.taken(WAITING, "worker-2", None, until=200)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (LATER, "ticket 2 is the last one handed out"),
        (ANEW, "'worker-2' has it"),
        (SUSPENDED, "it was finished or given back"),
        (rules.updated(SUSPENDED, None, "Run"), "it was finished or given back"),
        (rules.updated(rules.expired(RUNNING, 100), None, "Cancel"), "the run is Ended by now"),
        (replace(RUNNING, queue="news/other"), "ticket 1 is the last one handed out"),
    ],
    ids=["handed out anew", "submitted anew", "finished", "gone on", "cancelled", "of another queue"],
)
def test_a_lost_ticket_says_why(row: Row, reason: str) -> None:
    attempts: list[Callable[[], Row]] = [
        lambda: rules.kept(row, TICKET, 300, None),
        lambda: rules.finished(row, TICKET, b'{"other": 1}', suspends=False),
    ]
    for attempt in attempts:
        with pytest.raises(TicketLost, match=reason):
            attempt()


@pytest.mark.parametrize(
    "row", [SUSPENDED, rules.updated(SUSPENDED, None, "Run")], ids=["at rest", "gone on"]
)
def test_finishing_twice_changes_nothing(row: Row) -> None:
    assert rules.finished(row, TICKET, b'{"waiting": {}}', suspends=True) == row


def test_giving_back_twice_changes_nothing() -> None:
    back = rules.given_back(RUNNING, TICKET, b'{"done": 1}')
    assert (back.state, back.attempts, back.progress) == ("Waiting", 0, b'{"done": 1}')
    assert rules.given_back(back, TICKET, None) == back


def test_a_cancelled_run_that_asks_to_wait_has_ended() -> None:
    told = rules.updated(RUNNING, None, "Cancel")
    assert rules.finished(told, TICKET, b'{"waiting": {}}', suspends=True).state == "Ended"


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (replace(RUNNING, until=200), False),
        (replace(RUNNING, progress=b"{}"), True),
        (ENDED, True),
    ],
    ids=["a longer ticket", "progress", "the end"],
)
def test_what_followers_hear_of(new: Row, expected: bool) -> None:
    assert rules.noteworthy(RUNNING, new) is expected
