"""`covey up`: from manifests to a laptop that serves, until it is told to stop."""

import asyncio
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agent_runtime.core.background import describe, keep_running, report, spawn
from agent_runtime.core.forked import not_in_children
from agent_runtime.local.address import Address, remember
from agent_runtime.local.api.app import local_app
from agent_runtime.local.environment import Environment
from agent_runtime.local.errors import UserError
from agent_runtime.local.event_file import EventFile
from agent_runtime.local.events import EventBroadcaster
from agent_runtime.local.hosting.real_model import RealModel
from agent_runtime.local.log_file import log_to
from agent_runtime.local.manifests.files import written
from agent_runtime.local.manifests.load import Loaded, load
from agent_runtime.local.manifests.watch import Stamps, changes, stamps
from agent_runtime.local.one_shot import Delivered, OneShot, run_once
from agent_runtime.local.runtime import LocalRuntime
from agent_runtime.local.state import FOLDER, StateFolder
from agent_runtime.runs import reloading
from agent_runtime.runs.functions import Functions
from agent_runtime.server.http.health import Health
from agent_runtime.server.http.uvicorn_server import serve_app
from agent_runtime.telemetry import traces
from agent_runtime.telemetry.events import Event, Observer
from agent_runtime.tools.port import INPUT_DIR_VARIABLE, ToolContext

HOST = "127.0.0.1"
GRACE = 1.0
"""Seconds that open connections get once everything is drained."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person asked for."""

    paths: tuple[Path, ...]
    port: int
    """0: any free one."""
    environ: Mapping[str, str]
    state: Path | None = None
    """None: `.covey` in the folder of the manifests."""
    input_dir: Path | None = None
    """None: what COVEY_INPUT_DIR says, else `input` beside the manifests."""
    real_model: RealModel | None = None
    job: OneShot | None = None

    @property
    def folder(self) -> Path:
        """The folder of the manifests; of several paths, the first."""
        first = self.paths[0]
        return first if first.is_dir() else first.parent

    @property
    def tools(self) -> ToolContext:
        """What the agents' tools may see."""
        if self.input_dir is not None:
            return ToolContext(self.input_dir, input_named_by="--input")
        if named := self.environ.get(INPUT_DIR_VARIABLE):
            return ToolContext(Path(named))
        return ToolContext(self.folder / "input", input_named_by="the folder of the manifests")


