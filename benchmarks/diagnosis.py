"""How often the first diagnosis of a faulty solution names the fault that was put into it.

    python benchmarks/diagnosis.py --mutants 200

Mutants of the reference solutions whose fault is known by its operator are graded in the
sandbox. The first failed finding's diagnosis counts as named where it says what the operator
did, as wrong where it says something else, as silent where it says nothing. Mutants that no
check fails are left out, and so are operators whose effect depends on the formula around it.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import mutate
import torch

from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.model import Outcome, Submission
from harness.read import scenarios
from harness.sandbox import Zygote, choose

ROOT = Path(__file__).parents[1]
REFERENCES = ROOT / "solutions" / "reference" / "harness"
TARGET = 0.8

# Faults of our own, in the manner of ``mutate.BACKWARD``.
OWN = {
    "factor-2": "out = F._backward(ctx, g)\nreturn each(lambda t: 2 * t, out)",
    "factor-half": "out = F._backward(ctx, g)\nreturn each(lambda t: t / 2, out)",
    "factor-odd": "out = F._backward(ctx, g)\nreturn each(lambda t: 1.37 * t, out)",
    "sign": "out = F._backward(ctx, g)\nreturn each(lambda t: -t, out)",
    "zero": "out = F._backward(ctx, g)\nreturn each(lambda t: 0 * t, out)",
    "extra-g": (
        "out = F._backward(ctx, g)\nreturn each(lambda t: t + g if t.shape == g.shape else t, out)"
    ),
    "missing-g": (
        "out = F._backward(ctx, g)\n"
        "return each(lambda t: t - 0.5 * g if t.shape == g.shape else t, out)"
    ),
    "averaged": "out = F._backward(ctx, g)\nreturn each(lambda t: t / g.numel(), out)",
    "summed": "out = F._backward(ctx, g)\nreturn each(lambda t: t.sum().expand_as(t), out)",
    "mean-rows": (
        "out = F._backward(ctx, g)\n"
        "return each(lambda t: t.mean(0, keepdim=True).expand_as(t) if t.dim() else t, out)"
    ),
    "clip": "out = F._backward(ctx, g)\nreturn each(lambda t: t.clamp(-0.25, 0.25), out)",
    "abs": "out = F._backward(ctx, g)\nreturn each(lambda t: t.abs(), out)",
    "g-sign": "return F._backward(ctx, g.sign())",
    "g-sum": "return F._backward(ctx, g.sum().expand_as(g))",
    "g-detached-scale": "return F._backward(ctx, g / (g.abs().max() if g.numel() else 1))",
    "negative-x": (
        "out = F._backward(ctx, g)\ns = ctx.saved_tensors\n"
        "return each(lambda t: torch.where(s[0] < 0, 0 * t, t) "
        "if s and s[0].shape == t.shape else t, out)"
    ),
    "positive-x": (
        "out = F._backward(ctx, g)\ns = ctx.saved_tensors\n"
        "return each(lambda t: torch.where(s[0] > 0, 2 * t, t) "
        "if s and s[0].shape == t.shape else t, out)"
    ),
    "nan-x": (
        "out = F._backward(ctx, g)\ns = ctx.saved_tensors\n"
        "return each(lambda t: torch.where(s[0] > 1.5, t / 0, t) "
        "if s and s[0].shape == t.shape else t, out)"
    ),
    "batch": (
        "out = F._backward(ctx, g)\n"
        "return each(lambda t: t / g.shape[0] if g.dim() > 1 and g.shape[0] > 1 else t, out)"
    ),
    "detached": "out = F._backward(ctx, g)\nreturn each(lambda t: t.detach(), out)",
    "none": "out = F._backward(ctx, g)\nreturn each(lambda t: None, out)",
    "swapped": (
        "out = F._backward(ctx, g)\n"
        "at = [i for i, t in enumerate(out) if t is not None] if isinstance(out, tuple) else []\n"
        "out = list(out) if at else out\n"
        "if len(at) == 2 and out[at[0]].shape == out[at[1]].shape:\n"
        "    out[at[0]], out[at[1]] = out[at[1]], out[at[0]]\n"
        "return tuple(out) if at else out"
    ),
    "transposed": (
        "out = F._backward(ctx, g)\nreturn each(lambda t: t.mT if t.dim() > 1 else t, out)"
    ),
}

LAYOUT = r"contiguous|in memory|of its memory|stride 0"
STATE = r"another call|several calls|kept|overwritten between|interleaved|many equal calls"
# What a diagnosis must say to have named the operator.
EFFECTS = {
    "factor-2": r"is 2 times",
    "factor-half": r"is 0\.5 times",
    "factor-odd": r"is 1\.37 times",
    "sign": r"wrong sign",
    "zero": r"is zero|zero or missing",
    "extra-g": r"too large by the incoming gradient",
    "missing-g": r"too small by 0\.5 · the incoming gradient",
    "averaged": r"1/the (number of elements|size)",
    # A layer norm's gradient sums to zero, and is zero for a constant incoming gradient.
    "summed": r"sum of the right one|summed|is zero",
    "mean-rows": r"averaged over rows",
    "clip": r"clipped to ±0\.25",
    "abs": r"absolute value of the right one|negative",
    "g-sign": r"only the sign of the incoming",
    "g-sum": r"sum of the incoming|is zero",
    "g-detached-scale": r"divided by the largest incoming gradient",
    "negative-x": r"< 0|negative",
    "positive-x": r"2 times.*> 0|> 0",
    "nan-x": r"(NaN|infinite).*> 1\.\d",
    "batch": r"more than one row|1/the (size|number)",
    "detached": r"constant",
    "none": r"missing",
    "swapped": r"swapped",
    "transposed": r"transposed",
    "g-abs": r"absolute value of the incoming|incoming gradient < 0",
    "g-squared": r"square of the incoming|multiplied by the incoming",
    "g-one": r"ignores the incoming|is zero",
    "g-clamp": r"clamps the incoming gradient",
    "g-mean": r"mean of the incoming|is zero",
    "g-positive": r"drops negative incoming|incoming gradient < 0",
    "g-float32": r"float32",
    "g-small": r"incoming gradient.*(<|smaller)",
    "g-large": r"drops incoming gradients above|incoming gradient.*(>|larger)",
    "write-g": r"overwrites the incoming|written to in place",
    "write-g-data": r"overwrites the incoming",
    "view": r"view|contiguous",
    "dtype": r"float32",
    "large": r"more than about \d+ elements",
    "single": r"single element",
    "scalar": r"0-d",
    "many-dimensions": r"more than 3 dimensions",
    "strided-g": LAYOUT,
    "offset-g": LAYOUT,
    "expanded-g": LAYOUT,
    "dense-as-stored": LAYOUT,
    "strided-x": LAYOUT,
    "empty": r"empty",
    "noise": r"slightly off",
    "draws": r"random",
    "reseeds": r"random|seeded",
    "every-97th": r"many equal calls|kept from call",
    "second-backward": r"second backward",
    "accumulates": r"second backward",
    "first-row": r"first row",
    "last-zero": r"last element",
    "quantised": r"multiples of 1e-06",
    "last-gradient-none": r"missing",
    "write-x": r"overwrites its input|input itself is overwritten",
    "write-x-data": r"overwrites its input",
    "class-state": STATE,
    "reused-buffer": STATE + r"|overwr",
    "cached-output": STATE,
    "forward-noise": r"slightly off",
    "forward-draws": r"random",
    "forward-reseeds": r"random|seeded",
    "forward-float32": r"float32",
    "forward-float64": r"float64",
    "forward-dtype": r"float32",
    "forward-large": r"elements",
    "forward-strided": LAYOUT,
    "forward-offset": LAYOUT,
    "forward-dense-as-stored": LAYOUT,
    "forward-view": r"view|contiguous",
    "forward-empty": r"empty",
    "forward-single": r"single element",
    "forward-scalar": r"0-d",
    "forward-every-97th": r"many equal calls|kept from call",
    "forward-no-grad": r"no_grad|nothing requires grad",
    "forward-non-leaf": r"another operation",
    "forward-quantised": r"multiples of 1e-06",
}


@dataclass(frozen=True)
class Diagnosed:
    """What was said of one mutant."""

    mutant: mutate.Mutant
    check: str
    said: str | None
    wall_s: float

    @property
    def named(self) -> bool:
        return self.said is not None and bool(re.search(EFFECTS[self.mutant.operator], self.said))


def submission(mutant: mutate.Mutant) -> Submission:
    digest = hashlib.sha256(mutant.source.encode()).hexdigest()
    return Submission(
        id=f"mutant/{mutant.operator}/{mutant.scenario}/1",
        scenario=mutant.scenario,
        arm="mutant",
        submitter=mutant.operator,
        sample=1,
        path=f"{mutant.scenario}.py",
        sha256=digest,
        text=mutant.source,
        kind="python",
        code=mutant.source,
    )


def pool(library: scenarios.Library) -> list[mutate.Mutant]:
    """Every mutant whose operator's effect is known."""
    mutate.BACKWARD.update(OWN)
    found = []
    for scenario in library.scenarios:
        path = REFERENCES / f"{scenario.id}.py"
        if path.is_file():
            names = [entry.name for entry in scenario.entry_points]
            made = mutate.mutants(mutate.original(scenario.id, path.read_text(), names))
            known = set(OWN) | set(mutate.BACKWARD) | set(mutate.FORWARD)
            found += [m for m in made if m.operator in known and m.operator in EFFECTS]
    return found


