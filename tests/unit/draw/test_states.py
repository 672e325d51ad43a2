"""Which edges a run has taken."""

from agent_runtime.api.flowrun import NodeState
from agent_runtime.draw.graph import Edge
from agent_runtime.draw.states import progress_of

AGAIN = Edge("review", "draft", ("rewrite",))
SEND = Edge("review", "stamp", ("send",))
DROP = Edge("review", None, ("drop", "timeout"))
REVIEW = NodeState(name="review", state="Succeeded", action="send", visits=2)


def test_a_history_knows_the_edges_that_were_taken_before_the_last_visit() -> None:
    progress = progress_of([REVIEW], [("draft", None), ("review", "rewrite"), ("review", "send")])
    assert progress.took("review", AGAIN)
    assert progress.took("review", SEND)
    assert not progress.took("review", DROP)
    assert progress.took("draft", Edge("draft", "review", ("default",), only=True))


def test_a_status_alone_knows_the_last() -> None:
    progress = progress_of([REVIEW])
    assert not progress.took("review", AGAIN)
    assert progress.took("review", SEND)
