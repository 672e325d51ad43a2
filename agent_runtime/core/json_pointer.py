"""JSON pointers (RFC 6901)."""

from collections.abc import Iterable


def pointer(path: Iterable[object]) -> str:
    """A path into a JSON value as a JSON pointer; empty for the value itself."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
