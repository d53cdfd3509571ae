"""Stock gradcheck as a scorer of Inspect, in its local sandbox: what such an evaluation costs.

A part of throughput.py, where Inspect is installed (``pip install inspect-ai``). No model is
asked: a solver puts the answer where a model's would be, and the scorer runs the script of (c)
through ``sandbox().exec``. The settings are those that favour Inspect: no display, no samples
in the log, everything imported and one answer scored before the clock starts.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai import Task

    from harness.model import Submission

ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def score(answers: Sequence[Submission], data_files: Mapping[str, Path], script: Path) -> None:
    """Score the answers one after the other, by scenario with the inputs in a file.

    Raises ``ModuleNotFoundError`` where Inspect is not installed.
    """
    task = _task(answers, data_files, script)
    import inspect_ai

    with tempfile.TemporaryDirectory() as folder:
        (log,) = inspect_ai.eval(
            task,
            model="mockllm/model",
            display="none",
            log_dir=folder,
            log_samples=False,
            log_realtime=False,
            max_samples=1,
            max_subprocesses=1,
            max_sandboxes=1,
        )
    if log.status != "success":
        raise RuntimeError(f"Inspect: {log.status}: {log.error}")


def _task(answers: Sequence[Submission], data_files: Mapping[str, Path], script: Path) -> Task:
    from inspect_ai import Task
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput
    from inspect_ai.scorer import Score, accuracy, scorer
    from inspect_ai.solver import solver
    from inspect_ai.util import sandbox

    @solver
    def given() -> Any:
        async def solve(state: Any, generate: Any) -> Any:
            state.output = ModelOutput.from_content("none", state.metadata["code"])
            return state

        return solve

    @scorer(metrics=[accuracy()])
    def gradcheck() -> Any:
        async def score(state: Any, target: Any) -> Score:
            await sandbox().write_file("solution.py", state.output.completion)
            done = await sandbox().exec(
                [sys.executable, str(script), "solution.py", state.metadata["data"]],
                env=ONE_THREAD,
            )
            if not done.success:
                raise RuntimeError(done.stderr)
            return Score(value=done.stdout.strip() == "True")

        return score

    samples = [
        Sample(
            answer.scenario,
            id=answer.id,
            metadata={"code": answer.code, "data": str(data_files[answer.scenario])},
        )
        for answer in answers
    ]
    return Task(samples, solver=given(), scorer=gradcheck(), sandbox="local")
