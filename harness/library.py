"""Holds a function of one's own to the grader's standard, in process, from a test-suite.

    harness.check(my_op, reference_op, x, beta)

The checks, their trials and their tolerances are those that grade submissions;
only the answers are computed here instead of in a sandbox. There is therefore
no protection from code that means harm: it is for code that one would run anyway.
"""

from __future__ import annotations

import inspect
import random
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, cast

import torch

from harness import checks
from harness.checks.context import Bench, InteractiveCheck, PlannedCheck, SubmissionContext
from harness.code import analyse
from harness.diagnosis import CheckResult
from harness.diagnosis.explanation import explain, find_smallest
from harness.errors import UsageError
from harness.model import (
    KINK_MARGIN,
    CheckSpec,
    EntryPoint,
    Finding,
    Level,
    Limits,
    NumberArgument,
    Outcome,
    Scenario,
    TensorArgument,
)
from harness.numerics.oracles import Oracle, OracleError, Oracles, importable
from harness.numerics.question import put
from harness.sandbox.inside import serve, wire
from harness.sandbox.session import Session

Function = Callable[..., torch.Tensor]
Range = tuple[float, float]

# What every function is asked; kinds that do not fit it (no kinks, say) leave themselves out.
KINDS = (
    "forward",
    "vjp",
    "gradcheck",
    "requires_grad",
    "dtypes",
    "layouts",
    "shapes",
    "edges",
    "no_mutation",
    "overwritten",
    "in_graph",
    "repeated_calls",
)
# Numbers in the case that gradcheck differentiates one by one.
MOST_FOR_GRADCHECK = 24
OTHER_SIZES = (1, 5)
MOST_SIZES = 8


@dataclass(frozen=True)
class Report:
    """What the checks found; falsy where one failed."""

    # Name of the function.
    name: str
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        return tuple(f for f in self.findings if f.outcome is Outcome.FAILED)

    def __bool__(self) -> bool:
        return not self.failures

    def __str__(self) -> str:
        if not self.failures:
            return f"{self.name}: {len(self.findings)} checks passed"
        lines = [f"{self.name}: {len(self.failures)} of {len(self.findings)} checks failed"]
        # What has one cause is told once.
        alike: dict[str, list[Finding]] = {}
        for finding in self.failures:
            alike.setdefault(finding.diagnosis or finding.message, []).append(finding)
        for told, (first, *others) in alike.items():
            lines.append(f"\n✗ {told}")
            measured = f"{first.check}: {first.message}"
            lines.append(f"  {measured if first.diagnosis else f'found by {first.check}'}")
            if others:
                lines.append(f"  also found by {', '.join(f.check for f in others)}")
        snippet = next((f.snippet for f in self.failures if f.snippet), None)
        if snippet is not None:
            lines += ["\nTo see the first failure again:\n", snippet.rstrip()]
        return "\n".join(lines)


