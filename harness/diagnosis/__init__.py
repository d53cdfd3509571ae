"""Says what is wrong, not only that something is: one sentence, in the author's terms.

All trials of all comparing checks of an entry point are looked at together. For
each quantity that is wrong somewhere (the result, the gradient of x, …) it is
asked *what* came instead (``effect``) and *where* (``condition``). The first
explanation that agrees with every failing trial is given; where none does,
nothing is said.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch

from harness.checks.context import Bench, Trial
from harness.diagnosis import effect, raised
from harness.diagnosis.condition import AskedCall, region, sees_all, separates
from harness.diagnosis.sample import ExactValues, Sample, samples_of
from harness.model import Finding, Outcome, Quantity, QuantityKind
from harness.numerics.expectation import RESULT
from harness.numerics.oracles import OracleError
from harness.numerics.question import Answer, Question

__all__ = ["CheckResult", "EntryPointAnswers"]

# More failing trials than this say the same again.
MOST_FAILING = 40
# The kind of the check that differentiates numerically.
GRADCHECK = "gradcheck"
# An error this small next to the right value is a loss of precision.
SLIGHT = 1e-3
# Effects that are looked at before the first one is taken, for want of one without a doubt.
MOST_TRIED = 6


@dataclass(frozen=True)
class CheckResult:
    """One check's finding, with the trials and answers that it rests on."""

    finding: Finding
    trials: tuple[Trial, ...]
    answers: Sequence[Answer]

    @property
    def check(self) -> str:
        """Kind of the check."""
        return self.finding.check

    @property
    def failed(self) -> bool:
        return self.finding.outcome is Outcome.FAILED

    @property
    def pairs(self) -> Iterator[tuple[Trial, Answer]]:
        """Every trial with its answer."""
        return zip(self.trials, self.answers, strict=True)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Every quantity of every trial that was answered with tensors."""
        return tuple(
            sample
            for trial, answer in self.pairs
            if says_something(answer)
            for sample in samples_of(self.check, trial, answer)
        )


@dataclass
class EntryPointAnswers:
    """Everything that one submission answered about one entry point."""

    bench: Bench
    results: Sequence[CheckResult]
    samples: dict[Quantity, list[Sample]] = field(init=False, default_factory=dict)
    _said: dict[Quantity, str | None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.exact = ExactValues(self.bench)
        for result in self.results:
            for sample in result.samples:
                # What its own check has let pass speaks against nothing.
                if result.failed or sample.right:
                    self.samples.setdefault(sample.quantity, []).append(sample)

    def diagnosis(self, about: CheckResult) -> str | None:
        """Why ``about`` failed, in one sentence; ``None`` where the answers do not say."""
        wrong = smallest_wrong(about)
        if wrong is None:
            return self._of_stock(about)
        trial, answer = wrong
        if answer.error is not None:
            return self._of_errors(about, answer)
        if not says_something(answer):
            return None
        for sample in samples_of(about.check, trial, answer):
            if not sample.right:
                return self._of_accumulated(sample.quantity) or self.of_quantity(
                    sample.quantity, about.check
                )
        return None

    def _of_accumulated(self, accumulated: Quantity) -> str | None:
        """What is in ``.grad`` is wrong where the gradient is; else ``.backward()`` alone is."""
        kind = _GRADIENTS.get(accumulated.kind)
        if kind is None:
            return None
        gradient = Quantity(kind, accumulated.argument)
        samples = self.samples.get(gradient, [])
        if any(not sample.right for sample in samples):
            return self.of_quantity(gradient, "")
        if not samples:
            return None
        words = str(accumulated)
        return (
            f"{words[:1].upper()}{words[1:]} is wrong, though what torch.autograd.grad gives is "
            "right: something depends on .grad or on earlier calls, or changes what reaches .grad."
        )

    def of_quantity(self, quantity: Quantity, check: str) -> str | None:
        """What is wrong with one quantity, in all trials or else in those of ``check``."""
        said = self._of_all(quantity)
        if said is None:
            # Two faults at once may each be plain in trials of their own.
            some = [s for s in self.samples[quantity] if s.check == check or s.right]
            rest = [s for s in self.samples[quantity] if s.check != check and not s.right]
            said = self._explain(quantity, some, rest)
        damage = self._of_known_damage(quantity)
        overwritten = quantity.kind is QuantityKind.INPUT_AFTER_CALL
        if damage is not None and damage != said and not overwritten:
            # First the cause, then what it does to this quantity.
            return damage if said is None else f"{damage} {said}"
        return said

    def _of_known_damage(self, quantity: Quantity | None = None) -> str | None:
        """A value that is overwritten makes all that follows from it wrong."""
        for other, samples in self.samples.items():
            if other.is_kept and other != quantity and any(not s.right for s in samples):
                return self._of_all(other)
        return None

    def _of_all(self, quantity: Quantity) -> str | None:
        """What is wrong with one quantity in all trials; many checks fail of one cause."""
        if quantity not in self._said:
            self._said[quantity] = self._explain(quantity, self.samples[quantity])
        return self._said[quantity]

    def _of_stock(self, about: CheckResult) -> str | None:
        """gradcheck objects to what the comparing checks have seen too."""
        for answer in about.answers:
            if answer.error is not None:
                known = raised.meaning(answer.error_text(), about.trials[0].question.case.entry)
                return None if known is None else f"{known}."
        wrong = [q for q, samples in self.samples.items() if any(not s.right for s in samples)]
        told = [q for q in wrong if q.is_gradient] + [q for q in wrong if q == RESULT]
        if about.check == "gradgradcheck":
            told = [q for q in wrong if q.is_second_derivative] + told
        return self.of_quantity(told[0], "") if told else None

    def _of_errors(self, about: CheckResult, answer: Answer) -> str | None:
        damage = self._of_known_damage()
        if damage is not None:
            return damage
        error = answer.error_text()
        known = raised.meaning(error, about.trials[0].question.case.entry)
        if raised.is_of_two_dtypes(error) and self._is_wrong(RESULT):
            return None  # what meets may come from another call, as the wrong values may
        asks = {t.question.ask for t, a in about.pairs if a.error is not None}
        failing: list[AskedCall] = []
        passing: list[AskedCall] = []
        for result in self.results:
            for trial, other in result.pairs:
                if trial.question.ask in asks or result is about:
                    group = passing if other.error is None else failing
                    group.append(AskedCall(trial.question))
        where = separates(failing, passing)
        if known is None:
            return None if where is None else f"It raises only {where}."
        return f"{known}." if where is None else f"{known}; this happens only {where}."

    def _is_wrong(self, quantity: Quantity) -> bool:
        return any(not sample.right for sample in self.samples.get(quantity, ()))

    # ----------------------------------------------------------------------

    def _explain(
        self, quantity: Quantity, samples: Sequence[Sample], rest: Sequence[Sample] = ()
    ) -> str | None:
        """What is wrong in ``samples``; ``rest`` are wrong too, and speak against conditions."""
        failing = sorted((s for s in samples if not s.right), key=_telling_first)
        if not failing:
            return None
        calls = [AskedCall(s.question, s.moment) for s in rest] + self._stock_calls(quantity)
        wrong = _Wrong(quantity, failing, [s for s in samples if s.right], samples, calls)
        # A tensor overwritten by the caller is the cause of what is wrong only then.
        if all(call.question.overwrite for call in wrong.calls):
            where = wrong.where()
            if where is not None:
                return (
                    f"{wrong.subject} is wrong, without an error, {where}: what "
                    "backward needs is kept in another way than by save_for_backward."
                )
        match quantity.kind:
            case QuantityKind.INPUT_AFTER_CALL:
                return self._of_damage(wrong)
            case QuantityKind.COTANGENT_AFTER_BACKWARD | QuantityKind.BRANCH_GRADIENT:
                return _OF_DAMAGED_COTANGENT
            case QuantityKind.AROUND_INPUT | QuantityKind.AROUND_COTANGENT:
                return _OF_DAMAGE_BESIDE
            case QuantityKind.RANDOM_NUMBER:
                return _OF_MOVED_GENERATOR
        return (
            _missing(wrong)
            or _misshapen(wrong)
            or _not_finite(wrong)
            or self._of_state(wrong)
            or self._of_values(wrong)
            or _slightly_off(wrong)
            or _somewhere(wrong)
        )

    def _stock_calls(self, quantity: Quantity) -> list[AskedCall]:
        """What gradcheck found wrong with gradients, without saying where."""
        return [
            AskedCall(trial.question)
            for result in self.results
            if result.failed and (result.check, True) == (GRADCHECK, quantity.is_gradient)
            for trial, answer in result.pairs
            if answer.error is None
        ]

    def _of_state(self, wrong: _Wrong) -> str | None:
        # Only calls of one size can be told to stand in for each other.
        alike = [s for s in wrong.failing if _calls_alike(s)]
        if (
            alike
            and all(s in alike or s.calls for s in wrong.failing)
            and all(self._from_another_call(s) for s in alike)
        ):
            return wrong.sentence(
                "of one call is computed from what another call saved",
                "values are kept outside ctx and the last call overwrites them",
            )
        return None

    def _from_another_call(self, sample: Sample) -> bool:
        if not sample.comparable:
            return False
        for call in _calls_alike(sample):
            try:
                if sample.quantity == RESULT:
                    other: torch.Tensor | None = self.exact.value(call.case)
                elif sample.argument is None or sample.cotangent is None:
                    return False
                else:
                    other = self.exact.vjp(call.case, sample.cotangent, sample.argument)
            except OracleError:
                continue  # the shapes of the two calls do not go together
            if sample.explained_by(other):
                return True
        return False

    def _of_values(self, wrong: _Wrong) -> str | None:
        failing = wrong.failing
        comparable = [s for s in failing if s.comparable]
        if len(comparable) < len(failing):
            # Where None counts as zero, a missing one is zero too.
            if not all(s.comparable or s.got is None for s in failing) or not comparable:
                return None
            if all(not s.wide.any() for s in comparable):
                return wrong.sentence("is zero or missing")
            return None
        few = failing[:: math.ceil(len(failing) / MOST_FAILING)]
        unsure = None
        for found in itertools.islice(effect.find(few, self.exact), MOST_TRIED):
            telling = [s for s in wrong.passing if _would_show(found, s)]
            if not telling or wrong.where(telling) is not None:
                hint = found.hint
                if found.is_zero and wrong.quantity.is_second_derivative:
                    hint = _CONSTANT_BACKWARD
                everywhere = " everywhere" if found.changes_the_right_one and not telling else ""
                return wrong.sentence(f"{found.words}{everywhere}", hint, telling)
            if not sees_all(failing, telling) or not _answered_otherwise(wrong.samples):
                continue
            unsure = unsure or (
                f"{wrong.subject} {found.words}, but only in {len(failing)} of "
                f"{len(failing) + len(telling)} calls that would show it, and the inputs do not "
                "tell which: something is kept from call to call, or random."
            )
        return self._of_region(wrong, few) or unsure

    def _of_region(self, wrong: _Wrong, failing: Sequence[Sample]) -> str | None:
        place = region(wrong.samples)
        if place is None:
            return None
        within = [
            s if (mask := place.mask(s)) is None else replace(s, mask=mask & s.wrong)
            for s in failing
        ]
        found = next(effect.find(within, self.exact), None)
        words = "is wrong" if found is None else found.words
        hint = f": {found.hint}" if found is not None and found.hint else ""
        return f"{wrong.subject} {words} {place.words}, and right elsewhere{hint}."

    def _of_damage(self, wrong: _Wrong) -> str:
        comparable = [s for s in wrong.failing if s.comparable]
        found = next(effect.find(comparable, self.exact), None)
        becomes = ""
        if found is not None and found.factor:
            becomes = f"; afterwards it is {found.factor} times what it was"
        where = wrong.where()
        only = f", but only {where}" if where else ""
        return f"The call overwrites its input {wrong.quantity.argument}{becomes}{only}."


@dataclass(frozen=True)
class _Wrong:
    """A quantity with its failing samples, those that tell most first, and all others."""

    quantity: Quantity
    failing: Sequence[Sample]
    passing: Sequence[Sample]
    # Both.
    samples: Sequence[Sample]
    # Other calls in which it is wrong, perhaps in another way: a condition holds for them as well.
    rest: Sequence[AskedCall] = ()

    @property
    def subject(self) -> str:
        """The quantity's words, to begin a sentence with."""
        words = str(self.quantity)
        return words[:1].upper() + words[1:]

    @property
    def calls(self) -> list[AskedCall]:
        """Every call in which it is known to be wrong."""
        return [*(AskedCall(s.question, s.moment) for s in self.failing), *self.rest]

    def where(self, passing: Sequence[Sample] | None = None) -> str | None:
        """What tells the failing samples from ``passing``, which are all where it is ``None``."""
        passing = self.passing if passing is None else passing
        return separates(self.calls, [AskedCall(s.question, s.moment) for s in passing])

    def sentence(self, words: str, hint: str = "", passing: Sequence[Sample] | None = None) -> str:
        """That the quantity ``words``, with where that is so."""
        where = self.where(passing)
        only = f", but only {where}" if where else ""
        return f"{self.subject} {words}{only}{f': {hint}' if hint else ''}."


