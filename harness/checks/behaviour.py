"""Checks of what a submission does beside computing: writes, logs, calls, keeps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch

from harness.checks.compare import (
    Comparison,
    cotangent_for,
    judge,
    steady_stacks,
    with_gradients,
)
from harness.checks.context import Bench, Conduct, Judgement, Trial
from harness.errors import ScenarioError
from harness.model import (
    EntryPoint,
    Fault,
    LayersArgument,
    LogArgument,
    Quantity,
    QuantityKind,
    TensorArgument,
)
from harness.numerics.expectation import (
    COTANGENT_AFTER_BACKWARD,
    RANDOM_NUMBER,
    Expected,
    Mismatch,
    gradient_parts,
    untouched,
)
from harness.numerics.expectation import RESULT as OF_RESULT
from harness.numerics.inputs import Case, Drawer, Stack
from harness.numerics.question import Answer, Cotangent, Letter, Question, put
from harness.numerics.rounding import ROUNDOFF_MARGIN, unit_roundoff
from harness.sandbox.inside.part import COTANGENT, DRAW, RESULT, Part, Role
from harness.sandbox.session import CandidateFault, Session

ALIAS = "shares_storage_with"
# Facts that the candidate's side reports of a call; they can fail it, never excuse it.
SIDE_EFFECTS = {
    "left_gradient": (
        Fault.LEFT_GRADIENT,
        "the call itself leaves something in the .grad of its input",
    ),
    "changed_settings": (
        Fault.CHANGED_SETTINGS,
        "the call changes a setting of the process, such as grad mode",
    ),
    "changed_flag": (
        Fault.CHANGED_FLAG,
        "the call leaves its input with another requires_grad than it had",
    ),
    ALIAS: (
        Fault.SHARES_MEMORY,
        "the result shares memory with the input, so a write to one changes the other",
    ),
}


@dataclass(frozen=True)
class NoMutation(Comparison):
    """Inputs, the incoming gradient and the random generator are bit for bit what they were."""

    # ``never``, or ``declared``: an input may be overwritten if it is returned as the result
    # of a Function that marked it dirty, but never a leaf that requires grad.
    input: str = "never"
    kind: ClassVar[str] = "no_mutation"
    praise: ClassVar[str] = "Inputs, incoming gradient and random generator are left alone"
    needs_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.input not in ("never", "declared"):
            raise ValueError(f"input is {self.input!r}, expected 'never' or 'declared'")

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        for size in draw.sizes()[:3]:
            case = draw.case(size, stack=next(stacks))
            names = case.differentiable
            kept = untouched(case)
            (seed,) = bench.seeds(f"{self.kind}/{entry.name}/{case.label}", 1)
            kept[DRAW] = Expected.exactly(RANDOM_NUMBER, _first_draw(seed))
            forward = Question("forward", case, grad=names, seed=seed)
            if not entry.differentiable:
                kept[RESULT] = bench.reference(case).forward()
                yield Trial(replace(forward, grad=()), kept)
                yield Trial(forward, kept, f"{case.label}, inputs require grad")
                continue
            asked = with_gradients(bench, draw, case)
            (cotangent,) = asked.question.cotangents
            unchanged = Expected.exactly(COTANGENT_AFTER_BACKWARD, cotangent.value)
            # What else it answers is judged too: no question goes without.
            question = replace(asked.question, seed=seed)
            yield Trial(question, {**kept, COTANGENT: unchanged, **asked.expected})
            kept[RESULT] = asked.expected[RESULT]
            yield Trial(forward, kept)
            inner = f"{case.label}, the input is a result of another operation"
            yield Trial(replace(forward, inner=True), kept, inner)
            label = f"{case.label}, nothing requires grad"
            yield Trial(replace(forward, grad=()), kept, label)

    def judge(
        self,
        bench: Bench,
        entry: EntryPoint,
        trials: tuple[Trial, ...],
        answers: list[Answer],
        conduct: Conduct,
    ) -> Judgement:
        for trial, answer in zip(trials, answers, strict=True):
            found = trial.mismatch(answer)
            if found is not None and not self._declared(trial, answer):
                about = trial.label or trial.question.case.label
                return Judgement.differs(found, f"For {about}: {found.message}.", line=answer.line)
            for fact, (fault, said) in SIDE_EFFECTS.items():
                if answer.facts.get(fact) and not (fact == ALIAS and self._declared(trial, answer)):
                    label = trial.label or trial.question.case.label
                    return Judgement.failed(f"For {label}: {said}.", fault=fault)
        return Judgement.passed(f"{self.praise} in {len(trials)} cases.")

    def _declared(self, trial: Trial, answer: Answer) -> bool:
        """Whether the write is one that the contract allows: the input itself is the result."""
        question = trial.question
        leaf = bool(question.grad) and not question.inner
        if self.input != "declared" or answer.error is not None or leaf:
            return False
        written = {
            name: answer.parts[name]
            for name, expected in trial.expected.items()
            if expected.mismatch(answer.parts.get(name)) is not None and name in answer.parts
        }
        same, result = answer.facts.get("same_as"), answer.parts.get(RESULT)
        return (
            question.ask == "forward"
            and isinstance(same, list)
            and result is not None
            and written.keys() <= {Part(Role.INPUT, place) for place in same}
            # Whatever it says: what is in the input now must be the result.
            and all(torch.equal(tensor, result) for tensor in written.values())
        )


def _first_draw(seed: int) -> torch.Tensor:
    """What a generator that was just seeded gives next."""
    return torch.rand(4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@dataclass(frozen=True)
class Overwritten(Comparison):
    """A value overwritten between forward and backward is noticed, or makes no difference.

    What ``save_for_backward`` keeps is guarded by autograd, which raises; a tensor kept in
    another way gives the gradient at another point without a word.
    """

    kind: ClassVar[str] = "overwritten"
    praise: ClassVar[str] = "What is overwritten before backward is noticed or does not matter"

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        stacks = itertools.cycle(steady_stacks(entry))
        for size in draw.sizes()[:2]:
            for target in ("result", *_positions(entry)):
                case = draw.case(size, stack=next(stacks))
                once = with_gradients(bench, draw, case)
                gradients = {k: v for k, v in once.expected.items() if k != RESULT}
                named = "its result" if target == "result" else list(case.tensors)[int(target)]
                yield Trial(
                    replace(once.question, ask="overwritten", overwrite=target, inner=True),
                    gradients,
                    f"{case.label}, {named} overwritten in place before backward",
                )

    def judge(
        self,
        bench: Bench,
        entry: EntryPoint,
        trials: tuple[Trial, ...],
        answers: list[Answer],
        conduct: Conduct,
    ) -> Judgement:
        answered = [
            (trial, answer)
            for trial, answer in zip(trials, answers, strict=True)
            if not answer.facts.get("refused")
        ]
        return judge(tuple(t for t, _ in answered), [a for _, a in answered], self.praise)


def _positions(entry: EntryPoint) -> list[str]:
    """Places among the tensor arguments of those that have a gradient."""
    tensors = [a for a in entry.arguments if isinstance(a, TensorArgument)]
    return [str(index) for index, argument in enumerate(tensors) if argument.differentiable]


@dataclass(frozen=True)
class Released:
    """Tensors of a finished call are let go of (self-reported: it can fail, never excuse)."""

    kind: ClassVar[str] = "released"
    CALLS: ClassVar[int] = 8
    # A cache of one call or two is not a leak.
    KEPT: ClassVar[int] = 3

    def fits(self, entry: EntryPoint) -> bool:
        return entry.differentiable

    def trials(self, bench: Bench, entry: EntryPoint) -> tuple[Trial, ...]:
        def make() -> tuple[Trial, ...]:
            draw = bench.drawer(entry, self.kind)
            case = draw.case(draw.small_size(), stack=steady_stacks(entry)[0])
            question = with_gradients(bench, draw, case).question
            return (Trial(replace(question, ask="released", count=self.CALLS)),)

        return bench.once((self, entry.name), make)

    def judge(
        self,
        bench: Bench,
        entry: EntryPoint,
        trials: tuple[Trial, ...],
        answers: list[Answer],
        conduct: Conduct,
    ) -> Judgement:
        (answer,) = answers
        if answer.error is not None:
            return Judgement.raised(answer)
        alive, grown = (answer.number(name) for name in ("alive", "grown"))
        if alive > self.KEPT:
            return Judgement.failed(
                f"Of {self.CALLS} finished calls {alive:g} are still held in memory: something "
                "keeps inputs or results, such as an attribute of ctx that holds the result, a "
                "cycle that only Python's garbage collection ends.",
                alive,
                float(self.KEPT),
                fault=Fault.KEPT_MEMORY,
            )
        if grown > self.KEPT:
            return Judgement.failed(
                f"After {self.CALLS} finished calls {grown:g} more tensors are alive than before.",
                grown,
                float(self.KEPT),
                fault=Fault.KEPT_MEMORY,
            )
        return Judgement.passed(f"Nothing of {self.CALLS} finished calls is kept.")


@dataclass(frozen=True)
class CostGrowth:
    """Time grows about as the elements do (self-reported: it can object, never excuse)."""

    kind: ClassVar[str] = "cost_growth"
    SHAPES: ClassVar[tuple[tuple[int, ...], ...]] = ((8, 64), (64, 64))
    CALLS: ClassVar[int] = 5
    # How many times as long eight times the elements may take.
    MOST: ClassVar[float] = 24.0
    # What takes less than this is not worth a word.
    LEAST_S: ClassVar[float] = 2e-3

    def fits(self, entry: EntryPoint) -> bool:
        return entry.differentiable and not entry.sizes and not steady_stacks(entry)[0]

    def trials(self, bench: Bench, entry: EntryPoint) -> tuple[Trial, ...]:
        def make() -> tuple[Trial, ...]:
            draw = bench.drawer(entry, self.kind)
            asked = [with_gradients(bench, draw, draw.case({"*": s})) for s in self.SHAPES]
            return tuple(
                Trial(replace(trial.question, ask="timed", count=self.CALLS)) for trial in asked
            )

        return bench.once((self, entry.name), make)

    def judge(
        self,
        bench: Bench,
        entry: EntryPoint,
        trials: tuple[Trial, ...],
        answers: list[Answer],
        conduct: Conduct,
    ) -> Judgement:
        spent = []
        for answer in answers:
            if answer.error is not None:
                return Judgement.raised(answer)
            spent.append(answer.number("wall_s"))
        few, many = (math.prod(shape) for shape in self.SHAPES)
        growth = spent[1] / max(spent[0], 1e-9)
        if growth > self.MOST and spent[1] > self.LEAST_S:
            return Judgement.failed(
                f"A call with backward takes far more than {many / few:.0f} times as long for "
                f"{many} elements as for {few}: is a Jacobian built?",
                growth,
                self.MOST,
                fault=Fault.COST,
            )
        return Judgement.passed(f"Time grows about as the elements do, from {few} to {many}.")


@dataclass(frozen=True)
class LogCalls(Comparison):
    """The log is called once with the output's and once with the gradient's statistics."""

    kind: ClassVar[str] = "log_calls"

    def fits(self, entry: EntryPoint) -> bool:
        return any(isinstance(a, LogArgument) for a in entry.arguments)

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        for number, size in enumerate(draw.sizes()[:4]):
            yield self._trial(bench, draw, size)
            yield self._trial(bench, draw, size, alone=number)
            yield self._trial(bench, draw, size, layout=("filled", "strided")[number % 2])
            yield self._trial(bench, draw, size, dtype=torch.float32, close=True)
        case = draw.case(draw.small_size())
        result = bench.reference(case).forward()
        for no_grad in (False, True):
            grad = case.differentiable if no_grad else ()
            label = f"{case.label}, {'under no_grad' if no_grad else 'nothing requires grad'}"
            yield Trial(
                Question("forward", case, grad=grad, no_grad=no_grad), {RESULT: result}, label
            )
        once = self._trial(bench, draw, draw.small_size())
        kept = f"{once.label}, the graph kept and run again"
        yield Trial(
            replace(once.question, ask="interleaved"),
            {RESULT._replace(call=0): once.expected[RESULT]},
            kept,
        )

    @staticmethod
    def _trial(
        bench: Bench,
        draw: Drawer,
        size: Mapping[str, Any],
        *,
        alone: int | None = None,
        layout: str | None = None,
        dtype: torch.dtype = torch.float64,
        close: bool = False,
    ) -> Trial:
        """``alone`` counts the one input that requires grad; ``close`` is an incoming gradient
        whose entries lie close together."""
        case = draw.case(size, dtype=dtype)
        result = bench.reference(case).forward()
        cotangent = cotangent_for(draw, result.low.shape, result.dtype, 1.0)
        grad, label = case.differentiable, case.label
        if alone is not None:
            grad = (grad[alone % len(grad)],)
            label += f", only {grad[0]} requires grad"
        if layout == "filled":
            cotangent = cotangent.reshape(-1)[0].expand(cotangent.shape).clone()
        if layout is not None:
            label += f", incoming gradient {layout} in memory"
        if close:
            cotangent = 3 + 3e-4 * cotangent
            label = f"{result.dtype} {label}, incoming gradient of close values".removeprefix(
                "torch."
            )
        question = Question("vjp", case, grad=grad, cotangents=(Cotangent(cotangent, layout),))
        return Trial(question, {RESULT: result}, label)

    def judge(
        self,
        bench: Bench,
        entry: EntryPoint,
        trials: tuple[Trial, ...],
        answers: list[Answer],
        conduct: Conduct,
    ) -> Judgement:
        for trial, answer in zip(trials, answers, strict=True):
            found = trial.mismatch(answer)
            if found is None and (problem := self._problem(trial, answer)) is not None:
                found = Mismatch(Fault.WRONG_LOG, problem)
            if found is not None:
                message = f"For {trial.label}: {found.message}."
                return Judgement.failed(message, line=answer.line, fault=found.fault)
        return Judgement.passed(
            f"Both events are logged with the right statistics in {len(trials)} cases."
        )

    def _problem(self, trial: Trial, answer: Answer) -> str | None:
        log = _logged(answer)
        events = [event for event, _, _ in log]
        backwards = {"forward": 0, "vjp": 1, "interleaved": 2}[trial.question.ask]
        expected = ["forward", *["backward"] * backwards]
        if events != expected:
            return f"the log was called with {events[:4]}, expected {expected}"
        result, *_ = trial.expected.values()
        tensors = (result.low, *[c.value for c in trial.question.cotangents * backwards])
        for (event, kind, entries), tensor in zip(log, tensors, strict=True):
            if kind != "dict" or sorted(e[0] for e in entries) != ["mean", "std"]:
                keys = [name for name, _, _ in entries]
                return f"the {event} log got a {kind} with {keys}, expected mean and std"
            for name, type_name, text in entries:
                if type_name != "float":
                    return f"the {event} log's {name} is a {type_name}, expected a Python float"
                if not _is_statistic(name, _number(text), tensor, result.dtype):
                    return (
                        f"the {event} log's {name} is {text}, expected {_statistics(name, tensor)}"
                    )
        return None


Entry = tuple[str, str, str]


def _logged(answer: Answer) -> list[tuple[str, str, list[Entry]]]:
    """The log's events as ``(event, type, [(key, type, repr)])``."""
    log = answer.facts.get("log")
    if not isinstance(log, list):
        raise CandidateFault("the process sent a log that is no list")
    found = []
    for call in log:
        match call:
            case [str(event), str(kind), list(entries)]:
                found.append((event, kind, [_entry(entry) for entry in entries]))
            case _:
                raise CandidateFault("the process sent a log with something else than calls")
    return found


