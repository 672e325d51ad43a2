"""`covey up`: what a person sees of it."""

import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from agent_runtime.api.base import seconds
from agent_runtime.cli.command import spelled, wrapped
from agent_runtime.cli.output.display import Display, display_for
from agent_runtime.cli.output.printing import say, tell
from agent_runtime.cli.payload import typed_payload
from agent_runtime.core.background import report, spawn
from agent_runtime.core.visible import visible
from agent_runtime.local.address import Address
from agent_runtime.local.errors import UserError
from agent_runtime.local.events import EventBroadcaster
from agent_runtime.local.hosting.real_model import RealModel
from agent_runtime.local.one_shot import Delivered, OneShot
from agent_runtime.local.runtime import LocalRuntime
from agent_runtime.local.up import Settings, Up, problems
from agent_runtime.server.http import loop

DEFAULT_PORT = 8765
DEFAULT_MODEL = "gpt-5-mini"


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    paths: tuple[Path, ...]
    port: int | None
    state: Path | None
    input_dir: Path | None
    real_model: str | None
    """The name of the model in place of the scripted ones; None: they stay."""
    publish: tuple[str, ...]
    until: str | None
    save: Path | None
    timeout: str | None
    """None: a minute, or ten with a real model."""


def run(options: Options) -> None:
    """Serve until Ctrl-C, or do one job and end."""
    began = time.monotonic()
    settings = _settings(options)
    feed = EventBroadcaster()
    with ExitStack() as stack:
        display = stack.enter_context(display_for(sys.stderr, job=settings.job))
        up = Up(
            settings,
            feed,
            note=display.note,
            on_ready=lambda runtime, where: _ready(
                display, runtime, where, settings, time.monotonic() - began
            ),
        )
        loop.run(_run(up, display))
    if up.failure is not None:
        raise up.failure
    if settings.job is None:
        return
    if up.delivered is None:
        raise UserError(f"stopped before there was a {settings.job.until}", code=130)
    _finish(options, up.delivered)


async def _run(up: Up, display: Display) -> None:
    async def show() -> None:
        async for entry in up.feed.live():
            try:
                display.event(entry.wire())
            except (ValueError, TypeError, KeyError) as error:  # one event that cannot be shown
                report("display", error)

    showing = spawn(show(), name="display")
    try:
        await up.run()
        up.feed.close()
        await showing
    finally:
        showing.cancel()


def _settings(options: Options) -> Settings:
    job = None
    if options.until is not None:
        if not options.publish:
            raise UserError(
                "--until waits for what comes of something", "Say of what: --publish Type=JSON.", code=2
            )
        job = OneShot(
            tuple(typed_payload(text, "--publish") for text in options.publish),
            options.until,
            _seconds(options.timeout or ("1m" if options.real_model is None else "10m")),
        )
    elif options.publish or options.save:
        raise UserError("--publish and --save belong to a job that ends", "Say when: --until Type.", code=2)
    if options.input_dir is not None:
        _require_readable(options.input_dir)
    port = options.port if options.port is not None else (DEFAULT_PORT if job is None else 0)
    real = None
    if options.real_model is not None:
        real = RealModel.from_environment(options.real_model, os.environ)
    # Absolute, since functions of Python nodes run in this process and may change its working directory.
    return Settings(
        tuple(path.absolute() for path in options.paths),
        port,
        dict(os.environ),
        None if options.state is None else options.state.absolute(),
        None if options.input_dir is None else options.input_dir.absolute(),
        real,
        job,
    )


def _require_readable(folder: Path) -> None:
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(
            f"--input {folder} cannot be read: {reason}", "Name a folder with text files.", code=2
        ) from error


def _seconds(timeout: str) -> float:
    try:
        return seconds(timeout)
    except ValueError as error:
        raise UserError(f"--timeout: {error}", code=2) from error


def _ready(display: Display, runtime: LocalRuntime, where: Address, settings: Settings, took: float) -> None:
    wanting = problems(runtime)
    if settings.job is not None:
        if wanting:
            display.note("\n".join(wanting))
        from agent_runtime.local.one_shot import route_for

        _, way = route_for(settings.job, runtime)
        display.route(way)
        return
    agents, boards = sorted(runtime.host.agents), sorted(runtime.host.boards)
    flows = sorted(name for kind, name in runtime.manifests if kind == "Flow")
    lines = [f"{settings.folder} is up at {where.url} ({took:.1f}s); Ctrl-C ends it."]
    named = (("agents", agents), ("blackboards", boards), ("flows", flows))
    lines += [f"  {what:<12} {', '.join(names)}" for what, names in named if names]
    lines += [f"  {trouble}" for trouble in wanting]
    lines.append("Try, in another terminal:")
    covey = spelled()
    lines.append(f"  {covey} get")
    if agents:
        lines.append(f'  {covey} chat {_talker(runtime)} "hello"')
    if flows:
        lines.append(f"  {covey} run {flows[0]}")
    lines.append(f"  {covey} logs -f")
    display.note("\n".join(lines))


def _talker(runtime: LocalRuntime) -> str:
    """An agent to talk to: preferably one that has nothing else to do."""
    agents = sorted(runtime.host.agents.items())
    free = [name for name, agent in agents if agent.config.blackboard is None]
    return (free or [name for name, _ in agents])[0]


def _finish(options: Options, delivered: Delivered) -> None:
    payload = delivered.artifact.payload
    text = payload.get("markdown") or json.dumps(dict(payload), indent=2, ensure_ascii=False) + "\n"
    if options.save is not None:
        try:
            options.save.write_text(str(text), encoding="utf-8")
        except OSError as error:
            raise UserError(
                f"{options.save} cannot be written: {error.strerror}", "Choose another file with --save."
            ) from error
    _print(str(text))
    tell(_closing(options, delivered))


def _print(text: str) -> None:
    if not sys.stdout.isatty():
        say(text, end="")
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(visible(text), hyperlinks=False))  # where a link leads is seen, too


def _closing(options: Options, delivered: Delivered) -> str:
    """Where the result is, and what to try next."""
    lines = [""]
    if options.save is not None:
        lines.append(f"{delivered.artifact.type} written to {options.save}")
    same = _words(options)
    lines += [
        "Try next:",
        "  # the same on text files of your own",
        wrapped([*same, ["--input", "FOLDER"]]),
        "  # stay up; then, in another terminal: get, get artifacts, chat, publish",
        wrapped([[spelled(), "up"], *([str(path)] for path in options.paths)]),
    ]
    if options.real_model is None:
        lines += [
            "  # the same with a real model: set OPENAI_API_KEY, or OPENAI_BASE_URL",
            wrapped([*same, ["--real-model"]]),
        ]
    return "\n".join(lines)


def _words(options: Options) -> list[list[str]]:
    """The command as it was given, without the input folder and the model."""
    words = [[spelled(), "up"], *([str(path)] for path in options.paths)]
    words += [["--publish", text] for text in options.publish]
    words.append(["--until", options.until or ""])
    return words + ([["--save", str(options.save)]] if options.save is not None else [])
