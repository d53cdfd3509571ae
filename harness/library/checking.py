"""``harness.check``: a function and its reference in, a report out."""

from __future__ import annotations

import inspect
import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from harness import checks
from harness.checks.context import Check, InteractiveCheck, PlannedCheck, SubmissionContext, Trial
from harness.checks.registry import FrozenMapping
from harness.checks.side_effects import NoMutation
from harness.code import analyse
from harness.diagnosis import CheckResult
from harness.diagnosis.explanation import Smallest, explain, find_smallest
from harness.errors import ScenarioError, UsageError, did_you_mean
from harness.library.arguments import Arguments, Form, parameter_names
from harness.library.asked import FarSizes, LayoutsOfMade, ResultInPlace, Zeros
from harness.library.aspects import Aspect, aspects
from harness.library.bench import MADE, Manner, OwnBench
from harness.library.domain import MOST_NUMBERS, Domain, Range
from harness.library.made import Maker
from harness.library.report import CheckFailed, Found, Raised, Report, UncheckedWarning
from harness.library.session import in_process
from harness.library.snippet import import_lines
from harness.library.subject import (
    Function,
    Gradients,
    ResultKind,
    Subject,
    functions_behind,
    inspected,
    strangers,
    with_several_results,
    writes_to,
)
from harness.model import (
    CheckSpec,
    EntryPoint,
    Level,
    Limits,
    NumberArgument,
    Outcome,
    Scenario,
)
from harness.numerics.oracles import Oracle, OracleError, Oracles
from harness.numerics.question import Answer, put

# gradcheck's questions are as many as the numbers that it differentiates by.
MOST_FOR_GRADCHECK = 200
# Numbers in arguments that may not be made smaller, beyond which they are asked only once.
MOST_OFTEN = 1 << 16
STOCK = ("gradcheck", "gradgradcheck")


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
    subject = Subject(fn, oracle, options.gradient, [given], numbered)
    example = _example(subject, torch.float64)
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
    return _asked(title, subject, domain, maker, made, dtype, inside, options)


def _example(subject: Subject, dtype: torch.dtype) -> list[Any]:
    """The example's values, as leaves of the dtype."""
    values = [
        piece.value.to(dtype, copy=True).requires_grad_(piece.differentiable)
        if isinstance(piece.value, torch.Tensor)
        else piece.value
        for piece in subject.pieces
    ]
    return [*values, 0] if subject.numbered else values


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
    values = _example(subject, dtype)
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


@dataclass(frozen=True)
class Inside:
    """What the result of the function is made of, as its graph shows."""

    functions: Sequence[type[torch.autograd.Function]] = ()
    # Nodes that made several tensors: place in the graph, and how many.
    several: Sequence[tuple[int, int]] = ()


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
    example = _example(subject, torch.float64)
    with torch.enable_grad():
        behind = list(subject.call_reference(example)[0])
        _warn_of(strangers(behind, example), "reference")
        try:
            example = _example(subject, dtype)
            found = subject.call_fn(example)[0]
            functions = functions_behind(found)
            several = with_several_results(found)
        except Exception:
            return Inside()  # it is seen again when it is asked
        _warn_of(strangers(found, example), "function")
    return Inside(functions, several)


def _warn_of(tensors: Sequence[torch.Tensor], which: str) -> None:
    for tensor in tensors:
        warnings.warn(
            f"the {which} uses a tensor {tuple(tensor.shape)} that requires grad and is not among "
            "the arguments: its gradient is not checked; hand it over, or its module",
            UncheckedWarning,
            stacklevel=5,
        )


# --------------------------------------------------------------------------
# Asking


