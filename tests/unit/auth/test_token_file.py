"""A token in a file is the one that is there now."""

from pathlib import Path

import pytest

from agent_runtime.auth.token_file import TokenFile, TokenUnreadable
from agent_runtime.blackboard.board import BoardError, Query
from agent_runtime.blackboard.client.client import HttpBoard
from tests.noting_server import Says, noting_server


class Volume:
    """Renews its token as the kubelet does: the name is a link, through one that is exchanged as a whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._times = 0
        self.token = folder / "token"
        self.token.symlink_to("..data/token")

    def write(self, token: str) -> None:
        self._times += 1
        version = self._folder / f"..{self._times}"
        version.mkdir()
        (version / "token").write_text(token)
        link = self._folder / "..data_tmp"
        link.symlink_to(version.name)
        link.replace(self._folder / "..data")


def test_a_token_that_was_renewed_is_the_one_that_is_given(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    volume.write("first\n")
    token = TokenFile(volume.token)
    assert token() == token() == "first"
    volume.write("second\n")
    assert token() == token() == "second"


def test_a_token_that_is_missing_or_empty_is_told_by_its_file_and_may_come(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    token = TokenFile(volume.token)
    with pytest.raises(
        TokenUnreadable, match=f"the pod's token {volume.token} cannot be read: .*No such file"
    ):
        token()
    volume.write("\n")
    with pytest.raises(TokenUnreadable, match="is empty"):
        token()
    volume.write("there")
    assert token() == "there"


async def test_a_board_is_not_asked_without_it(tmp_path: Path) -> None:
    async with HttpBoard("http://127.0.0.1:9", "grant", proof=TokenFile(tmp_path / "token")) as board:
        with pytest.raises(
            BoardError, match=f"the pod's token {tmp_path / 'token'} cannot be read"
        ) as refused:
            await board.query(Query())
    assert (refused.value.code, refused.value.status) == ("unauthenticated", 401)


async def test_a_board_is_brought_the_token_as_it_is_now_and_the_grant_beside_it(tmp_path: Path) -> None:
    volume = Volume(tmp_path)
    with noting_server(lambda asked: Says({"artifacts": [], "cursor": None})) as server:
        async with HttpBoard(server.url, "grant", proof=TokenFile(volume.token)) as board:
            for token in ("first", "second"):
                volume.write(token)
                await board.query(Query())
    brought = [(asked.headers["authorization"], asked.headers["covey-grant"]) for asked in server.asked]
    assert brought == [("Bearer first", "grant"), ("Bearer second", "grant")]