@dataclass(slots=True)
class Up:
    """One `covey up` under way."""

    settings: Settings
    feed: EventBroadcaster
    note: Callable[[str], None]
    """Tells the person something; may be several lines."""
    on_ready: Callable[[LocalRuntime, Address], None]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    delivered: Delivered | None = None
    failure: UserError | None = None

    async def run(self) -> None:
        """Serve until a signal, or until the job is done. Raises UserError when it cannot start."""
        settings = self.settings
        since = stamps(settings.paths)
        loaded = load(settings.paths)
        with (
            StateFolder.open(settings.state or settings.folder / FOLDER) as state,
            _bound(settings.port) as sock,
            ExitStack() as closing,
        ):
            with written(state.path):
                events = EventFile(state.path)
                closing.callback(events.close)
                self.feed.keep_in(events)
                log_to(state.path, _in_loop(asyncio.get_running_loop(), self.feed))
            closing.callback(traces.configure("covey up", settings.environ))
            if str(settings.folder) not in sys.path:
                sys.path.append(str(settings.folder))  # functions of python nodes lie beside the manifests
            functions = Functions.of_image((settings.folder,))
            around = Environment(settings.environ, settings.tools, settings.real_model, functions=functions)
            reloading.watch_folder(settings.folder)
            runtime = LocalRuntime(state, around, self.feed)
            self._require_faultless(runtime, loaded)
            await runtime.load(loaded)
            runtime.runs.resume()
            url = f"http://{HOST}:{sock.getsockname()[1]}"
            where = state.announce(url, settings.folder)
            remember(state.path, settings.environ)
            await self._serve(runtime, where, sock, since)

    async def _serve(self, runtime: LocalRuntime, where: Address, sock: socket.socket, since: Stamps) -> None:
        health = Health()

        async def drain() -> None:
            health.draining = True
            if self.settings.job is None:
                self.note("finishing the work under way; Ctrl-C again stops at once")
            await runtime.drain()

        beside = spawn(self._beside(runtime, where, since), name="job or watch of the files")
        try:
            await serve_app(
                local_app(runtime, where.token, health),
                sock=sock,
                drain=drain,
                stop=self.stop,
                grace=GRACE,
            )
        finally:
            beside.cancel()
            with suppress(asyncio.CancelledError):
                await beside

    async def _beside(self, runtime: LocalRuntime, where: Address, since: Stamps) -> None:
        """What goes on while the server serves: the job, or watching the files."""
        try:
            self.on_ready(runtime, where)
            if self.settings.job is None:
                await keep_running(partial(self._reload_on_change, runtime, since), name="watch of the files")
                await self.stop.wait()
            else:
                self.delivered = await run_once(self.settings.job, runtime)
                self.stop.set()
        except asyncio.CancelledError:
            raise
        except UserError as failure:
            self.failure = failure
            self.stop.set()
        except Exception as error:  # of a job: there is nothing else to wait for
            self.failure = UserError(f"an unforeseen error ended it: {describe(error)}", "See the log.")
            self.stop.set()
            raise

    async def _reload_on_change(self, runtime: LocalRuntime, since: Stamps) -> None:
        async for _ in changes(self.settings.paths, since, self.stop):
            try:
                await self._reload(runtime)
            except Exception as error:  # whatever is wrong with the files, what runs keeps running
                report("reload of the manifests", error)
                why = str(error) if isinstance(error, UserError) else describe(error)
                self.note(f"the change is not taken in, the last good state goes on:\n  {why}")

    async def _reload(self, runtime: LocalRuntime) -> None:
        loaded = load(self.settings.paths)
        checked = runtime.check(loaded)
        if checked.faults:
            listed = "\n".join(f"  {fault}" for fault in checked.faults)
            self.note(f"the change is not taken in, the last good state goes on:\n{listed}")
            return
        await runtime.load(loaded)
        wanting = [*map(str, checked.missing), *problems(runtime)]
        self.note("\n  ".join([f"taken in: {_count(loaded)}", *wanting]))

    def _require_faultless(self, runtime: LocalRuntime, loaded: Loaded) -> None:
        checked = runtime.check(loaded)
        if checked.faults:
            number = len(checked.faults)
            listed = "\n".join(str(fault) for fault in checked.faults)
            word = "fault" if number == 1 else "faults"
            raise UserError(f"{number} {word} in the manifests\n{listed}", code=1)
        for fault in checked.missing:
            self.note(f"note: {fault}")


def _in_loop(loop: asyncio.AbstractEventLoop, observer: Observer) -> Observer:
    """The observer for whatever thread: what is logged is told in the loop, after what is under way."""

    def tell(event: Event) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(observer, event)

    return tell


def problems(runtime: LocalRuntime) -> list[str]:
    """What should run and does not, and why, a line each."""
    return [
        f"{kind.lower()}/{name} is not ready: {why}"
        for (kind, name), why in sorted(runtime.host.problems.items())
    ]


def _count(loaded: Loaded) -> str:
    number = len(loaded.resources)
    return f"{number} resource" if number == 1 else f"{number} resources"


def _bound(port: int) -> socket.socket:
    """A listening socket on this machine only. Raises UserError when the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise UserError(
            f"port {port} on {HOST} cannot be used: {(error.strerror or str(error)).lower()}",
            "Stop what uses it, or choose another with --port (0 takes any free one).",
            code=2,
        ) from error
    not_in_children(sock, socket.socket.close)
    return sock
