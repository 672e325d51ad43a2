"""The Redis of a blackboard: one pod with a volume, that answers only its blackboard's servers."""

from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.api.common import PodSettings
from covey_operator.desired.database import FOLDER, Borrowed, Database, headless_service, stateful_set
from covey_operator.desired.pods import Part, pod_template, secret_env
from covey_operator.install.settings import Settings
from covey_operator.kube.digest import digest
from covey_operator.kube.resources import Object

PORT = 6379
_PASSWORD_ENV = "REDIS_PASSWORD"  # the name of a variable


def url(board: BlackboardResource, database: Database, password: str) -> str:
    """Where the servers reach it, with the password."""
    return f"redis://:{password}@{database.name}.{board.namespace}.svc:{PORT}/0"


def desired(
    board: BlackboardResource, database: Database, borrowed: Borrowed, install: Settings
) -> list[Object]:
    """Its children."""
    part = Part(
        kind="Blackboard",
        name=board.name,
        component=database.component,
        image=install.redis_image,
        command=install.redis_command,
        args=_arguments(),
        config_hash=digest([_arguments(), borrowed.password]),
        service_account=borrowed.service_account,
        settings=database.managed.pod or PodSettings(),
        env=secret_env((borrowed.password_env(_PASSWORD_ENV, database),)),
        container=_port_and_probes(),
        writable={"data": FOLDER},
    )
    children = [
        headless_service(board, database, PORT),
        stateful_set(board, database, pod_template(part, install)),
    ]
    if install.network_policies:
        children.append(borrowed.policy(board, database))
    return children


def _arguments() -> tuple[str, ...]:
    """Every write is on disk before it is answered; what does not fit is refused, never evicted."""
    return (
        *("--port", str(PORT), "--dir", FOLDER, "--requirepass", f"$({_PASSWORD_ENV})"),
        *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
    )


def _port_and_probes() -> Object:
    probe: Object = {"tcpSocket": {"port": "redis"}, "timeoutSeconds": 3}
    return {
        "ports": [{"name": "redis", "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 300},
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 3},
        "readinessProbe": {**probe, "periodSeconds": 5, "failureThreshold": 2},
    }
