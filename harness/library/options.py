"""What the caller says beside the functions and the example."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.errors import UsageError
from harness.library.domain import Range
from harness.library.subject import (
    Gradients,
)


@dataclass
class Options:
    """What the caller said beside the functions and the example."""

    ranges: Mapping[str, Range]
    kinks: Mapping[str, Sequence[float]]
    double_backward: bool
    # ``None`` where nothing was said.
    dtypes: Sequence[torch.dtype | str] | None
    vary_sizes: bool
    seed: int
    tolerance: float
    no_gradient: Sequence[str]
    gradient: Callable[..., Gradients] | None
    make: Callable[..., Any] | None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in self.names:
            if not isinstance(getattr(torch, name, None), torch.dtype):
                raise UsageError(f"dtypes names {name!r}, expected e.g. 'float32' or torch.float32")
        if not 0 <= self.tolerance < 1:
            raise UsageError(
                f"tolerance is {self.tolerance!r}, expected a number from 0 to below 1: the "
                "error that is allowed, relative to the largest value"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The dtypes to ask beside the widest, by name."""
        given = ("float32",) if self.dtypes is None else self.dtypes
        return tuple(str(dtype).removeprefix("torch.") for dtype in given)
