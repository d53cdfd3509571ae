"""``harness.check``: a function and its reference in, a report out."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from harness.errors import UsageError, did_you_mean
from harness.library.arguments import Arguments, Form, parameter_names
from harness.library.asking import Inside, asked
from harness.library.domain import Domain, Range
from harness.library.made import Maker
from harness.library.options import Options
from harness.library.report import CheckFailed, Report, UncheckedWarning
from harness.library.state import State
from harness.library.subject import (
    Function,
    Gradients,
    ResultKind,
    Subject,
    example_values,
    functions_behind,
    inspected,
    strangers,
    with_several_results,
    writes_to,
)
from harness.numerics.oracles import OracleError


def check(
    fn: Function | type[torch.autograd.Function],
    oracle: Function,
    *inputs: Any,
    ranges: Mapping[str, Range] | None = None,
    kinks: Mapping[str, Sequence[float]] | None = None,
    double_backward: bool = False,
    dtypes: Sequence[torch.dtype | str] | None = None,
    vary_sizes: bool = True,
    seed: int = 0,
    gradient: Callable[..., Gradients] | None = None,
    make: Callable[..., Any] | None = None,
    tolerance: float = 0.0,
    inplace: bool | str | Sequence[str] = (),
    no_gradient: str | Sequence[str] = (),
    keywords: Mapping[str, Any] | None = None,
    **more: Any,
) -> Report:
    """Hold ``fn`` to what ``oracle`` and autograd say; raises ``CheckFailed``.

    ``oracle`` is plain differentiable torch that takes and returns the same. ``inputs`` are
    examples: shapes and ranges of values are taken from them; with ``make`` none are given.
    ``keywords``, and further options that are parameters of the reference, are handed to both
    by name. See docs/library.md for every option. Raises ``UsageError`` where the arguments
    or the oracle cannot be used, and warns of what is not checked (``UncheckedWarning``).
    """
    __tracebackhide__ = True
    options = Options(
        ranges or {},
        kinks or {},
        double_backward,
        dtypes,
        vary_sizes,
        seed,
        tolerance,
        (no_gradient,) if isinstance(no_gradient, str) else tuple(no_gradient),
        gradient,
        make,
    )
    named = {**_of_reference(oracle, more), **(keywords or {})}
    with _generator_kept():
        try:
            report = _checked(fn, oracle, inputs, named, inplace, options)
        except OracleError as error:
            raise UsageError(
                f"the reference {error.said}; it must take whatever is drawn: give ranges= within "
                "which it does, vary_sizes=False where only the example's sizes are meant, or "
                "mend it"
            ) from error
    if not report:
        raise CheckFailed(report)
    return report


def _of_reference(oracle: Function, more: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options that are parameters of the reference; raises ``UsageError`` for others."""
    if not more:
        return {}
    target = oracle.forward if isinstance(oracle, torch.nn.Module) else oracle
    parameters = inspect.signature(target).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return more
    own = inspect.signature(check).parameters
    for name in more:
        if name not in parameters:
            raise UsageError(
                f"harness.check has no option {name!r}, and the reference takes no such "
                f"parameter.{did_you_mean(name, [*own, *parameters])}"
            )
    return more


def _checked(
    fn: Any,
    oracle: Function,
    inputs: tuple[Any, ...],
    keywords: Mapping[str, Any],
    inplace: bool | str | Sequence[str],
    options: Options,
) -> Report:
    title = getattr(fn, "__name__", type(fn).__name__)
    module = fn if isinstance(fn, torch.nn.Module) else None
    maker = None
    if options.make is not None:
        maker = Maker(options.make, options.seed)
        inputs = inputs or maker.arguments(0, maker.sizes()[0], None)

    def read(values: Sequence[Any]) -> Arguments:
        target = oracle.forward if isinstance(oracle, torch.nn.Module) else oracle
        names = parameter_names(target, len(values))
        return Arguments(names, values, keywords, module, options.no_gradient)

    given = read(inputs)
    _check_names("no_gradient", options.no_gradient, given)
    if module is not None and isinstance(oracle, torch.nn.Module):
        _same_parameters(module, oracle)
    if not any(piece.is_tensor for piece in given.pieces):
        raise UsageError(
            "harness.check was given no floating-point tensor; give an example of each "
            "argument after the two functions, e.g. harness.check(op, reference, x)"
        )

    def made(draw: int, size: int) -> Arguments:
        assert maker is not None
        return read(maker.arguments(draw, size, len(inputs)))

    numbered = maker is not None and bool(given.kept)
    subject = Subject(fn, oracle, options.gradient, [given], numbered, State(fn))
    example = example_values(subject, torch.float64)
    subject = inspected(subject, example)
    if ResultKind.DIFFERENTIABLE not in subject.results and any(
        piece.differentiable for piece in given.pieces
    ):
        raise UsageError(
            "the reference returns a result that does not depend on the arguments as far as "
            "autograd sees, expected a graph without detach; or give gradient=, the contract's "
            "gradient as a function of the inputs and the incoming gradient"
        )
    domain = Domain(given, options.ranges, options.kinks, options.vary_sizes, _taker(subject))
    subject = replace(subject, inplace=_inplace(inplace, subject, example))
    dtype = _widest(subject, options)
    inside = _look_at(subject, dtype, options)
    subject = _with_buffers(subject, example_values(subject, dtype), options)
    return asked(title, subject, domain, maker, made, dtype, inside, options)


def _check_names(option: str, names: Iterable[str], given: Arguments) -> None:
    known = {name for piece in given.pieces for name in (piece.name, piece.top)}
    for name in names:
        if name not in known:
            tops = ", ".join(dict.fromkeys(piece.top for piece in given.pieces))
            raise UsageError(f"{option} names {name!r}, expected one of {tops}")


