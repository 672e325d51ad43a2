"""The certificates of a cluster: made once per run by openssl, elliptic curves, valid for ten years."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.fault import ClusterError

_DAYS = "3650"


@dataclass(frozen=True)
class Certificate:
    """One certificate to be signed by `authority` (the name of another, self-signed when None)."""

    name: str
    subject: str
    authority: str | None
    usage: str = ""
    """"serverAuth" or "clientAuth"; nothing for an authority."""
    names: tuple[str, ...] = ()
    """Subject alternative names as openssl writes them: IP:127.0.0.1, DNS:localhost."""


def certificates(addresses: tuple[str, ...], node: str | None) -> tuple[Certificate, ...]:
    """All certificates of a cluster whose API server answers at these addresses; authorities come first."""
    service = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    )
    server_names = tuple(f"IP:{address}" for address in addresses) + tuple(
        f"DNS:{name}" for name in ("localhost", *service)
    )
    common = (
        Certificate("ca", "/CN=covey-cluster", None),
        Certificate("front-proxy-ca", "/CN=covey-front-proxy", None),
        Certificate("apiserver", "/CN=kube-apiserver", "ca", "serverAuth", server_names),
        Certificate("front-proxy", "/CN=front-proxy-client", "front-proxy-ca", "clientAuth"),
        Certificate("admin", "/O=system:masters/CN=admin", "ca", "clientAuth"),
        Certificate("controller-manager", "/CN=system:kube-controller-manager", "ca", "clientAuth"),
    )
    if node is None:
        return common
    return (
        *common,
        Certificate(
            "kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", "ca", "clientAuth"
        ),
        Certificate("scheduler", "/CN=system:kube-scheduler", "ca", "clientAuth"),
        Certificate("proxy", "/CN=system:kube-proxy", "ca", "clientAuth"),
        Certificate("coredns", "/CN=system:coredns", "ca", "clientAuth"),
        Certificate("volume-provisioner", "/CN=volume-provisioner", "ca", "clientAuth"),
        Certificate("node", f"/O=system:nodes/CN=system:node:{node}", "ca", "clientAuth"),
        Certificate(
            "kubelet",
            f"/O=system:nodes/CN=system:node:{node}",
            "ca",
            "serverAuth",
            (f"DNS:{node}", *(f"IP:{address}" for address in addresses)),
        ),
    )


def openssl_arguments(certificate: Certificate, folder: Path) -> list[str]:
    """The command that writes NAME.key and NAME.crt into `folder`."""
    key, crt = folder / f"{certificate.name}.key", folder / f"{certificate.name}.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", _DAYS, "-subj", certificate.subject, "-keyout", str(key), "-out", str(crt)]
    if certificate.authority is None:
        extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
    else:
        authority = folder / certificate.authority
        command += ["-CA", f"{authority}.crt", "-CAkey", f"{authority}.key"]
        extensions = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"]
        extensions.append(f"extendedKeyUsage={certificate.usage}")
    if certificate.names:
        extensions.append(f"subjectAltName={','.join(certificate.names)}")
    # An empty configuration: else openssl adds the system's own extensions to ours.
    command += ["-config", str(folder / "openssl.cnf")]
    for extension in extensions:
        command += ["-addext", extension]
    return command


def write_pki(folder: Path, wanted: tuple[Certificate, ...]) -> None:
    """Writes keys and certificates, and the RSA key pair of service account tokens (sa.key, sa.pub)."""
    folder.mkdir(parents=True, mode=0o700)
    (folder / "openssl.cnf").write_text("[req]\ndistinguished_name=dn\n[dn]\n")
    for certificate in wanted:
        _run(openssl_arguments(certificate, folder))
    write_signing_keys(folder, "sa")


def write_signing_keys(folder: Path, name: str) -> None:
    """Writes NAME.key and NAME.pub, RSA, for the tokens of service accounts."""
    key, public = str(folder / f"{name}.key"), str(folder / f"{name}.pub")
    _run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key])
    _run(["openssl", "pkey", "-in", key, "-pubout", "-out", public])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"the certificates take openssl 3; `{' '.join(command)}` said:\n{done.stderr}")