def diagnosed(mutant: mutate.Mutant, plan: Plan, address: str) -> Diagnosed | None:
    """What the first failed finding of ``mutant`` says; ``None`` where none failed."""
    started = time.perf_counter()
    record = grade(submission(mutant), plan, address)
    wall_s = time.perf_counter() - started
    for finding in record.findings:
        if finding.outcome is Outcome.FAILED and finding.check not in NOT_NUMERIC:
            return Diagnosed(mutant, finding.check, finding.diagnosis, wall_s)
    return None


NOT_NUMERIC = ("loads", "hand_written", "separate_functions", "released", "saved_memory")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="scenario")
    parser.add_argument("--operator", default="")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    library = scenarios.load(ROOT / "scenarios")
    chosen = mutate.sample(
        [
            m
            for m in pool(library)
            if options.only in m.scenario and re.search(options.operator, m.operator)
        ],
        options.mutants,
        options.seed,
    )
    chosen.sort(key=lambda m: m.scenario)
    by_operator: dict[str, list[Diagnosed]] = defaultdict(list)
    with Zygote(choose()) as zygote:
        plan = None
        for mutant in chosen:
            if plan is None or plan.scenario.id != mutant.scenario:
                plan = Plan(library.scenario(mutant.scenario), options.seed)
            found = diagnosed(mutant, plan, zygote.address)
            if found is None:
                continue
            by_operator[mutant.operator].append(found)
            if options.verbose or not found.named:
                verdict = "named" if found.named else "silent" if found.said is None else "WRONG"
                print(
                    f"{verdict:6} {mutant.operator:22} {mutant.scenario:24} {mutant.where:16} "
                    f"{found.check:16} {found.said}",
                    flush=True,
                )
    every = [one for group in by_operator.values() for one in group]
    print(f"\n{'operator':24} named of failed")
    for operator, group in sorted(by_operator.items()):
        print(f"{operator:24} {sum(one.named for one in group):3} of {len(group)}")
    named = sum(one.named for one in every)
    silent = sum(one.said is None for one in every)
    share = named / len(every) if every else 0.0
    walls = sorted(one.wall_s for one in every)
    print(
        f"\n{named} of {len(every)} first diagnoses name the fault ({share:.1%}), "
        f"{silent} say nothing, {len(every) - named - silent} say something else; "
        f"median grade {walls[len(walls) // 2] if walls else 0:.2f} s; target {TARGET:.0%}"
    )
    return 0 if share >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
