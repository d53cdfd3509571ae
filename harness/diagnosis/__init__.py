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
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from harness.checks.context import Bench, Trial
from harness.diagnosis import condition, effect, raised
from harness.diagnosis.sample import Sample, Teacher, samples_of
from harness.model import Quantity, QuantityKind
from harness.numerics.expectation import RESULT
from harness.numerics.oracles import OracleError
from harness.numerics.question import Answer, Question

__all__ = ["Asked", "Evidence", "Sample"]

# More failing trials than this say the same again.
MOST_FAILING = 40
# An error this small next to the right value is a loss of precision.
SLIGHT = 1e-3
# Effects that are looked at before the first one is taken, for want of one without a doubt.
MOST_TRIED = 6


@dataclass(frozen=True)
class Asked:
    """What one check asked of one entry point, and what it heard."""

    check: str
    trials: tuple[Trial, ...]
    answers: Sequence[Answer]
    failed: bool


@dataclass
class Evidence:
    """Everything that one submission answered about one entry point."""

    bench: Bench
    asked: Sequence[Asked]
    samples: dict[Quantity, list[Sample]] = field(init=False, default_factory=dict)
    _said: dict[Quantity, str | None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.teacher = Teacher(self.bench)
        for one in self.asked:
            for trial, answer in zip(one.trials, one.answers, strict=True):
                if says_something(answer):
                    for sample in samples_of(one.check, trial, answer):
                        # What its own check has let pass speaks against nothing.
                        if one.failed or sample.right:
                            self.samples.setdefault(sample.quantity, []).append(sample)

    def diagnosis(self, about: Asked) -> str | None:
        """Why ``about`` failed, in one sentence; ``None`` where the evidence does not say."""
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
                return self.of_quantity(sample.quantity, about.check)
        return None

    def of_quantity(self, quantity: Quantity, check: str) -> str | None:
        """What is wrong with one quantity, in all trials or else in those of ``check``."""
        if quantity not in self._said:
            self._said[quantity] = self._explain(quantity, self.samples[quantity])
        said = self._said[quantity]
        if said is None:
            # Two faults at once may each be plain in trials of their own.
            some = [s for s in self.samples[quantity] if s.check == check or s.right]
            said = self._explain(quantity, some)
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
                return self._explain(other, samples)
        return None

    def _of_stock(self, about: Asked) -> str | None:
        """gradcheck objects to what the comparing checks have seen too."""
        for answer in about.answers:
            if answer.error is not None:
                return raised.meaning(answer.error_text(), about.trials[0].question.case.entry)
        first = (QuantityKind.GRADIENT, QuantityKind.PARAMETER_GRADIENT)
        kinds = [first, (QuantityKind.RESULT,)]
        if about.check == "gradgradcheck":
            kinds.insert(0, (QuantityKind.SECOND_DERIVATIVE, QuantityKind.COTANGENT_DERIVATIVE))
        for group in kinds:
            for quantity, samples in self.samples.items():
                if quantity.kind in group and any(not s.right for s in samples):
                    return self.of_quantity(quantity, "")
        return None

    def _of_errors(self, about: Asked, answer: Answer) -> str | None:
        damage = self._of_known_damage()
        if damage is not None:
            return damage
        error = answer.error_text()
        known = raised.meaning(error, about.trials[0].question.case.entry)
        asks = {t.question.ask for t, a in _pairs(about) if a.error is not None}
        failing: list[tuple[Question, str]] = []
        passing: list[tuple[Question, str]] = []
        for one in self.asked:
            for trial, other in _pairs(one):
                if trial.question.ask in asks or one is about:
                    group = passing if other.error is None else failing
                    group.append((trial.question, ""))
        where = condition.separates(failing, passing)
        if known is None:
            return None if where is None else f"It raises only {where}."
        return known if where is None else f"{known.removesuffix('.')}; this happens only {where}."

    # ----------------------------------------------------------------------

    def _explain(self, quantity: Quantity, samples: Sequence[Sample]) -> str | None:
        failing = sorted((s for s in samples if not s.right), key=_telling_first)
        if not failing:
            return None
        passing = [s for s in samples if s.right]
        subject = _subject(quantity)
        # A tensor overwritten by the caller is the cause of what is wrong only then.
        if all(s.question.overwrite for s in failing):
            where = _where(failing, passing)
            if where is not None:
                return (
                    f"{subject} is wrong, without an error, {where}: what "
                    "backward needs is kept in another way than by save_for_backward."
                )
        match quantity.kind:
            case QuantityKind.INPUT_AFTER_CALL:
                return self._of_damage(failing, passing)
            case QuantityKind.COTANGENT_AFTER_BACKWARD | QuantityKind.BRANCH_GRADIENT:
                return _OF_DAMAGED_COTANGENT
            case QuantityKind.RANDOM_NUMBER:
                return _OF_MOVED_GENERATOR
        return (
            self._missing(subject, failing, passing)
            or self._misshapen(subject, failing, passing)
            or self._not_finite(subject, failing, samples)
            or self._of_state(subject, failing, passing)
            or self._of_values(subject, failing, passing, samples)
            or self._not_steady(subject, samples)
            or self._slightly_off(subject, failing, passing)
            or _only(f"{subject} is wrong", _where(failing, _telling(passing)))
        )

    def _missing(
        self, subject: str, failing: Sequence[Sample], passing: Sequence[Sample]
    ) -> str | None:
        # In stacks of many calls a missing gradient counts as zero.
        stacked = [s for s in failing if s.question.count > 1 and s.comparable]
        if not all(s.got is None or (s in stacked and not s.wide.any()) for s in failing):
            return None
        if len(stacked) == len(failing):
            return None
        telling = _telling(passing)
        if failing[0].quantity.kind in _SECOND:
            return _sentence(f"{subject} is missing", _where(failing, telling), _CONSTANT_BACKWARD)
        return _sentence(f"{subject} is missing (None)", _where(failing, telling), "")

    def _misshapen(
        self, subject: str, failing: Sequence[Sample], passing: Sequence[Sample]
    ) -> str | None:
        got = [s.got for s in failing]
        if all(
            g is not None and g.shape != s.exact.shape for g, s in zip(got, failing, strict=True)
        ):
            hint = ""
            if all(
                g is not None and g.dim() > 1 and g.mT.shape == s.exact.shape
                for g, s in zip(got, failing, strict=True)
            ):
                hint = "it is transposed"
            elif all(
                g is not None and g.dim() < s.exact.dim() for g, s in zip(got, failing, strict=True)
            ):
                hint = "a dimension is summed away or dropped"
            elif all(
                g is not None and g.dim() > s.exact.dim() for g, s in zip(got, failing, strict=True)
            ):
                hint = "it is not summed over the dimensions that were broadcast"
            return _sentence(f"{subject} has the wrong shape", _where(failing, passing), hint)
        dtypes = {g.dtype for g in got if g is not None}
        if all(
            g is not None and g.dtype != s.expected.dtype for g, s in zip(got, failing, strict=True)
        ):
            name = ", ".join(sorted(str(d).removeprefix("torch.") for d in dtypes))
            where = _where(failing, passing)
            return _sentence(
                f"{subject} is {name}", where, "it does not keep the dtype of the input"
            )
        return None

    def _not_finite(
        self, subject: str, failing: Sequence[Sample], samples: Sequence[Sample]
    ) -> str | None:
        if not all(s.comparable and not s.wide[s.wrong].isfinite().any() for s in failing):
            return None
        is_nan = all(bool(s.wide[s.wrong].isnan().all()) for s in failing)
        words = f"{subject} is {'NaN' if is_nan else 'infinite or NaN'}"
        place = condition.region(samples)
        if place is not None:
            return f"{words} {place.words}."
        return _sentence(words, _where(failing, [s for s in samples if s.right]), "")

    def _of_state(
        self, subject: str, failing: Sequence[Sample], passing: Sequence[Sample]
    ) -> str | None:
        # Only calls of one size can be told to stand in for each other.
        alike = [s for s in failing if _calls_alike(s)]
        if (
            alike
            and all(s in alike or s.calls for s in failing)
            and all(self._from_another_call(s) for s in alike)
        ):
            return _sentence(
                f"{subject} of one call is computed from what another call saved",
                _where(failing, passing),
                "values are kept outside ctx and the last call overwrites them",
            )
        others = [s for s in (*failing, *passing) if s.comparable]
        if len(failing) > 1 and all(
            s.comparable
            and s.exact.numel() > 1
            and any(
                o.exact.shape == s.exact.shape
                and o.expected.dtype == s.expected.dtype
                and s.explained_by(o.exact, None)
                for o in others
                if o is not s
            )
            for s in failing
        ):
            return _sentence(
                f"{subject} is that of another call", _where(failing, passing), "state is kept"
            )
        return None

    def _from_another_call(self, sample: Sample) -> bool:
        if not sample.comparable:
            return False
        for call in _calls_alike(sample):
            try:
                if sample.quantity == RESULT:
                    other: torch.Tensor | None = self.teacher.value(call.case)
                elif sample.argument is None or sample.cotangent is None:
                    return False
                else:
                    other = self.teacher.vjp(call.case, sample.cotangent, sample.argument)
            except OracleError:
                continue  # the shapes of the two calls do not go together
            if sample.explained_by(other, None):
                return True
        return False

    def _of_values(
        self,
        subject: str,
        failing: Sequence[Sample],
        passing: Sequence[Sample],
        samples: Sequence[Sample],
    ) -> str | None:
        comparable = [s for s in failing if s.comparable]
        if len(comparable) < len(failing):
            # Where None counts as zero, a missing one is zero too.
            if not all(s.comparable or s.got is None for s in failing) or not comparable:
                return None
            if all(not s.wide.any() for s in comparable):
                return _sentence(f"{subject} is zero or missing", _where(failing, passing), "")
            return None
        few = failing[:: math.ceil(len(failing) / MOST_FAILING)]
        unsure = None
        for found in itertools.islice(
            effect.find(few, [None] * len(few), self.teacher), MOST_TRIED
        ):
            telling = [s for s in passing if self._would_show(found, s)]
            where = _where(failing, telling)
            words, hint = found.words, found.hint
            second = failing[0].quantity.kind in _SECOND
            if found.is_zero and second:
                hint = _CONSTANT_BACKWARD
            if not telling or where is not None:
                everywhere = not telling and found.changes_the_right_one
                return _sentence(f"{subject} {words}{' everywhere' * everywhere}", where, hint)
            unsure = unsure or (
                f"{subject} {words}, but only in {len(failing)} of {len(failing) + len(telling)} "
                "calls that would show it, and the inputs do not tell which: something is kept "
                "from call to call, or random."
            )
        if unsure is not None:
            return unsure
        place = condition.region(samples)
        if place is None:
            return None
        masks = [None if (m := place.mask(s)) is None else m & s.wrong for s in few]
        within = next(effect.find(few, masks, self.teacher), None)
        if within is None:
            return f"{subject} is wrong {place.words}, and right elsewhere."
        return _sentence(
            f"{subject} {within.words} {place.words}, and right elsewhere", None, within.hint
        )

    def _would_show(self, found: effect.Effect, sample: Sample) -> bool:
        """Whether a passing trial speaks against ``found`` being so everywhere."""
        if not sample.comparable or not sample.exact.numel():
            return False
        predicted = found.predict(sample)
        if predicted is None or predicted.shape != sample.exact.shape:
            return False
        return bool(((predicted - sample.exact).abs() > 4 * sample.expected.allowed).any())

    def _not_steady(self, subject: str, samples: Sequence[Sample]) -> str | None:
        """The same question twice, and two answers."""
        seen: dict[object, torch.Tensor] = {}
        for s in samples:
            if not s.comparable or s.question.others or s.question.seed:
                continue
            asked = s.cotangent if s.quantity != RESULT else None
            key = (
                id(s.case),
                s.question.ask,
                None if asked is None else tuple(asked.reshape(-1).tolist()[:50]),
            )
            before = seen.get(key, s.wide)
            if not torch.allclose(before, s.wide, rtol=0, atol=0, equal_nan=True):
                return (
                    f"{subject} differs between two identical calls: something is random, "
                    "or kept from one call to the next."
                )
            seen[key] = s.wide
        return None

    def _slightly_off(
        self, subject: str, failing: Sequence[Sample], passing: Sequence[Sample]
    ) -> str | None:
        worst = 0.0
        for s in failing:
            if not s.comparable or not s.wide.isfinite().all():
                return None
            if not s.exact.numel():
                return None  # wrong by its dtype or shape alone
            size = float(s.exact.abs().max())
            worst = max(worst, float((s.wide - s.exact).abs().max()) / (size + 1e-300))
        if worst > SLIGHT:
            return None
        return _sentence(
            f"{subject} is slightly off, by up to {worst:.1g} of its size",
            _where(failing, passing),
            "precision is lost, an approximation is used, or noise is added",
        )

    def _of_damage(self, failing: Sequence[Sample], passing: Sequence[Sample]) -> str:
        comparable = [s for s in failing if s.comparable]
        found = next(effect.find(comparable, [None] * len(comparable), self.teacher), None)
        becomes = (
            f"; afterwards it is {found.factor} times what it was"
            if found is not None and found.factor
            else ""
        )
        return _sentence(
            f"The call overwrites its input {failing[0].quantity.argument}{becomes}",
            _where(failing, passing),
            "",
        )


_OF_DAMAGED_COTANGENT = (
    "backward overwrites the incoming gradient, which other branches of the graph share."
)
_OF_MOVED_GENERATOR = (
    "Random numbers are drawn or the generator is seeded beside what a plain run does: the next "
    "random number is another one."
)
_SECOND = (QuantityKind.SECOND_DERIVATIVE, QuantityKind.COTANGENT_DERIVATIVE)
_CONSTANT_BACKWARD = (
    "backward treats what it uses as constants (detached, or computed outside the graph)"
)


def smallest_wrong(about: Asked) -> tuple[Trial, Answer] | None:
    """The failing trial that a check reports: the one with fewest numbers."""
    wrong = [
        (sum(t.numel() for t in trial.question.case.tensors.values()), index)
        for index, (trial, answer) in enumerate(_pairs(about))
        if trial.mismatch(answer) is not None
        and (trial.expected or answer.error is None)
        and not answer.facts.get("refused")
    ]
    if not wrong:
        return None
    _, index = min(wrong)
    return about.trials[index], about.answers[index]


def says_something(answer: Answer) -> bool:
    """Whether tensors came, rather than an error, another type or an honest refusal."""
    facts = answer.facts
    return answer.error is None and "value" not in facts and not facts.get("refused")


def _calls_alike(sample: Sample) -> list[Question]:
    """The other calls of the same sequence whose tensors have the same shapes."""

    def shapes(question: Question) -> list[torch.Size]:
        return [tensor.shape for tensor in question.case.tensors.values()]

    mine = shapes(sample.question)
    return [c for c in sample.calls if c is not sample.question and shapes(c) == mine]


def _pairs(asked: Asked) -> list[tuple[Trial, Answer]]:
    return list(zip(asked.trials, asked.answers, strict=True))


def _telling_first(sample: Sample) -> tuple[bool, int]:
    """Effects are refuted soonest by a float64 case of a dozen elements."""
    return sample.expected.dtype != torch.float64, abs(sample.exact.numel() - 12)


def _where(failing: Sequence[Sample], passing: Sequence[Sample]) -> str | None:
    return condition.separates(
        [(s.question, s.moment) for s in failing], [(s.question, s.moment) for s in passing]
    )


def _subject(quantity: Quantity) -> str:
    """Its words, to begin a sentence with."""
    words = str(quantity)
    return words[:1].upper() + words[1:]


def _telling(passing: Sequence[Sample]) -> list[Sample]:
    """Those in which a fault could have shown."""
    return [s for s in passing if bool((s.exact != 0).any())]


def _only(statement: str, where: str | None) -> str | None:
    return None if where is None else f"{statement} only {where}."


def _sentence(statement: str, where: str | None, hint: str) -> str:
    return "".join(
        [statement, f", but only {where}" if where else "", f": {hint}" if hint else "", "."]
    )
