"""Results as files of other tools: CTRF and EvalPlus here, the others in modules of their own.

None of them knows a submission that could not be graded. CTRF calls it ``other``; EvalPlus has no
place for it, so it is left out there.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from harness.model import Outcome, Record, Results, Scenario
from harness.results.atif import write_atif
from harness.results.files import write_json
from harness.results.junit import broken
from harness.results.parquet import write_parquet
from harness.results.skill_creator import write_benchmark, write_grading
from harness.summary.numbers import pass_at_k

# Of the specification of CTRF.
_CTRF_VERSION: Final = "0.0.0"
_PASS_AT: Final = (1, 10, 100)


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
    write_json(folder / "ctrf.json", document)


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
        write_json(folder / f"{name}.eval_results.json", document)


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
    "grading": write_grading,
    "atif": write_atif,
    "evalplus": write_evalplus,
    "parquet": write_parquet,
}
