"""What a submission is read for: the functions that its request asks for."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model import Scenario


class Asked(tuple[str, ...]):
    """Names of a scenario's entry points, with the modules that its request provides."""

    provided: frozenset[str]

    def __new__(cls, names: Iterable[str], provided: Iterable[str]) -> Asked:
        """Names that are a tuple like any other, and modules that no file of the agent replaces."""
        made = super().__new__(cls, names)
        made.provided = frozenset(provided)
        return made

    @classmethod
    def of(cls, scenario: Scenario) -> Asked:
        """What ``scenario`` asks for."""
        return cls((entry.name for entry in scenario.entry_points), scenario.provided)
