"""Calls with plain values, and with callables and iterators that are scripted.

A function is called, or a class is used by a sequence of calls. The same code runs for the
submission and, elsewhere, for the oracle: what it tells is data and judges nothing.
"""

import builtins
import dis
import json
import operator
import os
import random
import tracemalloc
import types
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import torch

from .plain import Raising, Scripted, as_tensor, decode, encode
from .script import FILE_NAME, described

Json = dict[str, Any]
# Calls of callables, and items read from iterators, in one call.
MOST_USES = 2000
# Numbers that are drawn from generators before a call.
STIRRED = 3
# Items of what a method returns for ``__iter__``.
MOST_ITEMS = 1000
# As they are before any code of a submission could give a class of its own such a name.
BUILTIN: dict[int, str] = {
    id(kind): name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}
_MRO: Any = type.__dict__["__mro__"]
# What is written as an operator and not as a call of the method.
OPERATORS: dict[str, Callable[..., Any]] = {
    "__len__": len,
    "__bool__": bool,
    "__contains__": operator.contains,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
    "__iter__": lambda one: list(islice(iter(one), MOST_ITEMS)),
    "__call__": lambda one, *arguments, **keywords: one(*arguments, **keywords),
}


class OverusedError(BaseException):
    """What was handed over is called or read without end; nothing is to go on after it."""


def kinds_of(error: BaseException) -> list[str]:
    """The builtin classes that an exception is one of, nearest first, whatever its class says."""
    classes = _MRO.__get__(type(error))
    return [BUILTIN[id(kind)] for kind in classes if id(kind) in BUILTIN][:20]


