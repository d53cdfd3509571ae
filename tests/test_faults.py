"""Processes of a run are killed at random moments: nothing is lost, nothing is graded twice.

By default a few dozen answers; ``HARNESS_FAULTS=full`` runs five hundred of them.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FULL = os.environ.get("HARNESS_FAULTS") == "full"
ANSWERS, KILLS, DRIVERS = (500, 60, 6) if FULL else (36, 6, 1)
SEED = 11
SCENARIOS = ("clipped-gradient", "kernel-wrapper", "memory-relu")
APART_S = 20.0
PATIENCE_S = 3600 if FULL else 600


def write_answers(file: Path) -> None:
    """Right and wrong answers, no two with the same bytes."""
    rows = []
    for number in range(ANSWERS):
        scenario = SCENARIOS[number % len(SCENARIOS)]
        arm, who = (("reference", "harness"), ("naive", "naive"))[number // len(SCENARIOS) % 2]
        code = (ROOT / "solutions" / arm / who / f"{scenario}.py").read_text()
        rows.append(
            {
                "task_id": scenario,
                "sample_id": number,
                "arm": arm,
                "solution": f"{code}\n# {number}\n",
            }
        )
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    options = ["--solutions", folder / "answers.jsonl", "--out", folder / name, "--seed", SEED]
    options += ["--ledger", folder / f"{name}.sqlite", "-j", 2]
    command = [sys.executable, "-m", "harness", "run", ROOT / "scenarios", *options]
    return subprocess.Popen(
        list(map(str, command)),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def below(pid: int) -> dict[int, str]:
    """Every process below ``pid``, with its part in the run."""
    parents, commands = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()
                commands[int(entry.name)] = (
                    (entry / "cmdline").read_bytes().decode(errors="replace")
                )
            except OSError:
                continue
            parents[int(entry.name)] = int(stat[1])
    found: dict[int, str] = {}
    generation = [pid]
    for depth in range(6):
        generation = [p for p, parent in parents.items() if parent in generation]
        for process in generation:
            command = commands[process]
            if "/app\0" in command:
                # The outermost process, the zygote in its namespace, and then candidates.
                found[process] = "candidate" if depth > 1 else "zygote"
            elif "forkserver" in command:
                found[process] = "grader" if depth else "forkserver"
    return found


def grades(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(ledger)) as connection:
        return int(connection.execute("SELECT count(*) FROM grade").fetchone()[0])


def without_times(file: Path) -> Any:
    results = json.loads(file.read_text())
    for entry in results["submissions"]:
        entry["wall_s"] = None
    return results["submissions"]


def test_a_run_whose_processes_are_killed_ends_with_the_grades_of_an_undisturbed_one(
    tmp_path: Path,
) -> None:
    rng = random.Random(SEED)
    write_answers(tmp_path / "answers.jsonl")
    calm = start(tmp_path, "calm")
    said, _ = calm.communicate(timeout=PATIENCE_S)
    assert calm.returncode == 0, said

    ledger = tmp_path / "stormy.sqlite"
    killed: list[str] = []
    graded = progress = 0
    last_candidate = -math.inf
    give_up = time.monotonic() + PATIENCE_S
    while True:
        before = grades(ledger)
        run = start(tmp_path, "stormy")
        while run.poll() is None:
            assert time.monotonic() < give_up
            time.sleep(rng.uniform(0.1, 0.8))
            processes = below(run.pid)
            parts = set(processes.values()) & {"zygote", "grader", "candidate"}
            # A candidate that ends twice in a row is held to have ended by itself.
            if time.monotonic() - last_candidate < APART_S:
                parts -= {"candidate"}
            # A run in which nothing can be graded any more gives up, as it should.
            if len(killed) >= KILLS or not parts or grades(ledger) <= max(before, progress):
                continue
            progress = grades(ledger)
            if killed.count("driver") < DRIVERS and rng.random() < 0.3:
                os.kill(run.pid, signal.SIGKILL)
                killed.append("driver")
                run.wait()
                _await_end(processes)
                break
            part = rng.choice(sorted(parts))
            victim = rng.choice([pid for pid, name in processes.items() if name == part])
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed.append(part)
            if part == "candidate":
                last_candidate = time.monotonic()
        said, _ = run.communicate()
        if run.returncode != -signal.SIGKILL:
            break
        graded += grades(ledger) - before
    assert run.returncode == 0, said
    assert len(killed) >= 2, f"the run was over too soon: {killed}"
    (found,) = re.findall(r"\((\d+) from the ledger, (\d+) graded now\)", " ".join(said.split()))
    assert int(found[0]) == before == graded
    assert int(found[0]) + int(found[1]) == grades(ledger) == ANSWERS
    stormy = without_times(tmp_path / "stormy" / "results.json")
    assert stormy == without_times(tmp_path / "calm" / "results.json"), killed


def _await_end(processes: dict[int, str]) -> None:
    """What a killed driver has started must end by itself."""
    give_up = time.monotonic() + 30.0
    left = dict(processes)
    while left:
        left = {pid: name for pid, name in left.items() if _runs(pid)}
        assert time.monotonic() < give_up, f"still running: {left}"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0]
            != "Z"
        )
    except OSError:
        return False