def _entry(entry: object) -> Entry:
    match entry:
        case [str(name), str(kind), str(text)]:
            return name, kind, text
    raise CandidateFault("the process sent a log whose entries are no entries")


def _number(text: object) -> float:
    """The float that ``text`` is the ``repr`` of; NaN, which is never right, where it is none."""
    try:
        return float(text) if isinstance(text, str) else math.nan
    except ValueError:
        return math.nan


def _statistics(name: str, tensor: torch.Tensor) -> list[float]:
    if name == "mean":
        return [float(tensor.double().mean())]
    wide = tensor.double()
    return [float(wide.std(correction=c)) for c in (0, 1) if wide.numel() > c] or [math.nan]


def _is_statistic(name: str, value: float, tensor: torch.Tensor, dtype: torch.dtype) -> bool:
    if name == "std" and tensor.numel() == 1 and math.isnan(value):
        return True  # the unbiased deviation of one element
    unit = unit_roundoff(dtype)
    limit = max(1e-9, ROUNDOFF_MARGIN * unit) * (1.0 + float(tensor.abs().max()))
    if name == "std" and bool((tensor == tensor.reshape(-1)[0]).all()):
        limit *= 1 + math.sqrt(unit) / 1e-9  # what is left of the difference of two squares
    return any(abs(value - right) <= limit for right in _statistics(name, tensor))


