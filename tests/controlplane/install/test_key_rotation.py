"""A new key signs the tokens of service accounts: agents go on, and no person does anything."""

import json
from pathlib import Path

import jwt
import pytest

from agent_runtime.blackboard.board import BoardError
from hack.cluster.control_plane.control_plane import ControlPlane
from tests.controlplane.api import until
from tests.controlplane.newsroom import Newsroom, agent_process, publishes_as


def key_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def test_agents_go_on_with_tokens_of_the_old_key_and_of_the_new(
    newsroom: Newsroom, control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = json.loads(newsroom.api.there("ConfigMap", "scout-agent")["data"]["config.json"])
    token_file = tmp_path / "token"
    config["blackboard"] |= {"tokenFile": str(token_file), "url": newsroom.url}
    old = newsroom.token()
    token_file.write_text(old)
    rollouts = newsroom.rollouts
    with agent_process(config, newsroom.grant, tmp_path):
        await newsroom.board.publish("Idea", {"topic": "bees"})
        await newsroom.notes(1)

        control_plane.rotate_signing_key()
        new = newsroom.token()
        assert key_of(new) != key_of(old)
        assert await publishes_as(newsroom, newsroom.grant, old) == "scout"
        token_file.write_text(new)  # as the kubelet does some time later, or at once in a new pod
        with pytest.raises(BoardError, match="signed with a key that is none of the issuer's"):
            await publishes_as(newsroom, newsroom.grant, new)

        until("the board is told", lambda: len(newsroom.known_issuer().keys) == 2)
        until("its servers roll", lambda: newsroom.rollouts > rollouts)
        newsroom.board.kill()
        newsroom.board.start()
        for token in (old, new):
            assert await publishes_as(newsroom, newsroom.grant, token) == "scout"
        await newsroom.board.publish("Idea", {"topic": "trams"})
        await newsroom.notes(2)
