"""What was loaded, checked together: each resource compiled with the others it names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent_runtime.api import FlowRunResource
from agent_runtime.compile.flows.run import compile_run
from agent_runtime.compile.result import Lookup, Manifest, Problem
from agent_runtime.local.manifests.credentials import from_environment
from agent_runtime.local.manifests.load import FileFault, Loaded, Source
from agent_runtime.local.manifests.plan import Key, Plan, SameProcess, plan


@dataclass(frozen=True, slots=True)
class Checked:
    """`faults` must be mended; `missing` are references that these files do not hold."""

    plan: Plan
    faults: tuple[FileFault, ...]
    missing: tuple[FileFault, ...]


def check(
    loaded: Loaded, environ: Mapping[str, str], besides: Mapping[Key, Manifest] | None = None
) -> Checked:
    """Compile what has no faults of its own, and say where in the files the problems are.

    `besides` are resources that stand in no file; a file of the same kind and name wins.
    """
    manifests = {**(besides or {}), **{(s.kind, s.name): s.manifest for s in loaded.resources}}
    lookup = lookup_in(manifests, environ)
    made = plan(manifests, lookup)
    faults = list(loaded.faults)
    missing: list[FileFault] = []
    for source in loaded.resources:
        for problem in _problems(source, made, lookup):
            target = faults if problem.condition == "Accepted" else missing
            target.append(_placed(source, problem))
    return Checked(made, tuple(sorted(faults, key=_place)), tuple(sorted(missing, key=_place)))


def _problems(source: Source, made: Plan, lookup: Lookup) -> Sequence[Problem]:
    """A run is compiled when it starts; that its parameters do not fit can be told before."""
    if source.kind == "FlowRun":
        run = FlowRunResource.model_validate(source.manifest)
        return compile_run(run, lookup, SameProcess()).problems
    compiled = made.compiled((source.kind, source.name))
    return compiled.problems if compiled is not None else ()


def lookup_in(manifests: Mapping[Key, Manifest], environ: Mapping[str, str]) -> Lookup:
    """Finds what is among the manifests, and Secrets that the environment holds."""
    secrets = from_environment(manifests.values(), environ)

    def lookup(kind: str, name: str) -> Manifest | None:
        found = manifests.get((kind, name))
        return found if found is not None or kind != "Secret" else secrets.get(name)

    return lookup


def _placed(source: Source, problem: Problem) -> FileFault:
    message = problem.message.removeprefix(f"{problem.field}: ")
    return source.fault(problem.field, message)


def _place(fault: FileFault) -> tuple[str, int, int]:
    return str(fault.file), fault.line, fault.column