@dataclass(frozen=True)
class TrueError(Comparison):
    """A number that measures an error agrees with the grader's own measurement of it."""

    # Largest relative deviation.
    rtol: float = 0.02
    kind: ClassVar[str] = "true_error"
    DRAWS: ClassVar[int] = 40
    needs_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not 0 < self.rtol < 1:
            raise ValueError(f"rtol is {self.rtol!r}, expected a number between 0 and 1")

    def fits(self, entry: EntryPoint) -> bool:
        return not entry.differentiable

    def draw(self, bench: Bench, entry: EntryPoint, draw: Drawer) -> Iterator[Trial]:
        (seed,) = bench.seeds(f"{self.kind}/{entry.name}", 1)
        for size in draw.sizes()[:4]:
            cases = [draw.case(size) for _ in range(self.DRAWS)]
            errors = [self._measured(bench, case) for case in cases]
            # A deviation is relative: from an error of zero there is none.
            usable = [index for index, error in enumerate(errors) if 0 < error < math.inf]
            if not usable:
                raise ScenarioError(
                    f"{bench.scenario.path}: check {self.kind!r} of entry point {entry.name!r}: "
                    f"the oracle measures {errors[0]:g} in each of {len(cases)} draws of {size}, "
                    "expected finite errors above 0; widen the ranges or drop the check"
                )
            # Where the error is small, another part of it than usually is the largest.
            order = sorted(usable, key=errors.__getitem__)
            for index in (*order[: self.DRAWS // 3], order[-1]):
                kept = untouched(cases[index])
                kept[DRAW] = Expected.exactly(RANDOM_NUMBER, _first_draw(seed))
                yield Trial(Question("forward", cases[index], seed=seed), kept)

    def _measured(self, bench: Bench, case: Case) -> float:
        """The error that the oracle measures; raises ``ScenarioError`` where it is no number."""
        value = bench.reference(case).value()
        if value.numel() != 1:
            raise ScenarioError(
                f"{bench.scenario.path}: check {self.kind!r} of entry point {case.entry.name!r}: "
                f"the oracle gives a tensor {tuple(value.shape)}, expected one number; return the "
                "error as a float"
            )
        return float(value)

    def judge(
        self,
        bench: Bench,
        entry: EntryPoint,
        trials: tuple[Trial, ...],
        answers: list[Answer],
        conduct: Conduct,
    ) -> Judgement:
        worst = 0.0
        for trial, answer in zip(trials, answers, strict=True):
            label = trial.question.case.label
            if answer.error is not None:
                return Judgement.failed(
                    f"For {label}: the call raised {answer.error_text()}.",
                    line=answer.line,
                    fault=answer.fault,
                )
            if answer.facts.get("type") != "float":
                kind = answer.facts.get("type", "Tensor")
                message = f"For {label}: the result is a {kind}, expected a float."
                return Judgement.failed(message, fault=Fault.WRONG_DTYPE)
            for part, expected in trial.expected.items():
                found = expected.mismatch(answer.parts.get(part))
                if found is not None:
                    return Judgement.differs(found, f"For {label}: {found.message}.")
            right = self._measured(bench, trial.question.case)
            got = _number(answer.facts.get("value"))
            deviation = abs(got - right) / right
            if not deviation <= self.rtol:
                measured = deviation if math.isfinite(deviation) else None
                return Judgement.failed(
                    f"For {label}: it reports an error of {got:.4g}, measured is {right:.4g}.",
                    measured,
                    self.rtol,
                    fault=Fault.WRONG_VALUE,
                )
            worst = max(worst, deviation)
        return Judgement.passed(
            f"The reported error agrees with the measured one in {len(trials)} cases.",
            worst,
            self.rtol,
        )


@dataclass(frozen=True)
class LibraryCalled:
    """The provided library does the work: when its constants change, so do the answers."""

    # Provided module.
    module: str
    # Its function that computes the result from the entry point's arguments.
    forward: str
    # Constants of the module to change, with the range to draw them from.
    vary: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    # Its function ``(*arguments, cotangent) -> gradients``, where gradients come from it too.
    vjp: str | None = None
    kind: ClassVar[str] = "library_called"

    def fits(self, entry: EntryPoint) -> bool:
        return entry.differentiable

    def __post_init__(self) -> None:
        for name, (low, high) in self.vary.items():
            if not low < high:
                raise ValueError(f"vary.{name} is [{low}, {high}], expected low below high")

    def check_module(self, bench: Bench, entry: EntryPoint) -> None:
        """Raise ``ScenarioError`` where the provided module is not as the options say."""
        about = f"{bench.scenario.path}: check {self.kind!r} of entry point {entry.name!r}"
        module = bench.oracles.provided.get(self.module)
        if module is None:
            names = ", ".join(bench.oracles.provided) or "none"
            raise ScenarioError(
                f"{about}: module is {self.module!r}, expected a provided one ({names}); add it "
                "to provided or correct the name"
            )
        for name in (self.forward, *filter(None, [self.vjp]), *self.vary):
            if not hasattr(module, name):
                raise ScenarioError(
                    f"{about}: {self.module} has no {name!r}, expected one there; correct the name"
                )
        draw = bench.drawer(entry, self.kind)
        try:
            self._trial(module, draw.case(draw.small_size()), draw)
        except Exception as error:
            raise ScenarioError(
                f"{about}: {self.module} raises {type(error).__name__}: {error}, expected "
                f"{self.forward} and vjp to take what {entry.name} takes; mend it or the check"
            ) from error

    def converse(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement:
        module = bench.oracles.provided[self.module]
        draw = bench.drawer(entry, self.kind)
        usual = {name: getattr(module, name) for name in self.vary}
        varied = {
            name: float(draw.uniform((), float(low), float(high)))
            for name, (low, high) in self.vary.items()
        }
        try:
            vars(module).update(varied)
            session.request({"do": "configure", "modules": {self.module: varied}})
            trials = [self._trial(module, draw.case(size), draw) for size in draw.sizes()[:3]]
            answers = put(session, [trial.question for trial in trials])
        finally:
            vars(module).update(usual)
        session.request({"do": "configure", "modules": {self.module: usual}})
        for trial, answer in zip(trials, answers, strict=True):
            found = trial.mismatch(answer)
            if found is not None:
                return Judgement.differs(
                    found,
                    f"The answers do not follow {self.module}.{self.forward} when the library's "
                    f"constants change: for {trial.question.case.label}, {found.message}.",
                    line=answer.line,
                )
        return Judgement.passed(
            f"The answers follow {self.module}.{self.forward} when the library's constants change."
        )

    def _trial(self, module: Any, case: Case, draw: Drawer) -> Trial:
        value = getattr(module, self.forward)(*case.values)
        cotangent = draw.normal(value.shape)
        expected = {RESULT: _near(OF_RESULT, value)}
        if self.vjp is not None:
            gradients = getattr(module, self.vjp)(*case.values, cotangent)
            expected |= gradient_parts(
                [
                    _near(Quantity(QuantityKind.GRADIENT, name), gradient)
                    for name, gradient in zip(case.differentiable, gradients, strict=False)
                ]
            )
        question = Question(
            "vjp", case, grad=case.differentiable, cotangents=(Cotangent(cotangent),)
        )
        return Trial(question, expected)


def _near(quantity: Quantity, value: torch.Tensor) -> Expected:
    """The library's own number; only its handling may have added rounding."""
    return Expected(quantity, value, value, 1e-12 * (1 + value.abs()), value.dtype)


@dataclass(frozen=True)
class SavedMemory:
    """Between forward and backward, memory does not grow with depth (read from the kernel)."""

    kind: ClassVar[str] = "saved_memory"
    # One activation: 256 × 1024 float32 values.
    SHAPE: ClassVar[tuple[int, int]] = (256, 1024)
    SHALLOW: ClassVar[int] = 2
    DEEP: ClassVar[int] = 26

    def fits(self, entry: EntryPoint) -> bool:
        match entry.arguments:
            case (TensorArgument(differentiable=True), LayersArgument()):
                return True
        return False

    def converse(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement:
        activation = 4 * self.SHAPE[0] * self.SHAPE[1]
        growth_if_kept = (self.DEEP - self.SHALLOW) * activation
        limit = growth_if_kept / 4
        self._held(bench, entry, session, self.SHALLOW)  # first use pays for the allocator
        shallow = self._held(bench, entry, session, self.SHALLOW)
        deep = self._held(bench, entry, session, self.DEEP)
        if isinstance(shallow, str) or isinstance(deep, str):
            raised = shallow if isinstance(shallow, str) else deep
            return Judgement.failed(f"The call raised {raised}.", fault=Fault.RAISED)
        wrong = self._gradient(bench, entry).mismatch(self._last_gradient(session))
        if wrong is not None:
            return Judgement.differs(
                wrong, f"At {self.DEEP} layers, where memory is measured, {wrong.message}."
            )
        growth = float(deep - shallow)
        message = (
            f"From {self.SHALLOW} to {self.DEEP} layers the memory held for backward grows by "
            f"{growth / 2**20:.1f} MiB; keeping every activation would take "
            f"{growth_if_kept / 2**20:.0f} MiB."
        )
        if growth > limit:
            return Judgement.failed(message, growth, limit, fault=Fault.KEPT_MEMORY)
        return Judgement.passed(message, growth, limit)

    def _held(self, bench: Bench, entry: EntryPoint, session: Session, depth: int) -> int | str:
        """Resident bytes that one result of ``depth`` layers keeps alive, or the error."""
        session.request({"do": "drop"})
        letter = Letter()
        case = self._case(bench, entry, depth)
        call = letter.call(Question("forward", case, grad=case.differentiable))
        before = session.memory_bytes()
        reply, _ = session.request({"do": "hold", "call": call}, letter.tensors)
        after = session.memory_bytes()
        error = reply.get("error")
        if isinstance(error, dict):
            return f"{error.get('type')}: {error.get('message')}"
        if error is not None:
            raise CandidateFault("the process sent an error that is not an object")
        return after - before

    def _case(self, bench: Bench, entry: EntryPoint, depth: int) -> Case:
        # A function and a module, either of which might be the one that is kept.
        names = ("tanh", "gelu") * (depth // 2)
        # Numbers that cannot be packed: packed they would fit where nobody looks for them.
        x = bench.drawer(entry, self.kind).normal(self.SHAPE).float()
        return Case(entry, (x, Stack(names, self.SHAPE[1], (), torch.float32)), "")

    def _gradient(self, bench: Bench, entry: EntryPoint) -> Expected:
        """What comes out of the deep call: whoever keeps nothing must still get it right."""

        def make() -> Expected:
            case = self._case(bench, entry, self.DEEP)
            reference = bench.reference(case)
            (expected,) = reference.gradients(torch.ones(self.SHAPE), case.differentiable)
            return expected

        return bench.once((self, entry.name), make)

    def _last_gradient(self, session: Session) -> torch.Tensor | None:
        ones = torch.ones(self.SHAPE)
        size = ones.numel() * ones.element_size()
        reply, tensors = session.request({"do": "drop"}, [ones], reply_bytes=size)
        return (
            tensors[0] if reply.get("parts") == [str(Part(Role.GRADIENT, 0))] and tensors else None
        )
