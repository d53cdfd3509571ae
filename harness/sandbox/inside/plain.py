"""Calls with plain Python values: both sides write and read these as data, never as pickle.

JSON holds ``None``, truth values, strings and small integers as they are. Everything else is a
list that begins with its type: ``["float", "0x1.8p+1"]``, ``["tuple", [1, 2]]``,
``["dict", [[key, value], ...]]``. A value of another type is described by the name of its type,
``["other", "decimal.Decimal"]``, and never read back.
"""

import json
import os
import random
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from .script import described
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
    for ordered in (list, tuple):
        if isinstance(value, ordered):
            return [ordered.__name__, each(value)]
    for unordered in (set, frozenset):
        if isinstance(value, unordered):
            return [unordered.__name__, sorted(each(value), key=repr)]
    if isinstance(value, dict):
        return ["dict", [each(pair) for pair in dict.items(value)]]
    return ["other", f"{type(value).__module__}.{type(value).__qualname__}"[:100]]


_SEVERAL: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


def decode(data: Any, depth: int = 0) -> Any:
    """The value that ``encode`` wrote. Raises ``WireError`` for what it never writes."""
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
            case [str(kind), list(items)] if kind in _SEVERAL:
                return _SEVERAL[kind]([decode(item, depth + 1) for item in items])
            case ["dict", list(pairs)]:
                return {decode(k, depth + 1): decode(v, depth + 1) for k, v in pairs}
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


def answer(module: types.ModuleType, header: Json) -> tuple[Json, list[torch.Tensor]]:
    """Make each of ``calls``; one that raises is answered with the error, and the next goes on."""
    return {}, [as_tensor([_called(module, call) for call in header["calls"]])]


def _called(module: types.ModuleType, call: Json) -> Json:
    arguments = [decode(one) for one in call["args"]]
    keywords = {name: decode(one) for name, one in call["keywords"].items()}
    random.seed(call["seed"])
    torch.default_generator.manual_seed(call["seed"])
    before = surroundings(module) if call["watch"] else {}
    try:
        value = getattr(module, call["fn"])(*arguments, **keywords)
        told: Json = {"value": encode(value)}
    except BaseException as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        told = {"error": {**described(error), "kinds": kinds[:20]}}
    if call["watch"]:
        after = surroundings(module)
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        told["changed"] = names[:20]
        told["args"] = [encode(one) for one in arguments]
        told["keywords"] = {name: encode(one) for name, one in keywords.items()}
    return told


def surroundings(module: types.ModuleType) -> dict[str, Any]:
    """What a call may have changed beside its arguments, by name."""
    try:
        folder = os.getcwd()
    except OSError:
        folder = ""
    found: dict[str, Any] = {
        "the working folder": folder,
        "the environment": dict(os.environ),
        "the generator of random": random.getstate(),
        "the generator of torch": torch.default_generator.get_state().numpy().tobytes(),
    }
    for name, value in list(vars(module).items()):
        if not name.startswith("__"):
            data = encode(value)
            same = id(value) if isinstance(data, list) and data[0] == "other" else None
            found[f"the global {name[:80]}"] = (json.dumps(data), same)
    return found
