"""`covey flow check` and `covey flow draw`: what is wrong with Flows, and what they look like."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from agent_runtime.api.flow import FlowResource, FlowSpec
from agent_runtime.api.flowrun import FlowRunResource
from agent_runtime.cli.client import Client, path
from agent_runtime.cli.flows.load import in_files, named, of_server
from agent_runtime.cli.flows.runs import run_named
from agent_runtime.cli.output.printing import say, tell
from agent_runtime.cli.output.table import table
from agent_runtime.compile.flows.actions import warnings
from agent_runtime.draw import Graph, Progress, graph_of, mermaid, progress_of, svg
from agent_runtime.local.errors import UserError

FORMATS = ("svg", "mermaid")
_SUFFIXES = {".mmd": "mermaid", ".mermaid": "mermaid"}


def check(targets: Sequence[str], state: Path | None) -> None:
    """Tell the nodes of each Flow. Faults make it fail; references to what is not in the files are told."""
    if len(targets) == 1 and _is_name(targets[0]):
        flows = of_server(_server(targets[0], state))
        named(targets[0], list(flows), "the covey up")
        _tell(targets[0], flows[targets[0]].spec)
        _require_accepted(flows[targets[0]])
        return
    found = in_files([Path(target) for target in targets], functions=True)
    for name, spec in found.specs.items():
        _tell(name, spec)
        for warning in warnings(spec):
            tell(f"warning: flow {name}, {warning}")
    if found.faults:
        listed = "\n".join(map(str, found.faults))
        count = len(found.faults)
        raise UserError(f"{count} {'fault' if count == 1 else 'faults'} in the flows\n{listed}")
    for fault in found.missing:
        tell(f"note: {fault} (not in these files)")
    if not found.specs:
        raise UserError(f"there is no Flow in {', '.join(targets)}")


def draw(
    target: str, flow: str, format_: str | None, run: str, output: Path | None, state: Path | None
) -> None:
    """Draw one Flow, with the states of a run when one is named, to the file or else to standard output."""
    form = format_ or _SUFFIXES.get(output.suffix if output else "", "svg")
    if form not in FORMATS:
        raise UserError(f"--format {form} is no format", f"There are {' and '.join(FORMATS)}.", code=2)
    name, specs = _from_server(target, flow, state) if _is_name(target) else _from_files(target, flow)
    progress = _progress(name, run, Client.connect(state)) if run else None
    graph = graph_of(specs[name], specs)
    title = f"Run {run} of flow {name}" if run else f"Flow {name}"
    drawing = svg(graph, progress, title) if form == "svg" else mermaid(graph, progress)
    if output is None:
        say(drawing, end="")
        return
    try:
        output.write_text(drawing, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror}") from error


def _is_name(target: str) -> bool:
    """Neither a file nor written like one."""
    return not Path(target).exists() and "/" not in target and "." not in target


def _server(name: str, state: Path | None) -> Client:
    """The running covey up, which is asked because `name` is no file."""
    try:
        return Client.connect(state)
    except UserError as failure:
        what = f"there is no file or folder {name}, and no Flow of that name: {failure.what}"
        raise UserError(what, failure.cure, failure.code) from failure


def _from_server(name: str, flow: str, state: Path | None) -> tuple[str, Mapping[str, FlowSpec]]:
    if flow and flow != name:
        raise UserError(f"--flow {flow} is for files; {name} is no file", code=2)
    flows = of_server(_server(name, state))
    named(name, list(flows), "the covey up")
    return name, {each: resource.spec for each, resource in flows.items()}


def _from_files(target: str, flow: str) -> tuple[str, Mapping[str, FlowSpec]]:
    found = in_files([Path(target)])
    if found.faults:
        raise UserError("\n".join(map(str, found.faults)), f"Check it with: covey flow check {target}")
    if flow:
        named(flow, list(found.specs), target)
        return flow, found.specs
    if len(found.specs) != 1:
        there = ", ".join(sorted(found.specs))
        if not there:
            raise UserError(f"there is no Flow in {target}")
        raise UserError(f"there are several Flows in {target}: {there}", "Say which one: --flow NAME", code=2)
    return next(iter(found.specs)), found.specs


def _progress(flow: str, run: str, client: Client) -> Progress:
    run = run_named(client, run)
    resource = FlowRunResource.model_validate(client.get(path("resources", "FlowRun", run)))
    of = resource.spec.flow.name if resource.spec.flow is not None else ""
    if of != flow:
        whose = f"of the Flow {of}" if of else "of no Flow with a name"
        raise UserError(f"flowrun/{run} is a run {whose}, not of {flow}", code=2)
    history = client.get(path("runs", run, "history"))["items"]
    ends = [(str(each["node"]), each["action"]) for each in history if each["node"]]
    return progress_of(resource.status.nodes or () if resource.status is not None else (), ends)


def _tell(name: str, spec: FlowSpec) -> None:
    graph = graph_of(spec)
    count = len(graph.nodes)
    say(f"flow/{name}: {count} {'node' if count == 1 else 'nodes'}, from {graph.start}")
    rows = [[f"  {node.name}", node.kind, node.label, _ways(graph, node.name)] for node in graph.nodes]
    say(table(["  NODE", "KIND", "WITH", "NEXT"], [[_short(cell) for cell in row] for row in rows]))


def _ways(graph: Graph, node: str) -> str:
    return "; ".join(
        f"{', '.join(edge.actions)} -> {edge.target or 'end'}" for edge in graph.edges if edge.source == node
    )


def _short(cell: str, most: int = 48) -> str:
    """The cell as one line, cut where the next column would be pushed off the screen."""
    lead = len(cell) - len(cell.lstrip())
    line = " " * lead + " ".join(cell.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _require_accepted(flow: FlowResource) -> None:
    conditions = flow.status.conditions if flow.status is not None else None
    wrong = [each for each in conditions or () if each.type != "Ready" and each.status == "False"]
    if wrong:
        raise UserError("\n".join(f"{each.reason}: {each.message}" for each in wrong))
