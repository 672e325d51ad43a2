"""The node: its machine, network, kubelet and containerd."""
