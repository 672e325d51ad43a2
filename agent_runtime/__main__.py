"""What a container of the runtime image runs: an agent, a blackboard, the runs server, or one run of a flow.

    python -m agent_runtime agent|blackboard|run --config FILE
    python -m agent_runtime runs
    python -m agent_runtime blackboard-backup --config FILE --to FOLDER --keep N
    python -m agent_runtime blackboard-verify --config FILE --in FOLDER
    python -m agent_runtime blackboard-restore --config FILE --from FILE [--resume]

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
    from agent_runtime.config.models import BlackboardConfig

CONFIG_ERROR = 2
_TERMINATION_LOG = "/dev/termination-log"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the role; returns the exit status: 2 for a config that cannot be used."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.role == "healthcheck":
        return _healthcheck(given.port)

    from agent_runtime.config.load import ConfigError
    from agent_runtime.core.visible import visible
    from agent_runtime.models.errors import ModelError

    try:
        return _run(given)
    except (ConfigError, ModelError) as error:
        for line in str(error).splitlines():
            print(f"{parser.prog} {given.role}: {visible(line)}", file=sys.stderr)  # noqa: T201 - before logs exist
        return CONFIG_ERROR


def _run(given: argparse.Namespace) -> int:
    from agent_runtime.config.load import load
    from agent_runtime.config.models import AgentConfig, BlackboardConfig, RunConfig, WorkerConfig

    match given.role:
        case "agent":
            agent = load(given.config, AgentConfig)
            from agent_runtime.processes.agent import main as serve_agent

            return serve_agent(agent, os.environ, given.host, given.port)
        case "blackboard":
            board = load(given.config, BlackboardConfig)
            return _serve_blackboard(board, given.host, given.port)
        case "blackboard-backup" | "blackboard-verify" | "blackboard-restore":
            return _copy_blackboard(load(given.config, BlackboardConfig), given)
        case "runs":
            from agent_runtime.processes.run_queue import main as serve_runs

            return serve_runs(os.environ, given.host, given.port)
        case "worker":
            flow = load(given.config, WorkerConfig)
            from agent_runtime.processes.worker import main as work_on_runs

            return work_on_runs(flow, os.environ, given.host, given.port)
        case "item":
            of = load(given.config, RunConfig)
            from agent_runtime.processes.item import index_from
            from agent_runtime.processes.item import main as run_item
            from agent_runtime.runs.item import Place

            index = index_from(os.environ) if given.index is None else given.index
            place = Place(given.path, given.visit, given.generation, index)
            return run_item(of, place, given.result, os.environ)
        case _:
            run = load(given.config, RunConfig)
            from agent_runtime.processes.run import main as run_flow

            return run_flow(run, given.result, os.environ)


def _serve_blackboard(config: "BlackboardConfig", host: str, port: int) -> int:
    from agent_runtime.config.load import ConfigError
    from agent_runtime.processes.blackboard import serve
    from agent_runtime.server.http.loop import run
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


def _copy_blackboard(config: "BlackboardConfig", given: argparse.Namespace) -> int:
    from agent_runtime.config.load import ConfigError
    from agent_runtime.processes.backup import back_up_board, restore_board, verify_backups
    from agent_runtime.telemetry import logs

    logs.configure(f"blackboard/{config.name}")
    try:
        if given.role == "blackboard-backup":
            return back_up_board(config, os.environ, given.to, given.keep)
        if given.role == "blackboard-verify":
            return verify_backups(config, given.folder)
        return restore_board(config, os.environ, given.file, resume=given.resume)
    except ValueError as error:
        raise ConfigError(str(error)) from error


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
    for role, what in (
        ("agent", "serve an agent"),
        ("blackboard", "serve a blackboard"),
        ("worker", "take runs of a flow from its queue"),
    ):
        server = roles.add_parser(role, help=what)
        server.add_argument("--config", type=Path, required=True, help="its compiled config, JSON")
        _add_address(server)
    runs = roles.add_parser(
        "runs",
        help="serve the state of runs and their queue; its config is COVEY_RUNS_KEY and COVEY_RUNS_STORE",
    )
    _add_address(runs)
    backup = roles.add_parser("blackboard-backup", help="copy a blackboard out of its store into a file")
    backup.add_argument("--config", type=Path, required=True, help="its compiled config, JSON")
    backup.add_argument("--to", type=Path, required=True, help="the folder")
    backup.add_argument("--keep", type=_positive, default=7, help="how many copies stay (%(default)s)")
    check = roles.add_parser("blackboard-verify", help="list such files, each read to its end")
    check.add_argument("--config", type=Path, required=True, help="the board's compiled config, JSON")
    check.add_argument("--in", dest="folder", type=Path, required=True, help="the folder")
    restore = roles.add_parser("blackboard-restore", help="take a blackboard out of such a file")
    restore.add_argument("--config", type=Path, required=True, help="its compiled config, JSON")
    restore.add_argument("--from", dest="file", type=Path, required=True, help="the file")
    restore.add_argument("--resume", action="store_true", help="go on with one that was broken off")
    run = roles.add_parser("run", help="run a flow once")
    run.add_argument("--config", type=Path, required=True, help="its compiled config, JSON")
    _add_result(run)
    _add_item(roles.add_parser("item", help="do one item of a node that is mapped in Jobs"))
    health = roles.add_parser("healthcheck", help="exit 0 when the server on this machine lives")
    health.add_argument("--port", type=int, default=8080, help="its port (%(default)s)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _add_item(item: argparse.ArgumentParser) -> None:
    item.add_argument("--config", type=Path, required=True, help="the run's compiled config, JSON")
    item.add_argument("--path", required=True, help="the mapped node")
    item.add_argument("--visit", type=int, required=True, help="which of its visits")
    item.add_argument("--generation", type=int, required=True, help="of the run, which waits for the items")
    _add_result(item)
    item.add_argument("--index", type=int, help="which item (JOB_COMPLETION_INDEX)")


def _add_result(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--result",
        type=Path,
        default=Path(_TERMINATION_LOG),
        help="where the outcome is written, JSON (%(default)s)",
    )


def _add_address(server: argparse.ArgumentParser) -> None:
    server.add_argument("--host", default="0.0.0.0", help="address to listen on (%(default)s)")
    server.add_argument("--port", type=int, default=8080, help="port to listen on (%(default)s)")


if __name__ == "__main__":
    sys.exit(main())
