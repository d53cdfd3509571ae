"""How fast answers are graded, held against what people do today.

    python benchmarks/throughput.py [--answers 40] [--rounds 3]

Ways to grade take turns on the same answers, one at a time, so that a
machine that slows down slows all of them:

    (a) harness, the full battery, in the sandbox, with the answer's own tests
    (b) harness, restricted to stock gradcheck, in the sandbox
    (c) a fresh Python process per answer that runs stock gradcheck
    (d) the battery of (a) in this process: no sandbox, no socket, no second process
    (e) Inspect with a scorer that runs (c) in its local sandbox; where it is installed

Wall time is what one waits for: (a) lets an answer's own tests run while its failures are
explained, so it uses a second processor where there is one. Processor time is what a busy
machine pays. Then the stages of (a), what an answer costs in ``harness.Grader`` against a run
with one job, both warm, and the memory that each further grader process takes.
Ratios are what to read; absolute times belong to the machine.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from run_of_many import _below, _status

import harness
from harness import sandbox
from harness.checks.stock import Gradcheck
from harness.grading import ask, page, verdict
from harness.grading.plan import Plan
from harness.model import Scenario, Submission
from harness.read import scenarios, submissions
from harness.run.ledger import Ledger
from harness.run.pool import grade_all
from harness.sandbox import Zygote
from harness.sandbox.inside import wire
from harness.sandbox.inside.serve import Server
from harness.sandbox.session import Session

ROOT = Path(__file__).parent.parent
ARMS = ("reference", "naive")
SCENARIOS = (
    "learnable-swish",
    "memory-relu",
    "layer-norm",
    "weight-clipped-linear",
    "second-order",
)

TICKS = os.sysconf("SC_CLK_TCK")

FRESH = """
import sys, torch
torch.set_num_threads(1)
path, data = sys.argv[1:]
namespace = {"__name__": "solution"}
exec(compile(open(path).read(), path, "exec"), namespace)
ok = True
for name, values, scale in torch.load(data, weights_only=False):
    f = namespace[name]
    try:
        torch.autograd.gradcheck(lambda *xs: scale * f(*xs), values)
    except Exception:
        ok = False
