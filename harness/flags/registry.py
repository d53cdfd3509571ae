"""Detectors that packages add, and what a line of ``skill.yaml`` makes of them.

A detector is a frozen dataclass whose fields are its keys in YAML:

    @dataclass(frozen=True)
    class Shouts:
        kind: ClassVar[str] = "shouts"
        times: int = 1

        def look(self, evidence: FlagEvidence) -> Sequence[Seen] | Unlooked: …
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Protocol

from harness import checks
from harness.checks.conformance import class_problems, method_problems
from harness.checks.registry import made, plugins
from harness.errors import ScenarioError, did_you_mean
from harness.flags.seen import FlagEvidence, Seen, Unlooked
from harness.model import CheckOutcome, Detector, PluginDetector, Scenario

# Where packages add detectors.
GROUP = "harness.flags"
ASKED = {"look": ("evidence",)}


class Look(Protocol):
    """A detector as a package has it."""

    def look(self, evidence: FlagEvidence) -> Sequence[Seen] | Unlooked:
        """The places that show the flag, or why it could not look."""


def check_detector(detector: object, name: str | None = None) -> None:
    """Raise ``TypeError`` that says everything that keeps a class from being a detector.

    ``name`` is the name of its entry point in the group ``harness.flags``, where it has one.
    """
    found = list(class_problems(detector, name))
    if isinstance(detector, type):
        for method, names in ASKED.items():
            found += method_problems(detector, method, names)
    if found:
        raise TypeError("; ".join(found))


@cache
def kinds() -> dict[str, type[Any]]:
    """Every detector of a package by name; raises ``ScenarioError`` for a broken or doubled one."""
    return plugins(GROUP, "detector", "a detector", (), check_detector)


def build(line: PluginDetector) -> Look:
    """The detector behind a line of YAML."""
    kind = kinds().get(line.detector)
    about = f"{line.where}: detector {line.detector!r}"
    if kind is None:
        known = ", ".join(sorted(kinds())) or "none, as no package that is installed adds one"
        raise ScenarioError(
            f"{about} is not known.{did_you_mean(line.detector, kinds())} Known detectors: {known}"
        )
    detector: Look = made(kind, line.options, about)
    return detector


def check_detectors(scenario: Scenario) -> None:
    """Raise ``ScenarioError`` where a red flag has a detector that nothing is known of."""
    for detector in _all(scenario):
        if isinstance(detector, PluginDetector):
            build(detector)
        elif isinstance(detector, CheckOutcome) and detector.check not in checks.kinds():
            raise ScenarioError(
                f"{detector.where}: check kind {detector.check!r} is not known."
                f"{did_you_mean(detector.check, checks.kinds())} "
                f"Known kinds: {', '.join(sorted(checks.kinds()))}"
            )


def _all(scenario: Scenario) -> Iterable[Detector]:
    return [detector for some in (scenario.flags or {}).values() for detector in some]
