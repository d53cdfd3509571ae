"""The verdicts on everything that is shipped, under one seed: what a change of the code must keep.

``python tests/golden.py`` shows what differs from ``tests/data/golden.json``, ``--write`` writes
it anew, and ``--texts FILE`` writes every sentence of every record, too, to compare two versions
of the code word for word.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from harness.grading.page import grade
from harness.grading.plan import Plan
from harness.model import Finding, Grade, Outcome, TrapState
from harness.read import scenarios, submissions
from harness.sandbox import Zygote, choose

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests/data/golden.json"
SEED = 20261128
# Recorded conversations, and the scenario that each answers.
TRANSCRIPTS = {
    "anthropic.json": "five-activations",
    "openai.json": "learnable-swish",
    "session.jsonl": "five-activations",
}

# Figures that are measured anew each time.
_MEASURED = re.compile(r"[\d.]+ (ms|s|KiB|MiB|times|bytes)\b")

# What is wrong with these depends on where in memory tensors happen to lie.
UNSTEADY = {"tests/corpus/wrong/second-order/hvp-remembers-by-id.py"}

Facts = dict[str, Any]


def files() -> Iterator[tuple[str, Path]]:
    """Every submission that is shipped, with the scenario it answers, by scenario."""
    found = [
        (path.stem, path)
        for path in (ROOT / "solutions").glob("*/*/*")
        if path.suffix in (".py", ".md")
    ]
    found += [(path.parent.name, path) for path in (ROOT / "tests/corpus").glob("*/*/*.py")]
    found += [(scenario, ROOT / "tests/transcripts" / n) for n, scenario in TRANSCRIPTS.items()]
    yield from sorted(found)


def records(asked: Iterator[tuple[str, Path]]) -> Iterator[tuple[str, Grade]]:
    """Path and record of every file, graded in the sandbox."""
    torch.set_num_threads(1)
    library = scenarios.load(ROOT / "scenarios")
    plan: Plan | None = None
    with Zygote(choose()) as zygote:
        for scenario, path in asked:
            if plan is None or plan.scenario.id != scenario:
                plan = Plan(library.scenario(scenario), SEED)
            names = tuple(entry.name for entry in plan.scenario.entry_points)
            submission = submissions.read_one(path, scenario, names)
            name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            yield str(name), grade(submission, plan, zygote.address)


def facts(record: Grade) -> Facts:
    """What a change of words leaves as it is."""
    return {
        "outcome": record.outcome,
        "verification": record.verification,
        "held": record.held,
        "objections": [_about(f) for f in record.findings if f.outcome is not Outcome.PASSED],
        "traps": [
            f"{t.trap} {t.state}{', upheld' * t.upheld}"
            for t in record.traps
            if t.state is not TrapState.SILENT
        ],
        "red_flags": [f"{flag.flag} {flag.line}" for flag in record.red_flags],
        "claims": [f"{claim.line} {claim.verdict}" for claim in record.claims],
        "events": [f"{event.what} {event.function} {event.line}" for event in record.events],
        "behaviour": [str(found.state) for found in record.behaviour],
    }


def _about(finding: Finding) -> str:
    advice = "" if finding.required else " (advice)"
    return f"{finding.check} {finding.entry_point} {finding.outcome}{advice}"


def texts(record: Grade) -> Facts:
    """Every sentence of a record."""
    said = {
        "reason": record.reason,
        "verification_reason": record.verification_reason,
        "findings": [[f.message, f.diagnosis, f.snippet, f.line] for f in record.findings],
        "red_flags": [[flag.message, flag.quote] for flag in record.red_flags],
        "traps": [[trap.quote, trap.line] for trap in record.traps],
        "claims": [claim.text for claim in record.claims],
        "behaviour": [found.reason for found in record.behaviour],
    }
    return {key: _masked(value) for key, value in said.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(one) for one in value]
    return _MEASURED.sub(r"# \1", value) if isinstance(value, str) else value


def differences(before: dict[str, Facts], now: dict[str, Facts]) -> list[str]:
    """One line per fact that is another one now."""
    lines = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old is None or new is None:
            lines.append(f"{name}: {'is new' if old is None else 'is gone'}")
            continue
        for key in {"outcome"} if name in UNSTEADY else old.keys() | new.keys():
            if old.get(key) != new.get(key):
                lines.append(f"{name}: {key}: {old.get(key)} before, {new.get(key)} now")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the golden file anew")
    parser.add_argument("--texts", type=Path, metavar="FILE", help="write all sentences to FILE")
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="SCENARIO=FILE",
        help="with --texts: a further submission; may be given several times",
    )
    given = parser.parse_args()
    asked = list(files())
    asked += [
        (scenario, Path(file)) for scenario, _, file in (a.partition("=") for a in given.also)
    ]
    found = {}
    for name, record in records(iter(sorted(asked))):
        found[name] = facts(record) | (texts(record) if given.texts else {})
        if sys.stderr.isatty():
            print(f"{len(found)} of {len(asked)}", end="\r", file=sys.stderr)
    if given.texts:
        given.texts.write_text(json.dumps(found, indent=1, sort_keys=True))
        return 0
    if given.write:
        GOLDEN.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        return 0
    different = differences(json.loads(GOLDEN.read_text()), found)
    print("\n".join(different) or f"all {len(found)} as before")
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())