class CheckFailed(AssertionError):
    """A function failed a check; ``report`` holds every finding."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


def check(
    fn: Function | type[torch.autograd.Function],
    oracle: Function,
    *inputs: Any,
    ranges: Mapping[str, Range] | None = None,
    kinks: Mapping[str, Sequence[float]] | None = None,
    double_backward: bool = False,
    dtypes: Sequence[torch.dtype | str] = ("float32",),
    vary_sizes: bool = True,
    seed: int = 0,
) -> Report:
    """Hold ``fn`` to what ``oracle`` and autograd say; raises ``CheckFailed``.

    ``oracle`` is plain differentiable torch that takes the same arguments. ``inputs`` are
    examples: shapes and ranges of values are taken from them. Dimensions of one size vary
    together, except with ``vary_sizes=False``. ``ranges`` and ``kinks`` (points where any
    value between the one-sided derivatives is right) go by parameter name. A second
    derivative must be right or refused; with ``double_backward=True`` it must be right.
    ``dtypes`` are asked beside float64. Raises ``UsageError`` where the arguments or the
    oracle cannot be used.
    """
    call: Function = getattr(fn, "apply") if isinstance(fn, type) else fn  # noqa: B009
    title = getattr(fn, "__name__", type(fn).__name__)
    signature = _Example(oracle, inputs, ranges or {}, kinks or {}, vary_sizes)
    entry = signature.entry(title if title.isidentifier() else "function")
    bench = Bench(
        _scenario(entry, double_backward, dtypes),
        Oracles({entry.name: Oracle(entry.name, signature.bound(oracle), None)}, {}, {}),
        seed,
    )
    with _in_process(entry.name, signature.bound(call)) as session, torch.enable_grad():
        try:
            return _checked(bench, entry, session, _import_line(fn), title)
        except OracleError as error:
            raise UsageError(
                f"the reference {error.said}; it must take whatever is drawn: give ranges= within "
                "which it does, vary_sizes=False where only the example's sizes are meant, or "
                "mend it"
            ) from error


def _checked(
    bench: Bench, entry: EntryPoint, session: Session, imported: str, title: str
) -> Report:
    context = SubmissionContext(analyse(""), {})
    heard = []
    with _generator_kept():
        for spec in bench.scenario.checks:
            check, entries = checks.build(spec, bench.scenario)
            assert not isinstance(check, InteractiveCheck), "it needs a process of its own"
            for fitting in entries:
                trials = check.trials(bench, fitting)
                order = random.Random(f"{bench.seed}/{spec.kind}")
                answers = put(session, [t.question for t in trials], shuffle=order)
                PlannedCheck(check, fitting, spec.required, trials).mark(answers)
                found = check.judge(bench, fitting, trials, answers, context)
                finding = found.finding(check.kind, fitting.name, spec.required)
                heard.append(CheckResult(finding, trials, answers))
        smallest = find_smallest(bench, heard, partial(put, session))
        findings = explain(bench, heard, smallest, imported)
    report = Report(title, tuple(findings))
    if not report:
        raise CheckFailed(report)
    return report


@contextmanager
def _generator_kept() -> Iterator[None]:
    """The caller's random numbers are not disturbed."""
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)


# --------------------------------------------------------------------------
# What the example says


