"""Arguments that the caller makes: ``make=``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.errors import UsageError

# Sizes that are asked for where ``make`` takes one: small first, then equal to nothing else.
SIZES = (3, 5, 1, 2, 8, 17)
# Draws where it does not.
DRAWS = 4

GENERATOR = ("generator", "gen", "rng", "g")
SEED = ("seed", "s")
SIZE = ("size", "n", "sizes")


class Maker:
    """Calls ``make`` with what it takes: a generator or a seed, a size, or nothing.

    The generators of torch are seeded, too, so that one that takes nothing draws anew.
    """

    def __init__(self, make: Callable[..., Any], seed: int) -> None:
        self.make = make
        self.seed = seed
        self._parameters = _parameters(make)
        self.takes_size = any(role == "size" for _, role, _ in self._parameters)

    def sizes(self) -> tuple[int, ...]:
        """What to make arguments of."""
        return SIZES if self.takes_size else tuple(range(1, DRAWS + 1))

    def __call__(self, draw: int, size: int) -> Any:
        """What is made for number ``draw``; raises ``UsageError`` where it cannot be."""
        seed = self.seed * 10_007 + draw
        generator = torch.Generator().manual_seed(seed)
        values = {"generator": generator, "seed": seed, "size": size}
        positional, keywords = [], {}
        for name, role, by_name in self._parameters:
            if by_name:
                keywords[name] = values[role]
            else:
                positional.append(values[role])
        torch.manual_seed(seed)
        try:
            return self.make(*positional, **keywords)
        except Exception as error:
            of = f" for size {size}" if self.takes_size else ""
            raise UsageError(
                f"make= raises {type(error).__name__}: {error}{of}; it is called with a "
                "generator or a seed, and with a size where it takes one"
            ) from error

    def arguments(self, draw: int, size: int, count: int | None) -> tuple[Any, ...]:
        """The same as a tuple of arguments; ``count`` is how many there are, where known."""
        found = self(draw, size)
        if isinstance(found, tuple) or (isinstance(found, list) and count == len(found) > 1):
            made = tuple(found)
        else:
            made = (found,)
        if count is not None and len(made) != count:
            raise UsageError(
                f"make= gives {len(made)} arguments, expected {count} as in the example; return "
                "a tuple of them"
            )
        return made


def _parameters(make: Callable[..., Any]) -> list[tuple[str, str, bool]]:
    """Name, role and whether it goes by name, per parameter of ``make``."""
    try:
        parameters: Sequence[inspect.Parameter] = list(inspect.signature(make).parameters.values())
    except (TypeError, ValueError):
        return []
    unnamed = ["generator", "size"]
    found = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        role = next(
            (
                role
                for role, names in (("generator", GENERATOR), ("seed", SEED), ("size", SIZE))
                if parameter.name in names
            ),
            None,
        )
        if role is None and parameter.default is not parameter.empty:
            continue
        if role is None and parameter.annotation in (int, "int"):
            role = "seed"
        if role is None and unnamed:
            role = unnamed[0]
        if role is None:
            raise UsageError(
                f"make= takes a parameter {parameter.name!r}, expected generator, seed or size"
            )
        unnamed = [
            name for name in unnamed if name != role and (role, name) != ("seed", "generator")
        ]
        found.append((parameter.name, role, parameter.kind is parameter.KEYWORD_ONLY))
    return found
