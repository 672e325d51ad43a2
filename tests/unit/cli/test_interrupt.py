"""What a command still says when Ctrl-C is pressed again while it ends."""

import subprocess
import sys

import pytest

BEGIN = """
import asyncio, signal
from agent_runtime.cli.entry import CommandLine
from agent_runtime.cli.interrupt import run_until_interrupt
app = CommandLine()
def press(): signal.raise_signal(signal.SIGINT)
"""
WAITS = """
@app.command()
def wait():
    try:
        press()
    finally:
        {again}
        print("it goes on", flush=True)
"""
LOOPS = """
async def work():
    try:
        press()
        await asyncio.Event().wait()
    finally:
        {again}
        await asyncio.sleep(0.01)
        print("it goes on", flush=True)
@app.command()
def loop():
    run_until_interrupt(work())
"""
END = "\napp()\n"


@pytest.mark.parametrize("command", [WAITS, LOOPS])
@pytest.mark.parametrize("again", ["pass", "press()"])
def test_a_second_press_takes_no_word_away(command: str, again: str) -> None:
    done = _run(command.format(again=again))
    assert (done.returncode, done.stdout, done.stderr) == (130, "it goes on\n", "")


@pytest.mark.parametrize("command", [WAITS, LOOPS])
def test_a_third_press_ends_what_does_not_end(command: str) -> None:
    again = "press(); __import__('time').sleep(0.01); press()"
    for_ever = command.replace("print(", "signal.pause(); print(")
    if command is LOOPS:
        again = "press(); await asyncio.sleep(0.01); press(); await asyncio.sleep(0.01)"
    done = _run(for_ever.format(again=again))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def _run(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN + command + END],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