class _Example:
    """Arguments as the caller gave them, read as a domain."""

    def __init__(
        self,
        oracle: Function,
        inputs: Sequence[Any],
        ranges: Mapping[str, Range],
        kinks: Mapping[str, Sequence[float]],
        vary_sizes: bool,
    ) -> None:
        self.oracle = oracle
        self.inputs = inputs
        self.names = _parameter_names(oracle, len(inputs))
        self.ranges = ranges
        self.kinks = kinks
        asked = [n for n, v in zip(self.names, inputs, strict=True) if _is_asked(v)]
        if not any(isinstance(v, torch.Tensor) and v.is_floating_point() for v in inputs):
            raise UsageError(
                "harness.check was given no floating-point tensor; give an example of each "
                "argument after the two functions, e.g. harness.check(op, reference, x)"
            )
        for option, given in (("ranges", ranges), ("kinks", kinks)):
            for name in given:
                if name not in asked:
                    raise UsageError(
                        f"{option} names {name!r}, expected one of {', '.join(asked)}: the "
                        "parameters of the reference that take floating-point tensors or numbers"
                    )
        for name, bounds in ranges.items():
            _check_range(name, bounds)
        # Integer tensors are handed over as they are, so the sizes they belong to must stay.
        fixed = any(isinstance(v, torch.Tensor) and not v.is_floating_point() for v in inputs)
        self.vary_sizes = vary_sizes and not fixed
        self._must_work(inputs)

    def _must_work(self, inputs: Sequence[Any]) -> None:
        try:
            result = self.oracle(*inputs)
        except Exception as error:
            raise UsageError(
                f"the reference raises for the example: {type(error).__name__}: {error}; it is "
                "called with the same arguments as the function under test"
            ) from error
        if not isinstance(result, torch.Tensor):
            raise UsageError(
                f"the reference returns a {type(result).__name__}, expected one tensor; pick one "
                "result in both functions, e.g. lambda *a: op(*a)[0]"
            )

    def bound(self, function: Function) -> Function:
        """``function`` of the asked arguments alone; what is not asked keeps its value."""
        inputs = self.inputs

        def call(*asked: Any) -> torch.Tensor:
            rest = iter(asked)
            return function(*[next(rest) if _is_asked(value) else value for value in inputs])

        return call

    def entry(self, name: str) -> EntryPoint:
        """The entry point that stands for the function."""
        arguments = tuple(
            self._argument(n, v)
            for n, v in zip(self.names, self.inputs, strict=True)
            if _is_asked(v)
        )
        return EntryPoint(name, arguments, tuple(self._sizes()))

    def _argument(self, name: str, value: Any) -> TensorArgument | NumberArgument:
        if not isinstance(value, torch.Tensor):
            low, high = self.ranges.get(name, (value, value))
            if low == high:
                return NumberArgument(name, (value,))
            ends = [int(low), int(high)] if isinstance(value, int) else [float(low), float(high)]
            values = tuple(dict.fromkeys((ends[0], value, ends[1])))
            return NumberArgument(name, values, bounds=(ends[0], ends[1]))
        low, high = self.ranges.get(name) or _range(value)
        argument = TensorArgument(
            name,
            tuple(f"n{size}" if size else 0 for size in value.shape),
            low,
            high,
            differentiable=True,
            kinks=tuple(float(k) for k in self.kinks.get(name, ())),
        )
        if not argument.spans():
            raise UsageError(
                f"the range ({low:g}, {high:g}) of {name!r} lies all within {KINK_MARGIN:g} of its "
                f"kinks, expected values away from them; widen ranges[{name!r}]"
            )
        return argument

    def _sizes(self) -> Iterator[dict[str, int]]:
        """The small size first, then the example's own, then others that the reference takes."""
        shapes = [v.shape for v in self.inputs if isinstance(v, torch.Tensor)]
        sizes = list(dict.fromkeys(size for shape in shapes for size in shape if size))
        own = {f"n{size}": size for size in sizes}
        if not self.vary_sizes or not sizes:
            yield own
            return
        candidates = [{f"n{size}": min(size, small) for size in sizes} for small in (3, 2)]
        small = next(
            (c for c in candidates if self._count(c) <= MOST_FOR_GRADCHECK and self._takes(c)), own
        )
        tried = [small, own]
        # One at a time, so that a sum over the wrong one of two equal sizes shows.
        tried += [{**own, symbol: size} for symbol in own for size in OTHER_SIZES]
        tried += [dict.fromkeys(own, 1)]
        seen: list[dict[str, int]] = []
        for candidate in tried:
            if candidate not in seen and (candidate == own or self._takes(candidate)):
                seen.append(candidate)
                yield candidate
            if len(seen) == MOST_SIZES:
                return

    def _count(self, sizes: Mapping[str, int]) -> int:
        moved = self._resized(sizes)
        return sum(value.numel() for value in moved if isinstance(value, torch.Tensor))

    def _resized(self, sizes: Mapping[str, int]) -> Iterator[Any]:
        """Tensors of other sizes, amid the values that are drawn for them; what else there is."""
        for name, value in zip(self.names, self.inputs, strict=True):
            if not isinstance(value, torch.Tensor):
                yield value
                continue
            shape = [sizes.get(f"n{size}", size) for size in value.shape]
            fill = sum(self.ranges.get(name) or _range(value)) / 2
            yield torch.full(shape, fill, dtype=torch.float64)

    def _takes(self, sizes: Mapping[str, int]) -> bool:
        """Whether the reference gives a result for arguments of these sizes.

        It may refuse a size in any way, an ``assert`` among them: the size is left out then.
        """
        try:
            result: object = self.oracle(*self._resized(sizes))
        except Exception:
            return False
        return isinstance(result, torch.Tensor) and result.numel() > 0


