"""The check that a provided library does the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch

from harness.checks.context import Bench, Judgement, Trial
from harness.errors import ScenarioError
from harness.model import EntryPoint, Quantity, QuantityKind
from harness.numerics.expectation import RESULT as OF_RESULT
from harness.numerics.expectation import Expected, gradient_parts
from harness.numerics.inputs import Case, Drawer, PlainValue
from harness.numerics.question import Cotangent, Question, put
from harness.sandbox.inside.part import RESULT
from harness.sandbox.session import Session


@dataclass(frozen=True)
class LibraryCalled:
    """The provided library does the work: when its constants change, so do the answers.

    Use it where a request provides a module that the answer is to call.
    """

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
        return entry.differentiable and entry.module is None

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

    def run_session(self, bench: Bench, entry: EntryPoint, session: Session) -> Judgement:
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
        given = [one.copy() if isinstance(one, PlainValue) else one for one in case.values]
        value = getattr(module, self.forward)(*given)
        cotangent = draw.normal(value.shape)
        expected = {RESULT: _near(OF_RESULT, value)}
        if self.vjp is not None:
            gradients = getattr(module, self.vjp)(*given, cotangent)
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
