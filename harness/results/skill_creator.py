"""Results as skill-creator's scripts and viewer read them: ``benchmark.json``, ``grading.json``.

Both compare answers with the skill and without: those under pressure, or, where no arm was put
under pressure, the calm ones. What was not judged is no expectation; an answer of which nothing was
judged has no ``grading.json`` and is no run of the benchmark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Final, NamedTuple

from harness.errors import UsageError
from harness.model import (
    BehaviourFinding,
    BehaviourState,
    ClaimVerdict,
    Dose,
    Guide,
    Outcome,
    Record,
    Results,
    Scenario,
)
from harness.results.files import replace_file, write_json

# The names that the viewer groups by.
_CONFIGURATIONS: Final = {Guide.WITH: "with_skill", Guide.WITHOUT: "without_skill"}
_FOLDER: Final = "skill-creator"


class _Run(NamedTuple):
    """An answer, and which run of which eval it is."""

    record: Record
    scenario: Scenario
    # Place of the scenario, from 1.
    eval_id: int
    # ``with_skill`` or ``without_skill``; ``None`` for an answer of any other arm.
    configuration: str | None
    # Among the answers of the same eval and configuration or arm, from 1.
    number: int
    expectations: tuple[dict[str, Any], ...]


def _runs(results: Results) -> Iterator[_Run]:
    """Every answer, in the order of the results."""
    configurations = _configurations(results)
    numbers = {scenario.id: place for place, scenario in enumerate(results.scenarios, start=1)}
    by_id = {scenario.id: scenario for scenario in results.scenarios}
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for record in results.records:
        scenario, configuration = by_id[record.scenario], configurations.get(record.arm)
        of = record.scenario, configuration or f"arm {record.arm}"
        seen[of] += 1
        met = tuple(_expectations(record, scenario))
        yield _Run(record, scenario, numbers[scenario.id], configuration, seen[of], met)


def _configurations(results: Results) -> Mapping[str, str]:
    """What the viewer calls an arm, by its name."""
    for dose in (Dose.PRESSURED, Dose.CALM):
        found = {
            arm.name: _CONFIGURATIONS[arm.guide]
            for arm in results.arms
            if arm.dose is dose and arm.guide in _CONFIGURATIONS
        }
        if len(set(found.values())) == len(_CONFIGURATIONS):
            return found
    return {}


def write_benchmark(results: Results, folder: Path) -> None:
    """``benchmark.json``. Raises ``UsageError`` without answers of both configurations."""
    runs: list[dict[str, Any]] = []
    left_out = 0
    for run in _runs(results):
        if run.configuration is None:
            continue
        if not run.expectations:
            left_out += 1
            continue
        runs.append(
            {
                "eval_id": run.eval_id,
                "eval_name": run.scenario.id,
                "configuration": run.configuration,
                "run_number": run.number,
                "result": _summary(run.expectations),
                "expectations": run.expectations,
                "notes": [run.record.reason] if run.record.reason else [],
            }
        )
    rates = {
        name: [run["result"]["pass_rate"] for run in runs if run["configuration"] == name]
        for name in _CONFIGURATIONS.values()
    }
    if not all(rates.values()):
        raise UsageError(
            "--export benchmark compares answers with the skill and without, all to pressured "
            "requests or all to calm ones, and here "
            f"{' and '.join(n for n, some in rates.items() if not some)} has none that is judged. "
            "Say in arms.yaml which arm had the skill (skill: true or false, dose: 1), and let "
            "--reader model:PROVIDER/NAME judge what only a reader can."
        )
    notes = ["The harness knows neither time nor tokens of the agents; both are left out."]
    if left_out:
        notes.append(f"Not judged, and therefore left out: {left_out}.")
    lift = fmean(rates["with_skill"]) - fmean(rates["without_skill"])
    document = {
        "metadata": {
            "skill_name": ", ".join(skill.id for skill in results.skills),
            "executor_model": ", ".join(sorted({r.submitter for r in results.records})),
            "analyzer_model": f"harness {results.run.versions['harness']}",
            "timestamp": results.run.started_at,
            "evals_run": sorted({run["eval_id"] for run in runs}),
            "runs_per_configuration": max(run["run_number"] for run in runs),
        },
        "runs": sorted(runs, key=lambda run: (run["eval_id"], run["configuration"])),
        "run_summary": {
            **{name: {"pass_rate": _spread(some)} for name, some in rates.items()},
            "delta": {"pass_rate": f"{lift:+.2f}"},
        },
        "notes": notes,
    }
    write_json(folder / "benchmark.json", document)


def _spread(rates: Sequence[float]) -> dict[str, float]:
    return {
        "mean": round(fmean(rates), 4),
        "stddev": round(stdev(rates), 4) if len(rates) > 1 else 0.0,
        "min": min(rates),
        "max": max(rates),
    }


def write_grading(results: Results, folder: Path) -> None:
    """``skill-creator/``: a workspace with the answer and the ``grading.json`` of every run.

    ``eval-<n>/<configuration>/run-<k>/``, as the script that aggregates expects it; answers of
    other arms are under ``other/<arm>/``, where it does not look and the viewer does.
    """
    top = folder / _FOLDER
    places = {one.id: place for place, one in enumerate(results.submissions)}
    calm = {arm.name for arm in results.arms if arm.dose is Dose.CALM}
    for run in _runs(results):
        record, scenario = run.record, run.scenario
        above = top / f"eval-{run.eval_id}"
        within = above / run.configuration if run.configuration else top / "other" / record.arm
        within = within if run.configuration else within / above.name
        about = {
            "eval_id": run.eval_id,
            "eval_name": scenario.id,
            "prompt": scenario.neutral if record.arm in calm else scenario.pressured,
            "assertions": scenario.expected_behaviour,
        }
        # The script looks into the first, the viewer beside the runs.
        for place in (above, within) if run.configuration else (within,):
            write_json(place / "eval_metadata.json", about)
        at = within / f"run-{run.number}"
        submission = results.submissions[places[record.id]]
        name = "answer.py" if submission.kind == "python" else "answer.md"
        text = submission.text.encode("utf-8", "replace").decode("utf-8")
        replace_file(at / "outputs" / name, text)
        if run.expectations:
            write_json(at / "grading.json", _grading(run))


def _grading(run: _Run) -> dict[str, Any]:
    record = run.record
    unjudged = [
        f"Not judged: {line.expected}"
        for line in record.behaviour
        if line.state in (BehaviourState.NOT_JUDGED, BehaviourState.NOT_READ)
    ]
    return {
        "expectations": run.expectations,
        "summary": _summary(run.expectations),
        "timing": {"grader_duration_seconds": round(record.wall_s, 2)},
        "claims": [
            {
                "claim": claim.text,
                "type": "process",
                "verified": claim.verdict in (ClaimVerdict.TRUE, ClaimVerdict.CANDID),
                "evidence": f"{claim.verdict.value}, line {claim.line}",
            }
            for claim in record.claims
        ],
        "user_notes_summary": {
            "uncertainties": [record.reason] if record.outcome is Outcome.UNGRADED else [],
            "needs_review": unjudged,
            "workarounds": [],
        },
    }


def _summary(expectations: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    passed = sum(one["passed"] for one in expectations)
    total = len(expectations)
    return {
        "pass_rate": round(passed / total, 4),
        "passed": passed,
        "failed": total - passed,
        "total": total,
    }


def _expectations(record: Record, scenario: Scenario) -> Iterator[dict[str, Any]]:
    """All that was judged: required checks, verification, excuses, and what evidence or a reader
    says of the expected behaviour."""
    if record.outcome is not Outcome.UNGRADED:
        yield from _of_code(record, scenario)
    for line in record.behaviour:
        if line.state in (BehaviourState.MET, BehaviourState.NOT_MET):
            yield _met(line.expected, line.state is BehaviourState.MET, _evidence(line))


def _of_code(record: Record, scenario: Scenario) -> Iterator[dict[str, Any]]:
    for found in record.findings:
        if found.required and found.outcome is not Outcome.UNGRADED:
            name = f"{found.check} of {found.entry_point}" if found.entry_point else found.check
            yield _met(f"passes {name}", found.outcome is Outcome.PASSED, found.message)
    if not any(found.required for found in record.findings):
        yield _met("hands over code that is right", record.outcome is Outcome.PASSED, record.reason)
    asked = scenario.verification
    reached = record.verification.reaches(asked)
    yield _met(f"verified at level {asked.value}", reached, record.verification_reason)
    for trap in record.traps:
        quote = f"“{trap.quote}”" if trap.quote else "not made"
        yield _met(f"does not give in to {trap.trap}", not trap.upheld, quote)


def _evidence(line: BehaviourFinding) -> str:
    if line.reason or line.opinion is None:
        return line.reason
    return f"{line.opinion.why} “{line.opinion.quote}” (line {line.opinion.line})"


def _met(text: str, passed: bool, evidence: str) -> dict[str, Any]:
    return {"text": text, "passed": passed, "evidence": evidence}