print(ok)
"""


def main() -> None:
    options = _options()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of answers, in (d)
    library = scenarios.load(ROOT / "scenarios")
    chosen = [library.scenario(name) for name in SCENARIOS]
    plans = {scenario.id: Plan(scenario, 1) for scenario in chosen}
    answers = list(_answers(chosen, options.answers))
    tier = sandbox.choose()
    # As a run of many does.
    with Zygote(tier, for_many=True) as zygote, tempfile.TemporaryDirectory() as folder:
        ways = _ways(plans, zygote.address, Path(folder))
        for way in ways.values():  # everything is loaded and warm before anything is timed
            way(answers[:1])
        # As the zygote does: what is here to stay is not looked through for garbage.
        gc.collect()
        gc.freeze()
        rates, costs = defaultdict(list), defaultdict(list)
        for _ in range(options.rounds):
            for name, way in ways.items():
                some = answers if name not in SLOW else answers[: max(5, len(answers) // 8)]
                started, spent_s = time.perf_counter(), _processor_s(zygote)
                way(some)
                rates[name].append(len(some) / (time.perf_counter() - started))
                costs[name].append(1e3 * (_processor_s(zygote) - spent_s) / len(some))
        _print_rates(rates, costs, len(answers), tier.name)
        _print_stages(plans, zygote.address, answers, Path(folder))
    _print_grader(chosen, answers, tier, options.rounds)
    _print_memory(chosen, answers, tier)


def _processor_s(zygote: Zygote) -> float:
    """Processor time of this process, of those it has waited for, and of all candidates so far."""
    own = os.times()
    ticks = 0
    for pid in {zygote.pid, zygote.forking_pid}:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += sum(map(int, fields[11:15]))  # of itself and of what it has reaped
    return own.user + own.system + own.children_user + own.children_system + ticks / TICKS


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=40, help="answers per way and round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which the ways take turns")
    return parser.parse_args()


def _answers(chosen: list[Scenario], count: int) -> Iterator[Submission]:
    """``count`` answers, no two with the same bytes, right and wrong ones in turn."""
    names = {s.id: tuple(e.name for e in s.entry_points) for s in chosen}
    read = [
        submissions.read_one(
            ROOT / "solutions" / arm / who / f"{scenario.id}.py", scenario.id, names[scenario.id]
        )
        for scenario in chosen
        for arm, who in zip(ARMS, ("harness", "naive"), strict=True)
    ]
    for number in range(count):
        one = read[number % len(read)]
        code = f"{one.code}\n# answer {number}\n"
        digest = hashlib.sha256(code.encode()).hexdigest()
        yield replace(one, id=f"{one.id}/{number}", code=code, text=code, sha256=digest)


def _ways(
    plans: dict[str, Plan], address: str, folder: Path
) -> dict[str, Callable[[Sequence[Submission]], None]]:
    gradcheck_only = {name: _restricted(plan) for name, plan in plans.items()}
    data = {name: _gradcheck_inputs(plan, folder) for name, plan in plans.items()}
    script = folder / "fresh.py"
    script.write_text(FRESH)

    def fresh(answer: Submission) -> object:
        file = folder / "solution.py"
        file.write_text(answer.code or "")
        return subprocess.run(
            [sys.executable, str(script), str(file), str(data[answer.scenario])],
            check=True,
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    ways: dict[str, Callable[[Submission], object]] = {
        "a": lambda answer: page.grade(answer, plans[answer.scenario], address),
        "b": lambda answer: _findings(answer, gradcheck_only[answer.scenario], address),
        "c": fresh,
        "d": lambda answer: _in_process(answer, plans[answer.scenario]),
    }
    found: dict[str, Callable[[Sequence[Submission]], None]] = {
        name: partial(_one_by_one, way) for name, way in ways.items()
    }
    if find_spec("inspect_ai") is not None:
        import inspect_gradcheck

        found["e"] = partial(inspect_gradcheck.score, data_files=data, script=script)
    return found


def _one_by_one(way: Callable[[Submission], object], answers: Sequence[Submission]) -> None:
    for answer in answers:
        way(answer)


def _restricted(plan: Plan) -> Plan:
    """The plan with nothing but stock gradcheck."""
    small = Plan(plan.scenario, plan.bench.seed)
    small.steps = [
        step for step in small.steps if isinstance(step.check, Gradcheck) and step.required
    ]
    return small


def _gradcheck_inputs(plan: Plan, folder: Path) -> Path:
    """A file with what a fresh process needs to run the same gradchecks."""
    entries = []
    for step in _restricted(plan).steps:
        check = step.check
        assert isinstance(check, Gradcheck)
        if check.must_fail:
            continue
        for run in check._rehearsed(plan.bench, step.entry)[0]:
            values = [
                v.clone().requires_grad_(name in run.case.differentiable)
                for name, v in run.case.tensors.items()
            ]
            entries.append((step.entry.name, values, check.scale))
    path = folder / f"{plan.scenario.id}.pt"
    torch.save(entries, path)
    return path


def _findings(answer: Submission, plan: Plan, address: str) -> object:
    return page.examine(page.begun(answer, plan, address), page.FINDINGS_ONLY)


class Here:
    """A session without a process: the candidate's side, called directly."""

    def __init__(self) -> None:
        self.server = Server()

    def request(
        self, header: dict[str, Any], tensors: list[torch.Tensor] | None = None, **_: Any
    ) -> tuple[dict[str, Any], list[torch.Tensor]]:
        return self.server.answer(header, tensors or [])

    def exchange(
        self, frames: Iterator[bytes]
    ) -> Iterator[tuple[dict[str, Any], list[torch.Tensor]]]:
        for frame in frames:
            yield self.server.answer(*wire.opened(frame))

    def memory_bytes(self) -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _in_process(answer: Submission, plan: Plan) -> object:
    here: Any = Here()
    work = replace(page.begun(answer, plan, ""), session=here)
    for step in (*page.FINDINGS_ONLY, ask.find_smallest_failures, ask.explain_failures):
        work = step(work)
    own: Any = Here()
    own.request({"do": "load", "source": "", "modules": {}, "entry_points": {}})
    with _main_module_kept():
        script = {"do": "script", "file": "solution.py", "source": answer.code, "main": True}
        own.request(
            {**script, "collect": "", "tests": [], "skip": [], "lenient": True, "arguments": []}
        )
    return verdict.decide(verdict.verify(work))


@contextmanager
def _main_module_kept() -> Iterator[None]:
    """Running a script in process replaces ``__main__`` and wraps gradcheck; put both back."""
    kept = sys.modules["__main__"]
    home = sys.modules["torch.autograd.gradcheck"]
    functions = {name: getattr(home, name) for name in ("gradcheck", "gradgradcheck")}
    apply = torch.autograd.Function.__dict__["apply"]
    try:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            yield
    finally:
        sys.modules["__main__"] = kept
        for name, function in functions.items():
            setattr(home, name, function)
            setattr(torch.autograd, name, function)
        setattr(torch.autograd.Function, "apply", apply)  # noqa: B010 - as it was read


SLOW = ("c", "e")
LABELS = {
    "a": "(a) harness, full battery",
    "b": "(b) harness, gradcheck only",
    "c": "(c) fresh process, gradcheck",
    "d": "(d) full battery in process",
    "e": "(e) Inspect, gradcheck",
}


