"""What a candidate's process answers is checked where it is read."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
import torch

from harness.numerics.question import put
from harness.sandbox.session import CandidateFault


class Said:
    """A session whose process answers one question with these facts."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def exchange(self, frames: Any) -> Any:
        for _ in frames:
            yield {"answers": [self.facts]}, []


@pytest.fixture
def question(plan: Any) -> Any:
    return next(iter(plan("learnable-swish").plain.values()))


@pytest.mark.parametrize(
    "facts",
    [
        {"wall_s": 1e308},
        {"wall_s": -1.0},
        {"wall_s": True},
        {"wall_s": "0.1"},
        {"wall_s": None},
        {"wall_s": [0.1]},
        {"alive": -1},
        {"alive": 1.5},
        {"alive": False},
        {"grown": 1 << 50},
        {"grown": {}},
    ],
    ids=json.dumps,
)
def test_a_number_that_no_honest_process_sends_is_the_submissions_fault(
    facts: dict[str, Any], question: Any
) -> None:
    with pytest.raises(CandidateFault, match=rf"the process sent {next(iter(facts))} = .*expected"):
        put(Said(facts), [question])  # type: ignore[arg-type]


def test_a_number_within_its_bounds_is_taken_and_a_missing_one_is_not(question: Any) -> None:
    (answer,) = put(Said({"wall_s": 0.25, "grown": -3}), [question])  # type: ignore[arg-type]
    assert answer.number("wall_s") == 0.25
    assert answer.number("grown") == -3
    with pytest.raises(CandidateFault, match="the process sent no alive"):
        answer.number("alive")


def test_options_of_a_gradcheck_that_are_not_finite_arrive_as_a_number() -> None:
    from harness.sandbox.inside import wire
    from harness.sandbox.inside.script import Watch
    from harness.sandbox.inside.spoiling import Spoiler
    from harness.sandbox.reply import tamed

    watch = Watch(Spoiler(), before=[])
    watched = watch._observed("gradcheck", torch.autograd.gradcheck)
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    for atol in (float("inf"), float("nan"), 10**400, 1e-6):
        with suppress(Exception):
            watched(torch.sin, (x,), atol=atol, raise_exception=False)
    reply, _ = wire.opened(wire.encode({"gradchecks": watch.seen}, []))
    told = [call["options"]["atol"] for call in tamed(reply)["gradchecks"]]
    assert told == [1e15, 1e15, 1e15, 1e-6]
