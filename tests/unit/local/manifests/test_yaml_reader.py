"""YAML with positions: what is read, where it stands, and what is refused before it does harm."""

from typing import Any

import pytest

from agent_runtime.local.manifests.yaml_reader import (
    MAX_BYTES,
    Document,
    InvalidYaml,
    Position,
    read_documents,
)


def read(text: str) -> Any:
    (document,) = read_documents(text.encode())
    return document.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1", {"a": 1}),
        ("a: [1, -2, 0.5, 1e3, 1.]", {"a": [1, -2, 0.5, 1000.0, 1.0]}),
        ("a: [true, No, ON, y]", {"a": [True, False, True, True]}),
        ("a: [null, ~, ]\nb:", {"a": [None, None], "b": None}),
        ("a: ['1', \"true\", 'null']", {"a": ["1", "true", "null"]}),
        ("a: !!str 1", {"a": "1"}),
        ("a: 2026-01-02", {"a": "2026-01-02"}),
        ("a: [1_000, 0x1F, 010, 0o10, 0b11, 089, 0]", {"a": [1000, 31, 8, 8, 3, 89.0, 0]}),
        ("a: [30:15, .inf, 1.2.3, 5Gi, -, _]", {"a": ["30:15", ".inf", "1.2.3", "5Gi", "-", "_"]}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: >-\n  one\n  two\n", {"a": "one two"}),
        ("a: &x {k: 1}\nb: *x", {"a": {"k": 1}, "b": {"k": 1}}),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}", {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}}),
        ("a: &x {k: 1}\nb: &y {k: 2, l: 2}\nc: {<<: [*x, *y]}", None),
        ('"yes": 1', {"yes": 1}),
        ('{"a": {"b": [1]}}', {"a": {"b": [1]}}),
    ],
)
def test_values_are_those_that_kubectl_reads(text: str, expected: Any) -> None:
    value = read(text)
    if expected is None:
        assert value["c"] == {"k": 1, "l": 2}
    else:
        assert value == expected


def test_several_documents_and_empty_ones() -> None:
    documents = list(read_documents(b"# nothing\n---\na: 1\n---\n---\nb: 2\n"))
    assert [document.value for document in documents] == [{"a": 1}, {"b": 2}]
    assert [document.position("") for document in documents] == [Position(3, 1), Position(6, 1)]


@pytest.fixture
def document() -> Document:
    text = "spec:\n  nodes:\n    - name: a\n      next: {default: b}\n    - name: b\n"
    (found,) = read_documents(text.encode())
    return found


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ("", Position(1, 1)),
        ("spec", Position(1, 1)),
        ("spec.nodes[0]", Position(3, 7)),
        ("spec.nodes[0].next.default", Position(4, 14)),
        ("spec.nodes[1].name", Position(5, 7)),
        ("spec.nodes[1].agent", Position(5, 7)),
        ("spec.nodes[1].llm.model.name", Position(5, 7)),
        ("spec.nodes[7]", Position(2, 3)),
        ("status", Position(1, 1)),
    ],
)
def test_a_path_has_a_position_and_one_that_is_not_there_that_of_what_it_would_be_in(
    document: Document, path: str, position: Position
) -> None:
    assert document.position(path) == position


def _bomb(levels: int) -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("a: [1\nb: 2", Position(2, 2), "this is not YAML: did not find expected"),
        ("a:\n\tb: 1", Position(2, 1), "a tab is there, and YAML is indented with spaces"),
        ("a: 1\nb: 2\na: 3", Position(3, 1), 'key "a" is there already, at line 1'),
        ("next:\n  yes: b", Position(2, 3), 'YAML takes the key yes for true or false: write "yes"'),
        ("1: b", Position(1, 1), 'YAML takes the key 1 for a number: write "1"'),
        ("~: b", Position(1, 1), 'YAML takes the key ~ for nothing: write "~"'),
        ("[a]: b", Position(1, 1), "a key is a text"),
        ("a: *b", Position(1, 4), "alias *b has no anchor &b before it"),
        ("a: &b [*b]", Position(1, 8), "alias *b has no anchor &b before it"),
        ("a: {<<: 1}", Position(1, 5), "<< takes a mapping"),
        ("a: !!python/object:os.system x", Position(1, 4), "is not allowed: manifests hold plain values"),
        ("a: !secret x", Position(1, 4), "tag !secret is not allowed"),
        ("a: !!set {x}", Position(1, 4), "is not allowed: manifests hold plain values"),
        ("a: \x00", Position(1, 4), "this is not YAML: control characters are not allowed"),
        ("[" * 100_000, Position(1, 66), "nested more than 64 levels deep"),
        ("a: " * 100_000, Position(1, 5), "this is not YAML"),
        ("a: !!omap [x]", Position(1, 4), "is not allowed: manifests hold plain values"),
        (_bomb(9), Position(6, 10), "the file holds more than 200000 values, aliases expanded"),
        ("#" * (MAX_BYTES + 1), Position(1, 1), "the file is larger than 4 MiB"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_what_is_refused_and_where(text: str, position: Position, says: str) -> None:
    with pytest.raises(InvalidYaml) as refused:
        list(read_documents(text.encode()))
    assert says in str(refused.value)
    assert refused.value.position == position


def test_documents_before_the_fault_are_read() -> None:
    documents = read_documents(b"a: 1\n---\nb: [")
    assert next(documents).value == {"a": 1}
    with pytest.raises(InvalidYaml):
        next(documents)


@pytest.mark.parametrize(
    ("scalar", "message"),
    [
        ("9" * 5000, "the number 99999999999999999999... (5000 characters) has more than 64 bits"),
        ("-" + "9" * 5000, "has more than 64 bits: put it in quotes"),
        ("0x" + "f" * 9000, "has more than 64 bits"),
        ("0" + "7" * 9000, "has more than 64 bits"),
        ("18446744073709551616", "the number 18446744073709551616 has more than 64 bits"),
        ("1e999", "1e999 is too large for a number: put it in quotes"),
    ],
)
def test_a_number_that_no_store_can_hold_is_refused_with_its_place(scalar: str, message: str) -> None:
    with pytest.raises(InvalidYaml, match="put it in quotes") as refused:
        read(f"a: 1\nb: {scalar}")
    assert message in str(refused.value)
    assert refused.value.position == Position(2, 4)


def test_the_largest_numbers_of_64_bits_are_read() -> None:
    assert read(f"a: [{2**64 - 1}, {-(2**63)}]") == {"a": [2**64 - 1, -(2**63)]}
