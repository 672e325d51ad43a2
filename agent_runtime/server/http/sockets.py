"""The sockets of a server, for a forked child that must not keep them.

Else the port stays taken, and clients wait for answers on connections that nobody serves. Children that run
another program do not get them: Python's sockets are not inheritable.
"""

import os
from collections.abc import Iterator

import uvicorn


def close_sockets(server: uvicorn.Server) -> None:
    """Give their numbers to the null device: the objects that hold these may still close them."""
    numbers = [number for number in _sockets(server) if number >= 0]
    if not numbers:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        os.dup2(nothing, number, inheritable=False)
    os.close(nothing)


def _sockets(server: uvicorn.Server) -> Iterator[int]:
    for listening in getattr(server, "servers", ()):
        for sock in listening.sockets:
            yield sock.fileno()
    for connection in server.server_state.connections:
        if (transport := connection.transport) is not None:
            yield transport.get_extra_info("socket").fileno()
