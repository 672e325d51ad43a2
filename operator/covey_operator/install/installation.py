"""What every resource shares: the settings, and the keys derived from the install key."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_runtime.api.agent import OnBlackboard
from agent_runtime.auth.identity import Identity
from agent_runtime.auth.issuer import Issuer
from agent_runtime.auth.tokens import derive, grant_audience, mint, sign
from agent_runtime.compile.flows.publisher import identity as publisher_identity
from agent_runtime.compile.places import ClusterPlaces
from agent_runtime.triggers.subscription import identity as listener_identity
from covey_operator.install.settings import Settings

RUNS_AUDIENCE = "runs"


@dataclass(frozen=True, slots=True)
class Installation:
    """This installation of Covey. All that is generated follows from `key`, so nothing of it is kept."""

    settings: Settings
    key: bytes = field(repr=False)
    issuer: Issuer | None = None
    """Who signs the tokens of service accounts, as the API server says; None: it does not say."""
    issuer_fault: str = ""
    """Why it does not."""

    def places(self) -> ClusterPlaces:
        """Where things are reached."""
        return ClusterPlaces(self.settings.own_namespace if self.settings.run_store else None)

    def runs_key(self) -> str:
        """What the tokens for the run store are signed with."""
        return derive(self.key, "runs")

    def run_token(self, run: str, reads: tuple[str, ...] = ()) -> str:
        """What the processes of a run bring to the run store; they may also read the runs in `reads`."""
        return sign(self.runs_key(), run, RUNS_AUDIENCE, {"role": "run", "reads": sorted(reads)})

    def worker_token(self, queue: str) -> str:
        """What the workers of a queue, `NAMESPACE/FLOW`, bring to the run store."""
        return sign(self.runs_key(), queue, RUNS_AUDIENCE, {"role": "worker"})

    def operator_token(self) -> str:
        """What the operator brings to the run store."""
        return sign(self.runs_key(), "operator", RUNS_AUDIENCE, {"role": "operator"})

    def agent_token(self, namespace: str, name: str, uid: str) -> str:
        """What callers of the agent must bring."""
        return derive(self.key, "agent", namespace, name, uid)

    def blackboard_key(self, namespace: str, name: str, uid: str) -> str:
        """What the tokens for the blackboard are signed with."""
        return derive(self.key, "blackboard", namespace, name, uid)

    def redis_password(self, namespace: str, name: str, uid: str) -> str:
        """The password of the blackboard's Redis."""
        return derive(self.key, "redis", namespace, name, uid)

    def postgres_password(self, component: str, namespace: str, name: str, uid: str) -> str:
        """The password of one of the blackboard's Postgres servers. Hex digits: it stands in SQL and URLs."""
        return derive(self.key, "postgres", component, namespace, name, uid)

    def agent_grant(self, namespace: str, agent: str, place: OnBlackboard, uid: str, account: str) -> str:
        """The agent's token for its blackboard, whose uid is `uid`: it says who it is and what it may see.

        It is good for pods of the service account `account` of the namespace.
        """
        identity = Identity(agent, labels=frozenset(place.labels), tenant=place.tenant)
        key = self.blackboard_key(namespace, place.name, uid)
        return mint(key, identity, grant_audience(namespace, place.name), account=f"{namespace}:{account}")

    def publisher_grant(
        self, namespace: str, publisher: str, blackboard: str, tenant: str | None, uid: str, account: str
    ) -> str:
        """What runs bring to a blackboard, whose uid is `uid`, to publish there, as `agent_grant`."""
        key = self.blackboard_key(namespace, blackboard, uid)
        audience = grant_audience(namespace, blackboard)
        return mint(key, publisher_identity(publisher, tenant), audience, account=f"{namespace}:{account}")

    def flow_token(self, namespace: str, flow: str, blackboard: str, uid: str) -> str:
        """What the operator brings to a blackboard to listen for the triggers of a flow."""
        key = self.blackboard_key(namespace, blackboard, uid)
        audience = grant_audience(namespace, blackboard)
        return mint(key, listener_identity(flow), audience, via_operator=True)

    def keeper_token(self, namespace: str, blackboard: str, uid: str, until: int) -> str:
        """What the operator brings to a blackboard to keep it in order; it expires at that Unix time."""
        key = self.blackboard_key(namespace, blackboard, uid)
        audience = grant_audience(namespace, blackboard)
        return mint(key, Identity("operator", role="admin"), audience, via_operator=True, until=until)

    def user_token(self, namespace: str, blackboard: str, uid: str) -> str:
        """What people bring who may read its Secret: it publishes, and sees what is public."""
        key = self.blackboard_key(namespace, blackboard, uid)
        return mint(key, Identity("user", role="user"), grant_audience(namespace, blackboard))


def encoded(values: Mapping[str, str]) -> dict[str, str]:
    """The `data` of a Secret."""
    return {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
