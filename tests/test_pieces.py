"""A large JSON object is read piece by piece, in any layout, and faults are told as json does."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_results import peak_bytes

from harness.results import pieces
from harness.results.pieces import Constant, JsonFault, NotUtf8, Pieces

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(
    st.sampled_from(["many", "other", "é", 'a"b']), st.lists(VALUES, max_size=4) | VALUES
)


@pytest.fixture(params=[3, 1 << 20], autouse=True, scope="module")
def chunk(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever part of a file is read at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "_CHUNK", request.param)
        yield


def of(data: bytes) -> Pieces:
    return Pieces(io.BytesIO(data), ("many",))


@settings(deadline=None, max_examples=60)
@given(
    value=OBJECTS | VALUES,
    indent=st.none() | st.integers(0, 3),
    ascii_only=st.booleans(),
    around=st.sampled_from(["", " ", "\r\n\t"]),
)
@example({"many": [-1.5e300, "\\", 12]}, None, True, "")
def test_every_layout_of_every_value_is_read(
    value: Any, indent: int | None, ascii_only: bool, around: str
) -> None:
    text = around + json.dumps(value, indent=indent, ensure_ascii=ascii_only) + around
    found = of(text.encode("utf-8", "surrogatepass"))
    if not isinstance(value, dict):
        assert found.value == value
        return
    many = value.get("many")
    listed = isinstance(many, list)
    assert json.loads(found.skeleton()) == (value | {"many": []} if listed else value)
    assert list(found.listed) == ["many"] * listed
    for place, one in enumerate(many if isinstance(many, list) else ()):
        assert json.loads(found.item("many", place)) == one
        id = one.get("id") if isinstance(one, dict) else None
        assert found.listed["many"].ids[place] == (id if isinstance(id, str) else None)


def test_of_a_name_that_is_there_twice_the_last_value_counts() -> None:
    found = of(b'{"many": [1], "many": {"a": 2}}')
    assert (json.loads(found.skeleton()), found.listed) == ({"many": {"a": 2}}, {})
    found = of(b'{"many": 3, "many": [1, 2]}')
    assert [found.item("many", place) for place in (0, 1)] == [b"1", b"2"]


GOOD = '{\n "a": [true, "é\\n\\u00e9", -1.5e3],\n "many": [{"id": "x"},\n  3]\n}\n'


@pytest.mark.parametrize("damage", ["", "?", '"', "\n", "]"])
def test_faults_are_those_that_the_json_module_tells(damage: str) -> None:
    for place, rest in product(range(len(GOOD)), (0, 1)):
        text = GOOD[:place] + damage + (GOOD[place + 1 :] if rest else "")
        told = fault_of(text)
        if told is None:
            of(text.encode())
            continue
        with pytest.raises(JsonFault) as caught:
            of(text.encode())
        # Versions of Python differ in words and place where a comma is one too many.
        if "trailing comma" not in told.msg:
            assert (caught.value.line, caught.value.column) == (told.lineno, told.colno), text
        assert caught.value.at_end == (told.pos >= len(text.rstrip())), text


def fault_of(text: str) -> json.JSONDecodeError | None:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error
    return None


def test_bytes_that_are_no_text_are_told_with_their_place() -> None:
    with pytest.raises(NotUtf8, match="byte 0xff at offset 12"):
        of('{"many": "é\xff"}'.encode("latin-1").replace(b"\xe9", "é".encode()))
    with pytest.raises(NotUtf8, match="byte 0xc3 at offset 3"):
        of(b'{ "\xc3')


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_a_constant_that_is_not_json_is_refused(name: str) -> None:
    with pytest.raises(Constant, match=re.escape(name)):
        of(f'{{"a": [{name}]}}'.encode())


def test_one_piece_is_in_memory() -> None:
    size, count = 100_000, 200
    item = json.dumps({"id": "x", "text": "y" * size})
    data = io.BytesIO(f'{{"many": [{", ".join([item] * count)}]}}'.encode())
    most = peak_bytes(lambda: Pieces(data, ("many",)))
    assert most < 12 * max(size, pieces._CHUNK) < size * count
