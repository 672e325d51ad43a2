"""A Kubernetes on this machine with Covey in it, built from the working tree: `make cluster`.

`python -m hack.covey up` takes a kubeconfig that is named by COVEY_KUBECONFIG, else kind where Docker
answers, else the node of `hack.cluster`. The end-to-end tests install Covey by the same functions.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hack import bare
from hack.cluster import tools
from hack.cluster.choose import AnyCluster, NamedCluster, cluster_of, look
from hack.cluster.fault import ClusterError
from hack.cluster.images.debian import BASE, POSTGRES, REDIS, DebianImage
from hack.cluster.images.images import Build, build_archive
from hack.cluster.kind import KindCluster
from hack.cluster.node.node import Cluster
from hack.cluster.programs import HELM, KUBECTL

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "covey-system"


@dataclass(frozen=True)
class Images:
    """The images that are installed; None leaves the chart's own."""

    runtime: str
    operator: str
    redis: str | None = None
    postgres: str | None = None


def source_tag() -> str:
    """A tag that changes with whatever gets into the images, so that an upgrade rolls what is old."""
    digest = hashlib.sha256(BASE.tag.encode())
    wanted = (
        "Dockerfile",
        "requirements/*.txt",
        "agent_runtime/**/*",
        "covey/**/*",
        "operator/covey_operator/**/*",
    )
    for file in sorted(file for pattern in wanted for file in ROOT.glob(pattern)):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return f"dev-{digest.hexdigest()[:12]}"


def load_images(cluster: AnyCluster) -> Images:
    """Builds our images and brings them into the cluster, and those of databases where none can be pulled."""
    tag = source_tag()
    runtime, operator = (f"localhost/covey-{target}:{tag}" for target in ("runtime", "operator"))
    databases: tuple[DebianImage, ...] = () if isinstance(cluster, KindCluster) else (REDIS, POSTGRES)
    images = Images(runtime, operator, **{image.name: image.tag for image in databases})
    there = cluster.images()
    with tempfile.TemporaryDirectory(prefix="covey-images-") as folder:
        for name, target in ((runtime, "runtime"), (operator, "operator")):
            if name not in there:
                say(f"building {name}")
                archive = Path(folder) / f"{target}.tar"
                _build(cluster, name, target, archive)
                cluster.load_image(archive)
    for image in databases:
        if image.tag not in there:
            cluster.load_image(image.archive)
    return images


def _build(cluster: AnyCluster, name: str, target: str, archive: Path) -> None:
    """Docker builds on the Dockerfile's own base image; where there is none, buildah builds on ours."""
    if isinstance(cluster, KindCluster):
        _docker("build", f"--target={target}", f"--tag={name}", str(ROOT))
        _docker("save", f"--output={archive}", name)
    else:
        build_archive(Build(name, target, ROOT), archive)


def _docker(*arguments: str) -> None:
    done = subprocess.run(["docker", *arguments], check=False)
    if done.returncode != 0:
        raise ClusterError(f"docker {' '.join(arguments)}: exit status {done.returncode}")


def install(cluster: AnyCluster, images: Images | None) -> None:
    """Installs or upgrades both charts and waits for operator and run store.

    `images` None leaves the chart's own. The run store's volume comes from the cluster's default class.
    """
    wait = ("--namespace", NAMESPACE, "--create-namespace", "--wait", "--timeout=180s")
    cluster.helm("upgrade", "--install", "covey-crds", str(ROOT / "charts/covey-crds"), *wait)
    settings: list[str] = []
    if images is not None:
        settings += image_values("images.runtime", images.runtime)
        settings += image_values("images.operator", images.operator)
        if images.redis is not None:
            settings += image_values("images.store", images.redis)
            settings += ["--set-json", 'storeCommand=["redis-server"]']
        if images.postgres is not None:
            settings += image_values("images.postgres", images.postgres)
    try:
        cluster.helm("upgrade", "--install", "covey", str(ROOT / "charts/covey"), *wait, *settings)
    except ClusterError as error:
        look_there = (f"--namespace={NAMESPACE}", "--request-timeout=20s")
        pods = cluster.kubectl("get", "pods", *look_there, check=False)
        logs = [
            cluster.kubectl("logs", part, "--tail=20", *look_there, check=False)
            for part in ("deployment/covey-operator", "statefulset/covey-runs")
        ]
        raise ClusterError(f"{error}\n{pods}{''.join(logs)}") from error


def image_values(prefix: str, image: str) -> list[str]:
    """An image's name as settings of the chart."""
    repository, _, tag = image.rpartition(":")
    return ["--set-string", f"{prefix}.repository={repository}", "--set-string", f"{prefix}.tag={tag}"]


def up(name: str) -> int:
    """Starts a cluster unless it runs, and installs Covey in it."""
    choice = look()
    say(f"cluster by {choice.way}: {choice.reason}")
    cluster = cluster_of(choice, name)
    if isinstance(cluster, Cluster):
        tools.obtain()
    if isinstance(cluster, Cluster) and cluster.running:
        say(f"the node {name} is up already")
    else:
        cluster.start()
    images = None
    if not isinstance(cluster, NamedCluster):
        images = load_images(cluster)
    say("installing Covey")
    install(cluster, images)
    programs = f"{KUBECTL.folder}:{HELM.folder}"
    say(
        f"""
Covey runs in the cluster. What to type next:

  export KUBECONFIG={cluster.kubeconfig}
  export PATH="{programs}:$PATH"
  kubectl apply -k examples/hello
  kubectl wait --for=condition=Ready agent/polly --timeout=120s
  kubectl get covey
  kubectl port-forward service/polly-agent 8080 &
  curl -s localhost:8080/v1/chat -H 'content-type: application/json' -d '{{"message": "Hello"}}'

`make cluster-down` takes it away again."""
    )
    return 0


def down(name: str) -> int:
    """Stops a cluster of ours, or takes Covey out of one that was named."""
    cluster = cluster_of(look(), name)
    if isinstance(cluster, NamedCluster):
        for chart in ("covey", "covey-crds"):
            cluster.helm("uninstall", chart, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
        say("Covey is out of the cluster; its CRDs, what you made of them, and the volume of the runs stay.")
        return 0
    say("The cluster is down." if cluster.stop() else "No cluster was up; nothing is left of one.")
    return 0


def say(text: str) -> None:
    """A line for the person at the terminal."""
    print(text, flush=True)


def main() -> int:
    """0 when it is done, 1 with a message when it is not."""
    parser = argparse.ArgumentParser(prog="python -m hack.covey", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--name", default="covey", help="of the cluster (default: covey)")
    bare.enter()
    options = parser.parse_args()
    try:
        return up(options.name) if options.command == "up" else down(options.name)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
