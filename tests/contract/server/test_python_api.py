"""Agents in Python on a server's board: the same script, over HTTP."""

import asyncio
import re

import pytest

from agent_runtime.auth.identity import Identity
from agent_runtime.sdk import Board, BoardError, Context, UsageError
from agent_runtime.sdk.artifacts import type_of
from tests.contract.boards import ADMIN
from tests.contract.server.serving import Place, Server, serving
from tests.unit.sdk.films import Idea, Movie, Tagline, direct

TYPES = [type_of(model).manifest() for model in (Idea, Movie, Tagline)]
DIRECTOR = Identity("director", labels=frozenset({"studio"}))
SOON = 60
"""Seconds until a test gives up waiting."""


def at(server: Server) -> Board:
    """The board for an admin, with a director."""
    board = Board(url=server.url, token=server.token(ADMIN))
    director = board.agent("director", token=server.token(DIRECTOR))
    director.consumes(Idea, where="payload.topic != 'dull'").publishes(Movie).engines(direct)
    return board


async def titles(board: Board, count: int) -> list[str]:
    """The titles of the first movies."""
    found: list[str] = []
    async with asyncio.timeout(SOON):
        async for movie in board.follow(Movie):
            found.append(movie.title)
            if len(found) == count:
                break
    return found


async def test_ideas_become_movies() -> None:
    async with serving(Place(), types=TYPES) as server, at(server) as board:
        (idea,) = await board.publish(Idea(topic="cats"))
        await board.publish(Idea(topic="dull"), visibility={"labelled": {"labels": ["studio"]}})
        await board.invoke("director", Idea(topic="dogs"))
        assert await titles(board, 2) == ["CATS", "DOGS"]
        (movie, _) = await board.artifacts(Movie)
        assert (movie.producer, movie.correlation) == ("director", idea.correlation)
        assert len(await board.read(Idea)) == 3


async def test_work_that_fails_is_a_dead_letter() -> None:
    async with serving(Place(), types=TYPES) as server:
        board = Board(url=server.url, token=server.token(ADMIN))
        done = asyncio.Event()

        @board.agent("director", token=server.token(DIRECTOR)).consumes(Idea).engine
        async def fail(turn: Context) -> None:
            asyncio.get_running_loop().call_soon(done.set)
            raise ValueError("no idea")

        async with board:
            await board.publish(Idea(topic="cats"))
            async with asyncio.timeout(SOON):
                await done.wait()
        async with Board(url=server.url, token=server.token(ADMIN)) as board:
            (letter,) = await board.dead_letters()
            assert (letter.agent, letter.error) == ("director", "ValueError: no idea")


async def test_what_only_a_server_knows_and_what_it_refuses() -> None:
    async with serving(Place(), types=TYPES) as server:
        async with at(server) as board:
            with pytest.raises(UsageError, match=r"wait for a result with follow\(...\)"):
                await board.idle()
        for agent, message in {
            "no-token": "agent 'no-token' needs a token of its own",
            "labels": "leave .labels() and .tenant() out",
        }.items():
            board = Board(url=server.url, token=server.token(ADMIN))
            token = None if agent == "no-token" else server.token(DIRECTOR)
            board.agent(agent, token=token).consumes(Idea).engines(direct).labels("studio")
            with pytest.raises(UsageError, match=re.escape(message)):
                await board.__aenter__()
        board = Board(url=server.url, token="forged")
        async with board:
            with pytest.raises(BoardError) as refused:
                await board.read(Movie)
            assert refused.value.status == 401