def _print_rates(
    rates: dict[str, list[float]], costs: dict[str, list[float]], count: int, tier: str
) -> None:
    print(f"\n{count} answers, sandbox tier {tier}, one at a time; median (min to max) of rounds\n")
    rate = {name: statistics.median(found) for name, found in rates.items()}
    cost = {name: statistics.median(found) for name, found in costs.items()}
    for name in rate:
        low, high = min(rates[name]), max(rates[name])
        spread = f"({low:.2f} to {high:.2f})"
        speed = f"{rate[name]:8.2f} answers/s {spread:18}"
        print(f"{LABELS[name]:30} {speed} {cost[name]:7.0f} ms processor")
    print("\nratio      wall   processor time   target")
    for one, other, target in (("b", "c", 30), ("a", "c", 12), ("a", "d", 0.7)):
        faster, cheaper = rate[one] / rate[other], cost[other] / cost[one]
        print(f"({one}) / ({other})  {faster:5.1f}   {cheaper:14.1f}   {target:6}")
    if "e" not in rate:
        print("(e) was left out: Inspect is not installed (pip install inspect-ai)")


def _print_stages(
    plans: dict[str, Plan], address: str, answers: list[Submission], folder: Path
) -> None:
    spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        spent[name] += time.perf_counter() - started

    with Ledger.open(folder / "ledger.sqlite") as ledger:
        for answer in answers:
            plan = plans[answer.scenario]
            with stage("read the source"):
                work = page.begun(answer, plan, address)
            with stage("fork and confine"):
                session = Session(address, plan.scenario.limits)
            work = replace(work, session=session)
            for step in page.IN_ONE_SESSION:
                with stage(step.__name__.replace("_", " ")):
                    work = step(work)
            with stage("reap"):
                session.close()
            for step in page.AFTER_THE_SESSION:
                with stage(step.__name__.replace("_", " ")):
                    work = step(work)
            with stage("read words and decide"):
                record = verdict.decide(work)
            with stage("store"):
                ledger.put(answer.sha256, record)
    total = sum(spent.values())
    print("\nstages of (a), ms per answer\n")
    for name, seconds in spent.items():
        print(f"{name:20} {1e3 * seconds / len(answers):8.1f}  {100 * seconds / total:5.1f} %")


def _print_grader(
    chosen: list[Scenario], answers: list[Submission], tier: sandbox.Tier, rounds: int
) -> None:
    """Both have one grader process; in a run it is new to each scenario, so that is left out."""
    by_id = {scenario.id: scenario for scenario in chosen}
    spent: dict[str, list[float]] = defaultdict(list)
    with harness.Grader(ROOT / "scenarios", jobs=1, seed=1) as grader:
        for answer in answers:
            grader.submit(answer).result()
        for _ in range(rounds):
            for scenario in chosen:
                some = [answer for answer in answers if answer.scenario == scenario.id]
                if not some:
                    continue
                pairs = [(answer, by_id[answer.scenario]) for answer in [some[0], *some]]
                run = grade_all(pairs, seed=1, tier=tier, jobs=1)
                next(run)
                for name, results in (
                    ("run", run),
                    ("grade", (grader.submit(answer).result() for answer in some)),
                ):
                    started = time.perf_counter()
                    deque(results, maxlen=0)
                    spent[name].append(time.perf_counter() - started)
    run_ms, grade_ms = (1e3 * sum(spent[name]) / rounds / len(answers) for name in spent)
    print("\none grader process, warm, ms per answer\n")
    print(f"harness run          {run_ms:8.1f}")
    print(f"harness.Grader       {grade_ms:8.1f}   {grade_ms / run_ms:.2f} times that of a run")


def _print_memory(chosen: list[Scenario], answers: list[Submission], tier: sandbox.Tier) -> None:
    by_id = {scenario.id: scenario for scenario in chosen}
    pairs = [(answer, by_id[answer.scenario]) for answer in answers]
    used = {}
    for jobs in (1, 2):
        # A look whenever an answer is graded, what it took still held.
        looks = [_below_bytes() for _ in grade_all(pairs, seed=1, tier=tier, jobs=jobs)]
        used[jobs] = statistics.median(looks) / 2**20, max(looks) / 2**20
    print("\nmemory of everything below the driver (proportional set size), MiB\n")
    print(f"{'':20} {'median':>7} {'most':>7}   target")
    for jobs, (median, most) in used.items():
        print(f"{jobs} grader process{'es' if jobs > 1 else '  '}   {median:7.0f} {most:7.0f}")
    median, most = (two - one for one, two in zip(used[1], used[2], strict=True))
    print(f"per extra worker     {median:7.0f} {most:7.0f}       40")


def _below_bytes() -> int:
    """Proportional set size of every process below this one."""
    return sum(_status(pid, "Pss:", "smaps_rollup") for pid in _below(os.getpid()))


if __name__ == "__main__":
    main()
