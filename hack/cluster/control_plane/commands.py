"""The command lines of etcd, the API server and the controller manager. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.programs import ETCD, KUBE

SERVICE_RANGE = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"

API_TIER_CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)
"""No controller of workloads: in the API server's tier a test plays their part by writing status itself."""


@dataclass(frozen=True)
class Ports:
    """Where the servers of a control plane listen."""

    etcd: int
    etcd_peer: int
    apiserver: int


def audit_policy() -> str:
    """Metadata of every write, and nothing else, once, when it has been answered."""
    reads = {"level": "None", "verbs": ["get", "list", "watch"]}
    reviews = {
        "level": "None",
        "resources": [{"group": group} for group in ("authentication.k8s.io", "authorization.k8s.io")],
    }
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": [reads, reviews, {"level": "Metadata"}],
    }
    return json.dumps(policy, indent=1)


def etcd_command(run_dir: Path, ports: Ports) -> list[str]:
    """One member that never waits for the disk: its data lives no longer than the cluster."""
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.etcd_peer}"
    return [
        str(ETCD.path()),
        "--name=covey",
        f"--data-dir={run_dir / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=covey={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver_command(
    run_dir: Path, ports: Ports, *, bind: str, advertise: str, extra: Sequence[str] = ()
) -> list[str]:
    """The API server, which admits only requests with a client certificate or a service account's token."""
    pki = run_dir / "pki"
    return [
        str(KUBE.path()),
        "kube-apiserver",
        f"--advertise-address={advertise}",
        "--allow-privileged=true",
        f"--audit-log-path={run_dir / 'audit.log'}",
        "--audit-log-maxsize=2048",
        f"--audit-policy-file={run_dir / 'audit-policy.json'}",
        "--authorization-mode=Node,RBAC",
        f"--bind-address={bind}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--enable-admission-plugins=NodeRestriction",
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        f"--proxy-client-cert-file={pki / 'front-proxy.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy.key'}",
        "--requestheader-allowed-names=front-proxy-client",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--secure-port={ports.apiserver}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        *extra,
    ]


def controller_manager_command(run_dir: Path, controllers: Sequence[str]) -> list[str]:
    """The controllers named, "*" being all that are on by default."""
    pki = run_dir / "pki"
    return [
        str(KUBE.path()),
        "kube-controller-manager",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        f"--controllers={','.join(controllers)}",
        f"--kubeconfig={run_dir / 'controller-manager.kubeconfig'}",
        "--leader-elect=false",
        f"--root-ca-file={pki / 'ca.crt'}",
        "--secure-port=0",
        f"--service-account-private-key-file={pki / 'sa.key'}",
        "--use-service-account-credentials=true",
    ]
