"""Calls with plain Python values: both sides write and read these as data, never as pickle.

JSON holds ``None``, truth values, strings and small integers as they are. Everything else is a
list that begins with its type: ``["float", "0x1.8p+1"]``, ``["tuple", [1, 2]]``,
``["dict", [[key, value], ...]]``. A value of another type is described by the name of its type,
``["other", "decimal.Decimal"]``, and never read back. What a candidate is to be given to call or
to iterate over is a ``Scripted``, which travels to it alone.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from .wire import WireError

Json = dict[str, Any]
# What is nested deeper, or holds more values or characters, is described instead.
MOST_DEPTH, MOST_SIZE = 40, 1 << 18
# Integers between minus this and this are JSON numbers.
SMALL = 1 << 53


@dataclass(frozen=True)
class Other:
    """Stands for a value that does not travel; equal to nothing that does."""

    # The name of its type, or why it does not travel.
    what: str


@dataclass(frozen=True)
class Raising:
    """A call of a scripted callable that raises."""

    # Name of a builtin exception.
    kind: str


@dataclass(frozen=True)
class Scripted:
    """What stands for a callable or an iterator that is handed over."""

    # ``callable``, ``clock``, ``sleep`` or ``iterator``.
    role: str
    # Name of its parameter.
    name: str
    # What a callable does at each call, the last again and again: a value, or ``Raising``. Of an
    # iterator its items, of a clock the time at which it begins.
    outcomes: tuple[Any, ...]
    # Whether a callable's arguments decide what it does, and whether an iterator never ends.
    by_argument: bool = False
    endless: bool = False


class _TooMuch(Exception):
    """A value that is nested too deep or is too large."""


def encode(value: Any) -> Any:
    """``value`` as JSON can hold it; a subclass of a plain type counts as that type."""
    try:
        return _encoded(value, 0, [MOST_SIZE])
    except _TooMuch as error:
        return ["other", str(error)]


def _encoded(value: Any, depth: int, room: list[int]) -> Any:
    room[0] -= len(value) if isinstance(value, str | bytes | bytearray) else 1
    if room[0] < 0:
        raise _TooMuch("a value of absurd size")
    if depth > MOST_DEPTH:
        raise _TooMuch(f"a value nested more than {MOST_DEPTH} deep")
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        number = int.__int__(value)
        room[0] -= number.bit_length() // 4
        if room[0] < 0:
            raise _TooMuch("an integer of absurd size")
        return number if -SMALL < number < SMALL else ["int", hex(number)]
    if isinstance(value, float):
        return ["float", float.hex(value)]
    if isinstance(value, complex):
        return ["complex", float.hex(value.real), float.hex(value.imag)]

    def each(items: Iterable[Any]) -> list[Any]:
        return [_encoded(item, depth + 1, room) for item in items]

    for kind in (bytes, bytearray):
        if isinstance(value, kind):
            return [kind.__name__, bytes(value).hex()]
    if isinstance(value, memoryview):
        return _viewed(value, room)
    for ordered in (list, tuple):
        if isinstance(value, ordered):
            return [ordered.__name__, each(value)]
    for unordered in (set, frozenset):
        if isinstance(value, unordered):
            return [unordered.__name__, sorted(each(value), key=repr)]
    if isinstance(value, Raising):
        return ["raised", value.kind]
    if isinstance(value, Scripted):
        kept = [value.role, value.name, value.by_argument, value.endless]
        return ["script", kept, each(value.outcomes)]
    if isinstance(value, dict):
        return ["dict", [each(pair) for pair in dict.items(value)]]
    return ["other", f"{type(value).__module__}.{type(value).__qualname__}"[:100]]


def _viewed(value: memoryview, room: list[int]) -> list[Any]:
    """A view of bytes; one of other items, or that was released, is described."""
    try:
        room[0] -= value.nbytes
        if room[0] >= 0 and value.ndim == 1 and value.format in ("B", "b", "c"):
            return ["memoryview", value.tobytes().hex()]
    except ValueError:
        return ["other", "a released memoryview"]
    if room[0] < 0:
        raise _TooMuch("a value of absurd size")
    return ["other", f"memoryview of {value.format[:20]}"]


_SEVERAL: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


def decode(data: Any, make: Callable[[Scripted], Any] | None = None, depth: int = 0) -> Any:
    """The value that ``encode`` wrote. Raises ``WireError`` for what it never writes.

    ``make`` gives what a script stands for; without it no script is read.
    """

    def each(items: list[Any]) -> list[Any]:
        return [decode(item, make, depth + 1) for item in items]

    if data is None or isinstance(data, bool | int | str):
        return data
    try:
        if depth > MOST_DEPTH:
            raise WireError("a value is nested too deep")
        match data:
            case ["int", str(text)]:
                return int(text, 16)
            case ["float", str(text)]:
                return float.fromhex(text)
            case ["complex", str(real), str(imag)]:
                return complex(float.fromhex(real), float.fromhex(imag))
            case ["bytes", str(text)]:
                return bytes.fromhex(text)
            case ["bytearray", str(text)]:
                return bytearray.fromhex(text)
            case ["memoryview", str(text)]:
                return memoryview(bytes.fromhex(text))
            case [str(kind), list(items)] if kind in _SEVERAL:
                return _SEVERAL[kind](each(items))
            case ["dict", list(pairs)]:
                return dict(map(each, pairs))
            case ["raised", str(kind)] if make is not None:
                return Raising(kind)
            case ["script", list(kept), list(outcomes)] if make is not None:
                role, name, by_argument, endless = kept
                return make(Scripted(role, name, tuple(each(outcomes)), by_argument, endless))
            case ["other", str(what)]:
                return Other(what[:100])
    except WireError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"a value is malformed: {error}") from None
    raise WireError("a value is of no type that travels")


def as_tensor(data: Any) -> torch.Tensor:
    """JSON as int64, for a frame whose header is cut to what can be printed."""
    text = json.dumps(data, separators=(",", ":")).encode()
    return torch.frombuffer(bytearray(text + b" " * (-len(text) % 8)), dtype=torch.int64)


def from_tensor(tensor: torch.Tensor) -> Any:
    """What ``as_tensor`` wrote. Raises ``WireError`` where it is no JSON."""
    try:
        return json.loads(tensor.numpy().tobytes())
    except (ValueError, RecursionError) as error:
        raise WireError(f"the values are not JSON: {error}") from None
