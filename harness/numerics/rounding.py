"""How far a right answer may be from the exact one, derived from the oracle itself.

A formula's rounding error depends on the size of its intermediates, not of its
result. The oracle is therefore run a few times in float64 with every operand
and every result of every operation, forward and backward, perturbed at the unit
roundoff of the dtype under test: Monte Carlo arithmetic (D. S. Parker, "Monte
Carlo Arithmetic", UCLA CSD-970002, 1997). The spread of the results is the
error that a straightforward implementation of the same formula makes. Where one
operation has other plain formulas that pass through numbers of size 1, as
σ(x) = (1 + tanh(x/2))/2 does, it is perturbed at that size, so that all of them are right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Numbers that a dtype rounds coarser than this are half precision.
COARSE = 1e-5


class Margins(NamedTuple):
    """How often the oracle is perturbed, and what right formulas that differ from it may add."""

    samples: int
    # Over the spread.
    spread: float
    # Over the roundoff of a result of size |b| + floor.
    roundoff: float


# See docs/decisions. In half precision wide margins would let pass what is wrong by a tenth,
# so more is measured and less is added.
WIDE = Margins(samples=4, spread=24.0, roundoff=256.0)
HALF = Margins(samples=8, spread=4.0, roundoff=4.0)
# Other right formulas have intermediates so many times larger than the oracle's; beyond the
# greatest number of a half dtype nothing is judged.
HEADROOM = 16.0
# A constant typed to ten digits is right. Relative to a result, and to its floor: a result
# near zero is small against the intermediates that the constant went into.
LITERAL_ERROR = 1e-9
LITERAL_FLOOR = 1e-11


def unit_roundoff(dtype: torch.dtype) -> float:
    """Half the distance from 1 to the next number of ``dtype``."""
    return torch.finfo(dtype).eps / 2


def holds(dtype: torch.dtype, value: torch.Tensor) -> bool:
    """Whether ``dtype`` has each element of ``value``, which is in float64."""
    return torch.equal(value.to(dtype).double(), value)


def margins(dtype: torch.dtype) -> Margins:
    """Those that hold for ``dtype``."""
    return HALF if unit_roundoff(dtype) > COARSE else WIDE


def _named(*names: str) -> frozenset[str]:
    return frozenset(f"aten::{name}" for name in names)


# Operations that choose, compare or copy: nothing is rounded, and what is equal stays equal.
_EXACT = _named(
    *("amax", "amin", "max", "min", "maximum", "minimum", "max_pool2d_with_indices"),
    *("eq", "ne", "lt", "le", "gt", "ge", "isfinite", "isnan", "isinf"),
    *("where", "clamp", "clamp_min", "clamp_max", "relu", "threshold_backward", "hardtanh"),
    *("hardtanh_backward", "abs", "neg", "sign", "sgn", "floor", "ceil", "round", "trunc"),
    *("sort", "topk", "kthvalue", "median", "mode", "cummax", "cummin", "argmax", "argmin"),
    *("gather", "index", "index_select", "masked_fill", "masked_select", "scatter", "cat"),
    *("stack", "flip", "roll", "tril", "triu", "constant_pad_nd", "repeat", "clone", "copy"),
    *("_to_copy", "value_selecting_reduction_backward", "select_backward", "slice_backward"),
)
# Operations that give the exact number of what is held exactly, wherever the dtype has it.
_CLOSED = _named("add", "sub", "rsub", "mul", "sum", "square")
# Operations with other plain formulas that pass through numbers of size 1: 1 − σ(−x), eˣ − 1,
# log(1 + x), 1 − tanh².
_OF_UNIT_SIZE = _named(
    *("sigmoid", "tanh", "erf", "erfc", "_softmax", "softplus", "log1p", "expm1", "elu"),
)
# The same times the input: x·σ(x) and its like, in one operation.
_OF_INPUT_SIZE = _named("silu", "mish", "gelu")
# The same of derivatives, times the incoming gradient; of the latter, times 1 + |x| as well.
_OF_GRADIENT_SIZE = _named(
    *("sigmoid_backward", "tanh_backward", "softplus_backward", "elu_backward"),
)
_OF_BOTH_SIZES = _named("silu_backward", "mish_backward", "gelu_backward")

# torch's own softplus is the identity from here on, which leaves out exp(-x).
SOFTPLUS_THRESHOLD = 20.0
_SOFTPLUS = _named("softplus", "log_sigmoid_forward")
_SOFTPLUS_BACKWARD = _named("softplus_backward", "log_sigmoid_backward")


def _left_out_by_softplus(name: str, args: Any) -> torch.Tensor | None:
    """How far a formula with torch's softplus is from an operation that could be written so."""
    if name in _SOFTPLUS:
        gradient, x = torch.ones(()), _materialised(args[0])
    elif name in _SOFTPLUS_BACKWARD:
        gradient, x = map(_materialised, args[:2])
    else:
        return None
    size = x.abs()
    return gradient.abs() * torch.where(size > SOFTPLUS_THRESHOLD, torch.exp(-size), 0.0)


def _size_within(name: str, args: Any) -> torch.Tensor | float:
    """How large what other formulas for an operation pass through is, beside its result."""
    if name in _OF_UNIT_SIZE:
        return 1.0
    if name in _OF_INPUT_SIZE or name in _OF_GRADIENT_SIZE:
        return _materialised(args[0]).abs()
    if name in _OF_BOTH_SIZES:
        gradient, x = map(_materialised, args[:2])
        return gradient.abs() * (1 + x.abs())
    return 0.0


