"""The command lines of the programs that make a control plane into a cluster. Pure."""

from pathlib import Path

from hack.cluster.programs import CONTAINERD_SUITE, COREDNS, KUBE

APISERVER_PORT = 6443


def apiserver_options(run_dir: Path) -> list[str]:
    """How the API server reaches the kubelet: by address, for the node's name is in no DNS."""
    pki = run_dir / "pki"
    return [
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--enable-aggregator-routing=true",
    ]


def containerd_command(run_dir: Path) -> list[str]:
    """With our shim on the search path."""
    path = f"PATH={CONTAINERD_SUITE.folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return [
        "env",
        path,
        str(CONTAINERD_SUITE.path()),
        f"--config={run_dir / 'containerd.toml'}",
        "--log-level=info",
    ]


def ctr_command(*arguments: str) -> list[str]:
    """A command to containerd about the images and containers of Kubernetes."""
    return [str(CONTAINERD_SUITE.path("ctr")), "--namespace=k8s.io", *arguments]


def scheduler_command(run_dir: Path) -> list[str]:
    return [
        str(KUBE.path()),
        "kube-scheduler",
        f"--kubeconfig={run_dir / 'scheduler.kubeconfig'}",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def kubelet_command(run_dir: Path, name: str, address: str) -> list[str]:
    return [
        str(KUBE.path()),
        "kubelet",
        f"--config={run_dir / 'kubelet.json'}",
        f"--hostname-override={name}",
        f"--kubeconfig={run_dir / 'node.kubeconfig'}",
        f"--node-ip={address}",
    ]


def proxy_command(run_dir: Path) -> list[str]:
    return [str(KUBE.path()), "kube-proxy", f"--config={run_dir / 'proxy.json'}"]


def coredns_command(run_dir: Path) -> list[str]:
    return [str(COREDNS.path()), f"-conf={run_dir / 'Corefile'}"]


def provisioner_command(run_dir: Path) -> list[str]:
    return [
        str(KUBE.path()),
        "volume-provisioner",
        f"--kubeconfig={run_dir / 'volume-provisioner.kubeconfig'}",
        f"--root={run_dir / 'volumes'}",
    ]
