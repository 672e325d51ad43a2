"""Where things are reached in the cluster."""

from dataclasses import dataclass

PORT = 8080
"""The port on which every process of the runtime listens."""
RUNS_SERVER = "covey-runs"
"""The run store: its Service, and the Secret with its key, in the operator's namespace."""

BLACKBOARD_TOKEN_FILE = "/var/run/secrets/covey.dev/blackboard/token"
"""In an agent's pod: the token that proves the pod to its blackboard, written anew before it expires."""
PUBLISHER_TOKENS = "/var/run/secrets/covey.dev/blackboards"
"""In a run's pod: for each blackboard that it publishes on, a file of its name with such a token."""


@dataclass(frozen=True, slots=True)
class ClusterPlaces:
    """By the names of their Services, which resolve in every namespace of the cluster."""

    runs_namespace: str | None = None
    """Where the run store is; None: there is none, and runs are not durable."""

    def agent(self, namespace: str, name: str) -> str:
        """Base URL of an agent."""
        return f"http://{name}-agent.{namespace}.svc:{PORT}"

    def blackboard(self, namespace: str, name: str) -> str:
        """Base URL of a blackboard's server."""
        return f"http://{name}-blackboard.{namespace}.svc:{PORT}"

    def blackboard_token_file(self) -> str:
        """Projected into every agent's pod that has a blackboard."""
        return BLACKBOARD_TOKEN_FILE

    def runs(self) -> str | None:
        """Base URL of the run store."""
        namespace = self.runs_namespace
        return f"http://{RUNS_SERVER}.{namespace}.svc:{PORT}" if namespace is not None else None
