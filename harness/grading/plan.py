"""Everything that is asked of each submission of one scenario."""

from __future__ import annotations

from dataclasses import replace

import torch

from harness import checks, oracles
from harness.checks.bench import Bench, Conversation, Step
from harness.model import Scenario
from harness.question import Cotangent, Question


class Plan:
    """Everything that is asked of each submission of one scenario; made once, used often."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.bench = Bench(scenario, oracles.load(scenario), seed)
        self.plain = {
            entry.name: Question("forward", case, grad=case.differentiable)
            for entry in scenario.entry_points
            if entry.differentiable
            for draw in [self.bench.drawer(entry, "plain")]
            for case in [draw.case(draw.small_size(), unit_range=True)]
        }
        self.plain_vjp = {
            name: replace(question, ask="vjp", cotangents=(Cotangent(ones),))
            for name, question in self.plain.items()
            for ones in [torch.ones_like(self.bench.reference(question.case).value()).detach()]
        }
        self.steps: list[Step] = []
        for spec in scenario.checks:
            check, entries = checks.build(spec, scenario)
            for entry in entries:
                trials = () if isinstance(check, Conversation) else check.trials(self.bench, entry)
                self.steps.append(Step(check, entry, spec.required, trials))
