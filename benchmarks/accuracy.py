"""How often the graders are wrong: mutants they let live, right solutions they fail.

    python benchmarks/accuracy.py --mutants 1000 --variants 100 --seeds 20
    python benchmarks/accuracy.py --mutants 0 --corpus --seeds 40

Mutants of the reference solutions are graded in the sandbox, next to stock gradcheck as
examples use it and to a tight gradcheck with gradgradcheck. A mutant that a wide search cannot
tell from its original counts as equivalent and leaves the denominator. Right solutions that
are written in other ways are graded under many seeds; a required finding that is not passed is
a false alarm.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import differential
import mutate
import stockcheck
import torch
import variants

from harness.grading import page
from harness.grading.plan import Plan
from harness.grading.verdict import verdict
from harness.model import Outcome, Scenario, Submission
from harness.read import scenarios
from harness.sandbox import Zygote, choose

ROOT = Path(__file__).parents[1]
REFERENCES = ROOT / "solutions" / "reference" / "harness"
CORPUS = ROOT / "tests" / "corpus" / "right"
# Longest that one mutant may take in this process.
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Graded:
    """What became of one mutant."""

    mutant: mutate.Mutant
    # The probe that tells it from its original; ``None`` where it is equivalent.
    difference: str | None
    # Whether each of the three graders fails it.
    killed: dict[str, bool]
    # The graders' first words.
    reason: str


@dataclass(frozen=True)
class Alarm:
    """A required finding on a right solution that is not passed."""

    scenario: str
    variant: str
    seed: int
    check: str
    message: str


@dataclass
class Worker:
    """What a process keeps between tasks."""

    library: dict[str, Scenario]
    address: str
    plans: dict[tuple[str, int], Plan] = field(default_factory=dict)
    searches: dict[str, differential.Search] = field(default_factory=dict)
    stocks: dict[str, stockcheck.Stock] = field(default_factory=dict)

    def plan(self, scenario: str, seed: int) -> Plan:
        key = (scenario, seed)
        if key not in self.plans:
            self.plans[key] = Plan(self.library[scenario], seed)
        return self.plans[key]


WORKER: list[Worker] = []


def prepare(address: str) -> None:
    """Called once in each process."""
    torch.set_num_threads(1)
    library = scenarios.load(ROOT / "scenarios")
    WORKER[:] = [Worker({s.id: s for s in library.scenarios}, address)]


def submission(scenario: str, name: str, code: str) -> Submission:
    """``code`` as if it had been handed in."""
    return Submission(
        id=f"benchmark/{scenario}/{name}",
        scenario=scenario,
        arm="benchmark",
        submitter="benchmark",
        sample=1,
        path=f"{name}.py",
        sha256=hashlib.sha256(code.encode()).hexdigest(),
        text=code,
        kind="python",
        code=code,
    )


def findings(entry: Submission, plan: Plan, address: str) -> Sequence[Any]:
    """The findings alone: own tests and words are not looked at, and nothing is explained."""
    return page.examine(page.begun(entry, plan, address), page.FINDINGS_ONLY).findings


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Raise ``TimeoutError`` when it runs out."""

    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def grade_mutant(mutant: mutate.Mutant, right: str, seed: int) -> Graded:
    """Search for a difference, then let all three graders judge."""
    (worker,) = WORKER
    scenario = worker.library[mutant.scenario]
    plan = worker.plan(mutant.scenario, seed)
    provided = plan.bench.oracles.provided
    if mutant.scenario not in worker.searches:
        module = differential.load(right, provided)
        worker.searches[mutant.scenario] = differential.Search(scenario, module, seed)
        worker.stocks[mutant.scenario] = stockcheck.Stock(scenario, module, seed)
    stock = stockcheck.Verdicts(False, False)
    try:
        with patience(PATIENCE_S):
            module = differential.load(mutant.source, provided)
            difference = worker.searches[mutant.scenario].difference(module, mutant.entry_points)
            module = differential.load(mutant.source, provided)  # without the state of the search
            stock = stockcheck.Verdicts(False, False)
            stock = worker.stocks[mutant.scenario].judge(module)
    except TimeoutError:
        difference = "it does not end"
    except Exception as error:
        difference = f"it does not load: {error}"
    found = findings(submission(mutant.scenario, "mutant", mutant.source), plan, worker.address)
    outcome, reason = verdict(found)
    killed = {
        "graders": outcome is Outcome.FAILED,
        "example gradcheck": not stock.example,
        "tight gradcheck": not stock.tight,
    }
    return Graded(mutant, difference, killed, reason)


