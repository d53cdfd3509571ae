"""How long a command takes before it grades, and what a further grader takes of memory.

    python benchmarks/startup.py [--rounds 5]
    python benchmarks/startup.py --against FOLDER     # and a run beside that of another checkout

Commands run whole, in processes of their own, and take turns, so that a machine whose speed drifts
does so for all of them; ratios are what to read. ``import torch`` is ``python -c "import torch"``,
``grade`` is ``harness grade`` on a right answer, ``run`` grades the shipped solutions at a fresh
ledger. Memory is the proportional set size of everything below a driver while it grades answers
of one scenario, with one and with two graders.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run_of_many import _answers, _below, _status, _submissions

ROOT = Path(__file__).parent.parent
ANSWER = ROOT / "solutions/reference/harness/layer-norm.py"
LOOK_S = 0.1


def main() -> None:
    options = _options()
    ways = {
        "import torch": [sys.executable, "-c", "import torch"],
        "grade": _harness("grade", ANSWER, "--scenario", ANSWER.stem, "--scenarios", "scenarios"),
    }
    took = _in_turn(ways, dict.fromkeys(ways, ROOT), options.rounds)
    _print(took)
    print(f"grade / import torch      {_ratio(took, 'grade', 'import torch'):6.2f}   target 2.5")
    if options.against:
        with tempfile.TemporaryDirectory() as folder:
            ways = {name: _run(Path(folder) / name) for name in ("run", "run, other")}
            places = {"run": ROOT, "run, other": options.against}
            took = _in_turn(ways, places, options.runs)
        _print(took)
        print(f"run / run, other          {_ratio(took, 'run', 'run, other'):6.2f}   target 0.5")
    used = {jobs: _memory_bytes(jobs, options.answers) for jobs in (1, 2)}
    for jobs, size in used.items():
        print(f"memory, {jobs} grader{'s' if jobs > 1 else ' '}         {size / 2**20:6.0f} MiB")
    print(f"per extra grader          {(used[2] - used[1]) / 2**20:6.0f} MiB   target 40")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the short commands")
    parser.add_argument("--runs", type=int, default=3, help="rounds of the long ones")
    parser.add_argument("--answers", type=int, default=40, help="answers graded to see the memory")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    return parser.parse_args()


def _harness(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "harness", *map(str, words)]


def _run(place: Path) -> list[str]:
    # A new ledger each time: the name is completed where the command is started.
    return _harness("run", "scenarios", "--out", f"{place}-out", "--ledger", f"{place}-{{round}}")


def _in_turn(
    ways: dict[str, list[str]], places: dict[str, Path], rounds: int
) -> dict[str, list[float]]:
    """Wall seconds of every way, by round, after a round that does not count."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, command in ways.items():
            started = time.perf_counter()
            done = subprocess.run(
                [word.replace("{round}", str(number)) for word in command],
                cwd=places[name],
                env={**os.environ, "PYTHONPATH": str(places[name])},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                sys.exit(f"{name} ended with {done.returncode}: {done.stdout}{done.stderr}")
            if number:
                took[name].append(time.perf_counter() - started)
    return took


def _ratio(took: dict[str, list[float]], one: str, other: str) -> float:
    """Median of the ratios, round by round."""
    return statistics.median(a / b for a, b in zip(took[one], took[other], strict=True))


def _print(took: dict[str, list[float]]) -> None:
    for name, seconds in took.items():
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        print(f"{name:24} {middle:7.2f} s ({low:.2f} to {high:.2f}), {len(seconds)} rounds")


def _memory_bytes(jobs: int, count: int) -> int:
    """The most that all below a driver took at one moment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answers = folder / "answers.jsonl"
        answers.write_text("".join(_answers(_submissions([ANSWER.stem]), count)))
        places = ("--solutions", answers, "--out", folder / "out", "--ledger", folder / "ledger")
        command = _harness("run", "scenarios", "-j", str(jobs), *places)
        most = 0
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
        ) as driver:
            while driver.poll() is None:
                most = max(
                    most, sum(_status(p, "Pss:", "smaps_rollup") for p in _below(driver.pid))
                )
                time.sleep(LOOK_S)
        return most


if __name__ == "__main__":
    main()
