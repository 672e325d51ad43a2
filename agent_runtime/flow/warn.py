"""Warnings that point at the line of the user, not into this package."""

import sys
import warnings

_PACKAGE = __name__.rpartition(".")[0]


def warn(message: str) -> None:
    """Issue a UserWarning whose location is the nearest caller outside this package."""
    # `skip_file_prefixes` of `warnings.warn` does this from Python 3.12 on.
    depth, frame = 1, sys._getframe(1)
    while _is_ours(frame.f_globals.get("__name__", "")) and frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=depth + 1)


def _is_ours(module: str) -> bool:
    return module == _PACKAGE or module.startswith(_PACKAGE + ".")
