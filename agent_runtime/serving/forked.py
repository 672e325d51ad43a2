"""A server's sockets are its process's own: a child that is forked and that outlives it must not keep them.

Else the port stays taken, and clients wait for answers on connections that nobody serves. Children that run
another program do not get them anyway: Python's sockets are not inheritable.
"""

import os
from collections.abc import Iterator
from weakref import WeakSet

import uvicorn

_servers: WeakSet[uvicorn.Server] = WeakSet()


def not_in_children(server: uvicorn.Server) -> None:
    """Close its sockets in each process that is forked from this one, a Python function's too."""
    _servers.add(server)


def _sockets(server: uvicorn.Server) -> Iterator[int]:
    for listening in getattr(server, "servers", ()):
        for sock in listening.sockets:
            yield sock.fileno()
    for connection in server.server_state.connections:
        if (transport := connection.transport) is not None:
            yield transport.get_extra_info("socket").fileno()


def _close() -> None:
    """Something else takes their numbers: the objects that hold these may still close them."""
    numbers = [number for server in tuple(_servers) for number in _sockets(server) if number >= 0]
    if not numbers:
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in numbers:
        os.dup2(nothing, number, inheritable=False)
    os.close(nothing)


os.register_at_fork(after_in_child=_close)