def _is_asked(value: Any) -> bool:
    """Whether a value is drawn anew; all others are handed over as they are."""
    if isinstance(value, torch.Tensor):
        return value.is_floating_point()
    return _is_number(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_range(name: str, bounds: object) -> None:
    match bounds:
        case (low, high) if _is_number(low) and _is_number(high) and low < high:
            return
    raise UsageError(f"ranges[{name!r}] is {bounds!r}, expected (low, high) with low < high")


def _range(value: torch.Tensor) -> Range:
    """The values of the example; around them where they are all the same."""
    if not value.numel():
        return -1.0, 1.0
    low, high = float(value.detach().min()), float(value.detach().max())
    if low == high:
        return (low - abs(low) / 2, low + abs(low) / 2) if low else (-1.0, 1.0)
    return low, high


def _parameter_names(oracle: Function, count: int) -> list[str]:
    """Names of the reference's first parameters."""
    try:
        parameters = list(inspect.signature(oracle).parameters.values())
    except (TypeError, ValueError):  # builtins show no signature
        parameters = []
    named = [
        p.name
        for p in parameters
        if p.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ]
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters) or not parameters:
        named += [f"x{i}" for i in range(len(named), count)]
    if len(named) < count:
        raise UsageError(
            f"harness.check was given {count} inputs, the reference takes {len(named)}; give one "
            "example for each parameter, in order"
        )
    return named[:count]


def _scenario(
    entry: EntryPoint, double_backward: bool, dtypes: Sequence[torch.dtype | str]
) -> Scenario:
    """Stands for the YAML that a graded request has."""
    where = "harness.check"
    names = tuple(str(dtype).removeprefix("torch.") for dtype in dtypes)
    for name in names:
        if not isinstance(getattr(torch, name, None), torch.dtype):
            raise UsageError(f"dtypes names {name!r}, expected e.g. 'float32' or torch.float32")
    options: dict[str, dict[str, Any]] = {"dtypes": {"dtypes": names}}
    kinds = [kind for kind in KINDS if names or kind != "dtypes"]
    specs = [
        CheckSpec(kind, True, (), options.get(kind, {}), where)
        for kind in kinds
        if kind in checks.kinds()
    ]
    specs.append(CheckSpec("double_backward", True, (), {"may_refuse": not double_backward}, where))
    if double_backward:
        specs.append(CheckSpec("gradgradcheck", True, (), {}, where))
    return Scenario(
        id=entry.name,
        title=entry.name,
        skill="",
        phase="",
        pressures=(),
        neutral="",
        pressured="",
        traps=(),
        expected_behaviour=(),
        entry_points=(entry,),
        checks=tuple(specs),
        verification=Level.NONE,
        gradcheck_fails_by_design=False,
        asks_for_function=False,
        provided=(),
        limits=Limits(),
        path=Path("harness.check"),
        fingerprint="",
    )


def _import_line(fn: Any) -> str:
    module = getattr(fn, "__module__", "")
    name = getattr(fn, "__qualname__", "")
    if not name.isidentifier() or not module or module == "__main__":
        return "# {} is the function under test"
    if isinstance(fn, type):
        return f"from {module} import {name}; {{}} = {name}.apply"
    return f"from {module} import {{}}"


# --------------------------------------------------------------------------
# Answers without a sandbox


class _InProcess:
    """A ``Session`` as far as ``put`` uses one, answered by this process."""

    def __init__(self, server: serve.Server) -> None:
        self.server = server

    def exchange(
        self, frames: Iterator[bytes]
    ) -> Iterator[tuple[dict[str, Any], list[torch.Tensor]]]:
        for frame in frames:
            header, tensors = wire.opened(frame)
            # Through the wire's own form, so that what is judged is what would have been sent.
            yield wire.opened(wire.encode(*self.server.answer(header, tensors)))


@contextmanager
def _in_process(name: str, function: Function) -> Iterator[Session]:
    """A session that calls ``function`` under ``name``."""
    server = serve.Server()
    module = types.ModuleType(serve.MODULE_NAME)
    setattr(module, name, function)
    server.module = module
    # Sequences of calls look their function up there.
    with importable({serve.MODULE_NAME: module}):
        yield cast("Session", _InProcess(server))
