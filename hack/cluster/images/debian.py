"""Images made of Debian packages by mmdebstrap: what a Dockerfile builds on where no registry answers."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hack.cluster.cache import cache_home, content_key
from hack.cluster.fault import ClusterError, last_lines
from hack.cluster.images.archive import write_archive

SUITE = "trixie"
SOURCES = (
    f"deb http://deb.debian.org/debian {SUITE} main",
    f"deb http://deb.debian.org/debian-security {SUITE}-security main",
)
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class DebianImage:
    """A small Debian with some packages; the tag names the exact recipe, so it may be cached for good."""

    name: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    removed: tuple[str, ...] = ()
    """Patterns of what the packages bring and the image can do without."""

    @property
    def key(self) -> str:
        recipe = f"{SOURCES} {self.packages} {self.command} {_LEFT_OUT}"
        return content_key([], recipe + (f" {self.removed}" if self.removed else ""))

    @property
    def tag(self) -> str:
        return f"localhost/covey-{self.name}:{SUITE}-{self.key}"

    @property
    def folder(self) -> Path:
        return cache_home() / f"image-{self.name}-{self.key}"

    @property
    def archive(self) -> Path:
        return self.folder / "image.tar"

    def mmdebstrap(self, output: Path) -> list[str]:
        """The command that writes the image's only layer."""
        return [
            "mmdebstrap",
            "--variant=essential",
            f"--include={','.join(self.packages)}",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
            *(f'--customize-hook=rm -rf "$1"/{pattern}' for pattern in self.removed),
            SUITE,
            str(output),
            *SOURCES,
        ]

    def build(self, draft: Path, log: Path) -> None:
        """Writes image.tar into `draft`; about a minute."""
        layer = draft / "layer.tar"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
        with log.open("ab") as output:
            done = subprocess.run(
                self.mmdebstrap(layer), stdout=output, stderr=output, env=environment, check=False
            )
        if done.returncode != 0:
            raise ClusterError(
                f"mmdebstrap could not make the image {self.tag}: is the Debian mirror in reach?\n"
                f"{last_lines(log)}"
            )
        write_archive(
            draft / "image.tar", self.tag, layer, command=self.command, environment={"PATH": _SEARCH_PATH}
        )
        layer.unlink()


BASE = DebianImage("base", ("ca-certificates", "libstdc++6", "python3", "python3-venv"), ("python3",))
"""For both stages of our Dockerfile: Python 3.13 at /usr/bin/python3, able to make virtual environments."""

REDIS = DebianImage("redis", ("redis-server", "redis-tools"), ("redis-server",))
"""Redis 8.0, with redis-cli."""

POSTGRES = DebianImage(
    "postgres",
    ("postgresql-17", "postgresql-17-pgvector"),
    ("/usr/lib/postgresql/17/bin/postgres",),
    # an empty database that the package makes, and the compiler of long queries: half of the image
    removed=(
        "var/lib/postgresql/*",
        "usr/lib/postgresql/17/lib/bitcode",
        "usr/lib/postgresql/17/lib/llvmjit*",
        "usr/lib/*/libLLVM*",
        "usr/lib/*/libz3*",
    ),
)
"""PostgreSQL 17 with the extension `vector`."""