def _missing(wrong: _Wrong) -> str | None:
    # In stacks of many calls a missing gradient counts as zero.
    stacked = [s for s in wrong.failing if s.question.count > 1 and s.comparable]
    if not all(s.got is None or (s in stacked and not s.wide.any()) for s in wrong.failing):
        return None
    if len(stacked) == len(wrong.failing):
        return None
    telling = _telling(wrong.passing)
    if wrong.quantity.is_second_derivative:
        return wrong.sentence("is missing", _CONSTANT_BACKWARD, telling)
    return wrong.sentence("is missing (None)", "", telling)


def _misshapen(wrong: _Wrong) -> str | None:
    pairs = [(s.got, s.expected) for s in wrong.failing if s.got is not None]
    if len(pairs) < len(wrong.failing):
        return None
    if all(got.shape != expected.low.shape for got, expected in pairs):
        return wrong.sentence("has the wrong shape")
    if all(got.dtype != expected.dtype for got, expected in pairs):
        names = sorted({str(got.dtype).removeprefix("torch.") for got, _ in pairs})
        return wrong.sentence(f"is {', '.join(names)}", "it does not keep the dtype of the input")
    return None


def _not_finite(wrong: _Wrong) -> str | None:
    failing = wrong.failing
    if not all(s.comparable and not s.wide[s.wrong].isfinite().any() for s in failing):
        return None
    is_nan = all(bool(s.wide[s.wrong].isnan().all()) for s in failing)
    words = f"is {'NaN' if is_nan else 'infinite or NaN'}"
    place = region(wrong.samples)
    return wrong.sentence(words) if place is None else f"{wrong.subject} {words} {place.words}."