def raised_in(error: BaseException) -> str:
    """Name of the file whose ``raise`` made an exception; empty where none did."""
    end = error.__traceback__
    while end is not None and end.tb_next is not None:
        end = end.tb_next
    if end is None:
        return ""
    code = end.tb_frame.f_code
    by_statement = code.co_code[end.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return code.co_filename if by_statement else ""


class Handed:
    """An iterator that is handed over."""

    def __init__(self, stage: "Stage", script: Scripted) -> None:
        self.stage = stage
        self.left = iter(script.outcomes)
        self.script = script

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self.stage.read += 1
        self.stage.count()
        found = next(self.left, self)
        if found is self and self.script.endless and self.script.outcomes:
            self.left = iter(self.script.outcomes)
            found = next(self.left)
        if found is self:
            raise StopIteration
        return self.stage.another(found)


class Stage:
    """Makes the callables of one sequence of calls, with one clock, and sees how they are used."""

    def __init__(self) -> None:
        self.now: float | None = None
        # Of the call that is going on: which callable, and its arguments.
        self.uses: list[Json] = []
        # Uses in one call: items that are there may all be read.
        self.most_uses = self.count_left = MOST_USES
        # Items read from iterators.
        self.read = 0

    def make(self, script: Scripted) -> Any:
        """What a script stands for."""
        if script.role in ("clock", "sleep") and self.now is None:
            self.now = script.outcomes[0] if script.outcomes else 0.0
        if script.role == "iterator":
            self.most_uses += 0 if script.endless else len(script.outcomes)
            return Handed(self, script)
        return {"clock": self._clock, "sleep": self._sleep, "callable": self._callable}[
            script.role
        ](script)

    def values(self, data: Any) -> Any:
        """Encoded arguments as the call gets them."""
        return decode(data, self.make)

    def another(self, value: Any) -> Any:
        """The value anew, as a real source gives it each time; who keeps it pays for it."""
        return self.values(json.loads(json.dumps(encode(value))))

    def advance(self, seconds: float) -> None:
        self.now = (self.now or 0.0) + seconds

    def count(self) -> None:
        """Notice one use more; raises ``OverusedError``."""
        self.count_left -= 1
        if self.count_left < 0:
            raise OverusedError(f"more than {self.most_uses} uses of what was handed over")

    def _clock(self, script: Scripted) -> Callable[[], float]:
        def clock() -> float:
            self._use(script, (), {})
            return self.now or 0.0

        return clock

    def _sleep(self, script: Scripted) -> Callable[[float], None]:
        def sleep(seconds: float, /) -> None:
            self._use(script, (seconds,), {})
            if not seconds >= 0:
                raise ValueError("sleep length must be non-negative")
            self.advance(float(seconds))

        return sleep

    def _callable(self, script: Scripted) -> Callable[..., Any]:
        turn = iter(range(len(script.outcomes) - 1))

        def scripted(*arguments: Any, **keywords: Any) -> Any:
            given = self._use(script, arguments, keywords)
            place = next(turn, len(script.outcomes) - 1)
            if script.by_argument:
                place = zlib.crc32(json.dumps(given).encode()) % len(script.outcomes)
            found = self.another(script.outcomes[place])
            if isinstance(found, Raising):
                raise getattr(builtins, found.kind)("scripted")
            return found

        return scripted

    def _use(self, script: Scripted, arguments: tuple[Any, ...], keywords: Json) -> Any:
        given = [encode(arguments), encode(keywords)]
        self.count()
        self.uses.append({"name": script.name, "given": given})
        return given

    def outcome(self, run: Callable[[], Any], caught: type[BaseException]) -> tuple[Any, Json]:
        """What a call returns, and what is told of it."""
        self.uses, self.count_left, self.read = [], self.most_uses, 0
        value = None
        try:
            value = run()
            told: Json = {"value": encode(value)}
        except caught as error:
            told = {"error": {**described(error), "kinds": kinds_of(error)}}
            told["error"]["raised_in"] = raised_in(error)
        told["uses"] = self.uses
        return value, told


def items(stage: Stage, made: Callable[[], Any], count: int, caught: type[BaseException]) -> Json:
    """The first items of what a call returns, and how much was read before each."""
    found: list[Any] = []
    reads: list[int] = []
    ended, kind = False, ""
    stage.read = 0

    def run() -> None:
        nonlocal ended, kind
        result = made()
        kind = "iterator" if hasattr(type(result), "__next__") else type(result).__name__
        each = iter(result)
        reads.append(stage.read)
        while len(found) < count:
            try:
                item = next(each)
            except StopIteration:
                ended = True
                return
            found.append(encode(item))
            reads.append(stage.read)

    _, told = stage.outcome(run, caught)
    told |= {"value": ["list", found], "ended": ended, "kind": kind[:100], "reads": reads}
    return told


def sequence(
    make: Callable[..., Any], play: Json, caught: type[BaseException] = BaseException
) -> list[Json | None]:
    """Make the objects of a sequence and take its steps; ``None`` where there is no object."""
    stage = Stage()
    objects: list[Any] = []
    told: list[Json | None] = []
    for one in play["objects"]:
        arguments, keywords = _arguments(stage, one)

        def construct() -> list[Any]:
            return [make(*arguments, **keywords)]  # noqa: B023

        found, said = stage.outcome(construct, caught)
        objects.append(found)
        told.append({**said, "value": None} if found is not None else said)
    for step in play["steps"]:
        if "advance" in step:
            stage.advance(decode(step["advance"]))
            told.append(None)
        elif objects[step["on"]] is None:
            told.append(None)
        else:
            (used,) = objects[step["on"]]
            told.append(stage.outcome(_method(stage, used, step), caught)[1])
    return told


def _arguments(stage: Stage, call: Json) -> tuple[list[Any], Json]:
    positional = [stage.values(one) for one in call["args"]]
    return positional, {name: stage.values(one) for name, one in call["keywords"].items()}


def _method(stage: Stage, used: Any, step: Json) -> Callable[[], Any]:
    name = step["method"]
    arguments, keywords = _arguments(stage, step)
    if step["attribute"]:
        return lambda: getattr(used, name)
    if name in OPERATORS:
        return lambda: OPERATORS[name](used, *arguments, **keywords)
    return lambda: getattr(used, name)(*arguments, **keywords)


def call(
    function: Callable[..., Any], one: Json, caught: type[BaseException] = BaseException
) -> tuple[Json, dict[str, Any]]:
    """Call a function, or take the first items of what it gives.

    Returns what is told of it, and its result and arguments by name.
    """
    stage = Stage()
    arguments, keywords = _arguments(stage, one)
    value = None
    if one.get("take") is not None:
        told = items(stage, lambda: function(*arguments, **keywords), one["take"], caught)
    else:
        value, told = stage.outcome(lambda: function(*arguments, **keywords), caught)
    if one.get("watch"):
        told["args"] = [encode(value) for value in arguments]
        told["keywords"] = {name: encode(value) for name, value in keywords.items()}
    places = {f"argument {place}": given for place, given in enumerate(arguments, 1)}
    return told, {"its result": value, **places, **keywords}


def peak(
    function: Callable[..., Any], one: Json, caught: type[BaseException] = BaseException
) -> Json:
    """Tell the most bytes that a call has in use at once, beside what it is given.

    Each item of a generator is let go of before the next. ``None`` where the call stopped the
    count or cleared it.
    """
    stage = Stage()
    arguments, keywords = _arguments(stage, one)

    def run() -> None:
        result = function(*arguments, **keywords)
        if one.get("take") is not None:
            for _ in islice(result, one["take"]):
                pass

    counted_before = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        mark = bytearray(1)
        tracemalloc.reset_peak()
        before_bytes, _ = tracemalloc.get_traced_memory()
        _, told = stage.outcome(run, caught)
        most_bytes = tracemalloc.get_traced_memory()[1] - before_bytes
        counted = tracemalloc.is_tracing() and tracemalloc.get_object_traceback(mark) is not None
        told["value"] = most_bytes if counted else None
    finally:
        if not counted_before:
            tracemalloc.stop()
    return told


def answer(module: types.ModuleType, header: Json, source: str) -> tuple[Json, list[torch.Tensor]]:
    """Make each of ``calls``; one that raises is answered with the error, and the next goes on.

    Where it is to be ``fresh`` the source is run again first, so that no state is left.
    """
    if header.get("fresh"):
        # Code that can be loaded only once is asked as it is.
        with suppress(BaseException):
            exec(compile(source, FILE_NAME, "exec"), vars(module))
    watched: list[Watched] = []
    told = [_told(module, one, watched) for one in header["calls"]]
    for one in watched:
        one.told["later"] = one.changes()
    return {}, [as_tensor(told)]


def _told(module: types.ModuleType, one: Json, watched: "list[Watched]") -> Any:
    random.seed(one["seed"])
    torch.default_generator.manual_seed(one["seed"])
    for _ in range(STIRRED):
        # No seed that an answer may set gives the state that follows.
        random.random()
        torch.rand(1)
    try:
        function = getattr(module, one["fn"])
    except AttributeError as error:
        return {"error": {**described(error), "kinds": kinds_of(error)}}
    if "steps" in one:
        return sequence(function, one)
    if one.get("peak"):
        return peak(function, one)
    before = surroundings(module) if one["watch"] else {}
    told, kept = call(function, one)
    if one["watch"]:
        after = surroundings(module)
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        told["changed"] = names[:20]
        watched.append(Watched(told, kept))
    return told


class Watched:
    """What a call got and gave, which later calls are to leave alone."""

    def __init__(self, told: Json, kept: dict[str, Any]) -> None:
        self.told = told
        self.kept = kept
        self.before = self._now()

    def _now(self) -> dict[str, str]:
        return {name: json.dumps(encode(value)) for name, value in self.kept.items()}

    def changes(self) -> list[str]:
        """Names of what is not as it was right after the call."""
        now = self._now()
        return [name for name in now if now[name] != self.before[name]][:20]


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
