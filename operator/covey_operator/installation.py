"""What every resource shares: the settings, and the keys derived from the install key."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_runtime.api.agent import OnBlackboard
from agent_runtime.blackboard.board import Identity
from agent_runtime.identity import derive, mint
from covey_operator.settings import Settings


@dataclass(frozen=True, slots=True)
class Installation:
    """This installation of Covey. All that is generated follows from `key`, so nothing of it is kept."""

    settings: Settings
    key: bytes = field(repr=False)

    def agent_token(self, namespace: str, name: str, uid: str) -> str:
        """What callers of the agent must bring."""
        return derive(self.key, "agent", namespace, name, uid)

    def blackboard_key(self, namespace: str, name: str, uid: str) -> str:
        """What the tokens for the blackboard are signed with."""
        return derive(self.key, "blackboard", namespace, name, uid)

    def redis_password(self, namespace: str, name: str, uid: str) -> str:
        """The password of the blackboard's managed store."""
        return derive(self.key, "redis", namespace, name, uid)

    def blackboard_token(self, namespace: str, agent: str, place: OnBlackboard, uid: str) -> str:
        """The agent's token for its blackboard, whose uid is `uid`: it says who it is and what it may see."""
        identity = Identity(agent, labels=frozenset(place.labels), tenant=place.tenant)
        return self._for_blackboard(identity, namespace, place.name, uid)

    def user_token(self, namespace: str, blackboard: str, uid: str) -> str:
        """What people bring who may read its Secret: it publishes, and sees what is public."""
        return self._for_blackboard(Identity("user", role="user"), namespace, blackboard, uid)

    def _for_blackboard(self, identity: Identity, namespace: str, name: str, uid: str) -> str:
        return mint(self.blackboard_key(namespace, name, uid), identity, f"blackboard/{namespace}/{name}")


def encoded(values: Mapping[str, str]) -> dict[str, str]:
    """The `data` of a Secret."""
    return {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
