"""An Agent and what it references, checked and compiled."""

from agent_runtime.api.agent import AgentResource, OnBlackboard, Publishes
from agent_runtime.api.base import seconds
from agent_runtime.api.blackboard import ArtifactType, BlackboardResource
from agent_runtime.compile.blackboard import check_types
from agent_runtime.compile.model import resolve_model
from agent_runtime.compile.resolution import Resolution
from agent_runtime.compile.result import Compiled, Lookup, Places
from agent_runtime.compile.subscription import check_place
from agent_runtime.config.models import AgentConfig, BoardAccess


def compile_agent(agent: AgentResource, lookup: Lookup, places: Places) -> Compiled[AgentConfig]:
    """The config of the agent's process. `secrets` holds the key of its Model.

    The tokens in the agent's own Secret (`token_env`, `blackboard.token_env`) are not among `secrets`:
    whoever runs the agent makes them.
    """
    resolution = Resolution(lookup, agent.namespace)
    spec = agent.spec
    model = resolve_model(spec.model.name, "spec.model.name", lookup, agent.namespace, resolution)
    instructions = _instructions(agent, resolution)
    board = None
    if spec.blackboard is not None:
        board = resolution.resource(BlackboardResource, spec.blackboard.name, "spec.blackboard.name")
        check_place(agent, spec.blackboard, board, resolution)
    types = _types_of(board, resolution) if board is not None else {}
    if types:
        _check_types_are_known(agent, spec.blackboard, types, resolution)
    if model is None:
        return resolution.compiled(None)
    auth = spec.serving.auth
    return resolution.compiled(
        AgentConfig(
            name=agent.name,
            namespace=agent.namespace,
            description=spec.description or "",
            instructions=instructions,
            pattern=spec.pattern,
            model=model,
            tools=spec.tools,
            memory=spec.memory,
            limits=spec.limits,
            retry=spec.retry,
            output=types.get(spec.output.type) if spec.output else None,
            blackboard=_board_access(agent, spec.blackboard, board, places),
            publishes=spec.publishes,
            types=_published_types(spec.publishes, types),
            consumed=_consumed_types(spec.blackboard, types),
            token_env=None if auth is not None and auth.none is not None else "COVEY_AGENT_TOKEN",
        )
    )


def _instructions(agent: AgentResource, resolution: Resolution) -> str:
    source = agent.spec.instructions_from
    if source is None:
        return agent.spec.instructions or ""
    field = "spec.instructionsFrom.configMapKeyRef"
    return resolution.key("ConfigMap", source.config_map_key_ref, field) or ""


def _types_of(board: BlackboardResource, resolution: Resolution) -> dict[str, ArtifactType]:
    """The newest version of each type of the board; none when the board itself is refused."""
    checked = Resolution(lambda kind, name: None, board.namespace)
    check_types(board.spec.artifact_types, checked)
    problems = checked.compiled(None).problems
    if problems:
        resolution.not_ready("Blackboard", board.name, problems[0].message, "spec.blackboard.name")
        return {}
    newest: dict[str, ArtifactType] = {}
    for type_ in sorted(board.spec.artifact_types, key=lambda type_: type_.version):
        newest[type_.name] = type_
    return newest


def _published_types(publishes: list[Publishes], types: dict[str, ArtifactType]) -> list[ArtifactType]:
    """What a model must know to make them; how older versions are read it need not know."""
    names = sorted({published.type for published in publishes} & types.keys())
    return [types[name].model_copy(update={"reads": []}) for name in names]


def _consumed_types(place: OnBlackboard | None, types: dict[str, ArtifactType]) -> dict[str, str]:
    names = {name for consumes in (place.consumes if place else ()) for name in consumes.types}
    described = ((name, types[name].description) for name in sorted(names & types.keys()))
    return {name: description for name, description in described if description}


def _check_types_are_known(
    agent: AgentResource, place: OnBlackboard | None, types: dict[str, ArtifactType], resolution: Resolution
) -> None:
    named = [("spec.output.type", agent.spec.output.type)] if agent.spec.output else []
    named += [(f"spec.publishes[{i}].type", item.type) for i, item in enumerate(agent.spec.publishes)]
    named += [
        (f"spec.blackboard.consumes[{i}].types[{j}]", name)
        for i, consumes in enumerate(place.consumes if place else [])
        for j, name in enumerate(consumes.types)
    ]
    for field, name in named:
        if name not in types:
            resolution.refuse(
                "UnknownType",
                f'{field}: Blackboard "{place.name if place else ""}" has no artifact type "{name}": '
                f"add it there, or take one of {', '.join(sorted(types))}",
                field,
            )


def _board_access(
    agent: AgentResource, place: OnBlackboard | None, board: BlackboardResource | None, places: Places
) -> BoardAccess | None:
    if place is None or board is None:
        return None
    return BoardAccess(
        name=place.name,
        url=places.blackboard(agent.namespace, place.name),
        token_file=places.blackboard_token_file(),
        labels=place.labels,
        tenant=place.tenant,
        consumes=place.consumes,
        lease_seconds=seconds(board.spec.lease.ttl),
    )