def _asked(
    title: str,
    subject: Subject,
    domain: Domain,
    maker: Maker | None,
    made: Callable[[int, int], Arguments],
    dtype: torch.dtype,
    inside: Inside,
    options: Options,
) -> Report:
    name = title if title.isidentifier() else "function"
    sizes, far = _sizes(domain, maker, options)
    count = 0 if maker is not None else domain.count(sizes[0])
    once = count > MOST_OFTEN
    if count > MOST_NUMBERS:
        options.notes.append(
            f"the example holds {count} numbers and no smaller sizes may be asked: "
            + ("it was asked once per dtype, " if once else "")
            + "with limits of a thousandth"
        )
    manner = Manner(
        dtype=dtype,
        tolerance=options.tolerance,
        rough=count > MOST_NUMBERS,
        maker=maker,
        read=made,
        givens=subject.givens,
        numbered=subject.numbered,
    )
    arguments = tuple(domain.argument(piece) for piece in domain.given.pieces)
    if subject.numbered:
        arguments += (NumberArgument("draw", (0,)),)
    found: list[Found] = []
    for aspect in aspects(subject, arguments, inside.functions, inside.several, maker is not None):
        entry = EntryPoint(
            name + aspect.suffix, aspect.arguments, tuple(sizes), aspect.has_gradient
        )
        oracle = Oracle(entry.name, aspect.reference, aspect.vjp)
        bench = OwnBench(
            _scenario(entry),
            Oracles({entry.name: oracle}, {}, {}),
            options.seed,
            replace(manner, size=_size(aspect, subject) if options.tolerance else 0.0),
        )
        if once:
            others = tuple(getattr(torch, n) for n in options.names if not subject.random)
            asked = [FarSizes(tuple(map(FrozenMapping, sizes)), others)]
        else:
            asked = list(_checks_of(aspect, subject, far, dtype, options))
        found += _of_aspect(bench, entry, aspect, asked, subject, options)
        if any(f.raised for f in found if f.finding.outcome is Outcome.FAILED):
            break  # what raises is mended first
    return Report(title, tuple(found), tuple(dict.fromkeys(options.notes)))


def _size(aspect: Aspect, subject: Subject) -> float:
    """The largest value of the result at the example, where it takes nothing else."""
    if len(aspect.arguments) != len(_example(subject, torch.float64)):
        return 0.0
    try:
        found = aspect.reference(*_example(subject, torch.float64)).detach()
    except Exception:
        return 0.0
    finite = found[found.isfinite()]
    return float(finite.abs().max()) if finite.numel() else 0.0


def _sizes(
    domain: Domain, maker: Maker | None, options: Options
) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    if maker is not None:
        return [{MADE: size} for size in maker.sizes()], []
    sizes, usual = domain.sizes(), domain.usual()
    if usual != domain.own:
        shown = ", ".join(
            f"{piece.name} {tuple(usual.get(str(n), n) for n in domain.shape(piece))}"
            for piece in domain.given.pieces
            if piece.is_tensor
        )
        once = ", and once at its own size" if domain.own in domain.far() else ""
        options.notes.append(f"the example is large: asked at {shown} and smaller{once}")
    return sizes, domain.far()


def _checks_of(
    aspect: Aspect,
    subject: Subject,
    far: Sequence[dict[str, int]],
    dtype: torch.dtype,
    options: Options,
) -> Iterator[Any]:
    """The checks that an aspect is asked, ready to draw."""
    names = tuple(n for n in options.names if not subject.random)
    wide = dtype is torch.float64
    settings: dict[str, dict[str, Any]] = {
        "dtypes": {"dtypes": names},
        "double_backward": {"may_refuse": not options.double_backward},
    }
    known = checks.kinds()
    for kind in aspect.kinds:
        match kind:
            case "dtypes" if not names:
                continue
            case "gradgradcheck" if not options.double_backward:
                continue
            case "gradcheck" | "gradgradcheck" if (
                not wide or options.gradient is not None or options.tolerance
            ):
                continue
            case "edges" if options.make is not None:
                continue
            case "zeros" if options.make is not None:
                continue
            case "zeros":
                yield Zeros()
            case "far_sizes" if far:
                yield FarSizes(tuple(FrozenMapping(size) for size in far))
            case "far_sizes":
                continue
            case "result_in_place":
                yield ResultInPlace()
            case "layouts" if options.make is not None:
                yield LayoutsOfMade()
            case "no_mutation":
                yield NoMutation(views=True)
            case _ if kind in known:
                yield known[kind](**settings.get(kind, {}))


