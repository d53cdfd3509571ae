"""How fast one node and two nodes of a Ray cluster grade, and what more would do.

    python benchmarks/scaling.py [--answers 48] [--rounds 2]

Measured, on this machine: a cluster of one node, then of two, each of one grader on a processor
of its own, so two processors are needed. They take turns, and the best round of each counts.

Beyond that a model says what to expect. It is a queue with two stations: graders, each of which
takes an answer for a time drawn from those measured on one node, and the driver, which takes
every answer for a fixed time, one after another. It knows nothing of what two nodes did, so the
second row of the table checks it. It assumes that

* a grader is as fast as the one measured, however many share a machine (memory bandwidth and
  clock rates fall with many: measure one of yours with `harness run -j`);
* nodes start at once, in the time that one took here;
* the network adds nothing: an answer is some kilobytes, and a batch waits on each node while
  another one is graded;
* the driver pays per answer the processor time that its one thread took here; Ray's own threads
  run beside it.

Needs `pip install 'harness[ray]'`.
"""

from __future__ import annotations

import argparse
import heapq
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.run.cluster import BATCH_S, Cluster
from harness.run.ledger import Ledger
from harness.run.run import Conditions, RunProgress, grade_selection
from harness.run.select import Selection, select

ROOT = Path(__file__).parent.parent
SCENARIOS = ("layer-norm", "clipped-gradient", "learnable-swish", "memory-relu")
GRADERS_PER_NODE = 16
NODES = (1, 2, 4, 8, 16, 32, 64)
COUNTS = (1_000, 10_000, 100_000, 1_000_000)
HOUR_S = 3600.0
# Answers per grader in a run of the model, so many that its end counts for little, and how many
# answers its runs have together.
PER_GRADER, MODEL_ANSWERS = 400, 10_000


@dataclass(frozen=True)
class Measured:
    """One run on a cluster, in seconds."""

    # From the start to the first answer, and from there to the last.
    start_s: float
    rest_s: float
    # Processor time of the driver's thread, in all.
    driver_s: float
    # What each answer took by its grader.
    grades_s: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Answers per second once it runs."""
        return (len(self.grades_s) - 1) / self.rest_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        sys.exit("this measures two nodes on a processor each, and there is one processor")
    selection = _answers(asked.answers)
    best: dict[int, Measured] = {}
    for _ in range(asked.rounds):
        for count in (1, 2):
            found = _measure(selection, processors[:count])
            if count not in best or found.rate > best[count].rate:
                best[count] = found
    one, two = best[1], best[2]
    # A grader's own time leaves out what passes between two answers.
    scale = one.rest_s / sum(one.grades_s[1:])
    service = [scale * taken for taken in one.grades_s]
    driver_s = one.driver_s / len(service)
    print(f"{asked.answers} answers, best of {asked.rounds} rounds; this machine has")
    print(f"{len(processors)} processors, which {os.getloadavg()[0]:.0f} processes want at the end")
    grader_ms, driver_ms = 1e3 * statistics.mean(service), 1e3 * driver_s
    print(f"per answer: grader {grader_ms:.0f} ms, driver {driver_ms:.1f} ms")
    print(f"first answer after {one.start_s:.1f} s on one node, {two.start_s:.1f} s on two\n")
    print("nodes  graders  answers/s measured  by the model")
    for count, measured in best.items():
        model = _rate(service, driver_s, count, asked.answers)
        print(f"{count:5}{count:9}{measured.rate:20.2f}{model:14.2f}")
    for count in NODES:
        graders = count * GRADERS_PER_NODE
        model = _rate(service, driver_s, graders, PER_GRADER * graders)
        print(f"{count:5}{graders:9}{'':20}{model:14.1f}")
    alone = _rate(service, driver_s, GRADERS_PER_NODE, PER_GRADER * GRADERS_PER_NODE)
    print(f"\nthe driver alone: at most {1 / driver_s:.0f} answers/s")
    print(f"\nanswers   one machine of {GRADERS_PER_NODE}   machines for one hour")
    for count in COUNTS:
        taken_s = one.start_s + count / alone
        rate = count / (HOUR_S - one.start_s)
        enough = next(
            (str(n) for n in range(1, 1001) if n * alone >= rate)
            if rate < 1 / driver_s
            else iter(()),
            "more than the driver serves: use --shard",
        )
        print(f"{count:9,}{_time(taken_s):>18}   {enough}")


def _answers(count: int) -> Selection:
    """So many answers, each of which counts as one of its own."""
    chosen = select(ROOT / "scenarios", [ROOT / "solutions"], only=SCENARIOS)
    known = list(chosen.submissions)
    random.Random(1).shuffle(known)
    made = [known[number % len(known)] for number in range(count)]
    several = [
        replace(one, id=f"{one.id}/{number}", sha256=f"{number:064x}")
        for number, one in enumerate(made)
    ]
    return replace(chosen, submissions=several)


def _measure(selection: Selection, processors: Sequence[int]) -> Measured:
    from ray.cluster_utils import Cluster as Machines

    here = os.sched_getaffinity(0)
    machines = Machines(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
    )
    times: list[float] = []
    spent: list[float] = []

    def note(at: RunProgress) -> None:
        if at.last:
            times.append(time.monotonic())
            spent.append(time.thread_time())

    try:
        for number, processor in enumerate(processors):
            # What a node starts stays on its processor.
            os.sched_setaffinity(0, {processor})
            machines.add_node(num_cpus=1, node_name=f"node-{number}", wait=False)
        os.sched_setaffinity(0, here)
        machines.wait_for_nodes()
        with (
            tempfile.TemporaryDirectory() as folder,
            Ledger.open(Path(folder) / "ledger.sqlite") as ledger,
            Cluster(machines.address, tell=print) as cluster,
        ):
            started = time.monotonic()
            conditions = Conditions(1, cluster.tier, 1)
            results = grade_selection(
                selection, conditions, ledger, on_progress=note, cluster=cluster
            )
            taken = tuple(record.wall_s for record in results.records)
    finally:
        machines.shutdown()
    return Measured(
        times[0] - started,
        times[-1] - times[0],
        (spent[-1] - spent[0]) * len(taken) / (len(taken) - 1),
        taken,
    )


def _rate(service: Sequence[float], driver_s: float, graders: int, answers: int) -> float:
    """Answers per second by the model, the mean of some runs: see the top of this file."""
    draw = random.Random(7)
    runs = max(1, MODEL_ANSWERS // answers)
    return statistics.mean(_run(draw, service, driver_s, graders, answers) for _ in range(runs))


def _run(
    draw: random.Random, service: Sequence[float], driver_s: float, graders: int, answers: int
) -> float:
    at_work = [draw.choice(service) for _ in range(min(graders, answers))]
    heapq.heapify(at_work)
    given, driver_free = len(at_work), 0.0
    while at_work:
        done = heapq.heappop(at_work)
        driver_free = max(driver_free, done) + driver_s
        if given < answers:
            given += 1
            # The next batch lies there already: only a driver far behind keeps a grader waiting.
            heapq.heappush(at_work, max(done, driver_free - BATCH_S) + draw.choice(service))
    return answers / driver_free


def _time(seconds: float) -> str:
    if seconds < 2 * 60:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR_S:.0f} h"


if __name__ == "__main__":
    main()
