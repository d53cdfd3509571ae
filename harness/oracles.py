"""The trusted reference of a skill: values, gradients, and how well they can be known.

``scenarios/<skill>/oracles.py`` holds one function per entry point, plain
differentiable torch, and ``<entry>_vjp(cotangent, *arguments)`` where the
contract's gradient is not the derivative of the forward.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from harness.errors import ScenarioError
from harness.model import Scenario

Reference = Callable[..., torch.Tensor]


@dataclass(frozen=True)
class Oracle:
    """What is right for one entry point."""

    # Name of the entry point.
    name: str
    # The reference function.
    forward: Reference
    # The contract's gradient, where it is not the derivative of ``forward``.
    vjp: Callable[..., tuple[torch.Tensor | None, ...]] | None

    def gradients(
        self,
        arguments: tuple[Any, ...],
        cotangent: torch.Tensor,
        wanted: tuple[torch.Tensor, ...],
        *,
        create_graph: bool = False,
    ) -> tuple[torch.Tensor, ...]:
        """Gradients for the ``wanted`` leaves among the arguments (or their parameters)."""
        if self.vjp is not None:
            given = self.vjp(cotangent, *arguments)
            tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
            by_id = {id(tensor): gradient for tensor, gradient in zip(tensors, given, strict=True)}
            found = [by_id[id(leaf)] for leaf in wanted]
        else:
            value = self.forward(*arguments)
            found = list(
                torch.autograd.grad(
                    value, wanted, cotangent, allow_unused=True, create_graph=create_graph
                )
            )
        return tuple(
            torch.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(wanted, found, strict=True)
        )


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
    with _importable(provided):
        module = _module(path, f"oracles_of_{scenario.skill.replace('-', '_')}")
    by_name = {}
    for entry in scenario.entry_points:
        forward = getattr(module, entry.name, None)
        if not callable(forward):
            raise ScenarioError(
                f"{scenario.path}: entry point {entry.name!r} has no oracle; "
                f"define a function {entry.name} in {path}"
            )
        by_name[entry.name] = Oracle(
            entry.name, forward, getattr(module, f"{entry.name}_vjp", None)
        )
    sources = {name: (folder / "provided" / f"{name}.py").read_text() for name in scenario.provided}
    return Oracles(by_name, {name: provided[name] for name in scenario.provided}, sources)


def _module(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ScenarioError(f"{path}: no such file; a skill needs its trusted reference there")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ScenarioError(
            f"{path}: does not import: {type(error).__name__}: {error}; mend it first"
        ) from error
    return module


@contextmanager
def _importable(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Let ``import kernel`` find the provided module, for as long as the oracles load."""
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
