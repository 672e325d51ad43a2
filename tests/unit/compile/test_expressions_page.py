"""docs/expressions.md says what is so: each function, and the variables of each place."""

import json
import re

import pytest

from agent_runtime.api.model import SCRIPT_VARIABLES
from agent_runtime.blackboard.matching import subscriptions
from agent_runtime.blackboard.schema import upcasting as readings
from agent_runtime.compile.flows.steps import FLOW_VARIABLES, REDUCE_VARIABLES
from agent_runtime.core.cel import CelError, Expression
from agent_runtime.triggers.runs import ARTIFACT_VARIABLES, SCHEDULE_VARIABLES
from tests.paths import ROOT

PAGE = (ROOT / "docs" / "expressions.md").read_text()
FUNCTIONS = re.findall(r"^\| `(.+?)` \| `(.+?)` \|.*\|$", PAGE.partition("## Functions")[2], re.MULTILINE)
PLACES = re.findall(r"^\| (.+) \| (`.+) \|$", PAGE.partition("## Functions")[0], re.MULTILINE)
VARIABLES = {
    "Flow: `input`": FLOW_VARIABLES,
    "Flow: `reduce": REDUCE_VARIABLES,
    "Flow: `triggers[].params` of `cron`": SCHEDULE_VARIABLES,
    "Flow: `triggers[].params` of `artifact`": ARTIFACT_VARIABLES,
    "Agent `consumes": subscriptions.VARIABLES,
    "Blackboard:": readings.VARIABLES,
    "Model: `script[].when`": SCRIPT_VARIABLES,
    "Model: `toolCalls[].arguments`": (*SCRIPT_VARIABLES, "item"),
}


def test_the_page_was_read() -> None:
    assert len(FUNCTIONS) > 25
    assert len(PLACES) == len(VARIABLES) + 1  # and the mapped nodes, whose item has a name of its own


@pytest.mark.parametrize(("expression", "value"), FUNCTIONS)
def test_a_function_does_what_the_page_says(expression: str, value: str) -> None:
    assert Expression(expression, ()).evaluate({}) == json.loads(value)


@pytest.mark.parametrize("place", VARIABLES)
def test_the_variables_of_a_place(place: str) -> None:
    [named] = [variables for where, variables in PLACES if where.startswith(place)]
    assert set(re.findall(r"`(\w+)`", named)) == set(VARIABLES[place])


@pytest.mark.parametrize("absent", ["[2, 1].sort()", "[[1]].flatten()", "lists.range(2)", "optional.of(1)"])
def test_what_the_page_says_is_not_there_is_refused(absent: str) -> None:
    with pytest.raises(CelError):
        Expression(absent, ())
