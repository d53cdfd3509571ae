"""Gradients without autograd's own differentiation: what is left is what a submission wrote.

While it is away, operations of torch leave no history (they are dispatched below autograd, in
whatever way they are called), so that nothing can be differentiated but Functions of one's own;
the transforms of ``torch.func``, which bring autograd back, are refused. It can be away inside
Functions, outside of them, or both. Outside, views and copies keep their history.

The backwards that hand the gradient on to what lies before them are spoiled by a factor, which
the gradient of the whole must then show.
"""

import contextlib
import inspect
import re
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch.autograd.function import BackwardCFunction
from torch.overrides import TorchFunctionMode

_C: Any = torch._C

# What may stand before and after a Function: nothing of it computes.
CARRYING = re.compile(
    "clone|contiguous|(view|reshape|expand|type)(_as)?|broadcast_(to|tensors)|permute|transpose|"
    "t|T|mT|H|mH|adjoint|swap(axes|dims)|movedim|moveaxis|(un)?squeeze|(un)?flatten|ravel|select|"
    "narrow|unbind|(tensor_)?split|chunk|as_strided|alias|atleast_[123]d|to|double|float|half|"
    "bfloat16|cpu|copy_|__getitem__|__setitem__|requires_grad_|data"
)

# The node that holds another one: of a Function that wrote into a view.
HIDING = "CopySlices"

with _C._AutoDispatchBelowAutograd():
    _AUTOGRAD = _C._dispatch_tls_local_exclude_set()
_AUTOGRAD -= _C._dispatch_tls_local_exclude_set()

# Modules that came with the request; their Functions are nobody's own.
provided: set[str] = set()


def own(function: type) -> bool:
    """Whether an autograd Function is the submission's, and not a library's."""
    root = str(function.__module__).split(".")[0]
    return root not in provided and not hasattr(sys.modules.get(root), "__path__")


def _autograd(away: bool) -> contextlib.AbstractContextManager[None]:
    """Autograd away, or back, for this thread."""
    excluded = _C._dispatch_tls_local_exclude_set()
    excluded = excluded | _AUTOGRAD if away else excluded - _AUTOGRAD
    guard: contextlib.AbstractContextManager[None] = _C._ForceDispatchKeyGuard(
        _C._dispatch_tls_local_include_set(), excluded
    )
    return guard


def _is_away() -> bool:
    return bool(_C._dispatch_tls_is_dispatch_key_excluded(_C.DispatchKey.AutogradOther))


class Carrying(TorchFunctionMode):
    """Lets views and copies keep their history outside of Functions."""

    def __init__(self, absence: "Absence") -> None:
        super().__init__()
        self.absence = absence

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in ("__get__", "__set__"):
            name = getattr(func.__self__, "__name__", "")
        if self.absence.depth or not CARRYING.fullmatch(name):
            return func(*args, **(kwargs or {}))
        with _autograd(away=False):
            return func(*args, **(kwargs or {}))


@dataclass
class Absence:
    """A time without autograd; a context manager."""

    # Where it is away.
    outside: bool
    inside: bool
    # What the gradient of a spoiled backward is multiplied by.
    factor: float
    # How many Functions deep the computation is.
    depth: int = 0
    # Nodes whose backward is spoiled.
    spoiled: list[Any] = field(default_factory=list)
    # Every node there is, where some are out of sight: what was done to a view in place.
    in_sight: list[Any] = field(default_factory=list)

    def __enter__(self) -> "Absence":
        global watcher
        install()
        watcher = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        global watcher
        watcher = None

    @contextlib.contextmanager
    def around_call(self) -> Iterator[None]:
        """For the call of an entry point."""
        with contextlib.ExitStack() as stack:
            if self.outside:
                stack.enter_context(_autograd(away=True))
                stack.enter_context(Carrying(self))
            yield

    def around_backward(self, result: torch.Tensor) -> contextlib.AbstractContextManager[None]:
        """For the backward from ``result``; spoils the first Functions on each way."""
        first = list(nodes(result, through_own=False))
        self.spoiled = [node for node in first if _made_by(node)]
        hides = any(node.name().endswith(HIDING) for node in first)
        self.in_sight = list(nodes(result)) if hides else []
        return _autograd(away=True) if self.outside else contextlib.nullcontext()

    @contextlib.contextmanager
    def _within(self) -> Iterator[None]:
        self.depth += 1
        try:
            with _autograd(away=self.inside):
                yield
        finally:
            self.depth -= 1

    def applied(self, apply: Callable[..., Any], function: type, *args: Any, **kwargs: Any) -> Any:
        """``Function.apply``."""
        if not own(function):
            keep = self.depth or not self.outside
            with contextlib.nullcontext() if keep else torch.no_grad():
                return apply(function, *args, **kwargs)
        with self._within():
            return apply(function, *args, **kwargs)

    def backward(self, apply: Callable[..., Any], node: Any, *gradients: Any) -> Any:
        """The backward of one node."""
        if not own(node._forward_cls):
            return apply(node, *gradients)
        hidden = self.in_sight and not self.depth and not _is_among(node, self.in_sight)
        with self._within():
            found = apply(node, *gradients)
        if not (hidden or _is_among(node, self.spoiled)):
            return found
        several = isinstance(found, tuple | list)
        with torch.no_grad():
            scaled = [
                one * self.factor if isinstance(one, torch.Tensor) else one
                for one in (found if several else [found])
            ]
        return tuple(scaled) if several else scaled[0]


def _is_among(node: Any, others: Sequence[Any]) -> bool:
    return any(node is one for one in others)


# Has its say in every ``apply`` and every backward of a Function.
watcher: Any = None


def nodes(result: torch.Tensor, *, through_own: bool = True) -> Iterator[Any]:
    """The autograd nodes behind a result, nearest first, each once.

    ``through_own`` says whether to go on behind Functions of the submission.
    """
    waiting, seen = [result.grad_fn], set()
    for node in waiting:
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        if through_own or not _made_by(node):
            waiting += [before for before, _ in node.next_functions]


def _made_by(node: Any) -> type | None:
    """The submission's Function that a node is of."""
    function = getattr(node, "_forward_cls", None)
    return function if function is not None and own(function) else None


def code_of(function: Any) -> types.CodeType | None:
    """The code of its backward, beneath all decorators; ``None`` where it is no Python."""
    backward = function.backward
    if backward is torch.autograd.Function.backward:
        backward = function.vjp
    code = getattr(inspect.unwrap(backward), "__code__", None)
    return code if isinstance(code, types.CodeType) else None


def line_of(function: Any) -> int | None:
    """Where the code of its backward begins."""
    code = code_of(function)
    return None if code is None else code.co_firstlineno


# Classes seen, by number: names may be shared by several.
_classes: list[type] = []


def described(result: torch.Tensor) -> list[dict[str, object]]:
    """Every kind of node behind a result, nearest first; Functions with name and number."""
    found: dict[tuple[str, int | None], dict[str, object]] = {}
    for node in nodes(result):
        name, function = str(node.name())[:60], _made_by(node)
        number = None
        if function is not None:
            if function not in _classes:
                _classes.append(function)
            number = _classes.index(function)
        if (name, number) not in found:
            found[name, number] = {"node": name, "function": None, "class": number}
            if function is not None:
                found[name, number] |= {
                    "function": function.__name__,
                    "line": line_of(function),
                }
    return list(found.values())


@cache
def install() -> None:
    """Put what a ``watcher`` needs around torch's own functions, before they are used."""
    # Functions that torch.jit has optimised differentiate themselves.
    _C._set_graph_executor_optimize(False)
    function: Any = torch.autograd.Function
    apply = function.apply.__func__

    def applied(cls: type, *args: Any, **kwargs: Any) -> Any:
        if watcher is None:
            return apply(cls, *args, **kwargs)
        return watcher.applied(apply, cls, *args, **kwargs)

    function.apply = classmethod(applied)
    for name in ("apply", "apply_boxed"):
        setattr(BackwardCFunction, name, _watched(getattr(BackwardCFunction, name)))
    transforms = sys.modules["torch._functorch.eager_transforms"]
    for home, name in (
        (transforms, "_grad_increment_nesting"),
        (transforms, "enter_jvp_nesting"),
        (_C._functorch, "_grad_increment_nesting"),
        (_C._functorch, "_jvp_increment_nesting"),
    ):
        setattr(home, name, _refusing(getattr(home, name)))
    threads = sys.modules["_thread"]
    # Versions of Python differ in which of them there are.
    for name in ("start_new_thread", "start_new", "start_joinable_thread"):
        if hasattr(threads, name):
            start = _starting(getattr(threads, name))
            for place, spelt in ((threads, name), (threading, f"_{name}")):
                if hasattr(place, spelt):
                    setattr(place, spelt, start)


def _starting(started: Callable[..., Any]) -> Callable[..., Any]:
    def start(run: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return started(_without(run) if _is_away() else run, *args, **kwargs)

    return start


def _watched(apply: Callable[..., Any]) -> Callable[..., Any]:
    def run(node: Any, *gradients: Any) -> Any:
        if watcher is None:
            return apply(node, *gradients)
        return watcher.backward(apply, node, *gradients)

    return run


def _refusing(enter: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        level = enter(*args, **kwargs)
        if _is_away():  # the caller leaves what it has entered
            raise RuntimeError("torch.func cannot differentiate here: autograd is away")
        return level

    return refuse


def _without(run: Callable[..., Any]) -> Callable[..., Any]:
    """``run`` without autograd in a thread of its own."""

    def away(*args: Any, **kwargs: Any) -> Any:
        with _autograd(away=True):
            return run(*args, **kwargs)

    return away
