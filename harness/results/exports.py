"""Results as files of other tools: CTRF, skill-creator's ``benchmark.json``, EvalPlus.

None of them knows a submission that could not be graded. CTRF calls it ``other``; the two others
have no place for it, so it is left out there and counted in the notes where there are any.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Final

from harness.errors import UsageError
from harness.model import Dose, Guide, Outcome, Record, Results, Scenario
from harness.results.files import replace_file
from harness.results.junit import broken
from harness.summary.numbers import pass_at_k

# Of the specification of CTRF.
_CTRF_VERSION: Final = "0.0.0"
_PASS_AT: Final = (1, 10, 100)
# The names that skill-creator's viewer groups by.
_CONFIGURATIONS: Final = {Guide.WITH: "with_skill", Guide.WITHOUT: "without_skill"}


def write_ctrf(results: Results, folder: Path) -> None:
    """``ctrf.json`` (Common Test Report Format): a test per submission, passed if it held."""
    asked = {scenario.id: scenario for scenario in results.scenarios}
    tests = [_ctrf_test(record, asked[record.scenario]) for record in results.records]
    begun = round(datetime.fromisoformat(results.run.started_at).timestamp() * 1000)
    statuses = [test["status"] for test in tests]
    kinds = ("passed", "failed", "skipped", "pending", "other")
    document = {
        "reportFormat": "CTRF",
        "specVersion": _CTRF_VERSION,
        "generatedBy": "harness",
        "results": {
            "tool": {"name": "harness", "version": results.run.versions["harness"]},
            "summary": {
                "tests": len(tests),
                **{kind: statuses.count(kind) for kind in kinds},
                "suites": len({tuple(test["suite"]) for test in tests}),
                "start": begun,
                "stop": begun + round(results.run.wall_s * 1000),
            },
            "tests": tests,
        },
    }
    _write(folder / "ctrf.json", document)


def _ctrf_test(record: Record, scenario: Scenario) -> dict[str, Any]:
    given = record.answers(scenario.verification)
    wrong = [] if given.held is None else list(broken(record, scenario.verification))
    test: dict[str, Any] = {
        "name": f"{record.scenario}/{record.sample}",
        "status": {True: "passed", False: "failed", None: "other"}[given.held],
        "duration": round(record.wall_s * 1000),
        "suite": [record.arm, record.submitter],
        "rawStatus": record.outcome.value,
        "filePath": record.path,
        "labels": {
            "scenario": record.scenario,
            "verification": record.verification.value,
            "broke": [kind for kind, _ in wrong] or "nothing",
        },
    }
    if given.held is not True:
        test["message"] = "; ".join(why for _, why in wrong) or record.reason
    return test


def write_benchmark(results: Results, folder: Path) -> None:
    """``benchmark.json`` of skill-creator: answers under pressure, with the skill and without.

    A run's expectations are the required checks, the verification asked for, and that no excuse
    is borne out; what was not judged is none of them. Raises ``UsageError`` without both arms.
    """
    guide_of = {arm.name: arm.guide for arm in results.arms if arm.dose is Dose.PRESSURED}
    numbers = {scenario.id: place for place, scenario in enumerate(results.scenarios, start=1)}
    by_id = {scenario.id: scenario for scenario in results.scenarios}
    runs: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], int] = defaultdict(int)
    left_out = 0
    for record in results.records:
        guide = guide_of.get(record.arm)
        configuration = None if guide is None else _CONFIGURATIONS.get(guide)
        if configuration is None:
            continue
        if record.outcome is Outcome.UNGRADED:
            left_out += 1
            continue
        seen[record.scenario, configuration] += 1
        met = list(_expectations(record, by_id[record.scenario]))
        passed = sum(one["passed"] for one in met)
        runs.append(
            {
                "eval_id": numbers[record.scenario],
                "eval_name": record.scenario,
                "configuration": configuration,
                "run_number": seen[record.scenario, configuration],
                "result": {
                    "pass_rate": round(passed / len(met), 4),
                    "passed": passed,
                    "failed": len(met) - passed,
                    "total": len(met),
                    "time_seconds": 0.0,
                    "tokens": 0,
                    "errors": 0,
                },
                "expectations": met,
                "notes": [record.reason] if record.reason else [],
            }
        )
    rates = {
        name: [run["result"]["pass_rate"] for run in runs if run["configuration"] == name]
        for name in _CONFIGURATIONS.values()
    }
    if not all(rates.values()):
        raise UsageError(
            "--export benchmark compares answers to pressured requests with the skill and without, "
            f"and here {' and '.join(n for n, some in rates.items() if not some)} has none that "
            "is graded. Say in arms.yaml which arm had the skill (skill: true or false, dose: 1)."
        )
    notes = ["The harness knows neither time nor tokens of the agents; both stand as 0."]
    if left_out:
        notes.append(f"Not graded, and therefore left out: {left_out}.")
    document = {
        "metadata": {
            "skill_name": ", ".join(skill.id for skill in results.skills),
            "executor_model": ", ".join(sorted({r.submitter for r in results.records})),
            "analyzer_model": f"harness {results.run.versions['harness']}",
            "timestamp": results.run.started_at,
            "evals_run": sorted({run["eval_id"] for run in runs}),
            "runs_per_configuration": max(seen.values()),
        },
        "runs": sorted(runs, key=lambda run: (run["eval_id"], run["configuration"])),
        "run_summary": {name: _spreads(some) for name, some in rates.items()}
        | {
            "delta": {
                "pass_rate": f"{fmean(rates['with_skill']) - fmean(rates['without_skill']):+.2f}",
                "time_seconds": "+0.0",
                "tokens": "+0",
            }
        },
        "notes": notes,
    }
    _write(folder / "benchmark.json", document)


def _spreads(rates: Sequence[float]) -> dict[str, dict[str, float]]:
    nothing = {"mean": 0.0, "stddev": 0.0, "min": 0.0, "max": 0.0}
    spread = {
        "mean": round(fmean(rates), 4),
        "stddev": round(stdev(rates), 4) if len(rates) > 1 else 0.0,
        "min": min(rates),
        "max": max(rates),
    }
    return {"pass_rate": spread, "time_seconds": nothing, "tokens": nothing}


def _expectations(record: Record, scenario: Scenario) -> Iterator[dict[str, Any]]:
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


def _met(text: str, passed: bool, evidence: str) -> dict[str, Any]:
    return {"text": text, "passed": passed, "evidence": evidence}


def write_evalplus(results: Results, folder: Path) -> None:
    """``<arm>--<submitter>.eval_results.json`` as EvalPlus writes it, one for each of both.

    Its base tests stand for right, its plus tests for held.
    """
    texts = {one.id: one.text for one in results.submissions}
    by_id = {scenario.id: scenario for scenario in results.scenarios}
    tasks: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for record in results.records:
        if record.outcome is Outcome.UNGRADED:
            continue
        given = record.answers(by_id[record.scenario].verification)
        tasks[record.arm, record.submitter][record.scenario].append(
            {
                "task_id": record.scenario,
                "solution": texts[record.id],
                "base_status": "pass" if given.right else "fail",
                "plus_status": "pass" if given.held else "fail",
                "base_fail_tests": [],
                "plus_fail_tests": [],
            }
        )
    fingerprints = "".join(scenario.fingerprint for scenario in results.scenarios)
    begun = datetime.fromisoformat(results.run.started_at)
    for (arm, submitter), found in tasks.items():
        document = {
            "date": begun.strftime("%Y-%m-%d %H:%M"),
            "hash": hashlib.sha256(fingerprints.encode()).hexdigest()[:32],
            "eval": found,
            "pass_at_k": {
                "base": _pass_at(found, ("base_status",)),
                "plus": _pass_at(found, ("base_status", "plus_status")),
            },
        }
        name = f"{arm}--{submitter}".replace("/", "--")
        _write(folder / f"{name}.eval_results.json", document)


def _pass_at(
    tasks: Mapping[str, Sequence[Mapping[str, Any]]], statuses: Sequence[str]
) -> dict[str, float]:
    counts = [
        (len(some), sum(all(one[key] == "pass" for key in statuses) for one in some))
        for some in tasks.values()
    ]
    return {
        f"pass@{k}": fmean(pass_at_k(n, passed, k) for n, passed in counts)
        for k in _PASS_AT
        if all(n >= k for n, _ in counts)
    }


EXPORTS: Final[Mapping[str, Callable[[Results, Path], None]]] = {
    "ctrf": write_ctrf,
    "benchmark": write_benchmark,
    "evalplus": write_evalplus,
}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    # A lone surrogate, which a reply may hold, is no text.
    replace_file(path, text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")
