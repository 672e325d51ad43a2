"""A board in Python on a database that several processes share."""

import pytest

from agent_runtime.sdk import Board
from tests.unit.sdk.films import Idea, Movie, studio


@pytest.mark.parametrize("server", ["shared_redis", "shared_postgres"])
async def test_two_boards_of_one_name_are_one_board(server: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(server).url
    async with (
        studio(store=url, name="films/ours") as board,
        Board(url, name="films/ours", types=[Movie]) as same,
        Board(url, name="films/theirs", types=[Movie]) as other,
    ):
        await board.publish(Idea(topic="cats"))
        await board.idle()
        assert await same.read(Movie) == [Movie(title="CATS")]
        assert await other.read(Movie) == []
