"""`covey token`: a token for a person who uses a Blackboard of the cluster, for a while."""

import os
from time import time
from typing import Literal

from agent_runtime.api.base import seconds
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.tokens import grant_audience, mint
from agent_runtime.cli.output.printing import say
from agent_runtime.local.errors import UserError

KEY_ENV = "COVEY_BLACKBOARD_KEY"


def run(
    board: str, name: str, role: Literal["user", "admin"], labels: list[str], tenant: str, span: str
) -> None:
    """Print it. `board` is `NAMESPACE/NAME`, `span` a duration. Raises UserError."""
    namespace, _, blackboard = board.partition("/")
    if not namespace or not blackboard:
        raise UserError(f'"{board}" is no Blackboard', "Say NAMESPACE/NAME, such as news/newsroom.", code=2)
    key = os.environ.get(KEY_ENV)
    if not key:
        raise UserError(
            f"{KEY_ENV} is not set: tokens are signed with the key of the Blackboard", _cure(board), code=2
        )
    try:
        until = int(time() + seconds(span))
    except ValueError as error:
        raise UserError(f"--for: {error}", code=2) from error
    identity = Identity(name, role, frozenset(labels), tenant or None)
    say(mint(key, identity, grant_audience(namespace, blackboard), until=until))


def _cure(board: str) -> str:
    namespace, _, blackboard = board.partition("/")
    secret = f"kubectl -n {namespace} get secret {blackboard}-blackboard"
    return f"export {KEY_ENV}=$({secret} -o jsonpath='{{.data.key}}' | base64 -d)"
