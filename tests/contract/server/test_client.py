"""The client's patience: what it tries again, for how long, and what it lets go."""

import asyncio
import itertools
import socket
from collections.abc import Callable

import httpx2
import pytest

from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.client.admin import BoardAdmin
from agent_runtime.blackboard.client.client import HttpBoard
from agent_runtime.blackboard.client.transport import pauses
from tests.contract.boards import finding

OK: dict[str, object] = {"artifacts": [], "cursor": None}
BUSY = {"error": {"code": "rate_limited", "message": "too fast", "details": [], "traceId": "0" * 32}}


class Answers:
    """A server's answers in turn, the last one for ever, and what was asked."""

    def __init__(self, *answers: Callable[[], httpx2.Response]) -> None:
        self._answers = list(answers)
        self.asked: list[httpx2.Request] = []

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer()

    @property
    def client(self) -> httpx2.AsyncClient:
        """That asks here."""
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self))


def fine() -> httpx2.Response:
    return httpx2.Response(200, json=OK)


def busy(status: int = 429, after: str = "0") -> Callable[[], httpx2.Response]:
    return lambda: httpx2.Response(status, json=BUSY, headers={"retry-after": after})


def cut() -> httpx2.Response:
    raise httpx2.ReadError("connection reset")


def test_pauses_double_up_to_a_limit_and_are_shortened_by_up_to_a_half() -> None:
    longest = list(itertools.islice(pauses(lambda: 0.0), 8))
    assert longest == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert list(itertools.islice(pauses(lambda: 1.0), 8)) == [pause / 2 for pause in longest]


async def test_what_passes_is_tried_again_with_the_same_ids() -> None:
    answers = Answers(busy(), busy(503), cut, fine)
    async with HttpBoard("http://board", "token", client=answers.client) as board:
        assert await board.publish([finding()]) == []
    assert len(answers.asked) == 4
    assert len({request.content for request in answers.asked}) == 1


@pytest.mark.parametrize(
    ("answer", "options", "code", "asked"),
    [
        (busy(429), {"attempts": 3}, "rate_limited", 3),
        (busy(503, "3600"), {}, "rate_limited", 1),
        (busy(), {"patience": 0.0}, "rate_limited", 1),
        (busy(409), {}, "rate_limited", 1),
        (cut, {"attempts": 2}, "unreachable", 2),
        (lambda: httpx2.Response(502, text="<html>"), {}, "unexpected", 1),
        (lambda: httpx2.Response(503, text="<html>"), {"attempts": 1}, "unexpected", 1),
    ],
    ids=["attempts", "longer than patience", "patience", "no use", "attempts cut", "a proxy", "a busy proxy"],
)
async def test_what_does_not_pass_is_told(
    answer: Callable[[], httpx2.Response], options: dict[str, float], code: str, asked: int
) -> None:
    answers = Answers(answer)
    async with HttpBoard("http://board", "token", client=answers.client, **options) as board:  # type: ignore[arg-type]  # any of them
        with pytest.raises(BoardError) as refused:
            await board.query(Query())
    assert (refused.value.code, len(answers.asked)) == (code, asked)


async def test_a_replay_whose_answer_was_lost_is_not_sent_again() -> None:
    answers = Answers(cut)
    async with BoardAdmin("http://board", "token", client=answers.client) as admin:
        with pytest.raises(BoardError, match="connection reset"):
            await admin.replay(["1@editor"])
    assert len(answers.asked) == 1


async def test_a_call_that_is_cancelled_ends_at_once_and_the_client_still_works() -> None:
    answers = Answers(busy(429, "20"), fine)
    async with HttpBoard("http://board", "token", client=answers.client) as board:
        call = asyncio.create_task(board.query(Query()))
        async with asyncio.timeout(60):
            while not answers.asked:  # noqa: ASYNC110 - the transport has no event
                await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await board.query(Query())).artifacts == ()


async def test_a_server_that_is_away_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    async with HttpBoard(url, "token", attempts=1) as board:
        with pytest.raises(
            BoardError, match=r"the blackboard at http://127.0.0.1:.* does not answer"
        ) as refused:
            await board.publish([finding()])
    assert (refused.value.code, refused.value.status) == ("unreachable", 503)
