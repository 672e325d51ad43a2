"""What a container of the runtime image runs: an agent, a blackboard server, or one run of a flow.

    python -m agent_runtime agent|blackboard|run --config FILE

Only the role that is asked for is imported.
"""

import argparse
import http.client
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_runtime.compile.config import BlackboardConfig

CONFIG_ERROR = 2
_TERMINATION_LOG = "/dev/termination-log"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the role; returns the exit status: 2 for a config that cannot be used."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.role == "healthcheck":
        return _healthcheck(given.port)

    from agent_runtime.configuration import ConfigError
    from agent_runtime.models.errors import ModelError

    try:
        return _run(given)
    except (ConfigError, ModelError) as error:
        for line in str(error).splitlines():
            print(f"{parser.prog} {given.role}: {line}", file=sys.stderr)  # noqa: T201 - before logs exist
        return CONFIG_ERROR


def _run(given: argparse.Namespace) -> int:
    from agent_runtime.compile.config import AgentConfig, BlackboardConfig, RunConfig
    from agent_runtime.configuration import load

    match given.role:
        case "agent":
            agent = load(given.config, AgentConfig)
            from agent_runtime.agents.main import main as serve_agent

            return serve_agent(agent, os.environ, given.host, given.port)
        case "blackboard":
            board = load(given.config, BlackboardConfig)
            return _serve_blackboard(board, given.host, given.port)
        case _:
            run = load(given.config, RunConfig)
            from agent_runtime.runs.main import main as run_flow

            return run_flow(run, given.result, os.environ)


def _serve_blackboard(config: "BlackboardConfig", host: str, port: int) -> int:
    from agent_runtime.blackboard.main import serve
    from agent_runtime.configuration import ConfigError
    from agent_runtime.serving.loop import run
    from agent_runtime.telemetry import logs, traces

    service = f"blackboard/{config.name}"
    logs.configure(service)
    flush = traces.configure(service, os.environ)
    try:
        run(serve(config, os.environ, host=host, port=port))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    finally:
        flush()
    return 0


def _healthcheck(port: int) -> int:
    """0 when the server on this machine says that it lives; for images' HEALTHCHECK."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status == 200 else 1
    except OSError:
        return 1
    finally:
        connection.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="covey-runtime", description="Runs a part of Covey.")
    roles = parser.add_subparsers(dest="role", required=True, metavar="ROLE")
    for role, what in (("agent", "serve an agent"), ("blackboard", "serve a blackboard")):
        server = roles.add_parser(role, help=what)
        server.add_argument("--config", type=Path, required=True, help="its compiled config, JSON")
        server.add_argument("--host", default="0.0.0.0", help="address to listen on (%(default)s)")
        server.add_argument("--port", type=int, default=8080, help="port to listen on (%(default)s)")
    run = roles.add_parser("run", help="run a flow once")
    run.add_argument("--config", type=Path, required=True, help="its compiled config, JSON")
    run.add_argument(
        "--result",
        type=Path,
        default=Path(_TERMINATION_LOG),
        help="where the outcome is written, JSON (%(default)s)",
    )
    check = roles.add_parser("healthcheck", help="exit 0 when the server on this machine lives")
    check.add_argument("--port", type=int, default=8080, help="its port (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