def grade_variants(entries: Sequence[variants.Variant], seed: int) -> list[Alarm]:
    """All alarms on solutions of one scenario under one seed."""
    (worker,) = WORKER
    scenario = entries[0].scenario
    plan = worker.plan(scenario, seed)
    alarms = []
    for entry in entries:
        found = findings(submission(scenario, entry.name, entry.source), plan, worker.address)
        for finding in found:
            if finding.required and finding.outcome is not Outcome.PASSED:
                check = f"{finding.check} {finding.entry_point or ''}".strip()
                alarms.append(Alarm(scenario, entry.name, seed, check, finding.message))
    del worker.plans[scenario, seed]
    return alarms


# --------------------------------------------------------------------------


def corpus(names: Sequence[str]) -> list[variants.Variant]:
    """The right solutions among the tests, and the reference solutions."""
    files = [(name, path) for name in names for path in sorted((CORPUS / name).glob("*.py"))]
    files += [(name, REFERENCES / f"{name}.py") for name in names]
    return [variants.Variant(name, path.stem, path.read_text()) for name, path in files]


def originals(library: Iterable[Scenario]) -> dict[str, mutate.Original]:
    """The reference solution of each scenario."""
    return {
        scenario.id: mutate.original(
            scenario.id,
            (REFERENCES / f"{scenario.id}.py").read_text(),
            [entry.name for entry in scenario.entry_points],
        )
        for scenario in library
    }


def run(
    pool: ProcessPoolExecutor | None,
    what: str,
    tasks: Sequence[tuple[Any, ...]],
    show: Callable[[str], None],
) -> list[Any]:
    """The results of ``(function, *arguments)`` tasks, with progress."""
    if pool is None:
        return [function(*given) for function, *given in tasks]
    results: list[Any] = []
    pending = {pool.submit(*task) for task in tasks}
    shown = started = time.monotonic()
    while pending:
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        results += [future.result() for future in done]
        if time.monotonic() - shown > 5 or not pending:
            shown = time.monotonic()
            show(f"{what}: {len(results)} of {len(tasks)} after {shown - started:.0f} s")
    return results


def by(results: Sequence[Graded], key: Callable[[Graded], str]) -> list[tuple[str, list[Graded]]]:
    groups: dict[str, list[Graded]] = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    return sorted(groups.items())


def rate(results: Sequence[Graded], grader: str) -> str:
    killed = sum(result.killed[grader] for result in results)
    return f"{killed}/{len(results)} {100 * killed / len(results):5.1f} %" if results else "–"


def report_mutants(results: Sequence[Graded]) -> dict[str, Any]:
    """Print kill rates and survivors; the same as data."""
    live = [r for r in results if r.difference is not None]
    equivalent = [r for r in results if r.difference is None]
    graders = ("graders", "tight gradcheck", "example gradcheck")
    print(f"\n{len(results)} mutants, {len(equivalent)} of them equivalent to their original\n")
    for title, key in (
        ("operator", lambda r: r.mutant.operator),
        ("scenario", lambda r: r.mutant.scenario),
        ("all", lambda r: "all"),
    ):
        print(f"{title:24s}" + "".join(f"{name:>22s}" for name in graders))
        for name, group in by(live, key):
            print(f"{name:24s}" + "".join(f"{rate(group, grader):>22s}" for grader in graders))
        print()
    counts = Counter(r.mutant.operator for r in equivalent)
    print("equivalent:", ", ".join(f"{name} {count}" for name, count in counts.most_common()))
    survivors = [r for r in live if not r.killed["graders"]]
    print(f"\nsurvivors: {len(survivors)}")
    for r in survivors:
        print(f"\n{r.mutant.scenario} · {r.mutant.operator} · {r.mutant.where}")
        print(f"told apart by {r.difference}\n{r.mutant.diff}")
    doubtful = [r for r in equivalent if r.killed["graders"]]
    print(f"\nequivalent, yet failed by the graders: {len(doubtful)}")
    for r in doubtful:
        print(f"\n{r.mutant.scenario} · {r.mutant.operator} · {r.mutant.where}: {r.reason}")
        print(r.mutant.diff)
    return {
        "mutants": len(results),
        "equivalent": len(equivalent),
        "killed": {g: sum(r.killed[g] for r in live) for g in graders},
        "of": len(live),
        "survivors": [asdict(r.mutant) | {"difference": r.difference} for r in survivors],
        "doubtful": [asdict(r.mutant) | {"reason": r.reason} for r in doubtful],
    }