class RoundingNoise(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Multiplies what operations read and return by 1 + u·ξ, ξ uniform in [-1, 1].

    In half precision the smallest number of the dtype is added, times such a ξ, and what
    is too large for it becomes infinite. Tensors that are ``held`` are left as they are, and so
    is what is made of them alone and needs no rounding: compared, it equals what it equals.
    """

    def __init__(
        self, dtype: torch.dtype, generator: torch.Generator, held: Sequence[torch.Tensor] = ()
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.unit = unit_roundoff(dtype)
        self.generator = generator
        self.dtype = dtype
        # By where they lie in memory, as views do, too; kept, lest others come to lie there.
        self._held = {_memory(tensor): tensor for tensor in held if tensor.numel()}
        numbers = torch.finfo(dtype)
        is_half = margins(dtype) is HALF
        self.smallest = numbers.smallest_normal * numbers.eps if is_half else 0.0
        self.largest = numbers.max / HEADROOM if is_half else math.inf

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: torch would import its compiler and go through it at every operation."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, is_mutable, aliases = _of_schema(func)
        if is_mutable and args and isinstance(args[0], torch.Tensor):
            self._held.pop(_memory(args[0]), None)
        if aliases or is_mutable:
            return func(*args, **(kwargs or {}))
        is_exact = name in _EXACT
        if self._held and (is_exact or name in _CLOSED) and self._are_held(args):
            result = func(*args, **(kwargs or {}))
            if is_exact or holds(self.dtype, result):
                return _each(result, self._hold)
        if is_exact:
            return _each(func(*args, **(kwargs or {})), _materialised)
        result = func(*[_each(a, self._perturbed) for a in args], **(kwargs or {}))
        result = _each(result, self._perturbed)
        left_out = _left_out_by_softplus(name, args)
        if left_out is not None:
            first = result if isinstance(result, torch.Tensor) else result[0]
            first = first + self._noise(first) * (left_out / self.unit)
            result = first if isinstance(result, torch.Tensor) else (first, *result[1:])
        size = _size_within(name, args)
        if isinstance(size, float) and not size:
            return result
        return result + self._noise(result) * size

    def _noise(self, value: torch.Tensor) -> torch.Tensor:
        """u·ξ, in the shape and dtype of ``value``."""
        noise = torch.empty(value.shape, dtype=torch.float64)
        noise.uniform_(-self.unit, self.unit, generator=self.generator)
        return noise.to(value.device, value.dtype)

    def _is_held(self, value: torch.Tensor) -> bool:
        return bool(self._held) and _memory(value) in self._held

    def _are_held(self, args: Any) -> bool:
        """Whether all floating-point tensors among the operands are held, of which there are."""
        found: list[bool] = []

        def look(value: torch.Tensor) -> torch.Tensor:
            found.append(self._is_held(value))
            return value

        _each(list(args), look)
        return bool(found) and all(found)

    def _hold(self, value: torch.Tensor) -> torch.Tensor:
        if value.numel():
            self._held[_memory(value)] = value
        return value

    def _perturbed(self, value: torch.Tensor) -> torch.Tensor:
        if self._is_held(value):
            return value
        value = _materialised(value)
        noisy = value * self._noise(value).add_(1)
        if self.smallest:
            noisy = noisy + self._noise(value) * (self.smallest / self.unit)
            noisy = torch.where(noisy.abs() > self.largest, noisy * math.inf, noisy)
        return noisy


@cache
def _of_schema(func: Any) -> tuple[str, bool, bool]:
    """Name of an operation, whether it writes to its arguments, and whether it returns views."""
    schema = func._schema
    aliases = any(one.alias_info is not None for one in schema.returns)
    return schema.name, schema.is_mutable, aliases


def _each(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """``value`` with every floating-point tensor in it changed."""
    if isinstance(value, list | tuple):  # torch.cat and its like
        return type(value)(_each(item, change) for item in value)
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return change(value)
    return value


def _memory(value: torch.Tensor) -> int:
    """Where its memory begins; 0 where it has none."""
    return 0 if value._is_zerotensor() else value.untyped_storage().data_ptr()


def _materialised(value: torch.Tensor) -> torch.Tensor:
    """Zeros that torch has no memory for, as it makes in second derivatives of |x|, get some.

    Arithmetic on the others never ends, inside a dispatch mode.
    """
    if value._is_zerotensor():
        return torch.zeros(value.shape, dtype=value.dtype, device=value.device)
    return value


def spread(
    evaluate: Callable[[], list[torch.Tensor]],
    exact: list[torch.Tensor],
    dtype: torch.dtype,
    held: Sequence[torch.Tensor] = (),
) -> list[torch.Tensor]:
    """Per element, the largest distance of perturbed evaluations from ``exact``.

    Not finite where a perturbed evaluation leaves the range of numbers. What is ``held`` is
    not perturbed.
    """
    generator = torch.Generator().manual_seed(20260101)
    largest = [torch.zeros_like(value) for value in exact]
    for _ in range(margins(dtype).samples):
        with RoundingNoise(dtype, generator, held):
            noisy = evaluate()
        largest = [
            torch.maximum(so_far, (value.detach() - truth).abs())
            for so_far, value, truth in zip(largest, noisy, exact, strict=True)
        ]
    return largest


def allowed_at_least(exact: torch.Tensor, dtype: torch.dtype, floor: float) -> torch.Tensor:
    """What is not held against an answer, per element, however little rounding does."""
    size = exact.abs()
    roundoff = margins(dtype).roundoff * unit_roundoff(dtype) * (size + floor)
    return roundoff + LITERAL_ERROR * size + LITERAL_FLOOR * floor


def allowed(
    exact: torch.Tensor, spread_: torch.Tensor, dtype: torch.dtype, floor: float
) -> torch.Tensor:
    """The largest error that is not held against an answer, per element."""
    return margins(dtype).spread * spread_ + allowed_at_least(exact, dtype, floor)
