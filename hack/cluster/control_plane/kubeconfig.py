"""Kubeconfig files: everything in one file, so that it can be copied."""

import base64
import json
import os
from pathlib import Path


def kubeconfig(name: str, server: str, pki: Path, client: str) -> dict[str, object]:
    """A kubeconfig for the holder of a client certificate, the certificates inlined."""

    def inline(file: str) -> str:
        return base64.b64encode((pki / file).read_bytes()).decode()

    cluster = {"server": server, "certificate-authority-data": inline("ca.crt")}
    user = {"client-certificate-data": inline(f"{client}.crt"), "client-key-data": inline(f"{client}.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": client, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": client}}],
        "current-context": name,
    }


def write_kubeconfig(target: Path, name: str, server: str, pki: Path, client: str) -> Path:
    """Writes it, readable by its owner alone, and returns `target`. JSON is YAML too."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(kubeconfig(name, server, pki, client), file, indent=1)
    return target
