"""Nodes that publish, checked: their expressions, and what can be known of the artifact before the run."""

from agent_runtime.api.blackboard import BlackboardResource
from agent_runtime.api.nodes import FlowNode, PublishWork
from agent_runtime.blackboard.board import BoardError
from agent_runtime.blackboard.schema.validation import check_visibility
from agent_runtime.compile.flows.names import constant, nearest
from agent_runtime.compile.flows.publisher import identity
from agent_runtime.compile.flows.templated import certain_faults
from agent_runtime.compile.resolution import Resolution
from agent_runtime.core.cel import CelError
from agent_runtime.core.json_schema import InvalidSchema


def check_publish(node: FlowNode, variables: tuple[str, ...], field: str, resolution: Resolution) -> None:
    """Refuse what is wrong with the node by itself; its work stands at `field`."""
    publish = node.publish
    assert publish is not None
    if node.input is not None:
        place = f"{field.removesuffix('.publish')}.input"
        message = f"{place}: a node that publishes takes no input: put it into publish.payload"
        resolution.refuse("InvalidSpec", message, place)
    for name, value in (
        ("payload", publish.payload),
        ("correlation", publish.correlation),
        ("partition", publish.partition),
        *((f"tags[{index}]", tag) for index, tag in enumerate(publish.tags)),
    ):
        resolution.template(value, variables, f"{field}.{name}")
    _check_is_object(publish.payload, f"{field}.payload", resolution)
    for name in ("tenant", "visibility"):
        if "${" in str(publish.manifest().get(name, "")):
            message = f"{field}.{name}: takes no ${{...}}: who sees an artifact is said by the manifest alone"
            resolution.refuse("InvalidSpec", message, f"{field}.{name}")


def check_board(publish: PublishWork, field: str, resolution: Resolution) -> None:
    """Refuse what the Blackboard would refuse, as far as it can be told from the manifests."""
    board = resolution.resource(BlackboardResource, publish.blackboard, f"{field}.blackboard")
    if board is None:
        return
    versions = {each.version: each for each in board.spec.artifact_types if each.name == publish.type}
    if not versions:
        types = sorted({each.name for each in board.spec.artifact_types})
        resolution.refuse(
            "UnknownType",
            f'{field}.type: Blackboard "{board.name}" has no artifact type "{publish.type}"'
            f"{nearest(publish.type, types)}: add it there, or take one of {', '.join(types)}",
            f"{field}.type",
        )
        return
    version = publish.version or max(versions)
    if version not in versions:
        resolution.refuse(
            "UnknownType",
            f'{field}.version: type "{publish.type}" of Blackboard "{board.name}" has no version {version}, '
            f"it has {', '.join(map(str, sorted(versions)))}",
            f"{field}.version",
        )
        return
    _check_payload(publish, versions[version].schema_, board.name, f"{field}.payload", resolution)
    _check_visibility(publish, board, f"{field}.visibility", resolution)


def _check_is_object(payload: object, field: str, resolution: Resolution) -> None:
    """Refuse what can be seen to be no object."""
    if isinstance(payload, dict):
        return
    message = "is no object: want the payload's fields, or ${...} around the whole, such as ${shared.draft}"
    if isinstance(payload, str) and payload.startswith("${") and payload.endswith("}"):
        is_constant, value = constant(payload[2:-1])
        if not is_constant or isinstance(value, dict):
            return
    resolution.refuse("InvalidSpec", f"{field}: {message}", field)


def _check_payload(
    publish: PublishWork, schema: dict[str, object], board: str, field: str, resolution: Resolution
) -> None:
    if not isinstance(publish.payload, dict):
        return
    try:
        faults = certain_faults(publish.payload, schema)
    except (CelError, InvalidSchema):
        return  # refused for that already, or the Blackboard's own fault
    for path, message in faults:
        place = f"{field}{path}"
        resolution.refuse(
            "InvalidPayload",
            f'{place}: does not fit type "{publish.type}" of Blackboard "{board}": {message}',
            place,
        )


def _check_visibility(
    publish: PublishWork, board: BlackboardResource, field: str, resolution: Resolution
) -> None:
    if publish.visibility is None:
        return
    who = identity("the flow", publish.tenant)
    try:
        check_visibility(publish.visibility, who, strict=board.spec.isolation == "Strict")
    except BoardError as error:
        resolution.refuse("InvalidSpec", f"{field}: {error}", field)