def _same_parameters(module: torch.nn.Module, oracle: torch.nn.Module) -> None:
    mine, theirs = (
        {name: tuple(p.shape) for name, p in one.named_parameters()} for one in (module, oracle)
    )
    if mine != theirs:
        raise UsageError(
            f"the module has the parameters {mine}, the reference {theirs}, expected the same: "
            "they are compared by name"
        )


def _inplace(
    stated: bool | str | Sequence[str], subject: Subject, example: Sequence[Any]
) -> frozenset[str]:
    """The pieces that a call may write to: as stated, or as it declares itself."""
    tensors = [piece for piece in subject.pieces if piece.is_tensor]
    if isinstance(stated, bool):
        names: tuple[str, ...] = (tensors[0].name,) if stated else ()
    else:
        names = (stated,) if isinstance(stated, str) else tuple(stated)
    _check_names("inplace", names, subject.givens[0])
    found = {p.name for p in tensors if {p.name, p.top} & set(names)}
    return frozenset(found) or writes_to(subject, example)


def _taker(subject: Subject) -> Callable[[Sequence[Any]], bool]:
    def takes(values: Sequence[Any]) -> bool:
        try:
            with torch.no_grad():
                leaves, _ = subject.call_reference(values)
        except Exception:
            return False
        # Another number of results is another function, as ``split`` is at another size.
        if len(leaves) != len(subject.results):
            return False
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        return bool(tensors) and all(tensor.numel() > 0 for tensor in tensors)

    return takes


def _widest(subject: Subject, options: Options) -> torch.dtype:
    """Float64, or the first stated dtype that the function takes where it refuses that."""
    if _takes(subject, torch.float64):
        return torch.float64
    works = [name for name in options.names if _takes(subject, getattr(torch, name))]
    if not works:
        return torch.float64
    if options.dtypes is None:
        options.notes.append(
            f"the function does not take float64, while it takes {works[0]}; where that is "
            f"meant, say dtypes=({works[0]!r},)"
        )
        return torch.float64
    options.notes.append(
        f"the function does not take float64: asked in {', '.join(works)} alone, with the limits "
        "of that precision, and without gradcheck"
    )
    options.dtypes = works
    dtype: torch.dtype = getattr(torch, works[0])
    return dtype


def _takes(subject: Subject, dtype: torch.dtype) -> bool:
    """Whether a call and its backward work and keep the dtype."""
    values = example_values(subject, dtype)
    try:
        with torch.enable_grad():
            leaves, _ = subject.call_fn(values)
            for leaf, kind in zip(leaves, subject.results, strict=True):
                if kind is not ResultKind.DIFFERENTIABLE:
                    continue
                if leaf.dtype not in (dtype, dtype.to_complex()):
                    return False
                if leaf.requires_grad:
                    leaf.backward(torch.ones_like(leaf), retain_graph=True)
    except Exception:
        return False
    return True


def _look_at(subject: Subject, dtype: torch.dtype, options: Options) -> Inside:
    """What is behind the result; warns of what is differentiable and is not asked."""
    for piece in subject.pieces:
        if piece.form is Form.SPARSE:
            options.notes.append(f"no gradient is asked for {piece.name}, which is sparse")
    for device in {piece.device for piece in subject.pieces if piece.device.type != "cpu"}:
        options.notes.append(
            f"asked on {device}: what is drawn and what comes back passes through the CPU, so "
            "layouts in memory and writes to the incoming gradient are not asked there"
        )
    if subject.random:
        options.notes.append(
            "the reference draws random numbers: both functions are called with the same seed, "
            "in float64 alone, as other dtypes draw others"
        )
    example = example_values(subject, torch.float64)
    with torch.enable_grad():
        behind = list(subject.call_reference(example)[0])
        _warn_of(strangers(behind, example), "reference")
        try:
            example = example_values(subject, dtype)
            found = subject.call_fn(example)[0]
            functions = functions_behind(found)
            several = with_several_results(found)
        except Exception:
            return Inside()  # it is seen again when it is asked
        _warn_of(strangers(found, example), "function")
    return Inside(functions, several)


def _with_buffers(subject: Subject, values: Sequence[Any], options: Options) -> Subject:
    """The subject with the buffers to compare; the report names those that are not."""
    if subject.givens[0].module is None:
        return subject
    try:
        with torch.no_grad():
            mine, theirs = subject.changed_buffers(values)
    except Exception:
        return subject  # it is seen again when it is asked
    both = {}
    if isinstance(subject.reference, torch.nn.Module):
        shapes = {n: b.shape for n, b in subject.reference.named_buffers()}
        own = subject.givens[0].module.named_buffers()
        both = {name: True for name, buffer in own if shapes.get(name) == buffer.shape}
    left = sorted(mine - set(both))
    if left:
        options.notes.append(
            f"the call changes {', '.join(left)}, which was not compared: the reference is no "
            "module with such a buffer"
        )
    return replace(subject, buffers=tuple(name for name in both if name in mine | theirs))


def _warn_of(tensors: Sequence[torch.Tensor], which: str) -> None:
    for tensor in tensors:
        warnings.warn(
            f"the {which} uses a tensor {tuple(tensor.shape)} that requires grad and is not among "
            "the arguments: its gradient is not checked; hand it over, or its module",
            UncheckedWarning,
            stacklevel=5,
        )


@contextmanager
def _generator_kept() -> Iterator[None]:
    """The caller's random numbers are not disturbed."""
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)
