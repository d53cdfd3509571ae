"""What a function keeps between calls, put back to see what its first calls give."""

from __future__ import annotations

import collections
import functools
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

# Functions and classes that are looked at.
MOST_SEEN = 500
# Values that are bound anew to remember something, and those that are filled.
BOUND = (type(None), bool, int, float, str, tuple, torch.Tensor)
FILLED = (dict, list, set, collections.deque)
# Home of what keeps nothing of the author's.
FOREIGN = ("torch", "builtins", "harness", "functools", "typing", "collections")


class State:
    """The values in the modules, classes and closures of a function, as they were."""

    def __init__(self, fn: Any) -> None:
        self._holders: list[Any] = []
        self._caches: list[Any] = []
        self._seen: set[int] = set()
        self._visit(fn)
        self._before = self._read()

    @contextmanager
    def as_before(self) -> Iterator[None]:
        """What was kept since is away for a while."""
        now = self._read()
        try:
            self._write(self._before)
            for cached in self._caches:
                cached.cache_clear()
            yield
        finally:
            self._write(now)

    def _visit(self, thing: Any) -> None:
        if id(thing) in self._seen or len(self._seen) > MOST_SEEN:
            return
        self._seen.add(id(thing))
        if hasattr(thing, "cache_clear"):
            self._caches.append(thing)
            self._visit(getattr(thing, "__wrapped__", None))
        elif isinstance(thing, staticmethod | classmethod | types.MethodType):
            self._visit(thing.__func__)
            self._visit(getattr(thing, "__self__", None))
        elif isinstance(thing, functools.partial):
            self._visit(thing.func)
        elif isinstance(thing, torch.nn.Module):
            self._visit(type(thing))
        elif isinstance(thing, type):
            if _is_foreign(thing.__module__):
                return
            self._holders.append(thing)
            for value in (*thing.__mro__[1:], *vars(thing).values()):
                self._visit(value)
        elif isinstance(thing, types.FunctionType):
            if _is_foreign(thing.__module__ or ""):
                return
            self._holders.append(thing.__dict__)
            if id(thing.__globals__) not in self._seen:
                self._seen.add(id(thing.__globals__))
                self._holders.append(thing.__globals__)
                for value in list(thing.__globals__.values()):
                    if isinstance(value, type | types.FunctionType) or hasattr(
                        value, "cache_clear"
                    ):
                        self._visit(value)
            for cell in thing.__closure__ or ():
                self._holders.append(cell)
                try:
                    self._visit(cell.cell_contents)
                except ValueError:  # it is empty yet
                    continue

    def _read(self) -> list[dict[str, tuple[Any, Any]]]:
        """Per holder the values, and what is in those that can be filled."""
        return [
            {
                name: (value, value.copy() if isinstance(value, FILLED) else None)
                for name, value in _items(holder)
                if isinstance(value, (*BOUND, *FILLED)) and not name.startswith("__")
            }
            for holder in self._holders
        ]

    def _write(self, values: list[dict[str, tuple[Any, Any]]]) -> None:
        for holder, wanted in zip(self._holders, values, strict=True):
            for name, value in _items(holder):
                known = isinstance(value, (*BOUND, *FILLED)) and not name.startswith("__")
                if known and name not in wanted:
                    _delete(holder, name)
            here = dict(_items(holder))
            for name, (value, content) in wanted.items():
                if here.get(name, holder) is not value:
                    _set(holder, name, value)
                if content is not None:
                    _fill(value, content)


def _is_foreign(home: str) -> bool:
    return home.partition(".")[0] in FOREIGN


def _items(holder: Any) -> list[tuple[str, Any]]:
    if isinstance(holder, dict):
        return [(str(name), value) for name, value in holder.items()]
    if isinstance(holder, types.CellType):
        try:
            return [("", holder.cell_contents)]
        except ValueError:
            return []
    return list(vars(holder).items())


def _set(holder: Any, name: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[name] = value
    elif isinstance(holder, types.CellType):
        holder.cell_contents = value
    else:
        setattr(holder, name, value)


def _delete(holder: Any, name: str) -> None:
    if isinstance(holder, dict):
        del holder[name]
    elif not isinstance(holder, types.CellType):
        delattr(holder, name)


def _fill(value: Any, content: Any) -> None:
    """Gives a container what it held."""
    if len(value) == len(content) and all(
        one is other for one, other in zip(_members(value), _members(content), strict=True)
    ):
        return
    value.clear()
    if isinstance(value, dict | set):
        value.update(content)
    else:
        value.extend(content)


def _members(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [part for item in value.items() for part in item]
    return list(value)
