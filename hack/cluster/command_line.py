"""`python -m hack.cluster`: the commands, and what each prints."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hack import bare
from hack.cluster import tools
from hack.cluster.choose import AnyCluster, Way, cluster_of, look
from hack.cluster.control_plane import control_plane
from hack.cluster.control_plane.control_plane import ControlPlane
from hack.cluster.fault import ClusterError
from hack.cluster.images.images import Build, build_archive
from hack.cluster.node.node import Cluster, default_run_dir
from hack.cluster.programs import HELM, KUBECTL


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when it is done, 1 with a message when it is not, 2 for a wrong command line."""
    bare.enter()
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hack.cluster", description=sys.modules[__package__].__doc__
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    obtain = commands.add_parser("tools", help="obtain what a cluster is made of, into the cache")
    obtain.add_argument("--only", choices=["api"], help="just what the API server's tier needs")
    obtain.set_defaults(command=_tools)

    target = argparse.ArgumentParser(add_help=False)
    target.add_argument("--name", default="covey", help="of the cluster and its node (default: covey)")
    target.add_argument(
        "--run-dir", type=Path, help="where it keeps its state (default: by name, in your home)"
    )

    anywhere = argparse.ArgumentParser(add_help=False)
    anywhere.add_argument("--any", action="store_true", help="prefer a kubeconfig that is named, then kind")
    anywhere.add_argument("--kubeconfig", help="use this cluster; implies --any (default: $COVEY_KUBECONFIG)")

    api = argparse.ArgumentParser(add_help=False)
    api.add_argument(
        "--api-only", action="store_true", help="etcd, API server and controllers; takes no root"
    )

    for name, command, parents, text in (
        ("up", _up, [target, anywhere, api], "start a cluster; one that is up is started anew"),
        ("down", _down, [target, anywhere, api], "stop it and leave nothing behind"),
        ("status", _status, [target, anywhere, api], "say whether it is up and what runs in it"),
        ("env", _env, [target, anywhere, api], "print shell lines that point kubectl and helm at it"),
    ):
        each = commands.add_parser(name, help=text, parents=parents)
        each.set_defaults(command=command)

    image = commands.add_parser("image", help="build an image with buildah and load it", parents=[target])
    image.add_argument("--tag", required=True, help="its name, as in localhost/covey-runtime:dev")
    image.add_argument("--target", help="the target in the Dockerfile (default: its last)")
    image.add_argument(
        "--context", type=Path, default=Path(), help="the folder to build from (default: this one)"
    )
    image.add_argument("--file", type=Path, default=Path("Dockerfile"), help="under the context")
    image.add_argument("--archive", type=Path, help="write the image there instead of loading it")
    image.set_defaults(command=_image)

    which = commands.add_parser(
        "choose", help="say which way to a cluster --any would take", parents=[anywhere]
    )
    which.set_defaults(command=_choose)
    return parser


def _tools(options: argparse.Namespace) -> int:
    tools.obtain(only_api=options.only == "api")
    return 0


def _cluster(options: argparse.Namespace) -> AnyCluster:
    if options.any or options.kubeconfig:
        return cluster_of(look(options.kubeconfig), options.name, options.run_dir)
    return Cluster(options.run_dir, name=options.name)


def _api_run_dir(options: argparse.Namespace) -> Path:
    run_dir: Path | None = options.run_dir
    return run_dir or default_run_dir(f"{options.name}-api")


def _up(options: argparse.Namespace) -> int:
    if options.api_only:
        plane = ControlPlane(_api_run_dir(options)).start()
        print(f"The API server answers at {plane.server}; no node, so no pod will run.")
        print(f"export KUBECONFIG={plane.kubeconfig}")
        return 0
    cluster = _cluster(options)
    if isinstance(cluster, Cluster):
        tools.obtain()
    cluster.start()
    print(f"The cluster is ready. Its kubeconfig is {cluster.kubeconfig}.")
    _print_environment(cluster.kubeconfig)
    return 0


def _down(options: argparse.Namespace) -> int:
    run_dir = _api_run_dir(options)
    was_up = control_plane.down(run_dir) if options.api_only else _cluster(options).stop()
    print("The cluster is down." if was_up else "No cluster was up; nothing is left of one.")
    return 0


def _status(options: argparse.Namespace) -> int:
    if options.api_only:
        records = control_plane.processes(_api_run_dir(options))
        up = bool(records) and all(record.alive for record in records)
    else:
        cluster = _cluster(options)
        up = cluster.running
        records = cluster.processes() if isinstance(cluster, Cluster) else []
    for record in records:
        print(f"{record.name:20} {'runs' if record.alive else 'has ended'}")
    if up and not options.api_only:
        print(cluster.kubectl("get", "nodes", "-o=wide", "--request-timeout=20s"), end="")
    print("up" if up else "down")
    return 0 if up else 1


def _env(options: argparse.Namespace) -> int:
    kubeconfig = _api_run_dir(options) / "kubeconfig" if options.api_only else _cluster(options).kubeconfig
    if not kubeconfig.exists():
        raise ClusterError(
            f"There is no {kubeconfig}: run `python -m hack.cluster up` with the same options first."
        )
    _print_environment(kubeconfig)
    return 0


def _print_environment(kubeconfig: Path) -> None:
    print(f"export KUBECONFIG={kubeconfig}")
    if KUBECTL.folder.is_dir():
        print(f'export PATH="{KUBECTL.folder}:{HELM.folder}:$PATH"')


def _image(options: argparse.Namespace) -> int:
    tools.require(only_api=False)
    build = Build(options.tag, options.target, options.context, options.file)
    if options.archive:
        build_archive(build, options.archive)
        print(f"{options.tag} is in {options.archive}.")
        return 0
    with tempfile.TemporaryDirectory(prefix="covey-image-") as folder:
        archive = Path(folder) / "image.tar"
        build_archive(build, archive)
        loaded = Cluster(options.run_dir, name=options.name).load_image(archive)
        print(f"Loaded {', '.join(loaded)}.")
    return 0


def _choose(options: argparse.Namespace) -> int:
    choice = look(options.kubeconfig)
    print(f"{choice.way}: {choice.reason}")
    if choice.way is Way.TOOLS and tools.missing_parts(only_api=False):
        print("first run `python -m hack.cluster tools`")
    return 0
