"""Facts are typed and sentences are made of them last: nothing in the package reads a sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sandbox.inside import part
from harness.sandbox.inside.part import Part, Role

PACKAGE = Path(__file__).parents[1] / "harness"
SENTENCES = {
    *("message", "reason", "verification_reason", "what", "why", "hint", "diagnosis", "remedy"),
}
READERS = {
    *("startswith", "endswith", "removeprefix", "removesuffix", "split", "rsplit", "partition"),
    *("rpartition", "find", "rfind", "index", "count", "replace", "splitlines"),
}
PATTERNS = {"search", "match", "fullmatch", "sub", "findall", "finditer", "split"}


def is_sentence(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in SENTENCES


def is_enumerated(node: ast.expr) -> bool:
    """Whether it names members of an enum, or stands for nothing."""
    if isinstance(node, ast.Tuple | ast.Set | ast.List):
        return all(map(is_enumerated, node.elts))
    if isinstance(node, ast.Constant):
        return node.value is None
    return isinstance(node, ast.Attribute) and node.attr.isupper()


def is_phrase(node: ast.expr) -> bool:
    """Whether it is a text of several words."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def readings(tree: ast.Module) -> Iterator[ast.AST]:
    """Places at which a sentence is searched, taken apart, compared with words or used as a key."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=verb), args=arguments):
                taken_apart = verb in READERS and is_sentence(owner)
                if taken_apart or (verb in PATTERNS and any(map(is_sentence, arguments))):
                    yield node
            case ast.Compare(left=left, ops=operators, comparators=rest):
                sides = [left, *rest]
                others = [side for side in sides if not is_sentence(side)]
                read = len(others) < len(sides) and not all(map(is_enumerated, others))
                equal = all(isinstance(operator, ast.Eq | ast.NotEq) for operator in operators)
                if read or (equal and any(map(is_phrase, sides))):
                    yield node
            case ast.Subscript(slice=ast.Attribute(attr=key)) if key in SENTENCES | {"words"}:
                yield node
            case ast.MatchValue(value=value) if is_phrase(value):
                yield node


# Texts of others that happen to have such a name, by file and function.
THEIRS = {
    # The message of stock gradcheck, shown in one line.
    "checks/stock.py": "re.sub('\\\\s+', ' ', message)",
    # What a language model gives as its reason, cut to length.
    "judge/answer.py": "each.why.split()",
}


def test_no_code_reads_a_sentence() -> None:
    found = [
        (str(path.relative_to(PACKAGE)), ast.unparse(node))
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in readings(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == sorted(THEIRS.items())


@pytest.mark.parametrize(
    "code",
    [
        "'gone' in finding.message",
        "finding.message == 'gone'",
        "record.reason.startswith(prefix)",
        "re.search(pattern, finding.diagnosis)",
        "message.split(', but ')",
        "PATTERN.search(verified.reason)",
        "FAILING in seen.reason",
        "name == 'the incoming gradient'",
        "guesses[effect.words]",
        "match moment:\n    case 'second backward': pass",
    ],
)
def test_the_scan_finds_what_it_looks_for(code: str) -> None:
    assert list(readings(ast.parse(code)))


def test_the_scan_lets_typed_facts_be_compared() -> None:
    code = "event.what is EventKind.WRITTEN or found.why in (Why.STALE, None) or a.message is None"
    assert not list(readings(ast.parse(code)))


PARTS = st.builds(
    Part,
    st.sampled_from(Role),
    st.none() | st.integers(0, 999_999),
    st.none() | st.integers(0, 999_999),
)


@given(PARTS)
def test_a_part_reads_as_it_is_written(one: Part) -> None:
    assert part.parse(str(one)) == one


@pytest.mark.parametrize("text", ["", "q", "y ", "g-1", "g1@", "@2", "g1_0", "g1234567", "Y", "g١"])
def test_what_names_no_part_is_no_part(text: str) -> None:
    assert part.parse(text) is None
