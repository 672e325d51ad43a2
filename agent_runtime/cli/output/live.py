"""The live picture of a job on a terminal: who works on what, what appeared, how far it is."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from agent_runtime.cli.output.event_lines import line, told
from agent_runtime.cli.output.printing import line as on_one_line
from agent_runtime.core.visible import visible

_ID = re.compile(r" [0-9a-f]{8}[0-9a-f-]{12,15}\b")


@dataclass(slots=True)
class _Row:
    """One agent."""

    doing: str = "waits"
    style: str = "dim"
    under_way: int = 0
    done: int = 0
    failed: int = 0


class LiveDisplay:
    """Redraws itself as events come; what stays at the end is the last picture."""

    def __init__(self, stream: IO[str], until: str) -> None:
        self._console = Console(file=stream)
        self._rows: dict[str, _Row] = {}
        self._way: frozenset[str] = frozenset()
        self._artifacts: Counter[str] = Counter()
        self._progress = Progress(
            TextColumn(f"to {on_one_line(until)}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("agents"),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task("", total=None, start=False)
        self._live = Live(console=self._console, get_renderable=self._picture, refresh_per_second=12)

    def note(self, text: str) -> None:
        """Above the picture."""
        self._live.console.print(Text(visible(text)))

    def route(self, agents: Sequence[str]) -> None:
        """The rows to begin with, and the length of the bar."""
        self._way = frozenset(agents)
        self._rows = {agent: _Row() for agent in agents}
        self._progress.update(self._task, total=len(agents))
        self._progress.start_task(self._task)

    def event(self, event: Mapping[str, Any]) -> None:
        """Into the picture."""
        subject, message = event["subject"], told(event)
        if event["kind"] == "artifact.published":
            self._artifacts[event["data"]["type"]] += 1
            return
        if event["kind"].endswith(".warning"):
            self.note(line(event))
            return
        if not event["kind"].startswith("agent."):
            return
        row = self._rows.setdefault(subject, _Row())
        match event["kind"]:
            case "agent.started":
                row.under_way += 1
                row.doing, row.style = message, "cyan"
            case "agent.tool":
                row.doing, row.style = message, "yellow" if event["data"].get("failed") else "cyan"
            case "agent.progress":
                row.doing, row.style = message, "cyan"
            case "agent.finished":
                row.under_way -= 1
                row.done += 1
                row.doing, row.style = _ID.sub("", message), "green"
            case "agent.failed":
                if not event["data"].get("final"):
                    row.under_way -= 1
                row.failed += 1
                row.doing, row.style = message, "red"
        done = sum(1 for agent in self._way if self._rows[agent].done)
        self._progress.update(self._task, completed=done)

    def _picture(self) -> RenderableType:
        if not self._rows:
            return Text("starting", style="dim")
        agents = Table.grid(padding=(0, 2))
        agents.add_column(no_wrap=True)
        agents.add_column(justify="right", no_wrap=True)
        agents.add_column(no_wrap=True, overflow="ellipsis")
        for name, row in self._rows.items():
            count = f"{row.done} done" if row.done else ("at work" if row.under_way > 0 else "")
            agents.add_row(Text(on_one_line(name), style="bold"), count, Text(row.doing, style=row.style))
        artifacts = ", ".join(f"{number} {type_}" for type_, number in self._artifacts.items())
        return Group(
            self._progress, agents, Text(on_one_line(f"on the blackboard: {artifacts or 'nothing yet'}"))
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        self._console.print()
