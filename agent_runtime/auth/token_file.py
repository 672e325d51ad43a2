"""A token in a file that somebody else writes anew before it expires, as the kubelet does."""

from pathlib import Path


class TokenUnreadable(OSError):
    """There is no token in the file; the message names it."""


class TokenFile:
    """Call it for the token as it is now. A look at the file's times tells whether it must be read again."""

    __slots__ = ("_path", "_seen", "_token")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._token = ""

    def __call__(self) -> str:
        """Raises TokenUnreadable."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino)  # the kubelet puts another file in its place
            if seen != self._seen:
                self._token, self._seen = self._path.read_text().strip(), seen
        except (OSError, UnicodeDecodeError) as error:
            raise TokenUnreadable(f"the pod's token {self._path} cannot be read: {error}") from error
        if not self._token:
            raise TokenUnreadable(f"the pod's token {self._path} is empty")
        return self._token
