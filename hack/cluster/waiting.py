"""Waiting for servers by talking to them, always with a deadline and a word on what went wrong."""

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from hack.cluster.fault import ClusterError, last_lines
from hack.cluster.processes import Record

Probe = Callable[[], bool]
_PAUSE = 0.2


def until(what: str, ready: Probe, log: Path, process: Record | None = None, seconds: float = 300.0) -> None:
    """Returns when `ready()`; raises ClusterError at the deadline or as soon as the process has ended."""
    deadline = time.monotonic() + seconds
    while not ready():
        ended = process is not None and process.wait(0)
        if ended or time.monotonic() > deadline:
            why = "its process ended" if ended else f"not within {seconds:.0f} s"
            raise ClusterError(f"{what}: {why}.\n{last_lines(log)}")
        time.sleep(_PAUSE)


def tls_context(pki: Path, client: str) -> ssl.SSLContext:
    """Trusts the cluster's authority and shows a client certificate."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / f"{client}.crt", pki / f"{client}.key")
    return context


def answers(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether a GET is answered with 200 within five seconds."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(url, timeout=5.0) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
