"""Templates: `${...}` within any JSON value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.compile import Template
from agent_runtime.core.cel import CelError

VARIABLES = {
    "params": {"topic": "bees", "n": 2, "list": [1, "two", None], "empty": ""},
    "shared": {"plan": {"steps": ["a", "b"]}, "done": True, "share": 0.5},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${params.topic}", "bees"),
        ("${params.n}", 2),
        ("${shared.plan}", {"steps": ["a", "b"]}),
        ("${shared.done}", True),
        ("${null}", None),
        ("${params.empty}", ""),
        (" ${params.n}", " 2"),
        ("about ${params.topic}!", "about bees!"),
        ("${params.topic}${params.topic}", "beesbees"),
        ("${params.n} of ${params.list}", '2 of [1,"two",null]'),
        ("${shared.done}, ${shared.share}, ${null}", "true, 0.5, null"),
        ("${params.n + 1}", 3),
        ("${'}'}", "}"),
        ("""${"a 'b' } c"}""", "a 'b' } c"),
        (r"${'it\'s }'}", "it's }"),
        (r"${r'a\b}'}.", "a\\b}."),
        ("${'''a '} b'''}", "a '} b"),
        ("${{'a': {'b': params.n}}}", {"a": {"b": 2}}),
        ("${{'a': 1}.a}", 1),
        ("costs $${price}", "costs ${price}"),
        ("$${${params.n}}", "${2}"),
        ("$5 and $", "$5 and $"),
        ("größe ${params.n} ✓", "größe 2 ✓"),
        ("${timestamp('2026-01-02T03:04:05Z')}", "2026-01-02T03:04:05Z"),
        ("${duration('90s')}", "90s"),
        ("${{1: 'a', 2: {true: 'b'}}}", {"1": "a", "2": {"true": "b"}}),
        (7, 7),
        (None, None),
        ([1, "${params.n}", {"k": "${params.topic}"}], [1, 2, {"k": "bees"}]),
        ({"${params.n}": "a key is no template"}, {"${params.n}": "a key is no template"}),
    ],
)
def test_rendering(value: object, expected: object) -> None:
    assert Template(value, VARIABLES).render(VARIABLES) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${params.}", "expression 'params.' does not compile"),
        ("${}", "expression '' does not compile"),
        ("${prams.topic}", "undeclared reference to 'prams.topic'"),
        ("a ${params.topic", 'template "${params.topic" is never closed: a } is missing, or write $${'),
        ("${'}", "is never closed"),
        ([{"k": "${1 +}"}], "expression '1 +' does not compile: unexpected end"),
    ],
)
def test_what_does_not_compile_is_named(value: object, message: str) -> None:
    with pytest.raises(CelError) as refused:
        Template(value, VARIABLES)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${params.nothing}", "expression 'params.nothing' failed: Key not found in map"),
        ("${1 / 0}", "divide by zero"),
        ("${b'bytes'}", "which has no place in JSON"),
    ],
)
def test_what_cannot_be_evaluated_is_named(value: object, message: str) -> None:
    with pytest.raises(CelError) as refused:
        Template(value, VARIABLES).render(VARIABLES)
    assert message in str(refused.value)


def test_it_is_compiled_once_and_rendered_often() -> None:
    template = Template("${params.n * 2}", ["params"])
    assert [template.render({"params": {"n": n}}) for n in (1, 2, 3)] == [2, 4, 6]


@given(st.text())
def test_a_text_without_holes_is_itself(text: str) -> None:
    assert Template(text.replace("${", "$${"), []).render({}) == text
