"""The programs of a cluster: from which Go module each is built, and how."""

from dataclasses import dataclass
from pathlib import Path

from hack.cluster.cache import cache_home, content_key

SOURCES = Path(__file__).parent / "build"

KUBERNETES = "v1.36.3"
CONTAINERD = "2.4.2"

_KUBERNETES_LINK = (
    f"-X k8s.io/component-base/version.gitVersion={KUBERNETES} "
    f"-X k8s.io/component-base/version.gitMajor={KUBERNETES[1:].split('.')[0]} "
    f"-X k8s.io/component-base/version.gitMinor={KUBERNETES[1:].split('.')[1]}"
)


@dataclass(frozen=True)
class Program:
    """One command built from a pinned Go module.

    `packages` maps the name of each binary to its package; `minutes` is what a cold build costs on two cores.
    """

    name: str
    module: str
    packages: tuple[tuple[str, str], ...]
    minutes: int
    tags: str = ""
    link: str = ""

    @property
    def source(self) -> Path:
        return SOURCES / self.module

    @property
    def folder(self) -> Path:
        """Where its binaries are, once built."""
        return cache_home() / f"{self.name}-{self.key}"

    @property
    def key(self) -> str:
        """Changes with the pinned modules, our own sources and the flags, not with the Go release."""
        local = [self.source / package for _, package in self.packages if package.startswith(".")]
        sources = [*self.source.glob("go.*"), *(file for folder in local for file in folder.glob("*.go"))]
        return content_key(sources, f"{self.packages} {self.tags} {self.link}")

    def command(self, binary: str, package: str, output: Path) -> list[str]:
        """The `go build` line for one of its binaries; to be run in `source` with CGO_ENABLED=0."""
        tags = ["-tags", self.tags] if self.tags else []
        link = f"-s -w {self.link}".strip()
        return [
            "go",
            "build",
            "-v",
            "-trimpath",
            "-buildvcs=false",
            *tags,
            "-ldflags",
            link,
            "-o",
            str(output / binary),
            package,
        ]

    def path(self, binary: str = "") -> Path:
        """Where one of its binaries is, once built."""
        return self.folder / (binary or self.name)


ETCD = Program("etcd", "etcd", (("etcd", "go.etcd.io/etcd/server/v3"),), minutes=3)
KUBE = Program("kube", "kubernetes", (("kube", "./kube"),), minutes=15, link=_KUBERNETES_LINK)
KUBECTL = Program(
    "kubectl", "kubernetes", (("kubectl", "k8s.io/kubernetes/cmd/kubectl"),), minutes=2, link=_KUBERNETES_LINK
)
HELM = Program("helm", "kubernetes", (("helm", "helm.sh/helm/v4/cmd/helm"),), minutes=3)
PAUSE = Program("pause", "pause", (("pause", "."),), minutes=1)
COREDNS = Program("coredns", "kubernetes", (("coredns", "./coredns"),), minutes=3)
CONTAINERD_SUITE = Program(
    "containerd",
    "containerd",
    tuple(
        (binary, f"github.com/containerd/containerd/v2/cmd/{binary}")
        for binary in ("containerd", "containerd-shim-runc-v2", "ctr")
    ),
    minutes=5,
    tags="no_btrfs no_devmapper no_zfs",
    link=f"-X github.com/containerd/containerd/v2/version.Version={CONTAINERD}",
)

API_PROGRAMS = (ETCD, KUBE, KUBECTL)
NODE_PROGRAMS = (PAUSE, HELM, CONTAINERD_SUITE, COREDNS)
