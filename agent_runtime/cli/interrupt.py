"""Ctrl-C: the first press ends what the command does, and what it has to say is said whatever follows."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""
ENOUGH = 3
"""This many presses end the process at once, in case the command cannot come to its end."""


class Presses:
    """The handler of SIGINT. `timeout -s INT` and some terminals send it twice for one press."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Interrupt once."""
        self.more()
        if self._count == 1:
            raise KeyboardInterrupt

    def more(self) -> None:
        """Count one; leave the process when it is enough."""
        self._count += 1
        if self._count >= ENOUGH:
            os._exit(INTERRUPTED)


def listen() -> None:
    """Take the presses of this process from now on, unless its parent wants them ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, Presses())


def run_until_interrupt(work: Coroutine[Any, Any, T]) -> T:
    """Do it in a loop of its own. Raises KeyboardInterrupt after Ctrl-C, with all cleaned up."""
    before = signal.getsignal(signal.SIGINT)
    if not isinstance(before, Presses):
        return asyncio.run(work)
    was_pressed = False

    async def main() -> T:
        task = asyncio.current_task()

        def press() -> None:
            nonlocal was_pressed
            before.more()
            if not was_pressed and task is not None:
                was_pressed = True
                task.cancel()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, press)
        try:
            return await work
        finally:
            loop.remove_signal_handler(signal.SIGINT)  # puts Python's own in its place
            signal.signal(signal.SIGINT, before)

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if was_pressed:
            raise KeyboardInterrupt from None
        raise