def report_variants(alarms: Sequence[Alarm], count: int, seeds: int) -> dict[str, Any]:
    """Print false alarms; the same as data."""
    graded = count * seeds
    wrong = {(alarm.scenario, alarm.variant, alarm.seed) for alarm in alarms}
    print(f"\n{count} right solutions, {seeds} seeds: {len(wrong)} of {graded} grades are alarms")
    for (scenario, variant, check), number in Counter(
        (alarm.scenario, alarm.variant, alarm.check) for alarm in alarms
    ).most_common():
        message = next(a.message for a in alarms if (a.variant, a.check) == (variant, check))
        print(f"  {scenario} {variant}: {check} × {number}: {message}")
    return {"variants": count, "grades": graded, "alarms": [asdict(alarm) for alarm in alarms]}


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    number: dict[str, Any] = {"type": int, "metavar": "N"}
    parser.add_argument("--mutants", default=1000, help="mutants to grade (1000)", **number)
    parser.add_argument("--variants", default=1000, help="right solutions, at most", **number)
    parser.add_argument(
        "--corpus",
        action="store_true",
        help="tests/corpus/right and the references, not variants made here",
    )
    parser.add_argument("--seeds", default=20, help="seeds for right solutions (20)", **number)
    parser.add_argument("--seed", default=0, help="first seed (0)", **number)
    parser.add_argument("--scenario", action="append", help="only this one; may be repeated")
    parser.add_argument("--operator", action="append", help="only these mutation operators")
    parser.add_argument(
        "--workers",
        default=os.cpu_count() or 1,
        help="processes; 0 for none but this one",
        **number,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    options = arguments(given)
    library = scenarios.load(ROOT / "scenarios").scenarios
    names = [scenario.id for scenario in library]
    for name in options.scenario or ():
        if name not in names:
            print(f"no scenario {name!r}; there are {', '.join(names)}", file=sys.stderr)
            return 2
    chosen = [s for s in library if not options.scenario or s.id in options.scenario]
    started = time.monotonic()
    right = originals(chosen)
    makers = right.values() if options.mutants else ()
    pool_of_mutants = [m for entry in makers for m in mutate.mutants(entry)]
    if options.operator:
        pool_of_mutants = [m for m in pool_of_mutants if m.operator in options.operator]
    mutants = mutate.sample(pool_of_mutants, options.mutants, options.seed)
    ids = [s.id for s in chosen]
    entries = variants.sample(ids, options.variants, options.seed)
    if options.corpus:
        entries = corpus(ids)
    print(
        f"{len(mutants)} of {len(pool_of_mutants)} mutants, {len(entries)} right solutions",
        file=sys.stderr,
    )
    with ExitStack() as stack:
        address = stack.enter_context(Zygote(choose())).address
        pool = None
        if options.workers:
            pool = stack.enter_context(
                ProcessPoolExecutor(options.workers, get_context("spawn"), prepare, (address,))
            )
        else:
            prepare(address)

        def show(text: str) -> None:
            print(text, file=sys.stderr, flush=True)

        figures: dict[str, Any] = {"seed": options.seed}
        if entries:
            groups = [
                (grade_variants, group, options.seed + index)
                for index in range(options.seeds)
                for scenario in chosen
                if (group := [e for e in entries if e.scenario == scenario.id])
            ]
            found = run(pool, "right solutions", groups, show)
            alarms = [alarm for result in found for alarm in result]
            figures |= report_variants(alarms, len(entries), options.seeds)
        if mutants:
            ordered = sorted(mutants, key=lambda m: m.scenario)
            tasks = [(grade_mutant, m, right[m.scenario].source, options.seed) for m in ordered]
            figures |= report_mutants(run(pool, "mutants", tasks, show))
    print(f"\n{time.monotonic() - started:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
