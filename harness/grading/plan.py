"""Everything that is asked of each submission of one scenario."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from harness import checks, flags
from harness.checks.compare import tried
from harness.checks.context import Bench, Check, InteractiveCheck, PlannedCheck, Trial
from harness.checks.library import LibraryCalled
from harness.checks.plain import Deterministic, PlainCheck
from harness.checks.scales import Scales
from harness.checks.sequence import Sequence as SequenceCheck
from harness.errors import ScenarioError
from harness.model import CheckSpec, EntryPoint, Quantity, Scenario
from harness.numerics import oracles
from harness.numerics.oracles import OracleError
from harness.numerics.question import Question


class Plan:
    """Everything that is asked of each submission of one scenario; made once, used often."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.bench = Bench(scenario, oracles.load(scenario), seed)
        for entry in scenario.entry_points:
            self._check_oracle(entry)
        self.plain = {
            entry.name: Question("forward", case, grad=case.differentiable, graph=True)
            for entry in scenario.entry_points
            if entry.differentiable
            for draw in [self.bench.drawer(entry, "plain")]
            for case in [draw.case(draw.small_size(), unit_range=True)]
        }
        flags.check_detectors(scenario)
        self.steps: list[PlannedCheck] = []
        for spec in scenario.checks:
            check, entries = checks.build(spec, scenario)
            if not entries:
                raise ScenarioError(
                    f"{spec.where}: check {spec.kind!r} fits none of the entry points of "
                    f"{scenario.id}, expected at least one; drop it or state what it needs there"
                )
            for entry in entries:
                trials = self._trials(spec, check, entry)
                self.steps.append(PlannedCheck(check, entry, spec.required, trials))

    def _trials(
        self, spec: CheckSpec, check: Check | InteractiveCheck, entry: EntryPoint
    ) -> tuple[Trial, ...]:
        about = f"{spec.where}: check {spec.kind!r} of entry point {entry.name!r}"
        try:
            if isinstance(check, LibraryCalled):
                check.check_module(self.bench, entry)
            if isinstance(check, PlainCheck | Deterministic | SequenceCheck | Scales):
                check.prepare(self.bench, entry)
            if isinstance(check, InteractiveCheck):
                return ()
            trials = check.trials(self.bench, entry)
        except OracleError as error:
            raise ScenarioError(f"{about}: {error}") from error
        quantity = _never_judged(trials)
        if quantity is not None:
            raise ScenarioError(
                f"{about}: the oracle gives no finite number for {quantity} in any of "
                f"{len(trials)} cases, expected values to compare with; narrow the ranges of the "
                "arguments or mend the oracle"
            )
        return trials

    def _check_oracle(self, entry: EntryPoint) -> None:
        """Raise where the oracle cannot be used at all; checks of plain values do so themselves."""
        if entry.is_plain:
            return
        about = f"{self.scenario.path}: entry point {entry.name!r}"
        try:
            case, first = tried(self.bench, entry)
            second = self.bench.reference(case).value().detach()
        except OracleError as error:
            raise ScenarioError(f"{about}: {error}") from error
        if not torch.equal(first.nan_to_num(), second.nan_to_num()):
            raise ScenarioError(
                f"{about}: the oracle gives another result when it is called again with the same "
                "arguments, expected the same; let it draw no random numbers and keep no state"
            )


def _never_judged(trials: Sequence[Trial]) -> Quantity | None:
    """What has elements in the trials, of which none can be judged."""
    judged: dict[Quantity, bool] = {}
    for trial in trials:
        for expected in trial.expected.values():
            if expected.low.numel() and not judged.get(expected.quantity):
                limits = (expected.low, expected.high, expected.allowed)
                finite = torch.stack([limit.isfinite() for limit in limits]).all(dim=0)
                judged[expected.quantity] = bool(finite.any())
    return next((quantity for quantity, any_ in judged.items() if not any_), None)
