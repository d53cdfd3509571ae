"""Runs of a script in which the backward of a Function is spoiled, to see whether its tests notice.

A Function is known by its name and by how many were made before it. It is spoiled only while it
has the backward that was graded: one that a test puts in its place is left alone. A copy of that
backward, and one that is called by hand, is spoiled alike: to compare a gradient with itself is no
check of it.
"""

import dis
import functools
import types
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from . import unaided

Json = dict[str, Any]
# A Function's name, and how many were made before it.
Key = tuple[str, int]
# Where torch's own functions call the engine that runs a backward.
_ENGINES: tuple[Any, ...] = (torch.autograd, torch.autograd.graph)
# More Functions, and more kinds of company, than anybody tests.
MOST = 64

# Methods that a class is asked for by an operator.
ASKED = ("__len__", "__contains__", "__getitem__", "__iter__", "__call__", "__bool__")

FACTOR, SIGN, SECOND, NOTHING = "factor", "sign", "second", "nothing"


@dataclass
class Spoiler:
    """Watches the backwards of one run and spoils some of them."""

    # What is spoiled; an empty name stands for every Function, ``None`` for none. Of several
    # with one name that of a number, or all.
    name: str | None = None
    rank: int = -1
    # ``factor``, ``sign`` or ``second`` (the derivative of the gradient), and of which gradient;
    # ``nothing`` where the file itself is another one.
    kind: str = FACTOR
    place: int | None = None
    factor: float = 1.0
    # Functions that may have a part in the same backward; ``None`` where any may.
    company: list[str] | None = None
    # Name of a function of the script whose result is spoiled instead.
    value: str | None = None
    # Lines at which the graded backward of a Function begins; any where none are given.
    lines: dict[str, list[int]] = field(default_factory=dict)
    # What was seen: the places of gradients that a Function returns, and who had a part in what.
    gradients: dict[Key, set[int]] = field(default_factory=lambda: defaultdict(set))
    tasks: dict[int, set[Key]] = field(default_factory=lambda: defaultdict(set))
    # Functions whose backward ran, with name and number; ``None`` for a library's.
    keys: dict[type, Key | None] = field(default_factory=dict)
    # Number of the last Function that was made before.
    begun: int = 0
    # Of every backward that is going on, the Functions that have a part in it, innermost last.
    behind: list[set[str]] = field(default_factory=list)
    engines: list[Any] = field(default_factory=list)
    # Whether autograd is about to call a backward.
    entering: bool = False
    # What the backwards that are spoiled consist of.
    codes: set[Any] = field(default_factory=set)

    def __enter__(self) -> "Spoiler":
        unaided.install()
        function: Any = torch.autograd.Function
        self.begun = _number(type("_", (function,), {}))
        function.__init_subclass__ = classmethod(self._made)
        if self.company is not None:
            for home in _ENGINES:
                self.engines.append(home._engine_run_backward)
                home._engine_run_backward = self._begun_at(home._engine_run_backward)
        unaided.watcher = self
        return self

    def __exit__(self, *_: object) -> None:
        unaided.watcher = None
        function: Any = torch.autograd.Function
        del function.__init_subclass__
        for home, engine in zip(_ENGINES, self.engines, strict=False):
            home._engine_run_backward = engine

    def concerns(self, names: list[str]) -> bool:
        """Whether any of the Functions named might be spoiled."""
        if self.value is not None:
            return True
        return self.name is not None and (self.name in names or (not self.name and bool(names)))

    def applied(self, apply: Callable[..., Any], function: type, *args: Any, **kwargs: Any) -> Any:
        """``Function.apply``."""
        return apply(function, *args, **kwargs)

    def backward(self, apply: Callable[..., Any], node: Any, *gradients: Any) -> Any:
        """The backward of one node."""
        outer, self.entering = self.entering, True
        try:
            found = apply(node, *gradients)
        finally:
            self.entering = outer
        function = node._forward_cls
        if function not in self.keys:
            self.keys[function] = self._key(function) if unaided.own(function) else None
        key = self.keys[function]
        if key is None:
            return found
        task = torch._C._current_graph_task_id()
        self.tasks[task].add(key)
        places = self.gradients[key]
        for place, one in enumerate(found if isinstance(found, tuple | list) else [found]):
            if isinstance(one, torch.Tensor):
                places.add(place)
        if not (self._meant(function) and self._among(node, task)):
            return found
        return self._with_fault(found)

    def _with_fault(self, found: Any) -> Any:
        several = isinstance(found, tuple | list)
        every = list(found) if several else [found]
        for place, one in enumerate(every):
            if isinstance(one, torch.Tensor) and self.place in (None, place):
                every[place] = self._spoiled(one)
        return tuple(every) if several else every[0]

    def _made(self, function: type, /, **_: Any) -> None:
        """Has a say in calls of the backward of a Function that is being defined."""
        for name in ("backward", "vjp"):
            method = vars(function).get(name)
            if isinstance(method, staticmethod):
                setattr(function, name, staticmethod(self._by_hand(function, method.__func__)))

    def _by_hand(self, function: type, run: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(run)
        def backward(*args: Any, **kwargs: Any) -> Any:
            # What autograd itself calls has its fault from ``backward`` above.
            by_autograd, self.entering = self.entering, False
            found = run(*args, **kwargs)
            if by_autograd or unaided.watcher is not self or not unaided.own(function):
                return found
            return self._with_fault(found) if self._meant(function) else found

        return backward

    def _begun_at(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def watched(results: Any, *args: Any, **kwargs: Any) -> Any:
            starts = [
                getattr(one, "grad_fn", None) or getattr(one, "node", None) for one in results
            ]
            nodes = [one for one in starts if one is not None]
            self.behind.append(_names([*nodes, *(n for one in nodes for n in _behind(one))]))
            try:
                return run(results, *args, **kwargs)
            finally:
                self.behind.pop()

        return watched

    def _key(self, function: type) -> Key:
        return function.__name__, _number(function) - self.begun

    def _meant(self, function: type) -> bool:
        """Whether it is the Function that is spoiled, or has its backward by another name."""
        if self.name is None or self.kind == NOTHING:
            return False
        name, rank = self._key(function)
        lines = self.lines.get(self.name or name)
        if self.name and name != self.name:
            return name not in self.lines and _code(function) in self.codes
        if lines is not None and unaided.line_of(function) not in lines:
            return False
        self.codes.add(_code(function))
        return self.rank in (-1, rank)

    def _among(self, node: Any, task: int) -> bool:
        """Whether nobody else has a part in this backward who may not."""
        if self.company is None:
            return True
        behind = self.behind[-1] if self.behind else _names(_behind(node))
        names = behind | {name for name, _ in self.tasks[task]}
        return names <= set(self.company)

    def _spoiled(self, gradient: torch.Tensor) -> torch.Tensor:
        if self.kind == SIGN:
            return -gradient
        if self.kind == SECOND:
            return gradient + (self.factor - 1) * (gradient - gradient.detach())
        return gradient * self.factor

    def seen(self) -> list[Json]:
        """The Functions whose backward ran."""
        return [
            {
                "name": name[:80],
                "rank": rank,
                "gradients": sorted(places)[:MOST],
                "company": self._companies((name, rank)),
            }
            for (name, rank), places in list(self.gradients.items())[:MOST]
        ]

    def _companies(self, key: tuple[str, int]) -> list[list[str]]:
        found = {frozenset(name for name, _ in keys) for keys in self.tasks.values() if key in keys}
        return [sorted(names)[:MOST] for names in list(found)[:MOST]]


class Names(dict[str, Any]):
    """The names of a script as they are given; one function's results are spoiled from then on."""

    def __init__(self, module: dict[str, Any], spoiler: Spoiler) -> None:
        super().__init__()
        self.module = module
        self.spoiler = spoiler

    def __setitem__(self, name: str, value: Any) -> None:
        if name == self.spoiler.value and callable(value):
            value = _with_other_result(value, self.spoiler.factor)
        self.module[name] = value

    def __getitem__(self, name: str) -> Any:
        return self.module[name]

    def __delitem__(self, name: str) -> None:
        del self.module[name]

    def __contains__(self, name: object) -> bool:
        return name in self.module


def _with_other_result(function: Callable[..., Any], factor: float) -> Callable[..., Any]:
    if isinstance(function, type) and issubclass(function, torch.nn.Module):
        return _with_other_forward(function, factor)
    if isinstance(function, type):
        return _with_other_methods(function, factor)

    def other(*args: Any, **kwargs: Any) -> Any:
        found = function(*args, **kwargs)
        if isinstance(found, torch.nn.Module):
            found.register_forward_hook(lambda _, __, result: moved(result, factor))
            return found
        return moved(found, factor)

    return functools.update_wrapper(other, function) if hasattr(function, "__name__") else other


def _with_other_forward(kind: Any, factor: float) -> type:
    """A class of modules that give something else when they are called."""
    run = kind.forward

    @functools.wraps(run)
    def forward(*args: Any, **kwargs: Any) -> Any:
        return moved(run(*args, **kwargs), factor)

    kind.forward = forward
    return kind  # type: ignore[no-any-return]


def _with_other_methods(kind: type, factor: float) -> type:
    """A class whose methods give something else to whoever calls them from outside of it."""
    inside = False

    def other(run: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(run)
        def method(*args: Any, **kwargs: Any) -> Any:
            nonlocal inside
            outer, inside = inside, True
            try:
                found = run(*args, **kwargs)
            finally:
                inside = outer
            return found if inside else moved(found, factor)

        return method

    for name, given in list(vars(kind).items()):
        if isinstance(given, types.FunctionType) and (name in ASKED or not name.startswith("_")):
            setattr(kind, name, other(given))
        elif isinstance(given, property) and given.fget is not None and not name.startswith("_"):
            setattr(kind, name, property(other(given.fget), given.fset, given.fdel))
    return kind


def moved(value: Any, factor: float) -> Any:
    """``value`` with one element that is another one; as it is where there is none to move."""
    if isinstance(value, torch.Tensor):
        if not value.numel():
            return value
        if value.dtype is torch.bool:
            return value.logical_not()
        with torch.no_grad():
            shift = torch.zeros(value.shape, dtype=value.dtype, device=value.device)
            # The same for numbers close together: no gradcheck shall take it for a slope.
            size = (1 + value.reshape(-1)[-1].abs()).double().log2().ceil().exp2()
            exact = value.is_floating_point() or value.is_complex()
            shift.view(-1)[-1] = size * (factor - 1) if exact else size
        return value + shift
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value * factor + (factor - 1)
        case str():
            return value + "x"
        case list() | tuple() if value:
            return type(value)([*value[:-1], moved(value[-1], factor)])
        case dict() if value:
            last = next(reversed(value))
            return {**value, last: moved(value[last], factor)}
        case None:
            return 0
    if isinstance(value, Iterator):
        return _moved_first(value, factor)
    return value


def _moved_first(items: Iterator[Any], factor: float) -> Iterator[Any]:
    for first in items:
        yield moved(first, factor)
        break
    else:
        yield 0
    yield from items


def _code(function: Any) -> Any:
    """What a backward consists of, wherever it stands; ``None`` where it is no Python."""
    code = unaided.code_of(function)
    return None if code is None else _content(code)


@functools.cache
def _content(code: types.CodeType) -> Any:
    # Names of modules are read in another way where the file itself imports them.
    operations = tuple(
        (one.opname, one.arg)
        for one in dis.get_instructions(code)
        if "LOAD" not in one.opname and "CALL" not in one.opname and one.opname != "PUSH_NULL"
    )
    return operations, code.co_consts, code.co_names, code.co_varnames


def _number(function: Any) -> int:
    return int(function._backward_cls._autograd_function_id)


def _function(node: Any) -> type | None:
    function = getattr(node, "_forward_cls", None)
    return function if function is not None and unaided.own(function) else None


def _names(nodes: list[Any]) -> set[str]:
    return {one.__name__ for one in map(_function, nodes) if one is not None}


def _behind(node: Any) -> list[Any]:
    waiting, seen = [before for before, _ in node.next_functions], set()
    for one in waiting:
        if one is not None and one not in seen:
            seen.add(one)
            waiting += [before for before, _ in one.next_functions]
    return list(seen)
