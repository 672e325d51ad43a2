"""A Postgres of a blackboard, for artifacts or vectors: one pod that answers only the blackboard's servers.

The image needs the programs of Postgres 17 where Debian puts them. How it starts is in `postgres_files`.
"""

from importlib.resources import files

from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.api.common import PodSettings
from covey_operator.desired.database import FOLDER, Borrowed, Database, headless_service, stateful_set
from covey_operator.desired.manifests import manifest
from covey_operator.desired.pods import CONFIG_FOLDER, Part, pod_template, secret_env
from covey_operator.install.settings import Settings
from covey_operator.kube.digest import digest
from covey_operator.kube.labels import labels
from covey_operator.kube.resources import Object

PORT = 5432
_PASSWORD_ENV = "COVEY_PASSWORD"  # the name of a variable
_PROGRAMS = "/usr/lib/postgresql/17/bin"
_GRACE = 120
"""Seconds for the last checkpoint. Without it nothing is lost, and the next start takes longer."""
_FILES = {
    file.name: file.read_text()
    for file in sorted((files(__package__) / "postgres_files").iterdir(), key=lambda file: file.name)
}
"""The script that starts it and what that needs, by name."""


def url(board: BlackboardResource, database: Database, password: str) -> str:
    """Where the servers reach it, with the password."""
    return f"postgresql://covey:{password}@{database.name}.{board.namespace}.svc:{PORT}/covey"


def desired(
    board: BlackboardResource, database: Database, borrowed: Borrowed, install: Settings
) -> list[Object]:
    """Its children."""
    part = Part(
        kind="Blackboard",
        name=board.name,
        component=database.component,
        image=install.postgres_image,
        command=("/bin/sh", f"{CONFIG_FOLDER}/start.sh"),
        args=(),
        config_hash=digest([_FILES, borrowed.password]),
        service_account=borrowed.service_account,
        settings=database.managed.pod or PodSettings(),
        env=secret_env((borrowed.password_env(_PASSWORD_ENV, database),)),
        container=_port_and_probes(),
        config_map=database.name,
        # initdb wants its user to have a name, which differs between images
        files={"passwd": "/etc/passwd"},
        writable={"data": FOLDER},
        grace=_GRACE,
    )
    labelled = labels("Blackboard", board.name, database.component)
    children = [
        manifest("v1", "ConfigMap", database.name, labelled, data=_FILES),
        headless_service(board, database, PORT),
        stateful_set(board, database, pod_template(part, install)),
    ]
    if install.network_policies:
        children.append(borrowed.policy(board, database))
    return children


def _port_and_probes() -> Object:
    """Alive while it takes connections, as it does during a long recovery, and ready when it answers them."""
    alive: Object = {"tcpSocket": {"port": "postgres"}, "timeoutSeconds": 3}
    answers = [f"{_PROGRAMS}/pg_isready", "--host=/tmp", "--username=covey", "--dbname=covey", "--quiet"]
    return {
        "ports": [{"name": "postgres", "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": {**alive, "periodSeconds": 1, "failureThreshold": 1800},
        "livenessProbe": {**alive, "periodSeconds": 10, "failureThreshold": 3},
        "readinessProbe": {
            "exec": {"command": answers},
            "timeoutSeconds": 5,
            "periodSeconds": 5,
            "failureThreshold": 2,
        },
        # SIGINT lets clients go and stops at once; SIGTERM alone would wait for them to leave.
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", "kill -INT 1"]}}},
    }
