"""Scenarios that recorded runs say nothing with: every arm holds in them, or none does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.model import Outcome, Results
from harness.results import read_results


@dataclass(frozen=True)
class ScenarioHistory:
    """What recorded runs tell of one scenario."""

    scenario: str
    # Graded submissions, and those of them that held.
    graded: int
    held: int
    # Arms that they are from.
    arms: tuple[str, ...]
    # Whether everything held, or nothing did: then no arm can be told from another.
    saturated: bool


def read_runs(paths: Sequence[Path]) -> list[Results]:
    """The results at ``paths``: files, folders that have one, or folders of such folders.

    Raises ``UsageError`` where there is none, and ``ResultsError`` for one that cannot be read.
    """
    files: dict[Path, None] = {}
    for path in paths:
        inside = [path / "results.json", *sorted(path.glob("*/results.json"))]
        found = [path] if path.is_file() else [one for one in inside if one.is_file()]
        if not found:
            raise UsageError(
                f"--runs {path}: found no results.json there or one folder below; give the folder "
                "of a run, such as reports/latest, or the folder of several"
            )
        # reports/latest is a link to one of the others.
        files |= dict.fromkeys(one.resolve() for one in found)
    return [read_results(one) for one in files]


def histories(runs: Iterable[Results]) -> tuple[ScenarioHistory, ...]:
    """Per scenario what all runs tell of it, over arms that are conditions where there are any."""
    held: dict[str, list[bool]] = defaultdict(list)
    arms: dict[str, dict[str, None]] = defaultdict(dict)
    for run in runs:
        conditions = {arm.name for arm in run.arms if arm.is_condition}
        known = {scenario.id for scenario in run.scenarios}
        for record in run.records:
            if conditions and record.arm not in conditions:
                continue
            if record.outcome in (Outcome.PASSED, Outcome.FAILED) and record.scenario in known:
                held[record.scenario].append(record.held is True)
                arms[record.scenario][record.arm] = None
    return tuple(
        ScenarioHistory(name, len(some), sum(some), tuple(arms[name]), len(set(some)) == 1)
        for name, some in held.items()
    )
