"""Runs of a script in which the backward of a Function is spoiled, to see whether its tests notice.

A Function is known by its name and by how many were made before it. It is spoiled only while it
has the backward that was graded: one that a test puts in its place is left alone.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from . import unaided

Json = dict[str, Any]
# More Functions, and more kinds of company, than anybody tests.
MOST = 64

FACTOR, SIGN, SECOND = "factor", "sign", "second"


@dataclass
class Spoiler:
    """Watches the backwards of one run and spoils some of them."""

    # What is spoiled; an empty name stands for every Function, ``None`` for none. Of several
    # with one name that of a number, or all.
    name: str | None = None
    rank: int = -1
    # ``factor``, ``sign`` or ``second`` (the derivative of the gradient), and of which gradient.
    kind: str = FACTOR
    place: int | None = None
    factor: float = 1.0
    # Functions that may have a part in the same backward; ``None`` where any may.
    company: list[str] | None = None
    # Name of a function of the script whose result is spoiled instead.
    value: str | None = None
    # Line of the graded backward by Function; any where there is none.
    lines: dict[str, int | None] = field(default_factory=dict)
    # What was seen: the places of gradients that a Function returns, and who had a part in what.
    gradients: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    tasks: dict[int, set[tuple[str, int]]] = field(default_factory=dict)
    # Number of the last Function that was made before.
    begun: int = 0

    def __enter__(self) -> "Spoiler":
        unaided.install()
        self.begun = _number(type("_", (torch.autograd.Function,), {}))
        unaided.watcher = self
        return self

    def __exit__(self, *_: object) -> None:
        unaided.watcher = None

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
        found = apply(node, *gradients)
        function = node._forward_cls
        if not unaided.own(function):
            return found
        key = self._key(function)
        several = isinstance(found, tuple | list)
        every = list(found) if several else [found]
        task = torch._C._current_graph_task_id()
        self.tasks.setdefault(task, set()).add(key)
        places = [i for i, one in enumerate(every) if isinstance(one, torch.Tensor)]
        self.gradients.setdefault(key, set()).update(places)
        if not self._meant(function, key, node, task):
            return found
        for place in places:
            if self.place in (None, place):
                every[place] = self._spoiled(every[place])
        return tuple(every) if several else every[0]

    def _key(self, function: type) -> tuple[str, int]:
        return function.__name__, _number(function) - self.begun

    def _meant(self, function: type, key: tuple[str, int], node: Any, task: int) -> bool:
        if self.name is None or (self.name and key[0] != self.name):
            return False
        if self.rank >= 0 and key[1] != self.rank:
            return False
        line = self.lines.get(key[0])
        if line is not None and unaided.line_of(function) != line:
            return False
        if self.company is None:
            return True
        before = {one.__name__ for one in map(_function, _behind(node)) if one is not None}
        names = before | {name for name, _ in self.tasks[task]}
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
    def other(*args: Any, **kwargs: Any) -> Any:
        return moved(function(*args, **kwargs), factor)

    return functools.update_wrapper(other, function) if hasattr(function, "__name__") else other


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
    return value


def _number(function: Any) -> int:
    return int(function._backward_cls._autograd_function_id)


def _function(node: Any) -> type | None:
    function = getattr(node, "_forward_cls", None)
    return function if function is not None and unaided.own(function) else None


def _behind(node: Any) -> list[Any]:
    waiting, seen = [before for before, _ in node.next_functions], set()
    for one in waiting:
        if one is not None and one not in seen:
            seen.add(one)
            waiting += [before for before, _ in one.next_functions]
    return list(seen)
