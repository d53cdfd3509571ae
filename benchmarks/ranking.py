"""What each kind of check is worth: the faults that it alone catches, and what it costs.

    python benchmarks/ranking.py [--mutants 300] [--seed 0] [--rounds 3]

Mutants of the reference solutions are graded with every check. ``alone`` counts those that fail
one required kind and no other: without that kind they would pass. Costs are wall milliseconds per
answer of asking the kind's questions and judging the answers, one kind at a time, in the sandbox,
on the reference solutions; the fastest of some rounds. A kind that costs and never decides alone
is one to thin.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context

import accuracy
import mutate

from harness.checks.context import InteractiveCheck
from harness.grading import load, page
from harness.grading.plan import Plan
from harness.model import Finding, Outcome
from harness.numerics.question import put
from harness.read import scenarios
from harness.sandbox import Zygote, choose


def failed_kinds(mutant: mutate.Mutant, seed: int) -> frozenset[str]:
    """The required kinds of check that a mutant fails."""
    (worker,) = accuracy.WORKER
    entry = accuracy.submission(mutant.scenario, "mutant", mutant.source)
    found: list[Finding] = list(
        accuracy.findings(entry, worker.plan(mutant.scenario, seed), worker.address)
    )
    return frozenset(f.check for f in found if f.required and f.outcome is Outcome.FAILED)


def costs_ms(code: str, plan: Plan, address: str, rounds: int) -> dict[str, float]:
    """Milliseconds per kind on a right solution, the least of some rounds."""
    entry = accuracy.submission(plan.scenario.id, "right", code)
    least: dict[str, float] = defaultdict(lambda: float("inf"))
    for _ in range(rounds):
        work = page.begun(entry, plan, address)
        spent: dict[str, float] = defaultdict(float)
        with work.start_session() as session:
            work = load.load_code(replace(work, session=session))
            for step in work.steps:
                started = time.perf_counter()
                if isinstance(step.check, InteractiveCheck):
                    step.check.run_session(plan.bench, step.entry, session)
                else:
                    answers = put(session, [trial.question for trial in step.trials])
                    step.mark(answers)
                spent[step.check.kind] += 1e3 * (time.perf_counter() - started)
        for kind, took in spent.items():
            least[kind] = min(least[kind], took)
    return dict(least)


def main() -> None:
    """Print the table, the dearest kind per fault first."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mutants", type=int, default=300, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    options = parser.parse_args()
    library = scenarios.load(accuracy.ROOT / "scenarios").scenarios
    right = accuracy.originals(library)
    pool = [m for entry in right.values() for m in mutate.mutants(entry)]
    chosen = sorted(mutate.sample(pool, options.mutants, options.seed), key=lambda m: m.scenario)
    with ExitStack() as stack:
        address = stack.enter_context(Zygote(choose())).address
        workers = stack.enter_context(
            ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), accuracy.prepare, (address,))
        )
        tasks = [(failed_kinds, mutant, options.seed) for mutant in chosen]
        found = accuracy.run(workers, "mutants", tasks, lambda said: print(said, flush=True))
        cost: Counter[str] = Counter()
        for scenario in library:
            plan = Plan(scenario, options.seed)
            cost.update(costs_ms(right[scenario.id].source, plan, address, options.rounds))
    killed = [kinds for kinds in found if kinds]
    caught = Counter(kind for kinds in killed for kind in kinds)
    alone = Counter(next(iter(kinds)) for kinds in killed if len(kinds) == 1)
    total = sum(cost.values())
    print(
        f"\n{len(found)} mutants, {len(killed)} failed; costs are means over {len(library)} answers"
    )
    print(
        f"{'check':20} {'caught':>7} {'alone':>7} {'ms':>8} {'share':>7} {'ms per one alone':>18}"
    )
    for kind in sorted(cost, key=lambda k: -(cost[k] / (alone[k] or 0.5))):
        ms = cost[kind] / len(library)
        per = f"{cost[kind] / len(library) / alone[kind]:.2f}" if alone[kind] else "never alone"
        print(
            f"{kind:20} {caught[kind]:7} {alone[kind]:7} {ms:8.2f} "
            f"{100 * cost[kind] / total:6.1f}% {per:>18}"
        )


if __name__ == "__main__":
    main()
