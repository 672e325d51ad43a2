"""The cable between the machine and the node: a pair of virtual interfaces, and a way out by masquerading."""

import hashlib
import ipaddress
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.fault import ClusterError
from hack.find import find_program

_RESOLV_CONF = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_WE_FORWARD = Path("/run/covey-cluster-turned-forwarding-on")


@dataclass(frozen=True)
class Cable:
    """Names and addresses of one node's connection."""

    name: str
    subnet: ipaddress.IPv4Network

    @property
    def interface(self) -> str:
        """The machine's end; the node's is eth0."""
        return interface_of(self.name)

    @property
    def gateway(self) -> str:
        return str(self.subnet[1])

    @property
    def address(self) -> str:
        """The node's."""
        return str(self.subnet[2])

    @property
    def masquerading(self) -> str:
        """A script for nft."""
        return (
            f"table ip {table_of(self.name)} {{\n"
            "  chain postrouting {\n"
            "    type nat hook postrouting priority srcnat;\n"
            f'    ip saddr {self.subnet} oifname != "{self.interface}" masquerade\n'
            "  }\n"
            "}\n"
        )


def interface_of(name: str) -> str:
    """The machine's end of the cable of a node; the kernel allows 15 characters."""
    return f"cv-{name}"


def table_of(name: str) -> str:
    """The nftables table that masquerades what a node sends out."""
    return f"covey-{name}"


def free_subnet(name: str, used: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """A /29 of 10.201.0.0/16 that overlaps nothing in use; begins to look where the name's hash points."""
    candidates = list(ipaddress.IPv4Network("10.201.0.0/16").subnets(new_prefix=29))
    taken = list(used)
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % len(candidates)
    for subnet in (*candidates[first:], *candidates[:first]):
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise ClusterError("No /29 is free in 10.201.0.0/16: see `ip route`.")


def networks_in_use() -> list[ipaddress.IPv4Network]:
    """Where the machine has routes to, the default route aside."""
    routes = json.loads(_run("ip", "-json", "-4", "route", "show", "table", "all"))
    return [
        ipaddress.IPv4Network(route["dst"], strict=False)
        for route in routes
        if route["dst"] not in ("default", "0.0.0.0/0")
    ]


def holder(interface: str) -> str | None:
    """Whose interface of this name it is: the run folder that was noted on it; None when there is none."""
    done = subprocess.run(
        [_tool("ip"), "-json", "link", "show", interface], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return None
    return str(json.loads(done.stdout)[0].get("ifalias", "somebody else"))


def connect(cable: Cable, pid: int, run_dir: Path) -> None:
    """Plugs the network namespace of a process into the machine's."""
    node = ("nsenter", f"--target={pid}", "--net", "--")
    inside = (*node, _tool("ip"))
    prefix = f"/{cable.subnet.prefixlen}"
    _run("ip", "link", "add", cable.interface, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _run("ip", "link", "set", cable.interface, "alias", str(run_dir)[:255])
    _run("ip", "address", "add", cable.gateway + prefix, "dev", cable.interface)
    _run("ip", "link", "set", cable.interface, "up")
    _run(*inside, "link", "set", "lo", "up")
    _run(*inside, "address", "add", cable.address + prefix, "dev", "eth0")
    _run(*inside, "link", "set", "eth0", "up")
    _run(*inside, "route", "add", "default", "via", cable.gateway)
    _run(*node, "sh", "-c", f"echo 1 >{_FORWARDING}")
    _run("nft", "-f", "-", input=cable.masquerading)
    if _FORWARDING.read_text().strip() == "0":
        _WE_FORWARD.touch()
        _FORWARDING.write_text("1")


def disconnect(name: str) -> None:
    """Removes what `connect` left on the machine; nothing to remove is fine."""
    _run("ip", "link", "delete", interface_of(name), check=False)
    _run("nft", "delete", "table", "ip", table_of(name), check=False)
    if _WE_FORWARD.exists() and not list(Path("/sys/class/net").glob(interface_of("*"))):
        _FORWARDING.write_text("0")
        _WE_FORWARD.unlink()


def nameservers() -> list[str]:
    """The machine's name servers that a node can reach, which one on a loopback address is not."""
    for file in _RESOLV_CONF:
        found = reachable_nameservers(file.read_text()) if file.exists() else []
        if found:
            return found
    return []


def reachable_nameservers(resolv_conf: str) -> list[str]:
    """Addresses of version 4 named in a resolv.conf, loopback left out."""
    found = []
    for line in resolv_conf.splitlines():
        words = line.split()
        named = words[1] if len(words) > 1 and words[0] == "nameserver" and ":" not in words[1] else None
        if named and not ipaddress.IPv4Address(named).is_loopback:
            found.append(named)
    return found


def _tool(name: str) -> str:
    return str(find_program(name) or name)


def _run(name: str, *arguments: str, input: str | None = None, check: bool = True) -> str:
    command = [_tool(name), *arguments]
    done = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout
