"""The trusted reference of a skill: values, gradients, and how well they can be known.

``scenarios/<skill>/oracles.py`` holds one function per entry point, plain
differentiable torch, and ``<entry>_vjp(cotangent, *arguments)`` where the
contract's gradient is not the derivative of the forward.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from harness.errors import ScenarioError, did_you_mean
from harness.model import EntryPoint, LayersArgument, Scenario
from harness.numerics.plain.difference import shown
from harness.sandbox.inside.autograd import gradients

Reference = Callable[..., torch.Tensor]


class OracleError(ScenarioError):
    """A reference that raises, or whose answer cannot be used."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(f"the oracle of {name!r} {said}; mend the oracle or state other inputs")
        # What it does, to go behind its name: ``raises ValueError: ...``.
        self.said = said


@dataclass(frozen=True)
class Oracle:
    """What is right for one entry point."""

    # Name of the entry point.
    name: str
    # The reference function.
    forward: Reference
    # The contract's gradient, where it is not the derivative of ``forward``.
    vjp: Callable[..., tuple[torch.Tensor | None, ...]] | None

    def value(self, arguments: tuple[Any, ...]) -> torch.Tensor:
        """The float64 result; raises ``OracleError``. A measuring oracle may return a float."""
        with self.guarded(arguments):
            value: object = self.forward(*arguments)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return torch.tensor(value, dtype=torch.float64)
        if not isinstance(value, torch.Tensor):
            raise self._error(f"returns a {type(value).__name__}, expected one tensor", arguments)
        if value.dtype != torch.float64:
            raise self._error(
                f"returns a tensor of {value.dtype}, expected torch.float64 as its arguments are",
                arguments,
            )
        return value

    def gradients(
        self,
        arguments: tuple[Any, ...],
        cotangent: torch.Tensor,
        wanted: tuple[torch.Tensor, ...],
        *,
        create_graph: bool = False,
    ) -> tuple[torch.Tensor, ...]:
        """Gradients for the ``wanted`` leaves among the arguments (or their parameters).

        Raises ``OracleError``.
        """
        if self.vjp is not None:
            found = self._by_vjp(self.vjp, arguments, cotangent, wanted)
        else:
            value = self.value(arguments)
            if not value.requires_grad:
                raise self._error(
                    "returns a result that does not depend on the arguments as far as autograd "
                    f"sees, expected a graph without detach, or a function {self.name}_vjp",
                    arguments,
                )
            with self.guarded(arguments):
                found = gradients([value], wanted, [cotangent], create_graph=create_graph)
        return tuple(_with_zeros(found, wanted))

    def second_gradients(
        self,
        arguments: tuple[Any, ...],
        cotangent: torch.Tensor,
        outer: Sequence[torch.Tensor],
        wanted: tuple[torch.Tensor, ...],
    ) -> list[torch.Tensor]:
        """Gradients of Σ⟨outer, gradients⟩ for the ``wanted`` leaves, then for the cotangent.

        The cotangent requires grad. Raises ``OracleError``.
        """
        inner = self.gradients(arguments, cotangent, wanted, create_graph=True)
        pairs = [(i, o) for i, o in zip(inner, outer, strict=True) if i.requires_grad]
        targets = [*wanted, cotangent]
        found: Sequence[torch.Tensor | None] = [None] * len(targets)
        if pairs:
            with self.guarded(arguments):
                found = gradients([i for i, _ in pairs], targets, [o for _, o in pairs])
        return _with_zeros(found, targets)

    def _by_vjp(
        self,
        vjp: Callable[..., object],
        arguments: tuple[Any, ...],
        cotangent: torch.Tensor,
        wanted: tuple[torch.Tensor, ...],
    ) -> Sequence[torch.Tensor | None]:
        """What the contract's own gradient says, one per tensor argument, looked up by leaf."""
        with self.guarded(arguments):
            given = vjp(cotangent, *arguments)
        tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
        if not isinstance(given, tuple | list):
            given = (given,)
        if len(given) != len(tensors):
            raise self._error(
                f"has a {self.name}_vjp that returns {len(given)} values, expected a tuple of "
                f"{len(tensors)}: one gradient or None per tensor argument",
                arguments,
            )
        for tensor, gradient in zip(tensors, given, strict=True):
            if gradient is None:
                continue
            if not isinstance(gradient, torch.Tensor):
                got = type(gradient).__name__
            elif gradient.shape != tensor.shape or gradient.dtype != tensor.dtype:
                got = f"tensor {tuple(gradient.shape)} of {gradient.dtype}"
            else:
                continue
            raise self._error(
                f"has a {self.name}_vjp that returns a {got}, expected a tensor "
                f"{tuple(tensor.shape)} of {tensor.dtype}, as the argument is",
                arguments,
            )
        by_id = {id(tensor): gradient for tensor, gradient in zip(tensors, given, strict=True)}
        if any(id(leaf) not in by_id for leaf in wanted):
            raise self._error(
                f"has a {self.name}_vjp, expected none: it cannot say what the gradients of the "
                "parameters of layers are",
                arguments,
            )
        return [by_id[id(leaf)] for leaf in wanted]

    @contextmanager
    def guarded(self, arguments: tuple[Any, ...]) -> Iterator[None]:
        """What the reference raises, and writes to its arguments, is told as its own mistake."""
        tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
        versions = [tensor._version for tensor in tensors]
        try:
            yield
        except Exception as error:
            # The first line; what pytest adds to an assertion takes many.
            words = "".join(f": {line}" for line in str(error).splitlines()[:1])
            said = f"raises {type(error).__name__}{words}{_line(error)}"
            raise self._error(said, arguments) from error
        if versions != [tensor._version for tensor in tensors]:
            raise self._error("writes to its arguments, expected them left as they are", arguments)

    def _error(self, said: str, arguments: tuple[Any, ...]) -> OracleError:
        return OracleError(self.name, f"{said}, for {', '.join(map(_shown, arguments))}")


def _shown(argument: Any) -> str:
    match argument:
        case torch.Tensor():
            return f"a tensor {tuple(argument.shape)}"
        case bool() | None | str() | bytes() | list() | tuple() | dict():
            return shown(argument)
        case int() | float():
            return f"{argument:g}"
    return type(argument).__name__


def _with_zeros(
    gradients: Sequence[torch.Tensor | None], leaves: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """A gradient that is missing is zero."""
    pairs = zip(gradients, leaves, strict=True)
    return [torch.zeros_like(leaf) if found is None else found for found, leaf in pairs]


@dataclass(frozen=True)
class Oracles:
    """The references of one scenario, with the modules its request provides."""

    # Entry point name -> oracle.
    by_name: Mapping[str, Oracle]
    # Module name -> trusted instance of it.
    provided: Mapping[str, ModuleType]
    # Module name -> its source text, as the sandbox gets it.
    sources: Mapping[str, str]


def load(scenario: Scenario) -> Oracles:
    """Import the oracles of ``scenario``'s skill; raises ``ScenarioError``."""
    folder = scenario.path.parent
    provided = {}
    for file in sorted((folder / "provided").glob("*.py")):
        provided[file.stem] = _module(file, file.stem)
    path = folder / "oracles.py"
    with importable(provided):
        module = _module(path, f"oracles_of_{scenario.skill.replace('-', '_')}")
    by_name = {}
    for entry in scenario.entry_points:
        forward = getattr(module, entry.name, None)
        if not callable(forward):
            raise ScenarioError(
                f"{scenario.path}: entry point {entry.name!r} has no oracle."
                f"{did_you_mean(entry.name, filter(str.isidentifier, vars(module)))} "
                f"Define a function {entry.name} in {path}"
            )
        vjp = getattr(module, f"{entry.name}_vjp", None)
        _takes(forward, entry, 0, scenario, path)
        if vjp is not None:
            _takes(vjp, entry, 1, scenario, path)
        vjp = None if vjp is None else _by_place(vjp, entry, 1)
        by_name[entry.name] = Oracle(entry.name, _by_place(forward, entry), vjp)
    sources = {name: (folder / "provided" / f"{name}.py").read_text() for name in scenario.provided}
    return Oracles(by_name, {name: provided[name] for name in scenario.provided}, sources)


def _by_place(function: Callable[..., Any], entry: EntryPoint, more: int = 0) -> Callable[..., Any]:
    """The function with all arguments by place, ``more`` before them, also those by name alone."""
    named = {more + i: a.name for i, a in enumerate(entry.arguments) if a not in entry.positional}
    if not named or entry.is_plain:
        return function

    def called(*arguments: Any) -> Any:
        positional = [one for place, one in enumerate(arguments) if place not in named]
        return function(*positional, **{name: arguments[at] for at, name in named.items()})

    return called


def _takes(
    function: Callable[..., object], entry: EntryPoint, more: int, scenario: Scenario, path: Path
) -> None:
    """Raise where the function cannot be called with the arguments and ``more`` before them."""
    names = [argument.name for argument in entry.arguments]
    variadic = [n for a, n in zip(entry.arguments, names, strict=True) if _is_variadic(a)]
    by_name = {name for name in names if name not in {a.name for a in entry.positional}}
    # Two layers stand for any number of them.
    count = more + len(names) - len(by_name) + len(variadic)
    if not callable(function):
        raise ScenarioError(
            f"{scenario.path}: {entry.name}_vjp in {path} is of type {type(function).__name__}, "
            "expected a function (cotangent, *arguments); rename it or make it one"
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # builtins show none
        return
    try:
        signature.bind(*[None] * count, **dict.fromkeys(by_name))
    except TypeError as error:
        before = ["cotangent"] * more
        wanted = [*before, *(f"*{n}" if n in variadic else n for n in names)]
        wanted = [f"{n}=" if n in by_name else n.replace(".", "_") for n in wanted]
        remedy = "give both the same parameters, in order"
        if entry.module is not None:
            remedy = (
                "the oracle of a module is a function of what its constructor takes, its "
                "parameters and what an instance is called with, in order"
            )
        raise ScenarioError(
            f"{scenario.path}: entry point {entry.name!r}: its oracle {function.__name__}"
            f"{signature} in {path} cannot be called as ({', '.join(wanted)}): {error}; {remedy}"
        ) from None


def _line(error: Exception) -> str:
    """Where it was raised: the last line that is neither torch's nor ours."""
    ours = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith(ours)]
    if not theirs:
        return ""
    return f" (line {theirs[-1].lineno} of {Path(theirs[-1].filename).name})"


def _is_variadic(argument: object) -> bool:
    return isinstance(argument, LayersArgument)


def _module(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ScenarioError(f"{path}: no such file; a skill needs its trusted reference there")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ScenarioError(
            f"{path}: does not import: {type(error).__name__}: {error}; mend it first"
        ) from error
    return module


@contextmanager
def importable(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Let ``import`` find the modules by these names for a while."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
