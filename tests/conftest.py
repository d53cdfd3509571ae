"""What several test modules share: the shipped project, a sandbox, plans made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from harness import sandbox
from harness.grading.plan import Plan
from harness.read import scenarios
from harness.read.scenarios import Library

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def library() -> Library:
    """The shipped scenarios."""
    return scenarios.load(ROOT / "scenarios")


@pytest.fixture(scope="session")
def zygote() -> Iterator[sandbox.Zygote]:
    """A running sandbox of the strongest tier there is."""
    with sandbox.Zygote(sandbox.choose()) as running:
        yield running


@pytest.fixture(scope="session")
def address(zygote: sandbox.Zygote) -> str:
    """Where that sandbox listens."""
    return zygote.address


@pytest.fixture(scope="session")
def plan(library: Library) -> Callable[..., Plan]:
    """``plan(scenario_id, seed=1)``, made once per scenario and seed."""
    made: dict[tuple[str, int], Plan] = {}

    def of(scenario_id: str, seed: int = 1) -> Plan:
        if (scenario_id, seed) not in made:
            made[scenario_id, seed] = Plan(library.scenario(scenario_id), seed)
        return made[scenario_id, seed]

    return of