def _slightly_off(wrong: _Wrong) -> str | None:
    worst = 0.0
    for s in wrong.failing:
        if not s.comparable or not s.wide.isfinite().all():
            return None
        if not s.exact.numel():
            return None  # wrong by its dtype or shape alone
        size = float(s.exact.abs().max())
        worst = max(worst, float((s.wide - s.exact).abs().max()) / (size + 1e-300))
    if worst > SLIGHT:
        return None
    return wrong.sentence(
        f"is slightly off, by up to {worst:.1g} of its size",
        "precision is lost, an approximation is used, or noise is added",
    )


def _somewhere(wrong: _Wrong) -> str | None:
    where = wrong.where(_telling(wrong.passing))
    return None if where is None else f"{wrong.subject} is wrong only {where}."


_OF_DAMAGED_COTANGENT = (
    "backward overwrites the incoming gradient, which other branches of the graph share."
)
_OF_DAMAGE_BESIDE = (
    "Given a view, the call writes to memory of the larger tensor that is not in the view."
)
_OF_MOVED_GENERATOR = (
    "Random numbers are drawn or the generator is seeded beside what a plain run does: the next "
    "random number is another one."
)
_GRADIENTS = {
    QuantityKind.ACCUMULATED: QuantityKind.GRADIENT,
    QuantityKind.ACCUMULATED_PARAMETER: QuantityKind.PARAMETER_GRADIENT,
}
_CONSTANT_BACKWARD = (
    "backward treats what it uses as constants (detached, or computed outside the graph)"
)


