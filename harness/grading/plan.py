"""Everything that is asked of each submission of one scenario."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from harness import checks, flags
from harness.checks.compare import tried
from harness.checks.context import Bench, Check, InteractiveCheck, PlannedCheck, Trial
from harness.checks.library import LibraryCalled
from harness.checks.plain import Deterministic, PlainCheck
from harness.checks.scales import Scales
from harness.checks.sequence import Sequence as SequenceCheck
from harness.errors import ScenarioError
from harness.model import EntryPoint, Scenario
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
                about = f"{spec.where}: check {spec.kind!r} of entry point {entry.name!r}"
                trials = self._trials(check, entry, about)
                step = PlannedCheck(check, entry, spec.required, trials, about)
                step.check_judged(by_least=True)
                self.steps.append(step)

    def _trials(
        self, check: Check | InteractiveCheck, entry: EntryPoint, about: str
    ) -> tuple[Trial, ...]:
        with said_of(about):
            if isinstance(check, LibraryCalled):
                check.check_module(self.bench, entry)
            if isinstance(check, PlainCheck | Deterministic | SequenceCheck | Scales):
                check.prepare(self.bench, entry)
            if isinstance(check, InteractiveCheck):
                return ()
            return check.trials(self.bench, entry)

    def check_judged(self) -> None:
        """Raise ``ScenarioError`` for a check that judges nothing once rounding is known."""
        for step in self.steps:
            with said_of(step.where):
                step.check_judged()

    def _check_oracle(self, entry: EntryPoint) -> None:
        """Raise where the oracle cannot be used at all; checks of plain values do so themselves."""
        if entry.is_plain:
            return
        about = f"{self.scenario.path}: entry point {entry.name!r}"
        with said_of(about):
            case, first = tried(self.bench, entry)
            second = self.bench.reference(case).value().detach()
        if not torch.equal(first.nan_to_num(), second.nan_to_num()):
            raise ScenarioError(
                f"{about}: the oracle gives another result when it is called again with the same "
                "arguments, expected the same; let it draw no random numbers and keep no state"
            )


@contextmanager
def said_of(about: str) -> Iterator[None]:
    """Raise what an oracle cannot do as ``ScenarioError`` that says where it was needed."""
    try:
        yield
    except OracleError as error:
        raise ScenarioError(f"{about}: {error}") from error
