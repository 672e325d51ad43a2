"""Predicates that could fill a server's memory are told from those that only look."""

import pytest

from agent_runtime.blackboard.matching.predicate_bounds import growth_in, searched_in_loops


@pytest.mark.parametrize(
    "source",
    [
        "payload.runtime > 120 && 'sci-fi' in tags",
        "payload.price + payload.tax > 100",
        "payload.lines.exists(line, line.name.lowerAscii().contains('a+b'))",
        "payload.lines.map(line, line.price * 1e+3).size() + 1 > 3",
        "payload.title == 'join(' && payload.join == \"replace(\"",
        "payload.title.matches(r'(a+)+$') || payload['map(+)'] == '''+'''",
        "(payload.a + payload.b) / (payload.lines.all(line, line > 0) ? 1 : 2) > 2",
    ],
)
def test_what_looks_is_fine(source: str) -> None:
    assert growth_in(source) is None


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("payload.s.replace('a', payload.s) == ''", "replace() could build"),
        ("payload.s.split('').join (payload.s) == ''", "split() could build"),
        ("[payload.s].map(a, a + a).map(b, b + b).size() > 0", "+ within map()"),
        ("payload.l.exists(a, payload.l.all(b, (b+a).size() > 1))", "+ within exists()"),
        ("payload.l.all ( a , 'x' + a != '')", "+ within all()"),
        ("'%s'.format([payload.s]) == ''", "format() could build"),
        (" + ".join(["payload.s"] * 18) + " == ''", "17 times + in one expression, at most 16"),
    ],
)
def test_what_builds_is_told(source: str, says: str) -> None:
    assert says in (growth_in(source) or "")


@pytest.mark.parametrize(
    ("source", "searched"),
    [
        ("payload.score > 1", False),
        ("payload.items.exists(i, i.price > 10 && i.name.trim() == 'a')", False),
        ("payload.items.all(i, i.payload != 'x')", False),
        ("payload.items.all(i, 'payload' != i)", False),
        ("payload.a.exists(i, i == 1) && payload.b.exists(i, i == 2)", False),
        ("payload.items.all(i, payload.text.trim() != 'x')", True),
        ("payload.items.all(i, i in tags)", True),
        ("payload.items.filter(i, i.parts.all(p, p > 1)).size() > 1", True),
        ("payload.items.map(i, payload.text)[0] == 'x'", True),
    ],
)
def test_a_step_of_a_loop_that_looks_beyond_its_element_is_known(source: str, searched: bool) -> None:
    assert searched_in_loops(source, ("payload", "tags")) is searched
