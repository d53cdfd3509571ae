"""What readers of docs/library.md, docs/grader.md and docs/compare.md write, for a type checker.

A line that is wrong says so in ``type: ignore``; where it is not wrong, that is an error.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import assert_type

import pandas as pd
import torch

import harness
from harness.errors import HarnessError, UsageError
from harness.model import Outcome, Record, Results
from harness.results import read_results


def reference(x: torch.Tensor) -> torch.Tensor:
    return x.sin()


def test_my_op() -> None:
    report = harness.check(torch.sin, reference, torch.linspace(-2, 2, 6), ranges={"x": (-1, 1)})
    assert_type(report, harness.Report)
    try:
        harness.check(torch.cos, reference, torch.linspace(-2, 2, 6), tolerance=1e-3)
    except harness.CheckFailed as error:
        print(error)


def reward(completions: Sequence[str]) -> list[float]:
    with harness.Grader("scenarios/", jobs=2) as grader:
        record = grader.grade(completions[0], scenario="layer-norm")
        assert_type(record, Record)
        assert_type(record.outcome, Outcome)
        asked = [harness.Response(text, "layer-norm") for text in completions]
        return [1.0 if one.outcome is Outcome.PASSED else 0.0 for one in grader.map(asked)]


async def one(text: str) -> Record:
    with harness.Grader(Path("scenarios")) as grader:
        return await grader.agrade(text, scenario="layer-norm")


def table(file: Path) -> pd.DataFrame:
    try:
        results = read_results(file)
    except UsageError as error:
        raise SystemExit(str(error)) from error
    except HarnessError as error:
        raise SystemExit(error.exit_code) from error
    assert_type(results, Results)
    return results.frame()


def wrong(record: Record) -> None:
    harness.chek(torch.sin, reference)  # type: ignore[attr-defined]
    harness.check(torch.sin)  # type: ignore[call-arg]
    harness.Grader(7)  # type: ignore[arg-type]
    harness.Grader("scenarios/").grade(record)  # type: ignore[arg-type]
    harness.Response("x", kind="prose")  # type: ignore[arg-type]
    print(record.verdict)  # type: ignore[attr-defined]


print(asyncio.run(one("x")), harness.__version__)
