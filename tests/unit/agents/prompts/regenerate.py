"""`python -m tests.unit.agents.prompts.regenerate`: writes the golden prompts; look at the diff."""

import asyncio
import json
from pathlib import Path

from agent_runtime.models.port import ModelRequest, UserMessage
from tests.reading_model import ReadingModel
from tests.unit.agents.prompts.example_agents import ExampleAgent, example_agents

GOLDEN = Path(__file__).parent / "golden"


def golden(agent: ExampleAgent) -> str:
    """The first request of the agent's work, as text."""
    model = ReadingModel()
    asyncio.run(agent.work(model))
    return as_text(model.requests[0])


def as_text(request: ModelRequest) -> str:
    """All that reaches a model."""
    told = [message.text for message in request.messages if isinstance(message, UserMessage)]
    tools = [
        f"{tool.name}: {tool.description}\n{json.dumps(tool.parameters, sort_keys=True)}"
        for tool in request.tools
    ]
    parts = [
        ("instructions", request.instructions or "none"),
        ("tools", "\n".join(tools) or "none"),
        ("message", "\n".join(told)),
        (
            "schema to enforce",
            json.dumps(request.output_schema, indent=2) if request.output_schema else "none",
        ),
    ]
    return "".join(f"=== {name}\n{text.rstrip()}\n" for name, text in parts)


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for path in GOLDEN.glob("*.txt"):
        path.unlink()
    for agent in example_agents():
        (GOLDEN / f"{agent.name}.txt").write_text(golden(agent))


if __name__ == "__main__":
    main()
