"""A run: which submissions are graded already, and what came of the rest."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING

import harness
from harness.errors import HarnessError, ScenarioError
from harness.model import (
    Grade,
    Level,
    Outcome,
    Record,
    Results,
    RunInfo,
    SandboxInfo,
    Scenario,
    Submission,
)
from harness.run.ledger import Ledger, grade_key
from harness.run.select import Pairs, Selection
from harness.run.spool import Spool
from harness.sandbox.tier import Tier

if TYPE_CHECKING:
    from harness.run.cluster import Cluster


@dataclass(frozen=True)
class RunProgress:
    """How far a run or a reader is, for a progress display."""

    done: int
    total: int
    # How many of those done were known from an earlier time.
    known: int
    # The last one and what came of it; empty before the first.
    last: str


@dataclass(frozen=True)
class Conditions:
    """Under what to grade."""

    seed: int
    tier: Tier
    jobs: int


@cache
def harness_version() -> str:
    """Version and a digest of the package: an edited harness grades anew."""
    return f"{harness.__version__}+{digest_of(Path(harness.__file__).parent)[:12]}"


def digest_of(package: Path) -> str:
    """SHA-256 over name and content of every file, but for bytecode, hidden and shipped files.

    A list of the endings that count would forget the next kind of data that grades depend on.
    What ships to be copied is no part of the harness: a wheel is of the version it was built from.
    """
    digest = hashlib.sha256()
    for file in sorted(package.rglob("*")):
        name = file.relative_to(package)
        hidden = any(part == "__pycache__" or part.startswith(".") for part in name.parts)
        if file.is_file() and not hidden and name.parts[0] != "shipped":
            content = hashlib.sha256(file.read_bytes()).digest()
            digest.update(name.as_posix().encode() + b"\0" + content)
    return digest.hexdigest()


def check_packages() -> dict[str, str]:
    """Every kind of check that a package adds, with the package and its version; loads none."""
    # The group of ``checks.registry``, which brings torch in.
    points = entry_points(group="harness.checks")
    return {one.name: f"{one.dist.name} {one.dist.version}" for one in points if one.dist}


@cache
def torch_version() -> str:
    """Version of the torch that is installed."""
    return version("torch")


def key(submission: Submission, scenario: Scenario, conditions: Conditions) -> str:
    """The ledger key of a grade."""
    return grade_key(
        submission.sha256,
        scenario.fingerprint,
        harness_version(),
        torch_version(),
        conditions.seed,
        kind=submission.kind,
        scenario=scenario.id,
        tier=conditions.tier.name,
    )


def grade_selection(
    selection: Selection,
    conditions: Conditions,
    ledger: Ledger,
    *,
    folder: Path | None = None,
    fresh: str | None = None,
    on_progress: Callable[[RunProgress], None] = lambda _: None,
    cluster: Cluster | None = None,
) -> Results:
    """Grade what the ledger does not know yet; every grade is kept as soon as it is made.

    A run that is ``fresh`` first makes the ledger forget the grades that are asked for, unless
    a fresh run of the same name has begun and not ended. Whoever has the results ends it.
    The records lie in ``folder``, in a file without a name: see ``Spool``. They are made on the
    nodes of ``cluster``, else in processes of this machine.
    """
    started_at = datetime.now().astimezone().isoformat(timespec="seconds")
    started = time.perf_counter()
    scenario_of = selection.scenario_of()
    total = len(selection.submissions)
    records: Spool[Record] = Spool(folder)
    # Per submission the place of its record, which come in another order.
    places = [0] * total
    if fresh is not None and ledger.begun(fresh) is None:
        asked = (key(s, scenario_of[s.scenario], conditions) for s in selection.submissions)
        ledger.begin(fresh, conditions.seed, asked)
    missing: dict[str, list[int]] = {}
    for place, submission in enumerate(selection.submissions):
        one = key(submission, scenario_of[submission.scenario], conditions)
        known = ledger.get(one)
        if known is None:
            missing.setdefault(one, []).append(place)
        else:
            places[place] = len(records)
            records.append(Record.of(submission, known))
    from_ledger = len(records)
    on_progress(RunProgress(from_ledger, total, from_ledger, ""))
    # Closed here, not when a traceback is: whatever ends a run ends its processes.
    with closing(_graded(selection, missing, conditions, ledger, cluster)) as graded:
        for place, record in graded:
            places[place] = len(records)
            records.append(record)
            last = f"{record.id} {record.outcome}"
            on_progress(RunProgress(len(records), total, from_ledger, last))
    records.arrange(places)
    return Results(
        run=RunInfo(
            seed=conditions.seed,
            started_at=started_at,
            wall_s=round(time.perf_counter() - started, 3),
            versions={
                "harness": harness.__version__,
                "torch": torch_version(),
                "python": platform.python_version(),
            },
            sandbox=SandboxInfo(conditions.tier.name, conditions.tier.layers),
            hosts=cluster.hosts() if cluster else (),
            shard=selection.shard,
        ),
        records=records,
        arms=selection.arms,
        skills=selection.skills,
        scenarios=selection.scenarios,
        submissions=selection.submissions,
    )


def _graded(
    selection: Selection,
    missing: Mapping[str, Sequence[int]],
    conditions: Conditions,
    ledger: Ledger,
    cluster: Cluster | None,
) -> Generator[tuple[int, Record]]:
    """Place and record of what the ledger lacks, by key; the same bytes are graded once."""
    if not missing:
        return
    from harness.run.pool import grade_all

    first = [places[0] for places in missing.values()]
    pairs = Pairs(selection.submissions, first, selection.scenario_of())
    keys = {submission.id: one for one, (submission, _) in zip(missing, pairs, strict=True)}
    seed, tier = conditions.seed, conditions.tier
    if cluster is None:
        answers = grade_all(pairs, seed=seed, tier=tier, jobs=conditions.jobs)
    else:
        answers = cluster.grade_all(pairs, seed=seed, tier=tier)
    with closing(answers):
        for submission, answer in answers:
            if isinstance(answer, Grade):
                ledger.put(keys[submission.id], answer)
            grade = graded(answer)
            for place in missing[keys[submission.id]]:
                yield place, Record.of(selection.submissions[place], grade)


def graded(answer: Grade | HarnessError) -> Grade:
    """What a grader answered, as a grade; an error of ours makes an ungraded one.

    Raises a ``ScenarioError``: there a person has to mend something first.
    """
    if isinstance(answer, Grade):
        return answer
    if isinstance(answer, ScenarioError):
        raise answer
    return Grade(
        outcome=Outcome.UNGRADED,
        reason=str(answer),
        verification=Level.NONE,
        verification_reason="Not graded.",
        held=None,
        wall_s=0.0,
        findings=(),
        traps=(),
        red_flags=(),
    )