def _of_aspect(
    bench: OwnBench,
    entry: EntryPoint,
    aspect: Aspect,
    made: Sequence[Any],
    subject: Subject,
    options: Options,
) -> list[Found]:
    context = SubmissionContext(analyse(""), {})
    heard: list[CheckResult] = []
    with in_process(entry.name, aspect.fn) as session, torch.enable_grad():
        for check_ in made:
            assert not isinstance(check_, InteractiveCheck), "it needs a process of its own"
            if not check_.fits(entry):
                continue
            trials = _trials(bench, entry, check_, options, subject.random)
            if not trials:
                continue
            order = random.Random(f"{bench.seed}/{check_.kind}")
            answers = put(session, [t.question for t in trials], shuffle=order)
            if check_.kind not in STOCK:
                trials, answers = _fair(entry, aspect, trials, answers)
                if not trials:
                    continue
            if check_.kind != FarSizes.kind:  # to lay those side by side would take much memory
                PlannedCheck(check_, entry, True, trials).mark(answers)
            found = check_.judge(bench, entry, trials, answers, context)
            finding = found.finding(check_.kind, entry.name, True)
            heard.append(CheckResult(finding, trials, answers))
        ask = None if options.make is not None or subject.random else partial(put, session)
        smallest = find_smallest(bench, heard, ask)
    imported = import_lines(
        subject.fn, subject.givens, subject.numbered, _draws(smallest, subject), aspect.body
    )
    findings = explain(bench, heard, smallest, imported)
    return [
        Found(finding, aspect.words, _raised(result))
        for finding, result in zip(findings, heard, strict=True)
    ]


def _trials(
    bench: OwnBench, entry: EntryPoint, check_: Check, options: Options, random_numbers: bool
) -> tuple[Trial, ...]:
    """What a check asks, without what cannot be asked of this function."""
    if check_.kind in STOCK:
        case = bench.drawer(entry, "size").case(entry.sizes[0])
        if sum(t.numel() for t in case.tensors.values()) > MOST_FOR_GRADCHECK:
            options.notes.append("stock gradcheck was not asked: the arguments are large")
            return ()
    try:
        trials = check_.trials(bench, entry)
    except OracleError:
        raise
    except ScenarioError:
        options.notes.append(
            f"stock {check_.kind} was not asked: it does not accept the reference itself, whose "
            "gradient is not the derivative of its result"
        )
        return ()
    if random_numbers:  # they are drawn in the order of memory
        return tuple(t for t in trials if not t.question.layouts)
    return trials


def _fair(
    entry: EntryPoint, aspect: Aspect, trials: tuple[Trial, ...], answers: list[Answer]
) -> tuple[tuple[Trial, ...], list[Answer]]:
    """Without the questions that the reference itself refuses, such as a layout or a dtype."""
    failed = [i for i, answer in enumerate(answers) if answer.error is not None]
    if not failed:
        return trials, answers
    with in_process(entry.name, aspect.reference) as session:
        theirs = put(session, [trials[i].question for i in failed])
    refused = {i for i, answer in zip(failed, theirs, strict=True) if answer.error is not None}
    kept = [i for i in range(len(trials)) if i not in refused]
    return tuple(trials[i] for i in kept), [answers[i] for i in kept]


def _draws(smallest: Smallest, subject: Subject) -> Iterator[int]:
    """Numbers of the draws that snippets show."""
    if not subject.numbered:
        return
    for trial, _ in smallest.values():
        for question in (trial.question, *trial.question.others):
            yield int(question.case.values[-1])  # type: ignore[arg-type]


def _raised(result: CheckResult) -> Raised | None:
    """The exception that a check failed by, the one of the smallest arguments."""
    if not result.failed:
        return None
    errors = [
        (sum(t.numel() for t in trial.question.case.tensors.values()), answer)
        for trial, answer in result.pairs
        if answer.error is not None
    ]
    wrong = any(
        trial.mismatch(answer) is not None
        for trial, answer in result.pairs
        if answer.error is None and trial.expected
    )
    if not errors or wrong:
        return None
    _, answer = min(errors, key=lambda pair: pair[0])
    assert answer.error is not None
    frames = tuple(str(frame) for frame in answer.error.get("frames", ()))
    return Raised(answer.error_text(), str(answer.error.get("type")), frames)


@contextmanager
def _generator_kept() -> Iterator[None]:
    """The caller's random numbers are not disturbed."""
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)


def _scenario(entry: EntryPoint, specs: Sequence[CheckSpec] = ()) -> Scenario:
    """Stands for the YAML that a graded request has."""
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
