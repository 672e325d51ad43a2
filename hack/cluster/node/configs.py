"""The configuration files of a node's programs. Pure: settings in, texts out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POD_RANGE = "10.244.0.0/16"
NODE_POD_RANGE = "10.244.0.0/22"
SOCKET = "/run/containerd/containerd.sock"


@dataclass(frozen=True)
class NodeSettings:
    """What the files of one node have in common."""

    name: str
    address: str
    run_dir: Path
    cgroup: str
    cni_folder: Path
    runc: str
    pause_tag: str
    nameservers: tuple[str, ...]


def kubelet_config(node: NodeSettings) -> str:
    """Works with cgroup v1 and v2, never evicts for a full disk, trusts the cluster's authority only."""
    pki = node.run_dir / "pki"
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{node.cgroup}",
            "clusterDNS": [node.address],
            "clusterDomain": "cluster.local",
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%"},
            "failCgroupV1": False,
            "failSwapOn": False,
            "imageGCHighThresholdPercent": 100,
            "makeIPTablesUtilChains": False,
            "maxPods": 250,
            "resolvConf": str(node.run_dir / "resolv.conf"),
            "tlsCertFile": str(pki / "kubelet.crt"),
            "tlsPrivateKeyFile": str(pki / "kubelet.key"),
            "volumePluginDir": str(node.run_dir / "volume-plugins"),
        }
    )


def proxy_config(node: NodeSettings) -> str:
    """nftables, without the kernel settings that only the machine's own network namespace may change."""
    return _json(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(node.run_dir / "proxy.kubeconfig")},
            "clusterCIDR": POD_RANGE,
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpCloseWaitTimeout": "0s",
                "tcpEstablishedTimeout": "0s",
            },
            "hostnameOverride": node.name,
            "mode": "nftables",
        }
    )


def containerd_config(node: NodeSettings) -> str:
    """`restrict_oom_score_adj`: without CAP_SYS_RESOURCE nobody may lower a score, and runc dies trying."""
    return f"""\
version = 3
root = "{node.run_dir}/containerd"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{node.pause_tag}"

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{node.cni_folder}"]
conf_dir = "{node.run_dir}/cni"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "{node.runc}"
SystemdCgroup = false
"""


def cni_config() -> str:
    """A routed cable per pod: unlike a bridge it needs no br_netfilter for a Service to reach a neighbour."""
    ipam = {
        "type": "host-local",
        "dataDir": "/run/cni-leases",
        "ranges": [[{"subnet": NODE_POD_RANGE}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    return _json(
        {
            "cniVersion": "1.0.0",
            "name": "covey",
            "plugins": [
                {"type": "ptp", "ipMasq": True, "ipam": ipam},
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        }
    )


def corefile(node: NodeSettings) -> str:
    """Names of the cluster, briefly cached so that a test sees changes; others from the machine's servers."""
    forward = f"    forward . {' '.join(node.nameservers)}\n" if node.nameservers else ""
    return f"""\
.:53 {{
    bind {node.address}
    errors
    ready {node.address}:8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {node.run_dir}/coredns.kubeconfig
        pods insecure
        ttl 2
        fallthrough in-addr.arpa ip6.arpa
    }}
    cache 10
{forward}}}
"""


def resolv_conf(node: NodeSettings) -> str:
    """For pods that ask for the machine's DNS."""
    return "".join(f"nameserver {server}\n" for server in node.nameservers)


def addons() -> str:
    """What a cluster holds from the start: the default storage class, and the rights of its own programs."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "covey.dev/local",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    read = ["get", "list", "watch"]
    dns_rules = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": read},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
    ]
    items = [
        storage_class,
        {**_rbac("ClusterRole", "system:coredns"), "rules": dns_rules},
        _binding("system:coredns", "system:coredns"),
        _binding("volume-provisioner", "system:persistent-volume-provisioner"),
    ]
    return _json({"apiVersion": "v1", "kind": "List", "items": items})


def _rbac(kind: str, name: str) -> dict[str, object]:
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}}


def _binding(user: str, role: str) -> dict[str, object]:
    group = "rbac.authorization.k8s.io"
    return {
        **_rbac("ClusterRoleBinding", f"covey-cluster:{user}"),
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }


def config_files(node: NodeSettings) -> Mapping[str, str]:
    """Every file of a node, by its path in the run folder."""
    return {
        "Corefile": corefile(node),
        "addons.json": addons(),
        "cni/10-covey.conflist": cni_config(),
        "containerd.toml": containerd_config(node),
        "kubelet.json": kubelet_config(node),
        "proxy.json": proxy_config(node),
        "resolv.conf": resolv_conf(node),
    }


def _json(value: Mapping[str, object] | Sequence[object]) -> str:
    return json.dumps(value, indent=1) + "\n"