def smallest_wrong(about: CheckResult) -> tuple[Trial, Answer] | None:
    """The failing trial that a check reports: the one with fewest numbers."""
    wrong = [
        (trial.question.case.elements, index)
        for index, (trial, answer) in enumerate(about.pairs)
        if not trial.is_right(answer) and (trial.expected or answer.error is None)
    ]
    if not wrong:
        return None
    _, index = min(wrong)
    return about.trials[index], about.answers[index]


def says_something(answer: Answer) -> bool:
    """Whether tensors came, rather than an error or another type."""
    return answer.error is None and "value" not in answer.facts


def _would_show(found: effect.Deviation, sample: Sample) -> bool:
    """Whether a passing trial speaks against ``found`` being so everywhere."""
    if not sample.comparable or not sample.exact.numel():
        return False
    predicted = found.predict(sample)
    if predicted is None or predicted.shape != sample.exact.shape:
        return False
    return bool(((predicted - sample.exact).abs() > 4 * sample.expected.allowed).any())


def _answered_otherwise(samples: Sequence[Sample]) -> bool:
    """Whether one and the same call was made again and then gave what is right, or wrong."""
    verdicts: dict[object, bool] = {}
    for sample in samples:
        question = sample.question
        if question.count > 1 and sample.comparable and sample.wrong.dim():
            wrong = sample.wrong.flatten(1).any(1) if sample.wrong.dim() > 1 else sample.wrong
            if bool(wrong.any()) and not bool(wrong.all()):
                return True
        values = [*sample.case.values, sample.cotangent]
        asked = (question.ask, question.inner, question.seed, *sorted(question.layouts.items()))
        key = (asked, question.create_graph, *map(_comparable, values))
        if verdicts.setdefault(key, sample.right) != sample.right:
            return True
    return False


def _comparable(value: object) -> object:
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, tuple(value.double().reshape(-1).tolist())
    return repr(value)


def _calls_alike(sample: Sample) -> list[Question]:
    """The other calls of the same sequence whose tensors have the same shapes."""

    def shapes(question: Question) -> list[torch.Size]:
        return [tensor.shape for tensor in question.case.tensors.values()]

    mine = shapes(sample.question)
    return [c for c in sample.calls if c is not sample.question and shapes(c) == mine]


def _telling_first(sample: Sample) -> tuple[bool, int]:
    """Effects are refuted soonest by a float64 case of a dozen elements."""
    return sample.expected.dtype != torch.float64, abs(sample.exact.numel() - 12)


def _telling(passing: Sequence[Sample]) -> list[Sample]:
    """Those in which a fault could have shown."""
    return [s for s in passing if bool((s.exact != 0).any())]
