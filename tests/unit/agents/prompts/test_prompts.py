"""What a real model is sent for every agent of the examples, and that it is enough to answer from.

`python -m tests.unit.agents.prompts.regenerate` writes the golden files.
"""

import pytest

from agent_runtime.blackboard.schema.registry import TypeRegistry
from tests.reading_model import ReadingModel
from tests.unit.agents.prompts.example_agents import ExampleAgent, example_agents
from tests.unit.agents.prompts.regenerate import GOLDEN, golden

AGENTS = example_agents()
each_agent = pytest.mark.parametrize("agent", AGENTS, ids=[agent.name for agent in AGENTS])


@each_agent
def test_the_prompt_is_the_golden_one(agent: ExampleAgent) -> None:
    assert golden(agent) == (GOLDEN / f"{agent.name}.txt").read_text(), (
        "run `make generate`, look at the diff"
    )


def test_there_is_a_golden_prompt_for_each_agent_and_no_other() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {agent.name for agent in AGENTS}


@each_agent
async def test_a_model_that_reads_only_its_prompt_does_the_work(agent: ExampleAgent) -> None:
    model = ReadingModel()
    drafts = await agent.work(model)
    assert len(model.requests) == 1, "its first answer fits"
    assert [draft.type for draft in drafts] == [published.type for published in agent.config.publishes]
    if agent.board is not None:
        registry = TypeRegistry(agent.board.types)
        for draft in drafts:
            registry.check(draft.type, draft.version, draft.payload)


@each_agent
async def test_schema_and_description_of_all_that_is_published_are_in_the_prompt(agent: ExampleAgent) -> None:
    model = ReadingModel()
    await agent.work(model)
    prompt = model.requests[0].instructions
    for published in agent.config.publishes:
        type_ = agent.types()[published.type]
        for name in type_.schema_["properties"]:
            assert f'"{name}"' in prompt
        assert (type_.description or "") in prompt
    for consumes in agent.config.blackboard.consumes if agent.config.blackboard else ():
        assert all((agent.types()[name].description or "") in prompt for name in consumes.types)
