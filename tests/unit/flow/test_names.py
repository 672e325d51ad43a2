"""Nodes have stable names."""

from typing import Any

from agent_runtime.flow import Flow, Names, Node
from agent_runtime.flow.node import BaseNode


def graph() -> dict[str, BaseNode]:
    """a -> b -> c, a -(x)-> c, c -(again)-> a, c -(end)-> nothing."""
    a, b, c = Node(), Node(), Node()
    a >> b >> c
    a - "x" >> c
    c - "again" >> a
    c - "end" >> None
    return {"a": a, "b": b, "c": c}


def test_without_a_name_it_is_the_shortest_path_of_actions() -> None:
    nodes = graph()
    nodes["c"] >> Node()
    names = Names(nodes["a"])
    assert list(names) == ["start", "default", "x", "x.default"]
    assert names.of(nodes["c"]) == "x"
    assert names.find("default") is nodes["b"]
    assert names.find("elsewhere") is None


def test_the_same_graph_has_the_same_names() -> None:
    assert list(Names(graph()["a"])) == list(Names(graph()["a"]))


def test_a_given_name_wins_and_does_not_rename_the_others() -> None:
    nodes = graph()
    nodes["b"].name = "writer"
    names = Names(nodes["a"])
    assert (names.of(nodes["a"]), names.of(nodes["b"]), names.of(nodes["c"])) == ("start", "writer", "x")


def test_names_that_clash_are_told_apart() -> None:
    """Two nodes of one name, a name that is another's path, actions that look alike."""
    first, second, third, fourth = Node(name="n"), Node(name="n"), Node(name="default.2"), Node()
    first >> second
    second - "2" >> fourth
    second.next(third, 2)
    names = Names(first)
    assert [names.of(node) for node in (first, second, third, fourth)] == [
        "n",
        "default",
        "default.2",
        "default.2~2",
    ]


def test_an_attribute_that_is_no_name_is_not_taken_for_one() -> None:
    class Agent(Node):
        def name(self) -> str:  # type: ignore[override]
            return "a method"

    class Unequal(Node):
        def __eq__(self, other: object) -> bool:  # which takes the class its hash
            return False

    agent, unequal = Agent(), Unequal()
    agent >> unequal
    assert list(Names(agent)) == ["start", "default"]
    assert Names(agent).of(unequal) == "default"


def test_a_node_outside_of_the_graph_is_called_by_its_class() -> None:
    assert Names(None).of(Node()) == "~Node"
    assert Names(None).of(Flow(name="review")) == "~review"


def test_constructors_take_a_name() -> None:
    class Short(Node):
        name = "by class"

        def post(self, shared: Any, prep_res: Any, exec_res: Any) -> Any:
            return self.name

    assert Flow(Short()).run({}) == "by class"
    assert Flow(Short(name="by call")).run({}) == "by call"
